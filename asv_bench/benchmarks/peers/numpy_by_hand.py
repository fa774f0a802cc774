"""The derivative worked out by hand: every workload has a `numpy_by_hand` of its own."""

import numpy as np

version = np.__version__
