"""Random block-triangular systems, with entries of any kind."""

from fractions import Fraction

import numpy as np
import scipy.sparse

import opad
from opad.operators import Hadamard, LeftMultiply

KINDS = ["dense", "sparse", "operator", "mixed"]
SIZES = [3, 1, 4, 2, 5]


def entry(kind, m, n, rng, dtype=float):
    """A random m x n block of a kind."""
    if kind == "mixed":
        kind = KINDS[rng.integers(3)]
    block = rng.standard_normal((m, n)).astype(dtype)
    if np.dtype(dtype).kind == "c":
        block = block + 1j * rng.standard_normal((m, n))
    if kind == "sparse":
        return scipy.sparse.csr_array(block * (rng.random((m, n)) < 0.6))
    return opad.as_operator(block) if kind == "operator" else block


def diagonal(kind, n, rng, dtype=float):
    """A random invertible n x n block, or None for the identity."""
    choice = rng.integers(3)
    if choice == 0:
        return opad.I
    if choice == 1:
        return 2.0
    block = (rng.standard_normal((n, n)) + 2 * n * np.eye(n)).astype(dtype)
    if kind == "sparse":
        return scipy.sparse.csc_array(block)
    return opad.as_operator(block) if kind in ("operator", "mixed") else block


def triangular(kind, rng, sizes=SIZES, upper=False, dtype=float, density=0.6):
    """A block triangular BlockMatrix."""
    blocks, count = {}, len(sizes)
    for i in range(count):
        blocks[i, i] = diagonal(kind, sizes[i], rng, dtype)
        for j in range(i):
            if rng.random() < density:
                row, column = (j, i) if upper else (i, j)
                blocks[row, column] = entry(kind, sizes[row], sizes[column], rng, dtype)
    spaces = [(n,) for n in sizes]
    return opad.BlockMatrix(blocks, (count, count), spaces, spaces)


def permuted(A, order):
    """The system with its variables renamed: neither lower nor upper any more."""
    place = {old: new for new, old in enumerate(order)}
    blocks = {(place[i], place[j]): block for (i, j), block in A.blocks.items()}
    spaces = [A.dims[old] for old in order]
    return opad.BlockMatrix(blocks, A.shape, spaces, spaces)


def vector(A, rng, batch=(), dtype=float):
    """A random right-hand side."""
    return [rng.standard_normal((*batch, *shape)).astype(dtype) for shape in A.dimsd]


def fractions(rng, count, density=0.6):
    """A lower triangular matrix of Fractions as (BlockMatrix, object array)."""
    dense = np.full((count, count), Fraction(0), dtype=object)
    for i in range(count):
        dense[i, i] = Fraction(int(rng.integers(1, 5)), int(rng.integers(1, 4)))
        for j in range(i):
            if rng.random() < density:
                dense[i, j] = Fraction(int(rng.integers(-4, 5)), int(rng.integers(1, 6)))
    blocks = {(i, j): dense[i, j] for i in range(count) for j in range(i + 1) if dense[i, j]}
    return opad.BlockMatrix(blocks, (count, count)), dense


def tanh_network(rng, n=(5, 4, 3, 1), k=10):
    """The matrix MLP of the paper at a random point: weights, biases, layers, partials."""
    W = [rng.standard_normal((n[i + 1], n[i])) for i in range(len(n) - 1)]
    B = [rng.standard_normal((n[i + 1], 1)) for i in range(len(n) - 1)]
    X, deltas = [rng.standard_normal((n[0], k))], []
    for w, b in zip(W, B, strict=True):
        X.append(np.tanh(w @ X[-1] + b))
        deltas.append(1 - X[-1] ** 2)
    return W, B, X, deltas


def network_system(W, X, deltas):
    """(L, D) of the network, built by hand as in the paper: entries Delta_H W_L, Delta_H X_R, Delta_H ones_R."""
    k, count = X[0].shape[1], len(W)
    L, D = {}, {}
    for i in range(count):
        delta = Hadamard(deltas[i])
        D[i, 2 * i] = delta @ opad.operators.RightMultiply(X[i], W[i].shape[0])
        D[i, 2 * i + 1] = delta @ opad.operators.RightMultiply(np.ones((1, k)), W[i].shape[0])
        if i:
            L[i, i - 1] = delta @ LeftMultiply(W[i], k)
    return opad.BlockMatrix(L, (count, count)), opad.BlockMatrix(D, (count, 2 * count))
