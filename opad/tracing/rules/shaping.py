"""Functions that rearrange elements: reshaping, axes, broadcasting, flipping, joining, splitting, padding."""

import numpy as np

from opad.operators.algebra import Identity
from opad.operators.elementwise import Cast
from opad.operators.joining import Embed, Pad
from opad.operators.shaping import Broadcast, Flip, Permute, Reshape, Roll
from opad.tracing.array import TracedArray, plain
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import RULES, Primitive, composite, constant, operator_rule, with_cast
from opad.tracing.rules.helpers import as_array, as_dtype, normalise_axis, normalised_axes, wants

# -- reshaping ------------------------------------------------------------------------------------------------------


@UserPrimitive
def reshape(a, shape):
    """np.reshape in C order."""
    return np.reshape(a, shape)


@operator_rule(reshape, of_spaces=True)
def _(y, a, shape):
    return Reshape(a.shape, y.shape)


@composite(np.reshape)
def reshape_any_order(a, shape=None, order="C", *, newshape=None, copy=None):
    """np.reshape in any order."""
    shape = newshape if shape is None else shape
    if order == "C" or (order == "A" and np.ndim(a) < 2):
        return reshape(a, shape)
    if order != "F":
        raise wants("np.reshape", f"order={order!r}, which depends on the memory layout", "orders 'C' and 'F'")
    shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    return np.transpose(reshape(np.transpose(a), shape[::-1]))


@composite(np.ravel)
def ravel(a, order="C"):
    """All elements in one axis."""
    return np.reshape(a, -1, order=order)


@composite(np.squeeze)
def squeeze(a, axis=None):
    """Drop axes of length one."""
    return reshape(a, np.squeeze(np.broadcast_to(0, np.shape(a)), axis).shape)


@composite(np.expand_dims)
def expand_dims(a, axis):
    """Insert axes of length one."""
    return reshape(a, np.expand_dims(np.broadcast_to(0, np.shape(a)), axis).shape)


def _at_least(ndim_function):
    def implementation(*arrays):
        results = tuple(reshape(a, ndim_function(np.broadcast_to(0, np.shape(a))).shape) for a in arrays)
        return results[0] if len(results) == 1 else results

    return implementation


composite(np.atleast_1d)(_at_least(np.atleast_1d))
composite(np.atleast_2d)(_at_least(np.atleast_2d))
composite(np.atleast_3d)(_at_least(np.atleast_3d))


# -- order of axes --------------------------------------------------------------------------------------------------


@operator_rule(np.transpose, of_spaces=True)
def _(y, a, axes=None):
    axes = tuple(range(a.ndim))[::-1] if axes is None else tuple(normalise_axis(k, a.ndim) for k in axes)
    return Permute(axes, a.shape)


@composite(np.swapaxes)
def swapaxes(a, axis1, axis2):
    """Exchange two axes."""
    order = list(range(np.ndim(a)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return np.transpose(a, order)


@composite(np.moveaxis)
def moveaxis(a, source, destination):
    """Move axes to other places."""
    ndim = np.ndim(a)
    source, destination = ([normalise_axis(k, ndim) for k in np.atleast_1d(axes)] for axes in (source, destination))
    order = [k for k in range(ndim) if k not in source]
    for place, k in sorted(zip(destination, source, strict=True)):
        order.insert(place, k)
    return np.transpose(a, order)


@composite(np.rollaxis)
def rollaxis(a, axis, start=0):
    """Move one axis back until it stands before `start`."""
    ndim = np.ndim(a)
    axis, start = axis % ndim, start + ndim if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@composite(np.matrix_transpose)
def matrix_transpose(x):
    """Exchange the last two axes."""
    return np.swapaxes(x, -1, -2)


@operator_rule(np.flip, of_spaces=True)
def _(y, m, axis=None):
    return Flip(m.shape, normalised_axes(axis, m.ndim))


composite(np.fliplr)(lambda m: np.flip(m, 1))
composite(np.flipud)(lambda m: np.flip(m, 0))


@composite(np.rot90)
def rot90(m, k=1, axes=(0, 1)):
    """Rotate by 90 degrees in the plane of two axes."""
    k = k % 4
    if k == 2:
        return np.flip(m, axes)
    if k == 0:
        return m
    return np.flip(np.swapaxes(m, *axes), axes[0]) if k == 1 else np.swapaxes(np.flip(m, axes[0]), *axes)


@operator_rule(np.roll, of_spaces=True)
def _(y, a, shift, axis=None):
    return Roll(a.shape, shift, axis)


# -- copies ---------------------------------------------------------------------------------------------------------


@operator_rule(np.broadcast_to, of_spaces=True)
def _(y, array, shape, subok=False):
    return Broadcast(array.shape, y.shape)


@composite(np.broadcast_arrays)
def broadcast_arrays(*args, subok=False):
    """All arrays in their common shape."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(a, shape) for a in args)


@composite(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Coordinate arrays of a grid."""
    n = len(xi)
    arrays = [reshape(x, (1,) * k + (-1,) + (1,) * (n - k - 1)) for k, x in enumerate(xi)]
    if indexing == "xy" and n > 1:
        arrays = [np.swapaxes(a, 0, 1) for a in arrays]
    return tuple(arrays) if sparse else broadcast_arrays(*arrays)


@composite(np.repeat)
def repeat(a, repeats, axis=None):
    """Elements repeated in place."""
    if axis is None or np.ndim(a) == 0:
        a, axis = np.reshape(a, -1), 0
    return np.take(a, np.repeat(np.arange(np.shape(a)[axis]), repeats), axis=axis)


@composite(np.tile)
def tile(A, reps):
    """The array repeated as a whole."""
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    ndim = max(len(reps), np.ndim(A))
    reps, shape = (1,) * (ndim - len(reps)) + reps, (1,) * (ndim - np.ndim(A)) + np.shape(A)
    spread = reshape(A, tuple(n for length in shape for n in (1, length)))
    spread = np.broadcast_to(spread, tuple(n for r, length in zip(reps, shape, strict=True) for n in (r, length)))
    return reshape(spread, tuple(r * n for r, n in zip(reps, shape, strict=True)))


@composite(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """An array of one value, which may be traced."""
    if type(fill_value) is not TracedArray:
        return np.full_like(plain(a), fill_value, dtype, shape=shape)
    filled = np.broadcast_to(fill_value, np.shape(a) if shape is None else shape)
    return filled.astype(np.result_type(plain(a)) if dtype is None else dtype)


@operator_rule(np.copy, of_spaces=True)
def _(y, a, order="K", subok=False):
    return Identity(a.shape)


@UserPrimitive
def astype(a, dtype):
    """The array in another floating-point dtype."""
    return a.astype(dtype)


@operator_rule(astype, casts=False, of_spaces=True)
def _(y, a, dtype):
    return Cast(a.shape, a.dtype, y.dtype)


# -- joining --------------------------------------------------------------------------------------------------------


class _Concatenate(Primitive):
    """np.concatenate of *arrays: block k puts array k in its place."""

    keywords = frozenset(["axis"])

    def used(self, slots):
        return frozenset()

    def blocks(self, y, args, kwargs, parents):
        axis = kwargs["axis"]
        starts = np.cumsum([0] + [a.shape[axis] for a in args])
        blocks = []
        for slot, column in parents:
            offset = [0] * y.ndim
            offset[axis] = int(starts[slot])
            x = args[slot]
            blocks.append((column, with_cast(Embed(x.shape, y.shape, tuple(offset)), x, y)))
        return blocks


@UserPrimitive
def concatenate(*arrays, axis):
    """np.concatenate with the arrays as separate arguments and a non-negative axis."""
    return np.concatenate(arrays, axis)


RULES[concatenate] = _Concatenate(concatenate.plain)
RULES[concatenate].__name__ = "concatenate"


@composite(np.concatenate)
def concatenate_sequence(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """np.concatenate."""
    arrays = list(map(as_array, arrays))
    if axis is None:
        arrays, axis = [np.reshape(a, -1) for a in arrays], 0
    return _joined(arrays, normalise_axis(axis, np.ndim(arrays[0])), dtype, casting)


def _joined(arrays, axis, dtype, casting):
    """Arrays one after another, in a dtype that they can be cast to."""
    if dtype is not None:
        for a in arrays:
            if not np.can_cast(plain(a).dtype, dtype, casting):
                raise TypeError(f"Cannot cast array data from {plain(a).dtype!r} to {np.dtype(dtype)!r} according to "
                                f"the rule '{casting}'")  # fmt: skip
        arrays = [as_dtype(a, dtype, "np.concatenate") for a in arrays]
    return concatenate(*arrays, axis=axis)


@composite(np.stack)
def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """Join along a new axis."""
    arrays = list(arrays)
    axis = normalise_axis(axis, np.ndim(arrays[0]) + 1)
    shape = np.shape(arrays[0])
    return _joined([np.reshape(a, (*shape[:axis], 1, *shape[axis:])) for a in arrays], axis, dtype, casting)


@composite(np.vstack)
def vstack(tup, *, dtype=None, casting="same_kind"):
    """Join rows."""
    return _joined(list(map(np.atleast_2d, tup)), 0, dtype, casting)


@composite(np.hstack)
def hstack(tup, *, dtype=None, casting="same_kind"):
    """Join along the second axis (the first one for vectors)."""
    arrays = list(map(np.atleast_1d, tup))
    return _joined(arrays, 0 if np.ndim(arrays[0]) == 1 else 1, dtype, casting)


@composite(np.dstack)
def dstack(tup):
    """Join along the third axis."""
    return concatenate(*map(np.atleast_3d, tup), axis=2)


@composite(np.column_stack)
def column_stack(tup):
    """Vectors as columns of a matrix."""
    return concatenate(*(reshape(a, (-1, 1)) if np.ndim(a) < 2 else a for a in tup), axis=1)


@composite(np.append)
def append(arr, values, axis=None):
    """Values at the end."""
    return np.concatenate([arr, values], axis=axis)


@composite(np.block)
def block(arrays):
    """An array from nested lists of blocks."""

    def depth(part):
        return 1 + max(map(depth, part)) if isinstance(part, list) else 0

    def join(part, level):
        if not isinstance(part, list):
            return reshape(part, (1,) * (ndim - np.ndim(part)) + np.shape(part)) if np.ndim(part) < ndim else part
        return concatenate(*(join(inner, level - 1) for inner in part), axis=ndim - level)

    def flat(part):
        return [leaf for inner in part for leaf in flat(inner)] if isinstance(part, list) else [part]

    levels = depth(arrays)
    ndim = max([levels, *map(np.ndim, flat(arrays))])
    return join(arrays, levels)


# -- splitting ------------------------------------------------------------------------------------------------------


@composite(np.array_split)
def array_split(ary, indices_or_sections, axis=0):
    """Pieces along an axis."""
    pieces = np.array_split(np.arange(np.shape(ary)[axis]), indices_or_sections)
    key = (slice(None),) * normalise_axis(axis, np.ndim(ary))
    start, parts = 0, []
    for piece in pieces:
        if len(piece):
            start = int(piece[0])
        parts.append(ary[(*key, slice(start, start + len(piece)))])
    return parts


@composite(np.split)
def split(ary, indices_or_sections, axis=0):
    """Equal pieces along an axis, or pieces between indices."""
    n = np.shape(ary)[axis]
    if np.ndim(indices_or_sections) == 0 and n % indices_or_sections:
        raise ValueError(f"np.split of an axis of length {n} into {indices_or_sections} equal parts; use array_split")
    return array_split(ary, indices_or_sections, axis)


composite(np.vsplit)(lambda ary, indices_or_sections: split(ary, indices_or_sections, 0))
composite(np.hsplit)(lambda ary, indices_or_sections: split(ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1))
composite(np.dsplit)(lambda ary, indices_or_sections: split(ary, indices_or_sections, 2))


@operator_rule(np.pad, of_spaces=True)
def _(y, array, pad_width, mode="constant", *, constant_values=0):
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise wants("np.pad", f"mode={mode!r}", "modes 'constant', 'edge', 'reflect', 'symmetric' and 'wrap'")
    if not array.ndim:
        return Identity(())
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(k, pad_width.get(k - array.ndim, 0)) for k in range(array.ndim)]
        pad_width = [(w, w) if isinstance(w, int) else w for w in pad_width]
    widths = np.broadcast_to(np.asarray(pad_width, int), (array.ndim, 2))
    return Pad(tuple((int(before), int(after)) for before, after in widths), array.shape, mode)


@composite(np.diff)
def diff(a, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    """Differences of neighbours, n times."""
    axis = normalise_axis(axis, np.ndim(a))
    ends = [_slice_of(part, a, axis) for part in (prepend, append)]
    if any(part is not None for part in ends):
        a = np.concatenate([part for part in (ends[0], a, ends[1]) if part is not None], axis=axis)
    key = (slice(None),) * normalise_axis(axis, np.ndim(a))
    for _ in range(n):
        a = a[(*key, slice(1, None))] - a[(*key, slice(None, -1))]
    return a


def _slice_of(part, a, axis):
    """What np.diff puts before or after an array; a number stands for one slice of it."""
    if part is np._NoValue:
        return None
    if np.ndim(part):
        return as_array(part)
    return np.broadcast_to(part, tuple(1 if k == axis else n for k, n in enumerate(np.shape(a))))


constant(
    np.shape, np.ndim, np.size, np.result_type, np.zeros_like, np.ones_like, np.empty_like,
    np.zeros, np.ones, np.empty, np.eye, np.identity,
    np.can_cast, np.min_scalar_type, np.common_type, np.broadcast_shapes, np.shares_memory, np.may_share_memory,
    np.array_repr, np.array_str, np.array2string,
)  # fmt: skip
