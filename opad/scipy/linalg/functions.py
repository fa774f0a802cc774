"""scipy.linalg: functions of a matrix, such as exp, log, the square root and the trigonometric functions.

Their derivatives are the Fréchet derivatives of the functions, computed without eigenvectors: repeated eigenvalues and
matrices that cannot be diagonalised are as good as any other.
"""

from contextlib import contextmanager

import numpy as np
import scipy.linalg

from opad.operators.algebra import Identity, Operator
from opad.operators.dispatch import plain
from opad.operators.products import adjoint_matrix
from opad.scipy.linalg.equations import Sylvester, each_matrix
from opad.scipy.mirrors import Mirror, mirror
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, operator_rule
from opad.tracing.trace import Row


class FrechetDerivative(Operator):
    """E -> L(A, E), the derivative of a function of a matrix in the direction E.

    Forward:  dY = L(A, dX)          Adjoint:  X~ = L(A, Y~^H)^H

    The adjoint is L(A^H, Y~) where f(A^H) = f(A)^H; the form used here also holds on branch cuts, where that fails.

    Parameters
    ----------
    frechet : callable (A, E) -> L(A, E)
    A : (n, n) array, or a stack if `frechet` takes stacks
    y : the function's value, of which only the dtype is used

    References
    ----------
    N. J. Higham, Functions of Matrices, SIAM 2008, chapter 3.
    """

    def __init__(self, frechet, A, y):
        self.frechet = frechet
        self.A = A
        self.dtype = y.dtype
        self.dims = self.dimsd = A.shape

    def apply(self, E):
        L = self.frechet(self.A, E) if len(self.dims) > 2 else each_matrix(lambda e: self.frechet(self.A, e), E)
        return L.astype(np.result_type(self.dtype, E.dtype))

    def apply_adjoint(self, Y):
        return adjoint_matrix(self.apply(adjoint_matrix(Y)))


def by_blocks(function, *args):
    """The callable (A, E) -> L(A, E), the upper right block of f([[A, E], [0, A]]), E having been scaled to A's size.

    References
    ----------
    R. Mathias, A chain rule for matrix functions and applications, SIAM J. Matrix Anal. Appl. 17(3), 1996.
    """

    def frechet(A, E):
        scale = _size(E) / _size(A)
        dtype = np.result_type(A.dtype, E.dtype)
        A, E = A + 0 * E, E / scale + 0 * A  # of one shape and dtype
        rows = np.concatenate([A, E], axis=-1), np.concatenate([0 * A, A], axis=-1)
        block = np.concatenate(rows, axis=-2).astype(np.result_type(dtype, np.float64))
        n = A.shape[-1]
        return scale * function(block, *args)[..., :n, n:]

    return frechet


def _size(X):
    largest = np.max(np.abs(plain(X)), initial=0.0)
    return np.where(largest == 0, 1.0, largest)


expm = Mirror(scipy.linalg.expm, scipy.linalg)


@operator_rule(expm)
def _(y, A):
    return FrechetDerivative(_expm_frechet, A, y)


def _expm_frechet(A, E):
    if A.ndim > 2:
        return by_blocks(expm)(A, E)
    if E.dtype.kind == "c" and A.dtype.kind != "c":  # SciPy's algorithm takes both real or both complex
        return _expm_frechet(A, np.real(E)) + 1j * _expm_frechet(A, np.imag(E))
    return expm_frechet(A, E, compute_expm=False)


@mirror(scipy.linalg.expm_frechet, scipy.linalg)
def expm_frechet(A, E, compute_expm=True):
    """Traced it is a block of a larger exponential. SciPy gives double precision."""
    A, E = (X.astype(np.result_type(X.dtype, np.float64)) for X in (A, E))
    L = by_blocks(expm)(A, E)
    return (expm(A), L) if compute_expm else L


@UserPrimitive
def _logm(A):
    with _same_random_numbers():
        return scipy.linalg.logm(A)


@operator_rule(_logm)
def _(y, A):
    return FrechetDerivative(by_blocks(_logm), A, y)


@mirror(scipy.linalg.logm, scipy.linalg)
def logm(A):
    """On the branch cut along changes of A that stay on it."""
    return _logm(A)


@UserPrimitive
def _power(A, t):
    with _same_random_numbers():
        return scipy.linalg.fractional_matrix_power(A, t)


@operator_rule(_power)
def _(y, A, t):
    return FrechetDerivative(by_blocks(_power, t), A, y), None


@mirror(scipy.linalg.fractional_matrix_power, scipy.linalg)
def fractional_matrix_power(A, t):
    """A^t; exp(t log A) where t is traced."""
    return _power(A, t) if plain(t) is t else expm(t * logm(A))


@contextmanager
def _same_random_numbers():
    """SciPy's norm estimator draws from NumPy's global generator; a derivative must not disturb a program's numbers."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


sqrtm = Mirror(scipy.linalg.sqrtm, scipy.linalg, axes=2)


@operator_rule(sqrtm)
def _(y, A):
    """Y dY + dY Y = dA."""
    return Row(Sylvester(y, y), (Identity(y.shape),))


signm = Mirror(scipy.linalg.signm, scipy.linalg, axes=2)


@operator_rule(signm)
def _(y, A):
    """N dY + dY N = dA - Y dA Y with N = A Y (Higham, Functions of Matrices, theorem 5.7)."""
    N, Yh = A @ y, adjoint_matrix(y)
    block = FunctionOperator(lambda E: E - y @ E @ y, lambda W: W - Yh @ W @ Yh, A.shape, A.shape, batched=True)
    return Row(Sylvester(N, N), (block,))


# -- functions of the exponential -----------------------------------------------------------------------------------


@mirror(scipy.linalg.cosm, scipy.linalg)
def cosm(A):
    """(exp(iA) + exp(-iA)) / 2."""
    return np.real(expm(1j * A)) if A.dtype.kind != "c" else 0.5 * (expm(1j * A) + expm(-1j * A))


@mirror(scipy.linalg.sinm, scipy.linalg)
def sinm(A):
    """(exp(iA) - exp(-iA)) / 2i."""
    return np.imag(expm(1j * A)) if A.dtype.kind != "c" else -0.5j * (expm(1j * A) - expm(-1j * A))


@mirror(scipy.linalg.tanm, scipy.linalg)
def tanm(A):
    """cos(A)^-1 sin(A)."""
    return np.linalg.solve(cosm(A), sinm(A))


@mirror(scipy.linalg.coshm, scipy.linalg)
def coshm(A):
    """(exp(A) + exp(-A)) / 2."""
    return 0.5 * (expm(A) + expm(-A))


@mirror(scipy.linalg.sinhm, scipy.linalg)
def sinhm(A):
    """(exp(A) - exp(-A)) / 2."""
    return 0.5 * (expm(A) - expm(-A))


@mirror(scipy.linalg.tanhm, scipy.linalg)
def tanhm(A):
    """cosh(A)^-1 sinh(A)."""
    return np.linalg.solve(coshm(A), sinhm(A))
