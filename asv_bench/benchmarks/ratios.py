"""Ratios of opad, eager and compiled, to every library on every workload, and what they come to.

`python -m asv_bench.report` measures all sizes; here it is one per workload, the second, which asv follows from commit
to commit. Smaller is better for opad. At most 1 is wanted of `Summary` against the best library.
"""

from statistics import geometric_mean, median

import numpy as np

from . import workloads
from .protocol import AA, BASELINE, COMPILED, FLOOR, FORWARD, FUSED, OPAD, PEERS, libraries, measure, ratios, require

BY_HAND = "numpy_by_hand"
BEST = "best library"
STANDARD = {f"{cell[0]} {cell[1]}": cell for cell in map(workloads.standard, workloads.NAMES)}
CELLS = STANDARD | {"layered_tanh (8, 1, 50)": ("layered_tanh", (8, 1, 50), "float64")}


def best_library(measured):
    """The fastest of the libraries that differentiate, opad and the derivative by hand aside; None if there is none."""
    seconds = {name: median(measured["seconds"][name]) for name in PEERS if name in measured["seconds"]}
    seconds.pop(BY_HAND, None)
    return min(seconds, key=seconds.get, default=None)


def ratio(measured, baseline, against):
    """Time of opad over that of a library or of the best one, the median of the rounds; nan where there is no time."""
    library = best_library(measured) if against == BEST else against
    rounds = ratios(measured, baseline).get(library) if baseline in measured["seconds"] else None
    return median(rounds) if rounds else np.nan


def mean_ratio(measurements, baseline, against):
    """Geometric mean over the workloads of their geometric means over sizes and dtypes.

    Parameters
    ----------
    measurements : list of (workload, result of `measure`)
    """
    values = {}
    for workload, measured in measurements:
        value = ratio(measured, baseline, against)
        if value == value:
            values.setdefault(workload, []).append(value)
    return geometric_mean(map(geometric_mean, values.values())) if values else np.nan


def setup_cache():
    return {name: measure(*cell, libraries(cell[0])) for name, cell in CELLS.items()}


setup_cache.timeout = 3600


class _Ratios:
    params = (tuple(CELLS), (*PEERS, BEST, AA, FORWARD))
    param_names = ("workload", "against")

    def setup(self, cache, cell, against):
        if against in PEERS:
            require(against, CELLS[cell][0])

    def track_ratio(self, cache, cell, against):
        for library in (self.baseline, against):
            if library in cache[cell]["failed"]:
                raise RuntimeError(f"{library}: {cache[cell]['failed'][library]}")
        return ratio(cache[cell], self.baseline, against)


class Eager(_Ratios):
    """Time of `opad.grad` over that of each library, one process for each, in turns.

    At most 0.85 of torch_eager is wanted for "layered_tanh (8, 1, 50)".
    """

    baseline = BASELINE


class Compiled(_Ratios):
    """The same for `opad.compile(opad.grad(…))`."""

    baseline = COMPILED


class Fused(_Ratios):
    """The same for `opad.compile(opad.grad(…), fuse=True)`, which needs numba."""

    baseline = FUSED

    def setup(self, cache, cell, against):
        require(FUSED, CELLS[cell][0])
        super().setup(cache, cell, against)


class Summary:
    """Geometric mean over the workloads."""

    params = (OPAD, (*PEERS, BEST))
    param_names = ("opad", "against")

    def track_mean_ratio(self, cache, baseline, against):
        return mean_ratio([(CELLS[name][0], cache[name]) for name in STANDARD], baseline, against)


class Floor:
    """Compiled Burgers over the same NumPy calls, eager, with an adjoint by hand; at most 1.5 is wanted."""

    def track_ratio(self, cache):
        return ratio(cache["burgers (200, 500)"], COMPILED, FLOOR)


class FirstCall:
    """Seconds of the first gradient: recording for opad, compilation for others."""

    params = (tuple(CELLS), (*OPAD, "torch_compile", "jax_jit"))
    param_names = ("workload", "library")

    def track_seconds(self, cache, cell, library):
        return cache[cell]["first"].get(library, np.nan)

    track_seconds.unit = "s"
