"""pymanopt: opad's backend on pymanopt's manifolds, opad's manifolds under pymanopt's optimisers."""

import numpy as np
import pytest

pymanopt = pytest.importorskip("pymanopt")

import opad.manifolds as m  # noqa: E402
from opad.interop.pymanopt import PymanoptManifold, Vector, opad_function, preconditioner  # noqa: E402
from opad.testing.spaces import difference  # noqa: E402

PAIRS = [
    (m.Sphere(5), pymanopt.manifolds.Sphere(5)),
    (m.Stiefel(6, 3), pymanopt.manifolds.Stiefel(6, 3)),
    (m.Grassmann(6, 2), pymanopt.manifolds.Grassmann(6, 2)),
    (m.Oblique(4, 3), pymanopt.manifolds.Oblique(4, 3)),
    (m.PositiveDefinite(4), pymanopt.manifolds.SymmetricPositiveDefinite(4)),
]


@pytest.mark.parametrize("ours, theirs", PAIRS, ids=lambda M: repr(M)[:20])
def test_conversions_agree_with_pymanopt(ours, theirs, rng):
    adapted = PymanoptManifold(ours, rng)
    X = adapted.random_point()
    G, H = rng.standard_normal((2, *X.shape))
    if isinstance(ours, m.Grassmann):
        G = 2 * (S := np.outer(np.arange(6.0), np.arange(6.0))) @ X  # the gradient of tr X^T S X, which is invariant
        H = 2 * S @ H
    if isinstance(ours, m.PositiveDefinite):
        G, H = G + G.T, H + H.T
    Z = adapted.random_tangent_vector(X)
    g = theirs.euclidean_to_riemannian_gradient(X, G)
    assert difference(adapted.euclidean_to_riemannian_gradient(X, G), g) < 1e-12
    h = theirs.euclidean_to_riemannian_hessian(X, G, H, Z)
    assert difference(adapted.euclidean_to_riemannian_hessian(X, G, H, Z), h) < 1e-12
    assert adapted.inner_product(X, Z, g) == pytest.approx(theirs.inner_product(X, Z, g), rel=1e-11)


def run(manifold, cost, optimiser=pymanopt.optimizers.TrustRegions, **options):
    problem = pymanopt.Problem(manifold, opad_function(manifold)(cost), **options)
    return optimiser(verbosity=0, min_gradient_norm=1e-9).run(problem)


def test_trust_regions_on_manifolds_of_both(rng):
    A = rng.standard_normal((6, 6))
    A = A + A.T
    lowest = np.sum(np.linalg.eigvalsh(A)[:2])
    for manifold in (pymanopt.manifolds.Grassmann(6, 2), PymanoptManifold(m.Grassmann(6, 2), 0)):
        assert run(manifold, lambda X: np.trace(X.T @ A @ X)).cost == pytest.approx(lowest, rel=1e-10)


def test_products_with_fixed_rank(rng):
    A = rng.standard_normal((6, 5))
    manifold = PymanoptManifold(m.Product(m.FixedRank(6, 5, 2), m.Sphere(3)), 0)
    c = np.array([1.0, 2.0, 2.0])
    result = run(manifold, lambda U, s, V, x: np.sum(((U * s) @ V.T - A) ** 2) - c @ x)
    s = np.linalg.svd(A, compute_uv=False)
    assert result.cost == pytest.approx(np.sum(s[2:] ** 2) - 3, rel=1e-9)
    np.testing.assert_allclose(result.point[3], c / 3, atol=1e-7)


def test_conjugate_gradients_and_a_preconditioner(rng):
    """A diagonal quadratic on the sphere, its inverse as the preconditioner."""
    d = np.array([1.0, 10.0, 100.0, 1000.0])
    manifold = PymanoptManifold(m.Sphere(4), 0)
    calls = []

    def build(x):
        calls.append(x)
        return m.SelfAdjoint(_divide, d)

    result = run(
        manifold, lambda x: x @ (d * x), pymanopt.optimizers.ConjugateGradient,
        preconditioner=preconditioner(manifold, build),
    )  # fmt: skip
    assert result.cost == pytest.approx(1.0, rel=1e-8)
    assert calls


def _divide(d, W):
    return W / d


def test_a_point_that_is_changed_in_place_is_seen(rng):
    manifold = pymanopt.manifolds.Sphere(3)
    cost = opad_function(manifold)(lambda x: np.sum(x**3))
    gradient = cost.get_gradient_operator()
    x = np.array([1.0, 0.0, 0.0])
    np.testing.assert_array_equal(gradient(x), [3, 0, 0])
    x[:] = [0, 1, 0]
    np.testing.assert_array_equal(gradient(x), [0, 3, 0])


def test_what_is_not_a_manifold_is_refused():
    with pytest.raises(TypeError, match=r"expected a manifold, as in @opad_function\(manifold\)"):
        opad_function(np.eye(3))


def test_vectors():
    v = Vector((np.ones(2), np.zeros(1)))
    w = np.float64(2) * v + v / 2 - (-v)
    np.testing.assert_array_equal(w[0], 3.5 * np.ones(2))
    with pytest.raises(NotImplementedError, match="no method log"):
        PymanoptManifold(m.Stiefel(3, 2)).log(None, None)
