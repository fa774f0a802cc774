"""einsum as a linear map of one operand, against matrices built one basis element at a time by numpy.einsum."""

import numpy as np
import pytest

import opad.operators as ops
from operators.registry import EINSUMS


@pytest.mark.parametrize("kind", EINSUMS)
def test_every_operand_of_every_kind(kind, rng):
    subscripts, shapes, _ = EINSUMS[kind]
    operands = [rng.standard_normal(shape) + 1j * rng.standard_normal(shape) for shape in shapes]
    for position, X in enumerate(operands):
        op = ops.EinsumOperand(subscripts, operands, position)

        def function(E, position=position):
            return np.einsum(subscripts, *operands[:position], E, *operands[position + 1 :])

        N = X.size
        matrix = np.array([function(e.reshape(X.shape)).reshape(-1) for e in np.eye(N)]).T
        assert op.dimsd == function(X).shape
        np.testing.assert_allclose(op.apply(X), np.einsum(subscripts, *operands))
        np.testing.assert_allclose(op.todense(), matrix, atol=1e-14)
        np.testing.assert_allclose(op.H.todense(), matrix.conj().T, atol=1e-14)


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "bij,bjk->bik", "iij,jk->k"])
def test_large_operands_take_the_optimized_path(subscripts, rng):
    sizes = {"b": 3, "i": 30, "j": 31, "k": 32}
    terms = subscripts.split("->")[0].split(",")
    A, B = (rng.standard_normal([sizes[label] for label in term]) for term in terms)
    op = ops.EinsumOperand(subscripts, [A, B], 0)
    assert op.plan.optimize
    Y = rng.standard_normal((2, *op.dimsd))
    for y, x in zip(Y, op.apply_adjoint(Y), strict=True):
        E = rng.standard_normal(A.shape)
        np.testing.assert_allclose(np.sum(y * np.einsum(subscripts, E, B)), np.sum(x * E), rtol=1e-9)


def test_empty_axes():
    op = ops.EinsumOperand("ij,jk->ik", [np.ones((2, 0)), np.ones((0, 3))], 0)
    assert op.apply(np.ones((2, 0))).shape == (2, 3)
    assert op.apply_adjoint(np.ones((2, 3))).shape == (2, 0)
