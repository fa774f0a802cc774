"""Unit vectors: the sphere, and matrices with unit columns."""

import numpy as np

from opad.manifolds.base import Manifold
from opad.manifolds.maps import SelfAdjoint, conjugate, gaussian, is_real


def project_columns(X, W):
    """W - X Re<X, W>, for every column of a matrix."""
    return W - X * np.sum(np.real(conjugate(X) * W), axis=-2, keepdims=True)


def project_vector(x, w):
    """w - x Re<x, w>."""
    return w - x * np.real(np.vecdot(x, w))[..., None]


class Sphere(Manifold):
    """Unit vectors of R^n or C^n, {x : |x| = 1}.

        P(w) = w - x Re<x, w>        R(x, z) = (x + z) / |x + z|        Hess[z] = P(H[z] - Re<x, G> z)

    Parameters
    ----------
    n : int
    dtype : real or complex

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Sphere
    >>> Sphere(2).retraction(np.array([1.0, 0.0]), np.array([0.0, 0.75])).round(12)
    array([0.8, 0.6])

    References
    ----------
    P.-A. Absil, R. Mahony, R. Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, sections 3.5 to 5.4.
    """

    retraction_order = 2
    stacks = True
    axis = -1

    def __init__(self, n, dtype=float):
        self.dims = (n,)
        self.dtype = np.dtype(dtype)
        self.dim = (2 * n if self.dtype.kind == "c" else n) - 1

    def _norms(self, X):
        return np.sqrt(self._dot(X, X))

    def _dot(self, X, Y):
        return np.sum(np.real(conjugate(X) * Y), axis=self.axis, keepdims=True)

    def projection(self, X):
        project = project_vector if self.axis == -1 else project_columns
        return SelfAdjoint(project, X, clinear=is_real(X))

    def retraction(self, X, Z):
        Y = X + Z
        return Y / self._norms(Y)

    def exp(self, X, Z):
        """cos |z| x + sin |z| z / |z|, a great circle."""
        t = np.sqrt(self._dot(Z, Z) + np.finfo(Z.dtype).tiny)
        return np.cos(t) * X + np.sin(t) / t * Z

    def log(self, X, Y):
        """The tangent vector at X whose great circle reaches Y."""
        Z = self.projection(X).apply(Y - X)
        c, s = self._dot(X, Y), self._norms(Z)
        return np.arctan2(s, c) / np.where(s == 0, 1, s) * Z

    def dist(self, X, Y):
        """The angle between X and Y (the root of the sum of squares for several columns)."""
        return np.sqrt(np.sum(self._dot(self.log(X, Y), self.log(X, Y))))

    def curvature(self, X, G):
        return _scaled(-self._dot(X, G), X)

    def constraint(self, X):
        return self._dot(X, X) - 1

    def random_point(self, rng=None):
        X = gaussian(self.dims, self.dtype, rng)
        return X / self._norms(X)


def _scaled(s, X):
    """Z -> s Z on the tangent space at X, as an operator."""
    return SelfAdjoint(np.multiply, s, dims=X.shape)


class Oblique(Sphere):
    """Matrices with columns of length one, {X in R^(n x p) : diag(X^T X) = 1}; every column is a point of a sphere.

    Parameters
    ----------
    n, p : int
    dtype : real or complex

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Oblique
    >>> Oblique(2, 2).projection(np.eye(2)).apply(np.ones((2, 2)))
    array([[0., 1.],
           [1., 0.]])

    References
    ----------
    P.-A. Absil, K. Gallivan, Joint diagonalization on the oblique manifold for independent component analysis, ICASSP
    2006.
    """

    axis = -2

    def __init__(self, n, p, dtype=float):
        super().__init__(n, dtype)
        self.dims = (n, p)
        self.dim *= p
