"""The tape: a flat list of records, one per operation, whose order is the row order of I - L.

Variable i is the i-th record. The first ones are the inputs and have no row; every other row holds the Jacobian blocks
of one operation, which its primitive makes when the row is asked for.
"""

from contextvars import ContextVar
from itertools import count

import numpy as np

from opad.blocks.substitution import back_substitution, forward_substitution
from opad.errors import ClosedTraceError, TracingError
from opad.operators.indexing import Index, is_basic
from opad.tracing import protect
from opad.tracing.bits import without_repetition
from opad.tracing.memory import keep_freed_memory

make_records = ContextVar("what makes a tape, if not list", default=None)  # set by opad.debug
_levels = count()  # a trace opened later differentiates inside the earlier ones


class ObjectArrayMet(Exception):
    """An object array, perhaps of traced numbers, is among the arguments of an operation on traced arrays."""


class Row:
    """One row of the system  S dx = sum_k B_k dx_k  when its diagonal block S is not the identity.

    Parameters
    ----------
    diagonal : Operator with methods `solve(Y)` and `solve_adjoint(X)`; in a rule of `opad.jacobian_rule` any operator
        or matrix on the flattened variable
    blocks : sequence of Operators, one per array argument (None for an argument without influence)
    """

    __slots__ = ("blocks", "diagonal")

    def __init__(self, diagonal, blocks):
        self.diagonal = diagonal
        self.blocks = blocks


class Trace:
    """The records of one run of a function.

    Attributes
    ----------
    records : list of None (inputs) or (primitive, output, arguments, keywords, parents); None once the trace is closed
    level : int, later traces differentiate inside earlier ones
    kept : bool, whether the records outlive the run, so that constants are copied rather than locked
    locked : dict, id of a locked array -> Locked
    refusal : the error for a traced array used as an index, which NumPy replaces by one that does not tell
    """

    __slots__ = ("_copied", "_held", "kept", "level", "locked", "records", "refusal")

    def __init__(self, kept=False):
        self.level = next(_levels)
        make = make_records.get()
        self.records = [] if make is None else make()
        self.kept = kept
        self.locked = {}
        self._held = []  # what to unlock
        self._copied = 0  # bytes
        self.refusal = None

    def protect(self, constant):
        """A constant array that stays as it is while its record is needed."""
        if constant.dtype.char == "O":
            raise ObjectArrayMet
        if protect.scope.snapshot is not None:
            return protect.scope.snapshot(constant)
        if not constant.flags.writeable and protect.is_promised(constant):
            return constant
        if self.kept or constant.nbytes <= protect.COPY_LIMIT:
            return constant.copy("K")
        known = self.locked.get(id(constant))
        if known is not None:
            return known.use_again()
        protect.lock(constant, self._held)
        known = self.locked[id(constant)] = protect.Locked(constant, self._may_copy(constant))
        return known.kept

    def protect_input(self, array):
        """An array that is being differentiated, as it is now, whatever the function does with the original.

        Small ones, outside a recording, are copied by `Run` itself.
        """
        if protect.scope.snapshot is None and (self.kept or (array.flags.writeable and self._may_copy(array))):
            return array.copy("K")
        return self.protect(array)

    def _may_copy(self, array):
        size = without_repetition(array).nbytes
        if self._copied + size > protect.COPIES_LIMIT:
            return False
        self._copied += size
        return True

    def require_unchanged_constants(self):
        """Raise if a locked array was written to through a view that was made before."""
        for known in self.locked.values():
            if known.has_changed:
                raise TracingError(
                    f"an array of shape {known.array.shape} that a differentiated function was given or had used as a "
                    "constant was changed in place, through a view of it, while the function was running. Expected "
                    "such arrays to stay as they are; write w = w + x, or use w.copy()."
                )

    def require_open(self):
        """Raise if the trace has ended."""
        if self.records is None:
            raise ClosedTraceError(
                "a traced array was used after the function that was being differentiated had returned. Expected it "
                "to stay inside that function; return the value instead of storing it, or use has_aux=True."
            )

    def close(self):
        """End the trace and hand over its records; its traced arrays cannot be used any more."""
        records, self.records = self.records, None
        if self._held:
            protect.release(self._held)
        return records


def blocks_of(record):
    """(diagonal, [(column, operator), …]) of one record; an operator None is the identity."""
    primitive, y, args, kwargs, parents = record
    blocks = primitive.blocks(y, args, kwargs, parents)
    return (blocks.diagonal, blocks.blocks) if type(blocks) is Row else (None, blocks)


def pull_back(records, inputs, x):
    """Back substitution of cotangents in one sweep; rows are made when it reaches them and dropped after.

    Parameters
    ----------
    records : list from `Trace.close`; emptied
    inputs : int, how many of the variables are inputs
    x : list with one cotangent or None per variable; on return the first `inputs` entries hold the result
    """

    own = {}  # cotangents of which parts were read, in memory that nothing else refers to

    def column(i):
        primitive, y, args, kwargs, parents = records[i]
        records[i] = None
        if own:
            own.pop(i, None)
        if primitive.reads_part:
            ((_, j),) = parents
            return None, [(j, lambda g: _with_part(x, j, own, g, y.shape, *args))]
        return primitive.adjoints(y, args, kwargs, parents)

    keep_freed_memory()
    back_substitution(column, x, range(len(records) - 1, inputs - 1, -1), release=True)


def _with_part(x, j, own, g, shape, space, key):
    """x[j] + g at `key`, so that the elements of an array can be read one by one at a constant cost each.

    The sum takes the place of x[j]; it is made in place once it is in memory of its own.
    """
    total = x[j]
    simple = isinstance(g, np.ndarray | np.generic) and g.shape == shape  # no trace, no batch axes
    simple = simple and is_basic(key if type(key) is tuple else (key,))
    if not simple or (total is not None and (type(total) is not np.ndarray or total.dtype != g.dtype)):
        return Index(key, space.shape, shape).apply_adjoint(g)
    if total is None:
        total = own[j] = np.zeros(space.shape, g.dtype)
    elif own.get(j) is not total:
        total = own[j] = total.copy()
    total[key] += g
    x[j] = None
    return total


def influential(records, count, outputs):
    """Indices of the records on which an output depends, in order."""
    needed = [False] * len(records)
    for index in outputs:
        if index is not None:
            needed[index] = True
    for i in range(len(records) - 1, count - 1, -1):
        if needed[i]:
            for _, j in records[i][4]:
                needed[j] = True
    return [i for i in range(count, len(records)) if needed[i]]


def push_forward(records, inputs, x, outputs):
    """Forward substitution of tangents to `outputs`; the counterpart of `pull_back`.

    Tangents that no later row needs are dropped. Records without influence on an output are skipped: what is not used
    need not be differentiable.
    """
    order = influential(records, inputs, outputs)
    last = {}  # the row that uses a variable for the last time; its tangent is dropped after that
    for i in order:
        for _, j in records[i][4]:
            last[j] = i
    for j in outputs:
        last.pop(j, None)
    dropped = {}
    for j, i in last.items():
        dropped.setdefault(i, []).append(j)
    done = []

    def row(i):
        for j in done:
            x[j] = None
        done[:] = dropped.get(i, ())
        primitive, y, args, _, parents = records[i]
        if primitive.joins_numbers:
            given = {k: x[j] for k, j in parents if x[j] is not None}
            if not any(map(np.ndim, given.values())):  # no batch axes
                return None, [(j, lambda _: primitive.joined(y, args, given)) for k, j in parents if k in given][:1]
        diagonal, blocks = blocks_of(records[i])
        return diagonal and diagonal.solve, [(j, op and op.apply) for j, op in blocks]

    forward_substitution(row, x, order)
