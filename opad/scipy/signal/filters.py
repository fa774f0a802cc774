"""scipy.signal: linear filters, differentiated in the signal and in the coefficients.

A recursive filter is an equation: sum of a_k y[n - k] = sum of b_k x[n - k]. Its row of the block system has the filter
with coefficients a on the diagonal, solved by running it, and in the adjoint by running it backwards in time.
"""

from math import gcd

import numpy as np
import scipy.signal

from opad.operators.algebra import Operator
from opad.operators.products import MatrixVector
from opad.scipy.linalg.matrices import companion
from opad.scipy.mirrors import mirror
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, operator_rule
from opad.tracing.rules.helpers import in_common_precision, wants
from opad.tracing.trace import Row


@UserPrimitive
def _filter(b, a, x):
    """lfilter along the last axis."""
    return scipy.signal.lfilter(b, a, x)


def _backwards(b, a, x):
    """The adjoint of x -> _filter(b, a, x)."""
    return np.flip(_filter(np.conj(b), np.conj(a), np.flip(x, -1)), -1)


class TimeInvariant(Operator):
    """x -> sum of c_k x[n - k], a filter of finite length along the last axis.

    Forward:  dy[n] = sum c_k dx[n - k]          Adjoint:  x~[n] = sum conj(c_k) y~[n + k]
    `solve` and `solve_adjoint` run the recursive filter 1 / c forwards and backwards in time.

    Parameters
    ----------
    c : (K,) array
    dims : shape of x
    """

    def __init__(self, c, dims):
        self.c = c
        self.one = np.ones(1, c.dtype)
        self.dims = self.dimsd = dims

    def apply(self, X):
        return _filter(self.c, self.one, X)

    def apply_adjoint(self, Y):
        return _backwards(self.c, self.one, Y)

    def solve(self, Y):
        """x with sum of c_k x[n - k] = y[n]."""
        return _filter(self.one, self.c, Y)

    def solve_adjoint(self, X):
        """y with sum of conj(c_k) y[n + k] = x[n]."""
        return _backwards(self.one, self.c, X)


def _influence(x, coefficients, sign):
    """c -> sign * sum of c_k x[n - k], a function of the coefficients; the adjoint is a correlation."""
    length, one = x.shape[-1], np.ones(1, coefficients.dtype)

    def adjoint(G):
        lags = [np.sum(G[..., k:] * np.conj(x[..., : max(length - k, 0)])) for k in range(coefficients.shape[0])]
        return sign * np.stack(lags)

    return FunctionOperator(lambda E: sign * _filter(E, one, x), adjoint, coefficients.shape, x.shape)


@operator_rule(_filter)
def _(y, b, a, x):
    return Row(TimeInvariant(a, y.shape), (_influence(x, b, 1.0), _influence(y, a, -1.0), TimeInvariant(b, x.shape)))


def _padded(x, before, after):
    """Zeros before and after along the last axis."""
    return np.pad(x, [(0, 0)] * (np.ndim(x) - 1) + [(before, after)])


def _filtered_from(b, a, x, state):
    """(y, final state) of a filter along the last axis that starts in `state`."""
    b, a, x, state = in_common_precision(b, a, x, state)
    n, count = np.shape(x)[-1], np.shape(state)[-1]
    b, a = b / a[0], a / a[0]
    shape = np.shape(x)[:-1]
    inflow = _padded(np.broadcast_to(state, (*shape, count)), 0, n)
    one = np.ones(1, x.dtype)
    y = _filter(b, a, x) + _filter(one, a, inflow[..., :n])
    feedback = np.concatenate([0 * a[:1], a[1:]])
    outflow = _filter(b, one, _padded(x, 0, count)) - _filter(feedback, one, _padded(y, 0, count))
    return y, outflow[..., n:] + inflow[..., n:]


@mirror(scipy.signal.lfilter, scipy.signal)
def lfilter(b, a, x, axis=-1, zi=None):
    """In all four arrays."""
    b, a, x = (np.atleast_1d(array) for array in (b, a, x))
    x = np.moveaxis(x, axis, -1)
    if zi is None:
        return np.moveaxis(_filter(b, a, x), -1, axis)
    y, state = _filtered_from(b, a, x, np.moveaxis(zi, axis, -1))
    return np.moveaxis(y, -1, axis), np.moveaxis(state, -1, axis)


@mirror(scipy.signal.lfilter_zi, scipy.signal)
def lfilter_zi(b, a):
    """The state of the step response; a[0] must not be zero."""
    b, a = in_common_precision(b, a)
    b, a = b / a[0], a / a[0]
    n = max(np.size(a), np.size(b))
    b, a = _padded(b, 0, n - np.size(b)), _padded(a, 0, n - np.size(a))
    return np.linalg.solve(np.eye(n - 1, dtype=a.dtype) - companion(a).T, b[1:] - a[1:] * b[0])


@mirror(scipy.signal.sosfilt_zi, scipy.signal)
def sosfilt_zi(sos):
    """The states of the step responses, section after section."""
    states, level = [], 1.0
    for k in range(np.shape(sos)[0]):
        b, a = sos[k, :3], sos[k, 3:]
        states.append(lfilter_zi(b, a) * level)
        level = level * (np.sum(b) / np.sum(a))
    return np.stack(states)


def _extended(x, padtype, padlen, default):
    """(the signal with reflected ends, how much was added on each side), along the last axis."""
    edge = 0 if padtype is None else default if padlen is None else int(padlen)
    if np.shape(x)[-1] <= edge:
        raise ValueError(f"The length of the input vector x must be greater than padlen, which is {edge}.")
    if edge == 0:
        return x, 0
    left, right = x[..., edge:0:-1], x[..., -2 : -edge - 2 : -1]
    first, last = x[..., :1], x[..., -1:]
    if padtype == "odd":
        left, right = 2 * first - left, 2 * last - right
    elif padtype == "constant":
        left, right = np.broadcast_to(first, left.shape), np.broadcast_to(last, right.shape)
    elif padtype != "even":
        raise ValueError(f"Unknown value '{padtype}' for padtype. padtype must be 'even', 'odd', 'constant', or None.")
    return np.concatenate([left, x, right], axis=-1), edge


def _both_ways(run, x, axis, padtype, padlen, default):
    """A filter forwards and backwards; run(x, first) starts in the steady state of the first sample."""
    x, edge = _extended(np.moveaxis(x, axis, -1), padtype, padlen, default)
    y = run(x, x[..., :1])
    y = np.flip(run(np.flip(y, -1), y[..., -1:]), -1)
    return np.moveaxis(y[..., edge : np.shape(y)[-1] - edge], -1, axis)


@mirror(scipy.signal.filtfilt, scipy.signal)
def filtfilt(b, a, x, axis=-1, padtype="odd", padlen=None):
    """By extension at both ends."""
    zi = lfilter_zi(b, a)

    def run(x, first):
        return _filtered_from(b, a, x, zi * first)[0]

    return _both_ways(run, x, axis, padtype, padlen, 3 * max(np.size(a), np.size(b)))


@mirror(scipy.signal.sosfilt, scipy.signal)
def sosfilt(sos, x, axis=-1):
    """One section after another."""
    x = np.moveaxis(x, axis, -1)
    for k in range(np.shape(sos)[0]):
        x = _filter(sos[k, :3], sos[k, 3:], x)
    return np.moveaxis(x, -1, axis)


@mirror(scipy.signal.sosfiltfilt, scipy.signal)
def sosfiltfilt(sos, x, axis=-1, padtype="odd", padlen=None):
    """One section after another, in both directions."""
    count, states = np.shape(sos)[0], sosfilt_zi(sos)

    def run(x, first):
        for k in range(count):
            x = _filtered_from(sos[k, :3], sos[k, 3:], x, states[k] * first)[0]
        return x

    trivial = min(np.sum(np.equal(sos[:, 2], 0)), np.sum(np.equal(sos[:, 5], 0)))
    return _both_ways(run, x, axis, padtype, padlen, 3 * (2 * count + 1 - int(trivial)))


_EXTENSIONS = {"mirror": "reflect", "nearest": "edge", "wrap": "wrap"}


@mirror(scipy.signal.savgol_filter, scipy.signal)
def savgol_filter(x, window_length, polyorder, deriv=0, delta=1.0, axis=-1, mode="interp", cval=0.0):
    """Windows of odd length."""
    half = window_length // 2
    if window_length % 2 == 0:
        raise wants("scipy.signal.savgol_filter", f"window_length={window_length}", "an odd length")
    x = np.moveaxis(x, axis, -1)
    weights = scipy.signal.savgol_coeffs(window_length, polyorder, deriv, delta).astype(x.dtype)
    one = np.ones(1, x.dtype)

    def inside(x):
        return _filter(weights, one, x)[..., window_length - 1 :]

    ends = [(0, 0)] * (np.ndim(x) - 1) + [(half, half)]
    if mode == "interp":
        fits = [
            scipy.signal.savgol_coeffs(window_length, polyorder, deriv, delta, pos=k, use="dot").astype(x.dtype)
            for k in range(window_length)
        ]
        left = x[..., :window_length] @ np.stack(fits[:half], axis=1)
        right = x[..., -window_length:] @ np.stack(fits[half + 1 :], axis=1)
        y = np.concatenate([left, inside(x), right], axis=-1)
    elif mode == "constant":
        y = inside(np.pad(x, ends, constant_values=cval))
    else:
        y = inside(np.pad(x, ends, mode=_EXTENSIONS[mode]))
    return np.moveaxis(y, -1, axis)


@mirror(scipy.signal.upfirdn, scipy.signal)
def upfirdn(h, x, up=1, down=1, axis=-1):
    """Zeros between the samples, a filter of finite length, every `down`-th sample."""
    x = np.moveaxis(x, axis, -1)
    spread = np.reshape(_padded(x[..., None], 0, up - 1), (*np.shape(x)[:-1], -1))
    y = _filter(h, np.ones(1, h.dtype), _padded(spread[..., : np.shape(spread)[-1] - up + 1], 0, np.size(h) - 1))
    return np.moveaxis(y[..., ::down], -1, axis)


@mirror(scipy.signal.resample_poly, scipy.signal)
def resample_poly(x, up, down, axis=0, window=("kaiser", 5.0)):
    """With zeros outside."""
    divisor = gcd(up, down)
    up, down, n = up // divisor, down // divisor, np.shape(x)[axis]
    if up == down:
        return np.copy(x)
    if isinstance(window, np.ndarray):
        half, h = (len(window) - 1) // 2, window
    else:
        half = 10 * max(up, down)
        h = scipy.signal.firwin(2 * half + 1, 1 / max(up, down), window=window).astype(x.dtype)
    before, count = down - half % down, -(-n * up // down)
    start = (half + before) // down
    after = max(0, (start + count - 1) * down + 1 - (n - 1) * up - len(h) - before)
    y = upfirdn(np.pad(h * up, (before, after)), np.moveaxis(x, axis, -1), up, down)
    return np.moveaxis(y[..., start : start + count], -1, axis)


@UserPrimitive
def _response(b, a, options):
    return scipy.signal.freqz(b, a, **options)[1]


@operator_rule(_response)
def _(y, b, a, options):
    """h = B(w) / A(w): dh = (dB - h dA) / A."""
    w = 2 * np.pi / options["fs"] * scipy.signal.freqz([1.0], **options)[0]
    powers = np.exp(-1j * w[:, None] * np.arange(max(len(b), len(a))))
    over_a = (powers / (powers[:, : len(a)] @ a)[:, None]).astype(y.dtype)
    return MatrixVector(over_a[:, : len(b)]), MatrixVector(-y[:, None] * over_a[:, : len(a)]), None


@mirror(scipy.signal.freqz, scipy.signal)
def freqz(b, a=None, worN=512, whole=False, fs=2 * np.pi, include_nyquist=False):
    """(frequencies, response) for one filter; no a is the number 1."""
    options = {"worN": worN, "whole": whole, "fs": fs, "include_nyquist": include_nyquist}
    b = np.atleast_1d(b)
    a = np.ones(1) if a is None else np.atleast_1d(a)
    return scipy.signal.freqz([1.0], **options)[0], _response(b, a, options)
