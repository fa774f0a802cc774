"""Reductions along axes: sums, means, products, extrema, cumulative sums.

Each has a rule for the usual arguments, and a composition for dtype=, where=, initial= and mean=.
"""

import numpy as np

from opad.operators.algebra import Multiple, Product
from opad.operators.cumulative import CumulativeSum
from opad.operators.elementwise import Hadamard, RealPart
from opad.operators.shaping import SumAxes
from opad.tracing.array import plain
from opad.tracing.primitives import composite, constant, operator_rule
from opad.tracing.rules.helpers import as_dtype, as_floating, normalised_axes, with_axes_kept


def _weighted_sum(weights, x, axes, keepdims):
    return Product(SumAxes(x.shape, axes, keepdims), Hadamard(weights, x.shape))


@operator_rule(np.sum, of_spaces=True)
def _(y, a, axis=None, dtype=None, out=None, keepdims=False):
    return SumAxes(a.shape, normalised_axes(axis, a.ndim), keepdims)


@operator_rule(np.mean, of_spaces=True)
def _(y, a, axis=None, dtype=None, out=None, keepdims=False):
    return Multiple(y.size / a.size if a.size else 0.0, SumAxes(a.shape, normalised_axes(axis, a.ndim), keepdims))


@operator_rule(np.var, casts=False)
def _(y, a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=None):
    """d var = 2 / (n - ddof) sum Re(conj(a - mean) da)."""
    axes = normalised_axes(axis, a.ndim)
    return _variance_block(_centred(a, axes), axes, ddof if correction is None else correction, keepdims, 2.0)


@operator_rule(np.std, casts=False)
def _(y, a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=None):
    """d std = d var / (2 std); 0 where the standard deviation is 0.

    Centred twice: of constants the rounding error of the mean remains, which the division makes as large as 1.
    """
    axes = normalised_axes(axis, a.ndim)
    deviation = with_axes_kept(y, axes, a.shape)
    scale = np.where(plain(deviation) == 0, 0, 1 / np.where(plain(deviation) == 0, 1, deviation))
    centred = _centred(_centred(a, axes), axes)
    return _variance_block(centred, axes, ddof if correction is None else correction, keepdims, scale)


def _centred(a, axes):
    return a - np.mean(a, axis=axes, keepdims=True)


def _variance_block(centred, axes, ddof, keepdims, scale):
    weights = np.conj(centred) * scale / max(_length(centred.shape, axes) - ddof, 0)
    total = _weighted_sum(weights.astype(centred.dtype), centred, axes, keepdims)
    return Product(RealPart(total.dimsd), total) if centred.dtype.kind == "c" else total


def _length(shape, axes):
    return int(np.prod([shape[i] for i in axes]))


@operator_rule(np.prod)
def _(y, a, axis=None, dtype=None, out=None, keepdims=False):
    """d prod = sum_i (product of the others) da_i, exact where factors are zero."""
    axes = normalised_axes(axis, a.ndim)
    if all_normal(plain(y)):
        others = with_axes_kept(y, axes, a.shape) / a
    else:
        others = _products_of_others(a, axes)
    return _weighted_sum(others, a, axes, keepdims)


def all_normal(y):
    """Whether products can be divided by their factors: none is zero, subnormal or infinite."""
    size = np.abs(y)
    return bool(np.all((size >= np.finfo(y.dtype).tiny) & (size < np.inf)))


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
    axes = normalised_axes(axis, a.ndim)
    ties = (plain(a) == with_axes_kept(plain(y), axes, a.shape)).astype(a.dtype)
    share = 1 / np.sum(ties, axis=axes, keepdims=keepdims)  # on the small side, where a division costs little
    return Product(Hadamard(share, y.shape), _weighted_sum(ties, a, axes, keepdims))


@operator_rule(np.cumsum, of_spaces=True)
def _(y, a, axis=None, dtype=None, out=None):
    return CumulativeSum(a.shape, axis)


# -- with dtype=, where=, initial=, mean= -----------------------------------------------------------------------------


def masked(where, a, instead):
    """The array with another value where a mask is false."""
    return a if where is True else np.where(np.broadcast_to(where, np.shape(a)), a, instead)


def _total(function, neutral, combine):
    """A sum or product with all of NumPy's keywords."""

    def implementation(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
        a = as_dtype(a, dtype, f"np.{function.__name__}")
        result = function(masked(where, a, neutral), axis=axis, keepdims=keepdims)
        return result if initial is None else combine(initial, result)

    return implementation


composite(np.sum)(_total(np.sum, 0, np.add))
composite(np.prod)(_total(np.prod, 1, np.multiply))


def _extremum(ufunc):
    def implementation(a, axis=None, out=None, keepdims=False, initial=None, where=True):
        return ufunc.reduce(a, axis=axis, keepdims=keepdims, initial=initial, where=where)

    return implementation


composite(np.max, np.amax)(_extremum(np.maximum))
composite(np.min, np.amin)(_extremum(np.minimum))


@composite(np.mean)
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    """The sum over what is counted, divided by how many these are."""
    a = as_dtype(a, dtype, "np.mean")
    return np.sum(masked(where, a, 0), axis=axis, keepdims=keepdims) / _count(where, a, axis, keepdims)


def _count(where, a, axis, keepdims):
    counted = np.broadcast_to(where if hasattr(where, "dtype") else np.asarray(where, bool), np.shape(a))
    return np.sum(counted, axis=axis, keepdims=keepdims).astype(np.real(plain(a)).dtype)


@composite(np.var)
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
    """The mean square of the distances from the mean, which may be given."""
    a = as_dtype(a, dtype, "np.var")
    if mean is None:
        mean = np.mean(a, axis=axis, keepdims=True, where=where)
    rest = masked(where, a - mean, 0)
    squares = rest * rest if rest.dtype.kind != "c" else np.real(rest) ** 2 + np.imag(rest) ** 2
    freedom = np.maximum(_count(where, a, axis, keepdims) - (ddof if correction is None else correction), 0)
    return np.sum(squares, axis=axis, keepdims=keepdims) / freedom.astype(squares.dtype)


@composite(np.std)
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
    """The root of the variance; where it is 0 so is its derivative."""
    return root(var(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))


def root(variance):
    """The square root, with derivative 0 at 0."""
    zero = plain(variance) == 0
    result = np.where(zero, 0, np.sqrt(np.where(zero, 1, variance)))
    return result if result.ndim else result[()]


@composite(np.cumsum)
def cumsum(a, axis=None, dtype=None, out=None):
    """Running sums in another dtype."""
    return np.cumsum(as_dtype(a, dtype, "np.cumsum"), axis=axis)


@composite(np.ptp)
def ptp(a, axis=None, out=None, keepdims=False):
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
        weighted = as_floating(a) * weights
        total = np.sum(weights, axis=axis, dtype=weighted.dtype, keepdims=keepdims)
        result = np.sum(weighted, axis=axis, keepdims=keepdims) / total
    if not returned:
        return result
    return result, np.broadcast_to(np.size(a) / np.size(plain(result)) if total is None else total, result.shape)


constant(np.argmax, np.argmin, np.argsort, np.count_nonzero, np.nonzero, np.flatnonzero, np.argwhere, np.searchsorted)
