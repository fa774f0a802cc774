"""scipy.linalg: factorisations, eigenvalues and singular values.

What is not determined by the matrix has no derivative: signs and phases of vectors, bases of repeated eigenvalues (see
`opad.operators.spectral`). Pivots are locally constant.
"""

import numpy as np
import scipy.linalg

from opad.errors import SingularBlockError
from opad.operators.algebra import Product
from opad.operators.factorizations import LUDifferential, PolarDifferential, has_dependent_columns
from opad.operators.products import adjoint_matrix
from opad.operators.spectral import HermitianEigen, hermitian_part, rounding_level
from opad.scipy.linalg.structured import hermitian
from opad.scipy.mirrors import mirror
from opad.tracing.array import plain
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, constant, operator_rule
from opad.tracing.rules.helpers import wants

# -- triangular factors ---------------------------------------------------------------------------------------------


@mirror(scipy.linalg.cholesky, scipy.linalg)
def cholesky(a, lower=False):
    """One triangle is read; the gradient is Hermitian."""
    return np.linalg.cholesky(a) if lower else np.linalg.cholesky(a, upper=True)


@mirror(scipy.linalg.cho_factor, scipy.linalg)
def cho_factor(a, lower=False):
    """The other triangle of the factor, which SciPy leaves undefined, is zero."""
    return cholesky(a, lower=lower), lower


@UserPrimitive
def _lu_parts(a):
    return scipy.linalg.lu(a, p_indices=True)


@operator_rule(_lu_parts, multiple=True)
def _(y, a):
    k = y[2].shape[0] - (a.shape[0] <= a.shape[1])
    if has_dependent_columns(plain(y[2])[:k, :k], a.shape[0]):
        raise SingularBlockError(
            f"scipy.linalg.lu was differentiated at a matrix of shape {a.shape} of which the first {k} columns are "
            "linearly dependent to rounding, where the factors are not differentiable; expected independent ones. Use "
            "qr with pivoting=True, or permute the columns."
        )
    return LUDifferential(*y)


@mirror(scipy.linalg.lu, scipy.linalg, axes=2)
def lu(a, permute_l=False, p_indices=False):
    """Of one matrix; differentiable where its leading columns, all but one if it is not tall, are independent."""
    p, L, U = _lu_parts(a)
    if permute_l:
        return L[p], U
    if p_indices:
        return p, L, U
    return (p[:, None] == np.arange(len(p))).astype(plain(U).real.dtype), L, U


@UserPrimitive
def _pivots(a):
    return scipy.linalg.lu_factor(a)[1]


constant(_pivots)


@mirror(scipy.linalg.lu_factor, scipy.linalg, axes=2)
def lu_factor(a):
    """Both factors in one array."""
    _, L, U = lu(a, p_indices=True)
    m, n = np.shape(a)
    below = np.pad(np.tril(L, -1), [(0, 0), (0, n - L.shape[1])])
    return below + np.pad(U, [(0, m - U.shape[0]), (0, 0)]), _pivots(a)


@UserPrimitive
def _column_order(a):
    return scipy.linalg.qr(a, mode="r", pivoting=True)[1]


constant(_column_order)


@mirror(scipy.linalg.qr, scipy.linalg, axes=2)
def qr(a, mode="full", pivoting=False):
    """Of a wide matrix, or the reduced factorisation; the pivots are constant."""
    m, n = np.shape(a)
    if mode not in ("full", "economic", "r") or (mode == "full" and m > n):
        raise wants(
            "scipy.linalg.qr",
            f"mode={mode!r} and a matrix of shape {(m, n)}",
            "modes 'economic' and 'r' (and 'full' unless there are more rows than columns)",
        )
    order = _column_order(a) if pivoting else None
    Q, R = np.linalg.qr(a if order is None else a[:, order])
    if mode == "r":
        R = np.pad(R, [(0, m - R.shape[0]), (0, 0)])
    return (() if mode == "r" else (Q,)) + (R,) + (() if order is None else (order,))


# -- spectral -------------------------------------------------------------------------------------------------------


@mirror(scipy.linalg.svd, scipy.linalg)
def svd(a, full_matrices=True, compute_uv=True):
    """The thin decomposition, that of a square matrix, or the values."""
    if not compute_uv:
        return np.linalg.svdvals(a)
    if full_matrices and np.shape(a)[-2] != np.shape(a)[-1]:
        raise wants(
            "scipy.linalg.svd",
            f"full_matrices=True and a matrix of shape {np.shape(a)}, whose null space has no distinguished basis",
            "full_matrices=False, or square matrices",
        )
    return tuple(np.linalg.svd(a, full_matrices=False))


@mirror(scipy.linalg.svdvals, scipy.linalg)
def svdvals(a):
    """Repeated values are as good as any others for their symmetric functions."""
    return np.linalg.svdvals(a)


@UserPrimitive
def _eigh_parts(a, lower, driver):
    return scipy.linalg.eigh(a, lower=lower, driver=driver)


@operator_rule(_eigh_parts, multiple=True)
def _(y, a, lower, driver):
    return HermitianEigen(*y)


def _eigenpairs(a, b, lower, driver, type, subset_by_index):
    """Eigenvalues and eigenvectors, also of A v = w B v by the Cholesky factor of B."""
    if type != 1:
        raise wants("scipy.linalg.eigh", f"type={type!r}", "type=1, A v = w B v; multiply by B for the others")
    if b is None:
        w, V = _eigh_parts(a, lower, driver)
    elif np.ndim(a) > 2 or np.ndim(b) > 2:
        raise wants("scipy.linalg.eigh", f"a, b of shapes {np.shape(a)}, {np.shape(b)}", "one pair of matrices")
    else:
        w, V = _generalised_eigenpairs(hermitian(a, lower), hermitian(b, lower))
    if subset_by_index is None:
        return w, V
    first, last = map(int, subset_by_index)
    return w[..., first : last + 1], V[..., first : last + 1]


def _generalised_eigenpairs(a, b):
    """A is reduced by B at the point where everything is known: the reduced matrices are diag(w) and I there.

    So the vectors keep the signs and phases that SciPy gave them.
    """
    V = _generalised_vectors(a, b)
    left = adjoint_matrix(V)
    L = np.linalg.cholesky(left @ b @ V)
    inverse = np.linalg.inv(L)
    w, Z = _near_diagonal_eigh(inverse @ (left @ a @ V) @ adjoint_matrix(inverse))
    return w, V @ (adjoint_matrix(inverse) @ Z)


@UserPrimitive
def _generalised_vectors(a, b):
    return scipy.linalg.eigh(a, b)[1]


constant(_generalised_vectors)


@UserPrimitive
def _near_diagonal_eigh(a):
    """The eigenpairs of a matrix that is diagonal but for rounding, in the order and with the signs of its diagonal."""
    return np.real(np.diagonal(a)).copy(), np.eye(len(a), dtype=a.dtype)


@operator_rule(_near_diagonal_eigh, multiple=True)
def _(y, a):
    return HermitianEigen(*y)


@mirror(scipy.linalg.eigh, scipy.linalg)
def eigh(a, b=None, *, lower=True, eigvals_only=False, type=1, subset_by_index=None, driver=None):
    """One triangle is read; gradients are Hermitian."""
    w, V = _eigenpairs(a, b, lower, driver, type, subset_by_index)
    return w if eigvals_only else (w, V)


@mirror(scipy.linalg.eigvalsh, scipy.linalg)
def eigvalsh(a, b=None, *, lower=True, type=1, subset_by_index=None, driver=None):
    """One triangle is read; gradients are Hermitian."""
    return _eigenpairs(a, b, lower, driver, type, subset_by_index)[0]


@UserPrimitive
def _tridiagonal_parts(d, e):
    return scipy.linalg.eigh_tridiagonal(d, e)


@operator_rule(_tridiagonal_parts, multiple=True)
def _(y, d, e):
    eigen = HermitianEigen(*y)

    def along(k, x):
        """x on the diagonals k and -k."""
        count = 1 + (k > 0)
        return Product(
            eigen,
            FunctionOperator(
                lambda X: sum(np.diag(X, j) for j in (k, -k)[:count]),
                lambda Y: sum(np.diagonal(Y, j) for j in (k, -k)[:count]),
                x.shape,
                eigen.dims,
            ),
        )

    return along(0, d), along(1, e)


@mirror(scipy.linalg.eigh_tridiagonal, scipy.linalg, axes=1)
def eigh_tridiagonal(d, e, eigvals_only=False):
    """The differentials are those of eigh, on the three diagonals."""
    dtype = np.result_type(d.dtype, e.dtype)
    w, V = _tridiagonal_parts(d.astype(dtype), e.astype(dtype))
    return w if eigvals_only else (w, V)


@mirror(scipy.linalg.eigvalsh_tridiagonal, scipy.linalg, axes=1)
def eigvalsh_tridiagonal(d, e):
    """The differentials are those of eigh, on the three diagonals."""
    return eigh_tridiagonal(d, e, eigvals_only=True)


@mirror(scipy.linalg.eig, scipy.linalg)
def eig(a):
    """Eigenvalues are complex, as SciPy gives them; vectors are real where all of them are."""
    w, V = np.linalg.eig(a)
    if V.dtype.kind == "c" and a.dtype.kind != "c" and not np.any(np.imag(plain(V))):
        V = np.real(V)  # NumPy 2.5 makes them complex
    return w if w.dtype.kind == "c" else w + 0j, V


@mirror(scipy.linalg.eigvals, scipy.linalg)
def eigvals(a):
    """Complex, as SciPy gives them."""
    w = np.linalg.eigvals(a)
    return w if w.dtype.kind == "c" else w + 0j


# -- polar ----------------------------------------------------------------------------------------------------------


@UserPrimitive
def _unitary_factor(a):
    U, _, Vh = np.linalg.svd(a, full_matrices=False)
    return U @ Vh


@operator_rule(_unitary_factor)
def _(y, a):
    U, s, Vh = np.linalg.svd(a, full_matrices=False)
    if np.any(plain(s) <= rounding_level(s)):
        raise SingularBlockError(
            f"the polar factor of a matrix of shape {a.shape} was differentiated where it has not full rank, where it "
            "is not differentiable. Expected full rank; use A^H A, or A + eps * I."
        )
    return PolarDifferential(U, s, Vh)


@mirror(scipy.linalg.polar, scipy.linalg)
def polar(a, side="right"):
    """A = U P, or P U, at matrices of full rank."""
    U = _unitary_factor(a)
    P = adjoint_matrix(U) @ a if side == "right" else a @ adjoint_matrix(U)
    return U, hermitian_part(P, P)


@mirror(scipy.linalg.orthogonal_procrustes, scipy.linalg)
def orthogonal_procrustes(A, B):
    """The unitary factor of A^H B, with the sum of its singular values."""
    M = adjoint_matrix(A) @ B
    return _unitary_factor(M), np.sum(np.linalg.svdvals(M))
