"""scipy.linalg: matrices made of a few numbers, norms and determinants."""

import numpy as np
import scipy.fft
import scipy.linalg

from opad.operators.algebra import Identity
from opad.scipy.linalg.structured import StructuredSystem, columns, like_vector
from opad.scipy.mirrors import mirror
from opad.tracing.array import plain
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, operator_rule
from opad.tracing.rules.helpers import in_common_precision, wants
from opad.tracing.trace import Row


@mirror(scipy.linalg.det, scipy.linalg)
def det(a):
    """Right at singular matrices. SciPy gives double precision."""
    return np.linalg.det(a.astype(np.result_type(a.dtype, np.float64)))


@mirror(scipy.linalg.norm, scipy.linalg)
def norm(a, ord=None, axis=None, keepdims=False):
    """As numpy.linalg.norm."""
    return np.linalg.norm(a, ord, axis, keepdims)


# -- rearrangements -------------------------------------------------------------------------------------------------


def _diagonals(c, r):
    """The values on the diagonals of a Toeplitz matrix, from the upper right corner to the lower left one."""
    c = np.reshape(c, -1)
    r = np.conj(c) if r is None else np.reshape(r, -1)
    return np.concatenate([r[:0:-1], c])


@mirror(scipy.linalg.toeplitz, scipy.linalg, axes=1)
def toeplitz(c, r=None):
    """The conjugate of c serves for r if there is none."""
    m, n = np.size(c), np.size(c if r is None else r)
    return _diagonals(c, r)[np.arange(m)[:, None] - np.arange(n) + n - 1]


@mirror(scipy.linalg.hankel, scipy.linalg, axes=1)
def hankel(c, r=None):
    """Zeros serve for r if there is none."""
    m, n = np.size(c), np.size(c if r is None else r)
    values = np.pad(c, (0, n - 1)) if r is None else np.concatenate([c, r[1:]])
    return values[np.arange(m)[:, None] + np.arange(n)]


@mirror(scipy.linalg.circulant, scipy.linalg, axes=1)
def circulant(c):
    """With first column c."""
    i = np.arange(np.size(c))
    return c[(i[:, None] - i) % len(i)]


@mirror(scipy.linalg.diagsvd, scipy.linalg, axes=1)
def diagsvd(s, M, N):
    """s on the diagonal of an M x N matrix."""
    return np.pad(np.diag(s), [(0, M - np.size(s)), (0, N - np.size(s))])


@mirror(scipy.linalg.companion, scipy.linalg, axes=1)
def companion(a):
    """Of a polynomial, highest power first."""
    n = np.size(a) - 1
    return np.concatenate([np.reshape(-a[1:] / a[0], (1, n)), np.eye(n - 1, n, dtype=a.dtype)])


@mirror(scipy.linalg.leslie, scipy.linalg, axes=1)
def leslie(f, s):
    """Fecundities in the first row, survivals below the diagonal."""
    return np.concatenate([np.reshape(f, (1, -1)), np.pad(np.diag(s), [(0, 0), (0, 1)])])


@mirror(scipy.linalg.convolution_matrix, scipy.linalg, axes=1)
def convolution_matrix(a, n, mode="full"):
    """Rows of the Toeplitz matrix that multiplies as np.convolve does."""
    m = np.size(a)
    C = toeplitz(np.pad(a, (0, n - 1)), np.pad(a[:1], (0, n - 1)))
    if mode == "full":
        return C
    shorter, longer = min(m, n), max(m, n)
    start, count = ((shorter - 1) // 2, longer) if mode == "same" else (shorter - 1, longer - shorter + 1)
    return C[start : start + count]


@mirror(scipy.linalg.block_diag, scipy.linalg, axes=2)
def block_diag(*arrs):
    """Of matrices; vectors are rows."""
    blocks = [np.atleast_2d(a) for a in arrs]
    total, start, rows = sum(np.shape(b)[1] for b in blocks), 0, []
    for block in blocks:
        width = np.shape(block)[1]
        rows.append(np.pad(block, [(0, 0), (start, total - start - width)]))
        start += width
    return np.concatenate(rows)


@mirror(scipy.linalg.khatri_rao, scipy.linalg, axes=2)
def khatri_rao(a, b):
    """Kronecker products of columns."""
    (m, n), (p, _) = np.shape(a), np.shape(b)
    return np.reshape(a[:, None, :] * b[None, :, :], (m * p, n))


# -- products and solutions with Toeplitz matrices ------------------------------------------------------------------


def _transforms(real, length):
    """A Fourier transform along the first axis and its inverse."""
    if real:
        return (lambda x: np.fft.rfft(x, length, axis=0)), (lambda x: np.fft.irfft(x, length, axis=0))
    return (lambda x: np.fft.fft(x, length, axis=0)), (lambda x: np.fft.ifft(x, length, axis=0))


def toeplitz_product(t, X, rows):
    """A X by the fast Fourier transform, A_ij = t[i - j + n - 1], X of shape (n, cols)."""
    n = X.shape[0]
    length = scipy.fft.next_fast_len(n + rows - 1)
    forward, backward = _transforms(t.dtype.kind != "c" and X.dtype.kind != "c", length)
    return backward(forward(t)[:, None] * forward(X))[n - 1 : n - 1 + rows]


def toeplitz_gradient(W, X):
    """The sums of W X^H along diagonals: the adjoint of t -> A X, applied to W."""
    n, rows = X.shape[0], W.shape[0]
    length = scipy.fft.next_fast_len(n + rows - 1)
    forward, backward = _transforms(W.dtype.kind != "c" and X.dtype.kind != "c", length)
    product = backward(forward(W) * np.conj(forward(X)))
    return np.sum(np.roll(product, n - 1, axis=0)[: n + rows - 1], axis=1)


@UserPrimitive
def _toeplitz_matmul(t, x):
    n = len(x)
    return scipy.linalg.matmul_toeplitz((t[n - 1 :], t[n - 1 :: -1]), x)


@operator_rule(_toeplitz_matmul)
def _(y, t, x):
    n, rows = x.shape[0], y.shape[0]
    X = columns(x)
    return (
        FunctionOperator(
            lambda E: like_vector(toeplitz_product(E, X, rows), y),
            lambda W: toeplitz_gradient(columns(W), X),
            t.shape,
            y.shape,
        ),
        FunctionOperator(
            lambda E: like_vector(toeplitz_product(t, columns(E), rows), y),
            lambda W: like_vector(toeplitz_product(np.conj(t[::-1]), columns(W), n), y),
            x.shape,
            y.shape,
        ),
    )


@mirror(scipy.linalg.matmul_toeplitz, scipy.linalg, axes=2)
def matmul_toeplitz(c_or_cr, x):
    """By the fast Fourier transform."""
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    return _toeplitz_matmul(*in_common_precision(_diagonals(c, r), x))


@UserPrimitive
def _toeplitz_solve(t, b):
    n = (len(t) + 1) // 2
    return scipy.linalg.solve_toeplitz((t[n - 1 :], t[n - 1 :: -1]), b)


@operator_rule(_toeplitz_solve)
def _(y, t, b):
    n, x = b.shape[0], columns(y)

    def adjoint_diagonals():
        return np.conj(t[::-1])

    system = StructuredSystem(
        lambda X, adjoint: toeplitz_product(adjoint_diagonals() if adjoint else t, X, n),
        lambda X, adjoint: _toeplitz_solve(adjoint_diagonals() if adjoint else t, X),
        y.shape,
    )
    influence = FunctionOperator(
        lambda E: like_vector(-toeplitz_product(E, x, n), y),
        lambda W: -toeplitz_gradient(columns(W), x),
        t.shape,
        y.shape,
    )
    return Row(system, (influence, Identity(y.shape)))


@mirror(scipy.linalg.solve_toeplitz, scipy.linalg, axes=2)
def solve_toeplitz(c_or_cr, b):
    """By Levinson's recursion, in both directions."""
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    return _toeplitz_solve(_diagonals(c, r), b)


@mirror(scipy.linalg.solve_circulant, scipy.linalg)
def solve_circulant(c, b):
    """By the fast Fourier transform."""
    if np.ndim(c) != 1:
        raise wants("scipy.linalg.solve_circulant", f"an array c of shape {np.shape(c)}", "a vector")
    eigenvalues = np.fft.fft(c)
    size = np.abs(plain(eigenvalues))
    if np.any(size <= np.max(size) * np.size(c) * np.finfo(size.dtype).eps):
        raise np.linalg.LinAlgError("near singular circulant matrix.")
    x = np.fft.ifft(np.fft.fft(columns(b), axis=0) / eigenvalues[:, None], axis=0)
    return like_vector(np.real(x) if c.dtype.kind != "c" and b.dtype.kind != "c" else x, b)
