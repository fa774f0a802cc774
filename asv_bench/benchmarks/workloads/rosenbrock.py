"""Rosenbrock's function, sum(100 (x_(i+1) - x_i**2)**2 + (1 - x_i)**2). Sizes are (n,)."""

import numpy as np

SIZES = [(100,), (10_000,), (1_000_000,)]
DTYPES = ["float64"]
REMARK = "a few arrays more are written than by hand"


def inputs(size, dtype):
    return np.random.default_rng(0).standard_normal(size).astype(dtype), ()


def loss(x, np=np):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def numpy_by_hand(x):
    head, tail = x[:-1], x[1:]
    d, t, g = np.empty_like(head), np.empty_like(head), np.empty_like(x)

    def forward():
        np.multiply(head, head, d)
        np.subtract(tail, d, d)
        np.subtract(1, head, t)
        return 100 * np.vdot(d, d) + np.vdot(t, t)

    def gradient():
        np.multiply(head, head, d)
        np.subtract(tail, d, d)
        np.multiply(d, 200, d)
        np.multiply(d, head, t)
        np.subtract(head, t, t)
        np.subtract(t, 1, t)
        np.add(t, t, g[:-1])
        g[-1] = 0
        np.add(g[1:], d, g[1:])
        return g

    return forward, gradient
