"""numpy.linalg: solves, inverses, determinants, factorisations and spectral decompositions.

Functions of Hermitian matrices (eigh, cholesky) read one triangle; their gradients are the Hermitian ones. What
happens at repeated eigenvalues or singular values is stated in `opad.operators.spectral`.
"""

import numpy as np

from opad.errors import SingularBlockError
from opad.operators.algebra import Product
from opad.operators.einsum import EinsumOperand
from opad.operators.elementwise import Hadamard
from opad.operators.factorizations import (
    CholeskyDifferential,
    CofactorDifferential,
    LogDeterminant,
    QRDifferential,
    has_dependent_columns,
    independent_columns,
    products_without,
)
from opad.operators.least_squares import (
    LeastSquaresInMatrix,
    LeastSquaresInRightHandSide,
    PseudoinverseDifferential,
)
from opad.operators.products import StackedLeftMultiply, StackedRightMultiply, VectorOfMatrix, adjoint_matrix
from opad.operators.shaping import Broadcast, SumAxes
from opad.operators.solve import LinearSystem
from opad.operators.spectral import GeneralEigen, HermitianEigen, SingularValueDecomposition
from opad.tracing.array import plain
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import composite, operator_rule
from opad.tracing.rules.helpers import in_common_precision, wants
from opad.tracing.trace import Row

_ONE = np.eye(1)
_EigResult, _EighResult, _QRResult = type(np.linalg.eig(_ONE)), type(np.linalg.eigh(_ONE)), type(np.linalg.qr(_ONE))
_SlogdetResult, _SVDResult = type(np.linalg.slogdet(_ONE)), type(np.linalg.svd(_ONE))

# -- solving --------------------------------------------------------------------------------------------------------


@operator_rule(np.linalg.solve)
def solve_row(y, a, b):
    """A dx = db - dA x: one factorisation for both directions and both arguments."""
    is_vector = np.ndim(b) == 1
    if not is_vector:
        influence = StackedRightMultiply(-y, a.shape)
    elif np.ndim(a) == 2:
        influence = VectorOfMatrix(-y, a.shape[0])
    else:
        influence = EinsumOperand("...ij,...j->...i", (a, -y), 0)
    shape = np.shape(b)
    right_hand_side = None if shape == y.shape else Broadcast(shape, y.shape)
    return Row(LinearSystem(a, y.shape, is_vector), (influence, right_hand_side or Broadcast(shape, shape)))


@operator_rule(np.linalg.inv)
def _(y, a):
    """-Y dA Y."""
    return Product(StackedRightMultiply(y, y.shape), StackedLeftMultiply(-y, y.shape))


@operator_rule(np.linalg.pinv)
def _(y, a, rcond=None, hermitian=False, *, rtol=None):
    return PseudoinverseDifferential(a, y)


@UserPrimitive
def lstsq_parts(a, b, rcond):
    """np.linalg.lstsq as one record."""
    x, residuals, rank, s = np.linalg.lstsq(a, b, rcond)
    return x, residuals, np.array(rank), s


@operator_rule(lstsq_parts, multiple=True)
def lstsq_blocks(y, a, b, rcond):
    """By the pseudoinverse of the rank that was found; right for changes of a that keep it."""
    rank, s = int(plain(y[2])), plain(y[3])
    between = 0.0 if rank == len(s) else 1.0 if rank == 0 else (s[rank - 1] + s[rank]) / (2 * s[0])
    Y = np.linalg.pinv(a, between)
    return LeastSquaresInMatrix(a, b, y, Y), LeastSquaresInRightHandSide(a, b, y, Y), None


def lstsq_by(parts, a, b, rcond):
    """The results of `parts`, one of the two lstsq, of operands of one dtype, b being a vector or a matrix."""
    dtype = np.result_type(*(operand.dtype for operand in in_common_precision(a, b)))
    a, b = (operand if operand.dtype == dtype else operand.astype(dtype) for operand in in_common_precision(a, b))
    x, residuals, rank, s = parts(a, b if np.ndim(b) == 2 else b[:, None], rcond)
    return (x if np.ndim(b) == 2 else x[:, 0]), residuals, int(plain(rank)), s


@composite(np.linalg.lstsq)
def lstsq(a, b, rcond=None):
    """The solution of least norm."""
    return lstsq_by(lstsq_parts, a, b, rcond)


# -- determinants ---------------------------------------------------------------------------------------------------


@operator_rule(np.linalg.det)
def _(y, a):
    """The functional dA -> sum of cofactors .* dA, right at singular matrices."""
    return Product(SumAxes(a.shape, (-2, -1)), Hadamard(_cofactors_at(a, y)))


def _cofactors_at(a, y):
    """det(A) A^-T, or by the singular value decomposition where A is close to singular."""
    if np.all(plain(y) != 0):
        inverse = np.linalg.inv(a)
        norms = np.sum(np.abs(plain(a)), axis=-1), np.sum(np.abs(plain(inverse)), axis=-1)
        condition = np.max(norms[0], axis=-1, initial=0) * np.max(norms[1], axis=-1, initial=0)
        if not np.any(condition > 1e-3 / np.finfo(a.dtype).eps):
            return y[..., None, None] * np.swapaxes(inverse, -1, -2)
    return cofactors(a)


@UserPrimitive
def cofactors(a):
    """The matrix of cofactors, conj(U) diag(prod of the other s) V^T det(U) det(V^H)."""
    U, s, Vh = np.linalg.svd(a)
    phase = np.linalg.det(U) * np.linalg.det(Vh)
    return phase[..., None, None] * (np.conj(U) * products_without(s, 1)[..., None, :]) @ np.conj(Vh)


@operator_rule(cofactors)
def _(y, a):
    return CofactorDifferential(*np.linalg.svd(a))


@UserPrimitive
def slogdet_parts(a):
    """np.linalg.slogdet as one record."""
    return np.linalg.slogdet(a)


@operator_rule(slogdet_parts, multiple=True)
def _(y, a):
    return LogDeterminant(a, y[0])


@composite(np.linalg.slogdet)
def slogdet(a):
    """Sign and logarithm of |det|; the sign of a real determinant is locally constant."""
    sign, logarithm = slogdet_parts(a)
    return _SlogdetResult(sign if a.dtype.kind == "c" else plain(sign), logarithm)


# -- factorisations -------------------------------------------------------------------------------------------------


@UserPrimitive
def cholesky_lower(a):
    """np.linalg.cholesky of the lower triangle."""
    return np.linalg.cholesky(a)


@operator_rule(cholesky_lower)
def _(y, a):
    return CholeskyDifferential(y)


@composite(np.linalg.cholesky)
def cholesky(a, /, *, upper=False):
    """L with A = L L^H, or its conjugate transpose."""
    return adjoint_matrix(cholesky_lower(adjoint_matrix(a))) if upper else cholesky_lower(a)


@UserPrimitive
def qr_tall(a):
    """np.linalg.qr of a square or tall matrix."""
    return np.linalg.qr(a)


@operator_rule(qr_tall, multiple=True)
def _(y, a):
    k = independent_columns(a)
    if has_dependent_columns(plain(y[1])[..., :k, :k], a.shape[-2]):
        raise SingularBlockError(
            f"numpy.linalg.qr was differentiated at a matrix of shape {a.shape} whose columns (all but the last, of a "
            "square real matrix) are linearly dependent to rounding, where the factors are not differentiable; "
            "expected independent ones. Use numpy.linalg.svd, or permute the columns."
        )
    return QRDifferential(*y)


@composite(np.linalg.qr)
def qr(a, mode="reduced"):
    """The reduced factorisation; of a wide matrix that of its leading square block, R then has the other columns."""
    m, n = np.shape(a)[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise wants("np.linalg.qr", f"mode={mode!r}", "modes 'reduced' and 'r' (and 'complete' unless m > n)")
    if m >= n:
        Q, R = qr_tall(a)
    else:
        Q, R = qr_tall(a[..., :m])
        R = np.concatenate([R, adjoint_matrix(Q) @ a[..., m:]], axis=-1)
    return R if mode == "r" else _QRResult(Q, R)


# -- spectral decompositions ----------------------------------------------------------------------------------------


@UserPrimitive
def eigh_parts(a, UPLO):
    """np.linalg.eigh as one record."""
    return np.linalg.eigh(a, UPLO)


@operator_rule(eigh_parts, multiple=True)
def _(y, a, UPLO):
    return HermitianEigen(*y)


@composite(np.linalg.eigh)
def eigh(a, UPLO="L"):
    """Eigenvalues and eigenvectors of Hermitian matrices."""
    return _EighResult(*eigh_parts(a, UPLO))


@composite(np.linalg.eigvalsh)
def eigvalsh(a, UPLO="L"):
    """Eigenvalues of Hermitian matrices."""
    return eigh_parts(a, UPLO)[0]


@UserPrimitive
def eig_parts(a):
    """np.linalg.eig as one record."""
    return np.linalg.eig(a)


@operator_rule(eig_parts, multiple=True)
def _(y, a):
    return GeneralEigen(a, *y)


@composite(np.linalg.eig)
def eig(a):
    """Eigenvalues and eigenvectors of square matrices; not differentiable where the matrix is defective."""
    return _EigResult(*eig_parts(a))


@composite(np.linalg.eigvals)
def eigvals(a):
    """Eigenvalues of square matrices."""
    return eig_parts(a)[0]


@UserPrimitive
def svd_parts(a):
    """The thin np.linalg.svd as one record."""
    return np.linalg.svd(a, full_matrices=False)


@operator_rule(svd_parts, multiple=True)
def _(y, a):
    return SingularValueDecomposition(*y)


@composite(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """The thin singular value decomposition, or the values alone."""
    if hermitian:
        raise wants("np.linalg.svd", "hermitian=True", "hermitian=False; np.linalg.eigh is for Hermitian matrices")
    if not compute_uv:
        return svd_parts(a)[1]
    m, n = np.shape(a)[-2:]
    if full_matrices and m != n:
        raise wants(
            "np.linalg.svd",
            f"full_matrices=True and a matrix of shape {(m, n)}, whose null space has no distinguished basis",
            "full_matrices=False, or square matrices",
        )
    return _SVDResult(*svd_parts(a))


@composite(np.linalg.svdvals)
def svdvals(x, /):
    """Singular values."""
    return svd_parts(x)[1]


# -- products and rearrangements ------------------------------------------------------------------------------------


@composite(np.linalg.matrix_power)
def matrix_power(a, n):
    """a^n for integer n by repeated squaring; of the inverse if n is negative."""
    if n < 0:
        a, n = np.linalg.inv(a), -n
    result = None
    while n:
        if n % 2:
            result = a if result is None else result @ a
        n //= 2
        a = a @ a if n else a
    return a * 0 + np.eye(np.shape(a)[-1], dtype=a.dtype) if result is None else result


@composite(np.linalg.multi_dot)
def multi_dot(arrays, *, out=None):
    """The product of matrices in the order with the fewest operations; the first and the last may be vectors."""
    if out is not None:
        raise wants("np.linalg.multi_dot", "out=", "calls without out")
    shapes = [np.shape(a) for a in arrays]
    first, last = len(shapes[0]) == 1, len(shapes[-1]) == 1
    matrices = list(arrays)
    if first:
        matrices[0] = np.reshape(arrays[0], (1, -1))
    if last:
        matrices[-1] = np.reshape(arrays[-1], (-1, 1))
    sizes = (np.shape(matrices[0])[0], *(np.shape(a)[1] for a in matrices))
    product = _chain(matrices, sizes, _best_splits(sizes), 0, len(matrices) - 1)
    return np.reshape(product, sizes[first:1] + sizes[len(sizes) - 1 + last :])


def _best_splits(sizes):
    """Where to split each product i … j of a chain; dynamic programming."""
    n = len(sizes) - 1
    cost, split = {(i, i): 0 for i in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )
    return split


def _chain(matrices, sizes, split, i, j):
    if i == j:
        return matrices[i]
    k = split[i, j]
    return _chain(matrices, sizes, split, i, k) @ _chain(matrices, sizes, split, k + 1, j)


@composite(np.linalg.tensorsolve)
def tensorsolve(a, b, axes=None):
    """solve with several axes taken as one."""
    if axes is not None:
        axes = [k % np.ndim(a) for k in axes]
        a = np.transpose(a, [k for k in range(np.ndim(a)) if k not in axes] + axes)
    shape = np.shape(a)[np.ndim(b) - np.ndim(a) :]  # as NumPy, for any number of axes of b
    return np.reshape(np.linalg.solve(np.reshape(a, (np.size(b), -1)), np.reshape(b, -1)), shape)


@composite(np.linalg.tensorinv)
def tensorinv(a, ind=2):
    """inv with the first `ind` axes taken as one and the others as one."""
    left, right = np.shape(a)[:ind], np.shape(a)[ind:]
    return np.reshape(np.linalg.inv(np.reshape(a, (int(np.prod(left)), -1))), right + left)


@composite(np.linalg.trace)
def trace(x, /, *, offset=0, dtype=None):
    """np.trace over the last two axes."""
    return np.trace(x, offset, -2, -1, dtype)


composite(np.linalg.diagonal)(lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1))
composite(np.linalg.outer)(lambda x1, x2, /: np.outer(x1, x2))
composite(np.linalg.matmul)(lambda x1, x2, /: np.matmul(x1, x2))
composite(np.linalg.cross)(lambda x1, x2, /, *, axis=-1: np.cross(x1, x2, axis=axis))
composite(np.linalg.vecdot)(lambda x1, x2, /, *, axis=-1: np.vecdot(x1, x2, axis=axis))
composite(np.linalg.tensordot)(lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes))
composite(np.linalg.matrix_transpose)(lambda x, /: np.swapaxes(x, -1, -2))
