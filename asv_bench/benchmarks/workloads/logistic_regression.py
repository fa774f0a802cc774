"""Multinomial logistic regression on scikit-learn's load_digits: 64 features, 10 classes, an L2 penalty.

Sizes are (samples,): the first so many of the 1797 of the data set.
"""

import numpy as np

SIZES = [(200,), (1797,)]
DTYPES = ["float32", "float64"]
REMARK = (
    "the maximum that is subtracted for stability is differentiated, although its derivative "
    "cancels, which the one by hand knows"
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
    Z = np.empty((n, 10), dtype)
    row, dW, db = np.empty((n, 1), dtype), np.empty_like(W), np.empty_like(b)
    ones, factor = np.full(n, 1 / n, dtype), dtype.type(2 * PENALTY)
    positions = np.arange(n) * 10 + labels

    def exponentials():
        np.dot(X, W, Z)
        np.add(Z, b, Z)
        np.max(Z, axis=1, keepdims=True, out=row)
        np.subtract(Z, row, Z)

    def forward():
        exponentials()
        likelihood = Z.ravel()[positions].mean()
        np.exp(Z, Z)
        np.sum(Z, axis=1, keepdims=True, out=row)
        return PENALTY * np.vdot(W, W) - likelihood + np.log(row, row).mean()

    def gradient():
        exponentials()
        np.exp(Z, Z)
        np.sum(Z, axis=1, keepdims=True, out=row)
        np.divide(Z, row, Z)
        Z.ravel()[positions] -= 1
        np.dot(ones, Z, db)
        np.dot(X.T, Z, dW)
        np.divide(dW, dtype.type(n), dW)
        np.add(dW, factor * W, dW)
        return dW, db

    return forward, gradient
