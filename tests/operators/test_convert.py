"""as_operator: everything that can be read as a linear map, and the errors for what cannot."""

import numpy as np
import pylops
import pytest
import scipy.sparse
import scipy.sparse.linalg

import opad.operators as ops
from opad.errors import ConversionError, ShapeError
from opad.operators import as_operator

A = np.arange(24.0).reshape(6, 4)


class Minimal:
    """Nothing but what the message of the error asks for."""

    shape = A.shape
    dtype = A.dtype

    def matvec(self, x):
        return A @ x

    def rmatvec(self, y):
        return A.T @ y


SOURCES = {
    "array": A,
    "integers": A.astype(int),
    "sparse array": scipy.sparse.csr_array(A),
    "sparse matrix": scipy.sparse.coo_matrix(A),
    "scipy": scipy.sparse.linalg.aslinearoperator(A),
    "pylops": pylops.MatrixMult(A, dtype=A.dtype),
    "opad": ops.MatrixVector(A),
    "minimal": Minimal(),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_sources(kind):
    op = as_operator(SOURCES[kind])
    assert isinstance(op, ops.Operator)
    np.testing.assert_allclose(op.todense(), A)
    np.testing.assert_allclose(op.H.todense(), A.T)
    shaped = as_operator(SOURCES[kind], dims=[2, 2], dimsd=(3, 2))
    assert (shaped.dims, shaped.dimsd) == ((2, 2), (3, 2))
    X = np.arange(24.0).reshape(6, 2, 2)
    np.testing.assert_allclose(shaped.apply(X), (X.reshape(6, 4) @ A.T).reshape(6, 3, 2))


def test_an_operator_is_returned_as_it_is():
    op = ops.MatrixVector(A)
    assert as_operator(op) is op
    assert as_operator(op, dims=4) is op


def test_numbers():
    np.testing.assert_array_equal(as_operator(3.0, dims=(2,)).todense(), 3 * np.eye(2))
    np.testing.assert_array_equal(as_operator(np.float64(3), dims=2, dimsd=2).todense(), 3 * np.eye(2))


@pytest.mark.parametrize(
    ("x", "dims", "dimsd", "error", "message"),
    [
        ("text", None, None, ConversionError, "object of type str; expected a two-dimensional array"),
        (np.ones(3), None, None, ConversionError, r"ndarray and shape \(3,\); expected .* Reshape"),
        (np.array([["a"]]), None, None, ConversionError, "dtype <U1; expected numbers"),
        (A, (3,), None, ShapeError, r"dims=\(3,\).*expected 4 elements. Pass"),
        (A, None, (5, 2), ShapeError, r"dimsd=\(5, 2\).*expected 6 elements"),
        (ops.MatrixVector(A), (3,), None, ShapeError, "expected 4 elements"),
        (A, "four", None, ShapeError, "dims is 'four'; expected a tuple"),
        (2.0, None, None, ShapeError, "needs dims"),
        (2.0, (2,), (3,), ShapeError, "same shape"),
    ],
)
def test_errors_say_what_was_given_expected_and_to_do(x, dims, dimsd, error, message):
    with pytest.raises(error, match=message):
        as_operator(x, dims, dimsd)


def test_an_object_with_a_shape_only():
    class Shaped:
        shape = (2, 2)

    with pytest.raises(ConversionError, match="matvec and rmatvec"):
        as_operator(Shaped())
