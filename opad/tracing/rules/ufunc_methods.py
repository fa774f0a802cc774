"""The methods of universal functions: reduce, accumulate, reduceat, outer, at.

Sums, products and extrema are those of `reductions`; other functions are applied step by step. A running maximum or
minimum is the first element that attains it. Functions for which NumPy's result depends on the order of the elements
and on the processor's vector instructions (power.reduce, arctan2.reduce) are refused.
"""

from math import prod

import numpy as np

from opad.operators.indexing import scatter_add
from opad.tracing.array import plain
from opad.tracing.assignment import destination
from opad.tracing.messages import missing_rule
from opad.tracing.primitives import UFUNC_METHODS
from opad.tracing.rules.helpers import as_dtype, normalise_axis, normalised_axes, wants


def _log_sum_exp(a, axis, keepdims):
    """log(sum(exp(a))); the maximum where that is infinite."""
    largest = np.max(plain(a), axis=axis, keepdims=True)
    infinite = np.isinf(largest)
    shift = np.where(infinite, 0, largest)
    y = np.log(np.sum(np.exp(np.where(infinite, 0, a) - shift), axis=axis, keepdims=True)) + shift
    if np.any(infinite):
        y = np.where(infinite, np.max(a, axis=axis, keepdims=True), y)
    return y if keepdims else np.reshape(y, np.shape(np.max(plain(a), axis=axis)))


_REDUCTIONS = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min, np.logaddexp: _log_sum_exp}
_STEP_BY_STEP = {np.subtract, np.divide, np.fmax, np.fmin, np.hypot, np.logaddexp2}
_ACCUMULATIONS = {np.add: np.cumsum, np.multiply: np.cumprod}


def _require_order(ufunc, method):
    if ufunc not in _REDUCTIONS and ufunc not in _STEP_BY_STEP:
        raise missing_rule(ufunc, method)


def reduce(ufunc, a, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=True):
    """ufunc.reduce."""
    _require_order(ufunc, ".reduce")
    a = as_dtype(a, dtype, f"np.{ufunc.__name__}.reduce")
    axes = normalised_axes(axis, np.ndim(a))
    if len(axes) > 1 and ufunc in (np.subtract, np.divide):
        raise ValueError(f"reduction operation '{ufunc.__name__}' is not reorderable, so at most one axis may be given")
    if where is not True:
        if ufunc.identity is None and initial is None:
            raise ValueError(f"reduction operation '{ufunc.__name__}' does not have an identity: where= needs initial=")
        a = np.where(np.broadcast_to(where, np.shape(a)), a, _neutral(ufunc))
    reduction = _REDUCTIONS.get(ufunc)
    if reduction is None or (initial is not None and not np.size(plain(a))):
        result = _one_by_one(ufunc, a, axes, initial)
        return np.expand_dims(result, axes) if keepdims else result
    result = reduction(a, axis=axes, keepdims=keepdims)
    return result if initial is None else ufunc(initial, result)


def _neutral(ufunc):
    neutral = {np.maximum: -np.inf, np.fmax: -np.inf, np.minimum: np.inf, np.fmin: np.inf}.get(ufunc, ufunc.identity)
    if neutral is None:
        raise wants(f"np.{ufunc.__name__}.reduce", "where=", "no mask for a function without an identity")
    return neutral


def _one_by_one(ufunc, a, axes, initial):
    """ufunc(… ufunc(ufunc(a_0, a_1), a_2) …) over all elements along `axes`."""
    rest = tuple(k for k in range(np.ndim(a)) if k not in axes)
    shape = tuple(np.shape(a)[k] for k in rest)
    lines = np.reshape(np.transpose(a, axes + rest), (prod(np.shape(a)[k] for k in axes), *shape))
    if not len(lines) and initial is None and ufunc.identity is None:
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    result = initial if len(lines) or initial is not None else np.full(shape, ufunc.identity, dtype=plain(a).dtype)
    for line in lines:
        result = line if result is None else ufunc(result, line)
    return np.broadcast_to(result, shape) if np.shape(result) != shape else result


def accumulate(ufunc, a, axis=0, dtype=None, out=None):
    """ufunc.accumulate."""
    _require_order(ufunc, ".accumulate")
    a = as_dtype(a, dtype, f"np.{ufunc.__name__}.accumulate")
    axis = normalise_axis(axis, np.ndim(a))
    if ufunc in _ACCUMULATIONS:
        return _ACCUMULATIONS[ufunc](a, axis=axis)
    if ufunc in (np.maximum, np.minimum):
        return np.take_along_axis(a, _positions(ufunc, plain(a), axis), axis=axis)
    results = []
    for line in np.moveaxis(a, axis, 0):
        results.append(ufunc(results[-1], line) if results else line)
    return np.stack(results, axis=axis) if results else a


def _positions(ufunc, value, axis):
    """Where the running extremum stands: at the first element that attains it; NaN stays."""
    running = np.moveaxis(ufunc.accumulate(value, axis=axis), axis, 0)
    changes = (running[1:] != running[:-1]) & ~np.isnan(running[:-1])
    is_new = np.concatenate([np.ones((1, *running.shape[1:]), bool), changes])
    places = np.arange(len(running)).reshape((-1,) + (1,) * (value.ndim - 1))
    return np.moveaxis(np.maximum.accumulate(np.where(is_new, places, 0), axis=0), 0, axis)


def reduceat(ufunc, a, indices, axis=0, dtype=None, out=None):
    """ufunc.reduceat: reductions over the slices between indices."""
    _require_order(ufunc, ".reduceat")
    a = as_dtype(a, dtype, f"np.{ufunc.__name__}.reduceat")
    a = np.moveaxis(a, normalise_axis(axis, np.ndim(a)), 0)
    starts, stops = np.asarray(indices), np.append(indices[1:], len(a))
    lengths = np.maximum(stops - starts, 1)
    if ufunc is np.add:
        rows = np.repeat(np.arange(len(starts)), lengths)
        places = np.concatenate([np.arange(start, start + n) for start, n in zip(starts, lengths, strict=True)])
        result = scatter_add(a[places], (rows,), (len(starts), *np.shape(a)[1:]))
    else:
        result = np.stack([ufunc.reduce(a[i : i + n]) for i, n in zip(starts, lengths, strict=True)])
    return np.moveaxis(result, 0, axis)


def outer(ufunc, a, b):
    """ufunc.outer."""
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)


def at(ufunc, a, indices, b=None):
    """a[indices] += b or -= b, repeated elements included."""
    if ufunc not in (np.add, np.subtract):
        raise missing_rule(ufunc, ".at")
    destination(a, f"np.{ufunc.__name__}.at")
    part = a.value[indices] if not hasattr(a.value, "tape") else plain(a)[indices]
    key = indices if type(indices) is tuple else (np.asarray(indices) if isinstance(indices, list) else indices,)
    change = scatter_add(np.broadcast_to(b, np.shape(part)) + np.zeros_like(plain(part)), key, a.shape)
    a[...] = ufunc(a, change)


UFUNC_METHODS.update(reduce=reduce, accumulate=accumulate, reduceat=reduceat, outer=outer, at=at)
