"""Matrices with orthonormal columns: the Stiefel manifold, the orthogonal and unitary groups, subspaces."""

import numpy as np

from opad.errors import OptionError
from opad.manifolds.base import Manifold
from opad.manifolds.divided import INVERSE_SQRT
from opad.manifolds.maps import PointMap, SelfAdjoint, ct, gaussian, is_real, skew, sym
from opad.manifolds.spectral import symfun
from opad.scipy.linalg import expm


def _project(X, W):
    """W - X sym(X^H W)."""
    return W - X @ sym(ct(X) @ W)


def _project_square(X, W):
    """X skew(X^H W), the same for square X."""
    return X @ skew(ct(X) @ W)


def _bend(X, S, Z):
    """-P(Z S)."""
    return -_project(X, Z @ S)


def _bend_adjoint(X, S, Y):
    return -_project(X, Y) @ S


class StiefelHessianConversion:
    """(H[Z], Z) -> P(H[Z] - Z S), with one projection instead of two."""

    def __init__(self, P, S):
        self.P, self.S = P, S

    def __call__(self, HZ, Z):
        return self.P.apply(HZ - Z @ self.S)


def polar(Y):
    """Y (Y^H Y)^-1/2, the closest matrix with orthonormal columns; from an eigenproblem of the small matrix."""
    return Y @ symfun(ct(Y) @ Y, INVERSE_SQRT)


def qf(Y):
    """Q of Y = Q R with a positive diagonal of R."""
    Q, R = np.linalg.qr(Y)
    d = np.diagonal(R, axis1=-2, axis2=-1)
    return Q * (d / np.abs(d))[..., None, :]


def cayley(X, Z):
    """(I - M/2)^-1 (I + M/2) X with M = P Z X^H - X Z^H P, P = I - X X^H / 2, through matrices of twice the columns.

    M = A B^H with A = [P Z, X], B = [X, -P Z], and the Sherman-Morrison-Woodbury formula.
    """
    n = X.shape[-1]
    PZ = Z - X @ (ct(X) @ Z) / 2
    A, B = np.concatenate([PZ, X], axis=-1), np.concatenate([X, -PZ], axis=-1)
    core = np.eye(2 * n, dtype=X.dtype) - ct(B) @ A / 2
    return X + A @ np.linalg.solve(core, ct(B) @ X)


RETRACTIONS = {"polar": (lambda X, Z: polar(X + Z), 2), "qr": (lambda X, Z: qf(X + Z), 1), "cayley": (cayley, 1)}


class Stiefel(Manifold):
    """Matrices with orthonormal columns, {X in R^(n x p) : X^T X = I}, in the Euclidean metric.

        P(W) = W - X sym(X^T W)        Hess[Z] = P(H[Z] - Z sym(X^T G))

    Parameters
    ----------
    n, p : int, p <= n
    retraction : {"polar", "qr", "cayley"}; of second, first and first order
    dtype : real or complex

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Stiefel
    >>> Stiefel(2, 1).retraction(np.array([[1.0], [0.0]]), np.array([[0.0], [0.75]])).round(12)
    array([[0.8],
           [0.6]])

    References
    ----------
    A. Edelman, T. Arias, S. Smith, The geometry of algorithms with orthogonality constraints, SIAM J. Matrix Anal.
    Appl. 20(2), 1998.
    P.-A. Absil, R. Mahony, J. Trumpf, An extrinsic look at the Riemannian Hessian, GSI 2013.
    Z. Wen, W. Yin, A feasible method for optimization with orthogonality constraints, Math. Program. 142, 2013.
    """

    stacks = True

    def __init__(self, n, p, retraction="polar", dtype=float):
        if retraction not in RETRACTIONS:
            raise OptionError(
                f"Stiefel was given retraction={retraction!r}; expected one of {sorted(RETRACTIONS)}. 'polar', the "
                "default, is of second order."
            )
        self.dims = (n, p)
        self.dtype = np.dtype(dtype)
        self.dim = 2 * n * p - p * p if self.dtype.kind == "c" else n * p - p * (p + 1) // 2
        self.chosen = retraction
        self.retraction_order = RETRACTIONS[retraction][1]

    def projection(self, X):
        return SelfAdjoint(_project, X, clinear=is_real(X))

    def curvature(self, X, G):
        return PointMap(_bend, _bend_adjoint, (X, sym(ct(X) @ G)), X.shape, clinear=is_real(X))

    def hessian_conversion(self, X, G):
        return StiefelHessianConversion(self.projection(X), sym(ct(X) @ G))

    def retraction(self, X, Z):
        return RETRACTIONS[self.chosen][0](X, Z)

    def exp(self, X, Z):
        """The geodesic of the Euclidean metric: [X Z] expm([[A, -S], [I, A]]) [I; 0] expm(-A), A = X^T Z, S = Z^T Z."""
        p = X.shape[-1]
        A, S = ct(X) @ Z, ct(Z) @ Z
        identity = np.eye(p, dtype=X.dtype)
        block = np.concatenate([np.concatenate([A, -S], 1), np.concatenate([identity, A], 1)], 0)
        return np.concatenate([X, Z], 1) @ expm(block)[:, :p] @ expm(-A)

    def constraint(self, X):
        return ct(X) @ X - np.eye(X.shape[-1], dtype=X.dtype)

    def random_point(self, rng=None):
        return qf(gaussian(self.dims, self.dtype, rng))

    def degenerate_points(self):
        return {"first columns of I": np.eye(*self.dims, dtype=self.dtype)}


class Orthogonal(Stiefel):
    """Orthogonal matrices O(n), or with a complex dtype unitary matrices U(n); the tangent vectors are X skew.

        P(W) = X skew(X^T W)        R(X, Z) = X expm(X^T Z), or Cayley, polar and QR

    Parameters
    ----------
    n : int
    retraction : {"polar", "qr", "cayley", "exp"}
    dtype : real or complex

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Orthogonal
    >>> Orthogonal(2).projection(np.eye(2)).apply(np.array([[5.0, 2.0], [0.0, 5.0]]))
    array([[ 0.,  1.],
           [-1.,  0.]])

    References
    ----------
    A. Edelman, T. Arias, S. Smith, The geometry of algorithms with orthogonality constraints, SIAM J. Matrix Anal.
    Appl. 20(2), 1998.
    """

    def __init__(self, n, retraction="polar", dtype=float):
        super().__init__(n, n, "polar" if retraction == "exp" else retraction, dtype)
        self.chosen = retraction

    @property
    def name(self):
        return f"{type(self).__name__}({self.dims[0]})"

    def projection(self, X):
        return SelfAdjoint(_project_square, X, clinear=is_real(X))

    def retraction(self, X, Z):
        return self.exp(X, Z) if self.chosen == "exp" else super().retraction(X, Z)

    def exp(self, X, Z):
        """X expm(X^H Z)."""
        return X @ expm(skew(ct(X) @ Z))

    def log(self, X, Y):
        """The tangent vector at X with exp(X, Z) = Y, for Y without eigenvalue -1 relative to X."""
        w, V = np.linalg.eig(ct(X) @ Y)
        Omega = skew(V @ (1j * np.angle(w)[:, None] * np.linalg.inv(V)))
        return X @ (Omega if X.dtype.kind == "c" else Omega.real)


class SpecialOrthogonal(Orthogonal):
    """Rotations SO(n), the orthogonal matrices of determinant one; see `Orthogonal`.

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import SpecialOrthogonal
    >>> round(float(np.linalg.det(SpecialOrthogonal(3).random_point(0))), 12)
    1.0

    References
    ----------
    A. Edelman, T. Arias, S. Smith, The geometry of algorithms with orthogonality constraints, SIAM J. Matrix Anal.
    Appl. 20(2), 1998.
    """

    def random_point(self, rng=None):
        X = super().random_point(rng)
        return X if np.linalg.det(X) > 0 else np.concatenate([-X[:, :1], X[:, 1:]], axis=1)

    def residual(self, X):
        return max(super().residual(X), abs(float(np.linalg.det(X)) - 1))


class Unitary(Orthogonal):
    """Unitary matrices U(n); see `Orthogonal`.

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Unitary
    >>> Unitary(3).dim
    9

    References
    ----------
    T. Abrudan, J. Eriksson, V. Koivunen, Steepest descent algorithms for optimization under unitary matrix constraint,
    IEEE Trans. Signal Process. 56(3), 2008.
    """

    def __init__(self, n, retraction="polar", dtype=complex):
        super().__init__(n, retraction, dtype)


def _horizontal(X, W):
    """W - X X^H W."""
    return W - X @ (ct(X) @ W)


def _turn(S, Z):
    """-Z S."""
    return -(Z @ S)


def _turn_adjoint(S, Y):
    return -(Y @ ct(S))


class Grassmann(Manifold):
    """Subspaces of dimension p in R^n or C^n, represented by orthonormal bases X, for functions of span(X).

        P(W) = W - X X^T W        Hess[Z] = P H[Z] - Z X^T G

    Parameters
    ----------
    n, p : int
    dtype : real or complex

    Functions receive X and must not change when the basis is rotated, f(X Q) = f(X).

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Grassmann
    >>> Grassmann(2, 1).projection(np.array([[1.0], [0.0]])).apply(np.array([[5.0], [2.0]]))
    array([[0.],
           [2.]])

    References
    ----------
    A. Edelman, T. Arias, S. Smith, The geometry of algorithms with orthogonality constraints, SIAM J. Matrix Anal.
    Appl. 20(2), 1998, sections 2.5 and 4.
    """

    retraction_order = 2
    stacks = True

    def __init__(self, n, p, dtype=float):
        self.dims = (n, p)
        self.dtype = np.dtype(dtype)
        self.dim = p * (n - p) * (2 if self.dtype.kind == "c" else 1)

    def ambient_of(self, x):
        return x @ ct(x)

    def projection(self, X):
        return SelfAdjoint(_horizontal, X)

    def curvature(self, X, G):
        return PointMap(_turn, _turn_adjoint, (ct(X) @ G,), X.shape)

    def retraction(self, X, Z):
        return polar(X + Z)

    def exp(self, X, Z):
        """X cos(S) + Z sinc(S) with S^2 = Z^H Z: the geodesic without a singular value decomposition."""
        w, V = np.linalg.eigh(ct(Z) @ Z)
        s = np.sqrt(np.maximum(w, 0))
        return (X @ V) * np.cos(s)[..., None, :] @ ct(V) + (Z @ V) * np.sinc(s / np.pi)[..., None, :] @ ct(V)

    def dist(self, X, Y):
        """The root of the sum of squared principal angles."""
        s = np.linalg.svd(ct(X) @ Y, compute_uv=False)
        return np.sqrt(np.sum(np.arccos(np.minimum(s, 1)) ** 2))

    def constraint(self, X):
        return ct(X) @ X - np.eye(X.shape[-1], dtype=X.dtype)

    def random_point(self, rng=None):
        return qf(gaussian(self.dims, self.dtype, rng))

    def degenerate_points(self):
        return {"first columns of I": np.eye(*self.dims, dtype=self.dtype)}
