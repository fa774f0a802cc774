"""Numbers of fused programs, which are worked off as a tape: what they compute."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.programs.fusion import elementwise
from tests.programs import arithmetic
from tests.programs.equality import assert_same
from tests.programs.fusion.forced import fused, groups, needs_numba, plain_loops
from tests.programs.test_random_programs import arguments, programs, run

X = np.linspace(0.1, 1.0, 200)


def powers(x):
    return x**3 / (1 + x**2) - x**-1.5


# name: (function, arguments)
NUMBERS = arithmetic.NUMBERS | {
    "powers": (powers, (1.5,)),
    "gradient_of_powers": (opad.grad(powers), (1.5,)),
    "python": (lambda x, y: (x * y + 1 - x / y, x**2, abs(-x), x > y, -y * 3), (1.5, -2.5)),
    "masks": (lambda x, y: (np.where(x > y, x, y) * 2, x != y, np.isfinite(x / y) * 1.0), (np.float64(3), 2.0)),
    "extrema": (lambda x: [x[0] * x[1] + 1 - x[2], np.maximum(x[3], x[4] / 2) * x[5]], (X,)),
    "between_arrays": (lambda x: x * ((x @ x) / (1 + x[0] * x[0]) + 1), (X,)),
    "infinite": (lambda x, y: (y / x + 1, np.sqrt(x - y), y * np.inf - np.inf), (np.float64(0), np.float64(2))),
}
ARITHMETIC = [
    *arithmetic.ARITHMETIC,
    lambda a, b: a + 1 if a > b else a * 2,
    lambda a, b: abs(a),
    lambda a, b: np.sqrt(a * a),
    lambda a, b: np.maximum(a, b),
    lambda a, b: np.where(a > b, a, 2 * b)[()],
]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(plain, name):
    f, args = NUMBERS[name]
    assert groups(fused(f, *args))


@needs_numba
@pytest.mark.parametrize("name", NUMBERS)
def test_compiled_numbers(always, name):
    f, args = NUMBERS[name]
    with np.errstate(all="ignore"):
        assert groups(fused(f, *args))


@pytest.mark.parametrize("kind", [float, np.float64])
def test_library_functions_of_numbers(plain, kind):
    for function in elementwise.LIBRARY:
        x = kind(0.3 + (function is np.arccosh))
        f = lambda x: function(*[x] * function.nin) * 2 + x  # noqa: B023, E731  used within this turn
        compiled = opad.compile(f, fuse=True)
        assert_same(compiled(x), f(x))
        assert groups(compiled) == [[function.__name__, "multiply", "add"]]


def test_errors_of_pythons_numbers(plain):
    f = lambda x, y: (x * 2 / y + 1, y**-1.0 + x)  # noqa: E731
    compiled = fused(f, 1.0, 2.0)
    with pytest.raises(ZeroDivisionError):
        compiled(1.0, 0.0)
    with pytest.raises(OverflowError):
        opad.compile(lambda x: x**300.0 * 2, fuse=True)(1e300)
    for x, y in ((1.0, -2.0), (np.nan, 2.0), (1.0, np.nan), (np.inf, 2.0), (1e308, 1e-308)):
        assert_same(compiled(x, y), f(x, y), exact=True)


@settings(max_examples=100, deadline=None)
@given(programs(ARITHMETIC), st.sampled_from([float, np.float64]))
def test_random_programs_of_numbers(program, kind):
    f = lambda *inputs: run(program, ARITHMETIC, inputs)  # noqa: E731
    with plain_loops():
        compiled = opad.compile(f, fuse=True)
        for seed in range(3):
            inputs = [kind(a.flat[0]) for a in arguments(seed)]
            assert_same(compiled(*inputs), f(*inputs), exact=True)
