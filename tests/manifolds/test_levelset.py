"""Level sets: against closed forms, with redundant and with random constraints, and where they go wrong."""

import numpy as np
import pytest

import opad
from manifolds.registry import BUILDERS, unit_rows
from opad.errors import IrregularConstraintError, ManifoldError, NotOnManifoldError, NotTangentError, RetractionError
from opad.manifolds import LevelSet, Oblique, Stiefel


def test_stiefel_of_a_thousand_rows_equals_the_closed_form(rng):
    n, p = 1000, 10
    level, closed = LevelSet(lambda X: X.T @ X - np.eye(p), (n, p), dim=n * p - p * (p + 1) // 2), Stiefel(n, p)
    X = closed.random_point(rng)
    W, C = rng.standard_normal((2, n, p))
    P = level.projection(X)
    expected = closed.projection(X).apply(W)
    assert np.linalg.norm(P.apply(W) - expected) <= 1e-13 * np.linalg.norm(expected)
    assert P.steps <= 3

    def f(X):
        return np.sum(C * X**3)

    Z = expected / np.linalg.norm(expected)
    ours, theirs = (M.hessian(X, 3 * C * X**2, opad.operators.Hadamard(6 * C * X)).apply(Z) for M in (level, closed))
    assert np.linalg.norm(ours - theirs) <= 1e-13 * np.linalg.norm(theirs)
    Y = level.retraction(X, 0.5 * Z)
    assert np.max(np.abs(Y.T @ Y - np.eye(p))) <= 1e-14


def test_hessian_of_unit_rows_equals_that_of_unit_columns(rng):
    level, oblique = LevelSet(unit_rows, (5, 3)), Oblique(3, 5)
    Y = level.random_point(rng)
    C = rng.standard_normal((5, 3, 5, 3))

    def f(Y):
        return np.einsum("ia,iajb,jb", Y, C, np.sin(Y))

    Z = level.random_tangent(Y, rng)
    ours = level.hessian_operator(f, Y).apply(Z)
    theirs = oblique.hessian_operator(lambda X: f(X.T), Y.T.copy()).apply(Z.T)
    np.testing.assert_allclose(ours, theirs.T, rtol=1e-12, atol=1e-13)


def test_burer_monteiro_dimension():
    assert BUILDERS["LevelSet, Burer-Monteiro"]().dim == 20 * 6 - 12


def test_a_point_off_the_manifold():
    M = LevelSet(unit_rows, (5, 2), dim=5)
    with pytest.raises(NotOnManifoldError, match=r"violates its constraint by 1\b.*random_point") as caught:
        opad.grad(np.sum, manifolds=M)(np.ones((5, 2)))
    assert caught.value.residual == 1.0
    with pytest.raises(ManifoldError, match=r"shape \(2, 5\); expected \(5, 2\)"):
        opad.grad(np.sum, manifolds=M)(np.ones((2, 5)))


def test_a_vector_that_is_not_tangent():
    M = Stiefel(4, 2)
    X = np.eye(4, 2)
    lin = opad.linearize(np.sum, X, manifolds=M)
    with pytest.raises(NotTangentError, match=r"normal part is 1 of its length.*Project it") as caught:
        lin.jvp(X)
    assert caught.value.residual == pytest.approx(1.0)


def test_a_constraint_that_is_not_regular():
    """x y = 0 is not a manifold at the origin."""
    M = LevelSet(lambda x: x[:1] * x[1:], (2,), dim=1)
    with pytest.raises(IrregularConstraintError, match="rank 0 at this point; expected 1") as caught:
        opad.grad(np.sum, manifolds=M)(np.zeros(2))
    assert caught.value.residual == 0.0


def test_a_retraction_whose_newton_iteration_does_not_converge():
    """The normal line through a point outside of the strip never meets the circle."""
    M = LevelSet(lambda x: np.sum(x**2, keepdims=True) - 1, (2,), dim=1)
    with pytest.raises(RetractionError, match=r"stopped with max \|h\| = .*shorter step") as caught:
        M.retraction(np.array([1.0, 0.0]), np.array([0.0, 3.0]))
    assert caught.value.residual > 1e-3
