"""opad, eager: plain NumPy under `opad.grad`."""

import numpy as np

import opad

version = opad.__version__


def layered_tanh(W, b, x):
    def loss(W, b):
        h = x
        for Wk, bk in zip(W, b, strict=True):
            h = np.tanh(Wk @ h + bk)
        return np.sum(h * h)

    gradient = opad.grad(loss, argnums=(0, 1))

    def flat_gradient():
        dW, db = gradient(W, b)
        return dW + db

    return lambda: loss(W, b), flat_gradient


def scalar_recurrence(a, b, x, steps):
    def final(a, b):
        z = x
        for _ in range(steps):
            z = z + 0.1 * (np.sin(a * z) - b * z)
        return z

    gradient = opad.grad(final, argnums=(0, 1))
    return lambda: final(a, b), lambda: gradient(a, b)
