"""Memory for large results: what the caller has dropped is used again, what he holds is left alone.

Fresh memory for a large array costs a page fault per 4 KB when it is first written, often more than the arithmetic.
"""

import sys

import numpy as np

SMALLEST = 1 << 16  # bytes of results for which this pays
KEPT = 2  # arrays per result: the caller may hold one while the next is computed

is_counted = getattr(sys, "_is_gil_enabled", lambda: True)()  # whether reference counts can be trusted


def result_array(pool, shape, dtype, order):
    """An array to write a result into: one of `pool` that nobody else refers to, or a new one.

    Views, memory views and other owners of the memory count as references.

    Examples
    --------
    >>> pool = []
    >>> a = result_array(pool, (3,), np.dtype(float), "C")
    >>> b = result_array(pool, (3,), np.dtype(float), "C")
    >>> a is b
    False
    >>> address = id(a)
    >>> del a
    >>> id(result_array(pool, (3,), np.dtype(float), "C")) == address
    True
    """
    for k in range(len(pool)):
        if sys.getrefcount(pool[k]) <= 2:  # the pool's and the argument's
            array = pool[k]
            if (
                array.shape == shape
                and array.dtype == dtype
                and array.flags.writeable
                and array.flags[f"{order}_CONTIGUOUS"]
            ):
                return array
            del pool[k]  # its owner has changed it
            break
    array = np.empty(shape, dtype, order)
    pool.append(array)
    del pool[:-KEPT]
    return array
