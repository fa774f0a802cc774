"""Negative log-likelihood of a Gaussian process, squared exponential kernel and noise; gradient for three parameters.

Sizes are (n,): the number of observations. The parameters are logarithms of variance, inverse squared length and noise.
"""

import numpy as np

SIZES = [(50,), (200,), (500,)]
DTYPES = ["float64"]
REMARK = "by hand it is three LAPACK calls: potrf, potrs and potri"


def inputs(size, dtype):
    rng = np.random.default_rng(0)
    x = np.sort(rng.random(size[0]))
    squares = (x[:, None] - x) ** 2
    y = np.sin(6 * x) + 0.1 * rng.standard_normal(size[0])
    return np.array([0.0, 3.0, -3.0], dtype), (squares.astype(dtype), y.astype(dtype))


def covariance(theta, squares, np):
    return np.exp(theta[0] - squares * np.exp(theta[1])) + np.exp(theta[2]) * np.eye(len(squares))


def negative_log_likelihood(theta, squares, y, np, solve_triangular):
    L = np.linalg.cholesky(covariance(theta, squares, np))
    z = solve_triangular(L, y, lower=True)
    return 0.5 * z @ z + np.sum(np.log(np.diag(L)))


def loss(theta, squares, y):
    from opad.scipy.linalg import solve_triangular

    return negative_log_likelihood(theta, squares, y, np, solve_triangular)


def autograd_eager(theta, squares, y):
    import autograd.numpy as anp
    from autograd import grad
    from autograd.scipy.linalg import solve_triangular

    def f(theta):
        return negative_log_likelihood(theta, squares, y, anp, solve_triangular)

    gradient = grad(f)
    return lambda: f(theta), lambda: gradient(theta)


def torch_loss(theta, squares, y):
    import torch

    K = torch.exp(theta[0] - squares * torch.exp(theta[1]))
    L = torch.linalg.cholesky(K + torch.exp(theta[2]) * torch.eye(len(y), dtype=y.dtype, device=y.device))
    z = torch.linalg.solve_triangular(L, y[:, None], upper=False)[:, 0]
    return 0.5 * z @ z + torch.sum(torch.log(torch.diag(L)))


def jax_loss(theta, squares, y):
    import jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular

    return negative_log_likelihood(theta, squares, y, jnp, solve_triangular)


def numpy_by_hand(theta, squares, y):
    from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

    n = len(y)
    S, SD, K = np.empty((n, n)), np.empty((n, n)), np.empty((n, n), order="F")
    result = np.empty(3)

    def factor():
        np.multiply(squares, -np.exp(theta[1]), S)
        np.add(S, theta[0], S)
        np.exp(S, S)
        np.copyto(K, S.T)
        K.T.reshape(-1)[:: n + 1] += np.exp(theta[2])
        dpotrf(K, lower=1, clean=1, overwrite_a=1)
        return dpotrs(K, y, lower=1)[0]

    def forward():
        alpha = factor()
        return 0.5 * y @ alpha + np.sum(np.log(np.diag(K)))

    def gradient():
        alpha = factor()
        dpotri(K, lower=1, overwrite_c=1)  # half of the inverse; S and squares are symmetric
        np.multiply(S, squares, SD)
        trace = np.trace(K)
        half = [np.vdot(K.T, M.T) for M in (S, SD)]
        result[0] = half[0] - 0.5 * (np.exp(theta[0]) * trace + alpha @ (S @ alpha))
        result[1] = -np.exp(theta[1]) * (half[1] - 0.5 * (alpha @ (SD @ alpha)))
        result[2] = 0.5 * np.exp(theta[2]) * (trace - alpha @ alpha)
        return result

    return forward, gradient
