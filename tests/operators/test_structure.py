"""Stored forms of operators: every one in the registry that has a form has the right one."""

import numpy as np
import pytest
import scipy.sparse

import opad
from opad.operators import CumulativeSum, Hadamard, LeftMultiply, Scaling
from opad.operators.structure import Diagonal, add_forms, late_structure_of, structure_of
from tests.operators.registry import BUILDERS


def as_dense(form, shape):
    if np.shape(form) == ():
        return form * np.eye(*shape)
    return form if isinstance(form, np.ndarray) else form.toarray()


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("name", BUILDERS)
def test_form_is_the_matrix(name, dtype, rng):
    op = BUILDERS[name](rng, dtype)
    form, late = structure_of(op), late_structure_of(op)
    for found in (form, late):
        if found is not None:
            assert op.clinear
            np.testing.assert_allclose(as_dense(found, op.shape), op.todense(), rtol=1e-13, atol=1e-13)
    assert form is None or late is None


@pytest.mark.parametrize("name", BUILDERS)
def test_composites_of_forms(name, rng):
    op = BUILDERS[name](rng, np.complex128)
    if structure_of(op) is None or not op.clinear:
        return
    for composite in (op.H, op.T, 2j * op, op.H @ op, op.H @ op + 3 * op.H @ op):
        np.testing.assert_allclose(
            as_dense(structure_of(composite), composite.shape), composite.todense(), rtol=1e-12, atol=1e-12
        )


def test_most_selections_are_sparse_with_int32_indices(rng):
    form = structure_of(opad.operators.Index((slice(1, None),), (5,)))
    assert scipy.sparse.issparse(form) and form.indices.dtype == np.int32 and form.nnz == 4


def test_numbers_for_multiples_of_the_identity():
    assert structure_of(Scaling(2.5, (3,))) == 2.5
    assert structure_of(Hadamard(np.float64(2.5), ())) == 2.5
    assert structure_of(CumulativeSum((4,), 0)) is None


def test_own_structure_is_taken():
    class Shift(opad.Operator):
        dims = dimsd = (3,)

        def structure(self):
            return scipy.sparse.csr_array(np.eye(3, k=1))

    np.testing.assert_array_equal(structure_of(Shift()).toarray(), np.eye(3, k=1))


def test_late_structure_of_the_adjoint(rng):
    op = LeftMultiply(rng.standard_normal((2, 3)), cols=2).H
    np.testing.assert_allclose(late_structure_of(op).toarray(), op.todense())


@pytest.mark.parametrize("a", [2.0, Diagonal(np.arange(3.0)), scipy.sparse.csr_array(np.eye(3, k=1)), np.ones((3, 3))])
@pytest.mark.parametrize("b", [5.0, Diagonal(np.ones(3)), scipy.sparse.csr_array(np.eye(3)), np.eye(3)])
def test_sums_of_forms(a, b):
    np.testing.assert_array_equal(as_dense(add_forms(a, b, 3), (3, 3)), as_dense(a, (3, 3)) + as_dense(b, (3, 3)))


def test_diagonal_products():
    D, S, A = Diagonal(np.array([1.0, 2.0, 3.0])), scipy.sparse.csr_array(np.eye(3, k=1)), np.arange(9.0).reshape(3, 3)
    dense = D.toarray()
    np.testing.assert_array_equal((D @ S).toarray(), dense @ S.toarray())
    np.testing.assert_array_equal(D.__rmatmul__(S).toarray(), S.toarray() @ dense)
    np.testing.assert_array_equal(A @ D, A @ dense)
    np.testing.assert_array_equal(D @ A, dense @ A)
    np.testing.assert_array_equal(D.tocsr().toarray(), dense)
    assert D.T is D and D.shape == (3, 3)
