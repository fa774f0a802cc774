"""The asv suite. One thread for every library unless the environment says otherwise, set before NumPy is imported."""

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # papers/, whose programs some benchmarks time

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
