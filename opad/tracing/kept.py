"""What a record keeps: of large arrays only those whose values its Jacobian rule uses, of the others the space."""

import weakref
from functools import lru_cache
from math import prod

import numpy as np

from opad.tracing.trace import make_records

KEEP_LIMIT = 1 << 14  # bytes; keeping fewer costs less than finding out
WITHOUT_LIMIT = set()  # types of arrays of which small ones count, too: those of recordings, where all else costs more


class View:
    """The shape and the dtype of a view, and the view itself as long as something else refers to it."""

    __slots__ = ("_view", "dtype", "ndim", "shape")

    def __init__(self, array):
        self._view = weakref.ref(array)
        self.shape = array.shape
        self.ndim = len(self.shape)
        self.dtype = array.dtype

    @property
    def alive(self):
        return self._view()

    def __reduce__(self):
        return Space, (self.shape, self.dtype)


class Space:
    """The shape and the dtype of an array, without the array."""

    __slots__ = ("dtype", "ndim", "shape")

    def __init__(self, shape, dtype):
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = dtype

    size = property(lambda self: prod(self.shape))


_shared = lru_cache(maxsize=256)(Space)


def space(array):
    """The Space of an array, one for all arrays of the same shape and dtype."""
    return _shared(array.shape, array.dtype)


def kept_view(y):
    """What a record keeps of a view, of which its block needs the shape alone."""
    return y if make_records.get() is not None else View(y)


def kept(primitive, y, args, parents):
    """(y, args) of a call, without the values that no block of the record uses."""
    if make_records.get() is not None:  # a tape that looks at all values
        return y, args
    used = primitive.used(tuple([slot for slot, _ in parents]))
    if used is None or _is_view(y, args):  # assignments have to know of what a view is one
        return y, args
    return y if -1 in used else space(y), [a if k in used else _space(a) for k, a in enumerate(args)]


def _is_view(y, args):
    if y.base is None:
        return False
    y, *args = map(memory_of, (y, *args))
    return any(isinstance(a, np.ndarray) and np.may_share_memory(y, a) for a in args)


def memory_of(x):
    """The plain array in which the elements are, also while a program is recorded."""
    x = x.alive if type(x) is View else x
    while getattr(x, "is_symbolic", False):
        x = x.value
    return x


def _space(a):
    is_large = type(a) in WITHOUT_LIMIT or getattr(a, "nbytes", 0) > KEEP_LIMIT
    return space(a) if is_large and a.ndim else a
