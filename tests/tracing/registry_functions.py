"""Registry entries for statistics, polynomials, sequences, selecting and inserting."""

import numpy as np

from tests.tracing.registry import case

REAL, POSITIVE = (-2.0, 2.0), (0.3, 2.5)
_HOLES = np.array([[False, True, False, False], [False, False, False, True], [False, False, False, False]])


def holes(a):
    """The array with NaN here and there."""
    return np.where(_HOLES, np.nan, a)


METHODS = (
    "linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
    "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased",
)  # fmt: skip

# -- statistics -------------------------------------------------------------------------------------------------------

for _f in (np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd):
    for _kwargs in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}):
        case(_f, lambda a, f=_f, k=_kwargs: f(holes(a), **k), (3, 4), name=f"{_kwargs}")
    case(_f, _f, (3,), complex=True, name="no holes")
for _f in (np.nanvar, np.nanstd):
    case(_f, lambda a, f=_f: f(holes(a), axis=1, ddof=1), (3, 4), name="ddof")
for _f in (np.nanmax, np.nanmin):
    for _kwargs in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}):
        case(_f, lambda a, f=_f, k=_kwargs: f(holes(a), **k), (3, 4), name=f"{_kwargs}")
for _f in (np.nancumsum, np.nancumprod):
    case(_f, lambda a, f=_f: f(holes(a), axis=1), (3, 4), complex=True)
    case(_f, lambda a, f=_f: f(holes(a)), (3, 4), name="flat")
case(np.nan_to_num, lambda a: np.nan_to_num(holes(a), nan=3.0), (3, 4))
for _f, _g in ((np.quantile, 1), (np.percentile, 100)):
    for _method in METHODS:
        case(_f, lambda a, f=_f, s=_g, m=_method: f(a, 0.3 * s, axis=1, method=m), (2, 5), name=_method)
    case(_f, lambda a, f=_f, s=_g: f(a, np.array([0.1, 0.5, 1.0]) * s), (5,), name="several")
    case(_f, lambda a, f=_f, s=_g: f(a, 0.6 * s, axis=1, method="inverted_cdf", weights=[1.0, 2.0, 0.5, 1.0]), (2, 4))
    case(_f, lambda a, f=_f, s=_g: f(a, [0.1 * s, 0.0], axis=(0, 2), keepdims=True), (2, 3, 2), name="axes")
    case(_f, lambda a, q, f=_f, s=_g: f(a, q * s), (5,), (), domain=(REAL, (0.3, 0.45)), name="traced q")
    case(_f, lambda a, q, f=_f, s=_g: f(a, q * s, axis=0, method="hazen"), (5, 2), (3,), domain=(REAL, (0.31, 0.49)))
for _f, _s in ((np.nanquantile, 1), (np.nanpercentile, 100)):
    case(_f, lambda a, f=_f, s=_s: f(holes(a), 0.3 * s, axis=1), (3, 4))
    case(_f, lambda a, f=_f, s=_s: f(holes(a), 0.3 * s), (3, 4), name="all")
case(np.median, np.median, (5,))
case(np.median, lambda a: np.median(a, axis=0), (4, 3), name="even")
case(np.median, lambda a: np.median(a, axis=(0, 1), keepdims=True), (3, 3), name="axes")
case(np.nanmedian, lambda a: np.nanmedian(holes(a), axis=1), (3, 4))
case(np.partition, lambda a: np.partition(a, 2), (2, 5))
case(np.partition, lambda a: np.partition(a, 1, axis=None), (2, 3), name="flat")
case(np.unique, np.unique, (5,))
case(np.unique, lambda a: np.unique(a, return_index=True)[0], (2, 3), name="index")
for _f in (np.cov, np.corrcoef):
    case(_f, _f, (3, 5))
    case(_f, lambda a, f=_f: f(a, rowvar=False), (5, 2), name="columns")
    case(_f, _f, (5,), (2, 5), name="two")
case(np.cov, lambda a: np.cov(a, bias=True), (2, 5), complex=True, name="bias")
case(np.cov, lambda a: np.cov(a, ddof=2, fweights=[1, 2, 1, 3, 1]), (2, 5), name="fweights")
case(np.cov, lambda a, w: np.cov(a, aweights=w), (2, 5), (5,), domain=(REAL, POSITIVE), name="aweights")
case(np.cov, np.cov, (5,), name="0-d")
case(np.bincount, lambda w: np.bincount([0, 2, 0, 3], weights=w, minlength=6) * w[0].astype(float), (4,))
case(np.histogram, lambda w: np.histogram([0.1, 0.5, 0.9, 2.0], 3, (0.0, 1.0), weights=w)[0], (4,))
case(np.histogram, lambda w: np.histogram([0.1, 0.5, 0.9, 1.0], [0.0, 0.2, 1.0], density=True, weights=w)[0], (4,),
    domain=POSITIVE, name="density")  # fmt: skip

# -- polynomials ------------------------------------------------------------------------------------------------------

case(np.polyval, np.polyval, (4,), (2, 3), complex=True)
case(np.polyval, lambda x: np.polyval(np.array([1.0, 0.0, 2.0], x.dtype), x), (3,), complex=True, name="plain")
case(np.vander, np.vander, (3,), complex=True)
case(np.vander, lambda x: np.vander(x, 4, increasing=True), (3,), complex=True, name="increasing")
_grid = np.array([0.0, 0.3, 0.8, 1.1, 1.9])
case(np.polyfit, lambda y: np.polyfit(_grid.astype(y.dtype), y, 2), (5,))
case(np.polyfit, lambda x, y: np.polyfit(x + _grid.astype(x.dtype), y, 1), (5,), (5,), domain=((0, 0.1), REAL))
case(np.polyfit, lambda y, w: np.polyfit(_grid.astype(y.dtype), y, 1, w=w), (5,), (5,), domain=(REAL, POSITIVE))
for _f in (np.polyadd, np.polysub, np.polymul):
    case(_f, _f, (3,), (4,), complex=True)
case(np.polymul, lambda a, b: np.polymul(a * np.array([0.0, 0.0, 1.0], a.real.dtype), b), (3,), (2,), complex=True,
    name="leading zeros")  # fmt: skip
case(np.polymul, lambda a: np.polymul(a * 0, a), (2,), name="zero")
case(np.polyder, lambda p: np.polyder(p, 2), (5,), complex=True)
case(np.polyint, np.polyint, (4,), complex=True)
case(np.polyint, lambda p: np.polyint(p, 2, [1.0, 2.0]), (4,), name="constants")
case(np.poly, np.poly, (3,))
case(
    np.roots,
    lambda p: np.sort(np.roots(0.01 * p + np.array([1.0, -6.0, 11.0, -6.0], p.dtype))),
    (4,),
    domain=(0.0, 0.5),
)

# -- sequences --------------------------------------------------------------------------------------------------------

_zeros = np.array([1.0, 0.0, 1.0, 0.0])
case(np.cumprod, np.cumprod, (2, 3), complex=True)
for _f in (np.cumprod, np.cumsum, np.nancumsum, np.nancumprod):
    case(_f, lambda a, f=_f: f(a, axis=0), (), name="0-d")
case(np.cumprod, lambda a: np.cumprod(0 * a, axis=-1), (), name="0-d, zero")
case(np.repeat, lambda a: np.repeat(a, 2, axis=0), (), complex=True, name="0-d")
case(np.pad, lambda a: np.pad(a, 1), (), complex=True, name="0-d")
case(np.cumprod, lambda a: np.cumprod(a, axis=0), (3, 2), complex=True, name="axis")
case(np.cumprod, lambda a: np.cumprod(a * _zeros.astype(a.real.dtype), axis=1), (2, 4), complex=True, name="zeros")
case(np.cumprod, lambda a: np.cumprod(a * _zeros.astype(a.real.dtype)), (2, 4), name="zeros, flat")
case((np.multiply, "accumulate"), np.multiply.accumulate, (3, 2), complex=True)
if hasattr(np, "cumulative_sum"):
    case(np.cumulative_sum, lambda a: np.cumulative_sum(a, axis=1, include_initial=True), (2, 3), complex=True)
    case(np.cumulative_prod, lambda a: np.cumulative_prod(a, include_initial=True), (3,), complex=True)
case(np.ediff1d, np.ediff1d, (2, 3), complex=True)
case(np.ediff1d, lambda a, b: np.ediff1d(a, to_end=b, to_begin=b[0]), (3,), (2,), complex=True, name="ends")
case(np.diff, lambda a, b: np.diff(a, prepend=b, append=b[:, :1]), (2, 3), (2, 2), complex=True, name="ends")
case(np.diff, lambda a: np.diff(a, prepend=0.0, n=2), (2, 3), name="number")
case(np.unwrap, np.unwrap, (6,), domain=(-3.0, 3.0))
case(np.unwrap, lambda p: np.unwrap(p, axis=0, period=2.0), (4, 2), domain=(-3.0, 3.0), name="period")
case(np.gradient, np.gradient, (5,), complex=True)
case(np.gradient, lambda f: np.gradient(f, 0.5, axis=1, edge_order=2), (2, 4), name="order 2")
case(np.gradient, lambda f: np.gradient(f, 0.5, 2.0), (3, 4), name="two axes")
case(np.gradient, lambda f, x: np.gradient(f, np.cumsum(x), edge_order=2), (5,), (5,), domain=(REAL, POSITIVE))
_nodes = np.array([0.0, 1.0, 2.5])
case(np.interp, lambda x: np.interp(x, _nodes, [1.0, -1.0, 2.0]), (2, 3), domain=(1.1, 2.4))
case(np.interp, lambda x, f: np.interp(x, _nodes, f), (4,), (3,), domain=((-3.0, -1.0), REAL), name="left")
case(np.interp, lambda x, p, f: np.interp(x, p + _nodes, f, right=f[1]), (4,), (3,), (3,),
    domain=((2.8, 3.5), (0.0, 0.1), REAL), name="right")  # fmt: skip
case(np.interp, lambda x, p, f: np.interp(x, p + _nodes, f), (4,), (3,), (3,), domain=((1.2, 2.3), (0.0, 0.1), REAL))
case(
    np.interp,
    lambda x, f: np.interp(x, _nodes.astype(x.dtype), f),
    (4,),
    (3,),
    domain=((1.2, 2.3), REAL),
    name="dtypes",
)
case(np.interp, lambda f: np.interp([-1.0, 0.5, 9.0], _nodes, f, left=7.0), (3,), name="plain x")
case(np.interp, lambda x, p, f: np.interp(x, p + _nodes[::-1], f, period=3.1), (4,), (3,), (3,),
    domain=((-4.9, -4.3), (0.0, 0.1), REAL), name="period")  # fmt: skip
case(np.trapezoid, np.trapezoid, (2, 3), complex=True)
case(np.trapezoid, lambda y, x: np.trapezoid(y, x, axis=0), (3, 2), (3,), complex=True, name="x")
case(np.trapezoid, lambda y, x: np.trapezoid(y, x, axis=0), (3, 2), (3, 2), complex=True, name="2-D x")
case(np.trapezoid, lambda y: np.trapezoid(y, dx=0.3), (4,), name="dx")
for _mode in ("full", "same", "valid"):
    for _shapes in (((5,), (3,)), ((3,), (4,)), ((4,), (4,)), ((5,), (2,))):
        case(np.convolve, lambda a, v, m=_mode: np.convolve(a, v, m), *_shapes, complex=True, name=f"{_mode} {_shapes}")
        case(np.correlate, lambda a, v, m=_mode: np.correlate(a, v, m), *_shapes, complex=True,
            name=f"{_mode} {_shapes}")  # fmt: skip
case(np.linspace, lambda a, b: np.linspace(a, b, 5), (), (), complex=True)
case(np.linspace, lambda a: np.linspace(a, 3.0, 4, endpoint=False, axis=1), (2,), name="axis")
case(np.linspace, lambda a, b: np.linspace(a, b, 5, retstep=True), (2,), (2,), name="retstep")
case(np.logspace, lambda a, b: np.logspace(a, b, 4), (), (), domain=(-0.5, 0.5))
case(np.geomspace, lambda a, b: np.geomspace(a, b, 4), (), (), domain=POSITIVE)
case(np.geomspace, lambda a, b: np.geomspace(a, b, 4), (2,), (2,), domain=(-2.0, -0.3), name="negative")
_windows = np.lib.stride_tricks.sliding_window_view
case(_windows, lambda a: _windows(a, 3), (5,), complex=True)
case(_windows, lambda a: _windows(a, (2, 2), axis=(0, 1)), (3, 4), complex=True, name="2-D")
case(np.apply_along_axis, lambda a: np.apply_along_axis(np.cumsum, 1, a), (2, 3), complex=True)
case(np.apply_along_axis, lambda a: np.apply_along_axis(lambda v: v @ v, 0, a), (3, 2), complex=True, name="number")
case(np.apply_along_axis, lambda a: np.apply_along_axis(lambda v: np.outer(v, v), 1, a), (2, 3, 2), name="matrix")
case(np.apply_over_axes, lambda a: np.apply_over_axes(np.sum, a, (0, 2)), (2, 3, 2), complex=True)
case((np.logaddexp, "reduce"), lambda a: np.logaddexp.reduce(a, axis=1), (2, 3))

# -- selecting --------------------------------------------------------------------------------------------------------

case(np.select, lambda a, b: np.select([a > 1, a > 0], [a * b, b], a), (5,), (5,), domain=((1.2, 2.0), REAL))
case(np.select, lambda a, b: np.select([a > 1, b < -3], [a * b, b], a), (5,), (5,), domain=(-1.0, 0.5), name="default")
case(np.select, lambda a: np.select([[True, False, False], [True, True, False]], [a, 2 * a]), (3,), complex=True)
case(np.piecewise, lambda a: np.piecewise(a, [a < 0.5, a >= 0.5], [np.sin, lambda v: v * v]), (6,))
case(np.piecewise, lambda a: np.piecewise(a, [a < 0.5], [3.0, np.exp]), (2, 3), name="otherwise")
case(np.piecewise, lambda a: np.piecewise(a, [a < 0.5, a > -9.0], [np.exp, np.sin]), (4,), name="overlap")
case(np.choose, lambda a, b: np.choose(np.array([[0], [1]]), [a, b]), (2, 3), (3,), complex=True)
case(np.delete, lambda a: np.delete(a, [0, 2], axis=1), (2, 4), complex=True)
case(np.delete, lambda a: np.delete(a, slice(None, None, 2)), (2, 3), complex=True, name="flat")
case(np.insert, lambda a, b: np.insert(a, 1, b), (3,), (2,), complex=True)
case(np.insert, lambda a, b: np.insert(a, [1, 1, 3], b), (4,), (3,), complex=True, name="several")
case(np.insert, lambda a, b: np.insert(a, 1, b, axis=1), (2, 3), (2,), complex=True, name="column")
case(np.insert, lambda a, b: np.insert(a, [0, 2], b, axis=1), (2, 3), (2, 1), complex=True, name="columns")
case(np.insert, lambda a, b: np.insert(a, 1, b), (3,), (1, 1), complex=True, name="1 x 1")
case(np.insert, lambda a: np.insert(a, slice(0, 2), 5.0), (3,), complex=True, name="slice")
case(np.resize, lambda a: np.resize(a, (3, 3)), (2, 2), complex=True)
case(np.trim_zeros, lambda a: np.trim_zeros(a * np.array([0.0, 0.0, 1.0, 1.0, 0.0], a.real.dtype)), (5,), complex=True)
case(np.trim_zeros, lambda a: np.trim_zeros(a * np.array([0.0, 1.0, 0.0], a.real.dtype), "f"), (3,), name="front")
if hasattr(np, "unstack"):
    case(np.unstack, np.unstack, (2, 3), complex=True)
    case(np.unstack, lambda a: np.unstack(a, axis=-1), (2, 3), complex=True, name="axis")
if hasattr(np, "astype"):
    case(np.astype, lambda a: np.astype(a, np.float64) * a, (3,))
case(np.amax, lambda a: np.amax(a, 1), (2, 3))
case(np.amin, lambda a: np.amin(a, axis=0, keepdims=True), (2, 3))
for _f in (np.emath.sqrt, np.emath.log, np.emath.log2, np.emath.log10):
    case(_f, _f, (3,), domain=POSITIVE, complex=True)
    case(_f, lambda x, f=_f: np.real(f(x) ** 3), (3,), domain=(-2.0, -0.3), name="negative")
for _f in (np.emath.arccos, np.emath.arcsin, np.emath.arctanh):
    case(_f, _f, (3,), domain=(-0.8, 0.8))
    case(_f, lambda x, f=_f: np.real(f(x) ** 3), (3,), domain=(1.2, 2.0), name="beyond")
for _f in (np.arcsin, np.arccos, np.arccosh, np.arctanh):
    case(_f, lambda x, f=_f: np.real(f(x + 0j) ** 3), (3,), domain=(1.2, 2.0), name="on the branch cut")
    case(_f, lambda x, f=_f: np.imag(f(np.conj(x + 0j)) ** 2), (3,), domain=(-2.0, -1.2), name="on the branch cut")
case(np.arcsinh, lambda x: np.real(np.arcsinh(1j * x) ** 3), (3,), domain=(1.2, 2.0), name="on the branch cut")
case(np.emath.power, np.emath.power, (3,), (3,), domain=(POSITIVE, REAL))
case(np.emath.power, lambda x, p: np.imag(np.emath.power(x, p)), (3,), (3,), domain=((-2.0, -0.3), POSITIVE))
case(np.emath.logn, lambda x: np.emath.logn(2, x), (3,), domain=POSITIVE)
if hasattr(np, "matvec"):
    case(np.matvec, np.matvec, (2, 2, 3), (3,), complex=True)
    case(np.vecmat, np.vecmat, (2, 2), (2, 3), complex=True)
case(np.frexp, lambda x: np.frexp(x)[0], (3,), domain=((1.1, 1.9)))
case(np.i0, np.i0, (3,))


# -- arrays that are written to ---------------------------------------------------------------------------------------


def written(prepare, write):
    """The array that `prepare` makes, after `write`."""

    def call(*args):
        z = prepare(args[0])
        write(z, *args)
        return z

    return call


def _fill(value):
    return lambda z, a: z.__setitem__(slice(None, 1), value * a[:1])


case(np.zeros_like, written(np.zeros_like, _fill(2.0)), (2, 3), complex=True)
case(np.ones_like, written(np.ones_like, _fill(3.0)), (2, 3), complex=True)
case(np.empty_like, written(lambda a: np.empty_like(a), lambda z, a: z.__setitem__(..., a)), (2, 3), complex=True)
case(np.copyto, written(np.zeros_like, lambda z, a: np.copyto(z, a * a)), (3,), complex=True)
case(np.copyto, written(np.copy, lambda z, a, b: np.copyto(z, b, where=np.eye(3, dtype=bool))), (3, 3), (3,))
case(np.putmask, written(np.copy, lambda z, a, b: np.putmask(z, a > 0, b)), (4,), (4,))
case(np.put_along_axis, written(np.copy, lambda z, a, b: np.put_along_axis(z, np.array([[1], [0]]), b, 1)), (2, 3),
    (2, 1), complex=True)  # fmt: skip
case(np.put_along_axis, written(np.copy, lambda z, a, b: np.put_along_axis(z, np.array([[1]]), b, 1)), (2, 3), (2, 1),
    complex=True, name="broadcast")  # fmt: skip
for _shape in ((2, 3), (2,), ()):  # longer and shorter than the diagonal
    case(np.fill_diagonal, written(np.copy, lambda z, a, b: np.fill_diagonal(z, b)), (3, 3), _shape, complex=True,
        name=f"{_shape}")  # fmt: skip
case(np.fill_diagonal, written(np.copy, lambda z, a, b: np.fill_diagonal(z, b)), (3, 3), (3,), complex=True)
case((np.add, "at"), written(np.copy, lambda z, a, b: np.add.at(z, [0, 2, 0], b)), (3,), (3,), complex=True)
