"""Losses in plain NumPy with their arguments, for comparisons of opad with itself: eager, compiled, by size.

Each function of `WORKLOADS` returns (loss, arguments); the gradient is taken with respect to the first argument.
"""

import numpy as np


def logistic_regression():
    """64 features, 10 classes, 1797 samples, the shape of scikit-learn's load_digits."""
    rng = np.random.default_rng(0)
    X, labels = rng.random((1797, 64)), rng.integers(0, 10, 1797)
    Y = np.eye(10)[labels]

    def loss(W, X, Y):
        Z = X @ W
        Z = Z - np.max(Z, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - np.sum(Z * Y, axis=1))

    return loss, (0.1 * rng.standard_normal((64, 10)), X, Y)


def fourier_convolution():
    """A kernel of 64 x 64 for one image of 256 x 256."""
    rng = np.random.default_rng(0)
    image, target = rng.standard_normal((2, 256, 256))

    def loss(kernel, image, target):
        product = np.fft.rfft2(kernel, s=(256, 256)) * np.fft.rfft2(image)
        return np.sum((np.fft.irfft2(product, s=(256, 256)) - target) ** 2)

    return loss, (rng.standard_normal((64, 64)) / 64, image, target)


def attention():
    """One head: 128 tokens, 64 features."""
    rng = np.random.default_rng(0)
    W = [rng.standard_normal((64, 64)) / 8 for _ in range(3)]

    def loss(W, X):
        Q, K, V = (X @ Wk for Wk in W)
        S = Q @ K.T / 8
        E = np.exp(S - np.max(S, axis=1, keepdims=True))
        return np.sum(((E / np.sum(E, axis=1, keepdims=True)) @ V) ** 2)

    return loss, (W, rng.standard_normal((128, 64)))


def lstm():
    """200 steps, 32 units, 16 sequences."""
    rng = np.random.default_rng(0)
    weights = {"W": rng.standard_normal((48, 128)) / 7, "b": np.zeros(128)}

    def loss(p, X):
        h, c = np.zeros((16, 32)), np.zeros((16, 32))
        for x in X:
            gates = np.concatenate([x, h], axis=1) @ p["W"] + p["b"]
            i, f, o = (1 / (1 + np.exp(-gates[:, 32 * k : 32 * (k + 1)])) for k in range(3))
            c = f * c + i * np.tanh(gates[:, 96:])
            h = o * np.tanh(c)
        return np.sum(h**2)

    return loss, (weights, list(rng.standard_normal((200, 16, 16))))


def burgers():
    """500 explicit steps on 200 points; the gradient with respect to the initial values."""
    x = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    right, left = np.roll(np.arange(200), -1), np.roll(np.arange(200), 1)

    def loss(u, right, left):
        for _ in range(500):
            r, lft = np.take(u, right), np.take(u, left)
            u = u - 0.005 * u * (r - lft) + 0.02 * (r - 2 * u + lft)
        return np.sum(u**2)

    return loss, (1 + 0.5 * np.sin(x), right, left)


def gaussian_process():
    """Log-likelihood of 200 observations under a squared exponential kernel with three parameters."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.random(200))
    D = (x[:, None] - x) ** 2

    def loss(theta, D, y, identity):
        K = np.exp(theta[0] - D * np.exp(theta[1])) + np.exp(theta[2]) * identity
        L = np.linalg.cholesky(K)
        return 0.5 * y @ np.linalg.solve(K, y) + np.sum(np.log(np.diag(L)))

    return loss, (np.array([0.0, 3.0, -3.0]), D, np.sin(6 * x), np.eye(200))


def matrix_factorisation():
    """300 x 200 of rank 10 with missing entries."""
    rng = np.random.default_rng(0)
    A, mask = rng.standard_normal((300, 200)), (rng.random((300, 200)) < 0.3).astype(float)

    def loss(factors, A, mask):
        U, V = factors
        return np.sum(mask * (U @ V - A) ** 2) + 0.1 * (np.sum(U**2) + np.sum(V**2))

    return loss, ((rng.standard_normal((300, 10)), rng.standard_normal((10, 200))), A, mask)


def n_body():
    """The potential of 100 bodies."""
    rng = np.random.default_rng(0)

    def loss(X, off_diagonal):
        D = X[:, None, :] - X[None, :, :]
        return -0.5 * np.sum(off_diagonal / np.sqrt(np.sum(D * D, axis=2) + 0.01))

    return loss, (rng.standard_normal((100, 3)), 1 - np.eye(100))


def rosenbrock():
    """10^4 variables."""

    def loss(x):
        a, b = x[1:] - x[:-1] * x[:-1], 1 - x[:-1]
        return np.sum(100 * a * a + b * b)

    return loss, (np.linspace(-1, 1, 10000),)


def scalar_program():
    """10^4 operations on numbers."""

    def loss(a):
        z = 0.5
        for _ in range(2500):
            z = z + 0.001 * (a - z * z)
        return z

    return loss, (1.3,)


WORKLOADS = {
    f.__name__: f
    for f in (
        logistic_regression, fourier_convolution, attention, lstm, burgers, gaussian_process, matrix_factorisation,
        n_body, rosenbrock, scalar_program,
    )
}  # fmt: skip
