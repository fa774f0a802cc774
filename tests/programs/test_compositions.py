"""Compiled gradients of compositions with positions and masks that depend on the argument, at other points too."""

import numpy as np
import pytest
import scipy.fft

import opad

MASK = np.array([[True, False, True, True], [True, True, True, False], [False, True, True, True]])


def sorted_in_place(x):
    z = 1 * x
    z.sort()
    return z[:, 0] * x[:, 1]


FUNCTIONS = {
    "quantile": lambda x: np.quantile(x, 0.3, axis=1, method="hazen"),
    "weighted quantile": lambda x: np.quantile(x, 0.3, axis=1, method="inverted_cdf", weights=np.abs(x)),
    "sum where": lambda x: np.sum(x * x, where=MASK, initial=2.0),
    "max where": lambda x: np.max(x, axis=0, where=MASK, initial=-9.0),
    "var where": lambda x: np.var(x, where=MASK, axis=1),
    "std mean": lambda x: np.std(x, axis=1, mean=np.mean(x, axis=1, keepdims=True)),
    "nanmean": lambda x: np.nanmean(np.where(MASK, x, np.nan), axis=1),
    "running maximum": lambda x: np.maximum.accumulate(x, axis=1) ** 2,
    "reduceat": lambda x: np.add.reduceat(x * x, [0, 2], axis=1) * np.multiply.reduceat(x, [0, 2], axis=1),
    "fht": lambda x: scipy.fft.fht(x, 0.1, 0.5) ** 2,
    "dct": lambda x: scipy.fft.dct(x, n=6) ** 2,
    "interp": lambda x: np.interp(x, [0.0, 0.5, 1.0], [1.0, 2.0, 0.0], period=1.3),
    "norm": lambda x: np.linalg.norm(x, 1.5, axis=1),
    "logaddexp": lambda x: np.logaddexp(x, x.mean()) + np.logaddexp.reduce(x, axis=1, keepdims=True),
    "array of numbers": lambda x: np.array([xi[0] * xi[1] for xi in x]),
    "sort": sorted_in_place,
    "take": lambda x: np.take(x, [5, 14], mode="wrap") ** 2,
    "format": lambda x: x * x if f"{x[0, 0]:.1f}" else x,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_gradient(name, rng):
    gradient = opad.grad(lambda x: np.sum(FUNCTIONS[name](x)))
    fast = opad.compile(gradient)
    for _ in range(3):
        x = rng.standard_normal((3, 4))
        np.testing.assert_allclose(fast(x), gradient(x), rtol=1e-13, atol=1e-14)
