"""Statistics: order statistics, functions that ignore NaN, covariances, histograms of weights.

Order statistics follow the stable sorting permutation: of equal elements the first keeps its place.
"""

import numpy as np

from opad.operators.indexing import scatter_add
from opad.tracing.array import TracedArray, plain
from opad.tracing.primitives import composite, constant
from opad.tracing.rules.helpers import normalise_axis, wants

# -- functions that ignore NaN ----------------------------------------------------------------------------------------


def _is_nan(a):
    return np.isnan(plain(a))


def _without_nan(a, instead):
    return np.where(_is_nan(a), instead, a)


def _count(a, axis):
    return np.sum(~_is_nan(a), axis=axis, keepdims=True)


def _all_nan_stays(result, a, axis, keepdims):
    """NaN where there is nothing but NaN."""
    empty = np.all(_is_nan(a), axis=axis, keepdims=keepdims)
    return np.where(empty, np.nan, result) if np.any(empty) else result


@composite(np.nansum)
def nansum(a, axis=None, *, keepdims=False):
    """Sum of what is not NaN."""
    return np.sum(_without_nan(a, 0), axis=axis, keepdims=keepdims)


@composite(np.nanprod)
def nanprod(a, axis=None, *, keepdims=False):
    """Product of what is not NaN."""
    return np.prod(_without_nan(a, 1), axis=axis, keepdims=keepdims)


@composite(np.nancumsum)
def nancumsum(a, axis=None):
    """Running sums of what is not NaN."""
    return np.cumsum(_without_nan(a, 0), axis=axis)


@composite(np.nancumprod)
def nancumprod(a, axis=None):
    """Running products of what is not NaN."""
    return np.cumprod(_without_nan(a, 1), axis=axis)


@composite(np.nanmax)
def nanmax(a, axis=None, *, keepdims=False):
    """Largest of what is not NaN."""
    result = np.max(_without_nan(a, -np.inf), axis=axis, keepdims=keepdims)
    return _all_nan_stays(result, a, axis, keepdims)


@composite(np.nanmin)
def nanmin(a, axis=None, *, keepdims=False):
    """Smallest of what is not NaN."""
    result = np.min(_without_nan(a, np.inf), axis=axis, keepdims=keepdims)
    return _all_nan_stays(result, a, axis, keepdims)


def _reduced(total, axis, keepdims):
    """Drop the axes that a reduction has kept."""
    if keepdims:
        return total
    axes = tuple(range(np.ndim(total))) if axis is None else axis
    result = np.squeeze(total, axis=axes)
    return result if result.ndim else result[()]


@composite(np.nanmean)
def nanmean(a, axis=None, *, keepdims=False):
    """Mean of what is not NaN."""
    count = _count(a, axis).astype(np.real(plain(a)).dtype)
    return _reduced(np.sum(_without_nan(a, 0), axis=axis, keepdims=True) / count, axis, keepdims)


@composite(np.nanvar)
def nanvar(a, axis=None, *, ddof=0, keepdims=False, correction=0):
    """Variance of what is not NaN."""
    dtype = np.real(plain(a)).dtype
    count = _count(a, axis)
    mean = np.sum(_without_nan(a, 0), axis=axis, keepdims=True) / count.astype(dtype)
    rest = _without_nan(a - mean, 0)
    squares = rest * rest if rest.dtype.kind != "c" else np.real(rest) ** 2 + np.imag(rest) ** 2
    freedom = count - max(ddof, correction)
    freedom = np.where(freedom <= 0, np.nan, freedom).astype(dtype)
    return _reduced(np.sum(squares, axis=axis, keepdims=True) / freedom, axis, keepdims)


@composite(np.nanstd)
def nanstd(a, axis=None, *, ddof=0, keepdims=False, correction=0):
    """Standard deviation of what is not NaN; where it is 0 so is its derivative."""
    variance = np.nanvar(a, axis=axis, ddof=max(ddof, correction), keepdims=keepdims)
    zero = plain(variance) == 0
    result = np.where(zero, 0, np.sqrt(np.where(zero, 1, variance)))
    return result if result.ndim else result[()]


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
    return np.where(np.isneginf(value), -largest if neginf is None else neginf, x)


# -- order statistics -------------------------------------------------------------------------------------------------


def _sorted_lines(a, axis):
    """Lines along `axis` (an int, a tuple, None), sorted, NaN last: shape (*rest, n); and the shape for keepdims."""
    ndim = np.ndim(a)
    axes = tuple(range(ndim)) if axis is None else (axis,) if np.ndim(axis) == 0 else tuple(axis)
    axes = [normalise_axis(int(k), ndim) for k in axes]
    rest = [k for k in range(ndim) if k not in axes]
    kept = tuple(1 if k in axes else n for k, n in enumerate(np.shape(a)))
    lines = np.transpose(a, rest + axes)
    return np.sort(np.reshape(lines, (*(np.shape(a)[k] for k in rest), -1)), axis=-1), kept


def _at(lines, positions):
    """Elements at one position per line."""
    return np.take_along_axis(lines, positions[..., None], axis=-1)[..., 0]


def _order_statistic(a, q, axis, method, keepdims, name, ignore_nan):
    """Quantiles by interpolation between neighbours; q leads the axes of the result."""
    if method not in ("linear", "lower", "higher", "midpoint"):
        raise wants(name, f"method={method!r}", "'linear', 'lower', 'higher' or 'midpoint'")
    if np.any(plain(q) < 0) or np.any(plain(q) > 1):
        raise ValueError("Quantiles must be in the range [0, 1]")
    lines, kept = _sorted_lines(a, axis)
    bad = _is_nan(lines)
    count = np.maximum(np.sum(~bad, axis=-1), 1) if ignore_nan else np.full(np.shape(lines)[:-1], lines.shape[-1])
    results = []
    for single in np.reshape(q, -1):
        place = single * (count - 1).astype(single.dtype)
        low = np.floor(plain(place)).astype(int)
        high = np.minimum(low + 1, count - 1)
        weight = {"linear": place - low.astype(single.dtype), "lower": 0, "higher": np.sign(plain(place) - low),
                  "midpoint": np.sign(plain(place) - low) / 2}[method]  # fmt: skip
        if not hasattr(weight, "tape"):
            weight = np.asarray(weight, dtype=single.dtype if method == "linear" else lines.dtype)
        value = _at(lines, low)
        value = value + (_at(lines, high) - value) * weight
        result = value if ignore_nan or not np.any(bad) else np.where(np.any(bad, axis=-1), np.nan, value)
        results.append(np.reshape(result, kept) if keepdims else result)
    return results[0] if np.ndim(q) == 0 else np.reshape(np.stack(results), np.shape(q) + np.shape(results[0]))


def _quantile(name, whole, ignore_nan):
    def implementation(a, q, axis=None, overwrite_input=False, method="linear", keepdims=False):
        if isinstance(q, int | float):
            q = np.asarray(q, plain(a).dtype)  # NumPy's number, which does not widen float32
        q = (q if hasattr(q, "shape") else np.asarray(q, float)) / whole
        return _order_statistic(a, q, axis, method, keepdims, name, ignore_nan)

    return implementation


composite(np.quantile)(_quantile("np.quantile", 1, False))
composite(np.percentile)(_quantile("np.percentile", 100, False))
composite(np.nanquantile)(_quantile("np.nanquantile", 1, True))
composite(np.nanpercentile)(_quantile("np.nanpercentile", 100, True))


@composite(np.median)
def median(a, axis=None, overwrite_input=False, keepdims=False):
    """The middle element, or the mean of the two in the middle."""
    return np.quantile(a, 0.5, axis=axis, keepdims=keepdims)


@composite(np.nanmedian)
def nanmedian(a, axis=None, overwrite_input=False, keepdims=False):
    """The median of what is not NaN."""
    return np.nanquantile(a, 0.5, axis=axis, keepdims=keepdims)


@composite(np.partition)
def partition(a, kth, axis=-1):
    """np.partition by the permutation that np.argpartition finds."""
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    return np.take_along_axis(a, np.argpartition(plain(a), kth, axis=axis), axis=axis)


@composite(np.unique)
def unique(ar, return_index=False, return_inverse=False, return_counts=False):
    """Sorted distinct elements; equal ones have no derivative, as they part under perturbation."""
    flat = np.reshape(ar, -1)
    values, first, inverse, counts = np.unique(plain(flat), True, True, True)
    if len(values) < np.size(flat):
        raise wants("np.unique", "repeated elements, where it is discontinuous", "distinct ones, or the plain value")
    extra = [part for part, asked in ((first, return_index), (inverse.reshape(np.shape(ar)), return_inverse),
                                      (counts, return_counts)) if asked]  # fmt: skip
    return (flat[first], *extra) if extra else flat[first]


# -- covariances ------------------------------------------------------------------------------------------------------


@composite(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None):
    """The covariance matrix of the rows of m (and y)."""
    X = _observations(m, rowvar)
    if y is not None:
        X = np.concatenate([X, _observations(y, rowvar)])
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = None if fweights is None else np.asarray(fweights, float)
    if aweights is not None:
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
    X = np.atleast_2d(m)
    X = X if X.dtype in (np.float64, np.complex128) else X.astype(np.result_type(X.dtype, float))  # as NumPy does
    return X if rowvar or np.shape(X)[0] == 1 else X.T


@composite(np.corrcoef)
def corrcoef(x, y=None, rowvar=True):
    """The matrix of correlation coefficients."""
    c = np.cov(x, y, rowvar)
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
)  # fmt: skip
