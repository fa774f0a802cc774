"""Every manifold of the registry: `check_manifold`, and what does not depend on which one it is."""

import numpy as np
import pytest

import opad
import opad.manifolds
from manifolds.registry import BUILDERS
from opad.manifolds import Chart, LinearSet, Manifold
from opad.testing import check_manifold, check_operator
from opad.testing.spaces import draw


@pytest.fixture(params=BUILDERS)
def M(request):
    return BUILDERS[request.param]()


def test_properties(M):
    check_manifold(M).assert_ok()


def test_dimension_of_hermitian_matrices_is_that_of_their_real_and_imaginary_parts():
    assert opad.manifolds.PositiveDefinite(3, complex).dim == 9


def test_gradients_pull_back_through_the_block_system(M, rng):
    """grad, linearize.gradient and the operator J T agree: <rgrad, z> = J T z."""
    X, weights = M.random_point(rng), {}

    def f(x):
        parts = x if isinstance(x, tuple) else (M.ambient_of(x),)
        total = 0.0
        for k, part in enumerate(parts if isinstance(x, tuple) is False else _leaves(M.ambient_of(x))):
            weights.setdefault(k, draw(np.shape(part), part.dtype, np.random.default_rng(k)))
            total = total + np.sum(np.real(np.conj(weights[k]) * part) ** 2)
        return total

    lin = opad.linearize(f, X, manifolds=M)
    g = opad.grad(f, manifolds=M)(X)
    Z = M.random_tangent(X, rng)
    slope = lin.jvp(Z)
    assert M.inner(X, g, Z) == pytest.approx(slope, rel=1e-9, abs=1e-10)
    assert M.inner(X, lin.gradient(), Z) == pytest.approx(slope, rel=1e-9, abs=1e-10)
    assert float(lin.jacobian.apply(Z)) == pytest.approx(float(slope), rel=1e-12, abs=1e-12)
    L, D = lin.system
    assert D.shape[1] == 1 and D.shape[0] == L.shape[0]


def _leaves(x):
    return x if isinstance(x, tuple) else (x,)


@pytest.mark.parametrize("name", [name for name, build in BUILDERS.items() if isinstance(build(), LinearSet)])
def test_linear_sets_have_the_gram_matrix_that_they_state(name, rng):
    M = BUILDERS[name]()
    check_operator(M.D, interop=False).assert_ok()
    D = M.D.todense()
    np.testing.assert_allclose(D.T @ D, np.diag(np.broadcast_to(M.gram_diagonal, M.dim)), atol=1e-13)
    W = rng.standard_normal(M.D.dimsd)
    closest = M.project(W)
    offset = M.embed(np.zeros(M.dims))
    expected, *_ = np.linalg.lstsq(D, (W - offset).reshape(-1), rcond=None)
    np.testing.assert_allclose(closest.reshape(-1), D @ expected + offset.reshape(-1), atol=1e-12)


def test_every_manifold_of_the_catalogue_is_in_the_registry():
    built = {type(build()) for build in BUILDERS.values()}
    public = {cls for cls in vars(opad.manifolds).values() if isinstance(cls, type) and issubclass(cls, Manifold)}
    assert public - built <= {Manifold, LinearSet}, public - built
    assert Chart in built
