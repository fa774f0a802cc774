"""Arrays that a trace keeps must not change under it: small ones are copied, large ones locked while it is open.

A lock does not reach views of the same memory that were made before. So the trace keeps copies of locked arrays, too,
as long as they are few bytes, and checksums of the others: a write through a view is found when the trace is closed.

Only read-only arrays that own their memory, and read-only views of them, are neither copied nor locked nor looked at.
Whoever makes an array read-only (`x.flags.writeable = False`) promises to hold no view that can still be written to.
"""

import threading
from collections import Counter
from contextlib import contextmanager
from itertools import count

import numpy as np

from opad.tracing.bits import checksums, duplicate, same_bits

COPY_LIMIT = 1 << 14  # bytes; copying fewer costs less than a microsecond
COPIES_LIMIT = 1 << 23  # bytes that a trace copies in all; a copy costs a quarter of two checksums, but memory

_guard = threading.Lock()
_holders = Counter()  # how many open traces have locked an array, by id
_waiting = []  # views that no trace holds any more, but whose base one does: NumPy cannot make them writeable yet
_recomputations = count(1)


class _Scope(threading.local):
    """What a recording (see opad.programs) has to know of its thread.

    Attributes
    ----------
    number : which recomputation of a checkpoint is running, 0 for none; what two of them compute stays separate
    snapshot : callable array -> array by which a recording keeps constants, or None
    """

    number = 0
    snapshot = None


scope = _Scope()


@contextmanager
def recomputation():
    """While a checkpoint runs its function again."""
    outer, scope.number = scope.number, next(_recomputations)
    try:
        yield
    finally:
        scope.number = outer


def lock(array, held):
    """Make `array` and the arrays it is a view of read-only until `release(held)`; NumPy then refuses writes to it."""
    with _guard:
        while isinstance(array, np.ndarray):
            if array.flags.writeable or id(array) in _holders or any(array is view for view in _waiting):
                _holders[id(array)] += 1
                held.append(array)
                array.flags.writeable = False
            array = array.base


def is_promised(array):
    """True if nobody can write to an array, unless through a view made before it became read-only."""
    owner = array if array.base is None else array.base
    return (
        not array.flags.writeable
        and isinstance(owner, np.ndarray)
        and owner.base is None
        and not owner.flags.writeable
        and id(owner) not in _holders  # it is read-only for a while
    )


class Locked:
    """An array that is locked until the trace is closed, and how to find out whether it was changed all the same.

    Attributes
    ----------
    array : what the user has
    kept : what the trace works with; a copy, or the array itself
    """

    __slots__ = ("_checksums", "_is_used_again", "array", "kept")

    def __init__(self, array, copied):
        self.array = array
        self.kept = array
        self._is_used_again = False
        if copied:
            self.kept = duplicate(array)
            self.kept.flags.writeable = False
        else:
            self._checksums = checksums(array)

    def use_again(self):
        """What the trace works with, for one more operation."""
        self._is_used_again = True
        return self.kept

    @property
    def has_changed(self):
        """True if an operation may have seen other values than those that the trace has."""
        if self.kept is self.array:
            return checksums(self.array) != self._checksums
        return self._is_used_again and not same_bits(self.array, self.kept)


def release(held):
    """Undo every `lock` that put an array on the list `held`."""
    with _guard:
        for array in held:
            _holders[id(array)] -= 1
            if not _holders[id(array)]:
                del _holders[id(array)]
                _waiting.append(array)
        _waiting[:] = [array for array in sorted(_waiting, key=_depth) if not _unlock(array)]
        held.clear()


def _depth(array):
    """How many arrays `array` is a view of; bases must be unlocked before their views."""
    depth = 0
    while isinstance(array.base, np.ndarray):
        array, depth = array.base, depth + 1
    return depth


def _unlock(array):
    """Make an array writeable again unless a base of it is still held; whether it need not wait any longer."""
    base = array.base
    while isinstance(base, np.ndarray):
        if id(base) in _holders:
            return False
        base = base.base
    if id(array) not in _holders:
        array.flags.writeable = True
    return True
