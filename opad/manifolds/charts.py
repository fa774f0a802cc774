"""Nonlinear parametrisations: positive definite matrices, rotations, orthonormal columns, projectors.

Each is a function of free coordinates, written with functions that opad differentiates; differential, adjoint and
second derivative are traced. Functions of the spectrum are exact at repeated eigenvalues.
"""

import numpy as np

from opad.manifolds.chart import Chart
from opad.manifolds.linear import FromTriangle
from opad.manifolds.maps import ct
from opad.manifolds.singular import polar_factor
from opad.manifolds.spectral import symfun
from opad.manifolds.stiefel import qf
from opad.operators import Index
from opad.scipy.linalg import expm
from opad.tracing.functions import apply


class LogEuclidean(Chart):
    """Symmetric positive definite matrices exp(S), for the coordinates of symmetric S (see `Symmetric`).

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import LogEuclidean
    >>> LogEuclidean(2).embed(np.zeros(3))
    array([[1., 0.],
           [0., 1.]])

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

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import LogCholesky
    >>> LogCholesky(2).embed(np.array([0.0, 1.0, 0.0]))
    array([[1., 1.],
           [1., 2.]])

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

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import CorrelationChart
    >>> CorrelationChart(2).embed(np.array([0.75])).round(12)
    array([[1. , 0.6],
           [0.6, 1. ]])

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

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import RotationExponential
    >>> RotationExponential(2).embed(np.array([np.pi / np.sqrt(2)])).round(12) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])

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

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import RotationCayley
    >>> RotationCayley(2).embed(np.array([2 * np.sqrt(2)])).round(12) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])

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

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import StiefelQR
    >>> StiefelQR(2, 1).embed(np.array([[3.0], [4.0]])).round(12)
    array([[0.6],
           [0.8]])

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

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import StiefelPolar
    >>> StiefelPolar(2, 1).embed(np.array([[3.0], [4.0]])).round(12)
    array([[0.6],
           [0.8]])

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

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import ProjectorChart
    >>> ProjectorChart(2, 1).embed(np.array([[1.0], [1.0]])).round(12)
    array([[0.5, 0.5],
           [0.5, 0.5]])

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
