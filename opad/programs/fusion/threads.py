"""Large loops in parts, one for each thread.

numba's own parallel loops may not be started from several threads at once (its default layer ends the process), and
compiled functions may. So the loops themselves are divided along their first axis, and run without the GIL.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

SMALLEST = 1 << 16  # elements from which loops are divided


def thread_count():
    """How many threads may be used: the processors of this process, or fewer if the environment says so."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = (os.environ.get(f"{name}_NUM_THREADS", "") for name in ("NUMBA", "OMP", "OPENBLAS"))
    return max(1, min([count, *(int(limit) for limit in limits if limit.isdigit())]))


@cache
def _pool():
    return ThreadPoolExecutor(max(1, thread_count() - 1), thread_name_prefix="opad")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of the threads


class Divided:
    """A kernel that is run in parts.

    Parameters
    ----------
    kernel : callable on arrays and numbers
    divided : list of bool, which arguments are cut along their first axis; the last one is
    parts : int
    """

    def __init__(self, kernel, divided, parts):
        self.kernel, self.divided, self.parts = kernel, divided, parts
        self.__name__ = f"{kernel.__name__}_in_{parts}_parts"

    def __call__(self, *args):
        length = len(args[-1])
        cuts = [length * k // self.parts for k in range(self.parts + 1)]
        mine, *others = [self._part(args, slice(*cut)) for cut in pairwise(cuts)]
        running = [_pool().submit(self.kernel, *part) for part in others]
        self.kernel(*mine)
        for part in running:
            part.result()

    def _part(self, args, rows):
        return [arg[rows] if is_cut else arg for arg, is_cut in zip(args, self.divided, strict=True)]
