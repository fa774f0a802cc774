"""Where and with what a measurement ran: `python -m benchmarks.machine` (in asv_bench/) prints it as JSON.

It is run in the environment of the measurement, since a BLAS chooses its kernels when it is loaded.
"""

import json
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from .protocol import SUITE, environment, pins


def cpu():
    """The processor as the operating system names it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else f"{platform.processor() or platform.machine()}"


def blas():
    """The BLAS that NumPy and SciPy have loaded, and its kernels where threadpoolctl can tell."""
    import numpy as np
    import scipy.linalg  # noqa: F401  loads SciPy's own BLAS

    if find_spec("threadpoolctl"):
        from threadpoolctl import threadpool_info

        loaded = [library for library in threadpool_info() if library["user_api"] == "blas"]
        names = [f"{b['internal_api']} {b['version']}, {b.get('architecture', '')} kernels" for b in loaded]
        return "; ".join(dict.fromkeys(names))
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{built['name']} {built['version']}; threadpoolctl, which is not installed, can name its kernels"


def simd():
    """The instruction sets that NumPy's own loops use here."""
    import numpy as np

    found = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return ", ".join([*found.get("baseline", [])[-1:], *found.get("found", [])])


def torch_kernels():
    if not find_spec("torch"):
        return "not installed"
    import torch

    return torch.backends.cpu.get_cpu_capability()


def here():
    return {
        "machine": f"{cpu()}, {platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "BLAS of NumPy and SciPy": blas(),
        "SIMD of NumPy": simd(),
        "kernels of PyTorch": torch_kernels(),
    }


def describe(threads, keep_pins=False, device="cpu"):
    """What a report says about a measurement with these settings; a dict of lines."""
    variables = environment(threads, keep_pins, device)
    command = [sys.executable, "-m", "benchmarks.machine"]
    answer = subprocess.run(command, cwd=SUITE, env=variables, check=True, capture_output=True, text=True)
    pinned = " ".join(f"{name}={value}" for name, value in pins().items())
    kept = (
        "kept: libraries are held to these kernels" if keep_pins else "removed: every library chooses its own kernels"
    )
    return json.loads(answer.stdout) | {
        "device": device,
        "threads": f"{threads} for every library",
        "pins in the environment": f"{pinned} ({kept})" if pinned else "none",
    }


if __name__ == "__main__":
    print(json.dumps(here()))
