"""Eager NumPy calls, forward and an adjoint by hand, without `out=`: `numpy_eager` of a workload that has one."""

import numpy as np

version = np.__version__
