"""The backslash: solve a block triangular system by substitution."""

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from opad.blocks import entries
from opad.blocks.matrix import BlockMatrix, check_shapes, fill_zeros
from opad.blocks.substitution import back_substitution, forward_substitution
from opad.blocks.vector import BlockVector
from opad.errors import CyclicSystemError, ShapeError, SingularBlockError
from opad.operators import Operator
from opad.operators.base import flatten, unflatten


def solve(A, b, cycles="raise"):
    """The backslash A \\ b: the solution x of A x = b by forward or back substitution.

    Parameters
    ----------
    A : BlockMatrix, square in blocks
        Lower or upper block triangular, possibly after a permutation, which is found. Diagonal blocks that are not
        the identity are solved by their own `solve`/`solve_adjoint`, by a cached dense (up to 512 unknowns) or sparse
        factorisation, or by GMRES to a relative residual of 1e-12.
    b : BlockVector, list of arrays, or BlockMatrix
        Leading batch axes of the arrays are right-hand sides that are solved together, for entries that are operators.
    cycles : {"raise", "solve"}
        What to do with variables that depend on each other in a circle: refuse, or solve each such group as one
        implicit diagonal block.

    Returns
    -------
    BlockVector or BlockMatrix, as b

    Raises
    ------
    CyclicSystemError, SingularBlockError, ConvergenceError, ShapeError
        Each names the blocks concerned.

    Examples
    --------
    >>> from fractions import Fraction
    >>> import opad
    >>> A = opad.BlockMatrix([[Fraction(2), None], [Fraction(1, 3), 1]])
    >>> opad.solve(A, [Fraction(1), Fraction(1)])
    BlockVector(Fraction(1, 2), Fraction(5, 6))

    References
    ----------
    Edelman, Akyurek, Wang, SIAM J. Matrix Anal. Appl. 45(1):429-449, 2024.
    """
    b = b if isinstance(b, BlockMatrix) else list(b)
    if A.shape[0] != A.shape[1]:
        raise ShapeError(
            f"solve(A, b) with A of {A.shape[0]} x {A.shape[1]} blocks; expected a square block matrix. For L and D of "
            "a program solve with opad.I - L."
        )
    count = b.shape[0] if isinstance(b, BlockMatrix) else len(b)
    if count != A.shape[0]:
        raise ShapeError(
            f"solve(A, b) with {A.shape[0]} block rows in A and {count} in b; expected equal numbers. None stands for "
            "a block of zeros."
        )
    if isinstance(b, BlockMatrix):
        return _solve_matrix(A, b, cycles)
    blocks = [None if isinstance(block, int) and block == 0 else block for block in b]
    dimsd, dims = A.dimsd, A.dims
    check_shapes(blocks, dimsd, A.kinds(0), "of the right-hand side")
    x = _substitute(A, blocks, entries.action, entries.solve_action, cycles)
    return BlockVector(fill_zeros(x, [d if d is not None else e for d, e in zip(dims, dimsd, strict=True)]))


def _solve_matrix(A, b, cycles):
    """One substitution per block column of b, with products of entries in place of products with vectors."""
    blocks = {}
    for k in range(b.shape[1]):
        column = [b.blocks.get((i, k)) for i in range(b.shape[0])]
        column = [entry if entry is None else _Term(entry) for entry in column]
        x = _substitute(A, column, _product, _solve_product, cycles)
        blocks.update({(i, k): term.entry for i, term in enumerate(x) if term is not None})
    dims = [d if d is not None else e for d, e in zip(A.dims, A.dimsd, strict=True)]
    return BlockMatrix(blocks, b.shape, dims, b.dims, A.column_names, b.column_names)


class _Term:
    """A block of a right-hand side that adds as entries of block matrices do, whatever its kind."""

    __slots__ = ("entry",)

    def __init__(self, entry):
        self.entry = entry

    def __add__(self, other):
        return _Term(entries.add(self.entry, other.entry))


def _product(entry):
    return None if entries.is_identity(entry) else lambda x: _Term(entries.multiply(entry, x.entry))


def _solve_product(entry, name):
    if entries.is_identity(entry):
        return None
    solve = entries.solve_action(entry, name)
    if entries.is_number(entry):
        inverse = solve(entries.I)
        return lambda x: _Term(entries.multiply(inverse, x.entry))
    inverse = entries.Inverse(entry, name)
    matrix = not isinstance(entry, Operator)
    return lambda x: _Term(
        solve(x.entry) if matrix and isinstance(x.entry, np.ndarray) else entries.multiply(inverse, x.entry)
    )


def _substitute(A, x, action, solve_action, cycles):
    x = list(x)
    lower = all(i >= j for i, j in A.blocks)
    upper = all(i <= j for i, j in A.blocks)
    if not lower and not upper:
        groups = _ordered_groups(A)
        cyclic = [group for group in groups if len(group) > 1]
        if cyclic:
            if cycles != "solve":
                raise _cycle_error(A, cyclic[0])
            return _solve_groups(A, x, groups, action, solve_action)
        order = [group[0] for group in groups]
    else:
        order = range(A.shape[0])
    if upper and not lower:
        back_substitution(_bind(A, 1, action, solve_action), x, reversed(order))
    else:
        forward_substitution(_bind(A, 0, action, solve_action), x, order)
    return x


def _bind(A, axis, action, solve_action):
    """Rows (axis 0) or columns (axis 1) of I - A as lists of bound actions; diagonal blocks as their solves."""
    bound = [[None, []] for _ in range(A.shape[0])]
    missing = set(range(A.shape[0]))
    for key, entry in A.blocks.items():
        line = bound[key[axis]]
        if key[0] == key[1]:
            missing.discard(key[0])
            line[0] = solve_action(entry, A._name(*key))
        else:
            line[1].append((key[1 - axis], action(entries.negate(entry))))
    if missing:
        i = min(missing)
        raise SingularBlockError(
            f"the diagonal block {A._name(i, i)} is zero; expected an invertible block. "
            "If the matrix holds L alone, solve with opad.I - L."
        )
    return bound.__getitem__


def _ordered_groups(A):
    """Strongly connected variables, in an order in which each group depends only on earlier ones."""
    n = A.shape[0]
    rows, columns = zip(*A.blocks, strict=True)
    graph = scipy.sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    _, labels = connected_components(graph, directed=True, connection="strong")
    members, needs = {}, {}
    for i in range(n):
        members.setdefault(int(labels[i]), []).append(i)
    for i, j in A.blocks:
        if labels[i] != labels[j]:
            needs.setdefault(int(labels[i]), set()).add(int(labels[j]))
    ordered, done = [], set()
    for start in sorted(members, key=lambda label: members[label][0]):
        stack = [start]
        while stack:
            label = stack[-1]
            waiting = sorted(needs.get(label, set()) - done)
            if label in done:
                stack.pop()
            elif waiting:
                stack.extend(waiting)
            else:
                done.add(stack.pop())
                ordered.append(members[label])
    return ordered


def _cycle_error(A, group):
    inside = set(group)
    follow = {i: j for i, j in A.blocks if i in inside and j in inside and i != j}
    path, i = [], group[0]
    while i not in path:
        path.append(i)
        i = follow[i]
    names = A.row_names or [f"x{k}" for k in range(A.shape[0])]
    circle = " -> ".join(names[k] for k in [*path[path.index(i) :], i])
    return CyclicSystemError(
        f"the system is not block triangular: variables depend on each other in a circle, {circle}. Expected every "
        "variable to need only earlier ones; with cycles='solve' the circle is solved as one implicit block."
    )


def _solve_groups(A, x, groups, action, solve_action):
    """Substitution over groups of variables; a group of several is one diagonal block, solved as one operator."""
    if action is not entries.action:
        raise CyclicSystemError(
            "cycles='solve' was asked for with a block matrix as right-hand side; expected a BlockVector. "
            "Solve column by column."
        )
    spaces = [d if d is not None else (e if e is not None else ()) for d, e in zip(A.dims, A.dimsd, strict=True)]
    for group in groups:
        place = {i: k for k, i in enumerate(group)}
        rhs = [x[i] for i in group]
        inner = {}
        for (i, j), entry in A.blocks.items():
            if i in place and j in place:
                inner[place[i], place[j]] = entry
            elif i in place and x[j] is not None:
                act = action(entries.negate(entry))
                y = x[j] if act is None else act(x[j])
                rhs[place[i]] = y if rhs[place[i]] is None else rhs[place[i]] + y
        if all(block is None for block in rhs):
            solution = rhs
        elif len(group) == 1:
            act = solve_action(inner.get((0, 0), 0), A._name(group[0], group[0]))
            solution = [rhs[0] if act is None else act(rhs[0])]
        else:
            solution = _solve_circle(inner, rhs, [spaces[i] for i in group], group)
        for i, value in zip(group, solution, strict=True):
            x[i] = value
    return x


def _solve_circle(inner, rhs, shapes, group):
    """The variables of one circle as one implicit diagonal block on the flattened unknowns."""
    block = BlockMatrix(inner, (len(group),) * 2, shapes, shapes)
    given, shape = next((np.asarray(b), s) for b, s in zip(rhs, shapes, strict=True) if b is not None)
    batch = given.shape[: given.ndim - len(shape)]
    shapes = tuple(map(tuple, shapes))
    parts = [np.zeros(batch + s, given.dtype) if b is None else np.asarray(b) for b, s in zip(rhs, shapes, strict=True)]
    implicit = entries.solve_action(block.aslinearoperator(), f"of the group {group}")
    flat = flatten(tuple(parts), shapes)
    if flat.dtype == object:
        raise CyclicSystemError(
            f"cycles='solve' for the group {group} with numbers of type {type(flat[0]).__name__}; expected "
            "floating-point numbers. Eliminate one variable of the circle by hand."
        )
    return unflatten(implicit(flat), shapes)
