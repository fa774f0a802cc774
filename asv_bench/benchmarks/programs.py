"""Compiled programs: against the eager gradient, recording time, memory. Other libraries: `ratios`."""

import tracemalloc
from time import perf_counter

import numpy as np

import opad

from . import workloads
from .timing import ratio


class Compiled:
    """Gradients of the workloads at their second size, recorded once and replayed."""

    params = (workloads.WITH_LOSS,)
    param_names = ("workload",)
    timeout = 300

    def setup(self, workload):
        self.loss, self.arguments = workloads.loss_and_arguments(workload)
        self.eager = opad.grad(self.loss)
        self.compiled = opad.compile(self.eager)
        self.compiled(*self.arguments)

    def time_gradient(self, workload):
        self.compiled(*self.arguments)

    def track_compiled_over_eager(self, workload):
        """Smaller is better for opad.compile."""
        return ratio(lambda: self.compiled(*self.arguments), lambda: self.eager(*self.arguments))

    def track_gradient_over_forward(self, workload):
        """Time of the compiled gradient over that of the loss in plain NumPy."""
        return ratio(lambda: self.compiled(*self.arguments), lambda: self.loss(*self.arguments))

    def track_recording_over_eager(self, workload):
        """Time of the first call, which records, over one eager gradient; at most 40 is wanted."""
        return _best(lambda: opad.compile(self.eager)(*self.arguments)) / _best(lambda: self.eager(*self.arguments))

    def track_bytes_allocated(self, workload):
        """Peak of what one replay allocates, results included."""
        self.compiled(*self.arguments)
        tracemalloc.start()
        self.compiled(*self.arguments)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak


class Recording:
    """Time to record a chain of operations and to write its program."""

    params = ([100, 1000, 10000],)
    param_names = ("operations",)
    timeout = 120

    def time_first_call(self, operations):
        def chain(x):
            for k in range(operations // 2):
                x = np.sin(x) + k
            return x

        opad.compile(chain)(np.ones(4))


def _best(function, repeats=3):
    times = []
    for _ in range(repeats):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


def main():
    """Print what `Compiled` measures as a table: python -m benchmarks.programs (in asv_bench/)."""
    print(
        f"{'gradient of':24}{'compiled / eager':>18}{'/ forward':>12}{'recording / eager':>20}{'bytes allocated':>18}"
    )
    for name in workloads.WITH_LOSS:
        case = Compiled()
        case.setup(name)
        speed, forward = case.track_compiled_over_eager(name), case.track_gradient_over_forward(name)
        recording, allocated = case.track_recording_over_eager(name), case.track_bytes_allocated(name)
        print(f"{name:24}{speed:18.2f}{forward:12.2f}{recording:20.1f}{allocated:18,}", flush=True)


if __name__ == "__main__":
    main()
