"""A long short-term memory cell over a sequence; gradient of sum(h**2) at its end for the weights.

Sizes are (steps, units, batch): 16 features, weights (4 units, 16) and (4 units, units), gates in the order i, f, g, o.
"""

import numpy as np

SIZES = [(200, 32, 16), (200, 128, 32)]
DTYPES = ["float32", "float64"]
REMARK = "by hand, weights meet all steps in one product; jax has one machine loop"
FEATURES = 16
UNAVAILABLE = {"torch_compile": "unrolls torch.lstm; 200 steps were not compiled after 150 seconds"}


def inputs(size, dtype):
    steps, units, batch = size
    rng = np.random.default_rng(0)
    weights = {
        "input": (rng.standard_normal((4 * units, FEATURES)) / np.sqrt(FEATURES)).astype(dtype),
        "hidden": (rng.standard_normal((4 * units, units)) / np.sqrt(units)).astype(dtype),
        "bias": np.zeros(4 * units, dtype),
    }
    return weights, (rng.standard_normal((steps, batch, FEATURES)).astype(dtype),)


def cell(weights, h, c, x, np):
    """One step: the new state of the cell."""
    gates = x @ weights["input"].T + h @ weights["hidden"].T + weights["bias"]
    n = h.shape[1]
    i, f, o = (1 / (1 + np.exp(-gates[:, n * k : n * (k + 1)])) for k in (0, 1, 3))
    c = f * c + i * np.tanh(gates[:, 2 * n : 3 * n])
    return o * np.tanh(c), c


def loss(weights, X, np=np):
    h = c = np.zeros((X.shape[1], weights["hidden"].shape[1]), X.dtype)
    for x in X:
        h, c = cell(weights, h, c, x, np)
    return np.sum(h**2)


def jax_loss(weights, X):
    import jax
    import jax.numpy as jnp

    zeros = jnp.zeros((X.shape[1], weights["hidden"].shape[1]), X.dtype)
    step = lambda state, x: (cell(weights, *state, x, jnp), None)  # noqa: E731
    return jnp.sum(jax.lax.scan(step, (zeros, zeros), X)[0][0] ** 2)


def torch_loss(weights, X):
    import torch

    w = [weights["input"], weights["hidden"], weights["bias"], torch.zeros_like(weights["bias"])]
    zeros = X.new_zeros((1, X.shape[1], weights["hidden"].shape[1]))
    return torch.sum(torch.lstm(X, (zeros, zeros), w, True, 1, 0.0, True, False, False)[1] ** 2)


def numpy_by_hand(weights, X):
    (steps, batch, _), (units, dtype) = X.shape, (weights["hidden"].shape[1], X.dtype)
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype), units)  # 1 / (1 + exp(-x)) = tanh(x / 2) / 2 + 1 / 2
    offset = np.repeat(np.array([0.5, 0.5, 0, 0.5], dtype), units)
    one, flat = dtype.type(1), X.reshape(steps * batch, FEATURES)
    A = np.empty((steps, batch, 4, units), dtype)  # gates
    F, C, H, tanh_c = A[:, :, 1], *np.zeros((2, steps + 1, batch, units), dtype), np.empty((steps, batch, units), dtype)
    D, M, P = np.empty_like(A), np.empty_like(A), np.empty_like(tanh_c)
    rows, derivative = A.reshape(steps * batch, -1), D.reshape(steps * batch, -1)
    i_g, hidden = np.empty((2, batch, units), dtype)
    product = np.empty((batch, 4 * units), dtype)
    result = {name: np.empty_like(value) for name, value in weights.items()}
    dh, dc = np.empty((2, batch, units), dtype)
    states = list(zip(A.reshape(steps, batch, -1), A, C[:-1], C[1:], H[:-1], H[1:], tanh_c, strict=True))
    back = list(zip(D, M[:, :, :3], M[:, :, 3], P, F, D.reshape(steps, batch, -1), strict=True))[::-1]

    def forward():
        W_hidden = (weights["hidden"] * half[:, None]).T
        np.dot(flat, (weights["input"] * half[:, None]).T, rows)
        np.add(rows, weights["bias"] * half, rows)
        for gates, a, c, c_next, h, h_next, t in states:
            np.dot(h, W_hidden, product)
            np.add(gates, product, gates)
            np.tanh(gates, gates)
            np.multiply(gates, half, gates)
            np.add(gates, offset, gates)
            np.multiply(a[:, 0], a[:, 2], i_g)
            np.multiply(a[:, 1], c, c_next)
            np.add(c_next, i_g, c_next)
            np.tanh(c_next, t)
            np.multiply(a[:, 3], t, h_next)
        np.copyto(hidden, H[-1])
        return np.vdot(hidden, hidden)

    def gradient():
        forward()
        np.multiply(A, A, D)  # derivatives of the gates: a - a**2, and 1 - g**2
        np.subtract(A, D, D)
        np.multiply(A[:, :, 2], A[:, :, 2], D[:, :, 2])
        np.subtract(one, D[:, :, 2], D[:, :, 2])
        np.multiply(D[:, :, 0], A[:, :, 2], M[:, :, 0])
        np.multiply(D[:, :, 1], C[:-1], M[:, :, 1])
        np.multiply(D[:, :, 2], A[:, :, 0], M[:, :, 2])
        np.multiply(D[:, :, 3], tanh_c, M[:, :, 3])
        np.multiply(tanh_c, tanh_c, P)
        np.subtract(one, P, P)
        np.multiply(P, A[:, :, 3], P)  # from h to c
        np.add(H[-1], H[-1], dh)
        dc.fill(0)
        for d, to_ifg, to_o, from_h, f, flat_d in back:
            np.multiply(dh, from_h, i_g)
            np.add(dc, i_g, dc)
            np.multiply(dc[:, None], to_ifg, d[:, :3])
            np.multiply(dh, to_o, d[:, 3])
            np.dot(flat_d, weights["hidden"], dh)
            np.multiply(dc, f, dc)
        np.dot(derivative.T, flat, result["input"])
        np.dot(derivative.T, H[:-1].reshape(steps * batch, units), result["hidden"])
        np.sum(derivative, axis=0, out=result["bias"])
        return result

    return forward, gradient
