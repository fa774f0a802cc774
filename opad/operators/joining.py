"""Operators that put arrays into larger ones: embedding, concatenation, padding."""

from functools import lru_cache

import numpy as np

from opad.operators.algebra import Operator
from opad.operators.indexing import scatter_add


@lru_cache(maxsize=1024)
def _window(starts, dims, batch):
    """The key of a block of shape `dims` that begins at `starts`, after `batch` leading axes."""
    inner = [slice(start, start + n) for start, n in zip(starts, dims, strict=True)]
    return (*[slice(None)] * batch, *inner)


class Embed(Operator):
    """X -> an array of zeros with X placed at an offset: the block of one argument of a concatenation.

    Forward:  dY = 0;  dY[starts : starts + dims] = dX          Adjoint:  X~ = Y~[starts : starts + dims]

    Parameters
    ----------
    dims, dimsd : shapes of X and of the result, with equally many axes
    starts : tuple of int, where X begins along every axis

    Examples
    --------
    >>> import numpy as np
    >>> Embed((2,), (5,), (1,)) @ np.array([1.0, 2.0])
    array([0., 1., 2., 0., 0.])
    """

    def __init__(self, dims, dimsd, starts):
        self.dims = dims
        self.dimsd = dimsd
        self.starts = starts

    def apply(self, X):
        batch = X.ndim - len(self.dims)
        return scatter_add(X, _window(self.starts, self.dims, batch), X.shape[:batch] + self.dimsd)

    def apply_adjoint(self, Y):
        return Y[_window(self.starts, self.dims, Y.ndim - len(self.dimsd))]


class Concatenate(Operator):
    """(X_1, …, X_k) -> their concatenation along an axis.

    Forward:  dY = concatenate(dX_1, …, dX_k)          Adjoint:  (X~_1, …, X~_k) = Y~ split

    Parameters
    ----------
    shapes : tuple of shapes, one per array; it becomes dims
    axis : int

    Examples
    --------
    >>> import numpy as np
    >>> A = Concatenate(((1,), (2,)), 0)
    >>> A @ (np.array([1.0]), np.array([2.0, 3.0]))
    array([1., 2., 3.])
    >>> A.H @ np.array([1.0, 2.0, 3.0])
    (array([1.]), array([2., 3.]))
    """

    def __init__(self, shapes, axis):
        self.dims = shapes
        self.axis = axis if axis < 0 else axis - len(shapes[0])

    @property
    def dimsd(self):
        total = list(self.dims[0])
        total[self.axis] = sum(shape[self.axis] for shape in self.dims)
        return tuple(total)

    def apply(self, X):
        return np.concatenate(X, axis=self.axis)

    def apply_adjoint(self, Y):
        after = (slice(None),) * (-self.axis - 1)
        parts, start = [], 0
        for shape in self.dims:
            stop = start + shape[self.axis]
            parts.append(Y[(..., slice(start, stop), *after)])
            start = stop
        return tuple(parts)


class Pad(Operator):
    """X -> X extended on every side, `numpy.pad(X, pad_width, mode)`.

    Forward:  dY = pad(dX)          Adjoint:  X~ = Y~ with every element of the border added to the one it copies

    Parameters
    ----------
    pad_width : ((before, after), …), one pair per axis
    dims : shape of X
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}; "constant" pads with zeros, as a constant border has
        no differential
    """

    def __init__(self, pad_width, dims, mode="constant"):
        self.pad_width = pad_width
        self.dims = dims
        self.mode = mode

    @property
    def dimsd(self):
        return tuple([before + n + after for (before, after), n in zip(self.pad_width, self.dims, strict=True)])

    def apply(self, X):
        batch = X.ndim - len(self.dims)
        return np.pad(X, ((0, 0),) * batch + tuple(self.pad_width), mode=self.mode)

    def apply_adjoint(self, Y):
        batch = Y.ndim - len(self.dims)
        if self.mode == "constant":
            return Y[_window(tuple([before for before, _ in self.pad_width]), self.dims, batch)]
        for axis, (widths, n) in enumerate(zip(self.pad_width, self.dims, strict=True), batch):
            if any(widths):
                source = np.pad(np.arange(n), widths, mode=self.mode)
                shape = (*Y.shape[:axis], n, *Y.shape[axis + 1 :])
                Y = scatter_add(Y, (*[slice(None)] * axis, source), shape)
        return Y
