"""Manifold parameters in the block system: columns are tangent maps, products act on tangent vectors."""

import numpy as np
import pytest

import opad
from opad.blocks import BlockVector
from opad.errors import NotTangentError, ShapeError, StructureError
from opad.manifolds import FixedRank, PositiveDefinite, Sphere, Stiefel, Toeplitz


def model(X, b, t):
    return np.sum(np.tanh(X @ b)) + t[0] * np.sum(X**3)


@pytest.fixture
def point(rng):
    return Stiefel(5, 2).random_point(rng), rng.standard_normal(2), Sphere(3).random_point(rng)


MANIFOLDS = (Stiefel(5, 2), None, Sphere(3))


def test_gradients_of_several_arguments(point):
    euclidean = opad.grad(model, (0, 1, 2))(*point)
    found = opad.grad(model, (0, 1, 2), manifolds=MANIFOLDS)(*point)
    for M, x, g, G in zip(MANIFOLDS, point, found, euclidean, strict=True):
        np.testing.assert_allclose(g, G if M is None else M.gradient(x, G), rtol=1e-14)
    value, g = opad.value_and_grad(model, 2, manifolds=Sphere(3))(*point)
    assert value == model(*point)
    np.testing.assert_allclose(g @ point[2], 0, atol=1e-13)


def test_the_system_solves_for_tangent_vectors(point, rng):
    lin = opad.linearize(model, *point, manifolds=MANIFOLDS)
    Z = [M.random_tangent(x, rng) if M else rng.standard_normal(x.shape)
         for M, x in zip(MANIFOLDS, point, strict=True)]  # fmt: skip
    L, D = lin.system
    assert D.shape == (L.shape[0], 3)
    dx = opad.solve(opad.I - L, D @ BlockVector(Z))
    assert dx[L.shape[0] - 1] == pytest.approx(lin.jvp(*Z), rel=1e-12)
    e = [None] * (L.shape[0] - 1) + [np.array(1.0)]
    covectors = D.H @ opad.solve((opad.I - L).H, e)
    for a, b, g in zip(covectors, lin.vjp(1.0), lin.gradient(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(a, g, rtol=1e-12, atol=1e-14)  # Euclidean metrics: the covector is the gradient


def test_points_that_are_tuples_have_one_column(rng):
    M = FixedRank(6, 5, 2)
    X = M.random_point(rng)
    A = rng.standard_normal((6, 5))

    def f(x):
        U, s, V = x
        return np.sum(A * ((U * s) @ V.T))

    lin = opad.linearize(f, X, manifolds=M)
    L, D = lin.system
    assert D.shape == (L.shape[0], 1)
    Z = M.random_tangent(X, rng)
    dx = opad.solve(opad.I - L, D @ BlockVector([Z]))
    expected = np.sum(A * M.embedding(X).apply(Z))
    assert dx[L.shape[0] - 1] == pytest.approx(expected, rel=1e-12)
    assert lin.jacobian.apply(Z) == pytest.approx(expected, rel=1e-12)


def test_a_metric_of_its_own(rng):
    M = PositiveDefinite(3)
    P, A = M.random_point(rng), rng.standard_normal((3, 3))
    lin = opad.linearize(lambda P: np.sum(A * P), P, manifolds=M)
    np.testing.assert_allclose(lin.gradient(), P @ (A + A.T) @ P / 2, rtol=1e-13)
    np.testing.assert_allclose(lin.vjp(1.0)[0], (A + A.T) / 2, rtol=1e-13)


def test_gradients_on_manifolds_are_differentiable(rng):
    """d/dt of <grad f(x(t)), v> along a curve of points, through the projection and the gradient."""
    M, B = Sphere(3), rng.standard_normal((3, 3))
    x, z, v = M.random_point(rng), rng.standard_normal(3), rng.standard_normal(3)

    def component(t):
        y = x + t * z
        return v @ opad.grad(lambda x: x @ B @ x, manifolds=M)(y / np.sqrt(y @ y))

    slope = (component(1e-5) - component(-1e-5)) / 2e-5
    assert opad.grad(component)(0.0) == pytest.approx(slope, rel=1e-7)


def test_wrong_calls(point):
    with pytest.raises(StructureError, match="2 manifolds were given for 3 differentiated arguments"):
        opad.grad(model, (0, 1, 2), manifolds=MANIFOLDS[:2])(*point)
    lin = opad.linearize(model, *point, manifolds=MANIFOLDS)
    with pytest.raises(ShapeError, match="1 tangent vectors were given for 3 points"):
        lin.jvp(point[0])
    with pytest.raises(NotTangentError):
        lin.jvp(point[0], point[1], 0 * point[2])
    with pytest.raises(ShapeError, match=r"function of 3 points.*\.system"):
        lin.jacobian


def test_charts_are_evaluated_at_what_they_parametrise():
    T, x = Toeplitz(2, 2), np.array([1.0, 10.0])
    t = np.array([1.0, 2.0, 3.0])
    lin = opad.linearize(lambda X: X @ x, t, manifolds=T)
    np.testing.assert_array_equal(lin.value, [12.0, 23.0])
    np.testing.assert_array_equal(lin.jacobian.todense(), [[10.0, 1.0, 0.0], [0.0, 10.0, 1.0]])
