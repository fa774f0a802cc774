"""Functions of sampled functions: running products, differences, interpolation, integration, convolution, grids."""

from math import prod

import numpy as np

from opad.operators.algebra import Product
from opad.operators.cumulative import CumulativeProduct, CumulativeSum
from opad.operators.elementwise import Hadamard
from opad.tracing.array import plain
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import bilinear, composite, operator_rule
from opad.tracing.rules.helpers import as_array, as_dtype, as_floating, in_double_precision, normalise_axis, wants
from opad.tracing.rules.reductions import all_normal

# -- running products and sums ----------------------------------------------------------------------------------------


@operator_rule(np.cumprod)
def _(y, a, axis=None, dtype=None, out=None):
    """dy_i = y_i sum_{j <= i} da_j / a_j; a recurrence where there are zeros."""
    if all_normal(plain(y)):
        return Product(Hadamard(y), Product(CumulativeSum(a.shape, axis), Hadamard(1 / a)))
    return CumulativeProduct(a, y, axis)


@composite(np.cumprod)
def cumprod(a, axis=None, dtype=None, out=None):
    """Running products in another dtype."""
    return np.cumprod(as_dtype(a, dtype, "np.cumprod"), axis=axis)


def _cumulative(function, first):
    def implementation(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        if axis is None and np.ndim(x) > 1:
            raise ValueError("for arrays with several axes the axis must be given")
        axis = 0 if axis is None else axis
        y = function(x, axis=axis, dtype=dtype)
        if not include_initial:
            return y
        shape = list(np.shape(y))
        shape[axis] = 1
        return np.concatenate([np.full(tuple(shape), first, dtype=y.dtype), y], axis=axis)

    return implementation


if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    composite(np.cumulative_sum)(_cumulative(np.cumsum, 0))
    composite(np.cumulative_prod)(_cumulative(np.cumprod, 1))


# -- differences ------------------------------------------------------------------------------------------------------


@composite(np.ediff1d)
def ediff1d(ary, to_end=None, to_begin=None):
    """Differences of neighbours in the flattened array, with values before and after."""
    flat = np.reshape(ary, -1)
    parts = [flat[1:] - flat[:-1]]
    dtype = plain(flat).dtype  # of the ends, too
    if to_begin is not None:
        parts.insert(0, np.reshape(to_begin, -1))
    if to_end is not None:
        parts.append(np.reshape(to_end, -1))
    return as_dtype(np.concatenate(parts), dtype, "np.ediff1d")


@composite(np.unwrap)
def unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    """Jumps of more than half a period removed; what is added is locally constant."""
    value = plain(p)
    return p + (np.unwrap(value, discont, axis, period=period) - value)


@composite(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    """Central differences, one-sided ones of order `edge_order` at the ends."""
    axes = range(np.ndim(f)) if axis is None else [axis] if np.ndim(axis) == 0 else list(axis)
    spacings = varargs if len(varargs) == len(axes) else list(varargs or (1.0,)) * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    results = [
        _derivative(f, h, normalise_axis(k, np.ndim(f)), edge_order) for k, h in zip(axes, spacings, strict=True)
    ]
    return results[0] if len(results) == 1 else tuple(results)


def _derivative(f, spacing, axis, edge_order):
    """The derivative along one axis; for even spacings the formulae for uneven ones simplify to the usual ones."""
    f, spacing = as_floating(np.moveaxis(f, axis, -1)), as_floating(spacing)
    n = np.shape(f)[-1]
    if n < edge_order + 1:
        raise ValueError("the array is too short for numerical derivatives of this edge_order")
    h = np.diff(spacing) if np.ndim(spacing) else spacing * np.ones(n - 1, dtype=plain(f).dtype)
    a, b = h[:-1], h[1:]
    inner = f[..., 2:] * (a / (b * (a + b))) + f[..., 1:-1] * ((b - a) / (a * b)) - f[..., :-2] * (b / (a * (a + b)))
    if edge_order == 1:
        first, last = (f[..., 1] - f[..., 0]) / h[0], (f[..., -1] - f[..., -2]) / h[-1]
    else:
        first = _second_order_end(f[..., 0], f[..., 1], f[..., 2], h[0], h[1])
        last = -_second_order_end(f[..., -1], f[..., -2], f[..., -3], h[-1], h[-2])
    slopes = np.concatenate([first[..., None], inner, last[..., None]], axis=-1)
    return as_dtype(np.moveaxis(slopes, -1, axis), f.dtype, "np.gradient")


def _second_order_end(f0, f1, f2, a, b):
    return -(2 * a + b) / (a * (a + b)) * f0 + (a + b) / (a * b) * f1 - a / (b * (a + b)) * f2


# -- interpolation and integration ------------------------------------------------------------------------------------


@composite(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    """Piecewise linear interpolation, differentiable in x, xp and fp."""
    x, xp, fp = map(in_double_precision, (x, xp, fp))  # as NumPy
    if period is not None:
        return _periodic_interp(x, xp, fp, abs(period))
    if np.iscomplexobj(plain(x)) or np.iscomplexobj(plain(xp)):
        raise wants("np.interp", "complex x or xp", "real ones, which are ordered")
    left, right = (fp[0] if left is None else left), (fp[-1] if right is None else right)
    n, position = len(xp), plain(x)
    if n == 1:
        inner = fp[np.zeros(np.shape(x), int)]
    else:
        i = np.clip(np.searchsorted(plain(xp), position, side="right") - 1, 0, n - 2)
        (x0, x1), (f0, f1) = ((_elements(nodes, i), _elements(nodes, i + 1)) for nodes in (xp, fp))
        inner = f0 + (f1 - f0) / (x1 - x0) * (x - x0)
    y = np.where(position < plain(xp)[0], left, np.where(position > plain(xp)[-1], right, inner))
    return y if y.ndim else y[()]


def _elements(a, i):
    """a[i] of a vector; other than np.take, take_along_axis looks at the type of the indices."""
    return np.reshape(np.take_along_axis(a, np.reshape(i, -1), axis=0), np.shape(i))


def _periodic_interp(x, xp, fp, period):
    """Interpolation between nodes of one period, with the last one before them and the first one after."""
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = np.argsort(xp)
    xp, fp = xp[order], fp[order]
    return np.interp(
        x,
        np.concatenate([xp[-1:] - period, xp, xp[:1] + period]),
        np.concatenate([fp[-1:], fp, fp[:1]]),
    )


@composite(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral by the trapezoidal rule."""
    y = np.moveaxis(y, axis, -1)
    if x is not None:
        dx = np.diff(x) if np.ndim(x) == 1 else np.diff(np.moveaxis(np.broadcast_to(x, np.shape(x)), axis, -1), axis=-1)
    return np.sum(dx * (y[..., 1:] + y[..., :-1]) / 2, axis=-1)


# -- convolution ------------------------------------------------------------------------------------------------------


@UserPrimitive
def convolve_full(a, v):
    """np.convolve in full length."""
    return np.convolve(a, v)


def _adjoint(g, v, n):
    """x_k = sum_j g_{k + j} conj(v_j), k < n."""
    return convolve_full(g, np.conj(np.flip(v)))[len(v) - 1 : len(v) - 1 + n]


bilinear(convolve_full, left=lambda g, a, v: _adjoint(g, v, len(a)), right=lambda g, a, v: _adjoint(g, a, len(v)))


@composite(np.convolve)
def convolve(a, v, mode="full"):
    """The discrete convolution of two sequences."""
    a, v = np.atleast_1d(as_array(a)), np.atleast_1d(as_array(v))
    if len(v) > len(a):
        a, v = v, a
    return _window_of(convolve_full(a, v), len(a), len(v), mode, "np.convolve")


def _window_of(full, n, m, mode, name):
    if mode == "full":
        return full
    if mode == "same":
        return full[(m - 1) // 2 : (m - 1) // 2 + n]
    if mode == "valid":
        return full[m - 1 : n]
    raise wants(name, f"mode={mode!r}", "'full', 'same' or 'valid'")


@composite(np.correlate)
def correlate(a, v, mode="valid"):
    """sum_n a_{n + k} conj(v_n)."""
    a, v = as_array(a), as_array(v)
    if len(v) > len(a):
        return np.flip(np.conj(correlate(v, a, mode)))
    return _window_of(convolve_full(a, np.conj(np.flip(v))), len(a), len(v), mode, "np.correlate")


# -- grids ------------------------------------------------------------------------------------------------------------


def _fractions(start, stop, num, endpoint):
    t = np.arange(num) / max(num - 1 if endpoint else num, 1)
    ndim = max(np.ndim(start), np.ndim(stop))
    dtype = np.result_type(plain(start), plain(stop), 1.0)
    return t.reshape((-1,) + (1,) * ndim).astype(np.dtype(dtype).type(0).real.dtype)


@composite(np.linspace)
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    """Evenly spaced numbers between traced ends."""
    t = _fractions(start, stop, num, endpoint)
    y = as_dtype(np.moveaxis((1 - t) * start + t * stop, 0, axis), dtype, "np.linspace")
    return (y, (stop - start) / max(num - 1 if endpoint else num, 1)) if retstep else y


@composite(np.logspace)
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """Powers of a base with evenly spaced exponents."""
    if np.ndim(base):
        raise wants("np.logspace", "an array of bases", "one number")
    return as_dtype(base ** np.linspace(start, stop, num, endpoint, axis=axis), dtype, "np.logspace")


@composite(np.geomspace)
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Numbers in geometric progression between traced ends of one sign."""
    if np.iscomplexobj(plain(start)) or np.iscomplexobj(plain(stop)) or np.any(plain(stop) / plain(start) <= 0):
        raise wants("np.geomspace", "complex ends, or ends of different signs", "real ends of one sign")
    start, stop = (np.asarray(end, float) if not hasattr(end, "tape") else end.astype(float) for end in (start, stop))
    y = np.moveaxis(start * (stop / start) ** _fractions(start, stop, num, endpoint), 0, axis)
    return as_dtype(y, dtype, "np.geomspace")


# -- windows and lines ------------------------------------------------------------------------------------------------


@composite(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """Windows of an array; here a copy of it."""
    places = np.arange(np.size(x)).reshape(np.shape(x))
    return np.reshape(x, -1)[np.lib.stride_tricks.sliding_window_view(places, window_shape, axis)]


@composite(np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """A function of vectors applied to every line."""
    axis = normalise_axis(axis, np.ndim(arr))
    lines = np.moveaxis(arr, axis, -1)
    rest = np.shape(lines)[:-1]
    lines = np.reshape(lines, (prod(rest), np.shape(arr)[axis]))
    if not len(lines):
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = np.stack([as_array(func1d(lines[i], *args, **kwargs)) for i in range(len(lines))])
    inner = np.shape(results)[1:]
    results = np.reshape(results, rest + inner)
    return np.moveaxis(results, range(len(rest), len(rest) + len(inner)), range(axis, axis + len(inner)))


@composite(np.apply_over_axes)
def apply_over_axes(func, a, axes):
    """A reduction applied along one axis after the other."""
    for axis in [axes] if np.ndim(axes) == 0 else axes:
        reduced = func(a, axis)
        a = reduced if np.ndim(reduced) == np.ndim(a) else np.expand_dims(reduced, axis)
    return a
