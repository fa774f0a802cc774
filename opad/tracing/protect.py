"""Constants that a trace keeps must not change under it: small ones are copied, large ones locked while it is open.

A lock does not reach views of the same memory that were made before; writes through them are found when the trace is
closed, by sums over the constants, for large ones over a sample.
"""

import threading
from collections import Counter
from contextlib import contextmanager
from itertools import count
from math import gcd

import numpy as np

COPY_LIMIT = 1 << 14  # bytes; copying fewer costs less than a microsecond
_BLOCK, _BLOCKS = 512, 64  # elements that are summed together, and how many such sums are taken
_SAMPLE = 8 * _BLOCK * _BLOCKS  # bytes, which takes some microseconds
_WORDS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}

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


def fingerprint(array):
    """Sums, as integers, over 64 blocks of an array's memory, all of it up to 256 KB, and what is left after them.

    A write to a block changes its sum.
    """
    if not array.flags.c_contiguous:
        array = np.ascontiguousarray(array[:: max(1, array.nbytes // _SAMPLE)])
    memory = array.reshape(-1).view(_WORDS[gcd(array.itemsize, 8)])
    length = len(memory) // _BLOCKS
    blocks = memory[: length * _BLOCKS].reshape(_BLOCKS, length)[:, :_BLOCK]
    return np.add.reduce(blocks, 1, np.uint64).tobytes(), memory[length * _BLOCKS :].tobytes()


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
