"""Multinomial logistic regression on scikit-learn's load_digits: 64 features, 10 classes, an L2 penalty.

Sizes are (samples,): the first so many of the 1797 of the data set.
"""

import numpy as np

SIZES = [(200,), (1797,)]
DTYPES = ["float32", "float64"]
REMARK = (
    "the maximum that is subtracted for stability is differentiated, although its derivative "
    "cancels, which the one by hand knows; both have the classes on the first axis, which peers have on the last"
)
PENALTY = 1e-3


def inputs(size, dtype):
    from sklearn.datasets import load_digits

    X, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    W = (0.1 * rng.standard_normal((64, 10))).astype(dtype)
    return (W, np.zeros(10, dtype)), ((X[: size[0]] / 16).astype(dtype), labels[: size[0]])


def loss(parameters, X, labels, np=np):
    W, b = parameters
    Z = X @ W + b
    Z = Z - np.max(Z, axis=1, keepdims=True)
    log_likelihoods = Z[np.arange(len(X)), labels] - np.log(np.sum(np.exp(Z), axis=1))
    return PENALTY * np.sum(W**2) - np.mean(log_likelihoods)


def torch_loss(parameters, X, labels):
    import torch

    W, b = parameters
    return PENALTY * torch.sum(W**2) + torch.nn.functional.cross_entropy(X @ W + b, labels)


def numpy_by_hand(parameters, X, labels):
    W, b = parameters
    n, dtype = len(X), X.dtype
    Z, row = np.empty((10, n), dtype), np.empty(n, dtype)  # classes first: NumPy's loops run over the samples
    transposed, dW, db = np.empty((10, 64), dtype), np.empty_like(W), np.empty_like(b)
    ones, factor = np.full(n, 1 / n, dtype), dtype.type(2 * PENALTY)
    positions = labels * n + np.arange(n)

    def exponentials():
        np.dot(W.T, X.T, Z)
        np.add(Z, b[:, None], Z)
        np.max(Z, axis=0, out=row)
        np.subtract(Z, row, Z)

    def forward():
        exponentials()
        likelihood = Z.ravel()[positions].mean()
        np.exp(Z, Z)
        np.sum(Z, axis=0, out=row)
        return PENALTY * np.vdot(W, W) - likelihood + np.log(row, row).mean()

    def gradient():
        exponentials()
        np.exp(Z, Z)
        np.sum(Z, axis=0, out=row)
        np.divide(Z, row, Z)
        Z.ravel()[positions] -= 1
        np.dot(Z, ones, db)
        np.dot(Z, X, transposed)
        np.divide(transposed.T, dtype.type(n), dW)
        np.add(dW, factor * W, dW)
        return dW, db

    return forward, gradient
