"""The methods of arrays, on traced arrays: each is the NumPy function of the same name."""

import numpy as np

from opad.tracing.array import TracedArray
from opad.tracing.rules.shaping import astype

METHODS = (
    "sum", "mean", "var", "std", "prod", "max", "min", "cumsum", "cumprod", "ptp", "argmax", "argmin", "argsort",
    "ravel", "swapaxes", "squeeze", "repeat", "take", "diagonal", "trace", "clip", "dot", "any", "all",
    "nonzero", "searchsorted", "round",
)  # fmt: skip


def _method(name):
    function = getattr(np, name)

    def method(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"np.{name} of the array."
    return method


def _shape_arguments(shape):
    return shape[0] if len(shape) == 1 else shape


def _reshape(self, *shape, order="C"):
    """np.reshape; the shape may be given as separate numbers."""
    return np.reshape(self, _shape_arguments(shape), order=order)


def _transpose(self, *axes):
    """np.transpose; the axes may be given as separate numbers."""
    return np.transpose(self, _shape_arguments(axes) if axes else None)


def _astype(self, dtype, copy=True):
    """The array in another dtype; integer and boolean dtypes give plain values without derivative."""
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        return np.asarray(self)  # of traced numbers
    if dtype.kind not in "fc":
        value = self.value
        return value.astype(dtype)
    return (np.copy(self) if copy else self) if dtype == self.dtype else astype(self, dtype)


def _fill(self, value):
    self.__setitem__(..., value)


def _sort(self, axis=-1, **kwargs):
    """Sorted in place."""
    self.__setitem__(..., np.sort(self, axis, **kwargs))


def _partition(self, kth, axis=-1, **kwargs):
    """Partitioned in place."""
    self.__setitem__(..., np.partition(self, kth, axis, **kwargs))


def _compress(self, condition, axis=None, out=None):
    """np.compress, whose first argument is the condition."""
    return np.compress(condition, self, axis, out)


def _copy(self, order="C"):
    """np.copy; numbers, which cannot change, are their own copies, as in NumPy."""
    value = self
    while getattr(value, "is_symbolic", False):
        value = value.value
    if isinstance(value, np.ndarray) or not np.isscalar(value):
        return np.copy(self)
    return self.alias() if hasattr(self, "alias") else self  # under another name, should it be assigned to after all


def install_methods(cls):
    """Give an array type that implements NumPy's protocols the methods of ndarray, except astype and assignment."""
    for name in METHODS:
        setattr(cls, name, _method(name))
    cls.reshape = _reshape
    cls.transpose = _transpose
    cls.flatten = lambda self, order="C": np.copy(np.ravel(self, order=order))
    cls.copy = _copy
    cls.compress = _compress
    cls.conj = cls.conjugate = lambda self: np.conjugate(self)
    cls.T = property(lambda self: np.transpose(self))
    cls.mT = property(lambda self: np.swapaxes(self, -1, -2))
    cls.real = property(lambda self: np.real(self) if self.dtype.kind == "c" else self)
    cls.imag = property(lambda self: np.imag(self))


install_methods(TracedArray)
TracedArray.astype = _astype
TracedArray.fill = _fill
TracedArray.sort = _sort
TracedArray.partition = _partition
TracedArray.flat = property(lambda self: np.ravel(self), doc="The elements in C order, to be read.")
