"""h <- tanh(W_k h + b_k) for k = 1 … depth, then sum(h * h); gradient with respect to all W_k and b_k.

Sizes are (width, batch, depth): W_k is (width, width), b_k is (width, 1), h is (width, batch).
"""

import numpy as np

SIZES = [(8, 1, 50), (32, 32, 8), (128, 64, 8), (256, 256, 6), (512, 512, 6), (1024, 256, 4)]
DTYPES = ["float32", "float64"]

SMALL = 1 << 14  # elements of all layers together below which one call over the stack beats one call per layer


def inputs(size, dtype):
    width, batch, depth = size
    rng = np.random.default_rng(0)
    W = [(rng.standard_normal((width, width)) / np.sqrt(width)).astype(dtype) for _ in range(depth)]
    b = [(0.1 * rng.standard_normal((width, 1))).astype(dtype) for _ in range(depth)]
    return (W, b), (rng.standard_normal((width, batch)).astype(dtype),)


def loss(parameters, h, np=np):
    for W, b in zip(*parameters, strict=True):
        h = np.tanh(np.matmul(W, h) + b)
    return np.sum(h * h)


def numpy_by_hand(parameters, x):
    W, b = parameters
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
            return [*dW], [*T]
        np.matmul(T, H[:-1].swapaxes(1, 2), dW)
        np.sum(T, axis=2, keepdims=True, out=db)
        return [*dW], [*db]

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
        return [*dW], [*db]

    return forward, gradient_stacked if depth * width * batch <= SMALL else gradient_by_layer
