"""Fused programs: which steps become one loop, what the loop computes, when it is used.

Most tests run the text of the loops as plain Python, which needs no numba and compiles nothing.
"""

import contextlib
import functools
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.errors import MissingPackageError
from opad.operators.indexing import scatter_add
from opad.programs.fusion import elementwise, kernels, native, rolling, selection, summation, tape
from opad.programs.fusion.threads import SMALLEST, thread_count
from opad.programs.groups import StepGroup
from tests.programs.equality import assert_same
from tests.programs.registry import CASES
from tests.programs.test_random_programs import arguments, programs, run

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")


def interpreted(text, kernels=()):
    """A kernel as plain Python."""
    namespace = {"np": np, "isfinite": np.isfinite, "float64": np.float64, "float32": np.float32} | summation.FUNCTIONS
    namespace.update((f"k{k}", interpreted(kernel)) for k, kernel in enumerate(kernels))
    exec(text, namespace)
    loop = namespace.get("kernel") or namespace["tape"]

    @functools.wraps(loop)
    def call(*args):
        with np.errstate(all="ignore"):  # which each thread has for itself
            results = loop(*args)
        return results and tuple([x.item() if isinstance(x, np.generic) else x for x in results])  # as numba does

    return call


@contextlib.contextmanager
def plain_loops():
    """Every group is fused, as a loop in Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", kernels.lru_cache(interpreted))
        patch.setattr(tape, "work_off", lambda: interpreted(tape.interpreter_text()))
        patch.setattr(opad.programs.compiled, "require_numba", lambda: None)
        patch.setattr(native, "compiled", kernels.compiled)
        patch.setattr(rolling, "_is_faster", lambda *_: True)
        patch.setattr(selection.Fusion, "_parts", lambda *_: 1)
        with np.errstate(all="ignore"):
            yield


@pytest.fixture
def plain():
    with plain_loops():
        yield


@pytest.fixture
def always(monkeypatch):
    """Every group is fused, faster or not."""
    monkeypatch.setattr(rolling, "_is_faster", lambda *_: True)
    monkeypatch.setattr(selection.Fusion, "_parts", lambda *_: 1)


def fused(f, *args, **options):
    """The compiled function after one call, which has been compared."""
    compiled = opad.compile(f, fuse=True, **options)
    assert_same(compiled(*args), f(*args), exact=True)
    assert_same(compiled(*args), f(*args), exact=True)
    return compiled


def groups(compiled):
    """Names of the steps of each kernel."""
    steps = compiled.programs[0].whole.code.fusion.steps
    kinds = [step.function for step in steps if isinstance(step.function, StepGroup)]
    return [[step.function.__name__ for step in kernel.steps] for kernel in kinds]


X, Y = np.linspace(0.1, 1.0, 200), np.linspace(-1.0, 2.0, 200)
A = np.linspace(-1.0, 1.0, 12).reshape(3, 4)


# -- which steps become one loop --------------------------------------------------------------------------------------


def test_a_chain_is_one_loop(plain):
    compiled = fused(lambda x, y: (x * y + 1) / (2 - x) - y, X, Y)
    assert groups(compiled) == [["multiply", "add", "subtract", "divide", "subtract"]]
    assert "fused" in compiled.report()


def test_what_stands_between_divides(plain):
    compiled = fused(lambda A: ((A + 1) * A) @ (A * 2 + 1).T - 1, A)
    assert sorted(map(sorted, groups(compiled))) == [["add", "add", "multiply", "multiply"]]
    compiled = fused(lambda A: np.cumsum((A + 1) * A) * 2 + 1, A)
    assert groups(compiled) == [["add", "multiply"], ["multiply", "add"]]


def test_what_waits_for_a_group_does_not_end_it(plain):
    def f(x):
        y = x * x
        totals = np.cumsum(y)
        return (y + x) * y, totals

    assert groups(fused(f, X)) == [["multiply", "add", "multiply"]]


def test_results_are_only_what_is_used(plain):
    compiled = fused(lambda x: [y := x * x + 1, np.sum((y - 1) * x)], X)
    (kernel,) = [s for s in compiled.programs[0].whole.code.fusion.steps if isinstance(s.function, kernels.Kernel)]
    assert len(kernel.out) == 2
    assert len(kernel.args) == 1


def test_repeated_parts_share_a_kernel(plain):
    def steps(u):
        for k in range(7):
            u = u - (0.13 * k + 0.01) * u * (u[INDEX] - u)
        return u

    # the first, the last, and all between; the first product of a step needs no neighbours and is one loop ahead
    assert "35 steps in 7 calls of 3 kernels" in fused(steps, X).report()


INDEX = np.roll(np.arange(200), 1)


def test_long_chains_are_cut(plain):
    def f(x):
        for k in range(1, 25):  # k operations each time: nothing repeats
            x = sum(x * j for j in range(k // 2 + 1)) + k
        return x

    lengths = [len(group) for group in groups(fused(f, X))]
    assert lengths == [60] * (len(lengths) - 1) + lengths[-1:]
    assert len(lengths) > 2


def test_unknown_functions_keep_their_place(plain):
    seen = []

    @opad.primitive
    def note(x):
        seen.append(x.copy())
        return x

    def f(x):
        a = note(x * 2 + 1)
        b = note(x - 1)
        return a * b + a

    with pytest.warns(RuntimeWarning, match="changes"):
        compiled = opad.compile(f, fuse=True)
        compiled(X)
    assert_same(compiled(X), (X * 2 + 1) * (X - 1) + (X * 2 + 1), exact=True)
    assert_same(seen[-2:], [X * 2 + 1, X - 1], exact=True)


# -- what a loop computes ---------------------------------------------------------------------------------------------

LOOPS = {
    "broadcast": (lambda A, b: (A * b + A[:, :1]) / (2 + b) - A[:1], (A, A[1])),
    "broadcast_to": (lambda A, b: np.broadcast_to(b, (3, 4)) * A + np.broadcast_to(A[:, :1], (3, 4)), (A, A[1])),
    "only_broadcast": (lambda A, b: np.multiply(np.broadcast_to(b, (3, 4)), 2.0) + 1, (A, A[1])),
    "three_axes": (lambda A: ((A[:, None] - A[None]) ** 2 + A[None, :, :1]) * 2, (A,)),
    "numbers": (lambda x, c: (x[0] * x + c) * x.sum() - 3, (X, 0.25)),
    "zero_dimensional": (lambda x, c: (c * x + 1) - np.array(2.0), (X, np.array(0.25))),
    "fortran": (lambda A, B: (A + B) * A - 2, (A, np.asfortranarray(A))),
    "transposed": (lambda A: (A.T * A.reshape(4, 3) + 1) * 2, (A,)),
    "strided": (lambda x: (x[::2] * x[1::2] + 1) * 2, (X[::-1],)),
    "strided_argument": (lambda A: (A * 2 + 1) * A, (np.arange(48.0).reshape(6, 8)[::2, 1::2],)),
    "masks": (lambda x, y: np.where((x > y) & (y > 0) | ~(x <= 0.5), x * 2 + 1, y) * (x > y), (X, Y)),
    "mask_as_number": (lambda x: (x > 0.5).astype(float) * x + (x == 0.1), (X,)),
    "extrema": (lambda x, y: np.maximum(x, y) - np.minimum(x, 0.5) + abs(-y), (X, Y)),
    "nan": (lambda x, y: np.maximum(x, y) + np.minimum(y, x), (np.array([np.nan, 1, 9]), np.array([1, np.nan, 2.0]))),
    "poles": (lambda x: 1 / (x - x) * 2 + np.sqrt(x - 1), (X,)),
    "single_precision": (lambda x: (x * 0.1 + 1) / 3 - np.float32(0.3) * x, (X.astype(np.float32),)),
    "two_precisions": (lambda x, c: (x * c + 1).astype(float) * c + 0.1, (X.astype(np.float32), 0.1)),
    "gather": (lambda x, k: x[k] * x + x[k[::-1]] * 2, (X, INDEX)),
    "negative_positions": (lambda x, k: (x[k] * 2 + 1) * x, (X, -1 - INDEX)),
    "gather_of_a_product": (lambda x, k: (x * x + 1)[k] * 2 + x, (X, INDEX)),
    "slices": (lambda x: (x[2:] - 2 * x[1:-1] + x[:-2]) * x[1:-1], (X,)),
    "frames": (opad.grad(lambda x: np.sum((x[2:] - x[:-2]) ** 2 + x[1:-1] * x[2:])), (X,)),
    "frames_of_matrices": (opad.grad(lambda A: np.sum((A[1:, 1:] - A[:-1, :-1] * A[..., 1:][1:]) ** 2)), (A,)),
    "scatter": (opad.grad(lambda x, k: np.sum((x[k] * x) ** 2 + x[k // 2])), (X, INDEX)),
    "scatter_matrix": (opad.grad(lambda A, j: np.sum(A[j[::-1], j] ** 2 + A[j, -j - 1])), (A, np.array([2, 0, 0]))),
    "joined": (lambda x, y: np.concatenate([x[1:], y, x * 2]) * 2 + 1, (X, Y)),
    "joined_matrices": (lambda A: np.concatenate([A[1:], A * 2], axis=-2) ** 2 + np.concatenate(A[:2])[4:], (A,)),
    "gathered_from_broadcast": (lambda x, k: np.broadcast_to(x[:1] * 2, (5,))[k % 5] * 2 + 1, (X, INDEX)),
    "joined_broadcast": (lambda x: np.concatenate([np.broadcast_to(x[:1] * 2, (5,)), x * 2]) * 2 + 1, (X,)),
    "framed_broadcast": (opad.grad(lambda A: np.sum(np.sum(A[:, 1:], axis=1) ** 2) + np.sum(A[1:] ** 2)), (A,)),
    "rolled": (opad.grad(lambda x: np.sum((x * np.roll(x, 1) - np.roll(x * x, -1)) ** 2)), (X,)),
    "many_results": (lambda x: [x * k + 1 for k in range(80)], (X,)),
    "long": (lambda x: sum(x * k for k in range(100)), (X,)),
}  # fmt: skip


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
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (2 + b * b),
    lambda a, b: 1 - a * 0.3,
    lambda a, b: -a,
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


NUMBERS_EXACT = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (2 + b * b),
    lambda a, b: 1 - a * 0.3,
    lambda a, b: -a,
    lambda a, b: abs(a),
    lambda a, b: np.sqrt(a * a),
    lambda a, b: np.maximum(a, b),
    lambda a, b: np.where(a > b, a, 2 * b)[()],
    lambda a, b: a + 1 if a > b else a * 2,
] * 2


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


def test_errstate_that_raises_is_not_fused(plain):
    def f(x):
        with np.errstate(divide="raise"):
            return (1 / x + 1) * 2

    compiled = fused(f, X)
    with pytest.raises(FloatingPointError):
        compiled(X - X[0])


# -- numbers ----------------------------------------------------------------------------------------------------------


def logistic_map(a):
    z = 0.5
    for _ in range(50):
        z = z + 0.1 * (a - z * z)
    return z


def newton(a):
    x = 1.0
    for _ in range(5):
        x = x - (x**3 - a) / (3 * x * x)
    return abs(x) if x > 0 else -x


NUMBERS = {
    "gradient": (opad.grad(logistic_map), (1.3,)),
    "second_derivative": (opad.grad(opad.grad(logistic_map)), (1.3,)),
    "numpy_number": (opad.value_and_grad(logistic_map), (np.float64(1.3),)),
    "roots": (newton, (2.0,)),
    "gradient_of_roots": (opad.grad(newton), (2.0,)),
    "python": (lambda x, y: (x * y + 1 - x / y, x**2, abs(-x), x > y, -y * 3), (1.5, -2.5)),
    "masks": (lambda x, y: (np.where(x > y, x, y) * 2, x != y, np.isfinite(x / y) * 1.0), (np.float64(3), 2.0)),
    "elements": (lambda x: [x[0] * x[1] + 1 - x[2], np.maximum(x[3], x[4] / 2) * x[5]], (X,)),
    "between_arrays": (lambda x: x * ((x @ x) / (1 + x[0] * x[0]) + 1), (X,)),
    "infinite": (lambda x, y: (y / x + 1, np.sqrt(x - y), y * np.inf - np.inf), (np.float64(0), np.float64(2))),
}  # fmt: skip


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
    assert_same(compiled(1.0, -2.0), f(1.0, -2.0), exact=True)


@settings(max_examples=100, deadline=None)
@given(programs(NUMBERS_EXACT), st.sampled_from([float, np.float64]))
def test_random_programs_of_numbers(program, kind):
    f = lambda *inputs: run(program, NUMBERS_EXACT, inputs)  # noqa: E731
    with plain_loops():
        compiled = opad.compile(f, fuse=True)
        for seed in range(3):
            inputs = [kind(a.flat[0]) for a in arguments(seed)]
            assert_same(compiled(*inputs), f(*inputs), exact=True)


# -- with numba -------------------------------------------------------------------------------------------------------


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingPackageError, match=r"opad\[fast\]"):
        opad.compile(np.sin, fuse=True)
    assert opad.compile(np.sin)(0.5) == np.sin(0.5)


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


@needs_numba
def test_a_kernel_is_used_only_where_it_is_faster(monkeypatch):
    f = lambda x: (x * x + 1) * 2  # noqa: E731
    for times, count in (([2.0, 1.0], 1), ([1.0, 2.0], 0), ([1.0, 0.9], 0)):
        monkeypatch.setattr(selection, "seconds", lambda *_: times)  # noqa: B023  used within this turn
        assert len(groups(fused(f, X))) == count


def in_parts(self, step, kernel):
    return 3 if type(kernel) is kernels.ElementwiseKernel and kernel.is_divisible(3) else 1


@pytest.mark.parametrize("name", LOOPS)
def test_loops_in_parts(plain, monkeypatch, name):
    monkeypatch.setattr(kernels, "SMALLEST", 1)
    monkeypatch.setattr(selection.Fusion, "_parts", in_parts)
    f, args = LOOPS[name]
    fused(f, *args)


def test_loops_that_read_elsewhere_are_not_divided(plain, monkeypatch):
    monkeypatch.setattr(kernels, "SMALLEST", 1)
    monkeypatch.setattr(selection.Fusion, "_parts", in_parts)
    for f in (lambda x, k: x[k] * 2 + 1, lambda x, k: np.concatenate([x[1:], x[:1]]) * 2 + 1):
        assert "parts" not in fused(f, X, INDEX).source
    assert "parts" in fused(lambda x, k: x * 2 + 1, X, INDEX).source


@needs_numba
def test_large_loops_run_in_threads(monkeypatch):
    monkeypatch.setattr(selection.Fusion, "_parts", in_parts)
    x, A = np.linspace(-1, 1, SMALLEST), np.linspace(-1, 1, 2 * SMALLEST).reshape(-1, 128)
    for f, args in ((lambda x: (x * x + 1) / 2 - x, (x,)), (lambda A: A[:1] * A - A[:, :1] * 0.5, (A,))):
        compiled = fused(f, *args)
        assert "in_3_parts" in compiled.source
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(compiled, [A] * 20):
            assert_same(result, A[:1] * A - A[:, :1] * 0.5, exact=True)


def test_thread_count(monkeypatch):
    for name in ("NUMBA", "OMP", "OPENBLAS"):
        monkeypatch.delenv(f"{name}_NUM_THREADS", raising=False)
    assert thread_count() >= 1
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert thread_count() == 1


@needs_numba
def test_measured_with_positions(rng):
    A, labels = rng.standard_normal((500, 4)), rng.integers(0, 4, 500)
    rows = np.arange(500)
    fused(opad.grad(lambda A, labels: np.sum((A * 2)[rows, labels] ** 2 + A[labels, labels])), A, labels)


@needs_numba
def test_measured(rng):
    u = rng.standard_normal(2000)
    step = lambda u: u[1:-1] - 0.1 * u[1:-1] * (u[2:] - u[:-2]) + 0.02 * (u[2:] - 2 * u[1:-1] + u[:-2])  # noqa: E731
    compiled = fused(opad.grad(lambda u: np.sum(step(step(u)) ** 2)), u)
    assert "kernels, made in" in compiled.report()
