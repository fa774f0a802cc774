"""What a program relies on, and what happens when it changes."""

import numpy as np
import optree
import pytest

import opad
from opad.programs import compiled as module
from opad.programs.constants import same_bits
from tests.programs.equality import assert_same
from tests.threads import in_threads


def test_a_branch_is_a_guard(rng):
    f = opad.grad(lambda x: np.sum(x**2) if x[0] > 0 else np.sum(x**3))
    compiled = opad.compile(f)
    x = rng.standard_normal(4)
    for sign in (1, -1, 1, -1, 1):
        assert_same(compiled(sign * x), f(sign * x))
    assert len(compiled.programs) == 2
    assert "bool" in compiled.report()


def test_loops_that_depend_on_values():
    def f(x):
        count = 0
        while np.max(np.abs(x)) > 1:
            x, count = x / 2, count + 1
        return x, count

    compiled = opad.compile(f)
    for scale in (1.0, 3.0, 9.0, 3.0, 1.0):
        assert_same(compiled(scale * np.ones(3)), f(scale * np.ones(3)))
    assert len(compiled.programs) == 3


def test_shapes_that_depend_on_values():
    f = lambda x: (x[x > 0], np.nonzero(x)[0], np.unique(x))  # noqa: E731
    compiled = opad.compile(f)
    for x in ([1.0, 2.0, -1.0], [3.0, -2.0, 5.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]):
        assert_same(compiled(np.array(x)), f(np.array(x)))


def test_positions_stay_values():
    f = lambda x: (x[np.argmax(x)], x[np.argsort(x)[:2]], np.take(x, np.argmin(x)))  # noqa: E731
    compiled = opad.compile(f)
    for x in ([1.0, 2.0, -1.0], [3.0, -2.0, 5.0]):
        assert_same(compiled(np.array(x)), f(np.array(x)))
    assert len(compiled.programs) == 1


def test_integers_are_guards():
    f = lambda x: x[: np.argmax(x)] * int(x[0])  # noqa: E731
    compiled = opad.compile(f)
    for x in ([1.0, 2.0, -1.0], [3.5, -2.0, 5.0], [1.25, 7.0, 0.0]):
        assert_same(compiled(np.array(x)), f(np.array(x)))
    assert len(compiled.programs) == 2
    table = [10.0, 20.0, 30.0]
    g = opad.compile(lambda x: x * table[np.argmax(x)])
    assert_same(g(np.array([0.0, 1.0])), np.array([0.0, 20.0]))
    assert_same(g(np.array([1.0, 0.0])), np.array([10.0, 0.0]))


def test_integers_of_arguments_are_static():
    f = lambda x, n, name, flag: np.sum(x**n) if flag else name and x[:n]  # noqa: E731
    compiled = opad.compile(f)
    x = np.arange(4.0)
    cases = [(2, "a", True), (3, "a", True), (2, "b", False), (True, "a", 1), (1, "a", True)]
    for case in cases + cases:
        assert_same(compiled(x, *case), f(x, *case))
    assert len(compiled.programs) == len(cases)


def test_shapes_dtypes_and_structures_are_guards(rng):
    f = lambda x: opad.grad(lambda t: np.sum(t[0] ** 2) + np.sum(t[1]))(x)  # noqa: E731
    compiled = opad.compile(f)
    for shape in ((2,), (3,), (2, 2)):
        for dtype in (np.float32, np.float64):
            x = rng.standard_normal(shape).astype(dtype)
            for tree in ((x, x), [x, x]):
                assert_same(compiled(tree), f(tree))
    assert len(compiled.programs) == 12


def test_eight_programs_then_eager():
    def f(x):
        return x * int(x[0])

    compiled = opad.compile(f)
    for k in range(module.MAX_PROGRAMS):
        compiled(np.full(2, float(k)))
    with pytest.warns(RuntimeWarning, match="8 different paths") as caught:
        assert_same(compiled(np.full(2, 9.0)), np.full(2, 81.0))
    assert caught[0].filename == __file__
    assert_same(compiled(np.full(2, 3.0)), np.full(2, 9.0))


def test_many_signatures_then_eager(monkeypatch):
    monkeypatch.setattr(module, "MAX_SIGNATURES", 3)
    compiled = opad.compile(lambda x, k: x * k)
    for k in range(3):
        compiled(np.ones(2), k)
    with pytest.warns(RuntimeWarning, match="3 different signatures"):
        assert_same(compiled(np.ones(2), 5), np.full(2, 5.0))


def test_an_unhashable_argument_is_static():
    class Settings:
        __hash__ = None

        def __init__(self, rate):
            self.rate = rate

        def __eq__(self, other):
            return True

    compiled = opad.compile(lambda x, settings: x * settings.rate)
    one, two = Settings(1.0), Settings(2.0)
    for settings in (one, two, one):
        assert_same(compiled(np.ones(2), settings), np.full(2, settings.rate))
    one.rate = 3.0
    assert_same(compiled(np.ones(2), one), np.full(2, 3.0))


# -- exceptions ------------------------------------------------------------------------------------------------------


def test_an_exception_in_a_replay_names_the_line():
    def f(A):
        return np.linalg.cholesky(A)  # this line

    compiled = opad.compile(opad.grad(lambda A: np.sum(f(A))))
    good, bad = np.eye(2), -np.eye(2)
    expected = compiled(good)
    with pytest.raises(np.linalg.LinAlgError) as caught:
        compiled(bad)
    line = f.__code__.co_firstlineno + 1
    assert any(f"{__file__}:{line}" in note for note in caught.value.__notes__)
    assert any(entry.path.name == "test_guards.py" and entry.lineno + 1 == line for entry in caught.traceback)
    assert_same(compiled(good), expected)
    assert len(compiled.programs) == 1


def test_an_exception_that_the_function_catches():
    def f(A):
        try:
            return np.linalg.cholesky(A)
        except np.linalg.LinAlgError:
            return A * 0

    good, bad = 4 * np.eye(2), -np.eye(2)
    for first in (good, bad):
        compiled = opad.compile(f)
        compiled(first)
        for A in (good, bad, good, bad):
            assert_same(compiled(A), f(A))


def test_errors_while_recording_leave_the_function_usable(rng):
    failing = [True]

    def f(x):
        y = np.sin(x)
        if failing[0]:
            raise ValueError("first")
        return y

    compiled = opad.compile(f)
    x = rng.standard_normal(3)
    with pytest.raises(ValueError, match="first"):
        compiled(x)
    failing[0] = False
    assert_same(compiled(x), np.sin(x))
    failing[0] = True
    with pytest.raises(ValueError, match="first"):
        compiled(x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.asarray(x[:, None]),
        lambda x: float(x[0]),
        lambda x: x.tolist(),
        lambda x: np.zeros(3).__iadd__(x),
        lambda x: np.add(x, 1, out=np.zeros(3)),
        lambda x: np.sum(x, out=np.zeros(())),
        lambda x: x.__setitem__(0, 1.0),
        lambda x: x.fill(0),
        lambda x: np.add.at(x, [0], 1.0),
        lambda x: np.copyto(np.zeros(3), x),
        lambda x: np.put(np.zeros(3), [0], x),
        lambda x: np.nan_to_num(x, copy=False),
        lambda x: np.array_str(x),
        lambda x: np.arange(5.0)[x.astype(int)],
    ],
)
def test_what_cannot_be_recorded_raises(function):
    with pytest.raises(opad.errors.TracingError, match="recorded"):
        opad.compile(function)(np.arange(3.0))


def test_warnings_are_those_of_the_function():
    quiet = opad.compile(lambda x: np.where(x > 0, _reciprocal(x), 0.0))
    loud = opad.compile(lambda x: 1 / x)
    quiet(np.ones(2))
    loud(np.ones(2))
    assert_same(quiet(np.array([0.0, 2.0])), np.array([0.0, 0.5]))
    assert "with errstate(divide='ignore'" in quiet.source
    with pytest.raises(RuntimeWarning, match="divide by zero"):
        loud(np.array([0.0, 2.0]))
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        loud(np.array([0.0, 2.0]))
    with np.errstate(divide="ignore"):
        assert_same(loud(np.array([0.0, 2.0])), np.array([np.inf, 0.5]))


def _reciprocal(x):
    with np.errstate(divide="ignore"):
        return 1 / x


def test_errors_that_one_of_two_equal_calls_raises():
    def f(x):
        with np.errstate(all="ignore"):
            y = np.log(x)
        with np.errstate(invalid="raise"):
            return y + np.log(x)

    compiled = opad.compile(f)
    assert_same(compiled(np.ones(3)), np.zeros(3))
    with pytest.raises(FloatingPointError):
        compiled(-np.ones(3))


def test_recording_in_one_thread_while_another_replays(rng):
    f = opad.grad(lambda x: np.sum(np.sin(x) ** 2))
    compiled = opad.compile(f)
    arrays = [rng.standard_normal(n) for n in range(1, 60)]
    expected, wrong = [f(x) for x in arrays], []

    def work(order):
        wrong.extend(k for k in order if not same_bits(compiled(arrays[k]), expected[k]))

    orders = [rng.permutation(len(arrays)) for _ in range(4)]
    in_threads(work, orders)
    assert not wrong


@pytest.mark.parametrize(
    "trees",
    [
        [((1, 2),), ([1, 2],), ((1, 2, 3),), (1, 2), ((1, (2,)),), ((1, 2),)],
        [({"a": 1, "b": 2},), ({"b": 2, "a": 1},), ({"a": 1, "c": 2},), ({"a": 1},), ({"a": 1, "b": 2},)],
        [([1, {"w": [2, 3]}], (4,)), ([1, {"w": (2, 3)}], (4,)), ([1, {"w": [2, 3]}], 4), ([1, {"w": [2, 3]}], (4,))],
        [(1, 2.5), (1.5, 2), (1, None), (1, "a"), (1, 2.5), ()],
    ],
)
def test_structures_of_arguments(trees):
    def f(*args):
        leaves = optree.tree_leaves(args)
        return optree.tree_map(lambda x: x if isinstance(x, str) else x * (len(leaves) + 1), args)

    compiled = opad.compile(f)
    for tree in trees + trees:
        args = optree.tree_map(lambda k: np.full(2, float(k)) if type(k) is int else k, tree)
        assert_same(compiled(*args), f(*args))


def test_an_integer_among_arrays_is_still_static():
    compiled = opad.compile(lambda x, y: x * y)
    x = np.ones(2)
    for y in (x, 2, x, 3, np.float64(4), x.astype(np.float32), [5.0]):
        if type(y) is not list:
            assert_same(compiled(x, y), x * y)


def test_in_place_operators():
    def f(x):
        y = np.sin(x)
        y += x
        y *= 2
        return np.sum(y**2)

    compiled, x = opad.compile(opad.grad(f)), np.linspace(0, 1, 4)
    for _ in range(2):
        assert_same(compiled(x), opad.grad(f)(x))

    def part(x):
        y = x[:2]
        y += 1
        return np.sum(x**2)

    assert_same(opad.compile(f)(x), f(x), exact=True)
    for function in (opad.grad(part), opad.compile(opad.grad(part)), opad.compile(part)):
        with pytest.raises(opad.errors.TracingError):
            function(x)


@pytest.mark.parametrize("call", [
    lambda a: (2 * a).ravel("K"), lambda a: np.ravel(2 * a, order="A"), lambda a: np.ravel(2 * a, "K"),
    lambda a: np.sin(a).reshape(6, order="A"), lambda a: np.reshape(-a, 6, "A"), lambda a: (a + 1).flatten("K"),
])  # fmt: skip
def test_what_depends_on_the_memory_layout_is_refused(call, rng):
    a = rng.standard_normal((2, 3))
    assert not np.array_equal(call(a), call(np.asfortranarray(a)))
    with pytest.raises(opad.errors.TracingError, match=r"order=.*memory layout.*Write order='C'"):
        opad.compile(call)(a)


def test_arrays_in_fortran_order_are_arrays(rng):
    f = opad.grad(lambda a: np.sum(np.sin(a).ravel("F") * np.arange(6.0)) + np.sum(a.ravel() ** np.arange(1, 7)))
    a = rng.uniform(1, 2, (2, 3))
    for first, second in ((a, np.asfortranarray(a)), (np.asfortranarray(a), a)):
        compiled = opad.compile(f)
        for x in (first, second, first, a.repeat(2, 1)[:, ::2]):
            np.testing.assert_allclose(compiled(x), f(a), rtol=1e-15)


def test_masked_arrays_and_compiled_code_are_refused():
    masked = np.ma.array(np.ones(3), mask=[0, 1, 0])
    for f, reason in ((lambda x: np.sum(x * masked), "MaskedArray"), (lambda x: {x[0]: 1}, "plain arrays")):
        with pytest.raises(opad.errors.TracingError, match=reason):
            opad.compile(f)(np.ones(3))


def test_positions_in_arrays_from_outside():
    """As the message about table[index] advises."""
    table, x = np.arange(5.0), np.array([3.0, 1.0, 2.0])
    with pytest.raises(opad.errors.TracingError, match="take_along_axis"):
        opad.compile(lambda x: table[np.argsort(x)])(x)
    compiled = opad.compile(lambda x: np.take_along_axis(table, np.argsort(x), 0))
    for y in (x, -x, x[::-1].copy()):
        assert_same(compiled(y), table[np.argsort(y)])
