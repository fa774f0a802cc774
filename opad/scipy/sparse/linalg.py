"""scipy.sparse.linalg on traced arrays: direct solutions, products with exponentials; the rest is refused by name."""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg as sla

from opad.scipy.linalg.structured import columns, like_vector
from opad.scipy.mirrors import mirror, mirror_of, refuse
from opad.scipy.sparse.array import SparseArray
from opad.scipy.sparse.stored import Factors, solve
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, operator_rule
from opad.tracing.rules.helpers import wants


@mirror(sla.spsolve, sla, opaque=False)
def spsolve(A, b, permc_spec=None):
    """One factorisation serves the value and the derivatives in both modes; the gradient in A has its pattern."""
    if scipy.sparse.issparse(b) or isinstance(b, SparseArray):
        raise wants("scipy.sparse.linalg.spsolve", "a sparse right-hand side", "an array; write b.toarray()")
    A = SparseArray.of(A)
    if A.shape != (np.shape(b)[0],) * 2:
        raise ValueError(f"matrix - rhs dimension mismatch ({A.shape} - {np.shape(b)[0]})")
    x = solve(A.data, columns(b), Factors(A.pattern, permc_spec), False)
    return x if np.ndim(b) == 2 and np.shape(b)[1] != 1 else x[:, 0]


class Factorised:
    """What `splu` of a matrix with traced stored values returns: one factorisation for many solves.

    Attributes
    ----------
    shape
    """

    def __init__(self, A, permc_spec):
        self.shape = A.shape
        self._A, self._factors = A, Factors(A.pattern, permc_spec)

    def solve(self, rhs, trans="N"):
        """A^-1 rhs, with the transpose for "T" and the conjugate transpose for "H"."""
        if trans == "T":
            return np.conj(self.solve(np.conj(rhs), "H"))
        return like_vector(solve(self._A.data, columns(rhs), self._factors, trans == "H"), rhs)


@mirror(sla.splu, sla, opaque=False)
def splu(A, permc_spec=None):
    """A factorisation that all solves with it share, their derivatives included."""
    if A.shape[0] != A.shape[1]:
        raise ValueError("can only factor square matrices")
    return Factorised(A, permc_spec)


@mirror(sla.factorized, sla, opaque=False)
def factorized(A):
    """The method `solve` of `splu`."""
    return splu(A).solve


@UserPrimitive
def _exponential_product(B, A, adjoint):
    return sla.expm_multiply(A.conj().T if adjoint else A, B)


@operator_rule(_exponential_product)
def _(y, B, A, adjoint):
    return (
        FunctionOperator(
            lambda E: _exponential_product(E, A, adjoint),
            lambda G: _exponential_product(G, A, not adjoint),
            B.shape,
            y.shape,
        ),
        None,
        None,
    )


@mirror(sla.expm_multiply, sla)
def expm_multiply(A, B):
    """Linear in B; A is constant."""
    if isinstance(A, SparseArray) or getattr(A, "is_symbolic", False):
        raise wants(
            "scipy.sparse.linalg.expm_multiply", "a traced matrix", "a constant one; opad.scipy.linalg.expm(A) @ B"
        )
    return _exponential_product(B, A, False)


_ITERATIVE = (
    "An iterate is no smooth function of the problem. Use opad.scipy.sparse.linalg.spsolve, or state the equation with "
    "@opad.primitive and a rule that returns opad.Row(diagonal, blocks), whose solve may be iterative."
)
_SPECTRAL = "Use opad.scipy.linalg.eigh or svd of the dense matrix."
_SOLVERS = "bicg bicgstab cg cgs gcrotmk gmres lgmres lsmr lsqr minres qmr tfqmr lobpcg"
_FACTORISED = "Use opad.scipy.sparse.linalg.spsolve, or opad.apply(op, x) with a constant matrix."

refuse(
    sla,
    **dict.fromkeys(_SOLVERS.split(), _ITERATIVE),
    **dict.fromkeys(("eigs", "eigsh", "svds"), _SPECTRAL),
    **dict.fromkeys(("spilu", "spsolve_triangular", "inv"), _FACTORISED),
    expm="Use opad.scipy.linalg.expm, or opad.scipy.sparse.linalg.expm_multiply with a constant matrix.",
    norm="Use np.sqrt(np.sum(np.abs(A.data) ** 2)).",
    aslinearoperator="Use opad.as_operator(A), which may hold traced arrays.",
)


def __getattr__(name):
    return mirror_of(sla, name)


def __dir__():
    return dir(sla)
