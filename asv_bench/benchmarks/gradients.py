"""Gradients: the layered tanh network and a scalar program, against other libraries and the derivative by hand."""

from statistics import median

from . import workloads
from .protocol import AA, FORWARD, LIBRARIES, PEERS, compare, is_installed, require
from .worker import make

CELLS = {
    f"{workload} {size} {dtype}": (workload, size, dtype)
    for workload, sizes in workloads.SIZES.items()
    for size in sizes
    for dtype in workloads.DTYPES[workload]
}


class _Time:
    """One gradient and one forward evaluation in asv's own process; n/a where a library is not installed."""

    param_names = ("library", "size", "dtype")
    timeout = 300

    def setup(self, library, size, dtype):
        require(library)
        self.forward, self.gradient, _ = make(library, self.workload, size, dtype)
        self.gradient()

    def time_gradient(self, library, size, dtype):
        self.gradient()


class LayeredTanh(_Time):
    """tanh(W h + b) in layers; sizes are (width, batch, depth)."""

    workload = "layered_tanh"
    params = (LIBRARIES, workloads.SIZES["layered_tanh"], workloads.DTYPES["layered_tanh"])


class ScalarRecurrence(_Time):
    """A recurrence of numbers; sizes are (steps,)."""

    workload = "scalar_recurrence"
    params = (LIBRARIES, workloads.SIZES["scalar_recurrence"], workloads.DTYPES["scalar_recurrence"])


class Ratios:
    """Time of opad over time of each library, one process for each, in turns; smaller is better for opad.

    At most 0.85 of torch_eager is wanted for "layered_tanh (8, 1, 50) float64". "A/A" compares opad with itself, and
    "gradient / forward" its gradient with the function that is differentiated, in plain NumPy.
    """

    params = (tuple(CELLS), (*PEERS, AA, FORWARD))
    param_names = ("workload", "against")

    def setup_cache(self):
        libraries = [library for library in PEERS if is_installed(library)]
        return {name: compare(*cell, libraries) for name, cell in CELLS.items()}

    setup_cache.timeout = 1800

    def setup(self, ratios, workload, against):
        if against in PEERS:
            require(against)

    def track_ratio(self, ratios, workload, against):
        return median(ratios[workload][against])
