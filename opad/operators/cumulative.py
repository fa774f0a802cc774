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
