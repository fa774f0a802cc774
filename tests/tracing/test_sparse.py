"""Products with sparse matrices of every format, never made dense."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

import opad
from opad.testing import check_derivative

FORMATS = ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"]


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
@pytest.mark.parametrize("format", FORMATS)
def test_products(kind, format, rng):
    products_are_differentiated(format, rng, kind)


def products_are_differentiated(format, rng, kind=scipy.sparse.csr_array):
    dense = rng.normal(size=(3, 4)) * (rng.random((3, 4)) < 0.6)
    S = kind(dense).asformat(format)
    v, X, w = rng.normal(size=4), rng.normal(size=(4, 2)), rng.normal(size=(2, 3))
    for f, x, expected in [
        (lambda x: S @ x, v, dense @ v),
        (lambda x: S.dot(x), v, dense @ v),
        (lambda x: S @ x, X, dense @ X),
        (lambda x: x @ S, w, w @ dense),
        (lambda x: x @ S, w[0], w[0] @ dense),
    ]:
        np.testing.assert_allclose(opad.linearize(f, x).value, expected)
        check_derivative(lambda x, f=f: np.sin(f(x)), x, raise_on_failure=True)
    np.testing.assert_allclose(opad.jacobian(lambda x: S @ x, order="reverse")(v), dense)


def test_complex_matrices(rng):
    S = scipy.sparse.csr_array(rng.normal(size=(3, 4)) + 1j * rng.normal(size=(3, 4)))
    check_derivative(lambda x: np.abs(S @ x), rng.normal(size=4), raise_on_failure=True)
    check_derivative(lambda x: np.abs(S @ x), rng.normal(size=4) + 1j, raise_on_failure=True)


def test_a_large_product_stays_sparse(rng):
    n = 20_000
    S = scipy.sparse.random_array((n, n), density=10 / n, rng=rng, format="csr")
    X = rng.normal(size=(n, 8))
    tracemalloc.start()
    try:
        gradient = opad.grad(lambda X: np.sum((S @ X) ** 2))(X)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(gradient, 2 * (S.T @ (S @ X)))
