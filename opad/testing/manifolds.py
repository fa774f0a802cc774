"""Is a manifold what it says: its dimension, projection, metric, retraction, gradients and Hessians, in numbers."""

import copy
import math
import pickle
import warnings

import numpy as np

from opad.calculus.gradients import grad
from opad.calculus.products import jacobian_operator, jvp
from opad.manifolds.base import Manifold, as_columns
from opad.manifolds.maps import add, combine, scale
from opad.operators import is_compound
from opad.testing.operators import check_operator
from opad.testing.report import Check, OperatorReport
from opad.testing.spaces import difference, draw, inner_product, parts_of

STEPS = 0.5 ** np.arange(4, 13)


def check_manifold(
    M, *, points=None, seed=0, hessian=True, single_precision=True, tolerance=1e-10, raise_on_failure=False
):
    """Verify a manifold at a random point and at its degenerate points.

    Parameters
    ----------
    M : Manifold with `random_point`
    points : dict {name: point}, optional; a random point and `M.degenerate_points()` by default
    seed : int, for points, vectors and the test function
    hessian : bool, whether the manifold has Hessians
    single_precision : bool, whether it promises single precision results for single precision points
    tolerance : float, of everything that holds exactly but for rounding; slopes have a tolerance of 0.35
    raise_on_failure : bool
        Raise AssertionError with the numbers instead of returning a report that is not ok.

    Returns
    -------
    OperatorReport, one row per property and point

    Examples
    --------
    >>> import opad.testing
    >>> from opad.manifolds import Sphere
    >>> report = opad.testing.check_manifold(Sphere(3))
    >>> report.ok, report["random: rank of the tangent map = dim"].error
    (True, 0.0)

    References
    ----------
    N. Boumal, An Introduction to Optimization on Smooth Manifolds, 2023, sections 4.8 and 6.8.
    """
    report = OperatorReport(repr(M))
    rng = np.random.default_rng(1000 + seed)
    if points is None:
        points = {"random": M.random_point(rng), **M.degenerate_points()}
    for name, X in points.items():
        trial = Trial(M, X, np.random.default_rng(2000 + seed), tolerance)
        properties = PROPERTIES + (HESSIAN_PROPERTIES if hessian else []) + (PRECISION if single_precision else [])
        report.checks += [trial.run(f"{name}: {what}", method) for what, method in properties]
    return report.assert_ok() if raise_on_failure else report


class NotApplicable(Exception):
    """Raised by a property that a manifold does not have; the message says why."""


class Trial:
    """One manifold at one point."""

    def __init__(self, M, X, rng, tolerance):
        self.M, self.X, self.rng, self.tolerance = M, X, rng, tolerance
        self.before = copy.deepcopy(X)
        self.P = M.projection(X)
        self.E = M.embedding(X)
        self.dtype = np.result_type(*parts_of(X))
        self.Z, self.Y = M.random_tangent(X, rng), M.random_tangent(X, rng)
        weights = [draw(np.shape(part), np.asarray(part).dtype, rng) for part in parts_of(M.ambient(X))]
        self.weights = weights
        self.second_weights = [draw(w.shape, w.dtype, rng) for w in weights]

    def run(self, name, method):
        try:
            error, tolerance, note = (*method(self), None, "")[:3]
        except NotApplicable as reason:
            return Check(name, None, note=str(reason))
        except Exception as failure:
            return Check(name, math.inf, self.tolerance, note=f"{type(failure).__name__}: {failure}".split("\n")[0])
        return Check(name, float(error), self.tolerance if tolerance is None else tolerance, note or "")

    # -- the test function ------------------------------------------------------------------------------------------

    def f(self, X):
        """A smooth function of the point as it is embedded: sum Re(conj(A) x) + sum sin(Re(conj(B) x))."""
        parts = parts_of(self._ambient(X))
        return sum(
            np.sum(np.real(np.conj(A) * x)) + np.sum(np.sin(np.real(np.conj(B) * x)))
            for x, A, B in zip(parts, self.weights, self.second_weights, strict=True)
        )

    def _ambient(self, embedded):
        return self.M.ambient_of(embedded)

    def _value(self, X):
        return float(self.f(self.M.embed(X)))

    def _gradient(self):
        return self.M.gradient(self.X, grad(self.f)(self.M.embed(self.X)))

    def _inner(self, U, V):
        return float(self.M.inner(self.X, U, V))

    # -- points and tangent spaces ----------------------------------------------------------------------------------

    def on_the_manifold(self):
        return self.M.residual(self.X), None

    def projection_is_operator(self):
        compound = is_compound(self.P.dims) or is_compound(self.P.dimsd)
        report = check_operator(self.P, dtypes=[self.dtype], interop=False, tolerance=self.tolerance)
        failed = [c for c in report.failed if not ((compound and "dense" in c.name) or "PicklingError" in c.note)]
        if failed:
            return math.inf, None, f"{failed[0].name}: {failed[0].error:.2g} {failed[0].note}"
        return max((c.error for c in report.checks if c.applies and c.tolerance and c.ok), default=0.0), None

    def idempotent(self):
        return difference(self.P.apply(self.E.apply(self.Z)), self.Z), None

    def self_adjoint(self):
        if self.M.tangent_dims != self.P.dims:
            if not self.M.is_euclidean:
                raise NotApplicable("the metric is not defined on the space that is projected")
            W = draw(self.P.dims, self.dtype, self.rng)
            left = self._inner(self.P.apply(W), self.Z)
            return abs(left - inner_product(W, self.E.apply(self.Z)).real) / (1 + abs(left)), None
        A, B = draw(self.P.dims, self.dtype, self.rng), draw(self.P.dims, self.dtype, self.rng)
        left, right = self._inner(self.P.apply(A), B), self._inner(A, self.P.apply(B))
        return abs(left - right) / max(1.0, abs(left)), None

    def rank(self):
        size = sum(math.prod(d) for d in (self.P.dims if is_compound(self.P.dims) else [self.P.dims]))
        if size > 400:
            raise NotApplicable(f"{size} coordinates are too many for a dense rank")
        T = self.M.tangent(self.X) @ self.P
        if self.M.tangent(self.X).dims != self.P.dimsd or type(self.M).ambient_of is not Manifold.ambient_of:
            T = self._to_ambient() @ T
        s = np.linalg.svd(as_columns(T, self.dtype), compute_uv=False)
        cut = max(1e-8, 1e3 * np.finfo(self.dtype).eps) * s[0]
        return abs(int(np.sum(s > cut)) - self.M.dim), 0, f"dim {self.M.dim}"

    def _is_quotient(self):
        M = self.M
        shapes = [[np.shape(part) for part in parts_of(x)] for x in (M.ambient(self.X), M.embed(self.X))]
        return M.tangent_dims != self.P.dims or shapes[0] != shapes[1]

    def _to_ambient(self):
        return jacobian_operator(self.M.ambient_of, self.M.embed(self.X))

    def tangency(self):
        if self.M.constraint(self.X) is None:
            raise NotApplicable("the manifold has no constraint h")
        dh = jvp(self.M.constraint, (self.X,), (self.Z,))[1]
        return float(np.max(np.abs(dh))), None

    def positive_metric(self):
        if min(self._inner(self.Z, self.Z), self._inner(self.Y, self.Y)) <= 0:
            return math.inf, None
        return abs(self._inner(self.Z, self.Y) - self._inner(self.Y, self.Z)), None

    # -- retraction -------------------------------------------------------------------------------------------------

    def fixed_point(self):
        R = self.M.retraction(self.X, scale(0.0, self.Z))
        return difference(self.M.ambient(R), self.M.ambient(self.X)), max(self.tolerance, 1e-10)

    def stays_on(self):
        points = [self.M.retraction(self.X, scale(float(t), self.Z)) for t in (0.3, 0.1)]
        return float(np.max([self.M.residual(point) for point in points])), None

    def first_order(self):
        """| x(R(tZ)) - x - t dx[Z] | falls like t^2, x being the point as it is embedded."""
        x, dx = self._embedded_direction()
        errors = [_norm(self._embedded(t), add(x, scale(t, dx))) for t in STEPS]
        return _slope_error(errors, 2, _size(x), self.dtype)

    def second_order(self):
        """The tangential part of the acceleration vanishes, for embedded manifolds with the Euclidean metric."""
        if self.M.retraction_order < 2 or not self.M.is_euclidean:
            raise NotApplicable("the retraction is of first order, or the metric is not the Euclidean one")
        if self._is_quotient() or self.M.embed(self.X) is not self.X:
            raise NotApplicable("points are coordinates, or classes of arrays")
        x, dx = self._embedded_direction()
        T = self.M.tangent(self.X)
        errors = []
        for t in STEPS:
            normal = combine(np.subtract, self._embedded(t), add(x, scale(t, dx)))
            errors.append(_norm(T.apply_adjoint(normal), scale(0.0, self.Z)))
        return _slope_error(errors, 3, _size(x), self.dtype)

    def _embedded(self, t):
        return self.M.ambient(self.M.retraction(self.X, scale(float(t), self.Z)))

    def _embedded_direction(self):
        dx = self.M.tangent(self.X).apply(self.Z)
        if type(self.M).ambient_of is not Manifold.ambient_of:
            dx = self._to_ambient().apply(dx)
        return self.M.ambient(self.X), dx

    def retraction_adjoint(self):
        """<D R(X, Z)[V], W> = <V, D R^H [W]>, and the derivative against a difference quotient."""
        Z = scale(0.2, self.Z)
        J = jacobian_operator(lambda Z: self.M.retraction(self.X, Z), Z)
        W = draw(J.dimsd, self.dtype, self.rng)
        left, right = inner_product(W, J.apply(self.Y)).real, inner_product(J.apply_adjoint(W), self.Y).real
        h = 1e-5 if self.dtype.itemsize >= 8 and np.finfo(self.dtype).eps < 1e-10 else 1e-2
        ahead, behind = (self.M.retraction(self.X, add(Z, scale(s * h, self.Y))) for s in (1, -1))
        quotient = scale(1 / (2 * h), combine(np.subtract, ahead, behind))
        error = difference(J.apply(self.Y), quotient)
        if error > 1e3 * h:
            return error, 1e3 * h * h, "against a difference quotient"
        return abs(left - right) / max(1.0, abs(left)), None

    def transport(self):
        Y = self.M.retraction(self.X, scale(0.2, self.Z))
        T = self.M.transport(self.X, Y, self.Y)
        return difference(self.M.projection(Y).apply(self.M.embedding(Y).apply(T)), T), None

    # -- derivatives ------------------------------------------------------------------------------------------------

    def gradient_slope(self):
        g = self._gradient()
        slope = self._inner(g, self.Z)
        f0 = self._value(self.X)
        errors = [abs(self._value(self.M.retraction(self.X, scale(float(t), self.Z))) - f0 - t * slope) for t in STEPS]
        return _slope_error(errors, 2, self._magnitude(), self.dtype)

    def gradient_is_tangent(self):
        g = self._gradient()
        return difference(self.P.apply(self.E.apply(g)), g), None

    def _magnitude(self):
        return sum(float(np.sum(np.abs(w))) for w in self.weights)

    def _hessian(self):
        return self.M.hessian_operator(self.f, self.X)

    def hessian_slope(self):
        g, H = self._gradient(), self._hessian()
        slope, bend = self._inner(g, self.Z), self._inner(H.apply(self.Z), self.Z)
        f0, errors = self._value(self.X), []
        if self.M.retraction_order < 2 and not self.M.has_exp:
            raise NotApplicable("the manifold has neither a second-order retraction nor exp")
        move = self.M.exp if self.M.has_exp else self.M.retraction
        for t in STEPS:
            value = self._value(move(self.X, scale(float(t), self.Z)))
            errors.append(abs(value - f0 - t * slope - t * t / 2 * bend))
        return _slope_error(errors, 3, self._magnitude(), self.dtype)

    def hessian_symmetric(self):
        H = self._hessian()
        left, right = self._inner(H.apply(self.Z), self.Y), self._inner(self.Z, H.apply(self.Y))
        return abs(left - right) / max(1.0, abs(left)), None

    def hessian_linear_and_tangent(self):
        H = self._hessian()
        U = H.apply(add(self.Z, scale(-1.5, self.Y)))
        error = difference(U, add(H.apply(self.Z), scale(-1.5, H.apply(self.Y))))
        return max(error, difference(self.P.apply(self.E.apply(U)), U)), None

    # -- manners ----------------------------------------------------------------------------------------------------

    def unchanged(self):
        return difference(parts_of(self.X), parts_of(self.before)), 0

    def pickles(self):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pickle looks for functions in every module, deprecated ones too
                again = pickle.loads(pickle.dumps(self.M))
        except (pickle.PicklingError, AttributeError) as reason:
            raise NotApplicable(f"holds a function that cannot be pickled: {reason}"[:100]) from None
        W = draw(self.P.dims, self.dtype, self.rng)
        return difference(again.projection(self.X).apply(W), self.P.apply(W)), 0

    def single_precision(self):
        low = np.dtype(np.complex64 if self.dtype.kind == "c" else np.float32)
        x = combine(lambda part: np.asarray(part).astype(low), self.X)
        z = combine(lambda part: np.asarray(part).astype(low), self.Z)
        G = combine(lambda part: np.asarray(part).astype(low), grad(self.f)(self.M.embed(self.X)))
        results = self.M.retraction(x, scale(0.1, z)), self.M.projection(x).apply(self.M.embedding(x).apply(z))
        wrong = sum(part.dtype != low for r in (*results, self.M.gradient(x, G)) for part in parts_of(r))
        return max(wrong, 0 if difference(results[1], self.Z) < 1e-3 else 1), 0

    def stack_of_points(self):
        """Stacked points give stacked results, each that of its point."""
        if not self.M.stacks:
            raise NotApplicable("not for stacks of points")
        Y = self.M.retraction(self.X, scale(0.2, self.Z))
        X, Z = np.stack([self.X, Y]), np.stack([self.Z, self.M.transport(self.X, Y, self.Y)])
        R, P = self.M.retraction(X, Z), self.M.projection(X)
        W = draw((2, *self.P.dims), self.dtype, self.rng)
        G = self.M.gradient(X, W)
        errors = [difference(self.M.inner(X, Z, Z)[k], self.M.inner(X[k], Z[k], Z[k])) for k in range(2)]
        errors += [difference(R[k], self.M.retraction(X[k], Z[k])) for k in range(2)]
        errors += [difference(P.apply(W)[k], self.M.projection(X[k]).apply(W[k])) for k in range(2)]
        errors += [difference(G[k], self.M.gradient(X[k], W[k])) for k in range(2)]
        return max(errors), None


def _norm(X, Y):
    return math.sqrt(sum(float(np.sum(np.abs(x - y) ** 2)) for x, y in zip(parts_of(X), parts_of(Y), strict=True)))


def _size(X):
    return max(1.0, math.sqrt(sum(float(np.sum(np.abs(x) ** 2)) for x in parts_of(X))))


def _slope_error(errors, expected, size, dtype):
    """How much the decay of errors at STEPS is slower than t^expected; none if they are rounding."""
    errors = np.array(errors)
    if not np.all(np.isfinite(errors)):
        return math.inf, 0.35, "not finite"
    noise = 300 * float(np.finfo(dtype).eps) * max(size, 1.0)
    above = errors > noise
    count = len(errors) if above.all() else int(np.argmin(above))
    if count < 2:
        return 0.0, 0.35, "exact to rounding" if count == 0 else "falls to rounding in one step"
    slope = float(np.median(np.log2(errors[: count - 1] / errors[1:count])))
    return max(0.0, expected - slope), 0.35, f"slope {slope:.2f}, expected {expected}"


PROPERTIES = [
    ("on the manifold, h(X) = 0", Trial.on_the_manifold),
    ("projection as an operator: adjoint, batch, dtypes, pickle", Trial.projection_is_operator),
    ("projection idempotent", Trial.idempotent),
    ("projection self-adjoint in the metric", Trial.self_adjoint),
    ("rank of the tangent map = dim", Trial.rank),
    ("tangency, Dh P = 0", Trial.tangency),
    ("metric symmetric and positive", Trial.positive_metric),
    ("retraction, R(0) = X", Trial.fixed_point),
    ("retraction stays on the manifold", Trial.stays_on),
    ("retraction, first order", Trial.first_order),
    ("retraction, second order", Trial.second_order),
    ("retraction, adjoint of its differential", Trial.retraction_adjoint),
    ("transport is tangent", Trial.transport),
    ("gradient tangent", Trial.gradient_is_tangent),
    ("gradient, slope 2", Trial.gradient_slope),
    ("stacks of points", Trial.stack_of_points),
    ("arguments unchanged", Trial.unchanged),
    ("pickle", Trial.pickles),
]
HESSIAN_PROPERTIES = [
    ("Hessian symmetric", Trial.hessian_symmetric),
    ("Hessian linear and tangent", Trial.hessian_linear_and_tangent),
    ("Hessian, slope 3", Trial.hessian_slope),
]
PRECISION = [("single precision stays single", Trial.single_precision)]
