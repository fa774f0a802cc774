"""Elementwise and real-linear operators against their definitions."""

import numpy as np
import pytest

import opad.operators as ops
from opad.errors import RealLinearError


def test_broadcast_hadamard_is_a_diagonal_times_a_broadcast(rng):
    M = rng.standard_normal((4, 1, 3)) + 1j * rng.standard_normal((4, 1, 3))
    op = ops.BroadcastHadamard(M, (2, 1), (4, 2, 3))
    matrix = np.array([(M * e.reshape(2, 1)).reshape(-1) for e in np.eye(2)]).T
    np.testing.assert_allclose(op.todense(), matrix)
    np.testing.assert_allclose(op.H.todense(), matrix.conj().T)


def test_broadcasting_beyond_the_data(rng):
    """X and M together may still be smaller than the result."""
    op = ops.BroadcastHadamard(np.array([1.0, 2.0]), (3, 1), (4, 3, 2))
    X = rng.standard_normal((3, 1))
    np.testing.assert_allclose(op.apply(X), np.broadcast_to(X * [1.0, 2.0], (4, 3, 2)))
    np.testing.assert_allclose(op.apply(X[None]), op.apply(X)[None])


REAL_FORMS = {
    "RealPart": (ops.RealPart((1,)), [[1, 0], [0, 0]]),
    "ImaginaryPart": (ops.ImaginaryPart((1,)), [[0, 1], [0, 0]]),
    "Conjugate": (ops.Conjugate((1,)), [[1, 0], [0, -1]]),
    "Cast": (ops.Cast((1,), np.dtype(float), np.dtype(complex)), [[1, 0], [0, 0]]),
}


@pytest.mark.parametrize("name", REAL_FORMS)
def test_real_linear_maps_on_real_and_imaginary_parts(name):
    op, matrix = REAL_FORMS[name]
    np.testing.assert_array_equal(op.as_real().todense(), matrix)
    np.testing.assert_array_equal(op.as_real().H.todense(), np.transpose(matrix))
    for use in (lambda: op.T, op.todense, lambda: (2 * op @ op).todense()):
        with pytest.raises(RealLinearError, match="as_real"):
            use()


def test_a_cast_between_real_precisions_keeps_imaginary_parts_of_complex_columns():
    op = ops.Cast((2,), np.dtype(np.float32), np.dtype(np.float64))
    z = np.array([1 + 2j, 3j])
    np.testing.assert_array_equal(op.apply(z), z)
    np.testing.assert_array_equal(op.apply_adjoint(z), z)
    assert op.apply_adjoint(z).dtype == np.complex64


def test_the_dtype_of_a_scaling_is_that_of_its_scalar():
    assert ops.Scaling(2.0, (2,)).dtype == float
    assert ops.Scaling(2j, (2,)).dtype == complex
    assert ops.Scaling(np.float32(2), (2,)).dtype == np.float32
