"""Positive numbers that add up to one: probability vectors and doubly stochastic matrices, in the Fisher metric."""

import numpy as np

from opad.errors import ConvergenceError
from opad.manifolds.base import Manifold
from opad.manifolds.maps import PointMap
from opad.operators import Operator
from opad.tracing.functions import primitive
from opad.tracing.primitives import operator_rule


class _Fisher(Manifold):
    """Positive arrays with fixed sums, <U, V> = sum U V / X.

    rgrad = P(X .* G)        Hess[Z] = P(X .* H[Z]) + P(Z .* (G - c) - Z .* rgrad / (2 X)),  c: see `_multipliers`
    """

    retraction_order = 2

    def inner(self, X, U, V):
        axes = tuple(range(-len(self.dims), 0))
        return np.sum(U * V / X, axis=axes)

    def sharp(self, X):
        return _FisherSharp(self, X)

    def curvature(self, X, G):
        """With rgrad = X .* (G - c) and P(Z .* (G - c)) - P(Z .* rgrad / (2 X)) = P(Z .* rgrad / X) / 2."""
        return _FisherConnection(self.projection(X), self.gradient(X, G) / (2 * X))

    def residual(self, X):
        h = super().residual(X)
        smallest = float(np.min(X))
        return max(h, -smallest if smallest < 0 else 0.0) if smallest != 0 else np.inf

    def _exponent(self, X, Z):
        """Z / X with the correction that makes X exp(Z / X), normalised, a second-order retraction."""
        return (Z - self.projection(X).apply(Z * Z / X) / 4) / X


class _FisherSharp(Operator):
    """G -> P(X .* G), self-adjoint.

    Parameters
    ----------
    M : manifold
    X : point
    """

    def __init__(self, M, X):
        self.P = M.projection(X)
        self.X = X
        self.dims = self.dimsd = X.shape

    def apply(self, G):
        return self.P.apply(self.X * G)

    apply_adjoint = apply


class _FisherConnection(Operator):
    """Z -> P(q .* Z).  Adjoint: q .* P^H Y.

    Parameters
    ----------
    P : projection
    q : array
    """

    def __init__(self, P, q):
        self.P = P
        self.q = q
        self.dims = self.dimsd = q.shape

    def apply(self, Z):
        return self.P.apply(self.q * Z)

    def apply_adjoint(self, Y):
        return self.q * self.P.apply_adjoint(Y)


def _without_sum(p, W):
    """W - sum(W) p."""
    return W - np.sum(W, axis=-1, keepdims=True) * p


def _without_sum_adjoint(p, Y):
    """Y - <Y, p> 1."""
    return Y - np.sum(Y * p, axis=-1, keepdims=True)


class Simplex(_Fisher):
    """Probability vectors, {p > 0 : sum p = 1}, in the Fisher metric <u, v> = sum u v / p.

        P(w) = w - sum(w) p        rgrad = p .* (G - p . G)        geodesics are great circles of sqrt(p)

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Simplex
    >>> Simplex(2).gradient(np.array([0.5, 0.5]), np.array([2.0, 0.0]))
    array([ 0.5, -0.5])

    References
    ----------
    S. Amari, Information Geometry and Its Applications, 2016, chapter 2.
    Y. Sun, J. Gao, X. Hong, B. Mishra, B. Yin, Heterogeneous tensor decomposition for clustering via manifold
    optimization, IEEE TPAMI 38(3), 2016.
    """

    stacks = True

    def __init__(self, n):
        self.dims, self.dim = (n,), n - 1

    def projection(self, p):
        return PointMap(_without_sum, _without_sum_adjoint, (p,), p.shape)

    def retraction(self, p, z):
        y = p * np.exp(self._exponent(p, z))
        return y / np.sum(y, axis=-1, keepdims=True)

    def exp(self, p, z):
        """The geodesic, as long as it stays positive."""
        x = np.sqrt(p)
        v = z / (2 * x)
        t = np.sqrt(np.sum(v * v, axis=-1, keepdims=True) + np.finfo(z.dtype).tiny)
        return (np.cos(t) * x + np.sin(t) / t * v) ** 2

    def constraint(self, p):
        return np.sum(p, axis=-1, keepdims=True) - 1

    def random_point(self, rng=None):
        p = np.random.default_rng(rng).uniform(0.5, 1.5, self.dims).astype(self.dtype)
        return p / np.sum(p)

    def degenerate_points(self):
        return {"uniform": np.full(self.dims, 1 / self.dims[0], self.dtype)}


def multipliers(X, row_sums, column_sums):
    """(a, b) with a_i + sum_j X_ij b_j = row sums, sum_i X_ij a_i + b_j = column sums; consistent up to a constant.

    The system [I X; X^T I] has the null vector (1, -1), which is taken out by fixing the mean of b.
    """
    n = X.shape[-1]
    S = np.eye(n, dtype=X.dtype) - X.swapaxes(-1, -2) @ X + np.ones((n, n), X.dtype) / n
    b = np.linalg.solve(S, (column_sums - (X.swapaxes(-1, -2) @ row_sums[..., None])[..., 0])[..., None])[..., 0]
    return row_sums - (X @ b[..., None])[..., 0], b


def _without_sums(X, W):
    """W - (a 1^T + 1 b^T) .* X with zero row and column sums."""
    a, b = multipliers(X, np.sum(W, axis=-1), np.sum(W, axis=-2))
    return W - (a[..., :, None] + b[..., None, :]) * X


def _without_sums_adjoint(X, Y):
    """Y - (a 1^T + 1 b^T), the multipliers of X .* Y."""
    a, b = multipliers(X, np.sum(X * Y, axis=-1), np.sum(X * Y, axis=-2))
    return Y - (a[..., :, None] + b[..., None, :])


@primitive
def sinkhorn(A, steps=10000):
    """D_1 A D_2 with unit row and column sums, for a positive square matrix A; differentiated implicitly.

    Parameters
    ----------
    A : (n, n) positive array, plain or traced
    steps : int, at most

    Raises
    ------
    ConvergenceError

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import sinkhorn
    >>> sinkhorn(np.array([[1.0, 1.0], [1.0, 4.0]])).round(3)
    array([[0.667, 0.333],
           [0.333, 0.667]])

    References
    ----------
    R. Sinkhorn, P. Knopp, Concerning nonnegative matrices and doubly stochastic matrices, Pacific J. Math. 21(2), 1967.
    """
    eps = float(np.finfo(A.dtype).eps)
    X, residual = A, np.inf
    for _ in range(steps):
        X = X / np.sum(X, axis=1, keepdims=True)
        columns = np.sum(X, axis=0, keepdims=True)
        previous, residual = residual, float(np.max(np.abs(columns - 1)))
        X = X / columns
        if residual <= 4 * eps or (residual < 100 * eps and residual >= previous):
            return X
    raise ConvergenceError(
        f"Sinkhorn's iteration stopped after {steps} steps with column sums off by {residual:.3g}; expected less than "
        f"{100 * eps:.1g}. The entries differ by too many orders of magnitude."
    )


@operator_rule(sinkhorn)
def _(X, A, steps=None):
    """dX = P_X(X .* dA / A)."""
    return SinkhornDifferential(X, A), None


class SinkhornDifferential(Operator):
    """dA -> P_X(X .* dA / A).  Adjoint: Y -> X .* (P_X^H Y) / A.

    Parameters
    ----------
    X : (n, n) array, doubly stochastic
    A : (n, n) array, what it was computed from
    """

    def __init__(self, X, A):
        self.X = X
        self.ratio = X / A
        self.dims = self.dimsd = X.shape

    def apply(self, E):
        return _without_sums(self.X, self.ratio * E)

    def apply_adjoint(self, Y):
        return self.ratio * _without_sums_adjoint(self.X, Y)


class DoublyStochastic(_Fisher):
    """Positive n x n matrices with unit row and column sums, in the Fisher metric <U, V> = sum U V / X.

        P(W) = W - (a 1^T + 1 b^T) .* X, [I X; X^T I][a; b] = [W 1; W^T 1]        R = Sinkhorn(X .* exp(Z / X + ...))

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import DoublyStochastic
    >>> DoublyStochastic(2).projection(np.full((2, 2), 0.5)).apply(np.diag([2.0, 2.0])).round(12)
    array([[ 1., -1.],
           [-1.,  1.]])

    References
    ----------
    A. Douik, B. Hassibi, Manifold optimization over the set of doubly stochastic matrices: a second-order geometry,
    IEEE Trans. Signal Process. 67(22), 2019, arXiv:1802.02628.
    """

    def __init__(self, n):
        self.dims, self.dim = (n, n), (n - 1) ** 2

    def projection(self, X):
        return PointMap(_without_sums, _without_sums_adjoint, (X,), X.shape)

    def retraction(self, X, Z):
        return sinkhorn(X * np.exp(self._exponent(X, Z)))

    def constraint(self, X):
        return np.concatenate([np.sum(X, axis=-1), np.sum(X, axis=-2)]) - 1

    def random_point(self, rng=None):
        return sinkhorn(np.random.default_rng(rng).uniform(0.5, 1.5, self.dims).astype(self.dtype))

    def degenerate_points(self):
        return {"uniform": np.full(self.dims, 1 / self.dims[0], self.dtype)}
