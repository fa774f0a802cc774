"""Matrices of fixed rank, and positive semi-definite matrices of fixed rank; the large matrix is never formed."""

import numpy as np
from scipy.sparse.linalg import svds

from opad.manifolds.base import Manifold
from opad.manifolds.maps import SelfAdjoint, ct, gaussian
from opad.manifolds.spectral import solve_lyapunov
from opad.manifolds.stiefel import qf
from opad.operators import Operator


class FixedRank(Manifold):
    """Matrices X = U diag(s) V^T of rank r in R^(m x n), in the Euclidean metric.

    Points are tuples (U, s, V). A tangent vector Z = U M V^T + Up V^T + U Vp^T is the tuple (Up, M, Vp) with U^T Up = 0
    and V^T Vp = 0. Functions receive (U, s, V) and must depend on the product alone, whatever the factors are; with
    G = gradient in X their gradients are G V diag(s), diag(U^T G V), G^T U diag(s), so that G itself is never needed.

        Hess[Z]: the second derivative of f along the second-order retraction
        (U + Up (S + M)^-1) (S + M) (V + Vp (S + M)^-T)^T

    Parameters
    ----------
    m, n, r : int

    `projection` maps any W with products W @ V and W.T @ U to the tangent space: an array, a sparse matrix, or an
    operator.

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import FixedRank
    >>> U, s, V = FixedRank(2, 2, 1).truncate(np.diag([3.0, 1.0]))
    >>> ((U * s) @ V.T).round(12) + 0.0
    array([[3., 0.],
           [0., 0.]])

    References
    ----------
    B. Vandereycken, Low-rank matrix completion by Riemannian optimization, SIAM J. Optim. 23(2), 2013.
    P.-A. Absil, I. Oseledets, Low-rank retractions: a survey and new results, Comput. Optim. Appl. 62, 2015.
    """

    retraction_order = 2

    def __init__(self, m, n, r):
        self.shape, self.rank = (m, n), r
        self.dims = ((m, r), (r,), (n, r))
        self.dim = r * (m + n - r)

    tangent_dims = property(lambda self: (self.dims[0], (self.rank, self.rank), self.dims[2]))

    @property
    def name(self):
        return f"FixedRank{(*self.shape, self.rank)}"

    def ambient_of(self, x):
        """The matrix itself, for small examples."""
        U, s, V = x
        return (U * s) @ V.T

    def projection(self, X):
        return OntoFixedRank(X)

    def embedding(self, X):
        return self.projection(X).H

    def tangent(self, X):
        return FactorTangent(X)

    def sharp(self, X):
        return FactorTangent(X).H

    def curvature(self, X, G):
        return FixedRankCurvature(X, G[0])

    def retraction(self, X, Z):
        """The best approximation of X + Z of rank r, from matrices of size 2 r only."""
        (U, s, V), (Up, M, Vp) = X, Z
        Qu, Ru = np.linalg.qr(Up)
        Qv, Rv = np.linalg.qr(Vp)
        r = self.rank
        above = np.concatenate([np.eye(r, dtype=s.dtype) * s + M, Rv.T], axis=1)
        below = np.concatenate([Ru, np.zeros_like(Ru)], axis=1)
        A, t, Bh = np.linalg.svd(np.concatenate([above, below], axis=0))
        U, V = np.concatenate([U, Qu], axis=1), np.concatenate([V, Qv], axis=1)
        return U @ A[:, :r], t[:r], V @ Bh[:r].T

    def residual(self, X):
        """How far the factors are from orthonormal; infinite if a singular value is not positive."""
        U, s, V = X
        identity = np.eye(self.rank)
        if not np.min(s) > 0:
            return np.inf
        return max(float(np.max(np.abs(Q.T @ Q - identity))) for Q in (U, V))

    def random_point(self, rng=None):
        rng = np.random.default_rng(rng)
        (m, r), _, (n, _) = self.dims
        s = np.sort(rng.uniform(0.5, 1.5, r))[::-1].astype(self.dtype)
        return qf(gaussian((m, r), self.dtype, rng)), s, qf(gaussian((n, r), self.dtype, rng))

    def degenerate_points(self):
        (m, r), _, (n, _) = self.dims
        return {"equal singular values": (np.eye(m, r), np.ones(r), np.eye(n, r))}

    def truncate(self, A):
        """The point closest to the matrix A, an array or a sparse matrix."""
        if min(A.shape) <= self.rank + 1:
            U, s, Vh = np.linalg.svd(A)
        else:
            U, s, Vh = svds(A, self.rank, rng=np.random.default_rng(0))
        order = np.argsort(-s)[: self.rank]
        return U[:, order], s[order], Vh[order].T


class OntoFixedRank(Operator):
    """W -> (Up, M, Vp) = (W V - U M, U^T W V, W^T U - V M^T), the tangent part of a matrix.

    Adjoint: (Up, M, Vp) -> (U M + Up) V^T + U Vp^T for the parts of Up, Vp orthogonal to U, V.

    Parameters
    ----------
    X : tuple (U, s, V)
    """

    def __init__(self, X):
        self.U, _, self.V = X
        m, r = self.U.shape
        n, _ = self.V.shape
        self.dims, self.dimsd = (m, n), ((m, r), (r, r), (n, r))

    def apply(self, W):
        U, V = self.U, self.V
        WV, WU = W @ V, _transposed(W) @ U
        M = U.T @ WV
        return WV - U @ M, M, WU - V @ M.swapaxes(-1, -2)

    def apply_adjoint(self, Z):
        U, V = self.U, self.V
        Up, M, Vp = Z
        Up, Vp = Up - U @ (U.T @ Up), Vp - V @ (V.T @ Vp)
        return (U @ M + Up) @ V.T + U @ Vp.swapaxes(-1, -2)


def _transposed(W):
    return W.swapaxes(-1, -2) if hasattr(W, "swapaxes") else W.T


class FactorTangent(Operator):
    """(Up, M, Vp) -> (dU, ds, dV) = (Up / s, 0, (V M^T + Vp) / s): factors whose product changes by Z.

    Adjoint: (gU, gs, gV) -> (gU / s, (gV / s)^T V, gV / s), with the parts along U and V taken out of the outer two.

    Parameters
    ----------
    X : tuple (U, s, V)
    """

    def __init__(self, X):
        self.U, self.s, self.V = X
        (m, r), (n, _) = self.U.shape, self.V.shape
        self.dims, self.dimsd = ((m, r), (r, r), (n, r)), ((m, r), (r,), (n, r))

    def apply(self, Z):
        U, s, V = self.U, self.s, self.V
        Up, M, Vp = Z
        Up, Vp = Up - U @ (U.T @ Up), Vp - V @ (V.T @ Vp)
        return Up / s, np.zeros_like(M[..., 0]), (V @ M.swapaxes(-1, -2) + Vp) / s

    def apply_adjoint(self, G):
        U, s, V = self.U, self.s, self.V
        gU, _, gV = G
        A, B = gU / s, gV / s
        VB = V.T @ B
        return A - U @ (U.T @ A), VB.swapaxes(-1, -2), B - V @ VB


class FixedRankCurvature(Operator):
    """(Up, M, Vp) -> (-gU S^-1 M^T S^-1, -S^-1 Up^T gU S^-1, 0), projected: the curvature of the retraction.

    It is the Hessian of the quadratic form -<gU, Up S^-1 M S^-1>, hence self-adjoint.

    Parameters
    ----------
    X : tuple (U, s, V)
    gU : (m, r) array, the gradient in U
    """

    def __init__(self, X, gU):
        self.U, s, V = X
        self.A = gU / s - self.U @ (self.U.T @ (gU / s))
        self.s = s
        (m, r), (n, _) = self.U.shape, V.shape
        self.dims = self.dimsd = ((m, r), (r, r), (n, r))

    def apply(self, Z):
        Up, M, Vp = Z
        s = self.s[:, None]
        return -self.A @ (M / s).swapaxes(-1, -2), -((Up.swapaxes(-1, -2) @ self.A) / s), np.zeros_like(Vp)

    apply_adjoint = apply


def _without_rotation(Y, Z):
    """Z - Y Omega, (Y^T Y) Omega + Omega (Y^T Y) = Y^T Z - Z^T Y."""
    C = ct(Y) @ Z
    return Z - Y @ solve_lyapunov(ct(Y) @ Y, C - ct(C))


class PSDFixedRank(Manifold):
    """Positive semi-definite n x n matrices Y Y^T of rank r, represented by Y, for functions of Y Y^T.

        P(Z) = Z - Y Omega, Y^T Y Omega + Omega Y^T Y = Y^T Z - Z^T Y        R(Y, Z) = Y + Z, a geodesic

    Parameters
    ----------
    n, r : int

    Functions receive Y and must not change when it is rotated, f(Y Q) = f(Y).

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import PSDFixedRank
    >>> PSDFixedRank(2, 1).retraction(np.ones((2, 1)), np.ones((2, 1)))
    array([[2.],
           [2.]])

    References
    ----------
    M. Journee, F. Bach, P.-A. Absil, R. Sepulchre, Low-rank optimization on the cone of positive semidefinite matrices,
    SIAM J. Optim. 20(5), 2010.
    E. Massart, P.-A. Absil, Quotient geometry with simple geodesics for the manifold of fixed-rank
    positive-semidefinite matrices, SIAM J. Matrix Anal. Appl. 41(1), 2020.
    """

    retraction_order = 2

    def __init__(self, n, r):
        self.dims = (n, r)
        self.dim = n * r - r * (r - 1) // 2

    def ambient_of(self, x):
        return x @ ct(x)

    def projection(self, Y):
        return SelfAdjoint(_without_rotation, Y)

    def gradient(self, Y, G):
        """G itself: the gradient of a function that does not change when Y is rotated has no part along rotations."""
        return G

    def curvature(self, Y, G):
        return None

    def retraction(self, Y, Z):
        return Y + Z

    def residual(self, Y):
        """Infinite where Y loses rank: there the set is no manifold."""
        s = np.linalg.svd(Y, compute_uv=False)
        return 0.0 if s[-1] > 1e-12 * s[0] else np.inf

    def random_point(self, rng=None):
        return gaussian(self.dims, self.dtype, rng)

    def degenerate_points(self):
        return {"equal eigenvalues": np.eye(*self.dims)}
