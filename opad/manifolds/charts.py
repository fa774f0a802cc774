"""Nonlinear parametrisations: positive definite, rotation, orthonormal, stochastic and bounded matrices.

Each is a function of free coordinates, written with functions that opad differentiates; differential, adjoint and
second derivative are traced. Functions of the spectrum are exact at repeated eigenvalues.
"""

import numpy as np

from opad.manifolds.chart import Chart
from opad.manifolds.information import sinkhorn
from opad.manifolds.linear import FromTriangle
from opad.manifolds.maps import ct
from opad.manifolds.singular import polar_factor
from opad.manifolds.spectral import expm, symfun
from opad.manifolds.stiefel import qf
from opad.operators import Index
from opad.tracing.functions import apply


class LogEuclidean(Chart):
    """Symmetric positive definite matrices exp(S), for the coordinates of symmetric S (see `Symmetric`).

    Parameters
    ----------
    n : int

    References
    ----------
    V. Arsigny, P. Fillard, X. Pennec, N. Ayache, Geometric means in a novel vector space structure on symmetric
    positive-definite matrices, SIAM J. Matrix Anal. Appl. 29(1), 2007.
    """

    def __init__(self, n):
        self.linear_part = FromTriangle(n, 1)
        super().__init__(None, self.linear_part.dims)

    def embed(self, t):
        return symfun(apply(self.linear_part, t), np.exp)

    def coordinates(self, P):
        """The coordinates of log P."""
        return self.linear_part.apply_adjoint(symfun(P, np.log))

    def degenerate_points(self):
        return {"identity": np.zeros(self.dims)}


class LogCholesky(Chart):
    """Symmetric positive definite matrices L L^T, for the lower triangle of L with log of its diagonal.

    Parameters
    ----------
    n : int

    References
    ----------
    Z. Lin, Riemannian geometry of symmetric positive definite matrices via Cholesky decomposition, SIAM J. Matrix Anal.
    Appl. 40(4), 2019, arXiv:1908.09326.
    """

    def __init__(self, n):
        self.n = n
        self.scatter = Index(np.tril_indices(n), (n, n)).H
        super().__init__(None, self.scatter.dims)

    def embed(self, t):
        T = apply(self.scatter, t)
        on = np.eye(self.n, dtype=t.dtype)
        L = T * (1 - on) + on * np.exp(T * on)
        return L @ L.T

    def degenerate_points(self):
        return {"identity": np.zeros(self.dims)}


class CorrelationChart(Chart):
    """Correlation matrices L L^T, L unit lower triangular with its rows normalised; t is the strict lower triangle.

    Parameters
    ----------
    n : int

    References
    ----------
    J. C. Pinheiro, D. M. Bates, Unconstrained parametrizations for variance-covariance matrices, Stat. Comput. 6, 1996.
    """

    def __init__(self, n):
        self.n = n
        self.scatter = Index(np.tril_indices(n, -1), (n, n)).H
        super().__init__(None, self.scatter.dims)

    def embed(self, t):
        L = apply(self.scatter, t) + np.eye(self.n, dtype=t.dtype)
        L = L / np.sqrt(np.sum(L * L, axis=1, keepdims=True))
        return L @ L.T

    def degenerate_points(self):
        return {"identity": np.zeros(self.dims)}


class _SkewChart(Chart):
    def __init__(self, n):
        self.linear_part = FromTriangle(n, -1)
        super().__init__(None, self.linear_part.dims)

    def degenerate_points(self):
        return {"identity": np.zeros(self.dims)}


class RotationExponential(_SkewChart):
    """Rotations expm(A), for the coordinates of skew-symmetric A (see `Skew`).

    Parameters
    ----------
    n : int

    References
    ----------
    M. Lezcano-Casado, D. Martinez-Rubio, Cheap orthogonal constraints in neural networks, ICML 2019, arXiv:1901.08428.
    """

    def embed(self, t):
        return expm(apply(self.linear_part, t))


class RotationCayley(_SkewChart):
    """Rotations (I - A/2)^-1 (I + A/2) without eigenvalue -1, for the coordinates of skew-symmetric A.

    Parameters
    ----------
    n : int

    References
    ----------
    K. Helfrich, D. Willmott, Q. Ye, Orthogonal recurrent neural networks with scaled Cayley transform, ICML 2018.
    """

    def embed(self, t):
        A = apply(self.linear_part, t) / 2
        identity = np.eye(A.shape[0], dtype=t.dtype)
        return np.linalg.solve(identity - A, identity + A)


class _FrameChart(Chart):
    def __init__(self, n, p):
        super().__init__(None, (n, p), dim=n * p - p * (p + 1) // 2)

    def degenerate_points(self):
        return {"first columns of I": np.eye(*self.dims)}


class StiefelQR(_FrameChart):
    """Orthonormal columns Q of A = Q R with a positive diagonal of R, for any A of full rank.

    Parameters
    ----------
    n, p : int

    References
    ----------
    S. Walter, L. Lehmann, Algorithmic differentiation of linear algebra functions, 2010, arXiv:1001.1654.
    """

    def embed(self, t):
        return qf(t)


class StiefelPolar(_FrameChart):
    """Orthonormal columns U of the polar decomposition A = U P, for any A of full rank; D is self-adjoint.

    Parameters
    ----------
    n, p : int

    References
    ----------
    N. J. Higham, Functions of Matrices, SIAM 2008, chapter 8.
    """

    def embed(self, t):
        return polar_factor(t)


class ProjectorChart(Chart):
    """Orthogonal projectors X X^T onto subspaces of dimension p, X = Q of A = Q R, for any A of full rank.

    Parameters
    ----------
    n, p : int

    References
    ----------
    T. Bendokat, R. Zimmermann, P.-A. Absil, A Grassmann manifold handbook, Adv. Comput. Math. 50, 2024.
    """

    def __init__(self, n, p):
        super().__init__(None, (n, p), dim=p * (n - p))

    def embed(self, t):
        X = qf(t)
        return X @ ct(X)

    def degenerate_points(self):
        return {"first columns of I": np.eye(*self.dims)}


class Direction(Chart):
    """Unit vectors v / |v|, or matrices with unit columns, for any v without zero columns; D is self-adjoint.

    Parameters
    ----------
    *dims : (n,) for the sphere, (n, p) for the oblique manifold
    """

    def __init__(self, *dims):
        super().__init__(None, dims, dim=(dims[0] - 1) * (dims[1] if len(dims) > 1 else 1))

    def embed(self, t):
        return t / np.sqrt(np.sum(t * t, axis=0, keepdims=True))


class Softmax(Chart):
    """Probability vectors, or column stochastic matrices, exp(t) / sum exp(t); D is self-adjoint.

    Parameters
    ----------
    *dims : (n,) or (n, p)
    """

    def __init__(self, *dims):
        super().__init__(None, dims, dim=(dims[0] - 1) * (dims[1] if len(dims) > 1 else 1))

    def embed(self, t):
        y = np.exp(t - np.max(t, axis=0, keepdims=True))
        return y / np.sum(y, axis=0, keepdims=True)

    def degenerate_points(self):
        return {"uniform": np.zeros(self.dims)}


class SinkhornChart(Chart):
    """Doubly stochastic matrices, Sinkhorn's limit of exp(T); D is self-adjoint, by implicit differentiation.

    Parameters
    ----------
    n : int

    References
    ----------
    M. Cuturi, Sinkhorn distances, NeurIPS 2013; G. Luise et al., Differential properties of Sinkhorn approximation for
    learning with Wasserstein distance, NeurIPS 2018.
    """

    def __init__(self, n):
        super().__init__(None, (n, n), dim=(n - 1) ** 2)

    def embed(self, t):
        return sinkhorn(np.exp(t))

    def degenerate_points(self):
        return {"uniform": np.zeros(self.dims)}


class Positive(Chart):
    """Positive arrays exp(t).

    Parameters
    ----------
    *dims : int
    """

    def __init__(self, *dims):
        super().__init__(None, dims)

    def embed(self, t):
        return np.exp(t)


class Box(Chart):
    """Arrays between two bounds, lower + (upper - lower) / (1 + exp(-t)).

    Parameters
    ----------
    lower, upper : floats or arrays that broadcast to `dims`
    dims : shape
    """

    def __init__(self, lower, upper, dims):
        self.lower, self.upper = lower, upper
        super().__init__(None, dims)

    def embed(self, t):
        return self.lower + (self.upper - self.lower) * (0.5 + 0.5 * np.tanh(t / 2))
