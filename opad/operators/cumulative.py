"""Running sums and differences along one axis."""

from math import prod

import numpy as np

from opad.operators.algebra import Operator
from opad.operators.indexing import scatter_add


class CumulativeSum(Operator):
    """X -> running sums of X, `numpy.cumsum(X, axis)`.

    Forward:  dY = cumsum(dX)          Adjoint:  X~ = sums of Y~ from the other end

    Parameters
    ----------
    dims : shape of X
    axis : int; None (the default) sums over the flattened array, with dimsd (N,)
    """

    def __init__(self, dims, axis=None):
        self.dims = dims
        axis = axis if dims else None  # of a number NumPy makes an array of one
        self.axis = axis if axis is None or axis < 0 else axis - len(dims)
        self.dimsd = dims if axis is not None else (prod(dims),)

    def apply(self, X):
        if self.axis is None:
            X = X.reshape(X.shape[: X.ndim - len(self.dims)] + self.dimsd)
        return np.cumsum(X, axis=-1 if self.axis is None else self.axis)

    def apply_adjoint(self, Y):
        axis = -1 if self.axis is None else self.axis
        X = np.flip(np.cumsum(np.flip(Y, axis), axis=axis), axis)
        return X.reshape(Y.shape[:-1] + self.dims) if self.axis is None else X


class Difference(Operator):
    """X -> differences of neighbours, `numpy.diff(X, axis=axis)`.

    Forward:  dY[i] = dX[i + 1] - dX[i]          Adjoint:  X~[i] = Y~[i - 1] - Y~[i], Y~ zero outside

    Parameters
    ----------
    dims : shape of X
    axis : int, the last by default
    """

    def __init__(self, dims, axis=-1):
        self.dims = dims
        self.axis = axis if axis < 0 else axis - len(dims)

    @property
    def dimsd(self):
        shape = list(self.dims)
        shape[self.axis] = max(shape[self.axis] - 1, 0)
        return tuple(shape)

    def apply(self, X):
        return np.diff(X, axis=self.axis)

    def apply_adjoint(self, Y):
        shape = Y.shape[: Y.ndim - len(self.dims)] + self.dims
        before = (slice(None),) * (Y.ndim + self.axis)
        return scatter_add(Y, (*before, slice(1, None)), shape) - scatter_add(Y, (*before, slice(None, -1)), shape)


class CumulativeProduct(Operator):
    """The differential of running products y_i = y_{i-1} a_i, right where factors are zero.

    Forward:  dY_i = a_i dY_{i-1} + y_{i-1} dX_i
    Adjoint:  s_i = Y~_i + conj(a_{i+1}) s_{i+1},  X~_i = conj(y_{i-1}) s_i

    Parameters
    ----------
    factors : array a
    products : array y, np.cumprod(a, axis)
    axis : int; None multiplies over the flattened array
    """

    def __init__(self, factors, products, axis=None):
        self.factors = factors
        self.products = products
        axis = axis if factors.shape else None
        self.axis = axis if axis is None or axis < 0 else axis - len(factors.shape)
        self.dims = factors.shape
        self.dimsd = products.shape

    def _steps(self):
        """The factors and the products before them, one array per step."""
        if self.axis is None:
            a, y = self.factors.reshape(self.dimsd), self.products
        else:
            a, y = np.moveaxis(self.factors, self.axis, 0), np.moveaxis(self.products, self.axis, 0)
        return [(a[i], y[i - 1] if i else np.ones_like(a[0])) for i in range(len(a))]

    def apply(self, X):
        axis = -1 if self.axis is None else self.axis
        X = X.reshape(X.shape[: X.ndim - len(self.dims)] + self.dimsd)
        before, results = None, []
        X = np.moveaxis(X, axis, 0)
        for i, (a, y) in enumerate(self._steps()):
            before = y * X[i] if before is None else a * before + y * X[i]
            results.append(before)
        return np.stack(results, axis=axis) if results else np.moveaxis(X, 0, axis)

    def apply_adjoint(self, Y):
        axis = -1 if self.axis is None else self.axis
        shape = Y.shape[: Y.ndim - len(self.dimsd)] + self.dims
        Y = np.moveaxis(Y, axis, 0)
        after, results = None, []
        steps = self._steps()
        for i in range(len(steps) - 1, -1, -1):
            after = Y[i] if after is None else Y[i] + np.conj(steps[i + 1][0]) * after
            results.append(np.conj(steps[i][1]) * after)
        return (np.stack(results[::-1], axis=axis) if results else Y).reshape(shape)
