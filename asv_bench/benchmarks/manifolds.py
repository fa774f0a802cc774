"""Manifolds: projection, retraction, gradient and Hessian against pymanopt's own; structured against dense adjoints."""

import tracemalloc

import numpy as np

import opad
import opad.manifolds as m

from .timing import microseconds, ratio

N, P = 500, 20


def _pairs():
    """name -> (opad manifold, pymanopt manifold), for the shared ones with both conversions."""
    from pymanopt import manifolds as theirs

    return {
        "Sphere": (m.Sphere(10_000), theirs.Sphere(10_000)),
        "Oblique": (m.Oblique(N, P), theirs.Oblique(N, P)),
        "Stiefel": (m.Stiefel(N, P), theirs.Stiefel(N, P)),
        "Grassmann": (m.Grassmann(N, P), theirs.Grassmann(N, P)),
        "PositiveDefinite": (m.PositiveDefinite(100), theirs.SymmetricPositiveDefinite(100)),
        "PSDFixedRank": (m.PSDFixedRank(N, P), theirs.PSDFixedRank(N, P)),
    }


class Conversions:
    """One call each; ratios are opad / pymanopt, of which the geometric mean is to be at most one."""

    params = (["Sphere", "Oblique", "Stiefel", "Grassmann", "PositiveDefinite", "PSDFixedRank"],)
    param_names = ("manifold",)
    timeout = 300

    def setup(self, name):
        try:
            self.M, self.peer = _pairs()[name]
        except ImportError as error:
            raise NotImplementedError("pymanopt is not installed") from error
        rng = np.random.default_rng(0)
        self.X = self.M.random_point(rng)
        self.G, self.H = rng.standard_normal((2, *self.X.shape))
        if name == "PositiveDefinite":
            self.G, self.H = self.G + self.G.T, self.H + self.H.T
        self.Z = self.M.random_tangent(self.X, rng)
        self.convert = self.M.hessian_conversion(self.X, self.G)

    def time_projection(self, name):
        self.M.projection(self.X).apply(self.H)

    def time_retraction(self, name):
        self.M.retraction(self.X, self.Z)

    def time_gradient(self, name):
        self.M.gradient(self.X, self.G)

    def time_hessian(self, name):
        self.convert(self.H, self.Z)

    def track_projection_ratio(self, name):
        return ratio(lambda: self.time_projection(name), lambda: self.peer.projection(self.X, self.H))

    def track_retraction_ratio(self, name):
        return ratio(lambda: self.time_retraction(name), lambda: self.peer.retraction(self.X, self.Z))

    def track_iteration_ratio(self, name):
        """Gradient and Hessian of one iteration, the Hessian's factors being made anew."""

        def ours():
            self.M.gradient(self.X, self.G)
            self.M.hessian_conversion(self.X, self.G)(self.H, self.Z)

        def theirs():
            self.peer.euclidean_to_riemannian_gradient(self.X, self.G)
            self.peer.euclidean_to_riemannian_hessian(self.X, self.G, self.H, self.Z)

        return ratio(ours, theirs)


class ToeplitzGradient:
    """The gradient of w . (T(t) x) in t: by FFT, and through the dense matrix; at least a factor of 100 is wanted."""

    params = ([500, 4000],)
    param_names = ("n",)
    timeout = 300

    def setup(self, n):
        rng = np.random.default_rng(0)
        T, self.t = m.Toeplitz(n, n), rng.standard_normal(2 * n - 1)
        x, w = rng.standard_normal((2, n))
        self.structured = opad.grad(lambda t: w @ T.operator(t).apply(x))
        self.dense = opad.grad(lambda t: w @ (opad.apply(T.D, t) @ x))

    def time_structured(self, n):
        self.structured(self.t)

    def track_dense_over_structured(self, n):
        return ratio(lambda: self.dense(self.t), lambda: self.structured(self.t), repeats=3)


class KroneckerGradient:
    """The gradient of <W, A X B^T> in A and B, n x n each: never formed, and through the product n^2 x n^2."""

    params = ([16, 64],)
    param_names = ("n",)
    timeout = 300

    def setup(self, n):
        rng = np.random.default_rng(0)
        self.A, self.B, X, W = rng.standard_normal((4, n, n))
        K = m.Kronecker(n, n, n, n)
        D = K.differential((self.A, self.B))
        self.structured = opad.grad(lambda t: np.sum(W * K.operator(t).apply(X)))
        self.dense = lambda: D.apply_adjoint(np.outer(W.reshape(-1), X.reshape(-1)))

    def time_structured(self, n):
        self.structured((self.A, self.B))

    def track_dense_over_structured(self, n):
        return ratio(self.dense, lambda: self.structured((self.A, self.B)), repeats=3)


class FixedRankHessian:
    """A Hessian-vector product of matrix completion, 600 x 500, rank 5, 10 %: factors against the dense formula."""

    timeout = 300

    def setup(self):
        rng = np.random.default_rng(0)
        M = m.FixedRank(600, 500, 5)
        rows, columns = np.nonzero(rng.random((600, 500)) < 0.1)
        X = U, s, V = M.random_point(rng)
        Z = M.random_tangent(X, rng)
        known = rng.standard_normal(rows.size)

        def f(x):
            return np.sum((np.sum(x[0][rows] * x[1] * x[2][columns], axis=1) - known) ** 2) / 2

        H, P, E = M.hessian_operator(f, X), M.projection(X), M.embedding(X)
        mask = np.zeros((600, 500))
        mask[rows, columns] = 1
        G = np.zeros((600, 500))
        G[rows, columns] = np.sum(U[rows] * s * V[columns], axis=1) - known
        left, right = np.eye(600) - U @ U.T, np.eye(500) - V @ V.T

        def dense():
            return E.apply(P.apply(mask * E.apply(Z))) + left @ G @ Z[2] / s @ V.T + U / s @ Z[0].T @ G @ right

        self.factored, self.dense = lambda: H.apply(Z), dense

    def time_factored(self):
        self.factored()

    def track_dense_over_factored(self):
        return ratio(self.dense, self.factored, repeats=5)

    def track_memory_dense_over_factored(self):
        return _peak(self.dense) / _peak(self.factored)


def _peak(function):
    function()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class LevelSetProjection:
    """The projection of Stiefel(1000, 10) as a level set, in microseconds and against the closed form."""

    timeout = 300

    def setup(self):
        n, p = 1000, 10
        rng = np.random.default_rng(0)
        level = m.LevelSet(lambda X: X.T @ X - np.eye(p), (n, p), dim=n * p - p * (p + 1) // 2)
        closed = m.Stiefel(n, p)
        X, W = closed.random_point(rng), rng.standard_normal((n, p))
        ours, theirs = level.projection(X), closed.projection(X)
        self.level, self.closed = lambda: ours.apply(W), lambda: theirs.apply(W)

    def track_microseconds(self):
        return microseconds(self.level)

    def track_ratio_to_closed_form(self):
        return ratio(self.level, self.closed)
