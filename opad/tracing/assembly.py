"""Partial derivatives of a program of single numbers, all at once: records of one kind are evaluated as vectors."""

from contextlib import nullcontext

import numpy as np

from opad.errors import ShapeError
from opad.operators.structure import structure_of
from opad.tracing.elementwise import Elementwise, SingularElementwise
from opad.tracing.trace import blocks_of

_ONES = (float, int, complex, bool)


def assemble(records, indices):
    """The blocks of the records at `indices`, which compute with single numbers, as (rows, columns, values).

    Parameters
    ----------
    records : list, a trace's
    indices : sequence of int

    Returns
    -------
    rows, columns : int arrays, places on the tape
    values : array of the partial derivatives; a column may occur twice in a row, its values are to be added

    Raises
    ------
    ShapeError
        If one of the records computes with arrays.
    """
    groups, slow = {}, []
    for i in indices:
        primitive, y, args, kwargs, parents = records[i]
        if np.shape(y) != ():
            raise ShapeError(
                f"operation {i}, {primitive.__name__}, has a result of shape {np.shape(y)}; expected a program that "
                "computes with single numbers only. Use jacobian_matrix or the products of the linearisation."
            )
        if isinstance(primitive, Elementwise) and not kwargs:
            varying = tuple([slot for slot, _ in parents])
            integers = tuple([(k, a) for k, a in enumerate(args) if type(a) is int])
            groups.setdefault((primitive, varying, integers), []).append(i)
        else:
            slow.append(i)
    parts = [part for key, members in groups.items() for part in _vectorised(records, key[0], members)]
    parts += [_one_by_one(records, i) for i in slow]
    if not parts:
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _vectorised(records, primitive, members):
    """(rows, columns, values) for each argument of records with the same primitive."""
    first = records[members[0]]
    y = np.array([records[i][1] for i in members])
    args = [a if type(a) is int else np.array([records[i][2][k] for i in members]) for k, a in enumerate(first[2])]
    rows = np.array(members)
    for position, (slot, _) in enumerate(first[4]):
        partial = primitive.partials[slot]
        with np.errstate(all="ignore") if isinstance(primitive, SingularElementwise) else nullcontext():
            M = partial(y, *args) if callable(partial) else partial
        if M is not None:
            columns = np.array([records[i][4][position][1] for i in members])
            yield rows, columns, np.broadcast_to(np.asarray(M, float if type(M) in _ONES else None), rows.shape)


def _one_by_one(records, i):
    """(rows, columns, values) of one record, by its rule."""
    diagonal, blocks = blocks_of(records[i])
    if diagonal is not None:
        raise ShapeError(
            f"operation {i}, {records[i][0].__name__}, is an equation; expected an explicit operation. Use "
            "jacobian_matrix or the products of the linearisation."
        )
    columns = [j for j, _ in blocks]
    values = [1.0 if block is None else _number(block) for _, block in blocks]
    return np.full(len(columns), i), np.array(columns, np.intp), np.array(values)


def _number(block):
    form = structure_of(block)
    return np.asarray(block.todense() if form is None else form).item()
