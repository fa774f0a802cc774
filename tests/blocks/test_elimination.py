"""Vertex elimination on block systems: every order gives the same Jacobian, for entries of any kind."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.blocks.accumulation import Accumulation
from opad.blocks.elimination import Elimination, EliminationProgram, graph_of
from opad.blocks.entries import I
from opad.errors import CyclicSystemError, EliminationOrderError, ShapeError
from opad.operators import Hadamard
from tests.blocks.dags import block_system, dags, number_system, reference

ORDERS = ("auto", "forward", "reverse", "markowitz", "markowitz_last", "minimum_fill", "single_use_first", "exact")


@settings(max_examples=60, deadline=None)
@given(dags(), st.integers(0, 10**6))
def test_every_order_is_exact_in_fractions(dag, seed):
    predecessors, inputs, outputs = dag
    rng = np.random.default_rng(seed)
    L, D = number_system(predecessors, inputs, rng)
    inner = Elimination(L, D, outputs).order("forward")
    found = [opad.eliminate(L, D, outputs, order) for order in (*ORDERS, rng.permutation(inner))]
    expected = _solved_exactly(L, D, outputs)
    for J in found:
        assert {(k, j): J[k, j] for k in range(len(outputs)) for j in range(inputs)} == expected


def _solved_exactly(L, D, outputs):
    """Forward substitution in Fractions, column by column."""
    columns = []
    for j in range(D.shape[1]):
        x = []
        for i in range(L.shape[0]):
            x.append(D[i, j] + sum((L[i, k] * x[k] for k in range(i)), start=Fraction(0)))
        columns.append(x)
    return {(k, j): columns[j][row] for k, row in enumerate(outputs) for j in range(D.shape[1])}


@settings(max_examples=60, deadline=None)
@given(dags(), st.integers(0, 10**6))
def test_every_order_agrees_for_blocks_of_every_kind(dag, seed):
    predecessors, inputs, outputs = dag
    rng = np.random.default_rng(seed)
    L, D = block_system(predecessors, inputs, rng)
    expected = reference(L, D, outputs)
    inner = Elimination(L, D, outputs).order("forward")
    for order in (*ORDERS, rng.permutation(inner)):
        J = opad.eliminate(L, D, outputs, order)
        np.testing.assert_allclose(J.todense(), expected, rtol=1e-12, atol=1e-12 * _scale(L, D))


@settings(max_examples=60, deadline=None)
@given(dags(), st.integers(0, 10**6), st.booleans())
def test_programs_with_structured_arithmetic_agree(dag, seed, sparse):
    predecessors, inputs, outputs = dag
    rng = np.random.default_rng(seed)
    L, D = block_system(predecessors, inputs, rng)
    graph = graph_of(L, D, outputs)
    arithmetic = Accumulation(sparse=sparse)
    table = dict.fromkeys(graph.copies.items(), I)
    for matrix, offset in ((L, inputs), (D, 0)):
        for (i, j), entry in matrix.blocks.items():
            table[i + inputs, j + offset] = arithmetic.form(opad.as_operator(entry))
    program = EliminationProgram(graph, rng.permutation(graph.inner))
    found = program.run([table[edge] for edge in program.edges], arithmetic.multiply, arithmetic.add)
    rows, columns = ([int(np.prod(space)) for space in side] for side in (L.dimsd, D.dims))
    blocks = {
        (k, j): arithmetic.dense(entry, rows[outputs[k]], columns[j]) if not sparse
        else arithmetic.sparse(entry, rows[outputs[k]]).toarray()
        for (k, j), entry in found.items()
    }  # fmt: skip
    J = np.block(
        [
            [blocks.get((k, j), np.zeros((rows[row], columns[j]))) for j in range(inputs)]
            for k, row in enumerate(outputs)
        ]
    )
    np.testing.assert_allclose(J, reference(L, D, outputs), rtol=1e-12, atol=1e-12 * _scale(L, D))


def _scale(L, D):
    """A bound on what the products along paths add up to."""
    return float(np.linalg.norm(np.linalg.inv(np.eye(len(L.todense())) - np.abs(L.todense()))) * 10)


def test_symbols():
    a, b, c, d = sympy.symbols("a b c d")
    L = opad.BlockMatrix({(1, 0): a, (2, 0): b, (3, 1): c, (3, 2): d}, shape=(4, 4))
    D = opad.BlockMatrix({(0, 0): 1}, shape=(4, 1))
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        assert sympy.expand(opad.eliminate(L, D, order=order)[0, 0] - (a * c + b * d)) == 0


def test_diagonal_blocks_are_solved(rng):
    S, B, C = rng.standard_normal((3, 3)) + 4 * np.eye(3), rng.standard_normal((3, 2)), rng.standard_normal((2, 3))
    L = opad.BlockMatrix({(0, 0): np.eye(3) - S, (1, 0): C}, (2, 2))
    D = opad.BlockMatrix({(0, 0): B}, (2, 1))
    J = opad.eliminate(L, D)
    np.testing.assert_allclose(J.todense(), C @ np.linalg.solve(S, B), rtol=1e-12)
    scalar = opad.eliminate(opad.BlockMatrix([[Fraction(1, 2)]]), opad.BlockMatrix([[Fraction(3)]]))
    assert scalar[0, 0] == 6


def test_outputs_used_inside_asked_twice_or_alone():
    L = opad.BlockMatrix({(1, 0): Fraction(2)}, (2, 2))
    D = opad.BlockMatrix({(0, 0): Fraction(3)}, (2, 1))
    J = opad.eliminate(L, D, outputs=[0, 1, 1, 0])
    assert [J[k, 0] for k in range(4)] == [3, 6, 6, 3]


def test_rows_in_any_order_are_sorted():
    L = opad.BlockMatrix({(0, 1): 2.0, (1, 2): 3.0}, (3, 3))
    D = opad.BlockMatrix({(2, 0): 5.0}, (3, 1))
    assert Elimination(L, D, [0]).order("forward") == [2, 1]
    assert opad.eliminate(L, D, [0], "forward")[0, 0] == 30.0


def test_names_and_system_while_it_is_eliminated():
    L = opad.BlockMatrix({(1, 0): 2.0, (2, 1): 3.0}, (3, 3), row_names=["a", "b", "c"], column_names=["a", "b", "c"])
    D = opad.BlockMatrix({(0, 0): 5.0}, (3, 1), row_names=["a", "b", "c"], column_names=["p"])
    elimination = Elimination(L, D)
    elimination.eliminate(0)
    left, right = elimination.system
    assert left.blocks == {(2, 1): 3.0} and right.blocks == {(1, 0): 10.0}
    elimination.eliminate(1)
    assert elimination.jacobian.row_names == ["c"] and elimination.jacobian[0, 0] == 30.0
    assert elimination.multiplications == 2


def test_operators_stay_operators():
    L = opad.BlockMatrix({(1, 0): Hadamard(np.array([1.0, 2.0]))}, (2, 2))
    D = opad.BlockMatrix({(0, 0): Hadamard(np.array([3.0, 4.0]))}, (2, 1))
    J = opad.eliminate(L, D)[0, 0]
    assert isinstance(J, opad.Operator)
    np.testing.assert_array_equal(J @ np.ones(2), [3.0, 8.0])


def test_bad_input():
    L = opad.BlockMatrix({(1, 0): 1.0, (2, 1): 1.0}, (3, 3))
    D = opad.BlockMatrix({(0, 0): 1.0}, (3, 1))
    with pytest.raises(EliminationOrderError, match="misses 1"):
        opad.eliminate(L, D, order=[0])
    with pytest.raises(EliminationOrderError, match="repeats 0, misses 1"):
        opad.eliminate(L, D, order=[0, 0])
    with pytest.raises(EliminationOrderError, match="no inner variable behind 2"):
        opad.eliminate(L, D, order=[0, 1, 2])
    with pytest.raises(EliminationOrderError, match="'fastest'"):
        opad.eliminate(L, D, order="fastest")
    with pytest.raises(ShapeError, match="equally many"):
        opad.eliminate(L, opad.BlockMatrix({(0, 0): 1.0}, (2, 1)))
    cyclic = opad.BlockMatrix({(1, 0): 1.0, (0, 1): 1.0, (2, 1): 1.0}, (3, 3))
    with pytest.raises(CyclicSystemError, match="circle"):
        opad.eliminate(cyclic, D)
