"""Compiled functions return what the functions return, as often as they are called."""

import gc
import threading

import numpy as np
import optree
import pytest

import opad
from opad.programs import results
from opad.programs.constants import same_bits
from tests.programs.equality import assert_same
from tests.programs.registry import CASES, network, step
from tests.threads import in_threads


def in_precision(tree, dtype):
    return optree.tree_map(lambda x: x.astype(dtype) if isinstance(x, np.ndarray) else x, tree)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_function(name, dtype, rng):
    function, make = CASES[name]
    compiled = opad.compile(function)
    for _ in range(3):
        args = in_precision(make(rng), dtype)
        try:
            expected = function(*args)
        except Exception as error:  # not every function takes complex numbers
            with pytest.raises(type(error)):
                compiled(*args)
            continue
        given = optree.tree_map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, args)
        for _ in range(2):
            assert_same(compiled(*args), expected)
        assert_same(args, given, exact=True)


@pytest.mark.parametrize("name", CASES)
def test_results_are_the_callers(name, rng):
    function, make = CASES[name]
    compiled = opad.compile(function)
    first, second = make(rng), make(rng)
    results = [compiled(*first), compiled(*second), compiled(*first)]
    expected = [function(*first), function(*second), function(*first)]
    for result, value in zip(results, expected, strict=True):
        assert_same(result, value)
    arrays = [a for a in optree.tree_leaves(results) if isinstance(a, np.ndarray)]
    inputs = [a for a in optree.tree_leaves([first, second]) if isinstance(a, np.ndarray)]
    for k, a in enumerate(arrays):
        assert a.flags.writeable
        assert not any(np.shares_memory(a, b) for b in arrays[k + 1 :] + inputs)
    for a in arrays:
        a[...] = 7
    assert_same(compiled(*first), expected[0])


@pytest.mark.parametrize("name", CASES)
def test_a_changed_input_is_seen(name, rng):
    function, make = CASES[name]
    compiled = opad.compile(function)
    args = make(rng)
    kept = compiled(*args)
    before = optree.tree_map(np.copy, kept) if all(map(_is_array, optree.tree_leaves(kept))) else None
    for leaf in optree.tree_leaves(args):
        if isinstance(leaf, np.ndarray):
            leaf *= 1.5
    assert_same(compiled(*args), function(*args))
    if before is not None:
        assert_same(kept, before, exact=True)


def _is_array(leaf):
    return isinstance(leaf, np.ndarray)


def test_memory_layouts(rng):
    f = opad.grad(lambda A, B: np.sum(np.tanh(A @ B.T) * A))
    compiled = opad.compile(f)
    A, B = rng.standard_normal((2, 6, 6))
    layouts = [
        lambda X: X,
        np.asfortranarray,
        lambda X: X[::-1],
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X.T,
    ]
    for left in layouts:
        for right in layouts:
            assert_same(compiled(left(A), right(B)), f(left(A), right(B)))
    assert len(compiled.programs) == 1


def test_same_array_twice(rng):
    f = lambda x, y: (x + y, x * y - 1)  # noqa: E731
    compiled = opad.compile(f)
    x, y = rng.standard_normal((2, 5))
    for args in [(x, y), (x, x), (y, y), (x[::2], x[::2])]:
        assert_same(compiled(*args), f(*args), exact=True)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), ()])
def test_empty_and_scalar_arrays(shape):
    f = opad.value_and_grad(lambda x: np.sum(np.sin(x) * 2 + x.T))
    if len(shape) == 2:
        f = opad.value_and_grad(lambda x: np.sum(x @ x.T))
    compiled = opad.compile(f)
    x = np.full(shape, 0.3)
    assert_same(compiled(x), f(x))
    assert_same(compiled(x), f(x))


@pytest.mark.parametrize("kind", [float, np.float64, np.float32, np.array, complex, np.complex64])
def test_numbers_keep_their_type(kind):
    for f in (lambda x: x * 2, lambda x: x, lambda x: (x + 1) / 3, np.sin, lambda x: x * np.ones(2, np.float32)):
        compiled = opad.compile(f)
        for value in (0.5, -1.25):
            assert_same(compiled(kind(value)), f(kind(value)))
    g = opad.grad(lambda x: np.real(x * np.conj(x)) * 0.5)
    assert_same(opad.compile(g)(kind(0.5)), g(kind(0.5)))


def test_bits_of_nan_and_zero():
    payload = np.array([0x7FF8000000001234, 0xFFF8000000004321, 0], np.uint64).view(float)
    x = np.concatenate([payload, [-0.0, 0.0, np.inf, -np.inf, 1e-310]])
    for f in (
        lambda x: x * 1,
        lambda x: x + 0,
        lambda x: 0.0 + x,
        lambda x: x - 0,
        lambda x: x / 1,
        lambda x: x + -0.0,
        lambda x: x - (-0.0),
        lambda x: np.ones(8) * x + np.zeros(8),
        lambda x: (1 * x) + (0 * np.isfinite(x)),
        lambda x: (x * 1j) * 1,
    ):
        with np.errstate(invalid="ignore"):
            compiled = opad.compile(f)
            compiled(x)
            assert_same(compiled(x), f(x), exact=True)


def test_keywords_and_defaults(rng):
    def f(x, *, power=2, scale=1.0):
        return scale * x**power

    compiled = opad.compile(f)
    x = rng.standard_normal(4)
    assert_same(compiled(x), f(x))
    assert_same(compiled(x, power=3), f(x, power=3))
    assert_same(compiled(x, power=3, scale=2.0), f(x, power=3, scale=2.0))
    assert_same(compiled(x, scale=3.0, power=3), f(x, power=3, scale=3.0))
    assert len(compiled.programs) == 3


def test_no_arguments():
    compiled = opad.compile(lambda: np.arange(3.0))
    compiled()[:] = 0
    assert_same(compiled(), np.arange(3.0))


def test_differences_of_order_zero_are_the_callers():  # of which NumPy returns its argument
    compiled = opad.compile(lambda x: (np.diff(x, n=0), np.diff(x * 2, n=0)))
    x = np.arange(3.0)
    compiled(x)
    same, twice = compiled(x)
    compiled(x + 1)
    assert not np.shares_memory(same, x)
    assert_same(twice, 2 * x)


def test_donated_results_are_overwritten(rng):
    x, y = rng.standard_normal((2, 8))
    f = lambda x: (np.sin(x) * 2, x.T)  # noqa: E731
    compiled = opad.compile(f, donate=True)
    first = compiled(x)
    assert_same(first, f(x))
    second = compiled(y)
    assert second[0] is first[0]
    assert_same(second, f(y))
    assert not np.shares_memory(second[1], y)


def test_donated_results_may_lie_in_one_array(rng):
    """Which is computed by one call, so that the results are in no line of the program but the last."""
    f = lambda xs: [np.sin(x) ** 2 for x in xs]  # noqa: E731
    compiled, xs = opad.compile(f, donate=True), list(rng.standard_normal((9, 8)))
    for arguments in (xs, xs[::-1]):
        assert_same(compiled(arguments), f(arguments))


@pytest.mark.parametrize("part", [slice(None), slice(1, 6), slice(None, None, -1)], ids=str)
def test_a_donated_result_or_a_part_of_it_may_be_the_next_argument(part, rng):
    f = lambda x: (np.tanh(x * 2 + 1) * 3 - x, np.cumsum(x) * x, 0.5)  # noqa: E731
    compiled = opad.compile(f, donate=True)
    x = y = rng.standard_normal(8)
    for k in range(4):
        x, y = compiled(x)[k % 2], f(y)[k % 2]
        assert_same(x, y)
        if k == 1:
            x, y = x[part], y[part]


@pytest.mark.parametrize("x", [1.5, np.float64(1.5), np.float32(1.5), np.array(1.5)], ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("f", [lambda a: a * 2.0, lambda a: a**3, lambda a: 1.0 + 0 * a, lambda a: np.float64(2.0)])
def test_gradients_are_of_the_type_of_the_argument(f, x):
    gradient = opad.grad(f)
    compiled = opad.compile(gradient)
    for _ in range(3):
        assert type(compiled(x)) is type(gradient(x)) is type(x)
        assert compiled(x) == gradient(x)


def test_inside_other_transformations(rng):
    x = rng.standard_normal(5)
    inner = opad.compile(lambda x: np.sum(np.sin(x) * x))
    inner(x)
    assert_same(opad.grad(inner)(x), opad.grad(inner.function)(x))
    assert_same(opad.hessian(inner)(x), opad.hessian(inner.function)(x))
    outer = opad.compile(opad.grad(lambda x: inner(x) * 2))
    assert_same(outer(x), 2 * opad.grad(inner.function)(x))
    assert_same(outer(-x), 2 * opad.grad(inner.function)(-x))
    assert len(inner.programs) == 1


def test_closes_over_a_value_that_is_differentiated(rng):
    x = rng.standard_normal(4)

    def f(w):
        return np.sum(opad.compile(lambda x: np.sin(x) * w)(x))

    assert_same(opad.grad(f)(x), np.sin(x))
    assert_same(opad.compile(opad.grad(f))(x), np.sin(x))
    outer = opad.compile(lambda w: opad.compile(lambda x: np.sin(x) * w)(x))
    assert_same(outer(x), np.sin(x) * x)
    assert_same(outer(-x), np.sin(x) * -x)


def test_calls_itself(rng):
    x = rng.standard_normal(4)

    @opad.primitive
    def again(x):
        return compiled(x, depth=0)

    @opad.compile
    def compiled(x, depth):
        y = np.cos(x) + 1
        z = again(y) if depth else y
        return y * z

    def expected(x, depth):
        y = np.cos(x) + 1
        return y * (expected(y, 0) if depth else y)

    for _ in range(3):
        assert_same(compiled(x, depth=1), expected(x, 1))


def test_calls_itself_with_the_same_signature():
    depth = []

    @opad.primitive
    def again(x):
        return compiled(x) if len(depth) < 3 and not depth.append(1) else x

    @opad.compile
    def compiled(x):
        y = np.cos(x) + 1
        z = again(y * 2)
        return np.sin(y) * z

    x = np.array([0.1, 0.2])
    with pytest.warns(RuntimeWarning, match="changes"):
        compiled(x)
    depth.clear()

    def plain(x, n=0):
        y = np.cos(x) + 1
        return np.sin(y) * (plain(y * 2, n + 1) if n < 3 else y * 2)

    assert_same(compiled(x), plain(x))


def test_threads_share_a_function(rng):
    f = opad.grad(lambda W, x: np.sum(np.tanh(W @ np.tanh(W @ x))))
    compiled = opad.compile(f)
    cases = [(rng.standard_normal((9, 9)), rng.standard_normal((9, 4))) for _ in range(4)]
    expected = [f(*case) for case in cases]
    wrong, barrier = [], threading.Barrier(4)

    def work(k):
        barrier.wait()
        wrong.extend(k for _ in range(200) if not same_bits(compiled(*cases[k]), expected[k]))

    in_threads(work, range(4))
    assert not wrong


def test_many_steps_of_an_optimiser(rng):
    parameters, x = network(rng)
    compiled = opad.compile(lambda p, x, rate: step(p, x, rate))
    eager = parameters
    for k in range(5):
        rate = 0.1 / (k + 1)
        parameters, eager = compiled(parameters, x, rate), step(eager, x, rate)
        assert_same(parameters, eager)
    assert len(compiled.programs) == 1


def test_nothing_large_is_allocated_in_the_steady_state(rng):
    import tracemalloc

    W, x = rng.standard_normal((64, 64)), rng.standard_normal((64, 64))
    compiled = opad.compile(lambda W, x: np.sum(np.tanh(np.tanh(W @ x) @ W + 1) ** 2), donate=True)
    gradient = opad.compile(opad.grad(lambda W, x: np.sum(np.tanh(np.tanh(W @ x) @ W + 1))), donate=True)
    for f in (compiled, gradient):
        for _ in range(3):
            f(W, x)
        gc.collect()
        tracemalloc.start()
        f(W, x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < W.nbytes / 4


def test_a_function_is_freed():
    compiled = opad.compile(lambda x: x + 1)
    compiled(np.ones(2))
    assert compiled.report().splitlines()[0].endswith("1 program(s), 1 recording(s)")
    with pytest.raises(opad.OpadError, match="not been called"):
        opad.compile(np.sin).source


@pytest.mark.parametrize("name", CASES)
def test_memory_of_dropped_results_is_used_again(name, rng, monkeypatch):
    monkeypatch.setattr(results, "SMALLEST", 0)
    function, make = CASES[name]
    compiled = opad.compile(function)
    first, second, third = make(rng), make(rng), make(rng)
    held = compiled(*first)
    for args in (second, third, first, second):
        assert_same(compiled(*args), function(*args))
        again = compiled(*args)
        assert_same(again, function(*args))
        assert_same(held, function(*first))


def test_changed_results_are_not_used_again(monkeypatch):
    monkeypatch.setattr(results, "SMALLEST", 0)
    compiled, x = opad.compile(lambda x: np.sin(x) * 2), np.ones((2, 3))
    for change in (
        lambda y: setattr(y.flags, "writeable", False),
        lambda y: y.resize((3, 2), refcheck=False),
        lambda y: y.sort(),
    ):
        y = compiled(x)
        change(y)
        del y
        for _ in range(3):
            assert_same(compiled(x), np.sin(x) * 2)
    view = compiled(x)[:1]
    memory = memoryview(compiled(-x))
    compiled(3 * x)
    compiled(4 * x)
    assert_same(view, np.sin(x[:1]) * 2)
    assert_same(np.asarray(memory), np.sin(-x) * 2)


def test_copies_of_numbers_are_numbers():
    def f(x):
        return (x + x).copy()

    for function in (f, opad.compile(f), lambda x: opad.vjp(f, x)[0]):
        assert type(function(np.array(1.5))) is np.float64


def test_integers_and_numbers_among_the_arguments():
    def f(x, steps, name, scale):
        for _ in range(steps):
            x = x * scale["a"] + len(name)
        return x

    compiled = opad.compile(f)
    for steps, name in ((2, "ab"), (3, "ab"), (True, "ab"), (2, "abc"), (2, "ab")):
        for scale in (0.5, np.float64(0.25), 0.75):
            x = np.ones(3) * steps
            for _ in range(2):
                assert_same(compiled(x, steps, name, {"a": scale}), f(x, steps, name, {"a": scale}), exact=True)
    assert len(compiled.programs) == 8  # for each of four signatures, of a Python float and one of NumPy
