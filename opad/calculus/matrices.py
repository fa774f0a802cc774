"""Jacobians as matrices of numbers: by elimination, or by substitution with all columns or all rows at once."""

import numpy as np
import scipy.sparse

from opad.blocks import BlockMatrix
from opad.blocks.accumulation import Accumulation, LowRank
from opad.blocks.entries import I, is_number
from opad.calculus import pytrees
from opad.calculus.elimination import is_plain, result_dtype
from opad.errors import EliminationOrderError, RealLinearError
from opad.operators import Hadamard, Identity, Matrix, Reshape, Scaling, as_operator
from opad.operators.structure import Diagonal
from opad.tracing.array import plain

MAX_BATCH_BYTES = 1 << 28  # right-hand sides solved together are cut so that the largest array stays below this


def jacobian_table(linearization, planner, max_bytes=None):
    """table[output][input], arrays of shape output + input, as `planner` decides; sweeps where nothing can be stored.

    Parameters
    ----------
    linearization : Linearization
    planner : Planner
    """
    inputs, outputs = leaves_of(linearization)
    required = required_sweep(linearization, planner.order)
    if required is not None or not is_plain(linearization):
        name = required or ("forward" if _size(inputs) <= _size(outputs) else "reverse")
        return TABLES[name](linearization, inputs, outputs)
    decision = planner.decide(linearization)
    if decision.program is None:
        return TABLES[decision.candidate.name](linearization, inputs, outputs)
    arithmetic = Accumulation(max_bytes, itemsize=result_dtype(linearization).itemsize)
    found = decision.entries(linearization, arithmetic)
    return [
        [_shaped(found.get((k, j)), value, leaf, arithmetic) for j, leaf in enumerate(inputs)]
        for k, value in enumerate(outputs)
    ]


def accumulated_matrix(linearization, planner, sparse=None, max_bytes=None):
    """The whole Jacobian as a dense matrix or a sparse one; see `Linearization.jacobian_matrix`."""
    inputs, outputs = leaves_of(linearization)
    shape = tuple(map(_size, (outputs, inputs)))
    required = None if planner.sparse else required_sweep(linearization, planner.order)
    decision = planner.decide(linearization) if required is None else planner.substitution(required)
    if decision.program is None:
        table = TABLES[decision.candidate.name](linearization, inputs, outputs)
        rows = [
            np.concatenate([J.reshape((np.size(value), -1)) for J in row], axis=1)
            for row, value in zip(table, outputs, strict=True)
        ]
        matrix = np.concatenate(rows) if rows else np.zeros(shape)
        return scipy.sparse.csr_array(matrix) if sparse else matrix
    dtype = result_dtype(linearization)
    arithmetic = Accumulation(max_bytes, bool(sparse), dtype.itemsize)
    found = decision.entries(linearization, arithmetic)
    if sparse is None:
        sparse = all(entry is I or is_number(entry) or _is_sparse(entry) for entry in found.values())
        sparse = sparse and shape[0] * shape[1] > 1
    if sparse:
        return _joined(found, inputs, outputs, arithmetic).astype(dtype)
    arithmetic.require_memory(*shape)
    matrix = np.zeros(shape, dtype)
    row_edges, column_edges = (np.cumsum([0, *map(np.size, leaves)]) for leaves in (outputs, inputs))
    for (k, j), entry in found.items():
        block = arithmetic.dense(entry, np.size(outputs[k]), np.size(inputs[j]))
        matrix[row_edges[k] : row_edges[k + 1], column_edges[j] : column_edges[j + 1]] = block
    return matrix


def required_sweep(linearization, order):
    """The one substitution that gives complex results of real arguments; None where the order is free.

    The columns of a real argument are its derivatives in real directions. Those of a complex argument exist only where
    no step that it reaches is real-linear between complex arrays.
    """
    inputs, outputs = leaves_of(linearization)
    complex_inputs = [pytrees.dtype_of(leaf).kind == "c" for leaf in inputs]
    if any(complex_inputs):
        _require_holomorphic(linearization, complex_inputs)
    if all(complex_inputs) or all(pytrees.dtype_of(value).kind != "c" for value in outputs):
        return None
    if isinstance(order, str) and order in ("auto", "forward"):
        return "forward"
    raise EliminationOrderError(
        f"order is {order!r} for real arguments and complex results; expected 'forward', the only order "
        "in which their Jacobian is a matrix of complex numbers. Use order='forward'."
    )


def _require_holomorphic(linearization, complex_inputs):
    run = linearization.run
    reached = complex_inputs + [False] * (len(run.records) - len(complex_inputs))
    for i in linearization.operations:
        for j, block in linearization.row(i)[1]:
            if reached[j] and not (block is None or block.clinear):
                raise RealLinearError(
                    f"the Jacobian matrix of {getattr(run.function, '__name__', 'the function')} with respect to a "
                    f"complex argument was asked for, but {run.records[i][0].__name__} is only real-linear in what "
                    "depends on it. Expected a holomorphic function; use opad.jacobian_operator(...).as_real() for the "
                    "real Jacobian, opad.grad for the gradient of a real function."
                )
            reached[i] = reached[i] or reached[j]


def leaves_of(linearization):
    """(inputs, outputs), the arrays between which a linearisation maps."""
    run = linearization.run
    return run.inputs, run.results


def _size(leaves):
    return sum(map(np.size, leaves))


def _is_sparse(entry):
    return isinstance(entry, Diagonal) or scipy.sparse.issparse(entry)


def _shaped(entry, value, leaf, arithmetic):
    """One block of the Jacobian as an array of shape output + input."""
    shape = np.shape(value) + np.shape(leaf)
    dtype = np.result_type(pytrees.dtype_of(value), pytrees.dtype_of(leaf))
    if entry is None:
        return np.zeros(shape, dtype)
    if shape == ():
        entry = 1.0 if entry is I else entry
        number = entry if is_number(entry) else arithmetic.dense(entry, 1, 1).item()
        return np.array(number, dtype)
    return arithmetic.dense(entry, np.size(value), np.size(leaf)).reshape(shape).astype(dtype, copy=False)


def _joined(found, inputs, outputs, arithmetic):
    """Blocks as one sparse matrix: joined side by side, then one row of blocks below the other."""
    bands = []
    for k, value in enumerate(outputs):
        m = np.size(value)
        band = [
            arithmetic.sparse(found[k, j], m) if (k, j) in found else scipy.sparse.csr_array((m, np.size(leaf)))
            for j, leaf in enumerate(inputs)
        ]
        bands.append(band[0] if len(band) == 1 else scipy.sparse.hstack(band, format="csr"))
    return bands[0] if len(bands) == 1 else scipy.sparse.vstack(bands, format="csr")


def accumulated_blocks(linearization, planner, max_bytes=None):
    """The Jacobian as a BlockMatrix of operators; see `Linearization.jacobian_blocks`."""
    inputs, outputs = leaves_of(linearization)
    decision = planner.decide(linearization)
    arithmetic = Accumulation(max_bytes, sparse=True, itemsize=result_dtype(linearization).itemsize)
    found = decision.entries(linearization, arithmetic)
    dimsd, dims = ([np.shape(leaf) for leaf in leaves] for leaves in (outputs, inputs))
    blocks = {(k, j): _as_operator(entry, dimsd[k], dims[j]) for (k, j), entry in found.items()}
    return BlockMatrix(blocks, (len(outputs), len(inputs)), dimsd, dims)


def _as_operator(entry, dimsd, dims):
    if entry is I:
        return Identity(dims) if dims == dimsd else Reshape(dims, dimsd)
    if is_number(entry):
        return Scaling(entry, dims) if dims == dimsd else entry * Reshape(dims, dimsd)
    if isinstance(entry, Diagonal):
        diagonal = Hadamard(entry.values.reshape(dims))
        return diagonal if dims == dimsd else Reshape(dims, dimsd) @ diagonal
    if isinstance(entry, LowRank):
        return Matrix(entry.U, dimsd=dimsd) @ Matrix(entry.V, dims=dims)
    return as_operator(entry, dims, dimsd)


# -- substitutions with many right-hand sides -----------------------------------------------------------------------


def by_columns(linearization, inputs, outputs):
    """table[output][input], one batched forward substitution per input leaf."""
    table = [[] for _ in outputs]
    for k, leaf in enumerate(inputs):

        def push(basis, k=k):
            return linearization.push([basis if i == k else None for i in range(len(inputs))])

        for row, value, Y in zip(table, outputs, _sweep(push, leaf, outputs), strict=True):
            row.append(np.moveaxis(Y, 0, -1).reshape(np.shape(value) + np.shape(leaf)))
    return table


def by_rows(linearization, inputs, outputs):
    """table[output][input], one batched back substitution per output leaf."""
    table = []
    for m, value in enumerate(outputs):

        def pull(basis, m=m):
            return linearization.pull([basis if i == m else None for i in range(len(outputs))])

        rows = _sweep(pull, value, inputs)
        table.append(
            [np.conj(X).reshape(np.shape(value) + np.shape(leaf)) for leaf, X in zip(inputs, rows, strict=True)]
        )
    return table


TABLES = {"forward": by_columns, "reverse": by_rows}  # for each of elimination.SWEEPS


def _sweep(product, source, targets):
    """Apply `product` to the unit arrays of `source`, many at a time; one array (n, *target shape) per target."""
    n, dtype = np.size(source), pytrees.dtype_of(source)
    largest = max([n, *map(np.size, targets)]) * dtype.itemsize
    step = max(1, MAX_BATCH_BYTES // max(largest, 1))
    chunks = []
    for start in range(0, n, step):
        stop = min(start + step, n)
        basis = _unit_arrays(source, start, stop, n, dtype)
        parts = product(basis)
        chunks.append(
            [
                pytrees.zeros_like(target, (stop - start,)) if part is None else part
                for part, target in zip(parts, targets, strict=True)
            ]
        )
    if not chunks:  # an argument without elements
        return [pytrees.zeros_like(target, (0,)) for target in targets]
    return [chunk[0] if len(chunk) == 1 else np.concatenate(chunk) for chunk in zip(*chunks, strict=True)]


def _unit_arrays(source, start, stop, n, dtype):
    source = plain(source)
    like = {"like": source} if hasattr(source, "__array_function__") else {}
    return np.eye(stop - start, n, k=start, dtype=dtype, **like).reshape((stop - start, *np.shape(source)))
