"""One library and one workload in a process of its own, timed when asked.

    python -m benchmarks.worker SPECIFICATION        (in asv_bench/; started by `protocol`, not by hand)

SPECIFICATION is JSON: library, workload, size, dtype, device, quantity ("gradient" or "forward"), repeats, and the file
of the reference gradient, which the first worker, opad, writes. A library whose gradient differs from it is not timed.
The process writes one line of JSON when it is ready, or with the error that it met, then one with a median for every
line that it reads.
"""

import importlib
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import optree

from . import workloads

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
SHORTEST = 0.005  # seconds per repeat; quicker calls are repeated inside it
LONGEST = 2.0  # seconds per turn; slower calls are repeated less often, at least three times


def make(library, workload, size, dtype, device="cpu"):
    """The two callables (forward, gradient) of a library for a workload, and the library's version."""
    peer = importlib.import_module(f"{__package__}.peers.{library}")
    module = workloads.load(workload)
    parameters, data = module.inputs(size, dtype)
    special = getattr(module, library, None)
    functions = special(parameters, *data) if special else peer.make(module, parameters, data, device)
    return *functions, peer.version


def leaves(gradient):
    """The arrays of a gradient, on the host."""
    return [np.asarray(leaf.get() if hasattr(leaf, "get") else leaf) for leaf in optree.tree_leaves(gradient)]


def check(gradient, reference, tolerance):
    """Raise unless every array of `gradient` agrees with opad's, relative to its largest element."""
    for k, (found, expected) in enumerate(zip(gradient, reference, strict=True)):
        scale = np.max(np.abs(expected))
        error = np.max(np.abs(found - expected)) / scale if found.shape == expected.shape else np.inf
        if not error <= tolerance:
            raise AssertionError(f"derivative {k} is off by {error:.1e} of its size; expected {tolerance:.0e}")


def calls_per_repeat(function):
    """How many calls last `SHORTEST` seconds; also the warm-up."""
    function()
    calls, seconds = 1, 0.0
    while seconds < SHORTEST:
        calls = max(calls, min(10 * calls, int(1.2 * calls * SHORTEST / seconds))) if seconds else calls
        start = perf_counter()
        for _ in range(calls):
            function()
        seconds = perf_counter() - start
    return calls


def seconds_per_call(function, calls, repeats):
    """Median over `repeats` of the seconds per call."""
    times, end = [], perf_counter() + LONGEST
    for k in range(repeats):
        start = perf_counter()
        if k >= 3 and start > end:
            break
        for _ in range(calls):
            function()
        times.append((perf_counter() - start) / calls)
    return median(times)


def prepare(library, workload, size, dtype, device, quantity, reference, **_):
    """(the function to be timed, what is known before it is)."""
    *functions, version = make(library, workload, size, dtype, device)
    start = perf_counter()
    gradient = functions[1]()
    first = perf_counter() - start
    if Path(reference).exists():
        tolerances = getattr(workloads.load(workload), "TOLERANCE", TOLERANCE)
        with np.load(reference) as expected:
            check(leaves(gradient), list(expected.values()), tolerances[dtype])
    else:
        np.savez(reference, *leaves(gradient))
    function = functions[quantity == "gradient"]
    return function, {"version": version, "first": first, "calls": calls_per_repeat(function)}


def main():
    specification = json.loads(sys.argv[1])
    answers = sys.stdout
    with redirect_stdout(sys.stderr):  # what a library prints is no answer
        try:
            function, ready = prepare(**specification)
        except Exception as error:
            ready = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(ready), file=answers, flush=True)
        if "error" in ready:
            return
        for _ in sys.stdin:
            seconds = seconds_per_call(function, ready["calls"], specification["repeats"])
            print(json.dumps({"seconds": seconds}), file=answers, flush=True)


if __name__ == "__main__":
    main()
