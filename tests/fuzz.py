"""Random NumPy programs, differentiated in every way that opad has: `python -m tests.fuzz --minutes 10`.

For each program the traced value is NumPy's, forward mode agrees with differences where these converge, reverse mode is
the adjoint of forward mode, also in the second order, the compiled gradient is the eager one, dtypes are kept, and no
error comes up but opad's own. Failures are printed as short programs.

A program that fails is run again with its values disturbed by a few units in the last place. Where plain NumPy's
results jump then (ties, branch cuts, v > 0 at 1e-17), it counts as unstable, and where its derivatives do, or the
values within the step of the differences, or one of its statements has two one-sided derivatives (as |x| at 0, although
|x| ** 2 has one), as a kink; neither counts as right.
"""

import argparse
import re
import time
import warnings
from collections import Counter
from functools import partial
from itertools import pairwise

import numpy as np

import opad
from opad.errors import OpadError
from tests.generated import Program, Unsuitable, draw, generator, shortened, values_of

STEP = 1e-3
OBJECTS = re.compile(r"np\.(asarray\(|(array|mean|sum)\(\[)")  # makes an array of objects of traced numbers


class Failure(Exception):
    """What is wrong with a program: its values or an error (order 0), its first or second derivatives."""

    def __init__(self, message, order=0, tolerance=0.0, slope=None):
        super().__init__(message)
        self.order, self.tolerance, self.slope = order, tolerance, slope


class Refused(Exception):
    """The program is refused by opad, with one of its own errors."""


class Unstable(Exception):
    """The results of plain NumPy jump when the inputs change by rounding."""


class Singular(Exception):
    """The derivative is infinite or not a number at this point, as that of sqrt at 0."""


def pairing(a, b):
    return sum(float(np.sum(np.real(np.conj(x) * y))) for x, y in zip(a, b, strict=True))


def directions(arrays, rng):
    """One random array like each."""
    drawn = []
    for x in arrays:
        v = rng.standard_normal(np.shape(x))
        v = v + 1j * rng.standard_normal(np.shape(x)) if x.dtype.kind == "c" else v
        drawn.append(np.asarray(v).astype(x.dtype))
    return drawn


def check(program, seed=0):
    """Raise Failure if a derivative of the program is wrong, Refused if opad does not differentiate it."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            _check(program, np.random.default_rng(seed))
        except OpadError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        except (Failure, Unstable, Singular):
            raise
        except (TypeError, AttributeError, ValueError) as error:
            if OBJECTS.search(program.source):
                raise Refused("arrays of objects, by NumPy or SciPy") from error
            raise Failure(f"{type(error).__name__}: {error}") from error
        except Exception as error:
            raise Failure(f"{type(error).__name__}: {error}") from error


def _check(program, rng):
    f, x = program.compiled(), program.inputs
    expected = values_of(f, x)
    v = directions(x, rng)
    single = _single(x, expected)
    loose = 2e-3 if single else 1e-8
    kept = not OBJECTS.search(program.source)  # Python numbers in arrays of objects widen less than in arrays
    if not single and _moved(lambda: values_of(f, [a * (1 + 1e-14) for a in x]), expected, 1e-10):
        raise Unstable
    value, pullback = opad.vjp(f, *(a.copy() for a in x))
    _compare_values(value, expected, 1e-4 if single else 1e-10, kept)
    w = directions([np.asarray(y) for y in value], rng)
    gradients = pullback(tuple(w))
    _, tangents = opad.jvp(f, tuple(a.copy() for a in x), tuple(v))
    for kind, derivatives, primals in (("gradient", gradients, x), ("tangent", tangents, expected)):
        for d, a in zip(derivatives, primals, strict=True):
            if d.shape != a.shape or (kept and d.dtype != a.dtype):
                raise Failure(f"{kind} of {a.dtype} {a.shape} is {d.dtype} {d.shape}")
    forward, reverse = pairing(w, tangents), pairing(gradients, v)
    sizes = [float(np.max(np.abs(d), initial=0)) for d in (*gradients, *tangents)]
    scale = 1 + max(sizes) * 10
    if not np.isfinite(forward) or not np.isfinite(reverse):
        raise Singular
    if abs(forward - reverse) > loose * scale:
        raise Failure(f"<w, J v> = {forward!r} but <J* w, v> = {reverse!r}", 1, loose * scale)
    if not single:
        slope = _slope(f, x, v, w)
        if slope is not None and abs(slope - forward) > 1e-5 * scale:
            raise Failure(f"derivative {forward!r}, difference quotient {slope!r}", 1, 1e-5 * scale, slope)
    _check_compiled(f, x, w, gradients, loose)
    _check_second_order(f, x, v, w, loose)


def _compare_values(found, expected, tolerance, dtypes):
    for y, e in zip(found, expected, strict=True):
        if np.shape(y) != np.shape(e) or (dtypes and y.dtype != e.dtype):
            raise Failure(f"value {y.dtype} {np.shape(y)}, expected {e.dtype} {np.shape(e)}")
        if not np.allclose(y, e, rtol=tolerance, atol=tolerance):
            raise Failure(f"value {y!r}, expected {e!r}")


def _single(x, values):
    return any(a.dtype.char in "fF" for a in (*x, *values))


def _moved(compute, expected, tolerance):
    """Whether the values are other ones, of other shapes, or not moderate numbers any more."""
    try:
        found = compute()
    except Unsuitable:
        return True
    pairs = list(zip(found, expected, strict=True))
    return not all(a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance) for a, b in pairs)


def _weighted(f, w):
    """Re <w, f>."""

    def loss(*arguments):
        return sum(np.real(np.sum(np.conj(c) * y)) for c, y in zip(w, f(*arguments), strict=True))

    return loss


def _along(f, x, v, w):
    def phi(t):
        moved = [np.asarray(a + t * d).astype(a.dtype) for a, d in zip(x, v, strict=True)]
        return pairing(w, values_of(f, moved))

    return phi


def _slope(f, x, v, w):
    """The difference quotient of Re <w, f> along v; None where it does not converge, or at a kink."""
    phi = _along(f, x, v, w)
    try:
        right, left = (phi(1e-6) - phi(0)) / 1e-6, (phi(0) - phi(-1e-6)) / 1e-6
        central = [(phi(h) - phi(-h)) / (2 * h) for h in (STEP, STEP / 2, STEP / 4)]
    except (Unsuitable, ValueError):
        return None
    scale = 1 + abs(central[-1])
    richardson = [(4 * b - a) / 3 for a, b in pairwise(central)]
    if abs(right - left) > 1e-4 * scale or abs(richardson[0] - richardson[1]) > 1e-7 * scale:
        return None
    return richardson[1] if abs(richardson[1] - (right + left) / 2) < 1e-4 * scale else None


def _check_compiled(f, x, w, gradients, tolerance):
    loss = _weighted(f, w)
    numbers = tuple(range(len(x)))
    compiled = opad.compile(opad.grad(loss, argnums=numbers))
    try:
        results = [compiled(*(a.copy() for a in x)) for _ in range(2)]
    except OpadError:
        return  # writing into arrays is refused in recordings
    for result in results:
        for found, expected in zip(result, gradients, strict=True):
            same = np.allclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
            if found.dtype != expected.dtype or not same:
                raise Failure(f"compiled gradient {found!r}, eager {expected!r}", 1, tolerance)


def _check_second_order(f, x, v, w, tolerance):
    """<v, H v> of Re <w, f>, forward over reverse, equals reverse over forward, and H is symmetric."""
    by_reverse, by_forward = _hessian_products(f, x, v, w)
    sizes = [float(np.max(np.abs(g), initial=0)) for g in by_forward]
    if not np.all(np.isfinite(sizes)) or max(sizes) > 1e6:
        return
    bound = tolerance * 100 * (1 + max(sizes))
    for a, b in zip(by_reverse, by_forward, strict=True):
        if not np.allclose(a, b, rtol=0, atol=bound):
            raise Failure(f"Hessian times vector: reverse over forward {a!r}, forward over reverse {b!r}", 2, bound)


def _hessian_products(f, x, v, w):
    """H v of Re <w, f>, reverse over forward and forward over reverse, whose rounding errors differ."""
    loss, x = _weighted(f, w), [a.copy() for a in x]

    def slope(*arguments):
        return opad.jvp(loss, arguments, tuple(v))[1]

    return opad.grad(slope, argnums=tuple(range(len(x))))(*x), opad.hvp(loss, tuple(x), tuple(v))


# -- failures that are rounding's fault ----------------------------------------------------------------------------


ULPS, TRIALS = 4, 8


def disturbed(program, rng, ulps):
    """The program with every value multiplied by 1 + some ulps, complex ones also turned; zeros stay zeros."""

    def disturb(x):
        if not hasattr(x, "dtype") or x.dtype.kind not in "fc":
            return x
        if not ulps:
            return x.copy()
        noise = rng.uniform(-ulps, ulps, np.shape(x))
        if x.dtype.kind == "c":
            noise = noise + 1j * rng.uniform(-ulps, ulps, np.shape(x))
        return x * np.asarray(1 + np.finfo(x.dtype).eps * noise).astype(x.dtype)

    targets = [re.match(r"v\d+", line).group() for line in program.lines]
    lines = [f"{line}\n{v} = disturb({v})" for v, line in zip(targets, program.lines, strict=True)]
    return Program([disturb(x) for x in program.inputs], lines, program.names | {"disturb": disturb})


def diagnosis(program, failure):
    """unstable, if plain NumPy's results jump at rounding errors; kink, if the derivatives do; else wrong.

    A jump is more than the tolerance of the check that failed; ill-conditioned derivatives jump too, as those of
    np.linalg.lstsq in single precision. A wrong rule does not.
    """
    f, x, rng = program.compiled(), program.inputs, np.random.default_rng(1)
    expected = values_of(f, x)
    if _moved(lambda: _values(disturbed(program, rng, 0)), expected, 0.0):
        return "wrong"  # writes through views, which copies cut
    trials = [disturbed(program, rng, ULPS) for _ in range(TRIALS)]
    tolerance = 1e-4 if _single(x, expected) else 1e-10
    if any(_moved(lambda t=t: _values(t), expected, tolerance) for t in trials):
        return "unstable"
    if not failure.order:
        return "wrong"
    if failure.slope is not None and _has_jumps_within_the_step(f, x, expected, failure.slope):
        return "kink"
    if _has_a_kink(program, rng):
        return "kink"
    v, w = directions(x, rng), directions(expected, rng)
    try:
        derivatives, *others = (_derivatives(p, v, w, failure.order) for p in (program, *trials))
    except Exception:
        return "wrong"
    close = partial(np.allclose, rtol=0, atol=failure.tolerance, equal_nan=True)
    return "wrong" if all(all(map(close, other, derivatives)) for other in others) else "kink"


def _has_jumps_within_the_step(f, x, expected, slope, seed=0):
    """Whether opad's derivative is that of the smallest steps: np.fmod(a, b) jumps, by b, where a / b is whole."""
    rng = np.random.default_rng(seed)
    v = directions(x, rng)
    w = directions([np.asarray(y) for y in expected], rng)
    phi = _along(f, x, v, w)
    derivative = opad.jvp(_weighted(f, w), tuple(x), tuple(v))[1]
    error, noise = 0.02 * abs(slope - derivative), 4 * np.finfo(float).eps * abs(phi(0))
    steps = [h for h in (1e-10, 1e-11, 1e-12, 1e-13, 1e-14) if noise / h < error]
    return any(abs((phi(h) - phi(0)) / h - derivative) < error for step in steps for h in (step, -step))


def _has_a_kink(program, rng, step=1e-6):
    """Whether the one-sided differences of a statement by itself do not agree, in plain NumPy."""
    names = program.names | {f"x{k}": x for k, x in enumerate(program.inputs)}
    for line in program.lines:
        used = {name: names[name] for name in re.findall(r"\b[vx]\d+\b", line) if name in names}
        used = {name: a for name, a in used.items() if getattr(a, "dtype", None) in (float, complex)}
        moves, target = directions(used.values(), rng), re.match(r"v\d+", line).group()

        def result(t, line=line, used=used, moves=moves, target=target, names=names):
            moved = {name: a + t * v for (name, a), v in zip(used.items(), moves, strict=True)}
            exec(line, here := {**names, **moved})
            return np.asarray(here[target])

        try:
            left, middle, right = (result(t) for t in (-step, 0.0, step))
            change = np.max(np.abs(right - 2 * middle + left), initial=0)
        except Exception:
            return False
        if change > 1e-3 * step * (1 + np.max(np.abs(right - middle), initial=0) / step):
            return True
        names = {**names, target: middle}
    return False


def _values(program):
    return values_of(program.compiled(), program.inputs)


def _derivatives(program, v, w, order):
    """Gradients and tangents, or a Hessian times v both ways, as opad finds them."""
    f, x = program.compiled(), program.inputs
    if order == 1:
        return *opad.vjp(f, *(a.copy() for a in x))[1](tuple(w)), *opad.jvp(f, tuple(a.copy() for a in x), tuple(v))[1]
    return [product for products in _hessian_products(f, x, v, w) for product in products]


# -- the command ----------------------------------------------------------------------------------------------------


def outcome(program):
    """(kind, message): right, refused, singular, unstable, kink or wrong, and what is wrong."""
    try:
        check(program)
    except Failure as failure:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return diagnosis(program, failure), str(failure)
    except Refused as refusal:
        return "refused", str(refusal)
    except Singular:
        return "singular", ""
    except Unstable:
        return "unstable", ""
    return "right", ""


def kind_of(message):
    """A message without its numbers, to tell failures of one kind."""
    return re.sub(r"\d[\d.e+-]*", "#", message.split("\n")[0])[:90]


def _fails_alike(message):
    return lambda program: kind_of(outcome(program)[1]) == kind_of(message)


def main():
    """Draw and check programs until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="the first program's; the next ones count up")
    parser.add_argument("--length", type=int, default=6, help="statements per program")
    arguments = parser.parse_args()
    deadline = time.monotonic() + 60 * arguments.minutes
    counts, messages, seed = Counter(), Counter(), arguments.seed
    while time.monotonic() < deadline:
        program = draw(generator(seed), length=arguments.length)
        kind, message = outcome(program)
        counts[kind] += 1
        messages[kind, kind_of(message)] += 1
        if kind == "wrong" and messages[kind, kind_of(message)] <= 3:
            print(f"# seed {seed}: {message[:400]}\n{shortened(program, _fails_alike(message))}\n", flush=True)
        seed += 1
    print(f"{counts.total()} programs: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")
    for (kind, message), count in messages.most_common(30):
        if message and kind != "wrong":
            print(f"  {kind} {count} times: {message}")


if __name__ == "__main__":
    main()
