"""jvp, vjp, hvp, Jacobians and Hessians, dense and as operators: against closed forms, each other, and jax."""

import numpy as np
import pytest
import scipy.sparse.linalg

import opad
from opad.errors import RealLinearError, ShapeError, StructureError
from opad.testing import check_derivative, check_operator


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_hessian(x):
    n = len(x)
    H = np.zeros((n, n))
    for i in range(n - 1):
        H[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        H[i, i + 1] = H[i + 1, i] = -400 * x[i]
        H[i + 1, i + 1] += 200
    return H


def network(W, b, x):
    return np.tanh(W @ x + b)


@pytest.fixture
def point(rng):
    return rng.standard_normal((3, 4)), rng.standard_normal((3, 1)), rng.standard_normal((4, 2))


def test_jvp_and_vjp_are_adjoint(point, rng):
    tangents = tuple(rng.standard_normal(x.shape) for x in point)
    value, tangent = opad.jvp(network, point, tangents)
    np.testing.assert_allclose(value, network(*point))
    g = rng.standard_normal(value.shape)
    again, pullback = opad.vjp(network, *point)
    np.testing.assert_array_equal(again, value)
    cotangents = pullback(g)
    assert type(cotangents) is tuple and [c.shape for c in cotangents] == [x.shape for x in point]
    np.testing.assert_allclose(np.vdot(g, tangent), sum(map(np.vdot, cotangents, tangents)))
    np.testing.assert_array_equal(pullback(g)[0], cotangents[0])


def test_jvp_is_the_central_difference(point, rng):
    tangents = tuple(rng.standard_normal(x.shape) for x in point)
    h = 1e-6
    plus, minus = (network(*(x + s * h * t for x, t in zip(point, tangents, strict=True))) for s in (1, -1))
    np.testing.assert_allclose(opad.jvp(network, point, tangents)[1], (plus - minus) / (2 * h), atol=1e-8)


def test_pytrees_in_and_out():
    def f(p, s):
        return {"sum": p["a"] + s, "list": [p["b"] * s, 2.0], "none": None}

    p = {"a": np.ones(2), "b": 3.0}
    value, tangent = opad.jvp(f, (p, 2.0), ({"a": np.ones(2), "b": 1.0}, 0.5))
    np.testing.assert_array_equal(tangent["sum"], [1.5, 1.5])
    assert tangent["list"] == [2.0 + 1.5, 0.0] and value["none"] is None
    _, pullback = opad.vjp(f, p, 2.0)
    gp, gs = pullback({"sum": np.ones(2), "list": [1.0, 7.0], "none": None})
    np.testing.assert_array_equal(gp["a"], np.ones(2))
    assert gp["b"] == 2.0 and gs == 5.0 and type(gs) is float


def test_wrong_tangents_are_refused(point):
    W, b, x = point
    with pytest.raises(ShapeError, match=r"tangent.*\(3, 3\); expected \(3, 4\)"):
        opad.jvp(network, point, (np.ones((3, 3)), b, x))
    with pytest.raises(ShapeError, match="2 tangents were given for 3 arguments"):
        opad.jvp(network, point, (W, b))
    with pytest.raises(StructureError, match="tangent 0"):
        opad.jvp(lambda p: p["a"], ({"a": 1.0},), ({"b": 1.0},))
    with pytest.raises(ShapeError, match=r"cotangent has shape \(2,\); expected \(3, 2\)"):
        opad.vjp(network, *point)[1](np.ones(2))
    with pytest.raises(StructureError, match="cotangent"):
        opad.vjp(network, *point)[1]((np.ones((3, 2)),))


def test_integer_and_plain_directions_are_converted():
    assert opad.jvp(lambda x: x**2, (3.0,), (1,))[1] == 6.0
    np.testing.assert_array_equal(opad.jvp(lambda x: x**2, (np.ones(2),), (np.array([1, 2]),))[1], [2.0, 4.0])
    assert opad.vjp(lambda x: x**2, 3.0)[1](1) == (6.0,)


def test_hvp(rng):
    x, v = rng.standard_normal(6), rng.standard_normal(6)
    (product,) = opad.hvp(rosenbrock, (x,), (v,))
    np.testing.assert_allclose(product, rosenbrock_hessian(x) @ v)
    np.testing.assert_allclose(opad.hessian_operator(rosenbrock, x) @ v, product)

    def f(a, b):
        return np.sum(a * b**2)

    a, b, da, db = rng.standard_normal((4, 3))
    ga, gb = opad.hvp(f, (a, b), (da, db))
    np.testing.assert_allclose(ga, 2 * b * db)
    np.testing.assert_allclose(gb, 2 * b * da + 2 * a * db)


def test_hvp_in_four_ways_and_jax(rng):
    x, v = rng.standard_normal(5), rng.standard_normal(5)
    expected = rosenbrock_hessian(x) @ v
    gradient = opad.grad(rosenbrock)
    ways = {
        "forward over reverse": opad.jvp(gradient, (x,), (v,))[1],
        "reverse over reverse": opad.vjp(gradient, x)[1](v)[0],
        "reverse over forward": opad.grad(lambda x: opad.jvp(rosenbrock, (x,), (v,))[1])(x),
        "grad of (grad . v)": opad.grad(lambda x: gradient(x) @ v)(x),
    }
    for way, product in ways.items():
        np.testing.assert_allclose(product, expected, rtol=1e-12, err_msg=way)
    forward = opad.jvp(lambda x: opad.jvp(rosenbrock, (x,), (v,))[1], (x,), (v,))[1]
    np.testing.assert_allclose(forward, v @ expected)


@pytest.mark.filterwarnings("ignore")
def test_hvp_is_that_of_jax(rng):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    W, x, v = rng.standard_normal((4, 4)), rng.standard_normal(4), rng.standard_normal(4)

    def f(x, np=np):
        return np.sum(np.tanh(W @ x) ** 2) + np.exp(-x @ x) * np.sqrt(1 + np.sum(x**4))

    theirs = jax.jvp(jax.grad(lambda x: f(x, jax.numpy)), (x,), (v,))[1]
    np.testing.assert_allclose(opad.hvp(f, (x,), (v,))[0], theirs, rtol=1e-11)


def test_third_derivatives():
    f = np.sin
    for k, expected in enumerate([np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin], 1):
        g = f
        for _ in range(k):
            g = opad.grad(g)
        assert g(0.7) == pytest.approx(expected(0.7), rel=1e-14)
    x = np.array([0.3, 0.5])
    third = opad.jacobian(opad.hessian(lambda x: x[0] ** 2 * x[1] ** 3))(x)
    assert third.shape == (2, 2, 2)
    np.testing.assert_allclose(third[0, 1, 1], 12 * x[0] * x[1])
    np.testing.assert_allclose(third[1, 1, 1], 6 * x[0] ** 2)


# -- Jacobians ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["auto", "forward", "reverse"])
def test_jacobian_shapes_and_values(order, point):
    W, _, x = point
    D = 1 - network(*point) ** 2
    J = opad.jacobian(network, (0, 1, 2), order=order)(*point)
    assert [j.shape for j in J] == [(3, 2, 3, 4), (3, 2, 3, 1), (3, 2, 4, 2)]
    np.testing.assert_allclose(J[0], np.einsum("ik,ij,lk->ikjl", D, np.eye(3), x))
    np.testing.assert_allclose(J[1], np.einsum("ik,ij->ikj", D, np.eye(3))[..., None])
    np.testing.assert_allclose(J[2], np.einsum("ik,ij,kl->ikjl", D, W, np.eye(2)))
    np.testing.assert_allclose(opad.jacobian(network, 2, order=order)(*point), J[2])
    scalar = opad.jacobian(lambda x: x**3, order=order)(2.0)
    assert np.shape(scalar) == () and scalar == 12.0


@pytest.mark.parametrize("order", ["auto", "forward", "reverse"])
def test_jacobian_of_containers(order):
    def f(p):
        return p["a"] * p["b"], {"sum": np.sum(p["a"])}

    J = opad.jacobian(f, order=order)({"a": np.array([1.0, 2.0]), "b": 3.0})
    np.testing.assert_array_equal(J[0]["a"], 3 * np.eye(2))
    np.testing.assert_array_equal(J[0]["b"], [1.0, 2.0])
    np.testing.assert_array_equal(J[1]["sum"]["a"], [1.0, 1.0])
    assert J[1]["sum"]["b"] == 0.0


@pytest.mark.parametrize("order", ["auto", "forward", "reverse"])
def test_jacobian_of_functions_that_ignore_their_argument(order):
    np.testing.assert_array_equal(opad.jacobian(lambda x: np.ones(3), order=order)(np.ones(2)), np.zeros((3, 2)))
    np.testing.assert_array_equal(opad.jacobian(lambda x: x, order=order)(np.ones(2)), np.eye(2))


def test_jacobian_cuts_its_columns_into_pieces(monkeypatch, rng):
    from opad.calculus import matrices

    x = rng.standard_normal(7)
    expected = opad.jacobian(lambda x: np.outer(x, x))(x)
    monkeypatch.setattr(matrices, "MAX_BATCH_BYTES", 1000)
    for order in ("forward", "reverse"):
        np.testing.assert_array_equal(opad.jacobian(lambda x: np.outer(x, x), order=order)(x), expected)


def test_jacobian_in_one_run_of_the_function():
    runs = []
    opad.jacobian(lambda x: runs.append(1) or np.sin(x))(np.ones(50))
    assert len(runs) == 1


def test_unknown_order():
    with pytest.raises(ValueError, match="order is 'sideways'"):
        opad.jacobian(np.sin, order="sideways")


@pytest.mark.parametrize("order", ["auto", "forward", "reverse"])
def test_holomorphic_jacobians(order, rng):
    z = rng.standard_normal(3) + 1j * rng.standard_normal(3)
    A = rng.standard_normal((3, 3)) + 1j
    np.testing.assert_allclose(opad.jacobian(lambda z: A @ np.exp(z), order=order)(z), A * np.exp(z), rtol=1e-13)


def test_jacobians_between_real_and_complex(rng):
    x, z = rng.standard_normal(3), rng.standard_normal(3) + 1j
    for order in ("auto", "forward"):
        np.testing.assert_allclose(
            opad.jacobian(lambda x: np.exp(1j * x), order=order)(x), np.diag(1j * np.exp(1j * x))
        )
    np.testing.assert_allclose(opad.jacobian(lambda x: np.sum(np.exp(1j * x)))(x), 1j * np.exp(1j * x))
    with pytest.raises(ValueError, match="order='forward'"):
        opad.jacobian(lambda x: np.sum(1j * x), order="reverse")(x)
    with pytest.raises(RealLinearError, match=r"only real-linear.*as_real"):
        opad.jacobian(lambda z: np.abs(z))(z)
    J = opad.jacobian_operator(lambda z: np.conj(z) * z, z)
    v = rng.standard_normal(3) + 1j * rng.standard_normal(3)
    np.testing.assert_allclose(J.apply(v), 2 * np.real(np.conj(z) * v))
    assert J.as_real().todense().shape == (6, 6)


def test_jacobian_with_real_and_complex_arguments(rng):
    """Either right or refused: Re would be lost in a back substitution."""
    x, z = 2.0, 1 + 3j
    try:
        jx, jz = opad.jacobian(lambda x, z: x * z, (0, 1))(x, z)
    except (RealLinearError, ValueError):
        return
    assert jx == z and jz == x


# -- operators ------------------------------------------------------------------------------------------------------


def test_jacobian_operator(point, rng):
    W, b, x = point
    J = opad.jacobian_operator(network, W, b, x, argnums=2)
    assert J.dims == (4, 2) and J.dimsd == (3, 2)
    np.testing.assert_allclose(J.todense(), opad.jacobian(network, 2)(*point).reshape(6, 8))
    check_operator(J).assert_ok()
    several = opad.jacobian_operator(network, W, b, x, argnums=(0, 1))
    assert several.dims == ((3, 4), (3, 1))
    expected = [j.reshape(6, -1) for j in opad.jacobian(network, (0, 1))(*point)]
    np.testing.assert_allclose(several.todense(), np.concatenate(expected, axis=1))
    g = rng.standard_normal(6)
    np.testing.assert_allclose(several.rmatvec(g), np.concatenate(expected, axis=1).T @ g)


def test_jacobian_operator_in_solvers_of_scipy(rng):
    A, x = rng.standard_normal((6, 4)), rng.standard_normal(4)
    J = opad.jacobian_operator(lambda x: np.sin(A @ x), x)
    y = rng.standard_normal(6)
    dense = np.cos(A @ x)[:, None] * A
    np.testing.assert_allclose(scipy.sparse.linalg.lsqr(J, y)[0], np.linalg.lstsq(dense, y)[0], atol=1e-6)
    G = opad.gauss_newton_operator(lambda x: np.sin(A @ x), x)
    np.testing.assert_allclose(G.todense(), dense.T @ dense)
    step, info = scipy.sparse.linalg.cg(G, dense.T @ y, rtol=1e-12)
    assert info == 0
    np.testing.assert_allclose(step, np.linalg.lstsq(dense, y)[0], atol=1e-8)


def test_hessian_and_its_operator(rng):
    x = rng.standard_normal(5)
    np.testing.assert_allclose(opad.hessian(rosenbrock)(x), rosenbrock_hessian(x))
    H = opad.hessian_operator(rosenbrock, x)
    np.testing.assert_allclose(H.todense(), rosenbrock_hessian(x))
    check_operator(H).assert_ok()
    X = rng.standard_normal((2, 2))
    assert opad.hessian(lambda X: np.sum(X**3))(X).shape == (2, 2, 2, 2)
    blocks = opad.hessian(lambda a, b: np.sum(a * b**2), 1)(x, x)
    np.testing.assert_allclose(blocks, np.diag(2 * x))


# -- the checker ----------------------------------------------------------------------------------------------------


def wrong_square():
    @opad.primitive
    def square(x):
        return x**2

    opad.elementwise(square, lambda y, x: 2.01 * x)
    return square


def test_check_derivative_reports_numbers():
    x = np.array([0.3, 0.7])
    report = check_derivative(lambda x: np.sum(np.exp(x)), x)
    assert report.ok and bool(report) and report.failed == []
    assert report.slopes["fwd", 1] == pytest.approx(2, abs=0.1)
    assert report.slopes["rev", 2] == pytest.approx(3, abs=0.1)
    assert report.remainders["fwd", 1].shape == report.steps.shape
    assert "slope 2.0" in str(report) and report["order 1, fwd = rev"].error < 1e-13
    wrong = check_derivative(wrong_square(), x)
    assert not wrong.ok and wrong.slopes["rev", 1] == pytest.approx(1, abs=0.1)
    with pytest.raises(AssertionError, match="slope 1"):
        wrong.assert_ok()
    with pytest.raises(AssertionError, match="slope 1"):
        check_derivative(wrong_square(), x, raise_on_failure=True)


def test_check_derivative_finds_a_wrong_adjoint():
    @opad.primitive
    def shift(x):
        return np.roll(x, 1)

    opad.linear(shift, adjoint=lambda g, x: np.roll(g, 1))
    report = check_derivative(lambda x: shift(np.sin(x)), np.array([0.1, 0.5, 0.9]))
    names = [check.name for check in report.failed]
    assert "Taylor remainder, order 1, reverse mode" in names and "order 1, fwd = rev" in names
    assert "Taylor remainder, order 1, forward mode" not in names


def test_check_derivative_options(rng):
    x = rng.standard_normal(3)
    assert list(check_derivative(np.sin, x, modes=("fwd",), order=1).slopes) == [("fwd", 1)]
    assert check_derivative(lambda p, n: {"y": p["a"] ** n}, {"a": x**2 + 1}, 3, argnums=0).ok
    assert check_derivative(lambda x: 2.0, 1.0).ok
    assert check_derivative(np.tanh, x.astype(np.float32)).ok
    assert check_derivative(lambda z: np.abs(z) * np.exp(z), x + 1j).ok
    assert opad.testing.check_derivative is check_derivative
