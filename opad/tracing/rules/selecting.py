"""Choosing, inserting and deleting elements; roots and logarithms that leave the real line."""

from functools import reduce

import numpy as np

from opad.operators.indexing import scatter_add
from opad.tracing.array import TracedArray, plain
from opad.tracing.primitives import composite
from opad.tracing.rules.helpers import as_array, normalise_axis, normalised_axes


@composite(np.select)
def select(condlist, choicelist, default=0):
    """The first choice whose condition holds."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = np.where(plain(condition), choice, result)
    return result


@composite(np.piecewise)
def piecewise(x, condlist, funclist, *args, **kw):
    """Functions on parts of the domain; of several conditions that hold the last one counts."""
    if np.isscalar(condlist) or (np.ndim(x) and not np.ndim(condlist[0]) and not isinstance(condlist[0], np.ndarray)):
        condlist = [condlist]
    conditions = [c if hasattr(c, "astype") else np.asarray(c) for c in map(plain, condlist)]
    shape = np.shape(x)
    x = x if shape else np.reshape(x, (1,))  # numbers of NumPy have no masks
    conditions = [np.broadcast_to(c.astype(bool), np.shape(x)) for c in conditions]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~reduce(np.logical_or, conditions))
    if len(funclist) != len(conditions):
        raise ValueError(f"with {len(condlist)} condition(s), either {len(condlist)} or {len(condlist) + 1} functions "
                         "are expected")  # fmt: skip
    result, taken = 0, np.zeros(np.shape(x), bool)
    for condition, function in reversed(list(zip(conditions, funclist, strict=True))):
        part, where = x[condition], condition & ~taken
        values = function(part, *args, **kw) if callable(function) and part.size else function
        if not part.size:
            continue
        values = values if hasattr(values, "dtype") else np.asarray(values)
        values = values.astype(x.dtype) if values.dtype != x.dtype else values
        if np.ndim(values) == 0:
            result = np.where(where, values, result)
        else:
            values = np.broadcast_to(values, part.shape)
            result = scatter_add(values[where[condition]], (where,), np.shape(x)) + result
        taken = taken | condition
    return np.reshape(result, shape) if hasattr(result, "shape") else np.zeros_like(plain(x), shape=shape)


@composite(np.choose)
def choose(a, choices, out=None, mode="raise"):
    """choices[a[i]][i]."""
    a = plain(a)
    a = a if hasattr(a, "ndim") else np.asarray(a)
    if mode != "raise":
        a = np.remainder(a, len(choices)) if mode == "wrap" else np.clip(a, 0, len(choices) - 1)
    if a.size and (a.min() < 0 or a.max() >= len(choices)):
        raise ValueError("invalid entry in choice array")
    result = np.broadcast_to(choices[0], np.broadcast_shapes(a.shape, *map(np.shape, choices)))
    for k in range(1, len(choices)):
        result = np.where(a == k, choices[k], result)
    return result


@composite(np.delete)
def delete(arr, obj, axis=None):
    """An array without some of its slices."""
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    return np.take(arr, np.delete(np.arange(np.shape(arr)[axis]), obj), axis=axis)


@composite(np.insert)
def insert(arr, obj, values, axis=None):
    """An array with values put in before some of its slices."""
    arr, values = map(as_array, (arr, values))
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    axis, n = normalise_axis(axis, np.ndim(arr)), np.shape(arr)[axis]
    while np.ndim(values) > np.ndim(arr) and np.shape(values)[0] == 1:  # as an assignment of them would
        values = values[0]
    values = np.reshape(values, (1,) * (np.ndim(arr) - np.ndim(values)) + np.shape(values))
    places = np.arange(n)
    if np.ndim(obj) == 0 and not isinstance(obj, slice):
        values = np.moveaxis(values, 0, axis)
        count = np.shape(values)[axis]
        order = np.insert(places, obj, np.arange(n, n + count))
    else:
        count = len(np.insert(places, obj, 0)) - n
        order = np.insert(places, obj, np.arange(n, n + count))
    shape = tuple(count if k == axis else length for k, length in enumerate(np.shape(arr)))
    values = np.broadcast_to(values, shape)
    values = values if values.dtype == arr.dtype else values.astype(arr.dtype)
    return np.take(np.concatenate([arr, values], axis=axis), order, axis=axis)


@composite(np.resize)
def resize(a, new_shape):
    """Elements repeated or dropped until the shape is filled."""
    size = int(np.prod(new_shape))
    return np.reshape(np.reshape(a, -1)[np.arange(size) % np.size(a)], new_shape)


@composite(np.trim_zeros)
def trim_zeros(filt, trim="fb", axis=None):
    """An array without the slices at its ends that hold only zeros."""
    axes = normalised_axes(axis, np.ndim(filt))
    occupied = np.argwhere(plain(filt))
    if not len(occupied):
        return filt[tuple(slice(0, 0) if k in axes else slice(None) for k in range(np.ndim(filt)))]
    first = occupied.min(axis=0) if "f" in trim.lower() else np.zeros(np.ndim(filt), int)
    last = occupied.max(axis=0) if "b" in trim.lower() else np.array(np.shape(filt)) - 1
    return filt[tuple(slice(first[k], last[k] + 1) if k in axes else slice(None) for k in range(np.ndim(filt)))]


if hasattr(np, "unstack"):  # NumPy 2.1

    @composite(np.unstack)
    def unstack(x, /, *, axis=0):
        """The slices along an axis."""
        key = (slice(None),) * normalise_axis(axis, np.ndim(x))
        return tuple(x[(*key, k)] for k in range(np.shape(x)[axis]))


if hasattr(np, "astype"):

    @composite(np.astype)
    def astype(x, dtype, /, *, copy=True, device=None):
        """x.astype(dtype)."""
        return x.astype(dtype)


# -- np.emath ---------------------------------------------------------------------------------------------------------


def _complex_if(x, outside):
    """x, made complex if any element lies outside the real domain."""
    if type(x) is TracedArray and x.dtype.kind != "c" and np.any(outside(plain(x))):
        return x.astype(np.result_type(x.dtype, np.complex64))
    return x


def _negative(x):
    return x < 0


def _beyond_one(x):
    return np.abs(x) > 1


composite(np.emath.sqrt)(lambda x: np.sqrt(_complex_if(x, _negative)))
composite(np.emath.log)(lambda x: np.log(_complex_if(x, _negative)))
composite(np.emath.log2)(lambda x: np.log2(_complex_if(x, _negative)))
composite(np.emath.log10)(lambda x: np.log10(_complex_if(x, _negative)))
composite(np.emath.arccos)(lambda x: np.arccos(_complex_if(x, _beyond_one)))
composite(np.emath.arcsin)(lambda x: np.arcsin(_complex_if(x, _beyond_one)))
composite(np.emath.arctanh)(lambda x: np.arctanh(_complex_if(x, _beyond_one)))
composite(np.emath.power)(lambda x, p: np.power(_complex_if(x, _negative), p))
composite(np.emath.logn)(lambda n, x: np.emath.log(x) / np.emath.log(n))
