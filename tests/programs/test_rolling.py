"""Programs that repeat: which parts become loops, and that loops compute what the steps did.

Most tests run the text of the loops as plain Python, which needs no numba and compiles nothing.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.programs import rolling
from opad.programs.native import Native
from tests.programs.equality import assert_same
from tests.programs.test_fusion import fused, plain_loops

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
    natives = [s.function for s in compiled.programs[0].fusion.steps if isinstance(s.function, Native)]
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
