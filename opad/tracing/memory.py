"""Memory that a sweep frees is used again by the next one, where the C library leaves the choice.

glibc hands every freed block of 128 KB and more back to the system, and the next array of that size pays a page fault
per 4 KB for it, often more than its arithmetic. It stops doing so for the sizes that a program has freed before: it
takes them for recurring. The arrays of a tape recur by nature, so opad frees one such block at its first sweep, before
any is needed. The process then keeps at most twice the size of that block for reuse; other C libraries do as they
always do.
"""

from functools import cache

import numpy as np

LARGEST = 30 << 20  # bytes; glibc learns nothing from blocks above 32 MB


@cache
def keep_freed_memory():
    """Let the allocator reuse freed blocks of up to `LARGEST` bytes; nothing is written, so no memory is taken."""
    np.empty(LARGEST, np.uint8)
