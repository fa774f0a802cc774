"""Sparse matrices with traced stored values: products, solutions by one factorisation, nothing made dense."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

import opad
import opad.scipy.sparse.linalg  # before splu is replaced by one that counts
from opad.errors import MissingRuleError, SingularBlockError, UnsupportedArgumentError
from opad.scipy import sparse
from opad.testing import check_derivative

FORMATS = {"csr": sparse.csr_array, "csc": sparse.csc_array}


def random_matrix(rng, shape=(5, 4), dtype=float, format="csr"):
    S = scipy.sparse.random_array(shape, density=0.5, rng=rng, format=format)
    S.data = S.data.astype(dtype) + (1j * rng.normal(size=S.nnz) if np.dtype(dtype).kind == "c" else 0)
    return S


def laplacian(n):
    """The five-point Laplacian on n x n points."""
    T = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
    eye = scipy.sparse.eye_array(n)
    return (scipy.sparse.kron(T, eye) + scipy.sparse.kron(eye, T)).tocsr()


def with_data(S, data):
    return FORMATS[S.format]((data, S.indices, S.indptr), shape=S.shape)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("format", FORMATS)
def test_products(format, dtype, rng):
    S = random_matrix(rng, dtype=dtype, format=format)
    X, w = rng.normal(size=(4, 2)).astype(dtype), rng.normal(size=(3, 5)).astype(dtype)
    for f, x, expected in [
        (lambda d, x: with_data(S, d) @ x, X, S @ X),
        (lambda d, x: with_data(S, d).dot(x), X[:, 0], S @ X[:, 0]),
        (lambda d, x: x @ with_data(S, d), w, w @ S),
        (lambda d, x: -2.0 * with_data(S, d).T.conj() @ x, w[0], -2 * (S.conj().T @ w[0])),
        (lambda d, x: with_data(S, d).toarray() @ x, X, S @ X),
    ]:
        np.testing.assert_allclose(opad.linearize(f, S.data, x).value, expected, rtol=1e-13)
        check_derivative(f, S.data, x, raise_on_failure=True)


PLACES = np.array([2, 0, 2, 1]), np.array([1, 0, 1, 2])  # one place twice


@pytest.mark.parametrize(
    "build",
    [
        lambda m, d: m.coo_array((d, PLACES), shape=(3, 3)),
        lambda m, d: m.coo_array((d, PLACES)),
        lambda m, d: m.diags_array([d, d[:3]], offsets=[0, 1], shape=(4, 4)),
        lambda m, d: m.diags_array(d),
        lambda m, d: m.diags_array([d[:2]], offsets=[-1]),
    ],
)
def test_constructors_agree_with_scipy(build, rng):
    data = rng.normal(size=4)
    S = build(scipy.sparse, data)
    assert type(build(sparse, data)) is type(S)
    x = rng.normal(size=S.shape[1])
    np.testing.assert_array_equal(opad.linearize(lambda d: build(sparse, d).toarray(), data).value, S.toarray())
    check_derivative(lambda d: (build(sparse, d) @ x) ** 2, data, raise_on_failure=True)


class Counter:
    """splu, counting factorisations and solves."""

    def __init__(self, monkeypatch):
        self.factorisations = self.solves = 0
        self.splu = scipy.sparse.linalg.splu
        monkeypatch.setattr(scipy.sparse.linalg, "splu", self)

    def __call__(self, *args, **kwargs):
        self.factorisations += 1
        lu, counter = self.splu(*args, **kwargs), self

        class Counted:
            def solve(self, *args):
                counter.solves += 1
                return lu.solve(*args)

        return Counted()


def test_one_factorisation_serves_value_and_derivatives(monkeypatch, rng):
    A, b = laplacian(10), rng.normal(size=100)

    def f(data, b):
        return sparse.linalg.spsolve(with_data(A, data), b)

    counter = Counter(monkeypatch)
    opad.jvp(f, (A.data, b), (A.data, b))
    assert (counter.factorisations, counter.solves) == (1, 2)
    opad.grad(lambda data, b: np.sum(f(data, b)), argnums=(0, 1))(A.data, b)
    assert (counter.factorisations, counter.solves) == (2, 4)
    opad.hvp(lambda data: np.sum(f(data, b) ** 2), (A.data,), (A.data,))
    assert counter.factorisations == 3
    opad.grad(lambda b: np.sum(sparse.linalg.spsolve(A, b)))(b)
    assert counter.factorisations == 4
    opad.jacobian(lambda b: f(A.data, b) ** 2, order="forward")(b)
    assert (counter.factorisations, counter.solves) == (5, counter.solves)


def test_gradient_of_a_laplacian_has_its_pattern(rng):
    """sum x with A x = b: lambda = A^-T 1, gradient in a_ij is -lambda_i x_j."""
    A, b = laplacian(8), rng.normal(size=64)
    gradient = opad.grad(lambda data: np.sum(sparse.linalg.spsolve(with_data(A, data), b)))(A.data)
    assert gradient.shape == A.data.shape
    x, adjoint = np.linalg.solve(A.toarray(), b), np.linalg.solve(A.toarray().T, np.ones(64))
    rows, cols = A.tocoo().coords
    np.testing.assert_allclose(gradient, -adjoint[rows] * x[cols], rtol=1e-12)


def test_nothing_is_made_dense(rng):
    A = laplacian(60)  # 3600 unknowns; the dense matrix has 104 MB
    b = rng.normal(size=3600)
    tracemalloc.start()
    try:
        opad.grad(lambda data: np.sum(sparse.linalg.spsolve(with_data(A, data), b) ** 2))(A.data)
        n = 20_000
        S = scipy.sparse.random_array((n, n), density=10 / n, rng=rng, format="csr")
        X = rng.normal(size=(n, 8))
        values, of_X = opad.grad(lambda d, X: np.sum((with_data(S, d) @ X) ** 2), argnums=(0, 1))(S.data, X)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(of_X, 2 * (S.T @ (S @ X)))
    rows, cols = S.tocoo().coords
    np.testing.assert_allclose(values[:5], 2 * np.sum((S @ X)[rows[:5]] * X[cols[:5]], axis=1))


def test_equal_values_in_a_reused_buffer_are_factorised_again(rng):
    """A factorisation belongs to values, not to the array that held them."""
    A, b = laplacian(4), rng.normal(size=16)
    run = opad.compile(opad.grad(lambda data: np.sum(sparse.linalg.spsolve(with_data(A, data), b))))
    data = A.data.copy()
    first = run(data)
    data *= 2.0
    np.testing.assert_allclose(run(data), first / 4, rtol=1e-12)


def test_what_is_refused():
    A, b = laplacian(3), np.ones(9)
    with pytest.raises(SingularBlockError, match="SuperLU"):
        opad.grad(lambda data: np.sum(sparse.linalg.spsolve(with_data(A, 0 * data), b)))(A.data)
    with pytest.raises(MissingRuleError, match=r"opad\.Row"):
        opad.grad(lambda b: np.sum(sparse.linalg.cg(A, b)[0]))(b)
    with pytest.raises(UnsupportedArgumentError, match="toarray"):
        opad.grad(lambda data: np.sum(sparse.linalg.spsolve(with_data(A, data), A)))(A.data)
    with pytest.raises(UnsupportedArgumentError, match="csr_array"):
        opad.grad(lambda X: np.sum(sparse.csr_array(X) @ b))(A.toarray())
    with pytest.raises(ValueError, match="dimension mismatch"):
        opad.grad(lambda data: np.sum(with_data(A, data) @ np.ones(4)))(A.data)
