"""Solves against the explicit inverse, and the error for a singular matrix."""

import pickle

import numpy as np
import pytest
import scipy.linalg

import opad.operators as ops
from opad.errors import SingularBlockError
from tests.threads import in_threads


def well_conditioned(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape) + 5 * np.eye(shape[-1])


def test_one_vector_and_columns(rng):
    A = well_conditioned(rng, 4, 4)
    inverse = np.linalg.inv(A)
    np.testing.assert_allclose(ops.Solve(A).todense(), inverse, rtol=1e-12)
    np.testing.assert_allclose(ops.Solve(A).H.todense(), inverse.conj().T, rtol=1e-12)
    np.testing.assert_allclose(ops.Solve(A, cols=3).todense(), np.kron(inverse, np.eye(3)), rtol=1e-12)


def test_stacks(rng):
    A = well_conditioned(rng, 2, 3, 3)
    inverses = np.linalg.inv(A)
    np.testing.assert_allclose(ops.Solve(A).todense(), scipy.linalg.block_diag(*inverses), atol=1e-13)
    broadcast = np.vstack([np.kron(inverse, np.eye(2)) for inverse in inverses])
    op = ops.Solve(A, dims=(3, 2))
    np.testing.assert_allclose(op.todense(), broadcast, atol=1e-13)
    np.testing.assert_allclose(op.H.todense(), broadcast.conj().T, atol=1e-13)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("lower", [True, False])
def test_triangles(rng, lower, order):
    A = np.array(well_conditioned(rng, 4, 4), order=order)
    inverse = np.linalg.inv(np.tril(A) if lower else np.triu(A))
    np.testing.assert_allclose(ops.TriangularSolve(A, lower).todense(), inverse, atol=1e-13)
    np.testing.assert_allclose(ops.TriangularSolve(A, lower).H.todense(), inverse.conj().T, atol=1e-13)
    real = ops.TriangularSolve(A.real, lower)
    np.testing.assert_allclose(real.H.todense(), np.linalg.inv(np.tril(A.real) if lower else np.triu(A.real)).T)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("orders", ["CC", "CF", "FC", "FF"])
@pytest.mark.parametrize("cols", [2, 3, 6, 20])
@pytest.mark.parametrize("lower", [True, False])
def test_triangles_with_many_columns(rng, lower, cols, orders, dtype):
    """Solved for by rows of the transpose, if they are many; NaN in the other triangle is not read."""
    A = rng.standard_normal((6, 6)) + 4 * np.eye(6)
    triangle = np.tril(A) if lower else np.triu(A)
    A = np.array(np.where(triangle == 0, np.nan, A), dtype, order=orders[0])
    X = np.array(rng.standard_normal((6, cols)), dtype, order=orders[1])
    op, inverse, tolerance = ops.TriangularSolve(A, lower, cols), np.linalg.inv(triangle), 100 * np.finfo(dtype).eps
    for found, expected in ((op.apply(X), inverse @ X), (op.apply_adjoint(X), inverse.T @ X)):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize("cols", [1, 2, 4])
def test_the_first_pivot_that_is_zero_is_named(cols):
    op = ops.TriangularSolve(np.array([[1.0, 0.0, 0.0], [5.0, 0.0, 0.0], [5.0, 5.0, 0.0]]), cols=cols)
    with pytest.raises(SingularBlockError, match="pivot 1 "):
        op.apply(np.ones((3, cols)))


def test_a_real_matrix_solves_complex_right_hand_sides(rng):
    A = rng.standard_normal((3, 3)) + 3 * np.eye(3)
    b = rng.standard_normal(3) + 1j * rng.standard_normal(3)
    for op, matrix in [(ops.Solve(A), A), (ops.TriangularSolve(A), np.tril(A))]:
        np.testing.assert_allclose(matrix @ op.apply(b), b)
        np.testing.assert_allclose(matrix.T @ op.apply_adjoint(b), b)
        np.testing.assert_allclose(matrix @ op.apply(b.real), b.real)


def test_one_factorisation(rng, monkeypatch):
    """Every solve in both directions uses the factors of the first."""
    from opad.operators import solve

    counts = {"getrf": 0}
    genuine = solve._lapack

    def counting(names, char):
        counts["getrf"] += names == ("getrf",)
        return genuine(names, char)

    monkeypatch.setattr(solve, "_lapack", counting)
    op = ops.Solve(well_conditioned(rng, 4, 4))
    for _ in range(3):
        op.apply(np.ones(4))
        op.apply_adjoint(np.ones((5, 4)))
    assert counts["getrf"] == 1


def test_the_factors_are_not_pickled(rng):
    op = ops.Solve(rng.standard_normal((30, 30)))
    size = len(pickle.dumps(op))
    op.apply(np.ones(30))
    assert len(pickle.dumps(op)) == size


@pytest.mark.parametrize(
    "op",
    [
        ops.Solve(np.ones((2, 2))),
        ops.Solve(np.zeros((3, 2, 2))),
        ops.TriangularSolve(np.array([[1.0, 0.0], [1.0, 0.0]])),
        ops.TriangularSolve(np.zeros((3, 2, 2)), cols=1),
    ],
)
def test_a_singular_matrix_raises(op):
    with pytest.raises(SingularBlockError, match=r"singular matrix of shape .*expected .*regularise"):
        op.apply(np.ones(op.dims))
    with pytest.raises(SingularBlockError):
        op.apply_adjoint(np.ones(op.dims))


def test_one_factorisation_for_several_threads(rng):
    """LAPACK runs without the lock of Python, and SciPy's getrs changes the pivots meanwhile."""
    A, X = rng.standard_normal((60, 60)), rng.standard_normal((60, 4))
    op = ops.Solve(A, cols=4)
    expected, wrong = op.apply(X), []

    def work(_):
        wrong.extend(k for k in range(1000) if not np.array_equal(op.apply(X), expected))

    in_threads(work, range(4))
    assert not wrong
