"""Loop nests with reductions: which steps they are made of, and what they compute.

Most tests run the text of the loops as plain Python, which needs no numba and compiles nothing.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.programs.fusion import kernels, selection
from opad.programs.fusion import nests as module
from opad.programs.fusion.nests import Nest
from opad.programs.fusion.threads import SMALLEST
from tests.programs.equality import assert_same
from tests.programs.fusion.forced import fused, groups, in_parts, needs_numba, plain_loops


def nests(compiled):
    """The nests of a program."""
    functions = [step.function for step in compiled.programs[0].whole.code.fusion.steps]
    return [function for function in functions if type(function) is Nest]


def potential(X):
    D = X[:, None, :] - X[None, :, :]
    return np.sum(1 / np.sqrt(np.sum(D * D, axis=2) + 0.1))


def normalised(A):
    B = A - np.max(A, axis=1, keepdims=True)
    return B / np.sum(B, axis=1, keepdims=True)


def grad_of_sums(A, B):
    return np.sum((A - np.sum(A * B, axis=1)[:, None]) ** 2) + np.vdot(np.sum(A, axis=0), np.sum(B * B, axis=0))


rng = np.random.default_rng(0)
X, A, B, T, S = (rng.standard_normal(shape) for shape in ((11, 3), (7, 13), (7, 13), (5, 4, 9), (3, 6, 17)))
LONG = rng.standard_normal((3, 300))

# Functions whose sums are added in the order of NumPy.
EXACT = {
    "rows": (lambda A: A / (1 + np.sum(A * A, axis=1, keepdims=True)), (A,)),
    "rows_without_keepdims": (lambda A: A * np.sum(A + 1, axis=-1)[:, None] - np.sum(A, 1).reshape(7, 1), (A,)),
    "methods_of_ufuncs": (lambda A: (np.add.reduce(A * 2), np.maximum.reduce(A * A, 1), np.minimum.reduce(A)), (A,)),
    "columns": (lambda A: (np.sum(A * A, axis=0), np.max(A * 2 - 1, 0, keepdims=True), np.min(A + 1, axis=0)), (A,)),
    "rows_and_columns": (lambda A, B: (C := A * B, C - np.sum(C, axis=1, keepdims=True), np.sum(C, axis=0)), (A, B)),
    "extrema_of_rows": (lambda A: (A - np.max(A, 1, keepdims=True)) * np.min(A, 1, keepdims=True), (A,)),
    "of_an_argument": (lambda A: np.sum(A, axis=1) * 2 + 1, (A,)),
    "long_rows": (lambda A: A * np.sum(A * 2, axis=1, keepdims=True) + np.max(A, axis=1, keepdims=True), (LONG,)),
    "phases": (lambda A: normalised(normalised(A) * A + 1), (A,)),
    "broadcast": (lambda A: np.broadcast_to(np.sum(A * 2, 1, keepdims=True), A.shape) * 0.5 + A, (A,)),
    "broadcast_argument": (lambda A, b: np.sum(np.broadcast_to(b, (7, 13)) * A + b, axis=1), (A, B[0])),
    "sum_of_broadcast": (lambda A: np.sum(np.broadcast_to(A[:, :1] * 2, (7, 13)), axis=1) + np.sum(A, axis=1), (A,)),
    "masks": (lambda A: np.sum(np.max(A, 1, keepdims=True) == A, axis=1), (A,)),
    "masks_kept": (lambda A: ((m := A > 0), np.where(m, A, 0 * A) - np.sum(A, 1, keepdims=True) * m), (A,)),
    "short_axis": (lambda X: (D := X[:, None] - X[None], np.sum(np.sqrt(np.sum(D * D, 2) + 1), axis=1)), (X,)),
    "short_axis_kept": (lambda X: (np.sum(D := X[:, None] - X * 2, axis=1), np.sum(D, axis=0), np.max(D, 0)), (X,)),
    "short_rows": (lambda X: X / np.sum(X * X, axis=1, keepdims=True), (X,)),
    "row_of_short_axis": (lambda X: X - np.sum(X * 2, axis=0, keepdims=True), (X,)),
    "three_axes": (lambda T: np.sum(T * 2, axis=2)[..., None] * T - np.sum(T, axis=-1, keepdims=True), (T,)),
    "short_first_axis": (lambda X: (D := X.T[:, :, None] - X.T[:, None] * 2, np.sum(np.sum(D * D, 0), axis=1)), (X,)),
    "short_first_axis_kept": (lambda S: (np.sum(D := S * S + 1, 2), np.sum(D, 1), S - np.max(D, 0)), (S,)),
    "rows_behind_a_short_axis": (lambda S: S * np.sum(S * S, axis=2, keepdims=True) + np.sum(S * 2, axis=0), (S,)),
    "idle_transposes": (lambda A: np.sum(A * A, 1)[:, None, None].transpose(1, 0, 2)[0] * A, (A,)),
    "outer_axes": (lambda T: (np.sum(T * 2, axis=1), np.sum(T + 1, axis=(0, 1)), np.max(T * T, axis=0)), (T,)),
    "axis_of_length_one": (lambda T: T[:, :1] * np.sum(T[:, :1] * 2, axis=-1, keepdims=True), (T,)),
    "vector": (lambda x: x * 2 - np.sum(x * x, keepdims=True), (A[0],)),
    "total_of_a_vector": (lambda x: (y := x * x, np.sum(y), y * 2), (LONG[0],)),
    "total_of_sums": (lambda A: np.sum(np.sqrt(np.sum(A * A, axis=1))), (A,)),
    "infinities": (lambda A: A / np.sum(A * 0, axis=1, keepdims=True) + np.max(A, axis=1, keepdims=True), (A,)),
    "late_values_are_used_later": (lambda A: (t := np.sum(A * A, 0) * 2 + 1, np.sum((A * t) ** 2, axis=0)), (A,)),
}  # fmt: skip
# Functions with sums over everything, or of several axes of which one is short.
REORDERED = {
    "potential": (opad.value_and_grad(potential), (X,)),
    "gradient_of_sums": (opad.value_and_grad(grad_of_sums, argnums=(0, 1)), (A, B)),
    "gradient_of_maxima": (opad.grad(lambda A: np.sum(normalised(A) ** 2)), (A,)),
    "total": (lambda A: (np.sum(A * 2), np.sum(A + 1, axis=(0, 1), keepdims=True), np.max(A * 3), np.min(-A)), (A,)),
    "products": (lambda A, B: np.vdot(A * 2, B + 1), (A, B)),
    "products_of_sums": (lambda A: np.vdot(s := np.sum(A * A, axis=1), s), (A,)),
    "total_of_short_axes": (lambda X: np.sum((X[:, None] - X) ** 2), (X,)),
    "row_and_short_axis": (lambda X: np.sum((X[:, None] - X) ** 2, axis=(1, 2)), (X,)),
    "total_of_long_rows": (lambda A: np.sum(A * A), (LONG,)),
    "three_axes": (lambda T: (np.sum(T * 2), np.sum(T * T, axis=(1, 2))), (T,)),
    "short_first_axis": (lambda S: (np.sum(S * 2), np.sum(S * S, axis=(0, 2)), np.vdot(S + 1, S)), (S,)),
}
CASES = {**EXACT, **{f"reordered_{name}": case for name, case in REORDERED.items()}}


def same(f, args, is_exact, **options):
    """The compiled function, after several calls that have been compared: other values, layouts, NaN."""
    compiled = opad.compile(f, fuse=True, **options)
    with np.errstate(all="ignore"):
        for values in (args, [-a[..., ::-1] for a in args], args):
            assert_same(compiled(*values), f(*values), exact=is_exact)
        for values in ([np.asfortranarray(a) for a in args], [np.repeat(a, 2, axis=-1)[..., ::2] for a in args]):
            assert_same(compiled(*values), f(*values))
        with_nan = [a.copy() for a in args]
        with_nan[0].flat[4] = np.nan
        assert_same(compiled(*with_nan), f(*with_nan))
    return compiled


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("donate", [False, True])
def test_nests_compute_the_same(name, donate):
    f, args = CASES[name]
    with plain_loops():
        assert nests(same(f, args, name in EXACT, donate=donate))


@pytest.mark.parametrize("name", CASES)
def test_single_precision(name):
    f, args = CASES[name]
    with plain_loops():
        assert nests(same(f, [a.astype(np.float32) for a in args], name in EXACT))


COMPILED = ["rows", "columns", "extrema_of_rows", "long_rows", "masks_kept", "short_axis", "three_axes"]
COMPILED += ["reordered_potential", "reordered_gradient_of_maxima", "reordered_total"]


@needs_numba
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_nests(monkeypatch, name):
    monkeypatch.setattr(selection.Fusion, "_parts", lambda *_: 1)
    f, args = CASES[name]
    assert nests(same(f, args, name in EXACT))


# -- random programs --------------------------------------------------------------------------------------------------

SHAPES = [(4, 9), (3, 5, 2), (5, 4, 3), (3, 5, 11), (2, 3, 4, 5), (2, 3, 8), (2, 1, 6), (6, 1), (17,), (2, 3, 2, 2)]
SHAPES.append((3, 140))
OPERATIONS = [
    lambda a, b, axis, shape: a + b,
    lambda a, b, axis, shape: a - b * 0.5,
    lambda a, b, axis, shape: a * b,
    lambda a, b, axis, shape: a / (1 + b * b),
    lambda a, b, axis, shape: -a,
    lambda a, b, axis, shape: np.sqrt(1 + a * a),
    lambda a, b, axis, shape: np.maximum(a, b),
    lambda a, b, axis, shape: np.where(a > b, a, 2 * b),
    lambda a, b, axis, shape: (a > b) * b,
    lambda a, b, axis, shape: np.sum(a, axis=axis, keepdims=True),
    lambda a, b, axis, shape: np.sum(a * b, axis=axis, keepdims=True),
    lambda a, b, axis, shape: np.expand_dims(np.sum(a, axis=axis), axis),
    lambda a, b, axis, shape: np.sum(a, axis=0) * 0.5,
    lambda a, b, axis, shape: np.max(a, axis=axis, keepdims=True),
    lambda a, b, axis, shape: np.expand_dims(np.min(a, axis=axis), axis),
    lambda a, b, axis, shape: np.broadcast_to(a, shape),
    lambda a, b, axis, shape: np.broadcast_to(np.sum(a, axis=axis, keepdims=True), shape) * b,
    lambda a, b, axis, shape: a.reshape(a.shape)[None][0] if a.ndim else a,
]


def run(program, shape, inputs):
    """Values of a random program, every one of which broadcasts to the shape; sums over one axis at a time."""
    values = list(inputs)
    for number, first, second, axis in program:
        a, b = (values[-1 - k % len(values)] for k in (first, second))
        if a.ndim:
            values.append(OPERATIONS[number](a, b, axis % a.ndim, shape))
    return values


steps = st.tuples(st.integers(0, len(OPERATIONS) - 1), st.integers(0, 8), st.integers(0, 30), st.integers(0, 3))
random_programs = st.lists(steps, min_size=4, max_size=25)


def arguments(shape, seed, dtype):
    rng = np.random.default_rng(seed)
    column = (shape[0],) + (1,) * (len(shape) - 1)
    return [rng.standard_normal(s).astype(dtype) for s in (shape, shape[-1:], column, shape)]


@settings(max_examples=150, deadline=None)
@given(random_programs, st.sampled_from(SHAPES), st.sampled_from([np.float64, np.float32]), st.booleans())
def test_random_nests(program, shape, dtype, donate):
    f = lambda *inputs: run(program, shape, inputs)[-6:]  # noqa: E731
    with plain_loops():
        compiled = opad.compile(f, fuse=True, donate=donate)
        for seed in range(2):
            inputs = arguments(shape, seed, dtype)
            inputs[0].flat[3] *= [1, np.nan][seed]
            before = [a.copy() for a in inputs]
            results = compiled(*inputs)
            for found, expected in zip(results, f(*inputs), strict=True):
                assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
                assert np.array_equal(found, expected, equal_nan=True)
            assert_same(inputs, before, exact=True)
            for array in results:  # the caller may do what he likes with results
                if array.ndim:
                    array[...] = np.nan


@settings(max_examples=80, deadline=None)
@given(random_programs, st.sampled_from(SHAPES), st.sampled_from([np.float64, np.float32]))
def test_random_totals(program, shape, dtype):
    def f(*inputs):
        values = run(program, shape, inputs)[-4:]
        return [(np.sum(v), np.vdot(v, v), np.max(v), np.sum(v, axis=-1), v) for v in values]

    with plain_loops():
        compiled = opad.compile(f, fuse=True)
        inputs = arguments(shape, 0, dtype)
        for (total, square, largest, rows_, v), expected in zip(compiled(*inputs), f(*inputs), strict=True):
            tolerance = 45 * np.finfo(dtype).eps  # 1e-14 in double precision
            assert abs(total - expected[0]) <= tolerance * np.sum(abs(v))
            assert abs(square - expected[1]) <= tolerance * square
            assert largest == expected[2]
            assert np.array_equal(rows_, expected[3])
            assert total.dtype == square.dtype == largest.dtype == dtype
            assert np.array_equal(v, expected[4])


# -- which steps ------------------------------------------------------------------------------------------------------


def names(compiled):
    return [[step.function.__name__ for step in nest.steps] for nest in nests(compiled)]


def test_a_gradient_is_one_nest():
    with plain_loops():
        compiled = fused(opad.grad(lambda X: -0.5 * potential(X)), X)
    (nest,) = nests(compiled)
    assert len(nest.steps) > 12
    assert max(spec.size for spec in map(nest.specs.__getitem__, nest.outs)) == X.size  # no matrix is written


def test_library_functions_stay_calls_of_numpy():
    def softmax(A):
        E = np.exp(A - np.max(A, axis=1, keepdims=True))
        return E / np.sum(E, axis=1, keepdims=True)

    with plain_loops():
        compiled = fused(softmax, A)
    assert names(compiled) == [["max", "subtract"], ["sum", "divide"]]


def test_what_needs_a_late_result_comes_after():
    with plain_loops():
        compiled = fused(lambda A: (B := A * A, s := np.sum(B, axis=0), (B - s) / (1 + s)), A)
    assert names(compiled) == [["multiply", "sum"]]
    assert groups(compiled) == [["multiply", "sum"], ["subtract", "divide"]]


def test_broadcast_values_of_a_nest_are_used_after_it():
    def f(A):
        B = np.broadcast_to(np.sum(A * A, axis=1, keepdims=True), A.shape)
        total = np.sum(np.where(A > 0, B, A), axis=0)
        return (B * np.broadcast_to(total, A.shape) + 1) * A

    with plain_loops():
        compiled = fused(f, A)
    assert names(compiled) == [["multiply", "sum", "broadcast_to", "greater", "where", "sum"]]
    assert groups(compiled)[1:] == [["multiply", "add", "multiply"]]


def test_transposes_end_a_nest():
    with plain_loops():
        compiled = fused(lambda A: (B := A * A, np.sum(B, axis=1), np.sum(np.sqrt(B.T + 1), axis=1)), A)
    assert names(compiled) == [["multiply", "sum"]]


def test_other_reductions_and_dtypes_are_left_alone():
    with plain_loops():
        for f, args in (
            (lambda A: np.sum(A * 1j, axis=1) * 2, (A,)),
            (lambda A: np.sum(A > 0, axis=1), (A,)),
            (lambda A: np.prod(A * 2, axis=1), (A,)),
            (lambda A: np.sum(A * 2, axis=1, dtype=np.float32), (A,)),
            (lambda A: np.sum(A * 2, axis=1, where=A > 0), (A,)),
            (lambda A: np.sum(A * 2, axis=1), (np.empty((0, 3)),)),
            (lambda A: np.sum(A * 2, axis=1), (np.empty((3, 0)),)),
            (lambda k: np.sum(k * 2, axis=1), (np.arange(6).reshape(2, 3),)),
            (lambda A: np.sum(A.T * 2, axis=1), (A,)),
        ):
            assert not nests(fused(f, *args))


def test_errstate_that_raises_is_not_fused():
    def f(A):
        with np.errstate(over="raise"):
            return np.sum(A * 2, axis=1)

    with plain_loops():
        compiled = opad.compile(f, fuse=True)
        compiled(A)
        assert not nests(compiled)
        with pytest.raises(FloatingPointError):
            compiled(A * 1e308)


# -- threads ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def divided():
    """Every nest that can be divided is, as a loop in Python."""
    with plain_loops(), pytest.MonkeyPatch.context() as patch:
        for part in (kernels, module):
            patch.setattr(part, "SMALLEST", 1)
        patch.setattr(selection.Fusion, "_parts", in_parts)
        yield


@pytest.mark.parametrize("name", CASES)
def test_nests_in_parts(divided, name):
    f, args = CASES[name]
    same(f, args, name in EXACT)


def test_which_nests_are_divided(divided):
    assert "in_3_parts" in fused(lambda A, b: A / np.sum(A * b, axis=1, keepdims=True), A, B[0]).source
    assert "in_3_parts" not in fused(lambda A: (B := A * A, np.sum(B, axis=0)), A).source
    square = lambda A, b: (s := np.sum(A * 2, axis=1), (s * b)[:, None] * A * b)  # noqa: E731  b is cut and is not
    assert "in_3_parts" not in fused(square, A[:, :7].copy(), B[:, 0].copy()).source


@needs_numba
def test_large_nests_run_in_threads(monkeypatch):
    monkeypatch.setattr(selection.Fusion, "_parts", in_parts)
    f = lambda A: A / np.sum(A * A, axis=1, keepdims=True) - np.max(A, 1)[:, None]  # noqa: E731
    A = np.linspace(-1, 1, SMALLEST).reshape(-1, 128)
    compiled = fused(f, A)
    assert "in_3_parts" in compiled.source
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(compiled, [A] * 20):
            assert_same(result, f(A), exact=True)
