"""The derivative worked out by hand, written with `out=` into arrays that are allocated once.

The arrays that `gradient()` returns are overwritten by the next call: this is the floor, not a library.
"""

from math import cos, sin

import numpy as np

version = np.__version__

SMALL = 1 << 14  # elements of all layers together below which one call over the stack beats one call per layer


def layered_tanh(W, b, x):
    depth, (width, batch), dtype = len(W), x.shape, x.dtype
    H = np.empty((depth + 1, width, batch), dtype)  # the input, then the outputs of the layers
    H[0] = x
    S = np.empty((depth, width, batch), dtype)  # 1 - tanh**2
    T = np.empty((depth, width, batch), dtype)  # cotangents before tanh
    dW = np.empty((depth, width, width), dtype)
    db = np.empty((depth, width, 1), dtype)
    g = np.empty((width, batch), dtype)
    one = dtype.type(1)
    layers = list(zip(W, b, H[:-1], H[1:], strict=True))
    back = [(Wk.T, Sk, Tk) for Wk, Sk, Tk in zip(W, S, T, strict=True)][::-1]
    transposed = [None, *(Wk.T for Wk in W[1:])]  # nobody asks for the cotangent of x
    back_by_layer = list(zip(transposed, H[1:], H[:-1].swapaxes(1, 2), S, T, dW, db, strict=True))[::-1]

    def forward(dot=np.dot, add=np.add, tanh=np.tanh):
        for Wk, bk, h, y in layers:
            dot(Wk, h, y)
            add(y, bk, y)
            tanh(y, y)
        return np.vdot(y, y)

    def gradient_stacked(dot=np.dot, multiply=np.multiply):
        forward()
        multiply(H[1:], H[1:], S)
        np.subtract(one, S, S)
        np.add(H[-1], H[-1], g)
        for Wt, Sk, Tk in back:
            multiply(g, Sk, Tk)
            dot(Wt, Tk, g)
        if batch == 1:
            multiply(T, H[:-1].swapaxes(1, 2), dW)
            return [*dW, *T]
        np.matmul(T, H[:-1].swapaxes(1, 2), dW)
        np.sum(T, axis=2, keepdims=True, out=db)
        return [*dW, *db]

    def gradient_by_layer():
        forward()
        np.add(H[-1], H[-1], g)
        for Wt, y, h_transposed, Sk, Tk, dWk, dbk in back_by_layer:
            np.multiply(y, y, Sk)
            np.subtract(one, Sk, Sk)
            np.multiply(g, Sk, Tk)
            np.dot(Tk, h_transposed, dWk)
            np.sum(Tk, axis=1, keepdims=True, out=dbk)
            if Wt is not None:
                np.dot(Wt, Tk, g)
        return [*dW, *db]

    return forward, gradient_stacked if depth * width * batch <= SMALL else gradient_by_layer


def scalar_recurrence(a, b, x, steps):
    a, b, x = map(float, (a, b, x))

    def forward():
        z = x
        for _ in range(steps):
            z += 0.1 * (sin(a * z) - b * z)
        return z

    def gradient():
        z, states = x, []
        for _ in range(steps):
            states.append(z)
            z += 0.1 * (sin(a * z) - b * z)
        g, da, db = 0.1, 0.0, 0.0  # g is 0.1 times the cotangent of the state
        for z in reversed(states):
            c = cos(a * z)
            da += g * c * z
            db -= g * z
            g += 0.1 * g * (a * c - b)
        return da, db

    return forward, gradient
