"""Memory: peaks, what one record costs above its arrays, and what checkpoints save."""

import gc
import json
import subprocess
import sys
import tracemalloc

import numpy as np

import opad

from . import workloads
from .memory_worker import CLEAR_REFS
from .protocol import BASELINE, COMPILED, SUITE, environment, require
from .workloads import layered_tanh

RECORDS = (100, 1_000, 10_000, 100_000)


def chain(x, records):
    """One record per step, on an array that keeps its shape."""
    for _ in range(records):
        x = np.sin(x)
    return x


def traced_bytes(function):
    """(bytes that the result of `function` keeps, bytes at the peak, the result), both above what there was before."""
    function()
    gc.collect()
    tracemalloc.start()
    try:
        result = function()
        return *tracemalloc.get_traced_memory(), result
    finally:
        tracemalloc.stop()


class Gradient:
    """Peak memory of a process that computes one gradient of the layered network."""

    params = (layered_tanh.SIZES,)
    param_names = ("size",)

    def setup(self, size):
        parameters, data = layered_tanh.inputs(size, "float64")
        self.gradient, self.point = opad.grad(layered_tanh.loss), (parameters, *data)

    def peakmem_gradient(self, size):
        self.gradient(*self.point)

    def track_peak_over_parameters(self, size):
        """Peak of the gradient, as a multiple of the bytes of the parameters and of the outputs of the layers."""
        W, b = self.point[0]
        width, batch, depth = size
        arrays = sum(a.nbytes for a in W + b) + 8 * width * batch * depth
        return traced_bytes(lambda: self.gradient(*self.point))[1] / arrays


class Records:
    """A chain of records on 16 elements: what is kept, or needed at the peak, per record above the arrays themselves.

    At most 1 kB is wanted.
    """

    params = RECORDS
    param_names = ("records",)
    timeout = 300

    def setup(self, records):
        self.x = np.ones(16)

    def peakmem_gradient(self, records):
        opad.grad(lambda x: np.sum(chain(x, records)))(self.x)

    def peakmem_linearize(self, records):
        opad.linearize(lambda x: chain(x, records), self.x).vjp(self.x)

    def track_gradient_overhead_bytes(self, records):
        """Peak of a one-shot gradient, above one array per record."""
        peak = traced_bytes(lambda: opad.grad(lambda x: np.sum(chain(x, records)))(self.x))[1]
        return peak / records - self.x.nbytes

    def track_linearize_overhead_bytes(self, records):
        """What a Linearization keeps before its first product, above one array per record."""
        return traced_bytes(lambda: opad.linearize(lambda x: chain(x, records), self.x))[0] / records - self.x.nbytes

    def track_products_overhead_bytes(self, records):
        """What it keeps after one product each way, above two arrays per record: the output and the block's data."""

        def with_products():
            linearization = opad.linearize(lambda x: chain(x, records), self.x)
            linearization.jvp(self.x)
            linearization.vjp(self.x)
            return linearization

        return traced_bytes(with_products)[0] / records - 2 * self.x.nbytes

    track_gradient_overhead_bytes.unit = track_linearize_overhead_bytes.unit = "bytes"
    track_products_overhead_bytes.unit = "bytes"


class Checkpoints:
    """Peak memory of the gradient of 400 steps on 10^4 elements, in segments of 1 (no checkpoint), 20 or 100 steps."""

    params = (1, 20, 100)
    param_names = ("steps per checkpoint",)

    def setup(self, length):
        self.x = np.linspace(0.0, 1.0, 10_000)

        def segment(x):
            return chain(x, length)

        piece = opad.checkpoint(segment) if length > 1 else segment

        def total(x):
            for _ in range(400 // length):
                x = piece(x)
            return np.sum(x)

        self.gradient = opad.grad(total)

    def time_gradient(self, length):
        self.gradient(self.x)

    def peakmem_gradient(self, length):
        self.gradient(self.x)

    def track_peak_in_arrays(self, length):
        """Peak, counted in arrays of the state: 400 steps without checkpoints keep 400."""
        return traced_bytes(lambda: self.gradient(self.x))[1] / self.x.nbytes


class Libraries:
    """Peak memory of one gradient; `memory_worker` says what that counts.

    At the smallest size of a workload it is what the library itself needs, at the largest the arrays outweigh that.
    """

    params = (
        ("layered_tanh", "attention", "lstm", "matrix_factorisation", "n_body", "burgers", "rosenbrock"),
        (BASELINE, COMPILED, "numpy_by_hand", "torch_eager", "jax_jit"),
        ("smallest", "largest"),
    )
    param_names = ("workload", "library", "size")
    timeout = 300

    def setup(self, workload, library, size):
        require(library, workload)
        if not CLEAR_REFS.exists():
            raise NotImplementedError("the peak of the resident set can be reset on Linux alone")

    def track_peak_bytes(self, workload, library, size):
        size = json.dumps(workloads.load(workload).SIZES[0 if size == "smallest" else -1])
        command = [sys.executable, "-m", "benchmarks.memory_worker", library, workload, size, "float64"]
        answer = subprocess.run(command, cwd=SUITE, env=environment(1), check=True, capture_output=True, text=True)
        return int(answer.stdout)

    track_peak_bytes.unit = "bytes"
