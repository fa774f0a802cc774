"""The potential of attracting bodies, softened: -sum over pairs of 1 / |x_i - x_j|; gradient for the positions.

Sizes are (bodies,), positions (bodies, 3).
"""

import numpy as np

SIZES = [(20,), (100,), (500,)]
DTYPES = ["float64"]
REMARK = "jax has one loop where NumPy writes arrays of n x n x 3; by hand the distances are a matrix product"
SOFTENING = 0.01


def inputs(size, dtype):
    rng = np.random.default_rng(0)
    return rng.standard_normal((*size, 3)).astype(dtype), ((1 - np.eye(*size)).astype(dtype),)


def loss(X, off_diagonal, np=np):
    D = X[:, None, :] - X[None, :, :]
    return -0.5 * np.sum(off_diagonal / np.sqrt(np.sum(D * D, axis=2) + SOFTENING))


def numpy_by_hand(X, off_diagonal):
    n = len(X)
    R, W = np.empty((n, n)), np.empty((n, n))
    squares, sums, product, result = np.empty(n), np.empty((n, 1)), np.empty_like(X), np.empty_like(X)

    def distances():
        """R = squared distances + softening, W = their roots."""
        np.einsum("ij,ij->i", X, X, out=squares)
        np.dot(X, X.T, R)
        np.multiply(R, -2, R)
        np.add(R, squares, R)
        np.add(squares, SOFTENING, squares)
        np.add(R, squares[:, None], R)
        np.sqrt(R, W)

    def forward():
        distances()
        np.divide(off_diagonal, W, W)
        return -0.5 * np.sum(W)

    def gradient():
        distances()
        np.multiply(W, R, W)
        np.divide(off_diagonal, W, W)
        np.sum(W, axis=1, keepdims=True, out=sums)
        np.multiply(sums, X, result)
        np.dot(W, X, product)
        return np.subtract(result, product, result)

    return forward, gradient
