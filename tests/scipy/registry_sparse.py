"""Entries for scipy.sparse.linalg."""

import numpy as np
import scipy.sparse

import opad.scipy.sparse.linalg as sla
from opad.scipy import sparse
from tests.scipy.registry import case

# Diagonally dominant with an unsymmetric pattern.
ROWS, COLS = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3]), np.array([0, 2, 1, 3, 0, 2, 0, 1, 3])
INDPTR = np.array([0, 2, 4, 6, 9])
DOMINANT = np.where(ROWS == COLS, 3.0, 0.0)
CONSTANT = scipy.sparse.csr_array((DOMINANT + 0.3, COLS, INDPTR), shape=(4, 4))


def matrix(data, constructor=sparse.csr_array):
    return constructor((data / 3 + DOMINANT.astype(data.real.dtype), COLS, INDPTR), shape=(4, 4))


case(sla.spsolve, lambda d, b: sla.spsolve(matrix(d), b), (9,), (4,))
case(sla.spsolve, lambda d, b: sla.spsolve(matrix(d), b), (9,), (4, 3))
case(sla.spsolve, lambda d, b: sla.spsolve(matrix(d, sparse.csc_array), b), (9,), (4, 1))
case(sla.spsolve, lambda d: sla.spsolve(matrix(d), np.arange(4.0)), (9,), single=False, name="constant b")
case(sla.spsolve, lambda b: sla.spsolve(CONSTANT, b), (4, 2), single=False, name="constant A")
case(sla.splu, lambda d, b: sla.splu(matrix(d, sparse.csc_array)).solve(b), (9,), (4,))
case(sla.splu, lambda d, b: sla.splu(matrix(d, sparse.csc_array)).solve(b, "T"), (9,), (4, 2), name="transposed")
case(sla.splu, lambda d, b: sla.splu(matrix(d, sparse.csc_array)).solve(b, trans="H"), (9,), (4,), name="adjoint")
case(sla.factorized, lambda d, b: sla.factorized(matrix(d, sparse.csc_array))(b), (9,), (4,))
case(sla.expm_multiply, lambda b: sla.expm_multiply(CONSTANT, b), (4,), single=False)
case(sla.expm_multiply, lambda b: sla.expm_multiply(CONSTANT.toarray(), b), (4, 2), single=False)
