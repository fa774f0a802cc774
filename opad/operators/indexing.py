"""X -> X[key] for every kind of NumPy key, and its adjoint: adding values into an array of zeros.

NumPy moves the axes of advanced indices to the front when a slice, an Ellipsis or None stands between them
(`X[:, [0, 1], :, [0, 1]]`); with leading batch axes that would put them before the batch, so they are moved back.
"""

from functools import cached_property
from math import prod

import numpy as np
from scipy.sparse import csc_array

from opad.operators.algebra import Operator
from opad.operators.dispatch import constant_like, dispatchable


class Index(Operator):
    """X -> X[key]; repeated elements accumulate in the adjoint. `Index(key, dims).H` is the scatter-add.

    Forward:  dY = dX[key]          Adjoint:  X~ = 0;  X~[key] += Y~

    Parameters
    ----------
    key : whatever NumPy takes between brackets: integers, slices, Ellipsis, None, integer and boolean arrays, or a
        tuple of them
    dims : shape of X
    dimsd : shape of X[key]; found by indexing unless given

    Examples
    --------
    >>> import numpy as np
    >>> A = Index(np.array([0, 2, 0]), (3,))
    >>> A @ np.array([1.0, 2.0, 3.0])
    array([1., 3., 1.])
    >>> A.H @ np.array([1.0, 2.0, 3.0])
    array([4., 0., 2.])
    """

    def __init__(self, key, dims, dimsd=None):
        self.key = key if type(key) is tuple else (key,)
        self.dims = dims
        if dimsd is not None:
            self.dimsd = dimsd

    @cached_property
    def dimsd(self):
        arrays = [k for k in self._array_key if hasattr(k, "dtype") and not isinstance(k, np.ndarray | np.generic)]
        probe = np.zeros_like(arrays[0], shape=self.dims) if arrays else np.broadcast_to(np.zeros(()), self.dims)
        return (constant_like(probe, arrays[0]) if arrays else probe)[self._array_key].shape

    @cached_property
    def _array_key(self):
        """The key with its lists made arrays."""
        return tuple([_as_index_array(k) if isinstance(k, list) else k for k in self.key])

    @cached_property
    def _axes_in_front(self):
        """How many axes NumPy moves to the front of X[key]: those of advanced indices that do not stand together."""
        key = self._array_key
        if is_basic(key):
            return 0
        advanced = [i for i, k in enumerate(key) if not (k is None or k is Ellipsis or isinstance(k, slice))]
        if advanced[-1] - advanced[0] + 1 == len(advanced):
            return 0
        shapes = [getattr(key[i], "shape", ()) for i in advanced]
        counts = [1 if _is_mask(key[i]) else len(shape) for i, shape in zip(advanced, shapes, strict=True)]
        return max(counts)

    def apply(self, X):
        X = in_kind_of_key(X, self.key)
        batch = X.ndim - len(self.dims)
        if not batch:
            return X[self.key]
        Y = X[(slice(None),) * batch + self._array_key]
        front = self._axes_in_front
        return _rotate_axes(Y, front, batch) if front else Y

    def apply_adjoint(self, Y):
        batch = Y.ndim - len(self.dimsd)
        if not batch:
            return scatter_add(Y, self._array_key, self.dims)
        if self._axes_in_front:
            Y, shape = _rotate_axes(Y, batch, self._axes_in_front), Y.shape[:batch]
        else:
            shape = Y.shape[:batch]
        return scatter_add(Y, (slice(None),) * batch + self._array_key, shape + self.dims)


def in_kind_of_key(X, key):
    """A plain array as a constant of the program that is being recorded, if an index is one of its values."""
    if type(X) is np.ndarray:
        for k in key:
            if getattr(k, "is_symbolic", False):
                return constant_like(X, k)
    return X


def _as_index_array(k):
    return np.array(k, dtype=None if np.size(k) else np.intp)


def _rotate_axes(X, first, second):
    """Exchange the leading `first` axes with the `second` ones after them."""
    both = first + second
    return np.transpose(X, (*range(first, both), *range(first), *range(both, X.ndim)))


def _is_mask(k):
    return isinstance(k, bool) or (hasattr(k, "dtype") and k.dtype.kind == "b")


def along_axis(indices, axis, shape):
    """The key of `np.take_along_axis`: indices along one axis of an array of this shape, for each line its own."""
    key = list(np.ogrid[tuple(slice(n) for n, _ in zip(shape, indices.shape, strict=True))])  # indices broadcast
    key[axis] = indices
    return tuple(key)


def is_basic(key):
    """True if the tuple `key` holds only integers, slices, Ellipsis and None, so that X[key] is a view."""
    return not any(
        isinstance(k, bool | list) or (hasattr(k, "dtype") and (k.dtype.kind == "b" or not isinstance(k, np.integer)))
        for k in key
    )


@dispatchable
def scatter_add(values, key, shape):
    """An array of zeros with `values` added at `key`, a tuple; the adjoint of X -> X[key] for X of the given shape.

    Examples
    --------
    >>> import numpy as np
    >>> scatter_add(np.array([1.0, 2.0, 3.0]), (np.array([0, 2, 0]),), (3,))
    array([4., 0., 2.])
    """
    if is_basic(key) or _has_no_repetition(key):
        result = _zeros(values, shape)
        result[key] = values
    elif isinstance(values, np.ndarray):
        result = _add_at(values, key, shape)
    else:
        result = np.zeros_like(values, shape=shape)
        np.add.at(result, key, values)
    return result


def _zeros(values, shape):
    # For NumPy not zeros_like, which writes its zeros; zeros leaves that to the operating system.
    return np.zeros(shape, values.dtype) if type(values) is np.ndarray else np.zeros_like(values, shape=shape)


def _has_no_repetition(key):
    """True if masks are the only arrays in the key."""
    return not any(getattr(k, "ndim", 0) and k.dtype.kind != "b" for k in key)


def _add_at(values, key, shape):
    """`numpy.add.at` on zeros, in a form that NumPy and SciPy have fast loops for."""
    axis, size = _only_array_axis(key), prod(shape)
    if axis is not None and len(shape) > 1 and size > 4096 and values.dtype.char in "fdFD":
        return _add_slices(shape, key[axis], values, axis)
    flat = np.zeros(size, values.dtype)
    if len(key) == len(shape) and all(isinstance(k, np.ndarray) and k.dtype.kind in "iu" for k in key):
        indices = np.ravel_multi_index(key, shape, mode="wrap") if len(shape) > 1 else key[0]
    else:
        indices = np.arange(size).reshape(shape)[key]
    np.add.at(flat, indices.reshape(-1), values.reshape(-1))
    return flat.reshape(shape)


def _only_array_axis(key):
    """The axis of the only index array of a key like (:, :, array, ...), else None."""
    found = None
    for axis, k in enumerate(key):
        if isinstance(k, np.ndarray) and found is None:
            found = axis
        elif not (isinstance(k, slice) and k == slice(None)) and not (k is Ellipsis and found is not None):
            return None
    return found


def _add_slices(shape, indices, values, axis):
    """Add whole slices along one axis: a product with the sparse matrix that has a one per index."""
    n, count = shape[axis], indices.size
    rows = np.arange(n)[indices].reshape(-1)  # negative indices become positive, others are checked
    before, after = prod(shape[:axis]), prod(shape[axis + 1 :])
    slices = values.reshape((before, count, after)).swapaxes(0, 1).reshape((count, before * after))
    selection = csc_array((np.ones(count, values.dtype), rows, np.arange(count + 1)), shape=(n, count))
    return (selection @ slices).reshape((n, before, after)).swapaxes(0, 1).reshape(shape)
