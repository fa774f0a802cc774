"""Burgers' equation, explicit central differences on a periodic grid, then sum(u**2); gradient for the initial values.

Sizes are (points, steps).
"""

import numpy as np

SIZES = [(200, 50), (200, 500), (2000, 500)]
DTYPES = ["float64"]
REMARK = (
    "jax has one machine loop per step; a program of NumPy calls pays for every call, about as much as for 200 numbers"
)
UNAVAILABLE = {"torch_compile": "unrolls the loop; 50 steps took two minutes to compile, and then ran in 0.7 ms"}
ADVECTION, DIFFUSION = 0.005, 0.02  # dt / (2 dx), nu dt / dx**2


def inputs(size, dtype):
    points, steps = size
    x = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return (1 + 0.5 * np.sin(x)).astype(dtype), (steps,)


def step(u, np):
    right, left = np.roll(u, -1), np.roll(u, 1)
    return u - ADVECTION * u * (right - left) + DIFFUSION * (right - 2 * u + left)


def loss(u, steps, np=np):
    for _ in range(steps):
        u = step(u, np)
    return np.sum(u**2)


def jax_loss(u, steps):
    import jax
    import jax.numpy as jnp

    return jnp.sum(jax.lax.scan(lambda u, _: (step(u, jnp), None), u, length=steps)[0] ** 2)


def numpy_eager(u, steps):
    """The calls of `loss` and those of an adjoint written the same way: what eager NumPy calls cost, no `out=`."""

    def forward():
        states = [(u, None)]
        for _ in range(steps):
            v = states[-1][0]
            right, left = np.roll(v, -1), np.roll(v, 1)
            slope = right - left
            states.append((v - ADVECTION * v * slope + DIFFUSION * (right - 2 * v + left), slope))
        return states

    def gradient():
        states = forward()
        g = 2 * states[-1][0]
        for k in range(steps, 0, -1):
            v, slope = states[k - 1][0], states[k][1]
            diffused, advected = DIFFUSION * g, ADVECTION * g
            flux = advected * v
            right, left = diffused - flux, diffused + flux
            g = g - advected * slope - 2 * diffused + np.roll(right, 1) + np.roll(left, -1)
        return g

    return lambda: np.sum(forward()[-1][0] ** 2), gradient


def numpy_by_hand(u, steps):
    n = len(u)
    W = np.empty((steps + 1, n + 2))  # ADVECTION * u, with a copy of the other end at either end
    E = np.empty((steps, n))  # dw_i / dw_i of a step
    PQ = np.empty((steps, 2, n + 2))  # dw_(i + 1) / dw_i and dw_(i - 1) / dw_i
    s, g, pq = np.empty(n), np.empty(n + 2), np.empty((2, n + 2))
    inner, p, q = g[1:-1], pq[0, :-2], pq[1, 2:]
    states = list(zip(W[1:], W[1:, 1:-1], W[:-1, 2:], W[:-1, :-2], W[:-1, 1:-1], E, strict=True))
    back = list(zip(E, PQ, strict=True))[::-1]
    c = 1 - 2 * DIFFUSION

    def evolve():
        np.multiply(u, ADVECTION, W[0, 1:-1])
        W[0, 0], W[0, -1] = W[0, -2], W[0, 1]
        for padded, new, right, left, w, e in states:
            np.subtract(right, left, s)
            np.subtract(c, s, e)
            np.multiply(w, e, new)
            np.add(right, left, s)
            np.multiply(s, DIFFUSION, s)
            np.add(new, s, new)
            padded[0] = padded[n]
            padded[n + 1] = padded[1]

    def forward():
        evolve()
        np.divide(W[-1, 1:-1], ADVECTION, s)
        return s @ s

    def gradient():
        evolve()
        np.add(DIFFUSION, W[:-1], PQ[:, 1])
        np.subtract(DIFFUSION, W[:-1], PQ[:, 0])
        np.multiply(W[-1, 1:-1], 2 / ADVECTION, inner)
        for e, coefficients in back:
            g[0] = g[n]
            g[n + 1] = g[1]
            np.multiply(coefficients, g, pq)
            np.multiply(e, inner, inner)
            np.add(inner, p, inner)
            np.add(inner, q, inner)
        return inner

    return forward, gradient
