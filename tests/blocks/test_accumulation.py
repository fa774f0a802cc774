"""The arithmetic of structured blocks, and the cost model that mirrors it."""

from itertools import permutations

import numpy as np
import pytest
import scipy.sparse

import opad
from opad.blocks.accumulation import Accumulation, LowRank
from opad.blocks.chains import chains_first
from opad.blocks.costs import CostModel, Estimate, apply_operations, estimate
from opad.blocks.entries import I
from opad.blocks.graph import EliminationGraph
from opad.errors import AccumulationError
from opad.operators import Hadamard, LeftMultiply, Matrix, MatrixVector, RightMultiply
from opad.operators.structure import Diagonal

N = 90  # beyond the size up to which everything is dense


def entries_of(rng):
    """One N x N entry of every kind, and its matrix."""
    A, U, V = rng.standard_normal((N, N)), rng.standard_normal((N, 2)), rng.standard_normal((2, N))
    thin = A * (rng.random((N, N)) < 0.02)
    B = rng.standard_normal((N // 2, N // 2))
    opaque = opad.FunctionOperator(lambda x: A @ x, lambda y: A.T @ y, (N,), (N,))
    return {
        "identity": (I, np.eye(N)),
        "number": (2.5, 2.5 * np.eye(N)),
        "diagonal": (Diagonal(A[0]), np.diag(A[0])),
        "sparse": (scipy.sparse.csr_array(thin), thin),
        "dense": (A, A),
        "low rank": (LowRank(U, V), U @ V),
        "opaque": (opaque, A),
        "late": (LeftMultiply(B, 2), np.kron(B, np.eye(2))),
    }


KINDS = ("identity", "number", "diagonal", "sparse", "dense", "low rank", "opaque", "late")


@pytest.mark.parametrize("left", KINDS)
@pytest.mark.parametrize("right", KINDS)
@pytest.mark.parametrize("sparse", [False, True])
def test_products_sums_and_their_estimates(left, right, sparse, rng):
    table = entries_of(rng)
    (a, A), (b, B) = table[left], table[right]
    arithmetic, model = Accumulation(sparse=sparse), CostModel(sparse)
    product, total = arithmetic.multiply(a, b), arithmetic.add(a, b)
    np.testing.assert_allclose(arithmetic.dense(product, N, N), A @ B, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(arithmetic.sparse(product, N).toarray(), A @ B, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(arithmetic.dense(total, N, N), A + B, rtol=1e-12, atol=1e-12)
    guess = model.multiply(estimate(a), estimate(b))
    assert guess.kind == estimate(product).kind
    assert model.add(estimate(a), estimate(b)).kind == estimate(total).kind
    assert model.nanoseconds > 0


def test_opaque_operators_are_applied_in_the_cheaper_direction(rng):
    calls = []

    def counted(A):
        def forward(x):
            calls.append("tangent")
            return A @ x

        def backward(y):
            calls.append("adjoint")
            return A.T @ y

        return opad.FunctionOperator(forward, backward, A.shape[1:], A.shape[:1])

    wide, tall = rng.standard_normal((3, 100)), rng.standard_normal((100, 3))
    arithmetic = Accumulation()
    np.testing.assert_allclose(arithmetic.dense(counted(wide), 3, 100), wide)
    assert calls == ["adjoint"] * 3
    calls.clear()
    found = arithmetic.multiply(counted(tall), counted(wide))
    np.testing.assert_allclose(arithmetic.dense(found, 100, 100), tall @ wide, rtol=1e-12)
    assert len(calls) <= 100 + 6
    calls.clear()
    np.testing.assert_allclose(arithmetic.multiply(counted(wide), tall), wide @ tall)
    assert calls == ["tangent"] * 3


def test_postponed_products_stay_postponed(rng):
    U, V = rng.standard_normal((200, 2)), rng.standard_normal((2, 200))
    arithmetic = Accumulation()
    found = arithmetic.multiply(arithmetic.multiply(U, V), Diagonal(V[0]))
    assert isinstance(found, LowRank)
    product = arithmetic.dense(arithmetic.multiply(V, found), 2, 200)
    np.testing.assert_allclose(product, V @ (U @ V * V[0]), rtol=1e-10)


def test_bounds_on_memory(rng):
    arithmetic = Accumulation(max_bytes=1000)
    big = opad.FunctionOperator(lambda x: x, lambda y: y, (50,), (50,), label="mix")
    with pytest.raises(AccumulationError, match="opaque block mix of the Jacobian is 50 x 50 and takes 20000 bytes"):
        arithmetic.accumulated(big)
    with pytest.raises(AccumulationError, match="a dense block"):
        arithmetic.multiply(rng.standard_normal((50, 40)), rng.standard_normal((40, 50)))
    with pytest.raises(AccumulationError):
        arithmetic.add(LowRank(np.ones((50, 1)), np.ones((1, 50))), np.eye(50))


def test_operations_of_one_application(rng):
    A = rng.standard_normal((3, 4))
    assert apply_operations(MatrixVector(A)) == 12
    assert apply_operations(LeftMultiply(A, 5)) == 60
    assert apply_operations(RightMultiply(A, 2)) == 24
    assert apply_operations(LeftMultiply(A, 5).H) == 60
    assert apply_operations(Hadamard(np.ones(7))) >= 7
    assert apply_operations(Matrix(A) @ Matrix(A.T)) == 2 * apply_operations(Matrix(A))

    class Priced(opad.Operator):
        operations = 17
        dims = dimsd = (2,)

    assert apply_operations(Priced()) == 17


def test_chains_inside_a_graph_take_their_best_bracketing():
    sizes = [200, 900, 300, 800, 200]  # a path 0 .. 4 and a vertex 5 that also uses 0
    graph = EliminationGraph([[0], [1], [2], [3], [0, 4]], 1, [5])
    estimates = {(v + 1, v): Estimate("dense", sizes[v + 1], sizes[v], sizes[v + 1] * sizes[v]) for v in range(4)} | {
        (5, 4): Estimate("dense", 100, 200, 20000),
        (5, 0): Estimate("dense", 100, 200, 20000),
    }
    sized = graph.copy()
    sized.sizes = [*sizes, 100]
    order = chains_first(graph, estimates, sized)
    assert sorted(order) == [1, 2, 3, 4]
    counts = sorted(sized.count(p) for p in permutations([1, 2, 3, 4]))
    assert sized.count(order) == counts[0] < counts[-1] / 3
