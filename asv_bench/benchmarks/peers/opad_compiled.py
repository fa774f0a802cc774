"""opad, compiled: plain NumPy under `opad.compile(opad.grad(…))`; recording is not timed."""

import numpy as np

import opad

version = opad.__version__


def layered_tanh(W, b, x):
    def loss(W, b):
        h = x
        for Wk, bk in zip(W, b, strict=True):
            h = np.tanh(Wk @ h + bk)
        return np.sum(h * h)

    forward, gradient = opad.compile(loss), opad.compile(opad.grad(loss, argnums=(0, 1)))

    def flat_gradient():
        dW, db = gradient(W, b)
        return dW + db

    return lambda: forward(W, b), flat_gradient


def scalar_recurrence(a, b, x, steps):
    def final(a, b):
        z = x
        for _ in range(steps):
            z = z + 0.1 * (np.sin(a * z) - b * z)
        return z

    forward, gradient = opad.compile(final), opad.compile(opad.grad(final, argnums=(0, 1)))
    return lambda: forward(a, b), lambda: gradient(a, b)
