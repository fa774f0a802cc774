"""Reductions along axes: sums, means, products, extrema, cumulative sums."""

import numpy as np

from opad.operators.algebra import Multiple, Product
from opad.operators.cumulative import CumulativeSum
from opad.operators.elementwise import Hadamard, RealPart
from opad.operators.shaping import SumAxes
from opad.tracing.array import plain
from opad.tracing.primitives import composite, constant, operator_rule


def _axes(axis, ndim):
    """axis as a tuple of non-negative axes; None means all."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, tuple) else (axis,)))


def _kept(y, axes, shape):
    """A reduced array with its axes kept as length one."""
    return y.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _weighted_sum(weights, x, axes, keepdims):
    return Product(SumAxes(x.shape, axes, keepdims), Hadamard(weights, x.shape))


@operator_rule(np.sum)
def _(y, a, axis=None, dtype=None, out=None, keepdims=False):
    return SumAxes(a.shape, _axes(axis, a.ndim), keepdims)


@operator_rule(np.mean)
def _(y, a, axis=None, dtype=None, out=None, keepdims=False):
    return Multiple(y.size / a.size if a.size else 0.0, SumAxes(a.shape, _axes(axis, a.ndim), keepdims))


@operator_rule(np.var, casts=False)
def _(y, a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=0):
    """d var = 2 / (n - ddof) sum Re(conj(a - mean) da)."""
    return _variance_block(a, axis, max(ddof, correction), keepdims, 2.0)


@operator_rule(np.std, casts=False)
def _(y, a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=0):
    """d std = d var / (2 std); 0 where the standard deviation is 0."""
    axes = _axes(axis, a.ndim)
    deviation = _kept(y, axes, a.shape)
    scale = np.where(plain(deviation) == 0, 0, 1 / np.where(plain(deviation) == 0, 1, deviation))
    return _variance_block(a, axis, max(ddof, correction), keepdims, scale)


def _variance_block(a, axis, ddof, keepdims, scale):
    axes = _axes(axis, a.ndim)
    count = a.size / max(1, a.size // max(1, _length(a.shape, axes)))
    centred = a - np.mean(a, axis=axes, keepdims=True)
    weights = np.conj(centred) * scale / _divisor(count, ddof)
    total = _weighted_sum(weights.astype(a.dtype), a, axes, keepdims)
    return Product(RealPart(total.dimsd), total) if a.dtype.kind == "c" else total


def _length(shape, axes):
    return int(np.prod([shape[i] for i in axes]))


def _divisor(count, ddof):
    return max(count - ddof, 0)


@operator_rule(np.prod)
def _(y, a, axis=None, dtype=None, out=None, keepdims=False):
    """d prod = sum_i (product of the others) da_i, exact where factors are zero."""
    axes = _axes(axis, a.ndim)
    if np.all(plain(a) != 0):
        others = _kept(y, axes, a.shape) / a
    else:
        others = _products_of_others(a, axes)
    return _weighted_sum(others, a, axes, keepdims)


def _products_of_others(a, axes):
    """For every element the product of the other ones along `axes`, without a division."""
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    order = rest + axes
    lines = np.transpose(a, order)
    shape = lines.shape
    lines = lines.reshape((*shape[: len(rest)], -1))
    n = lines.shape[-1]
    left, right = [np.ones_like(plain(lines)[..., 0])], [np.ones_like(plain(lines)[..., 0])]
    for i in range(n - 1):
        left.append(left[-1] * lines[..., i])
        right.append(right[-1] * lines[..., n - 1 - i])
    others = np.stack([p * q for p, q in zip(left, reversed(right), strict=True)], axis=-1)
    return np.transpose(others.reshape(shape), tuple(int(i) for i in np.argsort(order)))


@operator_rule(np.max)
def _(y, a, axis=None, out=None, keepdims=False):
    return _extremum_block(y, a, axis, keepdims)


@operator_rule(np.min)
def _(y, a, axis=None, out=None, keepdims=False):
    return _extremum_block(y, a, axis, keepdims)


def _extremum_block(y, a, axis, keepdims):
    """The elements that attain the extremum share its derivative evenly."""
    axes = _axes(axis, a.ndim)
    ties = (plain(a) == _kept(plain(y), axes, a.shape)).astype(a.dtype)
    share = 1 / np.sum(ties, axis=axes, keepdims=keepdims)  # on the small side, where a division costs little
    return Product(Hadamard(share, y.shape), _weighted_sum(ties, a, axes, keepdims))


@operator_rule(np.cumsum)
def _(y, a, axis=None, dtype=None, out=None):
    return CumulativeSum(a.shape, axis)


@composite(np.ptp)
def ptp(a, axis=None, *, keepdims=False):
    """max - min."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


@composite(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    """sum(w a) / sum(w)."""
    if weights is None:
        result, total = np.mean(a, axis=axis, keepdims=keepdims), None
    else:
        if np.shape(weights) != np.shape(a):
            shape = [1] * np.ndim(a)
            shape[axis] = np.size(weights)
            weights = np.reshape(weights, tuple(shape))
            weights = np.broadcast_to(weights, np.shape(a))
        total = np.sum(weights, axis=axis, keepdims=keepdims)
        result = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    if not returned:
        return result
    return result, np.broadcast_to(np.size(a) / np.size(plain(result)) if total is None else total, result.shape)


@composite((np.add, "reduce"))
def add_reduce(a, axis=0, keepdims=False):
    """np.add.reduce."""
    return np.sum(a, axis=axis, keepdims=keepdims)


@composite((np.multiply, "reduce"))
def multiply_reduce(a, axis=0, keepdims=False):
    """np.multiply.reduce."""
    return np.prod(a, axis=axis, keepdims=keepdims)


@composite((np.maximum, "reduce"))
def maximum_reduce(a, axis=0, keepdims=False):
    """np.maximum.reduce."""
    return np.max(a, axis=axis, keepdims=keepdims)


@composite((np.minimum, "reduce"))
def minimum_reduce(a, axis=0, keepdims=False):
    """np.minimum.reduce."""
    return np.min(a, axis=axis, keepdims=keepdims)


@composite((np.add, "accumulate"))
def add_accumulate(a, axis=0):
    """np.add.accumulate."""
    return np.cumsum(a, axis=axis)


constant(np.argmax, np.argmin, np.argsort, np.count_nonzero, np.nonzero, np.flatnonzero, np.argwhere, np.searchsorted)
