"""Assignment to traced arrays: z[key] = v makes a new record and lets every name of z see it.

A record of an assignment keeps the key and the shapes, not the array: the array is written in place as long as nothing
else refers to its memory (the reference count tells), and copied before the write if something does. What NumPy would
share and opad does not is refused: a write through a view, and a write to an array of which a view is still in use.
"""

import sys
from functools import lru_cache

import numpy as np

from opad.errors import TracingError
from opad.operators.assignment import Clear, Place, set_at
from opad.operators.dispatch import constant_like
from opad.operators.indexing import along_axis, in_kind_of_key, is_basic
from opad.tracing.array import TracedArray, getitem, index_key, plain
from opad.tracing.kept import View, memory_of
from opad.tracing.messages import caller
from opad.tracing.objects import without_objects
from opad.tracing.primitives import COMPOSITES, CONSTANTS, Primitive, composite, with_cast


@lru_cache(maxsize=256)
def _space(shape, dtype):
    """An array of a shape and a dtype that takes no memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)


class _Assign(Primitive):
    """(old, value, key) -> old with old[key] = value."""

    is_assignable = True

    def blocks(self, y, args, kwargs, parents):
        _, value, key = args
        return [
            (column, Clear(key, y.shape) if slot == 0 else with_cast(Place(key, value.shape, y.shape), value, y))
            for slot, column in parents
        ]


class _Filled(Primitive):
    """An array of constants that can be assigned to."""

    is_assignable = True

    def blocks(self, y, args, kwargs, parents):
        return []


def _assigned(old, value, key):
    new = np.copy(old)
    new[key] = value
    return new


ASSIGN = _Assign(_assigned)
ASSIGN.__name__ = "assign"
FILLED = _Filled(lambda array: array)
FILLED.__name__ = "constant"


def filled(value, trace):
    """A traced array of constants."""
    trace.require_open()
    trace.records.append((FILLED, _space(np.shape(value), value.dtype), (), {}, ()))
    return TracedArray(value, trace, len(trace.records) - 1)


def _like(function):
    """np.zeros_like and its kin, which give arrays that can be assigned to."""

    def implementation(a, *args, **kwargs):
        prototype, dtype = plain(a), kwargs.get("dtype", args[0] if args else None)
        value = function(prototype, *args, **kwargs)
        if type(a) is not TracedArray or np.dtype(value.dtype).kind not in "fc" or (dtype is not None and a is None):
            return value
        return filled(constant_like(value, prototype), a.tape)

    return implementation


for _function in (np.zeros_like, np.ones_like, np.empty_like):
    CONSTANTS.pop(_function, None)
    COMPOSITES[_function] = _like(np.zeros_like if _function is np.empty_like else _function)


# -- who else refers to the memory ------------------------------------------------------------------------------------


def _holders(array):
    """How many refer to the value of a traced array."""
    value = array.value
    return sys.getrefcount(value)


_ALONE = _holders(TracedArray(np.empty(3), None, 0))


def _references_from(records, start, target):
    return sum((r[1] is target) + sum(a is target for a in r[2]) + sum(a is target for a in r[3].values())
               for r in records[start:] if r is not None)  # fmt: skip


def _other_references(records, k):
    """How many refer to the output of record k and are no records."""
    target = records[k][1]
    if type(target) is View:
        target = target.alive
    return 0 if target is None else sys.getrefcount(target) - _references_from(records, k, target)


_OWN = _other_references([(None, np.empty(3), (), {}, ())], 0)  # those of the function itself


def _is_used(records, k):
    """True if the output of record k is referred to by something that is not a record."""
    return _other_references(records, k) > _OWN


def _is_view_record(record):
    return record[0].function is getitem and np.ndim(record[1]) > 0 and is_basic(_as_tuple(record[2][1]))


def _as_tuple(key):
    return key if type(key) is tuple else (key,)


def is_view(array):
    """True if NumPy would let writes to this array reach another one."""
    record = array.tape.records[array.index]
    if record is None or record[0].is_assignable:
        return False
    value = memory_of(array)
    if _is_view_record(record):
        return True
    if not isinstance(value, np.ndarray) or value.base is None:
        return False
    return any(isinstance(a, np.ndarray) and np.may_share_memory(value, a) for a in map(memory_of, record[2]))


def require_no_live_views(array):
    """Raise if a view of the array, which NumPy would let see the change, is still in use."""
    records, start = array.tape.records, array.index + 1
    buffers, variables = [memory_of(array)], {array.index}
    for k in range(start, len(records)):
        if records[k] is not None and _looks_into(records[k], buffers, variables):
            if _is_used(records, k):  # asked before this function itself refers to the view
                raise TracingError(
                    f"a traced array was changed while a view of it is in use{caller()}; in NumPy that view would "
                    "change, too. Expected no views (slices, transposes, reshapes) that are still named. Write "
                    ".copy() where the view is made."
                )
            variables.add(k)
            if (memory := memory_of(records[k][1])) is not None:
                buffers.append(memory)


def _looks_into(record, buffers, variables):
    """True if the output of a record is, in NumPy, a view of one of the variables."""
    if _is_view_record(record) and record[4] and record[4][0][1] in variables:
        return True
    y = memory_of(record[1])
    return isinstance(y, np.ndarray) and y.base is not None and any(np.may_share_memory(y, b) for b in buffers)


# -- writing ----------------------------------------------------------------------------------------------------------


def _refuse(what, expected):
    raise TracingError(f"{what}{caller()}; expected {expected}. Write np.where, np.concatenate or a copy instead.")


def _check_key(key, shape):
    """Refuse keys with an element that is assigned twice."""
    arrays = [k for k in _as_tuple(key) if getattr(k, "ndim", 0) and k.dtype.kind != "b"]
    if arrays and any(k.size > 1 for k in arrays):
        places = in_kind_of_key(np.arange(int(np.prod(shape))).reshape(shape), arrays)[key]
        if len(np.unique(places)) < places.size:
            _refuse("an assignment to a traced array names an element twice", "an index without repetitions")


def assign(array, key, value):
    """array[key] = value on a traced array; every name of the array sees it."""
    array.tape.require_open()
    key = index_key(key, array.tape)
    if is_view(array):
        _refuse("a view of a traced array was assigned to", "an array of its own, as .copy() gives")
    if _holders(array) > _ALONE:
        require_no_live_views(array)
    elif len(array.tape.records) - array.index > 1:
        _require_no_copied_views(array)
    _check_key(key, array.shape)
    _record(array, key, value)


def _record(array, key, value):
    trace = array.tape
    trace.require_open()
    value, parent = _operand(array, value)
    dtype = getattr(value, "dtype", None)
    if dtype is not None and not np.can_cast(dtype, array.dtype, "same_kind"):
        _refuse(f"{dtype} was assigned to a traced array of dtype {array.dtype}", "a dtype that fits")
    if isinstance(value, complex) and array.dtype.kind != "c":
        _refuse("a complex number was assigned to a real traced array", "a real one")
    _write(array, key, value)
    space = _space(array.shape, array.dtype)
    parents = ((0, array.index),) if parent is None else ((0, array.index), (1, parent))
    trace.records.append(
        (ASSIGN, space, (space, None if parent is None else _space(np.shape(value), value.dtype), key), {}, parents)
    )
    array.index = len(trace.records) - 1


def _require_no_copied_views(array):
    """Slices of assignable arrays are copies that do not refer to its memory."""
    records = array.tape.records
    if any(r is not None and _is_view_record(r) and r[4][0][1] == array.index for r in records[array.index + 1 :]):
        require_no_live_views(array)


def _operand(array, value):
    """(the value in terms of the trace's own values, index of its record or None)."""
    value = without_objects(value)
    if isinstance(value, list | tuple):
        value = np.stack(value) if any(type(v) is TracedArray for v in value) else np.array(value)
    if type(value) is not TracedArray:
        return value, None
    if value.tape is array.tape:
        return value.value, value.index
    if value.tape.level > array.tape.level:
        _refuse("a value of an inner derivative was assigned to an array from outside of it", "an array made inside")
    return value, None  # of an outer trace, constant in this one


def _write(array, key, value):
    alone = _holders(array) <= _ALONE and array.tape.records[array.index] is not None
    buffer = array.value
    if type(value) is TracedArray and type(buffer) is not TracedArray:
        buffer = filled(np.copy(buffer), value.tape)
    elif type(buffer) is TracedArray:
        buffer = buffer.alias()
    elif not alone and not getattr(buffer, "is_symbolic", False):
        buffer = np.array(buffer)
    if type(buffer) is TracedArray:
        _record(buffer, key, value)  # views of it belong to this trace, which has looked after them
    elif getattr(buffer, "is_symbolic", False) or getattr(value, "is_symbolic", False):  # a program is recorded
        buffer = set_at(buffer, value, key)
    else:
        buffer[key] = value
    array.value = buffer


def _setitem(self, key, value):
    assign(self, key, value)


TracedArray.__setitem__ = _setitem


# -- NumPy's functions that write -------------------------------------------------------------------------------------


def destination(array, name):
    """The array, which must be a traced one."""
    if type(array) is not TracedArray:
        raise TracingError(
            f"{name} was to write a traced value into a plain array{caller()}, which would lose its derivative. "
            "Expected a traced destination: make it with np.zeros_like(x), or write np.where or np.concatenate."
        )
    return array


@composite(np.copyto)
def copyto(dst, src, casting="same_kind", where=True):
    """dst[...] = src, where a mask is true."""
    destination(dst, "np.copyto")[...] = src if where is True else np.where(where, src, dst)


@composite(np.putmask)
def putmask(a, /, mask, values):
    """a[mask] = values at the same places."""
    if np.shape(values) not in ((), np.shape(a)):
        _refuse("np.putmask repeats values that have another shape", "values of the array's shape")
    destination(a, "np.putmask")[...] = np.where(mask, values, a)


@composite(np.put_along_axis)
def put_along_axis(arr, indices, values, axis=-1):
    """arr[…, indices, …] = values along an axis."""
    destination(arr, "np.put_along_axis")
    if axis is None:
        _refuse("np.put_along_axis was called with axis=None", "an axis")
    arr[along_axis(indices, axis, arr.shape)] = values


@composite(np.fill_diagonal)
def fill_diagonal(a, val, wrap=False):
    """The diagonal of a square matrix, assigned to."""
    destination(a, "np.fill_diagonal")
    if a.ndim != 2 or wrap:
        _refuse("np.fill_diagonal was called with wrap=True or not on a matrix", "a matrix")
    n = min(a.shape)
    if n:
        a[np.arange(n), np.arange(n)] = np.resize(val, n)  # repeated or cut, as by assignment to a.flat
