"""The programs that every library differentiates: their inputs, in plain NumPy, and their sizes.

A peer module in `peers/` has one function per workload, of the same name. It takes the inputs made here and returns
two callables without arguments: `forward()`, the value, and `gradient()`, the list of derivatives of the value with
respect to the inputs listed in the docstrings below.
"""

import numpy as np

SIZES = {
    "layered_tanh": [(8, 1, 50), (32, 32, 8), (128, 64, 8), (256, 256, 6), (512, 512, 6), (1024, 256, 4)],
    "scalar_recurrence": [(10,), (100,), (1000,)],
}
DTYPES = {"layered_tanh": ["float32", "float64"], "scalar_recurrence": ["float64"]}


def layered_tanh(size, dtype):
    """h <- tanh(W_k h + b_k) for k = 1 … depth, then sum(h * h); gradient with respect to all W_k, then all b_k.

    Parameters
    ----------
    size : (width, batch, depth); W_k is (width, width), b_k is (width, 1), h is (width, batch)
    dtype : "float32" or "float64"
    """
    width, batch, depth = size
    rng = np.random.default_rng(0)
    W = [(rng.standard_normal((width, width)) / np.sqrt(width)).astype(dtype) for _ in range(depth)]
    b = [(0.1 * rng.standard_normal((width, 1))).astype(dtype) for _ in range(depth)]
    return W, b, rng.standard_normal((width, batch)).astype(dtype)


def scalar_recurrence(size, dtype):
    """x <- x + 0.1 (sin(a x) - b x), `steps` times, on numbers; gradient with respect to a and b.

    Parameters
    ----------
    size : (steps,)
    dtype : "float64", all that Python numbers have
    """
    (steps,) = size
    a, b, x = (np.dtype(dtype).type(value) for value in (1.3, 0.4, 0.7))
    return a, b, x, steps
