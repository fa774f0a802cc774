"""Ratios of times that can be trusted: each library in its own process, the processes taking turns.

NumPy and PyTorch in one process fight over threads, and a machine that others use is not equally fast for a minute.
So every library gets a process and the same number of threads; the processes measure one after another, round after
round; and one of them runs twice, which shows what a ratio of equals looks like (the A/A row).
"""

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROUNDS = 3
REPEATS = 15
BASELINE = "opad_eager"
COMPILED = "opad_compiled"
PACKAGES = {"numpy_by_hand": "numpy", "torch_eager": "torch", "jax_jit": "jax", "autograd_eager": "autograd"}
PEERS = tuple(PACKAGES)
LIBRARIES = (BASELINE, COMPILED, *PEERS)
AA, FORWARD = "A/A", "gradient / forward"
SUITE = Path(__file__).parent.parent


def is_installed(library):
    """Whether the package behind a peer module can be imported; it is not imported."""
    return find_spec(PACKAGES.get(library, "opad")) is not None


def require(library):
    """Raise NotImplementedError, asv's "n/a", if a library is not installed."""
    if not is_installed(library):
        raise NotImplementedError(f"{PACKAGES[library]} is not installed; python -m pip install -e '.[bench]'")


def environment(threads):
    """The environment variables with which every library uses that many threads."""
    count, eigen = str(threads), str(threads > 1).lower()
    return os.environ | {
        "OPENBLAS_NUM_THREADS": count,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "NPROC": count,  # XLA's thread pool
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={count}",
        "JAX_PLATFORMS": "cpu",
    }


class Worker:
    """A process that holds one library and measures when it is asked to; see `worker`."""

    def __init__(self, specification, threads):
        command = [sys.executable, "-m", "benchmarks.worker", json.dumps(specification)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=SUITE, env=environment(threads), **pipes)
        self.library = specification["library"]
        self.version = self._read()["version"]

    def measure(self):
        """Seconds per call, the median of the repeats of one turn."""
        print(file=self.process.stdin, flush=True)
        return self._read()["seconds"]

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker of {self.library} ended with status {self.process.wait()}; see above")
        return json.loads(line)

    def close(self):
        self.process.communicate()


def times_in_turns(specifications, threads=1, rounds=ROUNDS):
    """Start one worker per specification and let them measure in turns.

    Returns
    -------
    array (rounds, workers) of seconds per call, and the list of their versions
    """
    workers = []
    try:
        for specification in specifications:
            workers.append(Worker(specification, threads))  # noqa: PERF401  those that started must be closed
        times = np.empty((rounds, len(workers)))
        for r in range(rounds):
            for k in range(len(workers))[:: 1 if r % 2 == 0 else -1]:
                times[r, k] = workers[k].measure()
        return times, [worker.version for worker in workers]
    finally:
        for worker in workers:
            worker.close()


def compare(workload, size, dtype, libraries, threads=1, rounds=ROUNDS, repeats=REPEATS, baseline=BASELINE):
    """Time of opad's gradient, eager or compiled (`baseline`), over that of each library; smaller is better for opad.

    Returns
    -------
    dict library -> list of ratios, one per round. Under AA opad against itself, under FORWARD opad's gradient against
    its forward evaluation, under "versions" the version of every library.
    """
    common = {"workload": workload, "size": size, "dtype": dtype, "quantity": "gradient", "repeats": repeats}
    with tempfile.TemporaryDirectory() as folder:
        common["reference"] = save_reference(workload, size, dtype, folder)
        kinds = [common | {"library": library} for library in (baseline, baseline, *libraries)]
        kinds.append(common | {"library": baseline, "quantity": "forward"})
        times, versions = times_in_turns(kinds, threads, rounds)
    names = [AA, *libraries, FORWARD]
    ratios = {name: list(times[:, 0] / column) for name, column in zip(names, times[:, 1:].T, strict=True)}
    return ratios | {"versions": dict(zip([baseline, *libraries], versions[1:], strict=False))}


def save_reference(workload, size, dtype, folder):
    """Write opad's gradient, computed in a process of its own, to a file that the workers compare theirs with."""
    path = str(Path(folder) / "gradient.npz")
    program = (
        "import sys, json, numpy; from benchmarks.worker import make; workload, size, dtype, path = sys.argv[1:]; "
        f"numpy.savez(path, *make('{BASELINE}', workload, json.loads(size), dtype)[1]())"
    )
    command = [sys.executable, "-c", program, workload, json.dumps(size), dtype, path]
    subprocess.run(command, cwd=SUITE, env=environment(1), check=True)
    return path
