"""Constant factors: where they are applied in a program, and that no bit changes but the sign of zeros."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from tests.programs.test_optimise import names, program_of
from tests.programs.test_random_programs import programs, run

A, B = np.random.default_rng(0).standard_normal((2, 6, 5))


@pytest.mark.parametrize(
    ("f", "calls"),
    [
        (lambda a, b: np.sum(2 * a), ["sum", "multiply"]),
        (lambda a, b: np.sum((-a) * b, axis=1), ["multiply", "sum", "multiply"]),
        (lambda a, b: np.sum(0.5 * (a + a), axis=0), ["sum"]),
        (lambda a, b: (2 * a) * (4 * b), ["multiply", "multiply"]),
        (lambda a, b: (2 * a) * b, ["multiply", "multiply"]),
        (lambda a, b: (2 * a) * np.exp(2 * a), ["multiply", "exp", "multiply"]),
        (lambda a, b: np.sum((-a / b).T[1:] * 4), ["divide", "transpose", "getitem", "sum", "multiply"]),
        (lambda a, b: np.vdot(-a, -b), ["vdot"]),
        (lambda a, b: np.sum(3 * a), ["multiply", "sum"]),
        (lambda a, b: np.sum(2.0**600 * a), ["multiply", "sum"]),
    ],
)
def test_where_factors_are_applied(f, calls):
    assert sorted(names(program_of(f, A, B))) == sorted(calls)


def test_a_gradient_of_distances_has_no_factor_of_its_size():
    """Of -0.5 and 2 in a sum of reciprocals nothing is left but a change of sign of the result."""
    f = opad.grad(lambda x: -0.5 * np.sum(1 / np.sqrt(np.sum((x[:, None] - x) ** 2, axis=2) + 0.1)))
    plan = program_of(f, A).whole.code.plan
    products = [step for step in plan.steps if step.function is np.multiply and len(step.inputs) == 1]
    assert all(plan.specs[step.out].size <= A.size for step in products)


OPERATIONS = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a + a,
    lambda a, b: a * b,
    lambda a, b: a / (2 + b * b),
    lambda a, b: a * a,
    lambda a, b: -a,
    lambda a, b: 2 * a,
    lambda a, b: -0.25 * a,
    lambda a, b: 0.3 * a,
    lambda a, b: a * np.float32(0.5),
    lambda a, b: np.sum(a, axis=0, keepdims=True),
    lambda a, b: np.sum(a, axis=-1, keepdims=True),
    lambda a, b: np.sum(a) * b,
    lambda a, b: np.vdot(a, a) + b,
    lambda a, b: a[::-1],
    lambda a, b: np.reshape(a, (1, *a.shape))[0],
    lambda a, b: np.sin(a),
]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(programs(OPERATIONS), st.sampled_from([np.float64, np.float32]))
def test_random_programs(program, dtype):
    f = lambda *inputs: run(program, OPERATIONS, inputs)  # noqa: E731
    compiled = opad.compile(f)
    for seed in range(2):
        rng = np.random.default_rng(seed)
        inputs = [rng.standard_normal(shape).astype(dtype) for shape in ((3, 3), (3, 3), (1, 3), (3, 1))]
        with np.errstate(all="ignore"):
            found, expected = compiled(*inputs), f(*inputs)
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            moderate = np.isfinite(b) & (np.abs(b) < 1e30) & ((np.abs(b) > 1e-30) | (b == 0))
            np.testing.assert_array_equal(a[moderate], b[moderate])
