"""The memory that one gradient of one library needs, in a process of its own.

    python -m benchmarks.memory_worker LIBRARY WORKLOAD SIZE DTYPE        (in asv_bench/)

Prints the bytes by which the resident set exceeds, at its peak during one gradient, what it was when the library was
imported and the inputs were there. The gradient has been computed before, so that buffers and what a compiler keeps
count, but not what it needs while it compiles. This treats all libraries alike: each has an allocator of its own.
"""

import json
import sys
from pathlib import Path

from .worker import make

STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(kind):
    """Bytes of the resident set now ("VmRSS") or at its peak ("VmHWM")."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(kind))
    return 1024 * int(line.split()[1])


def main():
    library, workload, size, dtype = sys.argv[1:]
    gradient = make(library, workload, json.loads(size), dtype)[1]
    before = resident("VmRSS")
    for _ in range(3):
        result = gradient()
    del result
    CLEAR_REFS.write_text("5")  # the peak is what there is now
    gradient()
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    main()
