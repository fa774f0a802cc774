"""One library and one workload in a process of its own, timed when asked.

    python -m benchmarks.worker SPECIFICATION        (in asv_bench/; started by `protocol`, not by hand)

SPECIFICATION is JSON: library, workload, size, dtype, quantity ("gradient" or "forward"), repeats, and the file with
opad's gradient. A library whose gradient differs from it is not timed. The process writes one line of JSON when it is
ready, then one with a median for every line that it reads.
"""

import importlib
import json
import sys
from statistics import median
from time import perf_counter

import numpy as np
from benchmarks import workloads

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
SHORTEST = 0.005  # seconds per repeat; quicker calls are repeated inside it


def make(library, workload, size, dtype):
    """The two callables (forward, gradient) of a library for a workload, and the library's version."""
    peer = importlib.import_module(f"benchmarks.peers.{library}")
    return *getattr(peer, workload)(*getattr(workloads, workload)(size, dtype)), peer.version


def check(gradient, reference, dtype):
    """Raise unless every array of `gradient` agrees with opad's, relative to its largest element."""
    for k, (found, expected) in enumerate(zip(gradient, reference, strict=True)):
        found, scale = np.asarray(found), np.max(np.abs(expected))
        error = np.max(np.abs(found - expected)) / scale if found.shape == expected.shape else np.inf
        if not error <= TOLERANCE[dtype]:
            raise AssertionError(f"derivative {k} is off by {error:.1e} of its size; expected {TOLERANCE[dtype]:.0e}")


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
    times = []
    for _ in range(repeats):
        start = perf_counter()
        for _ in range(calls):
            function()
        times.append((perf_counter() - start) / calls)
    return median(times)


def main():
    specification = json.loads(sys.argv[1])
    library, workload, size, dtype = (specification[name] for name in ("library", "workload", "size", "dtype"))
    *functions, version = make(library, workload, size, dtype)
    with np.load(specification["reference"]) as reference:
        check(functions[1](), list(reference.values()), dtype)
    function = functions[specification["quantity"] == "gradient"]
    calls = calls_per_repeat(function)
    print(json.dumps({"library": library, "version": version, "calls": calls}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"seconds": seconds_per_call(function, calls, specification["repeats"])}), flush=True)


if __name__ == "__main__":
    main()
