"""A block matrix as one operator on flattened unknowns, for Krylov methods."""

from itertools import pairwise

import numpy as np

from opad.blocks import entries
from opad.operators import Operator
from opad.operators.base import flatten, size_of, unflatten
from opad.operators.convert import as_operator


class BlockOperator(Operator):
    """A block matrix as one operator on flat vectors.

    Forward: y_i = sum_j A_ij x_j.  Adjoint: x_j = sum_i A_ij^H y_i.

    Parameters
    ----------
    matrix : BlockMatrix
    """

    def __init__(self, matrix):
        rows, columns = matrix.known_spaces()
        self.matrix = matrix
        self.row_spaces = tuple(map(tuple, rows))
        self.column_spaces = tuple(map(tuple, columns))
        self.operators = {
            (i, j): _operator_between(entry, self.column_spaces[j], self.row_spaces[i])
            for (i, j), entry in matrix.blocks.items()
        }

    dims = property(lambda self: (sum(map(size_of, self.column_spaces)),))
    dimsd = property(lambda self: (sum(map(size_of, self.row_spaces)),))
    clinear = property(lambda self: all(op.clinear for op in self.operators.values()))

    @property
    def data_dtype(self):
        held = [op.data_dtype for op in self.operators.values() if op.data_dtype is not None]
        return np.result_type(*held) if held else None

    def apply(self, X):
        terms = ((i, j, op.apply) for (i, j), op in self.operators.items())
        return _apply_blocks(terms, X, self.column_spaces, self.row_spaces)

    def apply_adjoint(self, Y):
        terms = ((j, i, op.apply_adjoint) for (i, j), op in self.operators.items())
        return _apply_blocks(terms, Y, self.row_spaces, self.column_spaces)


def _apply_blocks(terms, X, dims, dimsd):
    batch = X.shape[:-1]
    edges = np.cumsum([0, *map(size_of, dims)])
    parts = [unflatten(X[..., a:b], shape) for (a, b), shape in zip(pairwise(edges), dims, strict=True)]
    result = [None] * len(dimsd)
    for i, j, act in terms:
        y = act(parts[j])
        result[i] = y if result[i] is None else result[i] + y
    flat = [
        np.zeros_like(X, shape=(*batch, size_of(shape))) if y is None else flatten(y, shape)
        for y, shape in zip(result, dimsd, strict=True)
    ]
    return np.concatenate(flat, axis=-1)


def _operator_between(entry, dims, dimsd):
    if isinstance(entry, entries.Negative):
        return -_operator_between(entry.entry, dims, dimsd)
    if entry is entries.I:
        return as_operator(1.0, dims)
    return as_operator(entry, dims, dimsd)
