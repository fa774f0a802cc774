"""Jacobians in every elimination order: the same matrix as by substitution, plans, errors."""

import json

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.errors import AccumulationError, EliminationOrderError, PlanMismatchError, RealLinearError

ORDERS = ("auto", "reverse", "markowitz", "markowitz_last", "minimum_fill", "single_use_first")


def dense_layers(x):
    A = np.cos(np.arange(12.0)).reshape(4, 3)
    return np.tanh(A.T @ np.sin(A @ x)) * x


def stencil(x):
    p = np.pad(x, 1, mode="edge")
    return p[2:] - 2 * x + p[:-2] + np.exp(x) * np.roll(x, 1)


def scalars_and_sums(x):
    s = np.sum(x**2)
    return np.concatenate([x * s, np.stack([s, np.log(1 + s)])])


def matrices(x):
    X = np.outer(x, x)
    B = np.arange(6.0).reshape(2, 3) / 6
    return (B @ X @ B.T + np.trace(X)).T


def solved(x):
    A = np.diag(x) + np.ones((3, 3))
    return np.linalg.solve(A, x**2)


def decomposed(x):
    w, V = np.linalg.eigh(np.outer(x, x) + np.diag(np.arange(3.0)))
    return w + V[0] ** 2


def indexed(x):
    return x[np.array([0, 2, 2, 1])] * np.repeat(x, 2)[:4] + x[::-1][0]


def kinked(x):
    return np.sqrt(np.where(x > 1, x, 0.0)) + np.abs(x)


FUNCTIONS = [dense_layers, stencil, scalars_and_sums, matrices, solved, decomposed, indexed, kinked]
POINT = np.array([0.4, 1.3, -0.7])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("f", FUNCTIONS)
def test_every_order_gives_the_jacobian_of_forward_substitution(f, order):
    expected = opad.jacobian(f, order="forward")(POINT)
    J = opad.jacobian(f, order=order)
    for _ in range(2):  # decided, and remembered
        found = J(POINT)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
        assert found.flags.writeable and not np.shares_memory(found, POINT)
    flat = expected.reshape((-1, 3))
    lin = opad.linearize(f, POINT)
    np.testing.assert_allclose(lin.jacobian_matrix(order, sparse=False), flat, rtol=1e-12, atol=1e-13)
    sparse = lin.jacobian_matrix(order, sparse=True)
    assert isinstance(sparse, scipy.sparse.csr_array)
    np.testing.assert_allclose(sparse.toarray(), flat, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(opad.sparse_jacobian(f, order=order)(POINT).toarray(), flat, rtol=1e-12, atol=1e-13)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_permutation_of_the_rows(random):
    lin = opad.linearize(scalars_and_sums, POINT)
    plan = opad.plan_elimination(scalars_and_sums, POINT, order="reverse")
    rows = list(plan.order)
    random.shuffle(rows)
    np.testing.assert_allclose(
        lin.jacobian_matrix(rows, sparse=False), lin.jacobian_matrix("forward"), rtol=1e-12, atol=1e-13
    )
    assert lin.report() != "nothing computed yet"


UNARY = (np.sin, np.exp, np.tanh, np.negative, lambda x: x**2, lambda x: 2 * x)
BINARY = (np.add, np.multiply, np.subtract, lambda x, y: x / (2 + y**2))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=12))
def test_random_scalar_programs(steps):
    def program(a, b):
        values = [a, b]
        for kind, i, j in steps:
            x, y = values[i % len(values)], values[j % len(values)]
            values.append(UNARY[kind](x) if kind < 6 else BINARY[kind - 6](x, y))
        return values[-1], values[-2], values[2]

    point = 0.3, -0.8
    expected = np.array(opad.jacobian(program, (0, 1), order="forward")(*point))
    if not np.all(np.isfinite(expected)) or np.abs(expected).max() > 1e100:
        return
    for order in ORDERS:
        found = np.array(opad.jacobian(program, (0, 1), order=order)(*point))
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * max(1, np.abs(expected).max()))


def test_containers_arguments_and_dtypes():
    def f(p, x):
        return {"y": p["W"] @ x, "z": [np.sum(x), p["b"] * 2.0]}

    p, x = {"W": np.arange(6.0).reshape(2, 3), "b": 1.5}, np.ones(3)
    expected = opad.jacobian(f, (0, 1), order="forward")(p, x)
    found = opad.jacobian(f, (0, 1), order="markowitz")(p, x)
    for name in ("W", "b"):
        np.testing.assert_array_equal(found["y"][0][name], expected["y"][0][name])
        np.testing.assert_array_equal(found["z"][1][0][name], expected["z"][1][0][name])
    np.testing.assert_array_equal(found["y"][1], p["W"])
    single = opad.jacobian(np.sin, order="markowitz")(np.ones(2, np.float32))
    assert single.dtype == np.float32
    assert opad.linearize(np.sin, np.ones(2, np.float32)).jacobian_matrix("markowitz").dtype == np.float32
    J = opad.jacobian(lambda z: np.exp(1j * z) * z, order="markowitz")(np.array([1 + 1j, 2.0]))
    np.testing.assert_allclose(
        J, opad.jacobian(lambda z: np.exp(1j * z) * z, order="reverse")(np.array([1 + 1j, 2.0])), rtol=1e-13
    )


def test_constant_results_and_results_that_are_arguments():
    J = opad.jacobian(lambda x: (x, np.ones(2), 3 * x, x), order="markowitz")(np.ones(2))
    for block, factor in zip(J, (1, 0, 3, 1), strict=True):
        np.testing.assert_array_equal(block, factor * np.eye(2))
    assert opad.linearize(lambda x: (x, np.ones(2)), np.ones(2)).jacobian_matrix("markowitz").shape == (4, 2)


def test_jacobians_of_jacobians_are_differentiable():
    J = opad.jacobian(lambda x: np.sin(x) * x[::-1], order="markowitz")
    H = opad.jacobian(J, order="markowitz")(POINT)
    expected = opad.jacobian(opad.jacobian(lambda x: np.sin(x) * x[::-1]))(POINT)
    np.testing.assert_allclose(H, expected, rtol=1e-13)


def test_structure_decides_what_is_returned():
    lin = opad.linearize(lambda x: np.sin(x)[1:] * x[:-1], np.linspace(0, 1, 200))
    assert scipy.sparse.issparse(lin.jacobian_matrix("markowitz"))
    assert isinstance(opad.linearize(dense_layers, POINT).jacobian_matrix("markowitz"), np.ndarray)


def test_sparse_hessian_of_a_partially_separable_function(rng):
    def f(x):
        return np.sum(np.exp(x[1:] * x[:-1])) + np.sum(x**4)

    x = rng.standard_normal(30)
    H = opad.sparse_hessian(f)(x)
    assert H.nnz <= 3 * 30
    np.testing.assert_allclose(H.toarray(), opad.hessian(f)(x), rtol=1e-12, atol=1e-12)


def test_report_says_what_was_chosen():
    J = opad.jacobian(dense_layers)
    assert J.report() == "nothing computed yet"
    J(POINT)
    text = J.report()
    assert text.startswith("chosen: ") and "planning took" in text
    assert all(name in text for name in ("forward ", "reverse ", "forward elimination", "us"))


def test_auto_goes_through_the_bottleneck():
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((20, 300)), rng.standard_normal((300, 20))
    J = opad.jacobian(lambda x: np.tanh(B @ np.tanh(A @ np.sin(x))))
    x = rng.standard_normal(300)
    found = J(x)
    assert "by substitution" not in J.report()
    np.testing.assert_allclose(
        found, opad.jacobian(lambda x: np.tanh(B @ np.tanh(A @ np.sin(x))), order="reverse")(x), atol=1e-12
    )


# -- plans ----------------------------------------------------------------------------------------------------------


def small(x, y):
    z = np.sin(x * y)
    return z * x, z * y + np.exp(z), z - x


def test_plan_on_disk_and_at_new_points(tmp_path):
    plan = opad.plan_elimination(small, 1.0, 2.0, seconds=1)
    assert plan.multiplications == min(plan.costs.values())
    assert {"forward", "reverse", "markowitz", "exact"} <= set(plan.costs)
    plan.save(tmp_path / "plan.json")
    again = opad.EliminationPlan.load(tmp_path / "plan.json")
    assert vars(again) == vars(plan)
    found = opad.jacobian(small, (0, 1), order=again)(0.3, -0.4)
    np.testing.assert_allclose(np.array(found), np.array(opad.jacobian(small, (0, 1), order="forward")(0.3, -0.4)))
    assert "multiplications" in repr(plan)


def test_plan_of_arrays_counts_structured_products():
    plan = opad.plan_elimination(dense_layers, POINT, seconds=0.2)
    assert plan.costs["exact"] > 0 and plan.multiplications == min(plan.costs.values())
    np.testing.assert_allclose(
        opad.jacobian(dense_layers, order=plan)(2 * POINT), opad.jacobian(dense_layers)(2 * POINT), rtol=1e-12
    )
    assert opad.plan_elimination(dense_layers, POINT, order=plan.order).order == plan.order


def test_plan_for_another_program():
    plan = opad.plan_elimination(small, 1.0, 2.0, order="markowitz")
    with pytest.raises(PlanMismatchError, match="made for program"):
        opad.jacobian(lambda x, y: np.cos(x * y), (0, 1), order=plan)(1.0, 2.0)


def test_files_that_are_no_plans(tmp_path):
    path = tmp_path / "plan.json"
    for text in ("no json", json.dumps({"format": 0}), json.dumps([1]), json.dumps({"format": 1, "x": 2})):
        path.write_text(text)
        with pytest.raises(PlanMismatchError, match="could not be read"):
            opad.EliminationPlan.load(path)


def test_bad_orders():
    with pytest.raises(EliminationOrderError, match="'cheapest'"):
        opad.jacobian(small, order="cheapest")
    rows = opad.plan_elimination(small, 1.0, 2.0, order="reverse").order
    for wrong, message in ((rows[1:], "misses"), ([*rows, rows[0]], "repeats"), ([*rows, 99], "no inner variable")):
        with pytest.raises(EliminationOrderError, match=message):
            opad.jacobian(small, (0, 1), order=wrong)(1.0, 2.0)
        with pytest.raises(EliminationOrderError, match=message):
            opad.plan_elimination(small, 1.0, 2.0, order=wrong)


def test_opaque_blocks_beyond_the_memory_allowed():
    @opad.primitive
    def mix(x):
        return np.fft.irfft(np.fft.rfft(x) ** 1, x.shape[-1])

    opad.linear(mix, adjoint=lambda g, x: g)
    x = np.linspace(0, 1, 64)

    def f(x):
        return np.sin(mix(np.exp(x)))

    with pytest.raises(AccumulationError, match="64 x 64 and takes 32768 bytes"):
        opad.jacobian(f, order="markowitz", max_bytes=1000)(x)
    with pytest.raises(AccumulationError):
        opad.sparse_jacobian(f, max_bytes=1000)(x)
    with pytest.raises(AccumulationError):
        opad.linearize(f, x).jacobian_matrix("markowitz", max_bytes=1000)
    assert opad.jacobian(f, order="markowitz", max_bytes=10**6)(x).shape == (64, 64)


def test_real_linear_blocks():
    def f(x):
        return np.abs(np.fft.fft(x))

    x = np.array([1.0, 2.0, 4.0])
    with pytest.raises(RealLinearError, match="only real-linear"):
        opad.jacobian(f, order="markowitz")(x)
    np.testing.assert_allclose(opad.jacobian(f)(x), opad.jacobian(f, order="forward")(x), rtol=1e-12)
    with pytest.raises(ValueError, match="real arguments and complex results"):
        opad.jacobian(np.fft.fft, order="markowitz")(x)


def test_checkpoints_are_opaque_blocks():
    step = opad.checkpoint(lambda x, w: np.tanh(w * x[::-1]) + np.sum(x))

    def f(x):
        return step(np.sin(x), 2 * x) * x

    expected = opad.jacobian(f, order="forward")(POINT)
    for order in ("markowitz", "reverse", "auto"):
        np.testing.assert_allclose(opad.jacobian(f, order=order)(POINT), expected, rtol=1e-12, atol=1e-13)


def test_one_function_for_real_and_complex_arguments():
    J = opad.jacobian(lambda z: np.exp(z) * z[::-1])
    for point in (POINT, POINT + 1j, POINT):
        np.testing.assert_allclose(J(point), opad.jacobian(lambda z: np.exp(z) * z[::-1], order="forward")(point))


@pytest.mark.parametrize("order", ["auto", "forward", "reverse", "markowitz"])
@pytest.mark.parametrize("f", [lambda x: x > 1, np.argsort, lambda x: x.astype(int), lambda x: True, lambda x: 3])
def test_derivatives_of_integers_and_booleans_are_zeros_in_floating_point(f, order):
    x = np.arange(3.0)
    J = opad.jacobian(f, order=order)(x)
    assert J.dtype == float and J.shape == (*np.shape(f(x)), 3) and not J.any()
    tangent = opad.jvp(f, (x,), (x,))[1]
    assert tangent.dtype == float and tangent.shape == np.shape(f(x)) and not tangent.any()
    assert opad.jacobian_operator(f, x).todense().dtype == float
