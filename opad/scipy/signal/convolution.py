"""scipy.signal: convolutions and correlations, bilinear in their arguments."""

import numpy as np
import scipy.fft
import scipy.signal

from opad.scipy.mirrors import mirror
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, operator_rule
from opad.tracing.rules.helpers import wants


@UserPrimitive
def _full(a, b, method):
    return scipy.signal.convolve(a, b, "full", method)


def _reversed(x):
    return np.conj(np.flip(x))


@operator_rule(_full)
def _(y, a, b, method):
    """The adjoint in one argument is the correlation with the other."""

    def part(x, other):
        window = tuple(slice(n - 1, n - 1 + m) for n, m in zip(other.shape, x.shape, strict=True))
        return FunctionOperator(
            lambda X: _full(X, other, method), lambda Y: _full(Y, _reversed(other), method)[window], x.shape, y.shape
        )

    return part(a, b), part(b, a), None


def _window(mode, m, n, name):
    """What `mode` keeps of the m + n - 1 elements of a full convolution along one axis."""
    if mode == "full":
        return slice(None)
    if mode == "same":
        return slice((n - 1) // 2, (n - 1) // 2 + m)
    if mode == "valid":
        return slice(min(m, n) - 1, max(m, n))
    raise wants(name, f"mode={mode!r}", "'full', 'same' or 'valid'")


def _require_order(mode, shape_a, shape_b, axes, name):
    """In mode 'valid' one array must be at least as large as the other along every axis."""
    if mode == "valid" and len({np.sign(shape_a[k] - shape_b[k]) for k in axes} - {0}) > 1:
        raise ValueError(
            f"{name}: for mode 'valid' one of {shape_a} and {shape_b} must be at least as large everywhere"
        )


@mirror(scipy.signal.convolve, scipy.signal)
def convolve(in1, in2, mode="full", method="auto"):
    """Of arrays with equally many axes."""
    shape_a, shape_b = np.shape(in1), np.shape(in2)
    if len(shape_a) != len(shape_b):
        raise ValueError("volume and kernel should have the same dimensionality")
    if not shape_a:
        return in1 * in2
    _require_order(mode, shape_a, shape_b, range(len(shape_a)), "scipy.signal.convolve")
    windows = (_window(mode, m, n, "scipy.signal.convolve") for m, n in zip(shape_a, shape_b, strict=True))
    return _full(in1, in2, method)[tuple(windows)]


@mirror(scipy.signal.correlate, scipy.signal)
def correlate(in1, in2, mode="full", method="auto"):
    """The convolution with the reversed conjugate."""
    return convolve(in1, _reversed(in2), mode=mode, method=method)


@mirror(scipy.signal.convolve2d, scipy.signal)
def convolve2d(in1, in2, mode="full"):
    """With zeros outside."""
    return convolve(in1, in2, mode=mode, method="direct")


@mirror(scipy.signal.correlate2d, scipy.signal)
def correlate2d(in1, in2, mode="full"):
    """With zeros outside; in mode 'same' SciPy rounds the centre of an even length up, not down as in `correlate`."""
    if mode != "same":
        return correlate(in1, in2, mode=mode, method="direct")
    window = tuple(slice(n // 2, n // 2 + m) for m, n in zip(np.shape(in1), np.shape(in2), strict=True))
    return correlate(in1, in2, method="direct")[window]


def _by_fft(name, in1, in2, mode, axes):
    """Along some axes; the others broadcast."""
    ndim = np.ndim(in1)
    if np.ndim(in2) != ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    axes = range(ndim) if axes is None else [int(k) % ndim for k in np.atleast_1d(axes)]
    if not axes:
        return in1 * in2
    shape_a, shape_b = np.shape(in1), np.shape(in2)
    _require_order(mode, shape_a, shape_b, axes, name)
    sizes = [shape_a[k] + shape_b[k] - 1 for k in axes]
    real = in1.dtype.kind != "c" and in2.dtype.kind != "c"
    lengths = [scipy.fft.next_fast_len(n, real) for n in sizes]
    forward, backward = (np.fft.rfftn, np.fft.irfftn) if real else (np.fft.fftn, np.fft.ifftn)
    product = backward(forward(in1, lengths, axes) * forward(in2, lengths, axes), lengths, axes)
    window = [slice(None)] * ndim
    for k, n in zip(axes, sizes, strict=True):
        window[k] = _window(mode, shape_a[k], shape_b[k], name) if mode != "full" else slice(n)
    return product[tuple(window)]


@mirror(scipy.signal.fftconvolve, scipy.signal)
def fftconvolve(in1, in2, mode="full", axes=None):
    """Three transforms."""
    return _by_fft("scipy.signal.fftconvolve", in1, in2, mode, axes)


@mirror(scipy.signal.oaconvolve, scipy.signal)
def oaconvolve(in1, in2, mode="full", axes=None):
    """As fftconvolve, without the subdivision into blocks."""
    return _by_fft("scipy.signal.oaconvolve", in1, in2, mode, axes)
