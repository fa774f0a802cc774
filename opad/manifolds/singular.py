"""Functions of matrices by their singular values, differentiated without differentiating singular vectors."""

import numpy as np

from opad.errors import SingularBlockError
from opad.manifolds.divided import scalar_function
from opad.manifolds.maps import ct
from opad.manifolds.spectral import LyapunovSolve
from opad.operators import Operator
from opad.tracing.array import plain
from opad.tracing.functions import primitive
from opad.tracing.primitives import operator_rule


@primitive
def polar_factor(A):
    """U of the polar decomposition A = U P: the closest matrix with orthonormal columns.

    Exact at repeated singular values, as at every orthonormal A, and differentiable any number of times.

    Parameters
    ----------
    A : (*stack, m, n) array of rank n <= m, plain or traced

    Returns
    -------
    (*stack, m, n) array with U^H U = I

    Raises
    ------
    SingularBlockError
        When it is differentiated at a matrix whose rank is less than n.

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.manifolds import polar_factor
    >>> opad.jvp(polar_factor, (np.eye(2),), (np.array([[0.0, 1.0], [0.0, 0.0]]),))[1]
    array([[ 0. ,  0.5],
           [-0.5,  0. ]])

    References
    ----------
    N. J. Higham, Functions of Matrices, SIAM 2008, chapter 8.
    """
    U, _, Vh = np.linalg.svd(A, full_matrices=False)
    return U @ Vh


@operator_rule(polar_factor)
def _(U, A):
    P = (ct(U) @ A + ct(A) @ U) / 2
    _require_definite(plain(P))
    return PolarDifferential(U, P)


class PolarDifferential(Operator):
    """dA -> dU = U K + (I - U U^H) dA P^-1,  P K + K P = U^H dA - dA^H U.  Self-adjoint.

    Parameters
    ----------
    U : (*stack, m, n) array, orthonormal columns
    P : (*stack, n, n) Hermitian positive definite array
    """

    def __init__(self, U, P):
        self.U = U
        self.P = P
        self.dims = self.dimsd = U.shape
        self.lyapunov = LyapunovSolve(P)

    clinear = property(lambda self: self.U.dtype.kind != "c")

    def apply(self, E):
        U = self.U
        C = ct(U) @ E
        K = self.lyapunov.apply(C - ct(C))
        if U.shape[-2] == U.shape[-1]:
            return U @ K
        return U @ K + ct(np.linalg.solve(self.P, ct(E - U @ C)))

    apply_adjoint = apply


def _require_definite(P):
    w = np.linalg.eigvalsh(P)
    if not np.all(w[..., 0] > 8 * w.shape[-1] * np.finfo(w.dtype).eps * w[..., -1]):
        raise SingularBlockError(
            f"the polar factor was differentiated at a matrix with smallest singular value {np.min(w):.3g}; expected "
            "full rank, without which it is not differentiable."
        )


def svfun(A, g):
    """U g(S) V^H for A = U S V^H, g an odd function of the singular values.

    The differential needs divided differences of g alone and is exact at repeated singular values and, where g is
    smooth at zero, at zero singular values.

    Parameters
    ----------
    A : (m, n) array, plain or traced
    g : callable on arrays, written with NumPy functions; it is used as an odd function, g(-s) = -g(s)

    Returns
    -------
    (m, n) array

    Raises
    ------
    SingularBlockError
        When it is differentiated where the derivative of g is not finite.

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.manifolds import svfun
    >>> opad.jvp(lambda A: svfun(A, np.tanh), (np.zeros((2, 2)),), (np.ones((2, 2)),))[1]
    array([[1., 1.],
           [1., 1.]])

    References
    ----------
    V. Noferini, A formula for the Frechet derivative of a generalized matrix function, SIAM J. Matrix Anal. Appl.
    38(2), 2017.
    """
    return _svfun(A, scalar_function(g))


@primitive
def _svfun(A, g):
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (U * g(s)) @ Vh


@operator_rule(_svfun)
def _(Y, A, g):
    return GeneralizedFunction(A, g), None


class GeneralizedFunction(Operator):
    """E -> the derivative of U g(S) V^H at A = U S V^H along E; self-adjoint.

    Forward and adjoint, with C = U^H E V:
    U (G- .* sym C + G+ .* skew C) V^H + (E V - U C) (g/s) V^H + U (g/s) (U^H E - C V^H),
    G-_ij = (g_i - g_j) / (s_i - s_j), G+_ij = (g_i + g_j) / (s_i + s_j), both with their limits.

    Parameters
    ----------
    A : (m, n) array
    g : ScalarFunction, odd
    """

    def __init__(self, A, g):
        self.dims = self.dimsd = A.shape
        self.U, s, self.Vh = np.linalg.svd(A, full_matrices=False)
        with np.errstate(all="ignore"):
            self.minus = g.first(s[:, None], s[None, :]).astype(s.dtype)
            self.plus = _odd_difference(g, s[:, None], s[None, :]).astype(s.dtype)
        self.ratio = np.diagonal(self.plus)
        if not (np.all(np.isfinite(self.minus)) and np.all(np.isfinite(self.plus))):
            raise SingularBlockError(
                f"{g.__name__} of the singular values was differentiated at a matrix with smallest singular value "
                f"{s.min():.3g}; expected finite derivatives. The function is not smooth there: use full rank."
            )

    clinear = property(lambda self: self.U.dtype.kind != "c")

    def apply(self, E):
        U, Vh = self.U, self.Vh
        V, Uh = ct(Vh), ct(U)
        EV = E @ V
        C = Uh @ EV
        m, n = self.dims
        result = U @ (self.minus * (C + ct(C)) / 2 + self.plus * (C - ct(C)) / 2) @ Vh
        if m > n:
            result = result + ((EV - U @ C) * self.ratio) @ Vh
        if n > m:
            result = result + (U * self.ratio) @ (Uh @ E - C @ Vh)
        return result

    apply_adjoint = apply


def _odd_difference(g, a, b):
    """(g(a) + g(b)) / (a + b) for a, b >= 0: the divided difference of the odd extension of g at a and -b."""
    a, b = np.broadcast_arrays(a, b)
    zero = a + b == 0
    result = (g(a) + g(b)) / np.where(zero, 1, a + b)
    return np.where(zero, g.derivative(np.zeros_like(a)), result) if np.any(zero) else result
