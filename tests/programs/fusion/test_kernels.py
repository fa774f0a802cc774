"""Loops of fused programs: what they compute."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.operators.indexing import scatter_add
from opad.programs.fusion import elementwise
from tests.programs.arithmetic import ARITHMETIC
from tests.programs.equality import assert_same
from tests.programs.fusion.forced import fused, groups, needs_numba, plain_loops
from tests.programs.fusion.loops import INDEX, LOOPS, X
from tests.programs.registry import CASES
from tests.programs.test_random_programs import arguments, programs, run


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("donate", [False, True])
def test_loops_compute_the_same(plain, name, donate):
    f, args = LOOPS[name]
    assert groups(fused(f, *args, donate=donate))


@pytest.mark.parametrize("name", CASES)
def test_registry(plain, rng, name):
    f, make = CASES[name]
    compiled = opad.compile(f, fuse=True)
    for args in (make(rng), make(rng)):
        assert_same(compiled(*args), f(*args))


@pytest.mark.parametrize("function", elementwise.LIBRARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_library_functions(plain, function, dtype):
    x = np.linspace(0.1, 0.9, 20, dtype=dtype) + (function is np.arccosh)
    f = lambda x: function(*[x] * function.nin) * 2 + x  # noqa: E731
    compiled = opad.compile(f, fuse=True)
    assert_same(compiled(x), f(x))
    assert_same(compiled(x[::-1]), f(x[::-1]))
    assert groups(compiled) == [[function.__name__, "multiply", "add"]]
    large = np.resize(x, elementwise.LIBRARY_LIMIT + 1)
    assert groups(fused(f, large)) == [["multiply", "add"]]


EXACT = [
    *ARITHMETIC,
    lambda a, b: np.sqrt(1 + a**2),
    lambda a, b: a.T if a.ndim == 2 else a,
    lambda a, b: a[::-1] if a.ndim and a.shape[0] == 3 else a,
    lambda a, b: a[..., :1] if a.ndim else a,
    lambda a, b: scatter_add(a[:2], (slice(1, 3),), (3,)) if a.shape == (3,) else b,
    lambda a, b: a[np.array([2, 0, -2])] * 2 if a.shape == (3,) else a,
    lambda a, b: np.sum(a, axis=-1) if a.ndim == 2 and a.shape == (3, 3) else a,
    lambda a, b: a @ b if a.shape == b.shape == (3, 3) else a,
    lambda a, b: np.broadcast_to(a, (3, 3)) * 0.5,
    lambda a, b: b,
    lambda a, b: np.maximum(a, b),
    lambda a, b: np.where(a > b, a, 2 * b),
    lambda a, b: np.abs(a),
    lambda a, b: a + 1 if np.sum(a) > 0 else a * 2,
]


@settings(max_examples=150, deadline=None)
@given(programs(EXACT), st.sampled_from([np.float64, np.float32]), st.booleans())
def test_random_programs(program, dtype, donate):
    f = lambda *inputs: run(program, EXACT, inputs)  # noqa: E731
    with plain_loops():
        compiled = opad.compile(f, fuse=True, donate=donate)
    x, y = arguments(0, dtype), arguments(1, dtype)
    same = [x[0], x[1], x[0][:, :1], x[0][:1], x[0][0, 0:1].reshape(())]  # views of one array
    with plain_loops():
        for inputs in (x, y, same, [np.asfortranarray(a) for a in x], x):
            before = [a.copy() for a in inputs]
            result = compiled(*inputs)
            assert_same(result, f(*inputs), exact=True)
            assert_same(list(inputs), before, exact=True)
            for array in result:
                if isinstance(array, np.ndarray):
                    array[...] = np.nan


def test_a_donated_result_may_be_the_next_argument(plain):
    f = lambda x, k: x[k] * x[k[::-1]] + x  # noqa: E731
    compiled, x = opad.compile(f, fuse=True, donate=True), X
    for _ in range(3):
        expected = f(x, INDEX)
        x = compiled(x, INDEX)
        assert_same(x.copy(), expected, exact=True)


def test_positions_out_of_bounds_raise(plain):
    compiled = fused(lambda x, k: x[k] * 2 + 1, X, INDEX)
    for position in (200, -201):
        with pytest.raises(IndexError, match="out of bounds for axis"):
            compiled(X, np.full(200, position))
    gradient = fused(opad.grad(lambda x, k: np.sum(x[k] ** 2)), X, INDEX)
    with pytest.raises(IndexError, match="out of bounds for axis"):
        gradient(X, np.full(200, 200))


@needs_numba
@pytest.mark.parametrize("name", LOOPS)
def test_compiled_loops(always, name):
    f, args = LOOPS[name]
    with np.errstate(all="ignore"):
        assert groups(fused(f, *args))


@needs_numba
@pytest.mark.parametrize("function", elementwise.LIBRARY, ids=lambda f: f.__name__)
def test_compiled_library_functions(always, function):
    x = np.linspace(0.1, 0.9, 20) + (function is np.arccosh)
    f = lambda x: function(*[x] * function.nin) * 2 + x  # noqa: E731
    assert_same(opad.compile(f, fuse=True)(x), f(x))
