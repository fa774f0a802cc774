"""Bound compiled functions return what the compiled functions return, and do again only what must be done again."""

import threading
import tracemalloc

import numpy as np
import optree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.errors import OpadError
from opad.programs import results
from opad.programs.constants import same_bits
from tests.programs.equality import assert_same
from tests.programs.registry import CASES
from tests.programs.test_random_programs import KINKED, SHAPES, SMOOTH, arguments, programs, run
from tests.threads import in_threads

OPERATIONS = SMOOTH + KINKED


@pytest.mark.parametrize("name", CASES)
def test_every_number_of_bound_arguments(name, rng, monkeypatch):
    monkeypatch.setattr(results, "SMALLEST", 0)
    function, make = CASES[name]
    compiled, (first, second) = opad.compile(function), (make(rng), make(rng))
    for k in range(len(first) + 1):
        bound, other = compiled.bind(*first[:k]), compiled.bind(*second[:k])
        for rest in (first, second, first):  # one after the other, and with the arguments of the other
            for b, args in ((bound, first), (other, second)):
                result = b(*rest[k:])
                assert_same(result, compiled(*args[:k], *rest[k:]), exact=True)
                for leaf in optree.tree_leaves(result):
                    if isinstance(leaf, np.ndarray):
                        leaf[...] = 7  # the caller may do what he likes with results


@settings(max_examples=120, deadline=None)
@given(programs(OPERATIONS), st.permutations(range(len(SHAPES))), st.integers(0, len(SHAPES)), st.booleans())
def test_bound_equals_unbound(program, order, k, donate):
    def f(*inputs):
        return run(program, OPERATIONS, [inputs[order.index(i)] for i in range(len(SHAPES))])

    compiled = opad.compile(f, donate=donate)
    x, y = ([inputs[i] for i in order] for inputs in (arguments(0), arguments(1)))
    with np.errstate(all="ignore"):
        bound, other = compiled.bind(*x[:k]), compiled.bind(*y[:k])
        for inputs in (x, y, x):
            assert_same(bound(*inputs[k:]), f(*x[:k], *inputs[k:]), exact=True)
            assert_same(other(*inputs[k:]), f(*y[:k], *inputs[k:]), exact=True)


@settings(max_examples=60, deadline=None)
@given(programs(OPERATIONS), st.permutations(range(len(SHAPES))), st.integers(0, len(SHAPES)))
def test_bound_products_equal_unbound_ones(program, order, k):
    """Both products at the arguments that are bound, with the others among what varies."""

    def f(*inputs):
        return sum(
            np.sum(np.tanh(part)) for part in run(program, OPERATIONS, [inputs[order.index(i)] for i in range(5)])
        )

    def products(*inputs):
        primals, tangents = inputs[:5], inputs[5:]
        return opad.hvp(f, primals, tangents), opad.jvp(f, primals, tangents)

    compiled = opad.compile(products)
    x, y = ([inputs[i] for i in order] for inputs in (arguments(0), arguments(1)))
    with np.errstate(all="ignore"):
        for point in (x, y):
            bound = compiled.bind(*point[:k])
            for inputs in ([*x, *y], [*y, *x]):
                rest = inputs[k:]
                try:
                    expected = compiled(*point[:k], *rest)
                except OpadError as error:
                    with pytest.raises(type(error)):
                        bound(*rest)
                    continue
                assert_same(bound(*rest), expected, exact=True)


def test_what_is_bound_is_computed_once():
    compiled = opad.compile(lambda A, x: np.tanh(A) @ np.sin(x))
    A, x = np.eye(3), np.ones(3)
    bound = compiled.bind(A)
    np.testing.assert_array_equal(bound(x), np.tanh(A) @ np.sin(x))
    assert "tanh" not in bound.source
    assert "sin" in bound.source
    assert "1 recording" in bound.report()
    assert "1 values, 72 bytes" in bound.report()
    again = compiled.bind(2 * A)
    np.testing.assert_array_equal(again(x), np.tanh(2 * A) @ np.sin(x))
    np.testing.assert_array_equal(compiled(A, x), np.tanh(A) @ np.sin(x))
    assert len(compiled.programs) == 1


def test_a_bound_matrix_is_factorised_once(rng):
    A, b = rng.standard_normal((5, 5)), rng.standard_normal(5)
    product = opad.compile(lambda A, b, db: opad.jvp(lambda b: np.linalg.solve(A, b), (b,), (db,))[1])
    bound = product.bind(A, b)
    np.testing.assert_allclose(bound(b), np.linalg.solve(A, b), rtol=1e-10)
    assert "solve_factorised" in bound.source
    assert "factorise(" not in bound.source


def test_binding_anew_allocates_nothing_large(rng):
    A = rng.standard_normal((200, 200))
    compiled, x = opad.compile(lambda A, x: (np.tanh(A) * np.sin(A)) @ x), np.ones(200)
    for _ in range(3):
        bound = compiled.bind(A)
        bound(x)
    tracemalloc.start()
    bound = compiled.bind(A)
    expected = (np.tanh(A) * np.sin(A)) @ x
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    result = bound(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(result, expected)
    assert peak - before < A.nbytes / 4


def test_bound_values_stay_while_others_are_bound(rng):
    compiled, x = opad.compile(lambda A, x: np.tanh(A) @ x), np.ones(200)
    matrices = rng.standard_normal((6, 200, 200))
    kept = [compiled.bind(A) for A in matrices]
    for _ in range(3):
        for A, bound in zip(matrices, kept, strict=True):
            np.testing.assert_array_equal(bound(x), np.tanh(A) @ x)
            np.testing.assert_array_equal(compiled.bind(-A)(x), np.tanh(-A) @ x)


def test_changes_of_bound_arrays_are_not_seen():
    compiled, x, y = opad.compile(lambda x, y: x * y), np.arange(3.0), np.full(3, 2.0)
    bound = compiled.bind(x)
    x[...] = 5  # before the first call
    np.testing.assert_array_equal(bound(y), [0, 2, 4])
    x[...] = 6  # after it
    np.testing.assert_array_equal(bound(y), [0, 2, 4])
    np.testing.assert_array_equal(compiled.bind(x)(y), [12, 12, 12])


def test_read_only_arrays_are_not_copied():
    x = np.ones(1000)
    x.flags.writeable = False
    bound = opad.compile(lambda x, y: (x, x.reshape(10, 100) @ y)).bind(x)
    result, _ = bound(np.ones(100))
    assert bound._args[0] is x
    assert result.flags.writeable
    assert not np.shares_memory(result, x)


def test_changes_of_what_is_closed_over_are_seen():
    weights = np.ones(3)
    bound = opad.compile(lambda x, y: np.sum(weights * x) * y).bind(np.ones(3))
    assert bound(2.0) == 6
    weights *= 2
    assert bound(2.0) == 12
    assert bound(1.0) == 6


def test_guards():
    def f(x, y):
        z = np.exp(x) if np.sum(x) > 0 else -x
        return z * y if y[0] > 0 else z / y

    compiled, one, two = opad.compile(f), np.ones(2), np.full(2, 2.0)
    plus, minus = compiled.bind(one), compiled.bind(-one)
    for _ in range(2):
        for y in (one, -one, two, -two):
            assert_same(plus(y), f(one, y), exact=True)
            assert_same(minus(y), f(-one, y), exact=True)
    assert len(compiled.programs) == 4


def test_steps_after_a_guard_are_not_run_before_it():
    def f(x, y):
        return y / x if y[0] > 0 else np.log(x + 3) * y

    compiled, y = opad.compile(f), np.ones(2)
    compiled(np.ones(2), y)
    bound = compiled.bind(np.zeros(2))
    assert_same(bound(-y), f(np.zeros(2), -y))  # warnings are errors here

    def g(x, y):
        return np.linalg.inv(x) @ y if y[0] > 0 else y

    compiled = opad.compile(g)
    compiled(np.eye(2), y)
    bound = compiled.bind(np.zeros((2, 2)))
    for _ in range(2):
        np.testing.assert_array_equal(bound(-y), -y)
    assert len(compiled.programs) == 2


def test_exceptions_come_from_the_function():
    def f(A, y):
        return np.linalg.solve(A, y)

    compiled, y = opad.compile(lambda A, y: np.linalg.inv(A) @ f(A * y[0], y)), np.ones(2)
    bound = compiled.bind(np.eye(2))
    np.testing.assert_array_equal(bound(y), y)
    for _ in range(2):
        with pytest.raises(np.linalg.LinAlgError):  # in what depends on y
            bound(0 * y)
        np.testing.assert_array_equal(bound(y), y)
        with pytest.raises(np.linalg.LinAlgError):  # in what does not
            compiled.bind(np.zeros((2, 2)))(y)
    with pytest.raises(TypeError, match="positional"):
        bound(y, y)
    with pytest.raises(ValueError, match="mismatch"):
        bound(np.ones(3))


def test_floating_point_errors_are_those_of_the_call():
    bound = opad.compile(lambda x, y: 1 / x + y).bind(np.zeros(2))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        bound(np.ones(2))
    with np.errstate(divide="ignore"):
        assert np.all(np.isinf(opad.compile(lambda x, y: 1 / x + y).bind(np.zeros(2))(np.ones(2))))


def test_python_numbers_that_are_not_finite():
    def f(x, y):
        for _ in range(30):
            x = x * x + 0.25 * x
        for _ in range(30):
            y = y * y + 0.25 * x
        return y

    compiled = opad.compile(f)
    small, large = np.float64(0.3), np.float64(1e3)
    with np.errstate(all="ignore"):
        for x in (small, large, small):
            bound, other = compiled.bind(x), compiled.bind(x)
            for y in (small, large, small, large):
                assert_same(bound(y), f(x, y), exact=True)
                assert_same(other(y), f(x, y), exact=True)


def test_a_function_of_which_nothing_is_known_is_called_every_time():
    calls = []

    @opad.primitive
    def counted(x):
        calls.append(1)
        return x * len(calls)

    compiled = opad.compile(lambda x, y: counted(x) + y)
    with pytest.warns(RuntimeWarning, match="changes"):
        compiled(1.0, 0.0)
    bound = compiled.bind(1.0)
    before = len(calls)
    assert bound(0.0) + 1 == bound(0.0)
    assert len(calls) == before + 2


def test_keywords_and_binding_again():
    def f(x, y, scale=1.0, n=2):
        return (x * scale) ** n + y["a"]

    compiled, x, y = opad.compile(f), np.arange(3.0), {"a": np.ones(3)}
    bound = compiled.bind(x, scale=3.0, n=3)
    for _ in range(2):
        assert_same(bound(y), f(x, y, 3.0, 3), exact=True)
        assert_same(bound(y, n=2), f(x, y, 3.0, 2), exact=True)
        assert_same(bound(y, scale=2.0), f(x, y, 2.0, 3), exact=True)
        assert_same(bound.bind(y)(), f(x, y, 3.0, 3), exact=True)
        assert_same(bound.bind(y, n=2)(scale=2.0), f(x, y, 2.0, 2), exact=True)
        assert_same(compiled.bind(y=y)(x), f(x, y), exact=True)


def test_other_shapes_and_dtypes():
    compiled = opad.compile(lambda A, x: np.sin(A) @ x)
    A = np.linspace(0, 1, 6).reshape(2, 3)
    bound = compiled.bind(A)
    for x in (np.ones(3), np.ones((3, 4)), np.ones(3, np.float32), 1j * np.ones(3)):
        for _ in range(2):
            assert_same(bound(x), np.sin(A) @ x, exact=True)


def test_memory_layouts_of_bound_arrays(rng):
    f = opad.grad(lambda A, B: np.sum(np.tanh(A @ B.T) * A), argnums=1)
    A, B = rng.standard_normal((2, 5, 5))
    for layout in (np.asarray, np.asfortranarray, np.transpose):
        assert_same(opad.compile(f).bind(layout(A))(B), opad.compile(f)(layout(A), B), exact=True)


def test_a_bound_argument_as_the_result():
    x, y = np.arange(4.0), np.ones(4)
    bound = opad.compile(lambda x, y: (x, x[::2], np.sin(x), x + y, 3.0)).bind(x)
    for _ in range(3):
        result = bound(y)
        assert_same(result, (x, x[::2], np.sin(x), x + y, 3.0), exact=True)
        for part in result[:4]:
            part[...] = np.nan


def test_donated_results_are_overwritten_by_calls_of_the_same_bound_function_alone():
    compiled, x = opad.compile(lambda x, y: np.sin(x) * y, donate=True), np.ones(1000)
    bound, other = compiled.bind(x), compiled.bind(2 * x)
    first = bound(x)
    expected = first.copy()
    assert same_bits(other(x), np.sin(2 * x))
    assert same_bits(first, expected)
    assert bound(3 * x) is first


@pytest.mark.parametrize("fuse", [False, True])
def test_fused(fuse, rng):
    if fuse:
        pytest.importorskip("numba")

    def f(x, y):
        z = np.exp(x) * x - 1
        return np.sum((z * y + x * y - y / (1 + z * z)) * z, axis=0)

    x, y = rng.standard_normal((2, 200, 300))
    compiled = opad.compile(f, fuse=fuse)
    bound = compiled.bind(x)
    for _ in range(3):
        assert_same(bound(y), f(x, y))
        assert_same(compiled.bind(y)(x), f(y, x))
    assert "exp" not in bound.source


def test_inside_other_traces():
    def f(x, y):
        return np.sum(np.sin(x) * y)

    x, y = np.arange(3.0), np.ones(3)
    compiled = opad.compile(f)
    np.testing.assert_array_equal(opad.grad(compiled.bind(x))(y), np.sin(x))
    np.testing.assert_array_equal(opad.grad(lambda x: compiled.bind(x)(y))(x), np.cos(x))
    outer = opad.compile(lambda x, y: compiled.bind(x)(y) + compiled.bind(y)(x))
    for _ in range(2):
        assert_same(outer(x, y), f(x, y) + f(y, x))


def test_threads_share_a_bound_function(rng):
    f = opad.grad(lambda W, x: np.sum(np.tanh(W @ np.tanh(W @ x))), argnums=1)
    compiled, W = opad.compile(f), rng.standard_normal((9, 9))
    cases = [rng.standard_normal((9, 4)) for _ in range(4)]
    expected = [f(W, x) for x in cases]
    bound, wrong, barrier = compiled.bind(W), [], threading.Barrier(4)

    def work(k):
        barrier.wait()  # the first calls, which bind, are made at once
        wrong.extend(k for _ in range(200) if not same_bits(bound(cases[k]), expected[k]))

    in_threads(work, range(4))
    assert not wrong
