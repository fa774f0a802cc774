"""HIPS autograd: the same program on `autograd.numpy`."""

from importlib.metadata import version as version_of

import autograd.numpy as np
from autograd import grad

version = version_of("autograd")


def layered_tanh(W, b, x):
    def loss(parameters):
        W, b = parameters
        h = x
        for Wk, bk in zip(W, b, strict=True):
            h = np.tanh(np.matmul(Wk, h) + bk)
        return np.sum(h * h)

    gradient = grad(loss)

    def flat_gradient():
        dW, db = gradient((W, b))
        return dW + db

    return lambda: loss((W, b)), flat_gradient


def scalar_recurrence(a, b, x, steps):
    def final(parameters):
        a, b = parameters
        z = x
        for _ in range(steps):
            z = z + 0.1 * (np.sin(a * z) - b * z)
        return z

    gradient = grad(final)
    return lambda: final((a, b)), lambda: gradient((a, b))
