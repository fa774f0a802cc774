"""BlockMatrix as a matrix: entries, algebra, conversion, shapes, pictures."""

from fractions import Fraction

import numpy as np
import pylops
import pytest
import scipy.sparse
import scipy.sparse.linalg
import sympy

import opad
from opad.errors import ShapeError
from opad.operators import Hadamard, LeftMultiply, Operator
from opad.testing import check_operator
from tests.blocks.systems import KINDS, triangular, vector


def rectangular(rng, dtype=float):
    """2 x 3 blocks of every kind, one zero row place."""
    entries = {(0, 0): rng.standard_normal((2, 4)), (0, 2): scipy.sparse.csr_array(np.eye(2)), (1, 1): opad.I,
               (1, 0): opad.as_operator(rng.standard_normal((3, 4))), (1, 2): rng.standard_normal((3, 2))}  # fmt: skip
    if np.dtype(dtype).kind == "c":
        entries[1, 2] = entries[1, 2] + 1j
        entries[0, 0] = entries[0, 0] * (1 - 2j)
    return opad.BlockMatrix(entries)


@pytest.mark.parametrize("dtype", [float, complex])
def test_products_and_adjoints_are_those_of_the_dense_matrix(dtype, rng):
    A = rectangular(rng, dtype)
    dense = A.todense()
    assert dense.shape == (5, 9)
    x = [rng.standard_normal(n) for n in (4, 3, 2)]
    y = [rng.standard_normal(n) for n in (2, 3)]
    np.testing.assert_allclose((A @ x).ravel(), dense @ np.concatenate(x))
    np.testing.assert_allclose((A.H @ y).ravel(), dense.conj().T @ np.concatenate(y))
    np.testing.assert_allclose((A.T @ y).ravel(), dense.T @ np.concatenate(y))
    np.testing.assert_allclose(A.H.todense(), dense.conj().T)
    np.testing.assert_allclose(A.T.todense(), dense.T)
    np.testing.assert_allclose(A.H.H.todense(), dense)
    np.testing.assert_allclose(A.tosparse().toarray(), dense)
    assert A.tosparse().format == "csr"


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", KINDS)
def test_sums_and_products_of_block_matrices(left, right, rng):
    A, B = triangular(left, rng), triangular(right, rng, upper=True)
    a, b = A.todense(), B.todense()
    for result, expected in (
        (A + B, a + b), (A - B, a - b), (A @ B, a @ b), (-A, -a), (2.5 * A, 2.5 * a), (A * 2.5, 2.5 * a),
        (A + opad.I, a + np.eye(15)), (opad.I - A, np.eye(15) - a), (A - opad.I, a - np.eye(15)),
        (-A @ B, -a @ b), (A @ -B, -a @ b), (-A - B, -a - b), (2 * -A, -2 * a),
        (A @ (opad.I - B), a @ (np.eye(15) - b)),
        ((opad.I - A) @ (opad.I - B).H, (np.eye(15) - a) @ (np.eye(15) - b).T), (A - A, 0 * a),
    ):  # fmt: skip
        np.testing.assert_allclose(result.todense(), expected, atol=1e-12)
        np.testing.assert_allclose(result.tosparse().toarray(), expected, atol=1e-12)


def test_exact_arithmetic_stays_exact():
    A = opad.BlockMatrix([[Fraction(1, 3), None], [Fraction(1, 7), Fraction(2)]])
    assert (A @ A)[1, 0] == Fraction(1, 21) + Fraction(2, 7)
    assert (A + A)[0, 0] == Fraction(2, 3)
    assert (opad.I - A)[0, 0] == Fraction(2, 3)
    assert A.todense().dtype == object
    assert A.todense()[1, 0] == Fraction(1, 7)
    a = sympy.Symbol("a")
    B = opad.BlockMatrix([[a, None], [1, opad.I]])
    assert (B @ B)[0, 0] == a**2 and (B @ B)[1, 0] == a + 1


def test_entries_are_read_back():
    M = np.eye(2)
    A = opad.BlockMatrix({(0, 0): M, (1, 0): 2.0, (1, 1): opad.I}, (2, 2))
    assert A[0, 0] is M and A[1, 0] == 2.0 and A[0, 1] == 0 and A[-1, -1] is opad.I
    np.testing.assert_array_equal((-A)[0, 0], -M)
    assert A.nnz == 3 and A.shape == (2, 2)
    assert sorted(key for key, _ in A.items()) == [(0, 0), (1, 0), (1, 1)]
    with pytest.raises(IndexError):
        A[2, 0]


def test_zeros_are_structural():
    assert opad.BlockMatrix([[1.0, None], [0, 2.0]]).nnz == 2
    A = opad.BlockMatrix({(0, 0): np.eye(2)}, (2, 2), dims=[(2,), (3,)], dimsd=[(2,), (4,)])
    np.testing.assert_array_equal((A @ [np.ones(2), None])[1], np.zeros(4))
    assert A.todense().shape == (6, 5)
    assert opad.BlockMatrix({}, (2, 2), [(1,)] * 2, [(1,)] * 2).tosparse().nnz == 0


def test_foreign_operators_are_entries(rng):
    M = rng.standard_normal((3, 3))
    A = opad.BlockMatrix({(0, 0): scipy.sparse.linalg.aslinearoperator(M), (1, 0): pylops.MatrixMult(M), (1, 1): M})
    np.testing.assert_allclose(A.todense(), np.block([[M, np.zeros((3, 3))], [M, M]]))


@pytest.mark.parametrize("dtype", [float, complex])
def test_as_linear_operator(dtype, rng):
    op = rectangular(rng, dtype).aslinearoperator()
    assert isinstance(op, Operator) and op.shape == (5, 9)
    np.testing.assert_allclose(op.todense(), rectangular(np.random.default_rng(20230328), dtype).todense())
    check_operator(op).assert_ok()


def test_krylov_solvers_of_scipy(rng):
    A = triangular("mixed", rng)
    b = opad.BlockVector(vector(A, rng))
    x, info = scipy.sparse.linalg.gmres(A.aslinearoperator(), b.ravel(), rtol=1e-12)
    assert info == 0
    np.testing.assert_allclose(opad.BlockVector.from_flat(x, A.dims).ravel(), opad.solve(A, b).ravel(), rtol=1e-6)
    B = rectangular(rng)
    y = rng.standard_normal(5)
    least = scipy.sparse.linalg.lsqr(B.aslinearoperator(), y, atol=1e-14, btol=1e-14)[0]
    np.testing.assert_allclose(least, np.linalg.lstsq(B.todense(), y)[0], atol=1e-8)


def test_shaped_spaces(rng):
    """Blocks between matrices: flattened in C order by todense, ravel and aslinearoperator alike."""
    W = rng.standard_normal((3, 2))
    A = opad.BlockMatrix({(0, 0): LeftMultiply(W, 4), (1, 0): Hadamard(rng.standard_normal((2, 4)))})
    assert A.dims == [(2, 4)] and A.dimsd == [(3, 4), (2, 4)]
    X = rng.standard_normal((2, 4))
    np.testing.assert_allclose((A @ [X]).ravel(), A.todense() @ X.ravel())
    np.testing.assert_allclose((A @ [X]).ravel(), A.aslinearoperator() @ X.ravel())
    np.testing.assert_allclose((A @ [X])[0], W @ X)


# -- errors ---------------------------------------------------------------------------------------------------------


def test_a_block_that_does_not_fit_is_named():
    blocks = {(0, 1): LeftMultiply(np.ones((6, 5)), 4), (3, 0): LeftMultiply(np.ones((5, 2)), 10),
              (3, 1): LeftMultiply(np.ones((4, 5)), 10)}  # fmt: skip
    with pytest.raises(ShapeError, match=r"block \(3, 1\): expected 5 x 4 -> 5 x 10, got 5 x 10 -> 4 x 10"):
        opad.BlockMatrix(blocks)
    with pytest.raises(ShapeError, match=r"block \(1, 0\): expected 2 -> any, got 3 -> 3"):
        opad.BlockMatrix([[np.eye(2)], [np.eye(3)]])
    with pytest.raises(ShapeError, match=r"block \(0, 0\) \[y, x\]: expected 2 -> 5"):
        opad.BlockMatrix([[np.eye(2)]], dims=[(2,)], dimsd=[(5,)], row_names=["y"], column_names=["x"])
    with pytest.raises(ShapeError, match=r"block \(2, 0\) lies outside.*2 x 2"):
        opad.BlockMatrix({(2, 0): 1.0}, shape=(2, 2))


def test_identities_and_numbers_stand_between_equal_spaces():
    A = opad.BlockMatrix({(0, 0): opad.I, (1, 0): 2.0, (1, 1): opad.I, (2, 1): np.ones((4, 3))})
    assert A.dims == [(3,), (3,)] and A.dimsd == [(3,), (3,), (4,)]
    assert A.todense().shape == (10, 6)
    with pytest.raises(ShapeError, match=r"block \(0, 0\): expected 3 -> 2, got the identity"):
        opad.BlockMatrix([[opad.I, np.eye(2)], [np.eye(3), None]])
    with pytest.raises(ShapeError, match=r"block \(0, 0\): expected 3 -> 2, got float"):
        opad.BlockMatrix([[2.0, np.eye(2)], [np.eye(3), None]])


def test_products_and_sums_that_do_not_fit():
    A = opad.BlockMatrix([[np.eye(2), np.ones((2, 3))]])
    with pytest.raises(ShapeError, match="2 block columns met a vector of 1"):
        A @ [np.ones(2)]
    with pytest.raises(ShapeError, match=r"block 1 of the vector has shape \(2,\); expected \(3,\)"):
        A @ [np.ones(2), np.ones(2)]
    with pytest.raises(ShapeError, match=r"\(1, 2\) and \(1, 2\)"):
        A @ A
    with pytest.raises(ShapeError, match=r"\(1, 2\) and \(2, 1\)"):
        A + A.H
    with pytest.raises(ShapeError, match="square"):
        opad.I - A
    with pytest.raises(ShapeError, match="square"):
        opad.BlockMatrix([[np.ones((2, 3))]]) + opad.I
    with pytest.raises(TypeError):
        A - 3


# -- pictures -------------------------------------------------------------------------------------------------------


def test_the_pattern_is_drawn_in_the_terminal():
    blocks = {(0, 0): opad.I, (1, 0): Hadamard(np.ones(3)), (1, 1): np.eye(3), (2, 1): 2.0}
    A = opad.BlockMatrix({**blocks, (2, 0): scipy.sparse.eye_array(3)}, (3, 2), row_names=["a", "bb", "c"])
    assert str(A).splitlines() == [
        "BlockMatrix: 3 x 2 blocks, 5 not zero",
        "   a I .",
        "  bb H m",
        "   c p s",
        "  I identity   H Hadamard   m dense   p sparse   s number",
    ]
    assert repr(A) == "<BlockMatrix of 3 x 2 blocks, 5 not zero>"
    assert str(-A).count("\n") == str(A).count("\n")


def test_the_pattern_of_a_large_system_is_a_density():
    n = 1000
    A = opad.I - opad.BlockMatrix({(i, i - 1): 1.0 for i in range(1, n)}, (n, n))
    text = str(A)
    assert len(text.splitlines()) < 70 and max(map(len, text.splitlines())) < 80
    assert "1000 x 1000 blocks, 1999 not zero" in text and "17 x 17 blocks" in text


def test_html():
    A = opad.BlockMatrix({(0, 0): opad.I, (1, 0): Hadamard(np.ones(3))}, (2, 2))
    html = A._repr_html_()
    assert html.count("<rect") == 2 and "Hadamard" in html and "(1, 0)" in html
    big = opad.I - opad.BlockMatrix({(i, i - 1): 1.0 for i in range(1, 100)}, (100, 100))
    assert "100 x 100" in big._repr_html_()


# -- vectors --------------------------------------------------------------------------------------------------------


def test_block_vectors(rng):
    x = opad.BlockVector([rng.standard_normal((2, 3)), rng.standard_normal(4) + 1j, None])
    y = opad.BlockVector([rng.standard_normal((2, 3)), rng.standard_normal(4), np.ones(2)])
    z = 2.0 * x - y * 3 + -y
    np.testing.assert_allclose(z[0], 2 * x[0] - 4 * y[0])
    np.testing.assert_allclose(z[2], -4 * np.ones(2))
    np.testing.assert_allclose(x @ y, np.vdot(x[0], y[0]) + np.vdot(x[1], y[1]))
    np.testing.assert_allclose((np.float64(2) * x)[1], 2 * x[1])
    np.testing.assert_allclose((y - [y[0], y[1], y[2]]).ravel(), np.zeros(12))
    assert len(x) == 3 and "0" in repr(x) and "(2, 3)" in repr(x)
    again = opad.BlockVector.from_flat(y.ravel(), [(2, 3), (4,), (2,)])
    assert all(np.array_equal(a, b) for a, b in zip(again, y, strict=True))


def test_block_vector_errors():
    with pytest.raises(ShapeError, match=r"blocks \[1\].*unknown shape"):
        opad.BlockVector([np.ones(2), None]).ravel()
    with pytest.raises(ShapeError, match=r"\(5,\).*expected \(4,\)"):
        opad.BlockVector.from_flat(np.ones(5), [(2, 2)])
    with pytest.raises(ShapeError, match="2 blocks met one of 3"):
        opad.BlockVector([1.0, 2.0, 3.0]) - [1.0, 2.0]
