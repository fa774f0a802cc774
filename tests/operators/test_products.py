"""Products against numpy.kron, the paper's matrices, and matrices built element by element."""

import numpy as np
import pytest

import opad.operators as ops


def complex_array(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def matrix_by_loops(function, dims, dimsd):
    """The matrix of a linear function of arrays, one basis element at a time."""
    columns = []
    for index in np.ndindex(*dims):
        E = np.zeros(dims, complex)
        E[index] = 1
        columns.append(function(E).reshape(-1))
    return np.array(columns).T.reshape(int(np.prod(dimsd)), int(np.prod(dims)))


def test_the_papers_table_in_column_stacking_order(rng):
    B, A, M = complex_array(rng, 3, 4), complex_array(rng, 4, 2), complex_array(rng, 3, 4)
    left, right = ops.LeftMultiply(B, 5), ops.RightMultiply(A, 3)
    np.testing.assert_allclose(left.todense(order="F"), np.kron(np.eye(5), B))
    np.testing.assert_allclose(right.todense(order="F"), np.kron(A.T, np.eye(3)))
    np.testing.assert_allclose(ops.Hadamard(M).todense(order="F"), np.diag(M.reshape(-1, order="F")))
    np.testing.assert_allclose(ops.InnerProduct(M).todense(order="F")[0], M.conj().reshape(-1, order="F"))


@pytest.mark.parametrize("shapes", [((3, 4), (2, 5)), ((1, 6), (6, 1)), ((2, 2), (2, 2))])
def test_kronecker_is_numpys(rng, shapes):
    A, B = (complex_array(rng, *shape) for shape in shapes)
    np.testing.assert_allclose(ops.Kronecker(A, B).todense(), np.kron(A, B))
    np.testing.assert_allclose(ops.Kronecker(A, B).H.todense(), np.kron(A, B).conj().T)
    np.testing.assert_allclose(ops.Kronecker(B, A).todense(order="F"), np.kron(A, B))


def test_inner_product_is_vdot(rng):
    G, X = complex_array(rng, 3, 4), complex_array(rng, 3, 4)
    np.testing.assert_allclose(ops.InnerProduct(G).apply(X), np.vdot(G, X))
    np.testing.assert_allclose(ops.InnerProduct(G.real).apply(X.real), np.trace(G.real.T @ X.real))


def test_transpose_dot_algebra(rng):
    """G^T. A = (A^T G)^T. for every linear operator A: a row of operators turned round into one matrix."""
    G, A = complex_array(rng, 3, 2), ops.LeftMultiply(complex_array(rng, 3, 4), 2)
    np.testing.assert_allclose(
        (ops.InnerProduct(G) @ A).todense(), ops.InnerProduct(A.apply_adjoint(G)).todense(), rtol=1e-13
    )


def test_vectors(rng):
    A, x = complex_array(rng, 3, 4), complex_array(rng, 4)
    cases = [
        (ops.MatrixVector(A), lambda v: A @ v),
        (ops.VectorOfMatrix(x, 3), lambda X: X @ x),
        (ops.VectorTimesMatrix(x, 2), lambda X: x @ X),
    ]
    for op, function in cases:
        matrix = matrix_by_loops(function, op.dims, op.dimsd)
        np.testing.assert_allclose(op.todense(), matrix)
        np.testing.assert_allclose(op.H.todense(), matrix.conj().T)


@pytest.mark.parametrize(
    ("stack", "dims"),
    [((), (2, 4, 3)), ((2,), (4, 3)), ((2, 1), (3, 4, 3)), ((2, 3), (1, 4, 3)), ((3,), (2, 1, 4, 3))],
)
def test_stacks_are_numpys_matmul(rng, stack, dims):
    A, B = complex_array(rng, *stack, 2, 4), complex_array(rng, *stack, 3, 2)
    for op, function in [
        (ops.StackedLeftMultiply(A, dims), lambda X: np.matmul(A, X)),
        (ops.StackedRightMultiply(B, dims), lambda X: np.matmul(X, B)),
    ]:
        matrix = matrix_by_loops(function, op.dims, op.dimsd)
        np.testing.assert_allclose(op.todense(), matrix, atol=1e-14)
        np.testing.assert_allclose(op.H.todense(), matrix.conj().T, atol=1e-14)
        batch = complex_array(rng, 2, 3, *dims)
        by_hand = [[function(x) for x in row] for row in batch]
        np.testing.assert_allclose(op.apply(batch), by_hand, atol=1e-13)


@pytest.mark.parametrize("make", [lambda B: ops.LeftMultiply(B, 1), ops.MatrixVector, ops.Matrix])
def test_many_columns_are_one_product(rng, make):
    """A product object counts the calls: 512 right-hand sides are one matrix product in both directions."""

    class Counting(np.ndarray):
        calls = 0

        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            Counting.calls += ufunc is np.matmul
            plain = [x.view(np.ndarray) if isinstance(x, np.ndarray) else x for x in inputs]
            return getattr(ufunc, method)(*plain, **kwargs)

    B = rng.standard_normal((6, 5))
    op = make(B.view(Counting))
    X, Y = rng.standard_normal((5, 512)), rng.standard_normal((6, 512))
    np.testing.assert_allclose(op.matmat(X), B @ X)
    np.testing.assert_allclose(op.rmatmat(Y), B.T @ Y)
    assert Counting.calls == 2


def test_adjoint_matrix_of_real_data_is_a_view(rng):
    A = rng.standard_normal((2, 3, 4))
    assert np.shares_memory(ops.adjoint_matrix(A), A)
    C = complex_array(rng, 2, 3)
    np.testing.assert_array_equal(ops.adjoint_matrix(C), C.conj().T)
