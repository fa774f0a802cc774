"""Functions of Hermitian matrices by their spectrum, differentiated without differentiating eigenvectors.

Compositions of eigh give NaN (or refuse) at repeated eigenvalues. What is computed here is smooth there, and so are
its differentials: they need divided differences of scalar functions, or Sylvester equations, only.
"""

import numpy as np

from opad.errors import SingularBlockError
from opad.manifolds.divided import scalar_function
from opad.manifolds.maps import ct
from opad.operators import Operator
from opad.tracing.array import plain
from opad.tracing.functions import primitive
from opad.tracing.primitives import operator_rule


def is_traced(X):
    """Whether X is an array of a trace."""
    return plain(X) is not X


def by_rows(function, E, ndim):
    """`function` of every element of a batch of arrays with `ndim` axes."""
    batch = E.shape[: E.ndim - ndim]
    rows = E.reshape((-1, *E.shape[len(batch) :]))
    return np.stack([function(row) for row in rows]).reshape(E.shape) if len(rows) else E


def symfun(A, f):
    """f(A) = V f(diag w) V^H for Hermitian A = V diag(w) V^H.

    Its differential is the Daleckii-Krein formula, V (F .* (V^H dA V)) V^H with the divided differences F_ij =
    f[w_i, w_j]: exact at repeated eigenvalues. It may be differentiated twice.

    Parameters
    ----------
    A : (*stack, n, n) Hermitian array, plain or traced
    f : callable on arrays of eigenvalues, such as np.exp, np.log, np.sqrt, or any function written with NumPy

    Returns
    -------
    (*stack, n, n) array

    Raises
    ------
    SingularBlockError
        When it is differentiated at eigenvalues where the derivative of f is not finite.

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.manifolds import symfun
    >>> opad.grad(lambda A: np.trace(symfun(A, np.exp)))(np.zeros((2, 2)))     # repeated eigenvalues
    array([[1., 0.],
           [0., 1.]])

    References
    ----------
    N. J. Higham, Functions of Matrices, SIAM 2008, theorem 3.11.
    """
    return _symfun(A, scalar_function(f))


@primitive
def _symfun(A, f):
    w, V = np.linalg.eigh(A)
    return (V * f(w)[..., None, :]) @ ct(V)


@operator_rule(_symfun)
def _(Y, A, f):
    return DaleckiiKrein(A, f), None


class DaleckiiKrein(Operator):
    """E -> the derivative of f(A) in the direction E, A Hermitian; self-adjoint.

    Forward and adjoint:  V (F .* (V^H E V)) V^H,  F_ij = (f(w_i) - f(w_j)) / (w_i - w_j), f'(w_i) where they agree

    Parameters
    ----------
    A : (*stack, n, n) Hermitian array, plain or traced
    f : ScalarFunction
    """

    def __init__(self, A, f):
        self.A = A
        self.f = f
        self.dims = self.dimsd = A.shape

    def apply(self, E):
        if is_traced(self.A) or is_traced(E):
            return by_rows(lambda row: _frechet(self.A, row, self.f), E, len(self.dims))
        if "V" not in self.__dict__:
            self.V, self.F = _factors(self.A, self.f)
        V, W = self.V, ct(self.V)
        return V @ (self.F * (W @ E @ V)) @ W

    apply_adjoint = apply


def _factors(A, f):
    w, V = np.linalg.eigh(A)
    F = f.first(w[..., :, None], w[..., None, :]).astype(w.dtype)
    if not np.all(np.isfinite(F)):
        raise SingularBlockError(
            f"{f.__name__} of a Hermitian matrix with eigenvalues from {w.min():.3g} to {w.max():.3g} was "
            "differentiated; expected finite derivatives at all of them. Move the spectrum away from the singularity."
        )
    return V, F


@primitive
def _frechet(A, E, f):
    """The derivative of f(A) along E, as a function of both."""
    return DaleckiiKrein(A, f).apply(E)


@operator_rule(_frechet)
def _(Y, A, E, f):
    return SecondDaleckiiKrein(A, E, f), DaleckiiKrein(A, f), None


class SecondDaleckiiKrein(Operator):
    """F -> the derivative along F of (the derivative of f(A) along E); self-adjoint for Hermitian E.

    Forward: V (sum_k f[w_i, w_k, w_j] (E_ik F_kj + F_ik E_kj)) V^H in the eigenbasis.  Adjoint: with E^H for E.

    Parameters
    ----------
    A, E : (*stack, n, n) arrays, A Hermitian
    f : ScalarFunction

    References
    ----------
    N. J. Higham, S. D. Relton, Higher order Frechet derivatives of matrix functions, SIAM J. Matrix Anal. Appl. 35(3),
    2014.
    """

    def __init__(self, A, E, f):
        self.A = A
        self.E = E
        self.f = f
        self.dims = self.dimsd = A.shape

    def apply(self, X):
        return self._along(self.E, X)

    def apply_adjoint(self, Y):
        return self._along(ct(self.E), Y)

    def _along(self, E, X):
        if "V" not in self.__dict__:
            w, self.V = np.linalg.eigh(self.A)
            self.F = self.f.second(w[..., :, None, None], w[..., None, :, None], w[..., None, None, :])
        V, W = self.V, ct(self.V)
        E, X = W @ E @ V, W @ X @ V
        F = self.F  # F[..., i, k, j]
        both = np.einsum("...ikj,...ik,...kj->...ij", F, E, X) + np.einsum("...ikj,...ik,...kj->...ij", F, X, E)
        return V @ both @ W


# -- Sylvester equations with a Hermitian coefficient ---------------------------------------------------------------


@primitive
def solve_lyapunov(P, C):
    """K with P K + K P = C, P Hermitian positive definite; components in a common null space are left out.

    Parameters
    ----------
    P : (n, n) Hermitian array, plain or traced
    C : (*batch, n, n) array, plain or traced

    Returns
    -------
    (*batch, n, n) array

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import solve_lyapunov
    >>> solve_lyapunov(2 * np.eye(2), np.array([[4.0, 8.0], [0.0, 4.0]]))
    array([[1., 2.],
           [0., 1.]])
    """
    return LyapunovSolve(P).apply(C)


@operator_rule(solve_lyapunov)
def _(K, P, C):
    inverse = LyapunovSolve(P)
    return -(inverse @ AntiCommutator(K)), inverse


class LyapunovSolve(Operator):
    """C -> K with P K + K P = C, P Hermitian positive semi-definite; self-adjoint.

    Forward and adjoint:  V ((V^H C V) / (w_i + w_j)) V^H, and 0 in place of 1 / 0

    Parameters
    ----------
    P : (*stack, n, n) Hermitian array, plain or traced
    """

    def __init__(self, P):
        self.P = P
        self.dims = self.dimsd = P.shape

    def apply(self, C):
        if is_traced(self.P) or is_traced(C):
            return by_rows(lambda row: solve_lyapunov(self.P, row), C, len(self.dims))
        if "V" not in self.__dict__:
            w, self.V = np.linalg.eigh(self.P)
            sums = w[..., :, None] + w[..., None, :]
            zero = np.abs(sums) <= 4 * w.shape[-1] * np.finfo(w.dtype).eps * np.max(np.abs(w), initial=0)
            self.F = np.where(zero, 0, 1 / np.where(zero, 1, sums)).astype(w.dtype)
        V, W = self.V, ct(self.V)
        return V @ (self.F * (W @ C @ V)) @ W

    apply_adjoint = apply


class AntiCommutator(Operator):
    """X -> K X + X K.  Adjoint: K^H Y + Y K^H.

    Parameters
    ----------
    K : (*stack, n, n) array
    """

    def __init__(self, K):
        self.K = K
        self.dims = self.dimsd = K.shape

    def apply(self, X):
        return self.K @ X + X @ self.K

    def apply_adjoint(self, Y):
        K = ct(self.K)
        return K @ Y + Y @ K


@primitive
def symsqrt(A):
    """The square root of a Hermitian positive definite matrix; it may be differentiated any number of times.

    Parameters
    ----------
    A : (*stack, n, n) Hermitian array, plain or traced

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import symsqrt
    >>> symsqrt(np.array([[4.0, 0.0], [0.0, 9.0]]))
    array([[2., 0.],
           [0., 3.]])

    References
    ----------
    N. J. Higham, Functions of Matrices, SIAM 2008, chapter 6.
    """
    w, V = np.linalg.eigh(A)
    return (V * np.sqrt(np.maximum(w, 0))[..., None, :]) @ ct(V)


@operator_rule(symsqrt)
def _(Y, A):
    """Y dY + dY Y = dA."""
    return LyapunovSolve(Y)
