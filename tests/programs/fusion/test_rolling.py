"""Programs that repeat: which parts become loops, and that loops compute what the steps did.

Most tests run the text of the loops as plain Python, which needs no numba and compiles nothing.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.programs.fusion import rolling
from opad.programs.fusion.native import Native
from tests.programs.equality import assert_same
from tests.programs.fusion.forced import fused, needs_numba, plain_loops

INDEX = np.array([2, 0, -1, 4, 1, 3])
ARRAYS = [
    lambda a, b, k, c: 0.5 * (a + b),
    lambda a, b, k, c: a * 0.5 - b * 0.25,
    lambda a, b, k, c: 0.5 * np.roll(a, 1) - b * c,
    lambda a, b, k, c: np.concatenate([a[1:], b[:1]]) * c,
    lambda a, b, k, c: a[INDEX] * b,
    lambda a, b, k, c: a[::-1] / (2 + b * b),
    lambda a, b, k, c: a * (0.3 - 0.01 * k) + b[0] * 0.1,
    lambda a, b, k, c: np.sqrt(1 + a * a) - b[1:2],
    lambda a, b, k, c: np.where(a > b, a, 0.5 * b),
    lambda a, b, k, c: np.maximum(a, c) * 0.5,
    lambda a, b, k, c: c[k % 3] * a,
]
NUMBERS = [
    lambda a, b, k, c: 0.5 * (a + b),
    lambda a, b, k, c: a * 0.5 - b * c,
    lambda a, b, k, c: a * b * (0.3 - 0.01 * k),
    lambda a, b, k, c: a / (2 + b * b),
    lambda a, b, k, c: abs(a) - 0.5 * b,
    lambda a, b, k, c: np.sqrt(1 + a * a) * 0.5,
    lambda a, b, k, c: np.where(a > b, a, 0.5 * b)[()],
    lambda a, b, k, c: np.maximum(a, c) * 0.5,
]


@st.composite
def recurrences(draw, operations):
    """(operations of a turn, turns, turn after which something else is done, values that are returned)."""
    operation = st.tuples(st.integers(0, len(operations) - 1), st.integers(0, 7), st.integers(0, 7))
    turns = draw(st.integers(8, 20))
    return (
        draw(st.lists(operation, min_size=1, max_size=8)),
        turns,
        draw(st.sets(st.integers(0, turns), max_size=2)),
        draw(st.lists(st.integers(0, 200), min_size=1, max_size=4)),
    )


def run(recurrence, operations, u, v, c):
    steps, turns, breaks, results = recurrence
    values = [u, v]
    for k in range(turns):
        for number, first, second in steps:
            a, b = (values[max(0, len(values) - 1 - back)] for back in (first, second))
            values.append(operations[number](a, b, k, c))
        if k in breaks:
            values.append(values[-1] * 0.25 + 1)
    return [values[-1], *(values[k % len(values)] for k in results)]


def loops(compiled):
    """Of every loop the number of its turns."""
    natives = [s.function for s in compiled.programs[0].whole.code.fusion.steps if isinstance(s.function, Native)]
    return [loop.count for native in natives for loop in native.loops]


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setattr(rolling, "FEWEST_STEPS", 8)
    with plain_loops():
        yield


@pytest.fixture(scope="module")
def short_loops():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rolling, "FEWEST_STEPS", 8)
        yield


def inputs(seed, dtype, n=6):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(n).astype(dtype) for _ in range(3)]


@settings(max_examples=100, deadline=None)
@given(recurrences(ARRAYS), st.sampled_from([np.float64, np.float32]), st.booleans())
def test_random_recurrences(short_loops, recurrence, dtype, donate):
    f = lambda u, v, c: run(recurrence, ARRAYS, u, v, c)  # noqa: E731
    with plain_loops():
        compiled = opad.compile(f, fuse=True, donate=donate)
        u, v, c = inputs(0, dtype)
        for args in ((u, v, c), inputs(1, dtype), (v, v, v), (u[::-1], v, u)):
            before = [a.copy() for a in args]
            result = compiled(*args)
            assert_same(result, f(*args), exact=True)
            assert_same(list(args), before, exact=True)
            for array in result:
                array[...] = np.nan


@settings(max_examples=100, deadline=None)
@given(recurrences(NUMBERS), st.sampled_from([float, np.float64]))
def test_random_recurrences_of_numbers(short_loops, recurrence, kind):
    f = lambda u, v, c: run(recurrence, NUMBERS, u, v, c)  # noqa: E731
    with plain_loops():
        compiled = opad.compile(f, fuse=True)
        for seed in range(3):
            args = [kind(a[0]) for a in inputs(seed, np.float64)]
            assert_same(compiled(*args), f(*args), exact=True)


@settings(max_examples=100, deadline=None)
@given(recurrences(ARRAYS), st.booleans())
def test_derivatives_of_random_recurrences(short_loops, recurrence, forward):
    def loss(u, v, c):
        return sum(np.sum(part**2) for part in run(recurrence, ARRAYS, u, v, c))

    g = opad.grad(loss, argnums=(0, 1, 2))
    f = (lambda *p: opad.jvp(loss, p, p[::-1])) if forward else g
    with plain_loops():
        compiled = opad.compile(f, fuse=True)
        for seed in range(2):
            args = inputs(seed, np.float64)
            assert_same(compiled(*args), f(*args))


@settings(max_examples=100, deadline=None)
@given(recurrences(NUMBERS), st.sampled_from([float, np.float64]))
def test_derivatives_of_random_recurrences_of_numbers(short_loops, recurrence, kind):
    def loss(u, v, c):
        return sum((part**2 for part in run(recurrence, NUMBERS, u, v, c)), u * v * c)

    f = opad.value_and_grad(loss, argnums=(0, 1, 2))
    with plain_loops():
        compiled = opad.compile(f, fuse=True)
        for seed in range(2):
            args = [kind(a[0]) for a in inputs(seed, np.float64)]
            assert_same(compiled(*args), f(*args))


# -- which parts become loops -----------------------------------------------------------------------------------------

U = np.linspace(0.1, 1.0, 6)


def advection(u, steps=20, c=0.1):
    for _ in range(steps):
        u = u - c * u * (np.roll(u, -1, axis=0) - np.roll(u, 1, axis=0))
    return u


def test_every_turn_of_a_recurrence_is_in_its_loop(plain):
    compiled = fused(advection, U)
    assert loops(compiled) == [20]
    assert len(compiled.programs[0].whole.code.fusion.steps) == 2  # the loop, and its last value


def test_a_gradient_is_two_loops(plain):
    compiled = opad.compile(opad.grad(lambda u: np.sum(advection(u) ** 2)), fuse=True)
    assert_same(compiled(U), opad.grad(lambda u: np.sum(advection(u) ** 2))(U))
    forward, backward = loops(compiled)
    assert forward == 20
    assert backward >= 18  # the first turns and the last ones may do less
    assert f"2 loops of {forward + backward} turns" in compiled.report()


def test_only_values_that_are_needed_later_have_a_place_for_every_turn(plain):
    def sizes(f):
        native = next(
            s.function for s in fused(f, U).programs[0].whole.code.fusion.steps if isinstance(s.function, Native)
        )
        return sorted(native.specs[stack].shape[0] for stack in native.stacks)

    assert sizes(advection) == [2]
    assert sizes(lambda u: [v := advection(u, 19), advection(v, 1)]) == [2]
    assert sizes(lambda u: [v := advection(u, 10), advection(v, 10)]) == [21]


def test_a_break_ends_a_loop(plain):
    def f(u):
        return advection(np.sqrt(advection(u, 12)), 9)

    assert loops(fused(f, U)) == [12, 9]


def test_periods_of_several_steps(plain):
    def f(u, v):
        for k in range(40):
            u, v = (v * u, u - 0.1 * v[::-1]) if k % 4 else (u + v, np.sqrt(u * u))
        return u

    assert loops(fused(f, U, U[::-1]))[0] >= 9


def test_steps_that_read_further_back(plain):
    def f(u):
        values = [u, u * 0.5, u * 0.25]
        for _ in range(20):
            values.append(values[-1] - 0.1 * values[-3][::-1])
        return values[-1]

    assert loops(fused(f, U))[0] >= 18


def test_inputs_of_each_turn(plain):
    def f(X, u, x):
        for k in range(16):
            u = u * X[k, 1:-1] + x[15 - k]
        return u

    assert loops(fused(f, np.linspace(0, 1, 16 * 8).reshape(16, 8), U, np.linspace(1, 2, 16))) == [16]
    s = lambda x: sum(0.5 * x[k] * x[k + 1] for k in range(30))  # noqa: E731
    assert loops(fused(s, np.linspace(0.0, 1.0, 31)))[0] >= 29


def test_what_stands_between_is_no_obstacle(plain):
    def f(u):
        total = 0.0
        for _ in range(12):
            u = u - 0.1 * u[::-1]
            total = total + np.sum(np.cumsum(u))
        return total

    assert loops(fused(f, U)) == [12]


def test_a_value_of_the_first_turn_in_all_others(plain):
    def f(u):
        first = u = u * 2 + 1
        for _ in range(16):
            u = u * 2 + 1
            u = u * first
        return u

    assert loops(fused(f, U)) == [16]


def test_little_is_left_alone(plain, monkeypatch):
    monkeypatch.undo()
    with plain_loops():
        assert loops(fused(lambda u: advection(u, 8), U)) == []


def test_loops_between_numbers_are_one_function(plain):
    def f(x):
        y = x * 0.5
        for _ in range(30):
            x = x - 0.1 * x * x
        x = x / 3 + y
        for _ in range(30):
            x = x * 0.9 + 0.2
        return x + y

    compiled = fused(f, 0.7)
    assert loops(compiled) == [30, 30]
    assert len(compiled.programs[0].whole.code.fusion.steps) == 1


def test_many_numbers_between_loops_are_a_tape(plain, monkeypatch):
    monkeypatch.setattr(rolling, "MOST_NUMBERS", 10)

    def f(x):
        for _ in range(30):
            x = x * 0.9 + 0.2
        y = x
        for k in range(1, 6):
            y = y / k + sum(x - j for j in range(k))
        for _ in range(30):
            y = y - 0.1 * y * y
        return x, y

    compiled = fused(f, 0.7)
    assert loops(compiled) == [30, 30]
    assert len(compiled.programs[0].whole.code.fusion.steps) > 2


def test_slower_loops_are_not_used(plain, monkeypatch):
    gradient = opad.grad(lambda u: np.sum(advection(u) ** 2))
    for is_slow, count in (((20).__eq__, 0), ((20).__gt__, 1)):  # without the values of the first loop no second one
        monkeypatch.setattr(rolling, "_is_faster", lambda loop, specs: not is_slow(loop.count))  # noqa: B023
        compiled = opad.compile(gradient, fuse=True)
        assert_same(compiled(U), gradient(U))
        assert len(loops(compiled)) == count


# -- errors, guards, memory -------------------------------------------------------------------------------------------


def test_errors_in_loops(plain):
    def f(x, y):
        for _ in range(20):
            x = x / y - 1
        return x

    compiled = fused(f, 1.0, 2.0)
    assert loops(compiled) == [20]
    with pytest.raises(ZeroDivisionError):
        compiled(1.0, 0.0)
    assert_same(compiled(3.0, 2.0), f(3.0, 2.0), exact=True)

    def g(x, k):
        for _ in range(20):
            x = x[k] * 0.5
        return x

    compiled = fused(g, U, INDEX)
    assert loops(compiled) == [20]
    with pytest.raises(IndexError, match="out of bounds for axis"):
        compiled(U, INDEX + 6)


def test_branches_on_values_of_a_loop(plain):
    def f(x):
        for _ in range(20):
            x = x - 0.1 * x * x if x > 0.5 else x * 2
        return x

    compiled = opad.compile(f, fuse=True)
    for x in (0.7, 5.0, 0.1, 0.7):
        assert_same(compiled(x), f(x), exact=True)


def test_values_that_a_function_keeps(plain):
    kept = []

    @opad.primitive
    def keep(x):
        kept.append(x)
        return np.sum(x)

    def f(u):
        states = [u]
        for _ in range(12):
            states.append(states[-1] - 0.1 * states[-1][::-1])
        return keep(states[5]) + np.sum(states[-1])

    compiled = opad.compile(f, fuse=True)
    with pytest.warns(RuntimeWarning, match="changes"):
        compiled(U)
    compiled(U)
    before = kept[-1].copy()
    compiled(2 * U)
    assert_same(kept[-2], before, exact=True)


# -- with numba -------------------------------------------------------------------------------------------------------

BROKEN = [(1, 0, 2), (3, 0, 1)], 20, {7}, [3, 9]
SMOOTH = [(6, 0, 2), (5, 0, 1), (7, 1, 0)], 20, set(), [3, 9]
COMPILED = {
    "advection": (opad.grad(lambda u: np.sum(advection(u) ** 2)), (U,)),
    "matrices": (advection, (np.linspace(0, 1, 12).reshape(3, 4),)),
    "fortran": (advection, (np.linspace(0, 1, 12).reshape(3, 4).T,)),
    "single_precision": (lambda u: [u := advection(u, 1, np.float32(0.1)) for _ in range(10)], (U.astype(np.float32),)),
    "varying": (lambda u, c: [u := c[k] * u - 0.1 * k * u[::-1] for k in range(12)], (U, np.linspace(0, 1, 12))),
    "numbers": (opad.value_and_grad(lambda x: run(BROKEN, NUMBERS, x, 0.3, 0.2)[0]), (0.7,)),
    "numbers_of_numpy": (lambda x, y: run(SMOOTH, NUMBERS, x, y, 0.2), (np.float64(0.7), np.float64(-2))),
}  # fmt: skip


@needs_numba
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_loops(short_loops, monkeypatch, name):
    monkeypatch.setattr(rolling, "_is_faster", lambda *_: True)
    f, args = COMPILED[name]
    compiled = opad.compile(f, fuse=True)
    for _ in range(2):
        assert_same(compiled(*args), f(*args))
    assert bool(loops(compiled)) == (name != "fortran")  # loops over elements are in C order


@needs_numba
def test_loops_are_measured():
    compiled = fused(lambda u: advection(u, 50), U)
    assert loops(compiled) == [50]  # 250 NumPy calls, each of which takes longer than 6 numbers


@needs_numba
def test_threads_have_stacks_of_their_own(short_loops):
    gradient = opad.grad(lambda u: np.sum(advection(u) ** 2))
    compiled = opad.compile(gradient, fuse=True)
    compiled(U)
    assert loops(compiled)
    arguments = [U * k for k in np.linspace(0, 1, 20)]
    with ThreadPoolExecutor(4) as pool:
        for result, u in zip(pool.map(compiled, arguments), arguments, strict=True):
            assert_same(result, gradient(u))
