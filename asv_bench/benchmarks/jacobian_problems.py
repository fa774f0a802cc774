"""Functions whose Jacobians are compared; `xp` is numpy or jax.numpy, the argument is one vector.

Each problem is a builder: size -> (function(xp, x), point, colours). `colours` numbers the columns so that columns of
one colour share no row, for compression by coloured tangents; None where every column needs a colour of its own.
"""

import numpy as np


def tridiagonal(n):
    """x_i² - x_(i-1) x_(i+1) with a source."""

    def f(xp, x):
        p = xp.pad(x, 1)
        return x**2 - p[2:] * p[:-2] + xp.sin(x)

    return f, _point(n), np.arange(n) % 3


def arrow(n):
    """Every residual depends on its own variable and on the first one; the first depends on all."""

    def f(xp, x):
        return xp.concatenate([xp.sum(x**2)[None], x[1:] ** 2 * x[0] + xp.cos(x[1:])])

    return f, _point(n), None


def burgers_1d(n):
    """u u_x = nu u_xx, central differences."""

    def f(xp, u):
        p = xp.pad(u, 1)
        return u * (p[2:] - p[:-2]) / 2 - 0.01 * (p[2:] - 2 * u + p[:-2])

    return f, _point(n), np.arange(n) % 3


def burgers_2d(n):
    """Two velocities on a square grid, central differences; n unknowns, rounded down to 2 m²."""
    m = int(np.sqrt(n / 2))

    def f(xp, x):
        u, v = x.reshape((2, m, m))
        residuals = []
        for w in (u, v):
            p = xp.pad(w, 1)
            east, west, north, south = p[2:, 1:-1], p[:-2, 1:-1], p[1:-1, 2:], p[1:-1, :-2]
            transport = u * (east - west) / 2 + v * (north - south) / 2
            residuals.append(transport - 0.01 * (east + west + north + south - 4 * w))
        return xp.stack(residuals).reshape(-1)

    i, j = np.divmod(np.arange(m * m), m)
    star = (i + 2 * j) % 5
    return f, _point(2 * m * m), np.concatenate([star, star + 5])


def bratu_1d(n):
    """u_xx + exp u."""

    def f(xp, u):
        p = xp.pad(u, 1)
        return p[2:] - 2 * u + p[:-2] + xp.exp(u)

    return f, _point(n), np.arange(n) % 3


def bratu_2d(n):
    """Laplacian of u + exp u on a square grid; n unknowns, rounded down to m²."""
    m = int(np.sqrt(n))

    def f(xp, x):
        u = x.reshape((m, m))
        p = xp.pad(u, 1)
        laplacian = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4 * u
        return (laplacian + xp.exp(u)).reshape(-1)

    i, j = np.divmod(np.arange(m * m), m)
    return f, _point(m * m), (i + 2 * j) % 5


def bottleneck(n):
    """n - 20 - n with elementwise functions on the wide sides."""
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((20, n)) / np.sqrt(n), rng.standard_normal((n, 20))

    def f(xp, x):
        return xp.tanh(B @ xp.tanh(A @ xp.sin(x)))

    return f, _point(n), None


def layers(n):
    """Eight square layers, where no order is much better than another."""
    rng = np.random.default_rng(0)
    W = rng.standard_normal((8, n, n)) / np.sqrt(n)

    def f(xp, x):
        for Wk in W:
            x = xp.tanh(Wk @ x)
        return x

    return f, _point(n), None


def narrowing(n):
    """Layers from n to 4 outputs, for which reverse is the right mode."""
    rng = np.random.default_rng(0)
    sizes = [n, n // 2, n // 8, 4]
    W = [rng.standard_normal((a, b)) / np.sqrt(b) for b, a in zip(sizes, sizes[1:], strict=False)]  # noqa: RUF007

    def f(xp, x):
        for Wk in W:
            x = xp.tanh(Wk @ x)
        return x

    return f, _point(n), None


def _point(n):
    return 0.1 * np.random.default_rng(1).standard_normal(n)


SPARSE = {
    "tridiagonal": tridiagonal,
    "arrow": arrow,
    "burgers_1d": burgers_1d,
    "burgers_2d": burgers_2d,
    "bratu_1d": bratu_1d,
    "bratu_2d": bratu_2d,
}
DENSE = {"bottleneck": (bottleneck, 1000), "layers": (layers, 128), "narrowing": (narrowing, 400)}
