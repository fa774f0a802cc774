"""Hyperbolic space, and the symplectic and special linear groups."""

import numpy as np

from opad.manifolds.base import Manifold
from opad.manifolds.maps import PointMap, SelfAdjoint, gaussian, sym, trace_product
from opad.manifolds.spectral import solve_lyapunov
from opad.scipy.linalg import expm


def lorentz(x, y):
    """-x_0 y_0 + x_1 y_1 + ..., as an array (..., 1)."""
    return np.sum(x * y, axis=-1, keepdims=True) - 2 * x[..., :1] * y[..., :1]


def flip(x):
    """J x with J = diag(-1, 1, ..., 1)."""
    return np.concatenate([-x[..., :1], x[..., 1:]], axis=-1)


def _lorentz_project(x, w):
    """w + <x, w>_L x."""
    return w + lorentz(x, w) * x


def _lorentz_project_adjoint(x, y):
    """y + (x . y) J x."""
    return y + np.sum(x * y, axis=-1, keepdims=True) * flip(x)


def _lorentz_sharp(x, G):
    """J G + (x . G) x."""
    return flip(G) + np.sum(x * G, axis=-1, keepdims=True) * x


class Hyperboloid(Manifold):
    """Hyperbolic space, {x in R^(n+1) : <x, x>_L = -1, x_0 > 0}, <x, y>_L = -x_0 y_0 + x_1 y_1 + ... + x_n y_n.

        P(w) = w + <x, w>_L x    rgrad = P(J G)    Hess[z] = P(J H[z]) + (x . G) z    exp = cosh(q) x + sinh(q) z / q

    Parameters
    ----------
    n : int, the dimension

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Hyperboloid
    >>> Hyperboloid(1).exp(np.array([1.0, 0.0]), np.array([0.0, np.log(2)])).round(12)
    array([1.25, 0.75])

    References
    ----------
    M. Nickel, D. Kiela, Learning continuous hierarchies in the Lorentz model of hyperbolic geometry, ICML 2018.
    """

    retraction_order = 2
    stacks = True

    def __init__(self, n):
        self.dims, self.dim = (n + 1,), n

    def inner(self, x, u, v):
        return lorentz(u, v)[..., 0]

    def projection(self, x):
        return PointMap(_lorentz_project, _lorentz_project_adjoint, (x,), x.shape)

    def sharp(self, x):
        return SelfAdjoint(_lorentz_sharp, x)

    def curvature(self, x, G):
        return SelfAdjoint(np.multiply, np.sum(x * G, axis=-1, keepdims=True), dims=x.shape)

    def exp(self, x, z):
        q = np.sqrt(np.maximum(lorentz(z, z), 0) + np.finfo(z.dtype).tiny)
        return np.cosh(q) * x + np.sinh(q) / q * z

    def retraction(self, x, z):
        """The exponential map, put back on the hyperboloid, from which rounding moves it away."""
        y = self.exp(x, z)[..., 1:]
        return np.concatenate([np.sqrt(1 + np.sum(y * y, axis=-1, keepdims=True)), y], axis=-1)

    def dist(self, x, y):
        """arcosh(-<x, y>_L), by a formula that is accurate for close points."""
        return 2 * np.arcsinh(np.sqrt(np.maximum(lorentz(x - y, x - y), 0))[..., 0] / 2)

    def constraint(self, x):
        return lorentz(x, x) + 1

    def random_point(self, rng=None):
        y = gaussian((self.dim,), self.dtype, rng)
        return np.concatenate([np.sqrt(1 + np.sum(y * y, keepdims=True)), y])

    def degenerate_points(self):
        return {"origin": np.eye(1, self.dim + 1, dtype=self.dtype)[0]}


def symplectic_form(n, dtype=float):
    """J = [[0, I], [-I, 0]] of size 2 n."""
    return np.kron(np.array([[0, 1], [-1, 0]], dtype), np.eye(n, dtype=dtype))


def _symplectic_project(X, J, W):
    """X J S with M S + S M = 2 sym(J^T X^T W), M = J^T X^T X J."""
    B = J.T @ X.swapaxes(-1, -2)
    return X @ J @ solve_lyapunov(B @ X @ J, 2 * sym(B @ W))


class Symplectic(Manifold):
    """The real symplectic group Sp(2n), {X : X^T J X = J}, in the Euclidean metric; tangent vectors X J S, S symmetric.

        R(X, Z) = X (I - A/2)^-1 (I + A/2), A = J^T X^T J Z', Z' = Z - P(Z X^-1 Z) / 2 for second order

    Parameters
    ----------
    n : int, half the size

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Symplectic
    >>> Symplectic(1).projection(np.eye(2)).apply(np.eye(2)).round(12) + 0.0
    array([[0., 0.],
           [0., 0.]])

    References
    ----------
    B. Gao, N. T. Son, P.-A. Absil, T. Stykel, Riemannian optimization on the symplectic Stiefel manifold, SIAM J.
    Optim. 31(2), 2021, arXiv:2006.15226.
    """

    retraction_order = 2

    def __init__(self, n):
        self.dims, self.dim = (2 * n, 2 * n), n * (2 * n + 1)
        self.J = symplectic_form(n)

    def _form(self, X):
        return self.J.astype(X.dtype)

    def inverse(self, X):
        """J^T X^T J."""
        J = self._form(X)
        return J.T @ X.swapaxes(-1, -2) @ J

    def projection(self, X):
        return SelfAdjoint(_symplectic_project, X, self._form(X))

    def retraction(self, X, Z):
        inverse = self.inverse(X)
        Z = Z - self.projection(X).apply(Z @ inverse @ Z) / 2
        A, identity = inverse @ Z, np.eye(X.shape[0], dtype=X.dtype)
        return X @ np.linalg.solve(identity - A / 2, identity + A / 2)

    def constraint(self, X):
        J = self._form(X)
        return X.swapaxes(-1, -2) @ J @ X - J

    def random_point(self, rng=None):
        S = sym(gaussian(self.dims, self.dtype, rng)) / self.dims[0]
        return expm(self._form(S) @ S)

    def degenerate_points(self):
        return {"identity": np.eye(self.dims[0], dtype=self.dtype)}


def _without_normal(N, W):
    """W - N <N, W> / |N|^2."""
    return W - N * (trace_product(N, W) / trace_product(N, N))


class SpecialLinear(Manifold):
    """SL(n), matrices of determinant one, in the Euclidean metric; the normal at X is N = X^-T.

        P(W) = W - N <N, W> / |N|^2        R(X, Z) = (X + Z') / det(X + Z')^(1/n)

    with Z' = Z - tr((X^-1 Z)^2) P(X) / (2 n), which makes it second order.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import SpecialLinear
    >>> SpecialLinear(2).projection(np.eye(2)).apply(np.diag([3.0, 1.0]))
    array([[ 1.,  0.],
           [ 0., -1.]])

    References
    ----------
    P.-A. Absil, J. Malick, Projection-like retractions on matrix manifolds, SIAM J. Optim. 22(1), 2012.
    """

    retraction_order = 2
    stacks = True

    def __init__(self, n):
        self.dims, self.dim = (n, n), n * n - 1

    def projection(self, X):
        return SelfAdjoint(_without_normal, np.linalg.inv(X).swapaxes(-1, -2))

    def retraction(self, X, Z):
        n = self.dims[0]
        A = np.linalg.solve(X, Z)
        Y = X + Z - trace_product(A.swapaxes(-1, -2), A) / (2 * n) * self.projection(X).apply(X)
        return Y / (np.linalg.det(Y) ** (1 / n))[..., None, None]

    def constraint(self, X):
        return np.linalg.det(X) - 1

    def random_point(self, rng=None):
        X = gaussian(self.dims, self.dtype, rng)
        X = X if np.linalg.det(X) > 0 else np.concatenate([-X[:, :1], X[:, 1:]], axis=1)
        return X / np.linalg.det(X) ** self.dtype.type(1 / self.dims[0])

    def degenerate_points(self):
        return {"identity": np.eye(self.dims[0], dtype=self.dtype)}
