"""Exponential maps, logarithms and distances against each other and against closed forms."""

import numpy as np
import pytest
import scipy.linalg

import opad
from opad.manifolds import BuresWasserstein, Grassmann, Hyperboloid, Orthogonal, PositiveDefinite, Sphere, Unitary
from opad.testing.spaces import difference


@pytest.mark.parametrize(
    "M", [Sphere(4), Orthogonal(3), Unitary(3), PositiveDefinite(3), PositiveDefinite(2, complex), BuresWasserstein(3)],
    ids=repr,
)  # fmt: skip
def test_log_inverts_exp(M, rng):
    X = M.random_point(rng)
    Z = 0.3 * M.random_tangent(X, rng)
    assert difference(M.log(X, M.exp(X, Z)), Z) < 1e-10


@pytest.mark.parametrize("M", [Sphere(4), PositiveDefinite(3), Hyperboloid(3), Grassmann(5, 2)], ids=repr)
def test_distance_along_a_geodesic_is_its_length(M, rng):
    X = M.random_point(rng)
    Z = 0.3 * M.random_tangent(X, rng)
    assert M.dist(X, M.exp(X, Z)) == pytest.approx(float(M.norm(X, Z)), rel=1e-7)


def test_distance_of_positive_definite_matrices(rng):
    M = PositiveDefinite(3)
    P, Q = M.random_point(rng), M.random_point(rng)
    w = scipy.linalg.eigvalsh(P, Q)
    assert M.dist(P, Q) == pytest.approx(np.sqrt(np.sum(np.log(w) ** 2)), rel=1e-12)


def test_squared_distances_are_smooth_where_points_coincide(rng):
    """grad d^2(., Q) = -2 log(P, Q), which vanishes at P = Q; there eigh compositions give NaN."""
    for M in (PositiveDefinite(3), BuresWasserstein(3)):
        for Q in (np.eye(3), M.random_point(rng)):
            g = opad.grad(lambda P, M=M, Q=Q: M.squared_dist(P, Q), manifolds=M)(Q)
            np.testing.assert_allclose(g, np.zeros((3, 3)), atol=1e-12)
    M = PositiveDefinite(3)
    P, Q = M.random_point(rng), M.random_point(rng)
    g = opad.grad(lambda P: M.squared_dist(P, Q), manifolds=M)(P)
    np.testing.assert_allclose(g, -2 * M.log(P, Q), rtol=1e-9, atol=1e-10)


def test_wasserstein_distance_of_commuting_matrices():
    M = BuresWasserstein(3)
    a, b = np.array([1.0, 2.0, 3.0]), np.array([4.0, 2.0, 0.5])
    expected = np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert M.squared_dist(np.diag(a), np.diag(b)) == pytest.approx(expected, rel=1e-13)
