"""Diagonal blocks of every kind, and the errors of those that cannot be solved."""

import numpy as np
import pytest
import scipy.sparse

import opad
from opad.blocks import entries
from opad.errors import ConvergenceError, CyclicSystemError, RealLinearError, ShapeError, SingularBlockError
from opad.operators import Hadamard, LeftMultiply


class Triangle(opad.Operator):
    """A lower bidiagonal matrix with a solve of its own, which counts."""

    def __init__(self, n):
        self.dims = self.dimsd = (n,)
        self.calls = []

    def apply(self, X):
        Y = 2.0 * X
        Y[..., 1:] -= X[..., :-1]
        return Y

    def apply_adjoint(self, Y):
        X = 2.0 * Y
        X[..., :-1] -= Y[..., 1:]
        return X

    def solve(self, Y):
        self.calls.append("solve")
        return np.linalg.solve(self.todense(), Y[..., None])[..., 0]

    def solve_adjoint(self, X):
        self.calls.append("solve_adjoint")
        return np.linalg.solve(self.todense().T, X[..., None])[..., 0]


def system(block, n):
    """[[S, 0], [I, I]]"""
    return opad.BlockMatrix({(0, 0): block, (1, 0): opad.I, (1, 1): opad.I}, dims=[(n,)] * 2, dimsd=[(n,)] * 2)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("n", [4, 600])
def test_operators_without_a_solve(n, batch, rng):
    """Dense factorisation up to DENSE_LIMIT unknowns, GMRES above."""
    assert 4 <= entries.DENSE_LIMIT < 600
    shift = opad.operators.Roll((n,), 1)
    S = 3.0 * opad.operators.Identity((n,)) + shift
    b = rng.standard_normal((*batch, n))
    for A, matrix in ((system(S, n), S.todense()), (system(S, n).H, S.todense().T)):
        x = opad.solve(A, [b, b])
        residual = A @ x
        np.testing.assert_allclose(residual[0], b, atol=1e-9)
        np.testing.assert_allclose(residual[1], b, atol=1e-9)
        assert matrix.shape == (n, n)


def test_gmres_in_single_and_complex_precision(rng):
    n = 600
    for dtype, tolerance in ((np.float32, 1e-3), (np.complex128, 1e-9), (np.complex64, 1e-3)):
        S = Hadamard(np.linspace(1, 2, n).astype(dtype)) + opad.operators.Roll((n,), 1) * 0.1
        b = rng.standard_normal(n).astype(dtype)
        x = opad.solve(system(S, n), [b, None])
        assert x[0].dtype == dtype
        np.testing.assert_allclose(S @ x[0], b, atol=tolerance)


def test_gmres_leaves_zero_right_hand_sides_alone():
    n = 600
    S = 3.0 * opad.operators.Identity((n,)) + opad.operators.Roll((n,), 1)
    x = opad.solve(system(S, n), [np.zeros(n), np.ones(n)])
    np.testing.assert_array_equal(x[0], 0)


def test_the_own_solve_is_used_in_both_directions():
    S = Triangle(4)
    b = np.arange(4.0)
    for A, call in ((system(S, 4), "solve"), (system(S, 4).H, "solve_adjoint")):
        S.calls.clear()
        x = opad.solve(A, [b, b])
        assert S.calls == [call]
        np.testing.assert_allclose(x.ravel(), np.linalg.solve(A.todense(), np.concatenate([b, b])))


def test_i_minus_l_gives_the_own_solve_back():
    """S on the diagonal of I - L stands as I - S on that of L; S and its solve come back, at no cost."""
    S = Triangle(3)
    L = opad.BlockMatrix({(0, 0): opad.operators.Identity((3,)) - S, (1, 0): opad.I}, (2, 2))
    lin = opad.BlockMatrix({(0, 0): opad.operators.structural.IdentityMinus(S), (1, 0): opad.I}, (2, 2))
    assert (opad.I - lin)[0, 0] is S
    assert (opad.I - lin).H[0, 0].solve.__func__ is Triangle.solve_adjoint
    for matrix in (L, lin):
        np.testing.assert_allclose((opad.I - matrix).todense()[:3, :3], S.todense())


def test_sparse_and_dense_blocks_of_all_dtypes(rng):
    dense = rng.standard_normal((4, 4)) + 4 * np.eye(4)
    for block in (dense, scipy.sparse.csr_array(dense), scipy.sparse.csc_matrix(dense), scipy.sparse.coo_array(dense),
                  np.asfortranarray(dense), (10 * dense).astype(int), -dense):  # fmt: skip
        matrix = block.toarray() if scipy.sparse.issparse(block) else block
        for b in (np.arange(4.0), np.arange(4.0) + 1j, np.arange(4.0, dtype=np.float32), np.arange(4)):
            x = opad.solve(system(block, 4), [b, None])
            np.testing.assert_allclose(matrix @ x[0], b, atol=1e-5)


def test_negated_blocks(rng):
    dense = rng.standard_normal((3, 3)) + 3 * np.eye(3)
    for block in (dense, scipy.sparse.csr_array(dense), opad.as_operator(dense), 2.0, opad.I):
        A = -system(block, 3)
        x = opad.solve(A, [np.ones(3), np.ones(3)])
        np.testing.assert_allclose(x.ravel(), np.linalg.solve(A.todense(), np.ones(6)))


SINGULAR = {
    "dense": np.ones((3, 3)),
    "sparse": scipy.sparse.csr_array(np.diag([1.0, 0.0, 1.0])),
    "operator": Hadamard(np.array([1.0, 0.0, 1.0])),
    "number": 0.0,
    "missing": None,
}


@pytest.mark.filterwarnings("ignore:Matrix is exactly singular")
@pytest.mark.parametrize("kind", SINGULAR)
def test_a_singular_block_is_named(kind):
    blocks = {(0, 0): opad.I, (1, 0): np.eye(3), (2, 1): np.eye(3), (1, 1): SINGULAR[kind], (2, 2): opad.I}
    A = opad.BlockMatrix(blocks, (3, 3), row_names=["x", "y", "z"], column_names=["x", "y", "z"])
    with pytest.raises(SingularBlockError, match=r"\(1, 1\) \[y, y\].*[Ee]xpected.*"):
        opad.solve(A, [np.ones(3)] * 3)


def test_blocks_that_are_not_square_are_named():
    for block in (np.ones((3, 2)), scipy.sparse.csr_array(np.ones((3, 2))), opad.as_operator(np.ones((3, 2)))):
        with pytest.raises(SingularBlockError, match=r"\(0, 0\).*3 x 2, not square"):
            opad.solve(opad.BlockMatrix([[block]]), [np.ones(3)])


def test_gmres_that_does_not_converge_names_the_block_and_the_residual():
    n = 600
    shift = opad.operators.Roll((n,), 1)  # GMRES needs n steps for a cyclic shift
    with pytest.raises(ConvergenceError, match=r"\(0, 0\).*residual 1\.0e\+00; expected 1e-12.*`solve` method"):
        opad.solve(system(shift, n), [np.eye(1, n)[0], None])


def test_real_linear_blocks_need_a_solve_of_their_own():
    with pytest.raises(RealLinearError, match=r"\(0, 0\).*as_real"):
        opad.solve(system(opad.operators.Conjugate((3,)), 3), [np.ones(3) * 1j, None])


# -- circles --------------------------------------------------------------------------------------------------------


def circle(rng, sizes=(2, 3, 1, 4)):
    """Variables 1 and 2 need each other."""
    n = sizes

    def block(i, j):
        return rng.standard_normal((n[i], n[j])) + (4 * np.eye(n[i]) if i == j else 0)

    places = [(0, 0), (1, 1), (1, 0), (1, 2), (2, 1), (2, 2), (3, 2), (3, 3)]
    return opad.BlockMatrix({place: block(*place) for place in places})


def test_a_circle_is_named(rng):
    A = circle(rng)
    with pytest.raises(CyclicSystemError, match=r"x1 -> x2 -> x1.*cycles='solve'"):
        opad.solve(A, [np.ones(n) for (n,) in A.dims])
    A.row_names = A.column_names = ["p", "u", "v", "q"]
    with pytest.raises(CyclicSystemError, match="u -> v -> u"):
        opad.solve(A, [np.ones(n) for (n,) in A.dims])


@pytest.mark.parametrize("operators", [False, True])
def test_a_circle_is_solved_on_request(operators, rng):
    A = circle(rng)
    if operators:
        A = opad.BlockMatrix({key: opad.as_operator(entry) for key, entry in A.blocks.items()})
    b = [rng.standard_normal(n) for (n,) in A.dims]
    for matrix in (A, A.H):
        x = opad.solve(matrix, b, cycles="solve")
        np.testing.assert_allclose(x.ravel(), np.linalg.solve(matrix.todense(), np.concatenate(b)))
    x = opad.solve(A, [None, b[1], None, None], cycles="solve")
    np.testing.assert_allclose((A @ x)[1], b[1])


def test_circles_with_batches_and_own_solves(rng):
    A = circle(rng)
    S = Triangle(2)
    A = opad.BlockMatrix({k: S if k == (0, 0) else opad.as_operator(v) for k, v in A.blocks.items()})
    b = [rng.standard_normal((5, n)) for (n,) in A.dims]
    x = opad.solve(A, b, cycles="solve")
    assert S.calls == ["solve"]
    for k in range(5):
        expected = np.linalg.solve(A.todense(), np.concatenate([block[k] for block in b]))
        np.testing.assert_allclose(np.concatenate([part[k] for part in x]), expected)


def test_a_singular_circle_is_named(rng):
    A = opad.BlockMatrix([[1.0, 1.0, None], [1.0, 1.0, None], [1.0, None, 1.0]])
    with pytest.raises(SingularBlockError, match=r"group \[0, 1\]"):
        opad.solve(A, [1.0, 1.0, 1.0], cycles="solve")


def test_long_chains_need_no_recursion():
    n = 20_000
    A = opad.BlockMatrix({(i, j): 1.0 for i in range(n) for j in (i, i - 1) if j >= 0}, (n, n))
    assert opad.solve(A, [1.0] + [0] * (n - 1))[n - 1] == -1.0
    order = np.random.default_rng(0).permutation(n)
    shuffled = opad.BlockMatrix({(order[i], order[j]): entry for (i, j), entry in A.blocks.items()}, (n, n))
    b = np.zeros(n)
    b[order[0]] = 1.0
    assert opad.solve(shuffled, b)[order[n - 1]] == -1.0


# -- shapes ---------------------------------------------------------------------------------------------------------


def test_wrong_right_hand_sides_are_named(rng):
    A = opad.BlockMatrix({(0, 0): opad.I, (1, 0): LeftMultiply(np.ones((4, 5)), 2), (1, 1): opad.I})
    with pytest.raises(ShapeError, match=r"block 1 of the right-hand side has shape \(4, 3\); expected \(4, 2\)"):
        opad.solve(A, [np.ones((5, 2)), np.ones((4, 3))])
    with pytest.raises(ShapeError, match=r"2 block rows in A and 3 in b"):
        opad.solve(A, [1.0, 1.0, 1.0])
    with pytest.raises(ShapeError, match="1 x 2 blocks; expected a square"):
        opad.solve(opad.BlockMatrix([[1.0, 2.0]]), [1.0])
    B = opad.BlockMatrix([[np.eye(3), None], [np.ones((2, 3)), opad.I]])
    with pytest.raises(ShapeError, match=r"block 0 of the right-hand side has shape \(2,\); expected \(3,\)"):
        opad.solve(B, [np.ones(2), np.ones(2)])
