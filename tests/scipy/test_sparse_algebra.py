"""Sums, products and parts of sparse matrices with traced stored values, against the dense ones."""

import numpy as np
import pytest
import scipy.sparse

import opad
from opad.errors import OpadError
from opad.scipy import sparse
from opad.testing import check_derivative
from tests.programs.equality import assert_same

S = scipy.sparse.csr_array([[1.0, 0, 2, 0], [0, 3, 0, 0], [4, 0, 0, 5], [0, 0, 6, 7]])
T = scipy.sparse.csc_array([[0.0, 1, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 5, 0, 6]])
DENSE = np.arange(16.0).reshape(4, 4)
DIFFERENCE = scipy.sparse.diags_array([1.0, -1.0], offsets=[0, 1], shape=(7, 8))
TWICE = [0, 2, 0, 1], [1, 3, 1, 0]  # one place twice

# Each is called with a matrix A of a traced kind, or a dense one, and its stored values d.
ALGEBRA = {
    "A + S": lambda A, d, S: A + S,
    "S + A": lambda A, d, S: S + A,
    "A - S": lambda A, d, S: A - S,
    "S - A": lambda A, d, S: S - A,
    "A + A.T": lambda A, d, S: A + A.T,
    "A + A": lambda A, d, S: A + 2 * A,
    "A + dense": lambda A, d, S: A + DENSE,
    "dense - A": lambda A, d, S: DENSE - A,
    "A @ S": lambda A, d, S: A @ S,
    "S @ A": lambda A, d, S: S @ A,
    "A.T @ A": lambda A, d, S: A.T @ A,
    "A @ S @ A": lambda A, d, S: A @ S @ A.T,
    "number * A": lambda A, d, S: d[0] * A - A * d[1] + A / d[2],
    "number * S": lambda A, d, S: d[0] * S + d[1] * A,
    "rows": lambda A, d, S: A[1:3],
    "rows and columns": lambda A, d, S: A[1:][:, [0, 3]],
    "mask": lambda A, d, S: A[np.array([True, False, True, True])],
    "sum of parts": lambda A, d, S: A[:2] + S[2:],
}
VECTORS = {
    "element": lambda A: A[2, 3],
    "absent element": lambda A: A[1, 0] + A[0, 0],
    "sum": lambda A: np.sum(A) + A.sum(axis=0) * A.sum(axis=-1),
    "diagonal": lambda A: A.diagonal(),
    "toarray": lambda A: A.toarray(),
}


def dense(A):
    return A.toarray() if hasattr(A, "toarray") else A


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("name", ALGEBRA)
@pytest.mark.parametrize("make", ["csr", "csc", "coo"])
def test_algebra(name, make, dtype, rng):
    d = rng.uniform(1.0, 2.0, 7).astype(dtype)
    d = d + 1j * d[::-1] if dtype is complex else d
    build = {
        "csr": lambda m, d: m.csr_array((d, S.indices, S.indptr), shape=(4, 4)),
        "csc": lambda m, d: m.csc_array((d, S.indices, S.indptr), shape=(4, 4)),
        "coo": lambda m, d: m.coo_array((d[:4], TWICE), shape=(4, 4)),
    }[make]
    f = lambda d: dense(ALGEBRA[name](build(sparse, d), d, T))  # noqa: E731
    expected = ALGEBRA[name](build(scipy.sparse, d).toarray(), d, T.toarray())
    np.testing.assert_allclose(opad.linearize(f, d).value, expected, rtol=1e-13, atol=1e-13)
    check_derivative(f, d, raise_on_failure=True)


@pytest.mark.parametrize("name", VECTORS)
def test_parts(name, rng):
    d = rng.uniform(1.0, 2.0, 7)
    f = lambda d: VECTORS[name](sparse.csr_array((d, S.indices, S.indptr), shape=(4, 4))) ** 2  # noqa: E731
    expected = VECTORS[name](scipy.sparse.csr_array((d, S.indices, S.indptr), shape=(4, 4))) ** 2
    np.testing.assert_allclose(opad.linearize(f, d).value, dense(expected), rtol=1e-14)
    check_derivative(f, d, raise_on_failure=True)


def test_multiply_scales_rows_and_columns(rng):
    d, v = rng.standard_normal(7), rng.standard_normal(4)
    f = lambda d, v: sparse.csr_array((d, S.indices, S.indptr)).multiply(v[:, None]).multiply(v).toarray()  # noqa: E731
    A = scipy.sparse.csr_array((d, S.indices, S.indptr)).toarray()
    np.testing.assert_allclose(opad.linearize(f, d, v).value, v[:, None] * A * v)
    check_derivative(f, d, v, raise_on_failure=True)


def test_constant_matrices_are_scaled(rng):
    x = rng.uniform(1.0, 2.0, 4)
    for f in (
        lambda x, S: dense(S * x[0] + S / x[1] - x[2] * S),
        lambda x, S: dense(x * S + x[:, None] * S),
    ):
        np.testing.assert_allclose(opad.linearize(lambda x: f(x, T), x).value, f(x, T.toarray()))  # noqa: B023
        check_derivative(lambda x: f(x, T), x, raise_on_failure=True)  # noqa: B023


def test_an_equation_with_a_weight_stays_sparse(rng):
    """min |x - y|^2 + exp(w) |D x|^2 and the sensitivity of its solution, by the same formulas with dense matrices."""
    D, y = DIFFERENCE, rng.standard_normal(8)

    def misfit(w, k):
        A = scipy.sparse.eye_array(8) + np.exp(w) * (D.T @ sparse.diags_array(k) @ D)
        return np.sum(sparse.linalg.spsolve(A, y) ** 2)

    def with_dense_matrices(w, k):
        return np.sum(np.linalg.solve(np.eye(8) + np.exp(w) * D.T.toarray() @ (k[:, None] * D.toarray()), y) ** 2)

    w, k = 0.3, rng.uniform(1.0, 2.0, 7)
    gradient = opad.grad(misfit, argnums=(0, 1))
    expected = opad.grad(with_dense_matrices, argnums=(0, 1))(w, k)
    for found in (gradient(w, k), opad.compile(gradient)(w, k)):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-11)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-11)


def test_one_factorisation_serves_many_steps(rng):
    k, u = rng.uniform(1.0, 2.0, 7), rng.standard_normal(8)

    def steps(k, u):
        A = scipy.sparse.eye_array(8) + DIFFERENCE.T @ sparse.diags_array(k) @ DIFFERENCE
        factors = sparse.linalg.splu(A.tocsc())
        for _ in range(3):
            u = factors.solve(u)
        return u

    check_derivative(steps, k, u, raise_on_failure=True)


@pytest.mark.parametrize(
    "f", [lambda x: S @ x, lambda x: x @ T, lambda x: (x[0] * S) @ x, lambda x: (S * x[0] + T / x[1]) @ x]
)
def test_products_are_recorded(f):
    compiled = opad.compile(f)
    for x in (np.arange(1.0, 5.0), np.ones(4)):
        assert_same(compiled(x), f(x))


def test_what_does_not_fit_is_refused():
    A = lambda d: sparse.csr_array((d, S.indices, S.indptr), shape=(4, 4))  # noqa: E731
    for f in (
        lambda d: A(d)[0],
        lambda d: A(d).multiply(S),
        lambda d: d * S,
        lambda d: np.ones(3) * A(d),
        lambda d: S / d[:4],
    ):
        with pytest.raises((OpadError, ValueError)):
            opad.linearize(f, S.data)
    for f in (lambda d: A(d) + S[:2], lambda d: A(d) @ S[:2]):
        with pytest.raises(ValueError, match=r"inconsistent|mismatch"):
            opad.linearize(f, S.data)
