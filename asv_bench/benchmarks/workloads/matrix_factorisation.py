"""Low-rank factors of a matrix with missing entries: sum(mask * (U V - A)**2) and an L2 penalty; gradient for U and V.

Sizes are (m, n, rank): U is (m, rank), V is (rank, n); 30 % of the m x n entries are known.
"""

import numpy as np

SIZES = [(50, 40, 5), (300, 200, 10), (1000, 800, 20)]
DTYPES = ["float64"]
PENALTY = 0.1


def inputs(size, dtype):
    m, n, rank = size
    rng = np.random.default_rng(0)
    A, mask = rng.standard_normal((m, n)), rng.random((m, n)) < 0.3
    U, V = rng.standard_normal((m, rank)), rng.standard_normal((rank, n))
    return (U.astype(dtype), V.astype(dtype)), (A.astype(dtype), mask.astype(dtype))


def loss(factors, A, mask, np=np):
    U, V = factors
    return np.sum(mask * (U @ V - A) ** 2) + PENALTY * (np.sum(U**2) + np.sum(V**2))


def numpy_by_hand(factors, A, mask):
    U, V = factors
    R, E = np.empty_like(A), np.empty_like(A)
    dU, dV = np.empty_like(U), np.empty_like(V)
    penalty = A.dtype.type(2 * PENALTY)

    def forward():
        np.dot(U, V, R)
        np.subtract(R, A, R)
        np.multiply(mask, R, E)
        return np.vdot(E, R) + PENALTY * (np.vdot(U, U) + np.vdot(V, V))

    def gradient():
        np.dot(U, V, E)
        np.subtract(E, A, E)
        np.multiply(mask, E, E)
        np.add(E, E, E)
        for factor, d, left, right in ((U, dU, E, V.T), (V, dV, U.T, E)):
            np.dot(left, right, d)
            np.add(d, penalty * factor, d)
        return dU, dV

    return forward, gradient
