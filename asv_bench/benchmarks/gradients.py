"""Gradients: the layered tanh network and a scalar program, against other libraries and the derivative by hand."""

from . import workloads
from .protocol import BASELINE, LIBRARIES, compare, ratio, require
from .worker import make

PEERS = [library for library in LIBRARIES if library != BASELINE]
DTYPES = ("float32", "float64")


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
    params = (LIBRARIES, workloads.SIZES["layered_tanh"], DTYPES)


class ScalarRecurrence(_Time):
    """A recurrence of numbers; sizes are (steps,)."""

    workload = "scalar_recurrence"
    params = (LIBRARIES, workloads.SIZES["scalar_recurrence"], ("float64",))


class _Ratio:
    """Time of opad over time of the library, a process for each, in turns; `opad_eager` is the A/A row."""

    param_names = ("library", "size", "dtype")
    timeout = 600

    def setup(self, library, size, dtype):
        require(library)

    def track_ratio(self, library, size, dtype):
        return ratio(self.workload, size, dtype, library)


class LayeredTanhRatio(_Ratio):
    """opad / library for the layered network; at most 0.85 of torch is wanted at (8, 1, 50) in float64."""

    workload = "layered_tanh"
    params = (LIBRARIES, workloads.SIZES["layered_tanh"], DTYPES)


class ScalarRecurrenceRatio(_Ratio):
    """opad / library for the recurrence of numbers."""

    workload = "scalar_recurrence"
    params = (LIBRARIES, workloads.SIZES["scalar_recurrence"], ("float64",))


class GradientOverForward:
    """Time of opad's gradient over the time of the function that it differentiates, in plain NumPy."""

    params = (workloads.SIZES["layered_tanh"], DTYPES)
    param_names = ("size", "dtype")
    timeout = 600

    def track_gradient_over_forward(self, size, dtype):
        rounds = sorted(compare("layered_tanh", size, dtype, [])["gradient / forward"])
        return rounds[len(rounds) // 2]
