"""Ratios of times that can be trusted: each library in its own process, the processes taking turns.

NumPy and PyTorch in one process fight over threads, and a machine that others use is not equally fast for a minute.
So every library gets a process and the same number of threads; the processes measure one after another, round after
round; and opad runs twice, which shows what a ratio of equals looks like (the A/A row). No process is held to a kernel
by the environment: see `PINS`.
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from . import workloads

ROUNDS = 3
REPEATS = 15
BASELINE = "opad_eager"
COMPILED = "opad_compiled"
FUSED = "opad_fused"
OPAD = (COMPILED, BASELINE, FUSED)
PACKAGES = {  # what a peer needs
    "numpy_by_hand": "numpy",
    "torch_eager": "torch",
    "torch_compile": "torch",
    "jax_jit": "jax",
    "autograd_eager": "autograd",
}
PEERS = tuple(PACKAGES)
PACKAGES[FUSED] = "numba"
LIBRARIES = (*OPAD, *PEERS)
FLOOR = "numpy_eager"
ON_CUDA = (*OPAD, "torch_eager", "torch_compile", "jax_jit")
AA, FORWARD = "A/A", "gradient / forward"
PINS = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "ONEDNN_MAX_CPU_ISA",
    "ATEN_CPU_CAPABILITY",
)
SUITE = Path(__file__).parent.parent


def is_installed(library):
    """Whether the package behind a peer module can be imported; it is not imported."""
    return find_spec(PACKAGES.get(library, "opad")) is not None


def libraries(workload):
    """All libraries, and what eager NumPy calls cost where a workload states that."""
    return (*LIBRARIES, FLOOR) if hasattr(workloads.load(workload), FLOOR) else LIBRARIES


def reason_against(library, workload, device="cpu"):
    """Why a library is not measured on a workload, or None."""
    if not is_installed(library):
        return f"{PACKAGES[library]} is not installed; python -m pip install -e '.[bench,fast]'"
    module = workloads.load(workload)
    if device == "cuda" and (library not in ON_CUDA or hasattr(module, library)):
        return "runs on the CPU"
    return getattr(module, "UNAVAILABLE", {}).get(library)


def require(library, workload):
    """Raise NotImplementedError, asv's "n/a", if a library is not measured on a workload."""
    if reason := reason_against(library, workload):
        raise NotImplementedError(reason)


def pins():
    """The environment variables, with their values, that keep a library from choosing its own kernels."""
    return {name: os.environ[name] for name in PINS if name in os.environ}


def environment(threads, keep_pins=False, device="cpu"):
    """The environment variables with which every library uses that many threads, and the kernels of its own choice."""
    count, eigen = str(threads), str(threads > 1).lower()
    kept = {name: value for name, value in os.environ.items() if keep_pins or name not in PINS}
    return kept | {
        "OPENBLAS_NUM_THREADS": count,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "NPROC": count,  # XLA's thread pool
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={count}",
        "JAX_PLATFORMS": device,
    }


class Worker:
    """A process that holds one library and measures when it is asked to; see `worker`.

    Attributes
    ----------
    ready : dict with "version", "first" (seconds of the first gradient, compilation included), or with "error"
    """

    module = "benchmarks.worker"

    def __init__(self, arguments, environment):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", self.module, *arguments]
        self.process = subprocess.Popen(command, cwd=SUITE, env=environment, **pipes)
        self.ready = self._read()

    def measure(self):
        """Seconds per call, the median of the repeats of one turn."""
        print(file=self.process.stdin, flush=True)
        return self._read()["seconds"]

    def _read(self):
        line = self.process.stdout.readline()
        return (
            json.loads(line) if line else {"error": f"the process ended with status {self.process.wait()}; see above"}
        )

    def close(self):
        self.process.communicate()


def times_in_turns(workers, rounds=ROUNDS):
    """Let workers measure in turns; array (rounds, workers) of seconds per call."""
    times = np.empty((rounds, len(workers)))
    for r in range(rounds):
        for k in range(len(workers))[:: 1 if r % 2 == 0 else -1]:
            times[r, k] = workers[k].measure()
    return times


def measure(workload, size, dtype, libraries, threads=1, rounds=ROUNDS, repeats=REPEATS, keep_pins=False, device="cpu"):
    """Times of the gradient by several libraries.

    Returns
    -------
    dict with
    "seconds" : {library: [seconds per call in each round]}; under `AA` opad eager once more, under `FORWARD` its
        forward evaluation
    "first" : {library: seconds of the first call, with recording or compilation}
    "versions" : {library: version}
    "unavailable" : {library: why it is not measured}
    "failed" : {library: the error that it met}
    """
    variables = environment(threads, keep_pins, device)
    common = {"workload": workload, "size": size, "dtype": dtype, "device": device, "repeats": repeats}
    unavailable = {name: reason for name in libraries if (reason := reason_against(name, workload, device))}
    kinds = {AA: (BASELINE, "gradient"), FORWARD: (BASELINE, "forward")}
    kinds |= {name: (name, "gradient") for name in libraries if name not in unavailable}
    workers = {}
    with tempfile.TemporaryDirectory() as folder:
        variables["TORCHINDUCTOR_CACHE_DIR"] = folder  # first calls compile
        common["reference"] = str(Path(folder) / "gradient.npz")  # of the first worker, opad; the others are compared
        try:
            for name, (library, quantity) in kinds.items():
                specification = common | {"library": library, "quantity": quantity}
                workers[name] = Worker([json.dumps(specification)], variables)
            failed = {name: worker.ready["error"] for name, worker in workers.items() if "error" in worker.ready}
            names = [name for name in workers if name not in failed]
            times = times_in_turns([workers[name] for name in names], rounds)
        finally:
            for worker in workers.values():
                worker.close()
    return {
        "seconds": {name: list(column) for name, column in zip(names, times.T, strict=True)},
        "first": {name: workers[name].ready["first"] for name in names},
        "versions": {name: workers[name].ready["version"] for name in names if name in libraries},
        "unavailable": unavailable,
        "failed": failed,
    }


def ratios(measured, baseline=BASELINE):
    """Time of opad's gradient, eager or compiled (`baseline`), over that of each library; smaller is better for opad.

    Returns
    -------
    dict library -> list of ratios, one per round. Under `AA` opad eager against itself, under `FORWARD` the gradient
    against the forward evaluation in plain NumPy.
    """
    seconds = measured["seconds"]
    above = {AA: seconds.get(BASELINE)}
    return {
        name: [a / b for a, b in zip(above.get(name, seconds[baseline]), times, strict=True)]
        for name, times in seconds.items()
        if name != baseline
    }
