"""Statistics: order statistics, functions that ignore NaN, covariances, histograms of weights.

Order statistics follow the stable sorting permutation: of equal elements the first keeps its place.
"""

from math import prod

import numpy as np

from opad.operators.indexing import scatter_add
from opad.tracing.array import TracedArray, plain
from opad.tracing.primitives import composite, constant
from opad.tracing.rules.helpers import as_array, as_dtype, in_double_precision, normalised_axes, wants
from opad.tracing.rules.reductions import masked, root

# -- functions that ignore NaN ----------------------------------------------------------------------------------------


def _is_nan(a):
    return np.isnan(plain(a))


def _without_nan(a, instead):
    return np.where(_is_nan(a), instead, a)


def _all_nan_stays(result, a, axis, keepdims):
    """NaN where there is nothing but NaN."""
    empty = np.all(_is_nan(a), axis=axis, keepdims=keepdims)
    return np.where(empty, np.nan, result) if np.any(empty) else result


@composite(np.nansum)
def nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    """Sum of what is not NaN."""
    return np.sum(_without_nan(a, 0), axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)


@composite(np.nanprod)
def nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    """Product of what is not NaN."""
    return np.prod(_without_nan(a, 1), axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)


@composite(np.nancumsum)
def nancumsum(a, axis=None, dtype=None, out=None):
    """Running sums of what is not NaN."""
    return np.cumsum(_without_nan(a, 0), axis=axis, dtype=dtype)


@composite(np.nancumprod)
def nancumprod(a, axis=None, dtype=None, out=None):
    """Running products of what is not NaN."""
    return np.cumprod(_without_nan(a, 1), axis=axis, dtype=dtype)


def _nan_extremum(function, instead):
    def implementation(a, axis=None, out=None, keepdims=False, initial=None, where=True):
        a = masked(where, a, np.nan)
        result = function(_without_nan(a, instead), axis=axis, keepdims=keepdims, initial=initial)
        return result if initial is not None else _all_nan_stays(result, a, axis, keepdims)

    return implementation


composite(np.nanmax)(_nan_extremum(np.max, -np.inf))
composite(np.nanmin)(_nan_extremum(np.min, np.inf))


@composite(np.nanmean)
def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    """Mean of what is not NaN."""
    counted = ~_is_nan(masked(where, a, np.nan))
    return np.mean(_without_nan(a, 0), axis=axis, dtype=dtype, keepdims=keepdims, where=counted)


@composite(np.nanvar)
def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
    """Variance of what is not NaN; NaN where there are not more elements than `ddof`."""
    ddof = ddof if correction is None else correction
    counted = ~_is_nan(masked(where, a, np.nan))
    if mean is not None:
        mean = _without_nan(mean, 0)
    variance = np.var(
        _without_nan(a, 0), axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=counted, mean=mean
    )
    too_few = np.sum(counted, axis=axis, keepdims=keepdims) <= ddof
    return np.where(too_few, np.nan, variance) if np.any(too_few) else variance


@composite(np.nanstd)
def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
    """Standard deviation of what is not NaN; where it is 0 so is its derivative."""
    return root(nanvar(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction))


@composite(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """NaN and infinities replaced by numbers."""
    if type(x) is not TracedArray or not copy:
        raise wants("np.nan_to_num", "copy=False or a traced replacement in a plain array", "np.where(np.isnan(x), …)")
    if x.dtype.kind == "c":
        raise wants("np.nan_to_num", "complex numbers", "real ones; write it for np.real(x) and np.imag(x)")
    largest, value = np.finfo(x.dtype).max, plain(x)
    x = np.where(np.isnan(value), nan, x)
    x = np.where(np.isposinf(value), largest if posinf is None else posinf, x)
    x = np.where(np.isneginf(value), -largest if neginf is None else neginf, x)
    return x if x.ndim else x[()]


# -- order statistics -------------------------------------------------------------------------------------------------


_SLOPES = {  # d virtual index / dq - n, for the methods that are continuous in q
    "linear": -1, "hazen": 0, "weibull": 1, "median_unbiased": 1 / 3, "normal_unbiased": 1 / 4,
    "interpolated_inverted_cdf": 0,
}  # fmt: skip


def _quantile(function, whole):
    """A quantile by the position of it among the sorted elements, which NumPy finds as the quantile of the ranks.

    Between the ends the position moves with q at a constant rate, or, where a method picks elements, not at all.
    """

    def implementation(
        a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None
    ):
        axes = normalised_axes(axis, np.ndim(a))
        q = np.asarray(q) if isinstance(q, list | tuple) else q
        lines, order = _sorted_lines(a, axes)
        ranks = np.where(np.isnan(_lines(plain(a), axes)), np.nan, np.argsort(order, axis=-1))
        if weights is not None:
            weights = plain(as_array(weights))
            weights = _lines(_spread(weights, np.shape(a), axis), axes)
        position = function(ranks, plain(q), axis=-1, method=method, weights=weights)
        count = np.sum(~np.isnan(ranks), axis=-1)
        missing = np.isnan(position)
        low = np.floor(np.where(missing, 0, position)).astype(int)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        wide = plain(lines).dtype if isinstance(q, int | float) else np.result_type(plain(lines), plain(q) / 1.0)
        weight = (position - low).astype(wide)
        if type(q) is TracedArray and method in _SLOPES:
            inside = (position > 0) & (position < count - 1)
            rate = np.where(inside, count + _SLOPES[method], 0).astype(weight.dtype) / whole
            weight = weight + rate * np.reshape(q - plain(q), np.shape(q) + (1,) * (np.ndim(position) - np.ndim(q)))
        value = _at(lines, low)
        value = value + (_at(lines, high) - value) * weight
        value = np.where(missing, np.nan, value) if np.any(missing) else value
        if keepdims:
            value = np.reshape(value, np.shape(q) + tuple(1 if k in axes else n for k, n in enumerate(np.shape(a))))
        return value if np.ndim(value) else value[()]

    return implementation


def _lines(a, axes):
    """The array with `axes` flattened into a last one."""
    rest = tuple(k for k in range(np.ndim(a)) if k not in axes)
    shape = np.shape(a)
    return np.reshape(np.transpose(a, rest + axes), (*(shape[k] for k in rest), prod(shape[k] for k in axes)))


def _sorted_lines(a, axes):
    """`_lines` in ascending order, NaN last, and the permutation."""
    lines = _lines(a, axes)
    order = np.argsort(plain(lines), axis=-1, kind="stable")
    return np.take_along_axis(lines, order, axis=-1), order


def _spread(weights, shape, axis):
    """Weights of the elements; those along one axis are repeated along the others."""
    if weights.shape == shape:
        return weights
    return np.broadcast_to(weights.reshape([-1 if k == axis % len(shape) else 1 for k in range(len(shape))]), shape)


def _at(lines, positions):
    """Elements of every line at positions (*q's shape, *rest)."""
    lead = positions.ndim - (lines.ndim - 1)
    lines = np.broadcast_to(lines, positions.shape[:lead] + np.shape(lines))
    return np.take_along_axis(lines, positions[..., None], axis=-1)[..., 0]


composite(np.quantile)(_quantile(np.quantile, 1))
composite(np.percentile)(_quantile(np.percentile, 100))
composite(np.nanquantile)(_quantile(np.nanquantile, 1))
composite(np.nanpercentile)(_quantile(np.nanpercentile, 100))


@composite(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The middle element, or the mean of the two in the middle."""
    return np.quantile(a, 0.5, axis=axis, keepdims=keepdims)


@composite(np.nanmedian)
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The median of what is not NaN."""
    return np.nanquantile(a, 0.5, axis=axis, keepdims=keepdims)


@composite(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None):
    """np.partition by the permutation that np.argpartition finds."""
    if order is not None:
        raise wants("np.partition", f"order={order!r}", "an array without fields")
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    return np.take_along_axis(a, np.argpartition(plain(a), kth, axis=axis), axis=axis)


@composite(np.unique)
def unique(ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True,
           sorted=True):  # fmt: skip
    """Sorted distinct elements; equal ones have no derivative, as they part under perturbation."""
    if axis is not None:
        raise wants("np.unique", f"axis={axis}", "axis=None")
    flat = np.reshape(ar, -1)
    values, first, inverse, counts = np.unique(plain(flat), True, True, True)
    if len(values) < np.size(flat):
        raise wants("np.unique", "repeated elements, where it is discontinuous", "distinct ones, or the plain value")
    extra = [part for part, asked in ((first, return_index), (inverse.reshape(np.shape(ar)), return_inverse),
                                      (counts, return_counts)) if asked]  # fmt: skip
    return (flat[first], *extra) if extra else flat[first]


# -- covariances ------------------------------------------------------------------------------------------------------


@composite(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """The covariance matrix of the rows of m (and y)."""
    X = _observations(m, rowvar)
    if y is not None:
        X = np.concatenate([X, _observations(y, rowvar)])
    X = as_dtype(X, dtype, "np.cov")
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = None if fweights is None else np.asarray(fweights, float)
    if aweights is not None:
        aweights = as_dtype(aweights, float, "np.cov")  # as NumPy does
        weights = aweights if weights is None else weights * aweights
    if weights is None:
        mean, total, factor = np.mean(X, axis=1, keepdims=True), X.shape[1], X.shape[1] - ddof
    else:
        total = np.sum(weights)
        mean = np.sum(X * weights, axis=1, keepdims=True) / total
        factor = total - ddof if aweights is None else total - ddof * np.sum(weights * aweights) / total
    rest = X - mean
    return np.squeeze((rest if weights is None else rest * weights) @ np.conj(rest.T) / factor)


def _observations(m, rowvar):
    X = in_double_precision(np.atleast_2d(m))
    return X if rowvar or np.shape(X)[0] == 1 else X.T


@composite(np.corrcoef)
def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    """The matrix of correlation coefficients."""
    c = np.cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    return c / deviation[:, None] / deviation[None, :]


# -- histograms of weights --------------------------------------------------------------------------------------------


@composite(np.bincount)
def bincount(x, /, weights=None, minlength=0):
    """Sums of weights by integer key."""
    x = np.asarray(x)
    return scatter_add(weights.astype(float), (x,), (len(np.bincount(x, minlength=minlength)),))


@composite(np.histogram)
def histogram(a, bins=10, range=None, density=None, weights=None):
    """Sums of weights over bins; the counts themselves are locally constant."""
    if type(bins) is TracedArray or (type(a) is TracedArray and (np.ndim(bins) == 0 and range is None)):
        raise wants("np.histogram", "bins that depend on traced data", "explicit bins or range")
    if type(weights) is not TracedArray:
        return np.histogram(plain(a), bins, range, density=density, weights=weights)
    edges = np.histogram_bin_edges(plain(a), bins, range)
    a = np.reshape(plain(a), -1)
    inside = (a >= edges[0]) & (a <= edges[-1])
    place = np.minimum(np.searchsorted(edges, a[inside], side="right") - 1, len(edges) - 2)
    sums = scatter_add(np.reshape(weights, -1)[inside], (place,), (len(edges) - 1,))
    return (sums / np.diff(edges) / np.sum(sums) if density else sums), edges


constant(
    np.argpartition, np.lexsort, np.digitize, np.isin, np.nanargmax, np.nanargmin, np.unique_counts,
    np.unravel_index, np.ravel_multi_index, np.tril_indices_from, np.triu_indices_from, np.diag_indices_from, np.tri,
    np.einsum_path,
)  # fmt: skip
