"""Hermitian positive definite matrices, in the affine-invariant and in the Bures-Wasserstein metric."""

import numpy as np

from opad.errors import ManifoldError
from opad.manifolds.base import Manifold
from opad.manifolds.maps import PointMap, SelfAdjoint, ct, gaussian, is_real, sym
from opad.manifolds.spectral import LyapunovSolve, solve_lyapunov, symfun, symsqrt
from opad.tracing.array import plain


class _Definite(Manifold):
    """What the metrics have in common: the set, an open part of the Hermitian matrices."""

    retraction_order = 2

    def __init__(self, n, dtype=float):
        self.dims = (n, n)
        self.dtype = np.dtype(dtype)
        self.dim = n * n if self.dtype.kind == "c" else n * (n + 1) // 2

    @property
    def name(self):
        field = "C" if self.dtype.kind == "c" else "R"
        return f"{type(self).__name__}({self.dims[0]}, {field})"

    def projection(self, P):
        return SelfAdjoint(sym, dims=P.shape, clinear=is_real(P))

    def constraint(self, P):
        return P - ct(P)

    def residual(self, P):
        """How far P is from being Hermitian, and its smallest eigenvalue where that is not positive."""
        smallest = float(np.min(np.linalg.eigvalsh(P)))
        return max(super().residual(P), -smallest if smallest < 0 else 0.0 if smallest > 0 else np.inf)

    def random_point(self, rng=None):
        A = gaussian(self.dims, self.dtype, rng)
        return sym(A @ ct(A)) / self.dims[0] + np.eye(self.dims[0], dtype=self.dtype) / 2

    def degenerate_points(self):
        n = self.dims[0]
        return {
            "identity": np.eye(n, dtype=self.dtype),
            "repeated eigenvalues": np.diag(np.repeat([0.5, 2.0], [n - n // 2, n // 2])).astype(self.dtype),
        }


def _raise_index(P, G):
    """P sym(G) P."""
    return P @ sym(G) @ P


def _connection(S, P, Z):
    """sym(Z S P)."""
    return sym(Z @ S @ P)


def _connection_adjoint(S, P, Y):
    """sym(Y) P S."""
    return sym(Y) @ P @ S


class PositiveDefinite(_Definite):
    """Hermitian positive definite matrices in the affine-invariant metric <U, V> = Re tr(P^-1 U P^-1 V).

        rgrad = P sym(G) P        Hess[Z] = P H[Z] P + sym(Z sym(G) P)        R(P, Z) = P + Z + Z P^-1 Z / 2

    Parameters
    ----------
    n : int
    dtype : real for symmetric, complex for Hermitian matrices

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import PositiveDefinite
    >>> round(float(PositiveDefinite(2).dist(np.eye(2), np.diag([np.e**3, np.e**4]))), 12)
    5.0

    References
    ----------
    R. Bhatia, Positive Definite Matrices, Princeton 2007, chapter 6.
    B. Jeuris, R. Vandebril, B. Vandereycken, A survey and comparison of contemporary algorithms for computing the
    matrix geometric mean, ETNA 39, 2012.
    """

    def inner(self, P, U, V):
        A, B = np.linalg.solve(P, U), np.linalg.solve(P, V)
        return np.sum(np.real(A * B.swapaxes(-1, -2)))

    def sharp(self, P):
        return SelfAdjoint(_raise_index, P, clinear=is_real(P))

    def curvature(self, P, G):
        return PointMap(_connection, _connection_adjoint, (sym(G), P), P.shape, clinear=is_real(P))

    def retraction(self, P, Z):
        return sym(P + Z + Z @ np.linalg.solve(P, Z) / 2)

    def exp(self, P, Z):
        """P^1/2 expm(P^-1/2 Z P^-1/2) P^1/2."""
        R = symsqrt(P)
        S = np.linalg.inv(R)
        return sym(R @ symfun(sym(S @ Z @ S), np.exp) @ R)

    def log(self, P, Q):
        """P^1/2 logm(P^-1/2 Q P^-1/2) P^1/2."""
        R = symsqrt(P)
        S = np.linalg.inv(R)
        return sym(R @ symfun(sym(S @ Q @ S), np.log) @ R)

    def dist(self, P, Q):
        """The Frobenius norm of logm(P^-1/2 Q P^-1/2); as a function, differentiate `squared_dist`."""
        return np.sqrt(self.squared_dist(P, Q))

    def squared_dist(self, P, Q):
        """dist^2, smooth also where P = Q."""
        S = np.linalg.inv(symsqrt(P))
        L = symfun(sym(S @ Q @ S), np.log)
        return np.sum(np.real(L * np.conj(L)))


def _wasserstein_sharp(P, G):
    """4 sym(P sym(G))."""
    return 4 * sym(P @ sym(G))


class _WassersteinConnection(PointMap):
    """Z -> 2 sym(S Z) + 4 sym(P sym(S L)) - sym(L R), L = L_P[Z], S = sym G, R = 4 sym(P S)."""

    def __init__(self, P, G):
        self.lyapunov = LyapunovSolve(P)
        S = sym(G)
        super().__init__(None, None, (P, S, 4 * sym(P @ S)), P.shape, clinear=is_real(P))

    label = "Wasserstein connection"

    def apply(self, Z):
        P, S, R = self.data
        L = self.lyapunov.apply(Z)
        return 2 * sym(S @ Z) + 4 * sym(P @ sym(S @ L)) - sym(L @ R)

    def apply_adjoint(self, Y):
        P, S, R = self.data
        Y = sym(Y)
        return 2 * S @ Y + self.lyapunov.apply(4 * S @ sym(P @ Y) - Y @ R)


class BuresWasserstein(_Definite):
    """Hermitian positive definite matrices in the metric <U, V> = Re tr(L_P[U] V) / 2, where P L + L P = U.

        rgrad = 4 sym(P sym G)        exp(P, Z) = P + Z + L P L, L = L_P[Z], as long as I + L is positive definite

    Parameters
    ----------
    n : int
    dtype : real for symmetric, complex for Hermitian matrices

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import BuresWasserstein
    >>> round(float(BuresWasserstein(2).squared_dist(np.eye(2), 4 * np.eye(2))), 12)
    2.0

    References
    ----------
    R. Bhatia, T. Jain, Y. Lim, On the Bures-Wasserstein distance between positive definite matrices, Expo. Math. 37(2),
    2019.
    A. Han, B. Mishra, P. Jawanpuria, J. Gao, On Riemannian optimization over positive definite matrices with the
    Bures-Wasserstein geometry, NeurIPS 2021, arXiv:2106.00286.
    """

    def inner(self, P, U, V):
        return np.sum(np.real(solve_lyapunov(P, U) * np.conj(V))) / 2

    def sharp(self, P):
        return SelfAdjoint(_wasserstein_sharp, P, clinear=is_real(P))

    def curvature(self, P, G):
        return _WassersteinConnection(P, G)

    def exp(self, P, Z):
        L = solve_lyapunov(P, Z)
        return sym(P + Z + L @ P @ L)

    def retraction(self, P, Z):
        """The exponential map; raises `ManifoldError` beyond its domain, where I + L is not positive definite."""
        L = solve_lyapunov(P, Z)
        return _within_domain(sym(P + Z + L @ P @ L), L)

    def log(self, P, Q):
        """M + M^H - 2 P with M = (P Q)^1/2 = P^1/2 (P^1/2 Q P^1/2)^1/2 P^-1/2."""
        R = symsqrt(P)
        M = R @ symsqrt(sym(R @ Q @ R)) @ np.linalg.inv(R)
        return M + ct(M) - 2 * P

    def squared_dist(self, P, Q):
        """tr P + tr Q - 2 tr (P^1/2 Q P^1/2)^1/2, the squared Wasserstein distance of centred Gaussians."""
        R = symsqrt(P)
        M = symsqrt(sym(R @ Q @ R))
        return np.real(np.trace(P) + np.trace(Q) - 2 * np.trace(M))


def _within_domain(Q, L):
    smallest = 1 + float(np.min(np.linalg.eigvalsh(plain(L))))
    if not smallest > 0:
        raise ManifoldError(
            f"a step on the Bures-Wasserstein manifold leaves the domain of its exponential map: I + L has the "
            f"eigenvalue {smallest:.3g}; expected positive ones. Take a shorter step.",
            smallest,
        )
    return Q
