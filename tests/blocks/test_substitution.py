"""One solver for entries of every kind: against dense solves, exact arithmetic and symbols."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.blocks.substitution import back_substitution, forward_substitution
from opad.testing import check_derivative
from tests.blocks.systems import KINDS, fractions, permuted, triangular, vector


def solve_densely(A, b):
    return np.linalg.solve(A.todense(), np.concatenate([np.ravel(block) for block in b]))


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_random_systems(kind, upper, rng):
    for _ in range(5):
        A = triangular(kind, rng, upper=upper)
        b = vector(A, rng)
        x = opad.solve(A, b)
        assert isinstance(x, opad.BlockVector)
        np.testing.assert_allclose(x.ravel(), solve_densely(A, b), rtol=1e-10)
        np.testing.assert_allclose((A @ x).ravel(), np.concatenate(b), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_permuted_systems(kind, rng):
    for _ in range(5):
        A = permuted(triangular(kind, rng), rng.permutation(5))
        b = vector(A, rng)
        np.testing.assert_allclose(opad.solve(A, b).ravel(), solve_densely(A, b), rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_adjoint_and_transposed_complex_systems(kind, rng):
    A = triangular(kind, rng, dtype=complex)
    b = [block + 1j * block[::-1] for block in vector(A, rng)]
    flat = np.concatenate(b)
    np.testing.assert_allclose(opad.solve(A.H, b).ravel(), np.linalg.solve(A.todense().conj().T, flat), rtol=1e-10)
    np.testing.assert_allclose(opad.solve(A.T, b).ravel(), np.linalg.solve(A.todense().T, flat), rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_real_systems_with_complex_right_hand_sides(kind, rng):
    A = triangular(kind, rng)
    b = [block + 1j * block[::-1] for block in vector(A, rng)]
    np.testing.assert_allclose(opad.solve(A, b).ravel(), solve_densely(A, b), rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_stays(kind, rng):
    A = triangular(kind, rng, dtype=np.float32)
    b = vector(A, rng, dtype=np.float32)
    x = opad.solve(A, b)
    assert all(block.dtype == np.float32 for block in x)
    np.testing.assert_allclose(x.ravel(), solve_densely(A, b), rtol=1e-3, atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.floats(0, 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_rational_arithmetic_is_exact_on_random_graphs(seed, count, density, shuffle):
    rng = np.random.default_rng(seed)
    A, dense = fractions(rng, count, density)
    if shuffle:
        order = rng.permutation(count)
        A, dense = permuted(A, order), dense[np.ix_(order, order)]
    b = [Fraction(int(k), 7) for k in rng.integers(-9, 9, count)]
    x = opad.solve(A, b)
    assert all(sum(dense[i, j] * x[j] for j in range(count)) == b[i] for i in range(count))
    y = opad.solve(A.H, b)
    assert all(sum(dense[j, i] * y[j] for j in range(count)) == b[i] for i in range(count))
    # the adjoint identity <A^-1 b, b> = <b, A^-H b>, exactly
    assert sum(u * v for u, v in zip(x, b, strict=True)) == sum(u * v for u, v in zip(b, y, strict=True))


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 3), min_size=1, max_size=7), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_operators_on_random_graphs(seed, sizes, density):
    rng = np.random.default_rng(seed)
    A = permuted(triangular("mixed", rng, sizes, density=density), rng.permutation(len(sizes)))
    b = vector(A, rng)
    np.testing.assert_allclose(opad.solve(A, b).ravel(), solve_densely(A, b), rtol=1e-6, atol=1e-8)


def test_figure_1_with_symbols():
    """(I - L^T)^-1 of the paper's Figure 1: its entries are the path weights."""
    a, b, c, d = sympy.symbols("a b c d")
    L = opad.BlockMatrix({(2, 0): a, (2, 1): b, (3, 2): c, (4, 3): d}, shape=(5, 5))
    expected = [[1, 0, a, a * c, a * c * d], [0, 1, b, b * c, b * c * d], [0, 0, 1, c, c * d],
                [0, 0, 0, 1, d], [0, 0, 0, 0, 1]]  # fmt: skip
    system = opad.I - L
    for k in range(5):
        unit = [int(i == k) for i in range(5)]
        conjugated = [sympy.expand(x) for x in opad.solve(system.T, unit)]
        assert conjugated == [row[k] for row in expected]
    assert [sympy.expand(x) for x in opad.solve(system, [1, 0, 0, 0, 0])] == expected[0]


def test_symbols_on_the_diagonal():
    a, b = sympy.symbols("a b", nonzero=True)
    x = opad.solve(opad.BlockMatrix([[a, None], [b, a]]), [sympy.Integer(1), sympy.Integer(0)])
    assert sympy.simplify(x[0] - 1 / a) == 0
    assert sympy.simplify(x[1] + b / a**2) == 0


class Counted:
    """A number that counts multiplications with numbers of its kind; the products with the 1 of a source are free."""

    count = 0

    def __init__(self, name):
        self.name = name
        self.shape = ()

    def __mul__(self, other):
        if isinstance(other, Counted):
            Counted.count += 1
            return Counted(self.name + other.name)
        return self

    __rmul__ = __mul__

    def __add__(self, other):
        return Counted(f"{self.name}+{other.name}") if isinstance(other, Counted) else self

    __radd__ = __add__

    def __neg__(self):
        return self

    def conjugate(self):
        return self


def test_forward_takes_four_multiplications_and_backward_three():
    a, b, c, d = map(Counted, "abcd")
    rows = [(None, []), (None, []), (None, [(0, a.__mul__), (1, b.__mul__)]), (None, [(2, c.__mul__)]),
            (None, [(3, d.__mul__)])]  # fmt: skip
    Counted.count = 0
    for source in range(2):
        x = [None] * 5
        x[source] = 1
        forward_substitution(rows.__getitem__, x, range(5))
    assert Counted.count == 4  # a, ca, dca and b, cb, dcb: two products each
    columns = [(None, []), (None, []), (None, [(0, a.__mul__), (1, b.__mul__)]), (None, [(2, c.__mul__)]),
               (None, [(3, d.__mul__)])]  # fmt: skip
    Counted.count = 0
    y = [None] * 4 + [1]
    back_substitution(columns.__getitem__, y, range(4, -1, -1))
    assert Counted.count == 3  # cd, acd, bcd
    assert sorted(y[0].name) == list("acd") and sorted(y[1].name) == list("bcd")


def test_floats_need_no_arrays():
    L = opad.BlockMatrix({(1, 0): 2.0, (2, 1): 3.0}, (3, 3))
    assert list(opad.solve(opad.I - L, [1.0, 0, 0])) == [1.0, 2.0, 6.0]
    assert all(isinstance(x, float) for x in opad.solve(opad.I - L, [1.0, 0, 0]))


def test_traced_entries_and_right_hand_sides(rng):
    """The same solve inside a traced program: d/dW and d/db of a functional of (I - L(W))^-1 b."""
    W, b = rng.standard_normal((3, 3)), rng.standard_normal(3)

    def f(W, b):
        x = opad.solve(opad.BlockMatrix([[W + 6 * np.eye(3), None], [W.T, opad.I]]), [b, 2 * b])
        return np.sum(x[0] ** 2) + np.sum(np.sin(x[1]))

    def reference(W, b):
        x0 = np.linalg.solve(W + 6 * np.eye(3), b)
        return np.sum(x0**2) + np.sum(np.sin(2 * b - W.T @ x0))

    np.testing.assert_allclose(f(W, b), reference(W, b))
    check_derivative(f, W, b, raise_on_failure=True)


def test_traced_numbers():
    def f(a, b, c):
        L = opad.BlockMatrix({(1, 0): a, (2, 1): b, (2, 0): a * b, (2, 2): 1.0 - c}, (3, 3))
        return opad.solve(opad.I - L, [c, a, 0])[2]

    # x1 = c, x2 = a + a c, c x3 = b x2 + a b c  =>  x3 = a b (1 + 2 c) / c
    a, b, c = 2.0, 3.0, 4.0
    assert f(a, b, c) == pytest.approx(a * b * (1 + 2 * c) / c)
    np.testing.assert_allclose(opad.grad(f, (0, 1, 2))(a, b, c), [b * 9 / 4, a * 9 / 4, -a * b / c**2])


def test_batch_axes_are_right_hand_sides(rng):
    A = triangular("operator", rng)
    b = vector(A, rng, batch=(2, 3))
    x = opad.solve(A, b)
    for index in np.ndindex(2, 3):
        one = opad.solve(A, [block[index] for block in b])
        for part, expected in zip(x, one, strict=True):
            np.testing.assert_allclose(part[index], expected, rtol=1e-12, atol=1e-12)


def test_columns_for_matrices(rng):
    A = triangular("dense", rng)
    b = [rng.standard_normal((*shape, 4)) for shape in A.dimsd]
    x = opad.solve(A, b)
    np.testing.assert_allclose(np.concatenate(list(x)), np.linalg.solve(A.todense(), np.concatenate(b)), rtol=1e-10)


@pytest.mark.parametrize("kind", [*KINDS, "identity"])
def test_block_matrix_as_right_hand_side(kind, rng):
    A = triangular("mixed" if kind == "identity" else kind, rng)
    if kind == "identity":
        B = opad.BlockMatrix({(i, i): opad.I for i in range(5)}, A.shape, A.dims, A.dims)
    else:
        B = permuted(triangular(kind, rng), rng.permutation(5))
        B = opad.BlockMatrix({k: v for k, v in B.blocks.items() if _fits(A, B, k)}, A.shape, A.dims, B.dims)
    X = opad.solve(A, B)
    assert isinstance(X, opad.BlockMatrix)
    np.testing.assert_allclose(X.todense(), np.linalg.solve(A.todense(), B.todense()), rtol=1e-9, atol=1e-10)
    if kind == "dense":
        assert all(isinstance(entry, np.ndarray | float) or entry is opad.I for _, entry in X.items())


def _fits(A, B, key):
    """Whether a block of the permuted B can stand in the rows of A."""
    return B.dimsd[key[0]] == A.dims[key[0]] and key[0] != key[1]
