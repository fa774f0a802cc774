"""Whether an array is what it was: comparison with a copy, bit by bit, and checksums for arrays too large to copy."""

import numpy as np

_BLOCK = 1 << 16  # elements that are compared at a time
_SMALL = 1 << 12  # bytes up to which a comparison by way of a copy is fastest
_ROWS, _COLUMNS = 32, (1021, 1019, 1013, 1009, 997)  # of a tile in words: 256 KB, which are read from memory once
_PART = 1 << 18  # bytes of an array with gaps that are copied at a time


def same_bits(a, b):
    """True if two arrays are equal bit by bit; NaNs with equal payload are equal, 0.0 and -0.0 are not."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.nbytes <= _SMALL or a.dtype.hasobject:
        return a.tobytes() == b.tobytes()
    if not all(a.strides) and a.strides == b.strides:  # repeated elements
        return same_bits(without_repetition(a), without_repetition(b))
    if a.dtype.kind == "c":
        return same_bits(a.real, b.real) and same_bits(a.imag, b.imag)
    if a.dtype.itemsize > 8 or a.dtype.kind not in "fiub":
        return a.tobytes() == b.tobytes()
    a, b = (x.view(f"u{x.dtype.itemsize}") for x in (a, b))
    if a.flags.f_contiguous and b.flags.f_contiguous:
        a, b = a.T, b.T
    if a.flags.c_contiguous and b.flags.c_contiguous:
        a, b = a.reshape(-1), b.reshape(-1)
    rows = max(1, _BLOCK * len(a) // a.size)
    return not any(np.not_equal(a[k : k + rows], b[k : k + rows]).any() for k in range(0, len(a), rows))


def without_repetition(array):
    """The array with length 1 along axes of stride 0, on which all elements are one."""
    return array if all(array.strides) else array[tuple([slice(None) if s else slice(1) for s in array.strides])]


def duplicate(array):
    """A copy in the same order of axes; of repeated elements it keeps one."""
    copy = without_repetition(array).copy(order="K")
    return copy if copy.shape == array.shape else np.broadcast_to(copy, array.shape)


def checksums(array):
    """The sums of all rows and columns, modulo 2^64, of an array's memory laid out in tiles of 32 by 1021 words.

    A change of the array goes unseen only if it keeps every one of these sums. So a row or column of a tile that has
    a changed word has another one: up to three changed words are seen in any case, as are two that were exchanged. A
    change of all signs, or by one factor of 2, is seen too, because the length of a row is odd. Sorting, exchanged
    rows and computed values would have to meet a number modulo 2^64 for each row and column that they touch; the
    length is a prime that divides no stride of the array, so that tiles do not line up with its rows.
    """
    columns = next((p for p in _COLUMNS if all(stride % p for stride in array.strides)), _COLUMNS[0])
    if not array.flags.forc:
        array = _in_order(without_repetition(array))
    return b"".join(_sums(memory, columns) for memory in _stretches(array))


def _stretches(array):
    """The array's memory in order, as one contiguous array, or as copies of parts where it has gaps."""
    if array.flags.f_contiguous:
        array = array.T
    if array.flags.c_contiguous:
        return [array.reshape(-1)]
    if len(array) < array.nbytes // _PART:
        return (memory for part in array for memory in _stretches(part))
    rows = _PART * len(array) // array.nbytes
    return (np.ascontiguousarray(array[k : k + rows]).reshape(-1) for k in range(0, len(array), rows))


def _in_order(array):
    """The array with its axes turned and exchanged so that they follow its memory."""
    array = array[tuple([slice(None, None, -1 if s < 0 else 1) for s in array.strides])]
    return array.transpose(np.argsort(np.array(array.strides), kind="stable")[::-1])


def _sums(memory, columns):
    memory = memory.view(np.uint8)
    rows = memory.size // (8 * columns)
    end = 8 * columns * rows
    words = memory[:end].view(np.uint64).reshape(rows, columns)
    found = []
    for k in range(0, rows, _ROWS):
        tile = words[k : k + _ROWS]
        found += np.add.reduce(tile, 1).tobytes(), np.add.reduce(tile, 0).tobytes()
    return b"".join([*found, memory[end:].tobytes()])
