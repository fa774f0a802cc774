"""Sparse matrices whose stored values are traced: products, sampled products, and solutions by one factorisation.

Everything is linear in the stored values, and closed under differentiation:

    product(d, X)_i = sum of d_k X[col_k] over the stored places k of row i           (A X)
    sampled(W, X)_k = sum over columns of W[row_k] X[col_k]                           (W X^T at the stored places)
"""

from functools import cached_property
from math import prod

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from opad.errors import SingularBlockError
from opad.operators.algebra import Identity, Operator
from opad.scipy.linalg.structured import StructuredSystem
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, operator_rule
from opad.tracing.trace import Row


class Pattern:
    """Where a sparse matrix stores its values: compressed rows, or those of the transpose.

    Parameters
    ----------
    indices, indptr : integer arrays of the CSR format
    shape : of the matrix that they belong to
    is_transposed : bool, whether the transpose of that matrix is meant
    """

    def __init__(self, indices, indptr, shape, is_transposed=False):
        self.indices = indices
        self.indptr = indptr
        self.stored_shape = shape
        self.is_transposed = is_transposed

    @property
    def shape(self):
        return self.stored_shape[::-1] if self.is_transposed else self.stored_shape

    @property
    def T(self):
        """The pattern of the transpose, for the same stored values."""
        return Pattern(self.indices, self.indptr, self.stored_shape, not self.is_transposed)

    @classmethod
    def of(cls, rows, cols, shape):
        """The pattern of places that are sorted by rows."""
        index = np.int32 if max(*shape, len(rows)) < 2**31 else np.int64  # SuperLU takes the shorter one only
        indptr = np.searchsorted(rows, np.arange(shape[0] + 1))
        return cls(cols.astype(index), indptr.astype(index), shape)

    @cached_property
    def places(self):
        """(rows, columns) of the stored values."""
        rows = np.repeat(np.arange(len(self.indptr) - 1, dtype=self.indices.dtype), np.diff(self.indptr))
        return (self.indices, rows) if self.is_transposed else (rows, self.indices)

    def matrix(self, data):
        """The SciPy matrix with these stored values."""
        stored = scipy.sparse.csr_array((data, self.indices, self.indptr), shape=self.stored_shape)
        return stored.T if self.is_transposed else stored


@UserPrimitive
def product(data, X, pattern):
    """A X for X of shape (N, K)."""
    return pattern.matrix(data) @ X


@UserPrimitive
def sampled(W, X, pattern):
    """The elements of W X^T at the stored places, W of shape (M, K) and X of shape (N, K)."""
    rows, cols = pattern.places
    result = np.empty(len(rows), np.result_type(W, X))
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        np.einsum("kc,kc->k", W.take(rows[part], axis=0), X.take(cols[part], axis=0), out=result[part])
    return result


_BLOCK = 1 << 13  # stored values at a time, whose rows stay in the cache


class StoredMultiply(Operator):
    """X -> A X.  Forward: dY = A dX.  Adjoint: X~ = A^H Y~; batches become columns.

    Parameters
    ----------
    data : (nnz,) array, the stored values of A
    pattern : Pattern
    cols : int, number of columns of X
    """

    def __init__(self, data, pattern, cols):
        self.data = data
        self.pattern = pattern
        self.dims = (pattern.shape[1], cols)
        self.dimsd = (pattern.shape[0], cols)

    def apply(self, X):
        return _on_columns(self.data, X, self.pattern)

    def apply_adjoint(self, Y):
        return _on_columns(np.conj(self.data), Y, self.pattern.T)


def _on_columns(data, X, pattern):
    if X.ndim == 2:
        return product(data, X, pattern)
    batch, (n, cols) = X.shape[:-2], X.shape[-2:]
    flat = np.swapaxes(X.reshape((prod(batch), n, cols)), 0, 1).reshape((n, -1))
    Y = product(data, flat, pattern).reshape((pattern.shape[0], prod(batch), cols))
    return np.swapaxes(Y, 0, 1).reshape((*batch, pattern.shape[0], cols))


@operator_rule(product)
def _(y, data, X, pattern):
    values = FunctionOperator(
        lambda E: product(E, X, pattern), lambda G: sampled(G, np.conj(X), pattern), data.shape, y.shape
    )
    return values, StoredMultiply(data, pattern, X.shape[1]), None


@operator_rule(sampled)
def _(y, W, X, pattern):
    left = FunctionOperator(
        lambda E: sampled(E, X, pattern), lambda G: product(G, np.conj(X), pattern), W.shape, y.shape
    )
    right = FunctionOperator(
        lambda E: sampled(W, E, pattern), lambda G: product(G, np.conj(W), pattern.T), X.shape, y.shape
    )
    return left, right, None


# -- solving --------------------------------------------------------------------------------------------------------


class Factors:
    """The sparse LU factorisation of a matrix: made at the first solve, used as long as the stored values are equal.

    Parameters
    ----------
    pattern : Pattern
    permc_spec : see scipy.sparse.linalg.splu
    """

    def __init__(self, pattern, permc_spec):
        self.pattern = pattern
        self.permc_spec = permc_spec
        self.made = None  # (stored values, factors)

    def solve(self, data, B, adjoint):
        """A^-1 B or A^-H B."""
        if B.dtype.kind == "c" and data.dtype.kind != "c":
            return self.solve(data, B.real, adjoint) + 1j * self.solve(data, B.imag, adjoint)
        dtype = np.result_type(data, B, np.float32)
        lu = self._factorise(data.astype(dtype, copy=False))
        return lu.solve(np.ascontiguousarray(B.astype(dtype, copy=False)), "H" if adjoint else "N")

    def _factorise(self, data):
        made = self.made
        if made is None or made[0].dtype != data.dtype or not np.array_equal(made[0], data):
            try:
                lu = scipy.sparse.linalg.splu(self.pattern.matrix(data).tocsc(), permc_spec=self.permc_spec)
            except RuntimeError as error:
                raise SingularBlockError(
                    f"scipy.sparse.linalg.spsolve was given a matrix of shape {self.pattern.shape} that SuperLU cannot "
                    f"factorise ({error}); expected an invertible one. Check it for empty rows, or regularise it."
                ) from error
            self.made = made = (data.copy(), lu)
        return made[1]


@UserPrimitive
def solve(data, B, factors, adjoint):
    """A^-1 B or A^-H B for B of shape (N, K), A with the stored values `data`."""
    return factors.solve(data, B, adjoint)


@operator_rule(solve)
def _(y, data, B, factors, adjoint):
    """A dX = dB - dA X; with the adjoint, A^H dX = dB - dA^H X."""
    pattern = factors.pattern

    def multiply(X, transposed):
        return product(np.conj(data), X, pattern.T) if transposed != adjoint else product(data, X, pattern)

    def inverse(X, transposed):
        return solve(data, X, factors, transposed != adjoint)

    if adjoint:
        influence = _RealLinearInfluence(data, y, pattern)
    else:
        influence = FunctionOperator(
            lambda E: -product(E, y, pattern), lambda G: -sampled(G, np.conj(y), pattern), data.shape, y.shape
        )
    return Row(StructuredSystem(multiply, inverse, y.shape), (influence, Identity(y.shape), None, None))


class _RealLinearInfluence(Operator):
    """dA -> -dA^H X.  Adjoint: the stored places of -X Y~^H.

    Parameters
    ----------
    data : (nnz,) array of which only the dtype is used
    X : (M, K) array
    pattern : Pattern of A
    """

    def __init__(self, data, X, pattern):
        self.X = X
        self.pattern = pattern
        self.clinear = data.dtype.kind != "c"
        self.dims = data.shape
        self.dimsd = (pattern.shape[1], X.shape[1])

    def _conjugate(self, values):
        return values if self.clinear else np.conj(values)

    def apply(self, E):
        return self._each(lambda e: -product(self._conjugate(e), self.X, self.pattern.T), E, 1)

    def apply_adjoint(self, Y):
        return self._each(lambda y: -sampled(self.X, self._conjugate(y), self.pattern), Y, 2)

    def _each(self, function, X, ndim):
        if X.ndim == ndim:
            return function(X)
        batch = X.shape[: X.ndim - ndim]
        Y = np.stack([function(x) for x in X.reshape((-1, *X.shape[len(batch) :]))])
        return Y.reshape(batch + Y.shape[1:])
