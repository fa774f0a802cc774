"""Arithmetic of numbers as Python's own: equal to the last bit, and NumPy's warnings where NumPy gives them."""

import math
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.programs.python_numbers import NotFinite, PythonNumbers, is_pythons
from opad.programs.replay import Run
from tests.programs.arithmetic import ARITHMETIC, NUMBERS, logistic_map
from tests.programs.equality import assert_same
from tests.programs.test_random_programs import arguments, programs, run


def runs(compiled):
    """Lengths of the runs of Python's arithmetic."""
    steps = compiled.programs[0].whole.code.plan.steps
    return [len(step.function.steps) for step in steps if type(step.function) is PythonNumbers]


def pendulum(a):
    z = 0.5
    for _ in range(20):
        z = z + 0.1 * (np.sin(a * z) - np.cos(z)) / np.sqrt(1 + z * z)
    return z


FUNCTIONS = NUMBERS | {
    "library": (opad.value_and_grad(pendulum), (np.float64(1.3),)),
    "library_of_pythons": (pendulum, (1.3,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_equal_to_the_last_bit(name):
    f, args = FUNCTIONS[name]
    compiled = opad.compile(f)
    for _ in range(3):
        assert_same(compiled(*args), f(*args), exact=True)
    assert runs(compiled)
    assert "raise NotFinite" in compiled.source


def test_a_run_is_one_expression_where_values_are_used_once():
    compiled = opad.compile(logistic_map)
    compiled(1.3)
    assert compiled.source.count("\n    f") == 20
    assert runs(compiled) == [79]  # of 80, the first product is of constants


def test_short_runs_and_single_precision_stay_numpys():
    for x in (np.float32(1.3), np.array(1.3)):
        compiled = opad.compile(logistic_map)
        assert_same(compiled(x), logistic_map(x), exact=True)
        assert not runs(compiled)
    compiled = opad.compile(lambda x: x[0] * 2 + x[1])
    compiled(np.ones(2))
    assert not runs(compiled)


def squares(x):
    y = x * x
    for _ in range(6):
        y = y * y + x
    return y


def test_overflow_is_reported_as_numpy_does():
    compiled = opad.compile(squares)
    assert_same(compiled(np.float64(1.1)), squares(np.float64(1.1)), exact=True)
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="overflow"):
            assert compiled(np.float64(1e20)) == np.inf
    assert not runs(compiled)
    assert_same(compiled(np.float64(1.1)), squares(np.float64(1.1)), exact=True)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        compiled(np.float64(1e20))


def test_overflow_in_a_divisor_is_reported():
    f = lambda x: 1 / squares(x)  # noqa: E731
    compiled = opad.compile(f)
    compiled(np.float64(1.1))
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert compiled(np.float64(1e20)) == 0.0


@pytest.mark.parametrize(("function", "argument"), [(np.sin, 1e20), (np.sin, np.nan), (np.sqrt, -1.0), (np.sqrt, 1e20)])
def test_functions_are_numpys_where_they_warn(function, argument):
    compiled = opad.compile(lambda x: function(squares(x)) + 1.0)
    compiled(np.float64(0.5))
    assert len(runs(compiled)) == is_pythons(function)
    for _ in range(2):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            result = compiled(np.float64(argument))
        with warnings.catch_warnings(record=True) as expected:
            warnings.simplefilter("always")
            value = function(squares(np.float64(argument))) + 1.0
        assert_same(result, value, exact=True)
        assert {str(w.message) for w in found} == {str(w.message) for w in expected}


def test_functions_of_math_are_those_of_numpy():
    """A trial decides; square roots are rounded correctly by both, other functions are not tried."""
    assert is_pythons(np.sqrt)
    assert not is_pythons(np.exp)
    x = np.random.default_rng(1).standard_normal(500) * 30
    for function, pythons in ((np.sin, math.sin), (np.cos, math.cos)):
        assert not is_pythons(function) or [function(a).item() for a in x] == [pythons(a) for a in x.tolist()]


def test_division_by_zero():
    f = lambda x: 1 / (squares(x) - squares(x * 1.0))  # noqa: E731
    g = lambda x, y: squares(x) / y  # noqa: E731
    compiled = opad.compile(g)
    compiled(np.float64(1.1), np.float64(2.0))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert compiled(np.float64(1.1), np.float64(0.0)) == np.inf
    pythons = opad.compile(g)
    pythons(1.1, 2.0)
    with pytest.raises(ZeroDivisionError):
        pythons(1.1, 0.0)
    with pytest.raises(ZeroDivisionError):
        opad.compile(f)(1.1)


def test_pythons_numbers_overflow_in_silence():
    compiled = opad.compile(squares)
    compiled(1.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled(1e20) == np.inf
        assert np.isnan(compiled(np.nan))


def test_underflow_that_is_reported_is_numpys():
    def f(x):
        with np.errstate(under="warn"):
            return squares(x)

    compiled = opad.compile(f)
    compiled(np.float64(1.1))
    assert not runs(compiled)


OPERATIONS = [
    *ARITHMETIC,
    lambda a, b: a / b,
    lambda a, b: abs(a) * -2,
    lambda a, b: np.sin(a) + np.cos(a),
    lambda a, b: np.sqrt(b * 0.5),
    lambda a, b: a + 1 if a > b else a * 2,
    lambda a, b: a * a,
]


@settings(max_examples=150, deadline=None)
@given(
    programs(OPERATIONS),
    st.lists(st.sampled_from([0, 1]), min_size=5, max_size=5),
    st.sampled_from([0.0, -0.0, 1.5, 1e200, np.inf]),
)
def test_random_programs(program, kinds, special):
    f = lambda *inputs: run(program, OPERATIONS, inputs)  # noqa: E731
    compiled = opad.compile(f)
    for seed in range(4):
        values = [float(a.flat[0]) for a in arguments(seed)]
        values[seed] = special
        inputs = [(float, np.float64)[kind](value) for kind, value in zip(kinds, values, strict=True)]
        with np.errstate(all="ignore"):
            try:
                expected = f(*inputs)
            except ZeroDivisionError:  # a compiled program leaves out what is not used
                with suppress(ZeroDivisionError):
                    compiled(*inputs)
                continue
            assert_same(compiled(*inputs), expected, exact=True)


def test_two_threads_turn_to_numpys_numbers_at_once():
    barrier = threading.Barrier(2)

    def overflow():
        barrier.wait()
        raise NotFinite

    numpys = SimpleNamespace(make=lambda known: lambda: [np.inf], alternative=None)
    run = Run(SimpleNamespace(make=lambda known: overflow, alternative=numpys))
    with ThreadPoolExecutor(2) as pool:
        assert [future.result() for future in [pool.submit(run, []) for _ in range(2)]] == [[np.inf]] * 2
    assert run.code is numpys


SINGULAR = {
    "second derivative": (lambda x: opad.hvp(scipy.special.entr, (x,), (x,)), (0.0,)),
    "reciprocal": (lambda x: opad.hvp(np.reciprocal, (x,), (x,)), (0.0,)),
    "power": (lambda x: opad.grad(opad.grad(lambda x: x**0.5))(x), (0.0,)),
    "divisor": (lambda x, b: opad.grad(lambda x: np.sum(x / b))(x), (np.ones(2), 0.0)),
    "divisor, single precision": (lambda x, b: opad.grad(lambda x: np.sum(x / b))(x), (np.ones(2, np.float32), 0.0)),
    "exponent": (lambda x, p: opad.grad(lambda x: np.sum(x**p))(x), (np.ones(2), 0.0)),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_partials_that_python_raises_for_are_numpys(name):
    """Where 1 / 0.0 is infinite, and 0 times it 0; also if the program was recorded elsewhere."""
    f, point = SINGULAR[name]
    compiled = opad.compile(f)
    with np.errstate(all="ignore"):
        for shift in (1.5, 0.0):
            moved = [a + shift if type(a) is float else a for a in point]
            expected = f(*moved)
            assert_same(compiled(*moved), expected)
            assert name != "divisor, single precision" or expected.dtype == np.float32


def test_tangents_of_numpys_numbers_are_such_numbers():
    def tangents(x, v):
        return opad.jvp(lambda x: (x * 2, x + np.float64(1), -x, x), (x,), (v,))[1]

    for x in (1.5, np.float64(1.5)):
        assert [*map(type, opad.compile(tangents)(x, 1.0))] == [*map(type, tangents(x, 1.0))]


@pytest.mark.parametrize("f", [lambda z: z * (1 - 2j), lambda z: z * z, abs, lambda z: z**2, lambda z: np.power(z, 2)])
def test_complex_numbers_and_arrays_are_rounded_as_without_compilation(f, rng):
    """Products of NumPy's complex numbers are other ones than those of arrays, squares other ones than powers."""
    numbers = rng.standard_normal(50) + 1j * rng.standard_normal(50)
    compiled = opad.compile(f)
    np.testing.assert_array_equal(compiled(numbers), f(numbers))
    for z in numbers:
        assert compiled(z) == f(z)
