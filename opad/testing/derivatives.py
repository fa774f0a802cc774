"""Is what opad computes the derivative of the function? Taylor remainders, and one mode against the other."""

import math
from dataclasses import dataclass, field

import numpy as np

from opad.calculus import pytrees
from opad.calculus.gradients import grad
from opad.calculus.products import jvp
from opad.testing.report import Check, OperatorReport

HALVINGS = 12
DIRECTIONS = {"fwd": "forward", "rev": "reverse"}


@dataclass
class DerivativeReport(OperatorReport):
    """The result of `check_derivative`: the table of an `OperatorReport` and the numbers behind it.

    Attributes
    ----------
    slopes : dict {(mode, order): slope of the Taylor remainder of that order}; infinite where the remainder is rounding
    remainders : dict {(mode, order): array of |remainder|, one per step}
    steps : array of step lengths
    """

    slopes: dict = field(default_factory=dict)
    remainders: dict = field(default_factory=dict)
    steps: np.ndarray | None = None


def check_derivative(
    f, *args, modes=("fwd", "rev"), order=2, argnums=None, seed=0, step=None, tolerance=None, raise_on_failure=False
):
    """Verify the derivatives of f at a point up to a given order, in both modes.

    Along a random direction v and for random weights w of the results, phi(t) = Re<w, f(x + t v)> is compared with its
    Taylor polynomial: the remainder of order k must fall like t^(k+1). Both modes must give the same numbers.

    Parameters
    ----------
    f : callable on arrays, scalars and nested containers of them; it may return the same
    *args : the point; it should be at a distance of more than 0.1 from kinks of f
    modes : subset of ("fwd", "rev")
    order : int, the highest order that is verified
    argnums : int or tuple of ints; the arguments to differentiate, all of them by default
    seed : int, for direction and weights
    step : float, the longest step, relative to the size of the arguments; 0.01 (0.1 in single precision) by default
    tolerance : float, of the dot test; 1e3 eps by default
    raise_on_failure : bool
        Raise AssertionError with the numbers instead of returning a report that is not ok.

    Returns
    -------
    DerivativeReport

    Examples
    --------
    >>> import numpy as np, opad.testing
    >>> report = opad.testing.check_derivative(lambda x: np.sin(x) @ x, np.array([0.3, 0.7]))
    >>> report.ok, round(report.slopes["rev", 1], 1), round(report.slopes["fwd", 2], 1)
    (True, 2.0, 3.0)
    """
    numbers = range(len(args)) if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)
    line = _Line(f, args, tuple(numbers), np.random.default_rng(seed), step)
    report = DerivativeReport(f"derivatives of {getattr(f, '__name__', 'f')}", steps=line.steps)
    slack = 0.35 if line.eps < 1e-10 else 0.6
    values = np.array([line.value(t) for t in line.steps])
    derivatives = {mode: line.derivatives(mode, order) for mode in modes}
    for mode in modes:
        polynomial = np.full(len(values), line.value(0.0))
        for k in range(1, order + 1):
            polynomial = polynomial + derivatives[mode][k - 1] * line.steps**k / math.factorial(k)
            remainders = np.abs(values - polynomial)
            slope = _slope(remainders, line.noise)
            report.slopes[mode, k], report.remainders[mode, k] = slope, remainders
            error = max(0.0, k + 1 - slope) if math.isfinite(slope) or slope > 0 else math.inf
            name = f"Taylor remainder, order {k}, {DIRECTIONS[mode]} mode"
            report.checks.append(Check(name, error, slack, note=f"slope {slope:.2f}, expected {k + 1}"))
    if len(modes) == 2:
        for k, (a, b) in enumerate(zip(*(derivatives[mode] for mode in modes), strict=True), 1):
            scale = max(abs(a), abs(b), line.scale)
            bound = 1e3 * line.eps if tolerance is None else tolerance
            report.checks.append(
                Check(f"order {k}, {modes[0]} = {modes[1]}", abs(a - b) / scale, bound, note=f"{a:.12g}, {b:.12g}")
            )
    return report.assert_ok() if raise_on_failure else report


class _Line:
    """The function Re<w, f(x + t v)> of one real variable t, and its derivatives at 0."""

    def __init__(self, f, args, numbers, rng, step):
        self.f = f
        self.args = args
        self.numbers = numbers
        self.point = [args[n] for n in numbers]
        leaves, self.structure = pytrees.flatten(self.point)
        self.direction = [_draw(leaf, rng) for leaf in leaves]
        results, _ = pytrees.flatten(f(*args))
        self.weights = [_draw(leaf, rng) for leaf in results]
        self.eps = max(np.finfo(pytrees.dtype_of(leaf)).eps for leaf in [*leaves, *self._of_floats(results)])
        size = max(1.0, max((float(np.max(np.abs(leaf), initial=0)) for leaf in leaves), default=1.0))
        longest = (0.1 if self.eps > 1e-10 else 0.01) if step is None else step
        self.steps = longest * size * 0.5 ** np.arange(HALVINGS)
        self.scale = max(self._pairing([np.abs(w) for w in self.weights], [np.abs(y) for y in results]), 1e-3)
        self.noise = 200 * self.eps * self.scale

    def _of_floats(self, leaves):
        return [leaf for leaf in leaves if pytrees.is_differentiable(leaf)]

    def _pairing(self, weights, leaves):
        return sum(np.sum(np.real(np.conj(w) * y)) for w, y in zip(weights, leaves, strict=True))

    def functional(self, *point):
        """Re<w, f(point)>."""
        arguments = list(self.args)
        for n, value in zip(self.numbers, point, strict=True):
            arguments[n] = value
        return self._pairing(self.weights, pytrees.flatten(self.f(*arguments))[0])

    def value(self, t):
        leaves, _ = pytrees.flatten(self.point)
        moved = [_like(leaf + t * v, leaf) for leaf, v in zip(leaves, self.direction, strict=True)]
        return float(self.functional(*pytrees.unflatten(self.structure, moved)))

    def derivatives(self, mode, order):
        """The first `order` derivatives at t = 0."""
        v = tuple(pytrees.unflatten(self.structure, self.direction))
        numbers = tuple(range(len(self.numbers)))

        def along_forward(function):
            return lambda *x: jvp(function, x, v)[1]

        def along_reverse(function):
            def derivative(*x):
                leaves, _ = pytrees.flatten(list(grad(function, numbers)(*x)))
                return self._pairing(self.direction, leaves)

            return derivative

        along = along_forward if mode == "fwd" else along_reverse
        found, function = [], self.functional
        for _ in range(order):
            function = along(function)
            found.append(float(function(*self.point)))
        return found


def _draw(leaf, rng):
    """A random array in the shape and dtype of a leaf; zero for leaves that are not floating-point."""
    if not pytrees.is_differentiable(leaf):
        return 0
    dtype, shape = pytrees.dtype_of(leaf), np.shape(leaf)
    v = rng.standard_normal(shape)
    if dtype.kind == "c":
        v = v + 1j * rng.standard_normal(shape)
    return _like(np.asarray(v).astype(dtype), leaf)


def _like(v, leaf):
    """A derivative or a moved point in the kind of the leaf: arrays stay arrays, Python numbers Python numbers."""
    return type(leaf)(v) if type(leaf) in (float, complex) else v


def _slope(remainders, noise):
    """The median exponent of the decay, from the steps whose remainder is above rounding; infinite if there is none."""
    if not np.all(np.isfinite(remainders)):
        return -math.inf
    above = remainders > noise
    count = len(remainders) if above.all() else int(np.argmin(above))
    if count < 2:
        return math.inf if count == 0 or remainders[0] < 30 * noise else math.log2(remainders[0] / noise)
    return float(np.median(np.log2(remainders[: count - 1] / remainders[1:count])))
