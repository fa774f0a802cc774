"""Sets given by a constraint h(X) = 0 alone: projection, gradient, Hessian and retraction follow, matrix-free."""

from functools import cached_property
from math import prod

import numpy as np

from opad.calculus.products import hessian_operator, jacobian_operator
from opad.errors import IrregularConstraintError, RetractionError
from opad.manifolds.base import Manifold, as_columns
from opad.manifolds.krylov import general_minimal_residual, normal_equations
from opad.operators import IdentityMinus, Operator
from opad.tracing.functions import primitive
from opad.tracing.primitives import jacobian_rule


class LevelSet(Manifold):
    """The set {X : h(X) = 0} in the Euclidean metric, from the constraint alone.

        P(W) = W - D^H (D D^H)^-1 D W,  D = Dh(X)           conjugate gradients on D D^H
        Hess[Z] = P (H[Z] - d/dZ D^H lam),  (D D^H) lam = D G
        R(X, Z) = X + Z - D^H mu with h(R) = 0              Newton's method in the normal space at X, second order

    Parameters
    ----------
    h : callable, array of shape `dims` -> array, written with functions that opad differentiates. Constraints may be
        redundant (X^T X - I has p^2 equations for p (p + 1) / 2 conditions), but D must have the same rank everywhere.
    dims : shape of X
    start : array of shape `dims`, optional; random points are found from it plus noise, by Gauss-Newton. Random numbers
        by default.
    differential : callable X -> Operator, Dh(X); traced by default
    dim : int, optional; found from the rank of D at a random point by default

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.manifolds import LevelSet
    >>> ellipse = LevelSet(lambda x: np.array([1.0, 4.0]) @ x**2 - 1, (2,))
    >>> x = np.array([0.0, 0.5])
    >>> opad.grad(lambda x: x[0] + x[1], manifolds=ellipse)(x)
    array([1., 0.])
    >>> ellipse.retraction(x, np.array([0.6, 0.0])).round(6)
    array([0.6, 0.4])

    References
    ----------
    P.-A. Absil, J. Malick, Projection-like retractions on matrix manifolds, SIAM J. Optim. 22(1), 2012.
    N. Boumal, An Introduction to Optimization on Smooth Manifolds, 2023, sections 5.11 and 7.7.
    """

    retraction_order = 2
    newton_steps = 30
    rank_check = 300  # up to this many equations, the rank of D is verified at every point that is checked

    def __init__(self, h, dims, *, start=None, differential=None, dim=None, name=None):
        self.h = h
        self.dims = tuple(dims)
        self.start = start
        self.given_differential = differential
        self.label = name
        if dim is not None:
            self.dim = dim

    @property
    def name(self):
        return self.label or f"LevelSet{self.dims}"

    @cached_property
    def dim(self):
        """Dimension: the number of coordinates less the rank of the derivative at a random point."""
        return prod(self.dims) - self._rank(self.random_point(0))[0]

    def differential(self, X):
        """Dh(X), an Operator."""
        return jacobian_operator(self.h, X) if self.given_differential is None else self.given_differential(X)

    def projection(self, X):
        return NormalComplement(self.differential(X))

    def curvature(self, X, G):
        D = self.differential(X)
        lam, _ = normal_equations(lambda x: D.apply(D.apply_adjoint(x)), D.apply(G), like=G)
        P = self.projection(X)
        return -(P @ hessian_operator(lambda X: np.sum(lam * self.h(X)), X) @ P)

    def retraction(self, X, Z):
        """X + Z moved back along the normal space at X; raises `RetractionError` with the residual."""
        return newton_retraction(self, X, Z)

    def constraint(self, X):
        return self.h(X)

    def random_point(self, rng=None):
        """A point on the set: Gauss-Newton from `start` (random numbers by default) plus noise."""
        rng = np.random.default_rng(rng)
        noise = rng.standard_normal(self.dims).astype(self.dtype)
        return self.nearby_point(noise if self.start is None else self.start + 0.1 * noise)

    def nearby_point(self, X):
        """The point that Gauss-Newton steps from X lead to; raises `RetractionError` where they do not converge."""
        size = np.inf
        for _ in range(20 * self.newton_steps):
            r = self.h(X)
            previous, size = size, _size(r)
            if size <= _enough(X) or (size < _nearly(X) and size >= previous):
                return X
            D = self.differential(X)
            step = D.apply_adjoint(normal_equations(lambda x, D=D: D.apply(D.apply_adjoint(x)), r, like=X)[0])
            t = 1.0
            while t > 1e-4 and not _size(self.h(X - t * step)) < size:
                t /= 2
            X = X - t * step
        raise _did_not_converge(self, size)

    def check_point(self, X, tolerance=None):
        """As for every manifold; also raises `IrregularConstraintError` where the derivative loses rank."""
        super().check_point(X, tolerance)
        if np.size(self.h(X)) <= self.rank_check:
            rank, ratio = self._rank(X)
            if rank < prod(self.dims) - self.dim:
                raise IrregularConstraintError(
                    f"the constraint of {self.name} has a derivative of rank {rank} at this point; expected "
                    f"{prod(self.dims) - self.dim}, its rank elsewhere. The set is not a manifold here: use another "
                    "point, or another constraint for the same set.",
                    ratio,
                )
        return X

    def _rank(self, X):
        """(rank of D, smallest over largest singular value of those that count)."""
        s = np.linalg.svd(as_columns(self.differential(X).H, np.asarray(self.h(X)).dtype), compute_uv=False)
        counted = s[s > 1e-7 * s[0]] if len(s) else s
        return len(counted), float(s[-1] / s[0]) if len(s) and s[0] else 0.0


class NormalComplement(Operator):
    """W -> W - D^H (D D^H)^-1 D W, the orthogonal projector onto the null space of D; self-adjoint.

    Parameters
    ----------
    D : Operator; the rows of D may be dependent

    Attributes
    ----------
    steps : number of steps of conjugate gradients in the last application
    """

    def __init__(self, D):
        self.D = D
        self.dims = self.dimsd = D.dims
        self.steps = 0

    data_dtype = property(lambda self: self.D.data_dtype)
    clinear = property(lambda self: self.D.clinear)

    def apply(self, W):
        rows = W.reshape((-1, *self.dims))
        return np.stack([self._project(row) for row in rows]).reshape(W.shape) if len(rows) else W

    apply_adjoint = apply

    def _project(self, W):
        D = self.D
        lam, self.steps = normal_equations(lambda x: D.apply(D.apply_adjoint(x)), D.apply(W), like=W)
        return W - D.apply_adjoint(lam)


@primitive
def newton_retraction(M, X, Z):
    """The point X + Z - Dh(X)^H mu of the level set M; its differential follows from the implicit function theorem."""
    normal = M.differential(X)
    Y, size = X + Z, np.inf
    for _ in range(M.newton_steps):
        r = M.h(Y)
        previous, size = size, _size(r)
        if size <= _enough(X) or (size < _nearly(X) and size >= previous):
            return Y
        if not size < 1e8 * (1 + _size(X)):
            break
        D = M.differential(Y)
        try:
            mu = general_minimal_residual(lambda x, D=D: D.apply(normal.apply_adjoint(x)), r, like=X)
        except IrregularConstraintError:
            break
        Y = Y - normal.apply_adjoint(mu)
    raise _did_not_converge(M, size)


@jacobian_rule(newton_retraction)
def _newton_rule(Y, M, X, Z):
    normal, D = M.differential(X), M.differential(Y)
    mu, _ = normal_equations(lambda x: normal.apply(normal.apply_adjoint(x)), normal.apply(X + Z - Y), like=X)
    oblique = ObliqueProjector(D, normal)
    turning = hessian_operator(lambda X: np.sum(mu * M.h(X)), X)
    return None, oblique @ IdentityMinus(turning), oblique


class ObliqueProjector(Operator):
    """W -> W - N^H (D N^H)^-1 D W, the projector onto the null space of D along the range of N^H.

    Forward: as above.  Adjoint: Y - D^H (N D^H)^-1 N Y.

    Parameters
    ----------
    D, N : Operators from the same space
    """

    def __init__(self, D, N):
        self.D = D
        self.N = N
        self.dims = self.dimsd = D.dims

    def apply(self, W):
        return self._project(self.D, self.N, W)

    def apply_adjoint(self, Y):
        return self._project(self.N, self.D, Y)

    def _project(self, D, N, W):
        def one(w):
            return w - N.apply_adjoint(
                general_minimal_residual(lambda x: D.apply(N.apply_adjoint(x)), D.apply(w), like=w)
            )

        rows = W.reshape((-1, *self.dims))
        return np.stack([one(row) for row in rows]).reshape(W.shape) if len(rows) else W


def _size(r):
    return float(np.max(np.abs(r), initial=0.0))


def _enough(X):
    return 4 * float(np.finfo(X.dtype).eps) * max(1.0, _size(X))


def _nearly(X):
    """A residual that is accepted where rounding keeps Newton's method from improving it."""
    return max(1.0, _size(X)) ** 2 * float(np.finfo(X.dtype).eps) ** 0.65


def _did_not_converge(M, size):
    return RetractionError(
        f"the Newton iteration of a retraction on {M.name} stopped with max |h| = {size:.3g}; expected 1e-10 or less. "
        "Take a shorter step, or a point closer to the set.",
        size,
    )
