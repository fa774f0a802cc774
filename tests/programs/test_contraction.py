"""Weighted sums of scaled matrices as products with bound matrices: what is rewritten, and how exact it is."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opad.programs import contraction
from opad.programs.compiled import CompiledFunction

K, M, N = 3, 6, 5
# of a bound matrix W, bound vectors r and c along rows and columns, a vector u and a vector v: sums over columns
OVER_COLUMNS = {
    "scaled_columns": lambda W, r, c, u, v: (W * v) @ c,
    "scaled_rows": lambda W, r, c, u, v: (u[:, None] * W) @ c,
    "outer_product": lambda W, r, c, u, v: (W * (u[:, None] * v)) @ c,
    "affine": lambda W, r, c, u, v: (np.sin(W) * (r[:, None] * v + u[:, None] - c * v)) @ c,
    "numbers": lambda W, r, c, u, v: (-2.0 * (W * v) * u[0]) @ c,
    "subtracted": lambda W, r, c, u, v: (-(W * v) - W * u[:, None]) @ c,
    "weights_that_vary": lambda W, r, c, u, v: (W * c) @ v,
    "two_matrices": lambda W, r, c, u, v: ((W * v) * np.cos(W)) @ c,
    "sum": lambda W, r, c, u, v: np.sum(W * v, axis=1),
    "sum_of_scaled_rows": lambda W, r, c, u, v: np.sum(W * u[:, None], axis=-1),
    "broadcast": lambda W, r, c, u, v: (np.broadcast_to(v, W.shape) * W) @ c,
    "row": lambda W, r, c, u, v: (W * v[None, :]) @ c,
}
OVER_ROWS = {
    "sum_over_rows": lambda W, r, c, u, v: np.sum(W * (u[:, None] * c), axis=0),
    "sum_of_columns": lambda W, r, c, u, v: np.sum(W * v, axis=(0,)),
    "product_from_the_left": lambda W, r, c, u, v: r @ (W * v),
    "all_of_it": lambda W, r, c, u, v: u @ (W * (r[:, None] * v - c)),
    "two_sums": lambda W, r, c, u, v: (lambda E: np.sum(E, axis=0) + np.sum(r[:, None] * E, axis=0))(W * u[:, None]),
}
OF_BATCHES = {
    "outer_products": lambda W, r, c, u, v: (W * (u[..., None] * v[:, None])) @ c,
    "affine": lambda W, r, c, u, v: (np.sin(W) * (r[:, None] * v[:, None] + u[..., None])) @ c,
    "below_each_other": lambda W, r, c, u, v: ((W * v[:, None]).reshape(K * M, N) @ c).reshape(K, M),
    "part_of_a_batch": lambda W, r, c, u, v: np.sum(W * (r[:, None] + v[:, None]), axis=2),
    "from_the_left": lambda W, r, c, u, v: r @ (W[None] * u[..., None]),
    "sum_over_rows": lambda W, r, c, u, v: np.sum(W * (u[..., None] * c), axis=1),
    "sum_over_columns": lambda W, r, c, u, v: np.sum(-W * v[:, None], axis=(-1,)),
}
UNCHANGED = {
    "matrix_that_varies": lambda W, r, c, u, v: np.sin(u[:, None] * v) @ c,
    "used_twice": lambda W, r, c, u, v: (lambda E: np.sum(E, axis=1) + E[:, 0])(W * v),
    "no_matrix": lambda W, r, c, u, v: (u[:, None] + v) @ c,
    "result": lambda W, r, c, u, v: (lambda E: (E, E @ c))(W * v),
    "both_axes": lambda W, r, c, u, v: np.sum(W * v),
    "kept_axes": lambda W, r, c, u, v: np.sum(W * v, axis=1, keepdims=True),
    "many_terms": lambda W, r, c, u, v: np.sum(W * (v + u[:, None]) * (v - r[:, None]) * (v - u[:, None]), axis=1),
}


@pytest.fixture(autouse=True)
def small_matrices(monkeypatch):
    monkeypatch.setattr(contraction, "SMALLEST", 0)


def values(seed, dtype=np.float64, batch=()):
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal(shape) for shape in ((M, N), (M,), (N,), (*batch, M), (*batch, N))]
    if np.dtype(dtype).kind == "c":
        parts = [part + 1j * rng.standard_normal(part.shape) for part in parts]
    return [part.astype(dtype) for part in parts]


def products(f):
    """f with W, r and c bound at the first call."""
    compiled = CompiledFunction(f, contract=True)
    return lambda W, r, c, u, v: compiled.bind(W, r, c)(u, v), compiled


def shapes(compiled):
    """Shapes of what is computed in every call."""
    ((_, rest),) = [program._parts[True, True, True, False, False] for program in compiled.programs]
    return {rest.plan.specs[ref].shape for step in rest.plan.steps for ref in step.outs}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128])
@pytest.mark.parametrize("name", [*OVER_COLUMNS, *OVER_ROWS, *(f"batches, {name}" for name in OF_BATCHES)])
def test_a_sum_is_a_product(name, dtype):
    is_batch = name.startswith("batches")
    f = OF_BATCHES[name.removeprefix("batches, ")] if is_batch else (OVER_COLUMNS | OVER_ROWS)[name]
    bound, compiled = products(f)
    for seed in range(3):
        args = values(seed, dtype, (K,) if is_batch else ())
        found, expected = bound(*args), f(*args)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(found, expected, rtol=0, atol=500 * np.finfo(dtype).eps)  # of sums of about 30
    assert shapes(compiled).isdisjoint([(M, N), (K, M, N)])


FACTORS = [
    lambda W, r, c, u, v: W,
    lambda W, r, c, u, v: np.cos(W),
    lambda W, r, c, u, v: r[:, None],
    lambda W, r, c, u, v: c,
    lambda W, r, c, u, v: u[..., None],
    lambda W, r, c, u, v: v[..., None, :],
    lambda W, r, c, u, v: np.sum(u),
    lambda W, r, c, u, v: 0.5,
]
OPERATIONS = [np.multiply, np.multiply, np.add, np.subtract, lambda a, b: -a]
SUMS = [
    lambda E, W, r, c, u, v: E @ c,
    lambda E, W, r, c, u, v: E.reshape(-1, N) @ c,
    lambda E, W, r, c, u, v: r @ E,
    lambda E, W, r, c, u, v: np.sum(E, axis=-2),
    lambda E, W, r, c, u, v: np.sum(E * u[..., None], axis=-1) - np.sum(E, axis=-1),
    lambda E, W, r, c, u, v: np.sum(E * v[..., None, :], axis=-1),
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, len(FACTORS) - 1), min_size=3, max_size=8),
    st.lists(st.tuples(*[st.integers(0, 50)] * 3), min_size=1, max_size=8),
    st.sampled_from(SUMS),
    st.sampled_from([(), (K,)]),
)
def test_random_matrices(factors, operations, summed, batch):
    """Sums of random elementwise expressions E, as sums of W o E + W, which is a matrix."""

    def matrix(args, factor=lambda x: x, apply=OPERATIONS):
        values = [factor(FACTORS[k](*args)) for k in factors]
        for number, first, second in operations:
            a, b = values[first % len(values)], values[second % len(values)]
            values.append(apply[number % len(apply)](a, b))
        return factor(args[0]) * values[-1] + factor(args[0])

    def f(*args):
        return summed(matrix(args), *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contraction, "SMALLEST", 0)
        bound, _ = products(f)
        for seed in range(2):
            args = values(seed, batch=batch)
            expected = f(*[arg.astype(np.longdouble) for arg in args])
            moduli = matrix(args, np.abs, [np.multiply, np.multiply, np.add, np.add, lambda a, b: a])
            largest = np.max(moduli) * max(1, *[np.max(np.abs(arg)) for arg in args])  # of what is summed
            assert np.max(np.abs(bound(*args) - expected)) <= 100 * M * N * np.finfo(float).eps * largest


def test_as_exact_as_the_product_with_the_matrix():
    """Where P + Q cancels, errors are a few units of rounding of |J| |dx|, here against exact arithmetic."""
    f = lambda W, r, c, u, v: (W * (r[:, None] * v + u[:, None])) @ c  # noqa: E731
    W, r, c, _, v = values(0)
    r, v = np.ones(M), np.full(N, 1 / 3)
    u = np.full(M, -1 / 3) * (1 + 1e-9)
    exact = [
        sum(Fraction(W[i, j]) * (Fraction(v[j]) + Fraction(u[i])) * Fraction(c[j]) for j in range(N)) for i in range(M)
    ]
    error = np.abs(products(f)[0](W, r, c, u, v) - np.array(exact, float))
    assert np.all(error <= 10 * np.finfo(float).eps * np.abs(W) @ np.abs(c))


@pytest.mark.parametrize("name", UNCHANGED)
def test_what_stays_as_it_is(name):
    f = UNCHANGED[name]
    bound, compiled = products(f)
    for seed in range(2):
        args = values(seed)
        found, expected = bound(*args), f(*args)
        for a, b in zip(
            *([x] if isinstance(x, np.ndarray | np.generic) else x for x in (found, expected)), strict=True
        ):
            np.testing.assert_array_equal(a, b)
    assert (M, N) in shapes(compiled)
