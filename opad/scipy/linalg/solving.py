"""scipy.linalg: linear systems with dense, triangular, factorised and banded matrices; inverses and least squares.

Every solve is one row  A dx = db - dA x  of the block system, whose diagonal block solves with the same structure.
"""

import numpy as np
import scipy.linalg

from opad.operators.algebra import Identity, Product
from opad.operators.least_squares import PseudoinverseDifferential
from opad.operators.products import StackedLeftMultiply, StackedRightMultiply, VectorOfMatrix, adjoint_matrix
from opad.operators.solve import LinearSystem, TriangularSolve
from opad.scipy.linalg.structured import StructuredSystem, columns, hermitian, like_vector
from opad.scipy.mirrors import Mirror, mirror
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, constant, operator_rule
from opad.tracing.rules.helpers import wants
from opad.tracing.rules.linalg import lstsq_blocks, lstsq_by, solve_row
from opad.tracing.trace import Row

_GENERAL = (None, "gen", "general")
_HERMITIAN = {"pos": "pos", "positive definite": "pos", "her": "her", "hermitian": "her"}
_TRIANGULAR = ("lower triangular", "upper triangular")


# -- dense ----------------------------------------------------------------------------------------------------------


@mirror(scipy.linalg.solve, scipy.linalg)
def solve(a, b, lower=False, assume_a=None, transposed=False):
    """One triangle of a Hermitian or symmetric matrix is read; its gradient is the Hermitian or symmetric one."""
    if assume_a == "diagonal":
        return b / _along(np.diagonal(a, axis1=-2, axis2=-1), b)
    if assume_a in _TRIANGULAR:
        return solve_triangular(a, b, trans=int(transposed), lower=assume_a == _TRIANGULAR[0])
    if assume_a in _GENERAL:
        return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)
    if assume_a in _HERMITIAN or (assume_a in ("sym", "symmetric") and a.dtype.kind != "c"):
        a = hermitian(a, lower)
        return _hermitian_solve(np.swapaxes(a, -1, -2) if transposed else a, b, _HERMITIAN.get(assume_a, "sym"))
    raise wants(
        "scipy.linalg.solve", f"assume_a={assume_a!r}", "'gen', 'pos', 'her', real 'sym', 'diagonal' or a triangle "
        "(solve_banded is for banded matrices)"
    )  # fmt: skip


def _along(d, b):
    return d if np.ndim(b) == 1 else d[..., None]


@UserPrimitive
def _hermitian_solve(a, b, assume_a):
    return scipy.linalg.solve(a, b, assume_a=assume_a)


@operator_rule(_hermitian_solve)
def _(y, a, b, assume_a):
    return solve_row(y, a, b)


inv = Mirror(scipy.linalg.inv, scipy.linalg)


@operator_rule(inv)
def _(y, a):
    """-Y dA Y."""
    return Product(StackedRightMultiply(y, y.shape), StackedLeftMultiply(-y, y.shape))


@UserPrimitive
def _pseudoinverse(a, atol, rtol):
    return scipy.linalg.pinv(a, atol=atol, rtol=rtol)


@operator_rule(_pseudoinverse)
def _(y, a, atol, rtol):
    return PseudoinverseDifferential(a, y), None, None


@UserPrimitive
def _rank(a, atol, rtol):
    return scipy.linalg.pinv(a, atol=atol, rtol=rtol, return_rank=True)[1]


constant(_rank)


@mirror(scipy.linalg.pinv, scipy.linalg)
def pinv(a, *, atol=None, rtol=None, return_rank=False):
    """Along changes of a that keep its rank."""
    y = _pseudoinverse(a, atol, rtol)
    return (y, _rank(a, atol, rtol)) if return_rank else y


@mirror(scipy.linalg.pinvh, scipy.linalg)
def pinvh(a, atol=None, rtol=None, lower=True, return_rank=False):
    """Along Hermitian changes of a that keep its rank."""
    return pinv(hermitian(a, lower), atol=atol, rtol=rtol, return_rank=return_rank)


@UserPrimitive
def _lstsq_parts(a, b, cond):
    x, residues, rank, s = scipy.linalg.lstsq(a, b, cond)
    return x, residues, np.array(rank), s


operator_rule(_lstsq_parts, multiple=True)(lstsq_blocks)


@mirror(scipy.linalg.lstsq, scipy.linalg, axes=2)
def lstsq(a, b, cond=None):
    """The solution of least norm; right for changes of a that keep its rank."""
    x, residues, rank, s = lstsq_by(_lstsq_parts, a, b, cond)
    return x, (residues[0] if np.ndim(b) == 1 and np.size(residues) else residues), rank, s


# -- triangular and factorised --------------------------------------------------------------------------------------


class TriangularSystem(LinearSystem):
    """X -> A X for a triangular matrix, with its solution by substitution.

    Forward:  dY = A dX          Adjoint:  X~ = A^H Y~

    Parameters
    ----------
    A : (n, n) array, triangular
    lower : bool
    dims : shape of X, (n,) or (n, cols)
    """

    def __init__(self, A, lower, dims):
        self.A = A
        self.dims = self.dimsd = dims
        self.is_vector = len(dims) == 1
        inverse = TriangularSolve(A, lower, *dims[1:])
        self.solve = inverse.apply
        self.solve_adjoint = inverse.apply_adjoint


@UserPrimitive
def _substitution(a, b, lower):
    return scipy.linalg.solve_triangular(a, b, lower=lower)


@operator_rule(_substitution)
def _(y, a, b, lower):
    influence = VectorOfMatrix(-y, a.shape[0]) if np.ndim(b) == 1 else StackedRightMultiply(-y, a.shape)
    return Row(TriangularSystem(a, lower, y.shape), (influence, Identity(y.shape), None))


@mirror(scipy.linalg.solve_triangular, scipy.linalg, axes=2)
def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False):
    """What is not read, the other triangle and perhaps the diagonal, has gradient zero."""
    a = (np.tril if lower else np.triu)(a)
    if unit_diagonal:
        eye = np.eye(np.shape(a)[0], dtype=a.dtype)
        a = a * (1 - eye) + eye
    if trans in (1, "T", 2, "C"):
        a, lower = (np.swapaxes(a, 0, 1) if trans in (1, "T") else adjoint_matrix(a)), not lower
    return _substitution(a, b, lower)


@mirror(scipy.linalg.cho_solve, scipy.linalg, axes=2)
def cho_solve(c_and_lower, b):
    """Two substitutions."""
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, trans=first, lower=lower), trans=second, lower=lower)


@UserPrimitive
def _row_order(pivots):
    """The permutation that LAPACK's interchanges make."""
    order = np.arange(len(pivots))
    for k, p in enumerate(pivots):
        order[[k, p]] = order[[p, k]]
    return order


constant(_row_order)


@mirror(scipy.linalg.lu_solve, scipy.linalg, axes=2)
def lu_solve(lu_and_piv, b, trans=0):
    """Two substitutions and the interchanges of rows."""
    lu, pivots = lu_and_piv
    order = _row_order(pivots)
    if not trans:
        b = solve_triangular(lu, b[order], lower=True, unit_diagonal=True)
        return solve_triangular(lu, b)
    b = solve_triangular(lu, solve_triangular(lu, b, trans=trans), trans=trans, lower=True, unit_diagonal=True)
    return b[np.argsort(order)]


# -- banded ---------------------------------------------------------------------------------------------------------


def _shift(x, d):
    """x[i + d] at place i of the first axis, zeros from outside."""
    d = max(-len(x), min(d, len(x)))
    rest = [(0, 0)] * (np.ndim(x) - 1)
    return np.pad(x[d:], [(0, d), *rest]) if d >= 0 else np.pad(x[:d], [(-d, 0), *rest])


def banded_product(ab, X, lower, upper):
    """A X for the matrix with the bands A[i, j] = ab[upper + i - j, j]."""
    return sum(_shift(ab[r][:, None] * X, upper - r) for r in range(lower + upper + 1))


def adjoint_bands(ab, lower, upper):
    """The bands of A^H, which has `upper` bands below and `lower` above its diagonal."""
    return np.stack([np.conj(_shift(ab[upper - d], d)) for d in range(-lower, upper + 1)])


@UserPrimitive
def _banded_solve(ab, b, lower, upper, positive):
    if positive:
        return scipy.linalg.solveh_banded(ab[: upper + 1], b)
    return scipy.linalg.solve_banded((lower, upper), ab, b)


@operator_rule(_banded_solve)
def _(y, ab, b, lower, upper, positive):
    x = columns(y)

    def multiply(X, adjoint):
        if adjoint:
            return banded_product(adjoint_bands(ab, lower, upper), X, upper, lower)
        return banded_product(ab, X, lower, upper)

    def inverse(X, adjoint):
        if adjoint and not positive:
            return _banded_solve(adjoint_bands(ab, lower, upper), X, upper, lower, False)
        return _banded_solve(ab, X, lower, upper, positive)

    def forward(D):
        return like_vector(-banded_product(D, x, lower, upper), y)

    def adjoint(W):
        W = columns(W)
        return np.stack([-np.sum(_shift(W, -d) * np.conj(x), axis=1) for d in range(upper, -lower - 1, -1)])

    influence = FunctionOperator(forward, adjoint, ab.shape, y.shape)
    return Row(StructuredSystem(multiply, inverse, y.shape), (influence, Identity(y.shape), None, None, None))


@mirror(scipy.linalg.solve_banded, scipy.linalg, axes=2)
def solve_banded(l_and_u, ab, b):
    """The gradient has the bands of the matrix; what of ab lies outside the matrix has gradient zero."""
    return _banded_solve(ab, b, *map(int, l_and_u), False)


@mirror(scipy.linalg.solveh_banded, scipy.linalg, axes=2)
def solveh_banded(ab, b, lower=False):
    """A Hermitian positive definite matrix by its diagonal and the bands on one side."""
    count = np.shape(ab)[0] - 1
    if lower:
        ab = np.stack([np.conj(_shift(ab[d], -d)) for d in range(count, -1, -1)])
    below = [np.conj(_shift(ab[count - d], d)) for d in range(1, count + 1)]
    above = [ab[r] for r in range(count)]
    return _banded_solve(np.stack([*above, np.real(ab[count]) + 0 * ab[count], *below]), b, count, count, True)


@mirror(scipy.linalg.cho_solve_banded, scipy.linalg, axes=2)
def cho_solve_banded(cb_and_lower, b):
    """Two banded substitutions."""
    cb, is_lower = cb_and_lower
    count = np.shape(cb)[0] - 1
    if is_lower:
        return _banded_solve(adjoint_bands(cb, count, 0), _banded_solve(cb, b, count, 0, False), 0, count, False)
    return _banded_solve(cb, _banded_solve(adjoint_bands(cb, 0, count), b, count, 0, False), 0, count, False)
