"""Gradients in asv's own process, by every library; `ratios` compares them."""

from . import workloads
from .protocol import LIBRARIES, require
from .worker import make

TIMED = tuple(library for library in LIBRARIES if library != "torch_compile")  # compiles for ten seconds each time


class Gradient:
    """One gradient of every workload, at its second size, in double precision; n/a where a library is not installed."""

    params = (TIMED, workloads.NAMES)
    param_names = ("library", "workload")
    timeout = 300

    def setup(self, library, workload):
        require(library, workload)
        self.gradient = make(library, *workloads.standard(workload))[1]
        self.gradient()

    def time_gradient(self, library, workload):
        self.gradient()


class LayeredTanh:
    """tanh(W h + b) in layers; sizes are (width, batch, depth)."""

    params = (TIMED, workloads.load("layered_tanh").SIZES, workloads.load("layered_tanh").DTYPES)
    param_names = ("library", "size", "dtype")
    timeout = 300

    def setup(self, library, size, dtype):
        require(library, "layered_tanh")
        self.gradient = make(library, "layered_tanh", size, dtype)[1]
        self.gradient()

    def time_gradient(self, library, size, dtype):
        self.gradient()
