"""What several modules of rules share."""

import numpy as np

from opad.errors import UnsupportedArgumentError


def wants(function, given, expected):
    """The error for an argument that a rule does not cover."""
    return UnsupportedArgumentError(
        f"{function} was called on a traced array with {given}; expected {expected}. Rewrite the call, or register "
        "a rule with opad.jacobian_rule."
    )


def as_array(a):
    """Lists and numbers as plain arrays; whatever has a shape stays."""
    return a if hasattr(a, "shape") else np.asarray(a)


def normalise_axis(axis, ndim):
    """A non-negative axis."""
    if not -ndim <= axis < ndim:
        raise IndexError(f"axis {axis} is out of bounds for an array with {ndim} axes")
    return axis % ndim


def normalised_axes(axis, ndim):
    """An axis, several, or None for all, as a tuple of non-negative axes; numbers may name axis 0, as in NumPy."""
    if axis is None or (ndim == 0 and np.ndim(axis) == 0 and axis in (0, -1)):
        return tuple(range(ndim))
    return tuple(normalise_axis(int(k), ndim) for k in ((axis,) if np.ndim(axis) == 0 else axis))


def with_axes_kept(y, axes, shape):
    """The result of a reduction over `axes` of an array of this shape, with these axes of length one."""
    return np.reshape(y, tuple(1 if k in axes else n for k, n in enumerate(shape)))


def as_dtype(a, dtype, name):
    """An array in the floating-point dtype that a keyword asks for."""
    if dtype is None:
        return a
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc":
        raise wants(name, f"dtype={dtype}, in which nothing varies", "a floating-point dtype")
    a = as_array(a)
    return a if a.dtype == dtype else a.astype(dtype)


def in_double_precision(a):
    """An array in double precision at least, in which NumPy computes what it computes for integers."""
    a = as_array(a)
    dtype = np.result_type(a.dtype, np.float64)
    return a if a.dtype == dtype else a.astype(dtype)


def as_floating(a):
    """Integers in double precision."""
    return a.astype(float) if getattr(a, "dtype", np.dtype(float)).kind not in "fc" else a


def in_common_precision(*arrays):
    """Arrays in the highest precision of them, that of integers being double; real ones stay real."""
    arrays = list(map(as_array, arrays))
    common = np.result_type(*(a.dtype if a.dtype.kind in "fc" else np.float64 for a in arrays))
    dtypes = [np.result_type(a.dtype, np.finfo(common).dtype) for a in arrays]
    return [a if a.dtype == dtype else a.astype(dtype) for a, dtype in zip(arrays, dtypes, strict=True)]
