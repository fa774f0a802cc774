"""One attention head: sum((softmax(Q K^T / sqrt d) V)**2) with Q, K, V = X W_q, X W_k, X W_v; gradient for the three W.

Sizes are (tokens, features d): X is (tokens, d), each W is (d, d).
"""

from math import sqrt

import numpy as np

SIZES = [(32, 16), (128, 64), (512, 64)]
DTYPES = ["float32", "float64"]
REMARK = (
    "the maximum that is subtracted for stability is differentiated, although its derivative "
    "cancels, which the one by hand knows"
)


def inputs(size, dtype):
    tokens, d = size
    rng = np.random.default_rng(0)
    W = tuple((rng.standard_normal((d, d)) / np.sqrt(d)).astype(dtype) for _ in range(3))
    return W, (rng.standard_normal((tokens, d)).astype(dtype),)


def loss(W, X, np=np):
    Q, K, V = (X @ Wk for Wk in W)
    S = Q @ K.T / sqrt(X.shape[1])
    E = np.exp(S - np.max(S, axis=1, keepdims=True))
    A = E / np.sum(E, axis=1, keepdims=True)
    return np.sum((A @ V) ** 2)


def torch_loss(W, X):
    import torch

    Q, K, V = (X @ Wk for Wk in W)
    return torch.sum(torch.nn.functional.scaled_dot_product_attention(Q[None], K[None], V[None]) ** 2)


def jax_loss(W, X):
    import jax
    import jax.numpy as jnp

    Q, K, V = (X @ Wk for Wk in W)
    return jnp.sum((jax.nn.softmax(Q @ K.T / sqrt(X.shape[1]), axis=1) @ V) ** 2)


def numpy_by_hand(W, X):
    (n, d), dtype = X.shape, X.dtype
    Q, K, V, Y, G = (np.empty((n, d), dtype) for _ in range(5))
    A, B = (np.empty((n, n), dtype) for _ in range(2))
    row = np.empty((n, 1), dtype)
    dW = tuple(np.empty((d, d), dtype) for _ in range(3))
    scale = dtype.type(1 / sqrt(d))

    def output():
        for Wk, out in zip(W, (Q, K, V), strict=True):
            np.dot(X, Wk, out)
        np.multiply(Q, scale, Q)
        np.dot(Q, K.T, A)
        np.max(A, axis=1, keepdims=True, out=row)
        np.subtract(A, row, A)
        np.exp(A, A)
        np.sum(A, axis=1, keepdims=True, out=row)
        np.divide(A, row, A)
        np.dot(A, V, Y)

    def forward():
        output()
        return np.vdot(Y, Y)

    def gradient():
        output()
        np.add(Y, Y, G)
        np.dot(G, V.T, B)
        np.einsum("ij,ij->i", G, Y, out=row[:, 0])  # the sums of A * B along rows
        np.subtract(B, row, B)
        np.multiply(A, B, B)  # the cotangent of the scores
        np.dot(A.T, G, Y)
        np.dot(X.T, Y, dW[2])
        np.dot(B, K, G)
        np.multiply(G, scale, G)
        np.dot(X.T, G, dW[0])
        np.dot(B.T, Q, G)
        np.dot(X.T, G, dW[1])
        return dW

    return forward, gradient
