"""Jacobian and Hessian operators of compiled functions: those of the functions themselves, at every point."""

import gc
import threading
import weakref

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse.linalg
from hypothesis import given, settings

import opad
from opad.calculus.compiled_jacobian import CompiledJacobian
from opad.errors import DtypeError, OpadError, StructureError
from opad.programs import contraction
from opad.testing import check_operator
from tests.programs.test_random_programs import SHAPES, SMOOTH, arguments, programs, run
from tests.threads import in_threads


def model(x, t):
    w, b, c = np.reshape(x, (3, -1))
    return np.tanh(t[:, None] * w + b) @ c


def model_jacobian(x, t):
    w, b, c = np.reshape(x, (3, -1))
    H = np.tanh(np.outer(t, w) + b)
    S = (1 - H**2) * c
    return np.hstack([t[:, None] * S, S, H])


@pytest.fixture
def t():
    return np.linspace(-1, 1, 200)


@pytest.mark.parametrize("smallest", [0, contraction.SMALLEST])
def test_products_at_several_points(t, rng, monkeypatch, smallest):
    monkeypatch.setattr(contraction, "SMALLEST", smallest)
    f = opad.compile(model)
    points = [rng.standard_normal(30) for _ in range(3)]
    operators = [opad.jacobian_operator(f, x, t) for x in points]
    u, v = rng.standard_normal(200), rng.standard_normal(30)
    for _ in range(2):  # in turns: each keeps its own point
        for x, J in zip(points, operators, strict=True):
            matrix = model_jacobian(x, t)
            np.testing.assert_array_equal(J.value, model(x, t))
            np.testing.assert_allclose(J @ v, matrix @ v, atol=1e-13)
            np.testing.assert_allclose(J.H @ u, matrix.T @ u, atol=1e-13)
            np.testing.assert_allclose(J.matmat(np.eye(30)[:, :4]), matrix[:, :4], atol=1e-13)
            np.testing.assert_allclose(J.rmatmat(np.eye(200)[:, :4]), matrix[:4].T, atol=1e-13)
            np.testing.assert_allclose(J.todense(), matrix, atol=1e-13)
    assert "tanh" not in J._forward_product.source + J._adjoint_product.source


def test_large_products_pass_over_no_matrix_but_by_blas(t):
    J = opad.jacobian_operator(opad.compile(model), np.ones(90), t)
    for product, v in ((J._forward_product, np.ones(90)), (J._adjoint_product, np.ones(200))):
        product(v)
        plan = product._last.run.code.plan
        assert (200, 30) not in {plan.specs[ref].shape for step in plan.steps for ref in step.outs}


def test_is_recorded_once_for_all_points(t, rng):
    f, points = opad.compile(model), [rng.standard_normal(6) for _ in range(3)]
    recordings = []
    for x in points:
        J = opad.jacobian_operator(f, x, t)
        assert isinstance(J, CompiledJacobian)
        J @ x, J.H @ t
        recordings.append([product._compiled._recordings for product in (J._forward_product, J._adjoint_product)])
    assert recordings == [[1, 1]] * 3
    assert len(f.programs) == 1


def test_changes_of_the_point_are_not_seen(t):
    x = np.linspace(0, 1, 6)
    J, matrix, v = opad.jacobian_operator(opad.compile(model), x, t), model_jacobian(x, t), np.ones(6)
    x[...] = 0
    np.testing.assert_allclose(J @ v, matrix @ v, atol=1e-14)
    t *= 2
    np.testing.assert_allclose(J.H @ t, matrix.T @ t, atol=1e-13)


def network(W, b, x):
    return {"y": np.tanh(W @ x + b), "norm": np.sum(W * W)}


@pytest.mark.parametrize("argnums", [0, (0, 2), (1,), (2, 0, 1)])
@pytest.mark.parametrize("options", [{}, {"donate": True}])
def test_several_arguments_and_results(argnums, options, rng):
    args = rng.standard_normal((3, 4)), rng.standard_normal((3, 1)), rng.standard_normal((4, 2))
    J = opad.jacobian_operator(opad.compile(network, **options), *args, argnums=argnums)
    expected = opad.jacobian_operator(network, *args, argnums=argnums)
    assert (J.dims, J.dimsd, J.shape, J.dtype) == (expected.dims, expected.dimsd, expected.shape, expected.dtype)
    np.testing.assert_array_equal(J.value["y"], expected.value["y"])
    np.testing.assert_allclose(J.todense(), expected.todense(), atol=1e-14)
    v, u = rng.standard_normal(J.shape[1]), rng.standard_normal(J.shape[0])
    first, second = J.matvec(v), J.matvec(2 * v)
    np.testing.assert_allclose(second, 2 * first)  # the first was not overwritten
    np.testing.assert_allclose(J.rmatvec(u), expected.rmatvec(u), atol=1e-14)
    check_operator(J, interop=False).assert_ok()


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_dtypes(dtype, rng):
    x = (rng.standard_normal(5) + (1j * rng.standard_normal(5) if dtype is np.complex128 else 0)).astype(dtype)
    for f in (lambda x: np.sin(x) * x[::-1], lambda x: x * np.conj(x) + np.abs(x)):
        J, expected = (opad.jacobian_operator(g, x) for g in (opad.compile(f), f))
        assert (J.dtype, J.clinear) == (expected.dtype, expected.clinear)
        for v in (x, np.stack([x, 1j * x]).astype(dtype) if dtype is np.complex128 else np.stack([x, x])):
            for a, b in (
                (J.apply(v), expected.apply(v)),
                (J.apply_adjoint(v), expected.apply_adjoint(v)),
            ):
                assert a.dtype == b.dtype
                np.testing.assert_allclose(a, b, rtol=20 * np.finfo(dtype).eps)


def test_branches_on_the_point():
    f = opad.compile(lambda x: np.exp(x) if x[0] > 0 else x[:2] * 2)
    for _ in range(2):
        for x in (np.ones(3), -np.ones(3)):
            J = opad.jacobian_operator(f, x)
            assert J.dimsd == ((3,) if x[0] > 0 else (2,))
            np.testing.assert_allclose(J.todense(), np.diag(np.exp(x)) if x[0] > 0 else 2 * np.eye(3)[:2])


def test_hessians(t, rng):
    y = np.sin(t)

    def loss(x):
        return np.sum((model(x, t) - y) ** 2) / 2

    f = opad.compile(loss)
    for _ in range(3):
        x, v = rng.standard_normal((2, 12))
        H, expected = opad.hessian_operator(f, x), opad.hessian_operator(loss, x)
        np.testing.assert_allclose(H @ v, expected @ v, rtol=1e-11)
        np.testing.assert_allclose(H.gradient, opad.grad(loss)(x), rtol=1e-11)
        np.testing.assert_allclose(H.todense(), H.todense().T, atol=1e-10)
    G = opad.gauss_newton_operator(opad.compile(lambda x: model(x, t)), x)
    np.testing.assert_allclose(G @ v, model_jacobian(x, t).T @ (model_jacobian(x, t) @ v), rtol=1e-11)


def test_hessians_in_several_arrays(rng):
    def loss(parts):
        A, b = parts
        return np.sum(np.exp(A @ b)) + np.sum(A * A) * np.sum(b)

    point = rng.standard_normal((3, 4)), rng.standard_normal(4)
    H, expected = (opad.hessian_operator(f, point) for f in (opad.compile(loss), loss))
    assert H.dims == expected.dims == ((3, 4), (4,))
    np.testing.assert_allclose(H.todense(), expected.todense(), atol=1e-12)
    for found, gradient in zip(H.gradient, opad.grad(loss)(point), strict=True):
        np.testing.assert_allclose(found, gradient, rtol=1e-13)


def test_a_least_squares_fit(t):
    y = np.sin(3 * t)
    f = opad.compile(lambda x: model(x, t) - y)
    found = scipy.optimize.least_squares(
        f, np.linspace(-1, 1, 12), jac=lambda x: opad.jacobian_operator(f, x), tr_solver="lsmr", max_nfev=40
    )
    dense = scipy.optimize.least_squares(
        lambda x: model(x, t) - y, np.linspace(-1, 1, 12), jac=lambda x: model_jacobian(x, t)
    )
    assert found.cost < 1e-3 + 2 * dense.cost


def test_inside_other_traces(t):
    f, x = opad.compile(model), np.linspace(0, 1, 6)
    outer = opad.grad(lambda x: np.sum(opad.jacobian_operator(f, x, t).apply(x) ** 2))
    expected = opad.grad(lambda x: np.sum(opad.jacobian_operator(model, x, t).apply(x) ** 2))
    np.testing.assert_allclose(outer(x), expected(x), rtol=1e-13)
    compiled = opad.compile(lambda x, v: opad.jacobian_operator(f, x, t).apply(v))
    np.testing.assert_allclose(compiled.bind(x)(x), model_jacobian(x, t) @ x, atol=1e-13)
    J = opad.jacobian_operator(f, x, t)
    np.testing.assert_allclose(opad.grad(lambda v: np.sum(J.apply(v)))(x), np.sum(model_jacobian(x, t), axis=0))


def test_errors():
    with pytest.raises(DtypeError, match="argument 0 of model"):
        opad.jacobian_operator(opad.compile(model), np.arange(6), np.ones(3))
    with pytest.raises(StructureError, match="positions among them"):
        opad.jacobian_operator(opad.compile(model), np.ones(6), np.ones(3), argnums=2)
    J = opad.jacobian_operator(opad.compile(np.sin), np.ones(3))
    with pytest.raises(ValueError, match=r"shape|mismatch|dimension"):
        J @ np.ones(4)


def test_threads_share_an_operator(t, rng):
    x = rng.standard_normal(6)
    J, matrix, barrier, wrong = (
        opad.jacobian_operator(opad.compile(model), x, t),
        model_jacobian(x, t),
        threading.Barrier(3),
        [],
    )
    directions = rng.standard_normal((3, 6))

    def work(v):
        barrier.wait()
        wrong.extend(v for _ in range(100) if not np.allclose(J.H @ (J @ v), matrix.T @ (matrix @ v), rtol=1e-10))

    in_threads(work, directions)
    assert not wrong


def test_programs_go_with_the_function(t):
    f = opad.compile(lambda x: model(x, t))
    J = opad.jacobian_operator(f, np.ones(6))
    J @ np.ones(6)
    program = weakref.ref(J._forward_product._compiled.programs[0])
    del J
    gc.collect()
    assert program() is not None
    del f
    gc.collect()
    assert program() is None


@settings(max_examples=25, deadline=None)
@given(programs(SMOOTH))
def test_random_programs(program):
    """Products agree with those of the function itself, up to rounding of |J| |dx|."""

    def f(*inputs):
        return run(program, SMOOTH, inputs)

    smallest, contraction.SMALLEST = contraction.SMALLEST, 0
    try:
        compiled, numbers = opad.compile(f), tuple(range(len(SHAPES)))
        with np.errstate(all="ignore"):
            for seed in (0, 1):
                point = arguments(seed)
                try:
                    expected = opad.jacobian_operator(f, *point, argnums=numbers).todense()
                except OpadError as error:
                    with pytest.raises(type(error)):
                        opad.jacobian_operator(compiled, *point, argnums=numbers).todense()
                    continue
                if not np.isfinite(expected).all():
                    continue
                J, rng = opad.jacobian_operator(compiled, *point, argnums=numbers), np.random.default_rng(seed)
                for product, matrix in ((J.matvec, expected), (J.rmatvec, expected.T)):
                    v = rng.standard_normal(matrix.shape[1])
                    tolerance = 1e-10 * (np.abs(matrix) @ np.abs(v)) + 1e-10 * np.max(np.abs(matrix), initial=0)
                    assert np.all(np.abs(product(v) - matrix @ v) <= tolerance)
    finally:
        contraction.SMALLEST = smallest
