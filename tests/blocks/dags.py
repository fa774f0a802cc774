"""Random acyclic block systems for property tests."""

from fractions import Fraction

import numpy as np
import scipy.sparse
from hypothesis import strategies as st

import opad
from opad.operators import Hadamard, Identity, Index, Matrix, Scaling


@st.composite
def dags(draw, max_rows=7, max_inputs=3):
    """(predecessors of each row, number of inputs, output rows); vertices are inputs, then rows."""
    inputs = draw(st.integers(1, max_inputs))
    rows = draw(st.integers(1, max_rows))
    predecessors = [
        sorted(draw(st.sets(st.integers(0, inputs + i - 1), min_size=0 if i else 1, max_size=3))) for i in range(rows)
    ]
    outputs = draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=3))
    return predecessors, inputs, outputs


def number_system(predecessors, inputs, rng, kind=Fraction):
    """(L, D) with an entry for every dependence: Fractions, or floats."""
    L, D = {}, {}
    for i, found in enumerate(predecessors):
        for j in found:
            entry = Fraction(int(rng.integers(-9, 10)), int(rng.integers(1, 7)))
            entry = entry if kind is Fraction else float(entry)
            if j < inputs:
                D[i, j] = entry
            else:
                L[i, j - inputs] = entry
    rows = len(predecessors)
    return opad.BlockMatrix(L, (rows, rows)), opad.BlockMatrix(D, (rows, inputs))


def random_block(rng, m, n):
    """A block of any kind from n to m elements."""
    kinds = ["dense", "sparse", "matrix", "gather", "opaque"]
    if m == n:
        kinds += ["diagonal", "scaling", "identity"]
    kind = rng.choice(kinds)
    A = rng.standard_normal((m, n))
    return {
        "dense": lambda: A,
        "sparse": lambda: scipy.sparse.csr_array(A * (rng.random((m, n)) < 0.4)),
        "matrix": lambda: Matrix(A),
        "gather": lambda: Index(rng.integers(0, n, m), (n,)),
        "opaque": lambda: opad.FunctionOperator(lambda x: A @ x, lambda y: A.T @ y, (n,), (m,)),
        "diagonal": lambda: Hadamard(rng.standard_normal(n)),
        "scaling": lambda: Scaling(float(rng.standard_normal()), (n,)),
        "identity": lambda: Identity((n,)),
    }[kind]()


def block_system(predecessors, inputs, rng):
    """(L, D) with blocks of random kinds between spaces of 1 to 4 elements."""
    sizes = rng.integers(1, 5, inputs + len(predecessors))
    L, D = {}, {}
    for i, found in enumerate(predecessors):
        for j in found:
            block = random_block(rng, sizes[inputs + i], sizes[j])
            if j < inputs:
                D[i, j] = block
            else:
                L[i, j - inputs] = block
    rows = len(predecessors)
    spaces = [(int(n),) for n in sizes]
    return (
        opad.BlockMatrix(L, (rows, rows), spaces[inputs:], spaces[inputs:]),
        opad.BlockMatrix(D, (rows, inputs), spaces[inputs:], spaces[:inputs]),
    )


def reference(L, D, outputs):
    """E (I - L)^-1 D by a dense solve."""
    dense, right = L.todense(), D.todense()
    solution = np.linalg.solve(np.eye(len(dense)) - dense, right)
    edges = np.cumsum([0, *(int(np.prod(space)) for space in L.known_spaces()[0])])
    return np.concatenate([solution[edges[k] : edges[k + 1]] for k in outputs])
