"""Structured products: Toeplitz, circulant, Hankel, Kronecker, low rank; plain and traced, against dense matrices."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse

import opad
from opad.manifolds import Circulant, Companion, FixedRank, Hankel, Kronecker, Toeplitz
from opad.testing import check_operator


@pytest.mark.parametrize("m, n", [(4, 4), (3, 6), (6, 2), (1, 5), (5, 1)])
@pytest.mark.parametrize("kind", [Toeplitz, Hankel])
def test_products_and_their_gradients(kind, m, n, rng):
    S, t, x, w = kind(m, n), rng.standard_normal(m + n - 1), rng.standard_normal(n), rng.standard_normal(m)
    dense = (
        scipy.linalg.toeplitz(t[n - 1 :], t[n - 1 :: -1])
        if kind is Toeplitz
        else scipy.linalg.hankel(t[:m], t[m - 1 :])
    )
    np.testing.assert_array_equal(S.embed(t), dense)
    check_operator(S.operator(t), interop=False).assert_ok()
    np.testing.assert_allclose(S.operator(t).todense(), dense, atol=1e-13)
    fast = opad.grad(lambda t, x: w @ S.operator(t).apply(x), (0, 1))(t, x)
    slow = opad.grad(lambda t, x: w @ (S.embed(t) @ x), (0, 1))(t, x)
    slow_t = S.D.apply_adjoint(np.outer(w, x))
    np.testing.assert_allclose(fast[0], slow_t, atol=1e-12)
    np.testing.assert_allclose(fast[1], slow[1], atol=1e-12)


def test_circulant(rng):
    c, x, w = rng.standard_normal((3, 6))
    C = Circulant(6)
    np.testing.assert_array_equal(C.embed(c), scipy.linalg.circulant(c))
    check_operator(C.operator(c), interop=False).assert_ok()
    np.testing.assert_allclose(C.operator(c).todense(), scipy.linalg.circulant(c), atol=1e-13)
    g = opad.grad(lambda c: w @ C.operator(c).apply(x))(c)
    np.testing.assert_allclose(g, C.D.apply_adjoint(np.outer(w, x)), atol=1e-13)


def test_companion_has_the_roots(rng):
    t = rng.standard_normal(4)
    roots = np.sort_complex(np.linalg.eigvals(Companion(4).embed(t)))
    np.testing.assert_allclose(roots, np.sort_complex(np.roots([1, *t[::-1]])), rtol=1e-10)


def test_kronecker_products_are_never_formed(rng):
    A, B, X = (rng.standard_normal(shape) for shape in [(2, 3), (4, 5), (3, 5)])
    K = Kronecker(2, 3, 4, 5)
    W = rng.standard_normal((2, 4))

    def f(t):
        return np.sum(W * K.operator(t).apply(X))

    gA, gB = opad.grad(f)((A, B))
    np.testing.assert_allclose(gA, W @ B @ X.T, rtol=1e-12)
    np.testing.assert_allclose(gB, W.T @ A @ X, rtol=1e-12)
    dense = K.differential((A, B)).apply_adjoint(np.outer(W.reshape(-1), X.reshape(-1)))
    np.testing.assert_allclose(dense[0], gA, rtol=1e-12)
    np.testing.assert_allclose(dense[1], gB, rtol=1e-12)


def test_fixed_rank_projects_sparse_matrices_and_operators(rng):
    M = FixedRank(30, 20, 3)
    X = M.random_point(rng)
    W = scipy.sparse.random_array((30, 20), density=0.1, rng=rng, format="csr")
    dense = M.projection(X).apply(W.toarray())
    for form in (W, scipy.sparse.linalg.aslinearoperator(W)):
        for a, b in zip(M.projection(X).apply(form), dense, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-13)


def test_fixed_rank_hessian_is_that_of_vandereycken(rng):
    """P H[Z] + (I - UU^T) G Vp S^-1 V^T + U S^-1 Up^T G (I - VV^T) on dense matrices (2013, proposition 2.3)."""
    M = FixedRank(8, 6, 2)
    U, s, V = X = M.random_point(rng)
    A, B = rng.standard_normal((2, 8, 6))
    full = (U * s) @ V.T
    G, curvature = A + B * np.cos(B * full), -(B**2) * np.sin(B * full)

    def f(x):
        return np.sum(A * M.ambient_of(x) + np.sin(B * M.ambient_of(x)))

    Z = Up, _, Vp = M.random_tangent(X, rng)
    E, P = M.embedding(X).apply, M.projection(X).apply
    expected = E(P(curvature * E(Z))) + (
        (np.eye(8) - U @ U.T) @ G @ Vp / s @ V.T + U / s @ Up.T @ G @ (np.eye(6) - V @ V.T)
    )
    np.testing.assert_allclose(E(M.hessian_operator(f, X).apply(Z)), expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(E(opad.grad(f, manifolds=M)(X)), E(P(G)), rtol=1e-11, atol=1e-12)
