"""Operators that move, repeat or sum elements along whole axes: transposes, reshapes, broadcasts, sums, flips, rolls.

Axes are kept as negative numbers, counted from the end, so that leading batch axes need no care.
"""

from functools import lru_cache
from math import prod

import numpy as np

from opad.operators.algebra import Operator
from opad.operators.elementwise import expand_dims_to, sum_to_shape


def negative_axes(axes, ndim):
    """Axes as a tuple of negative numbers; None stands for all."""
    return _negative_axes(tuple(axes) if isinstance(axes, list) else axes, ndim)


@lru_cache(maxsize=1024)
def _negative_axes(axes, ndim):
    if axes is None:
        return tuple(range(-ndim, 0))
    if isinstance(axes, tuple):
        return tuple([axis if axis < 0 else axis - ndim for axis in axes])
    return (axes if axes < 0 else axes - ndim,)


class Permute(Operator):
    """X -> X with its axes permuted, `numpy.transpose(X, axes)`; covers swapaxes and moveaxis.

    Forward:  dY = transpose(dX, axes)          Adjoint:  X~ = transpose(Y~, inverse of axes)

    Parameters
    ----------
    axes : tuple of int, a permutation; None reverses the axes
    dims : shape of X

    dimsd is dims in the new order.

    Examples
    --------
    >>> Permute((1, 0), (2, 3)).dimsd
    (3, 2)
    """

    def __init__(self, axes, dims):
        ndim = len(dims)
        self.axes = negative_axes(axes, ndim) if axes is not None else _reversed_axes(ndim)
        self.dims = dims

    @property
    def dimsd(self):
        return tuple([self.dims[axis] for axis in self.axes])

    def apply(self, X):
        return _permute(X, self.axes)

    def apply_adjoint(self, Y):
        return _permute(Y, _inverse(self.axes))


@lru_cache(maxsize=64)
def _reversed_axes(ndim):
    return tuple(range(-1, -ndim - 1, -1))


@lru_cache(maxsize=1024)
def _inverse(axes):
    """The permutation that undoes `axes`, in negative numbers."""
    inverse = [0] * len(axes)
    for position, axis in enumerate(axes):
        inverse[axis] = position - len(axes)
    return tuple(inverse)


def _permute(X, axes):
    batch = X.ndim - len(axes)
    if axes == (-1, -2):
        return X.swapaxes(-1, -2)
    return np.transpose(X, (*range(batch), *axes) if batch else axes)


class Reshape(Operator):
    """X -> X in another shape, elements in C order.

    Forward:  dY = reshape(dX, dimsd)          Adjoint:  X~ = reshape(Y~, dims)

    Parameters
    ----------
    dims, dimsd : shapes with equally many elements
    """

    def __init__(self, dims, dimsd):
        self.dims = dims
        self.dimsd = dimsd

    def apply(self, X):
        return X.reshape(X.shape[: X.ndim - len(self.dims)] + self.dimsd)

    def apply_adjoint(self, Y):
        return Y.reshape(Y.shape[: Y.ndim - len(self.dimsd)] + self.dims)


class Broadcast(Operator):
    """X -> X broadcast to a larger shape, a read-only view.

    Forward:  dY = broadcast(dX)          Adjoint:  X~ = sum of Y~ over the repeated axes

    Parameters
    ----------
    dims, dimsd : shapes of X and of the result
    """

    def __init__(self, dims, dimsd):
        self.dims = dims
        self.dimsd = dimsd

    def apply(self, X):
        batch = X.shape[: X.ndim - len(self.dims)]
        return np.broadcast_to(expand_dims_to(X, self.dims, len(self.dimsd)), batch + self.dimsd)

    def apply_adjoint(self, Y):
        return sum_to_shape(Y, self.dims, len(self.dimsd))


class SumAxes(Operator):
    """X -> sum of X over axes.

    Forward:  dY = sum of dX          Adjoint:  X~ = Y~ repeated along the summed axes, a read-only view

    Parameters
    ----------
    dims : shape of X
    axes : int or tuple of int; None (the default) for all
    keepdims : bool, whether the summed axes stay with length one

    Examples
    --------
    >>> SumAxes((2, 3), axes=0).dimsd, SumAxes((2, 3), axes=0, keepdims=True).dimsd
    ((3,), (1, 3))
    """

    def __init__(self, dims, axes=None, keepdims=False):
        self.dims = dims
        self.axes = negative_axes(axes, len(dims))
        self.keepdims = keepdims

    @property
    def kept(self):
        """dims with ones in place of the summed axes."""
        shape = list(self.dims)
        for axis in self.axes:
            shape[axis] = 1
        return tuple(shape)

    @property
    def dimsd(self):
        if self.keepdims:
            return self.kept
        ndim = len(self.dims)
        return tuple([n for axis, n in enumerate(self.dims, -ndim) if axis not in self.axes])

    def apply(self, X):
        return np.sum(X, axis=self.axes, keepdims=self.keepdims)

    def apply_adjoint(self, Y):
        if isinstance(Y, np.floating):  # one number everywhere, ten times as fast as by np.broadcast_to
            return np.ndarray(self.dims, Y.dtype, Y, 0, (0,) * len(self.dims))
        kept = self.kept
        batch = Y.shape[: Y.ndim - (len(kept) if self.keepdims else len(kept) - len(self.axes))]
        return np.broadcast_to(Y.reshape(batch + kept), batch + self.dims)


class Flip(Operator):
    """X -> X with axes reversed; its own adjoint.

    Forward:  dY = flip(dX)          Adjoint:  X~ = flip(Y~)

    Parameters
    ----------
    dims : shape of X
    axes : int or tuple of int; None (the default) for all
    """

    def __init__(self, dims, axes=None):
        self.dims = self.dimsd = dims
        self.axes = negative_axes(axes, len(dims))

    def apply(self, X):
        return np.flip(X, self.axes)

    apply_adjoint = apply


class Roll(Operator):
    """X -> X rolled cyclically, `numpy.roll(X, shift, axes)`.

    Forward:  dY = roll(dX, shift)          Adjoint:  X~ = roll(Y~, -shift)

    Parameters
    ----------
    dims : shape of X
    shift : int or tuple of int
    axes : int or tuple of int; None (the default) rolls the flattened array
    """

    def __init__(self, dims, shift, axes=None):
        self.dims = self.dimsd = dims
        self.shift = shift
        self.axes = None if axes is None else negative_axes(axes, len(dims))

    def apply(self, X):
        return self._roll(X, self.shift)

    def apply_adjoint(self, Y):
        return self._roll(Y, tuple([-s for s in self.shift]) if isinstance(self.shift, tuple) else -self.shift)

    def _roll(self, X, shift):
        if self.axes is not None:
            return np.roll(X, shift, self.axes)
        flat = X.reshape((*X.shape[: X.ndim - len(self.dims)], prod(self.dims)))
        return np.roll(flat, shift, -1).reshape(X.shape)
