"""Discrete Fourier transforms: one block per transform; the real n-dimensional and Hermitian ones are composed."""

import numpy as np

from opad.operators.algebra import Product
from opad.operators.elementwise import Cast
from opad.operators.fft import FFT, IRFFT, NORM_OF_ADJOINT, RFFT
from opad.tracing.primitives import composite, operator_rule


@operator_rule(np.fft.fft)
def _(y, a, n=None, axis=-1, norm=None):
    return FFT(a.shape, y.shape[axis], axis, norm)


@operator_rule(np.fft.ifft)
def _(y, a, n=None, axis=-1, norm=None):
    return FFT(a.shape, y.shape[axis], axis, norm, inverse=True)


@operator_rule(np.fft.fftn)
def _(y, a, s=None, axes=None, norm=None):
    return _transform_of_many_axes(y, a, s, axes, norm, inverse=False)


@operator_rule(np.fft.ifftn)
def _(y, a, s=None, axes=None, norm=None):
    return _transform_of_many_axes(y, a, s, axes, norm, inverse=True)


def _transform_of_many_axes(y, a, s, axes, norm, inverse):
    axes = _all_axes(a.ndim, s, axes)
    return FFT(a.shape, tuple(y.shape[k] for k in axes), axes, norm, inverse)


def _all_axes(ndim, s, axes):
    """The axes that a transform runs over: given, or the last len(s), or all."""
    if axes is not None:
        return tuple(axes)
    return tuple(range(-(ndim if s is None else len(s)), 0))


@operator_rule(np.fft.rfft, casts=False)
def _(y, a, n=None, axis=-1, norm=None):
    return RFFT(a.shape, a.shape[axis] if n is None else n, axis, norm)


@operator_rule(np.fft.irfft, casts=False)
def _(y, a, n=None, axis=-1, norm=None):
    block = IRFFT(a.shape, y.shape[axis], axis, norm)
    if a.dtype.kind == "c":
        return block
    return Product(block, Cast(a.shape, a.dtype, np.result_type(a.dtype, np.complex64)))


# -- composed of these ----------------------------------------------------------------------------------------------


@composite(np.fft.fft2)
def fft2(a, s=None, axes=(-2, -1), norm=None):
    """fftn over two axes."""
    return np.fft.fftn(a, s, axes, norm)


@composite(np.fft.ifft2)
def ifft2(a, s=None, axes=(-2, -1), norm=None):
    """ifftn over two axes."""
    return np.fft.ifftn(a, s, axes, norm)


@composite(np.fft.rfftn)
def rfftn(a, s=None, axes=None, norm=None):
    """rfft along the last axis, then fft along the others."""
    axes = _all_axes(np.ndim(a), s, axes)
    lengths = _lengths(np.shape(a), s, axes)
    a = np.fft.rfft(a, lengths[-1], axes[-1], norm)
    return np.fft.fftn(a, lengths[:-1], axes[:-1], norm) if len(axes) > 1 else a


@composite(np.fft.irfftn)
def irfftn(a, s=None, axes=None, norm=None):
    """ifft along all axes but the last, then irfft along that."""
    axes = _all_axes(np.ndim(a), s, axes)
    lengths = _lengths(np.shape(a), s, axes)
    if s is None or s[-1] == -1:
        lengths = (*lengths[:-1], 2 * (lengths[-1] - 1))
    for n, axis in zip(lengths[:-1], axes[:-1], strict=True):  # in NumPy's order, so that not one bit differs
        a = np.fft.ifft(a, n, axis, norm)
    return np.fft.irfft(a, lengths[-1], axes[-1], norm)


def _lengths(shape, s, axes):
    """The lengths of a transform along its axes; None and -1 stand for no change."""
    if s is None:
        s = (-1,) * len(axes)
    return tuple(shape[axis] if n is None or n == -1 else n for n, axis in zip(s, axes, strict=True))


@composite(np.fft.rfft2)
def rfft2(a, s=None, axes=(-2, -1), norm=None):
    """rfftn over two axes."""
    return np.fft.rfftn(a, s, axes, norm)


@composite(np.fft.irfft2)
def irfft2(a, s=None, axes=(-2, -1), norm=None):
    """irfftn over two axes."""
    return np.fft.irfftn(a, s, axes, norm)


@composite(np.fft.hfft)
def hfft(a, n=None, axis=-1, norm=None):
    """The transform of a Hermitian sequence: irfft of the conjugate, with the factors of the other direction."""
    return np.fft.irfft(np.conj(a), n, axis, NORM_OF_ADJOINT[norm])


@composite(np.fft.ihfft)
def ihfft(a, n=None, axis=-1, norm=None):
    """The inverse of hfft."""
    return np.conj(np.fft.rfft(a, n, axis, NORM_OF_ADJOINT[norm]))


@composite(np.fft.fftshift)
def fftshift(x, axes=None):
    """Frequency zero to the middle."""
    return _rolled(x, axes, lambda n: n // 2)


@composite(np.fft.ifftshift)
def ifftshift(x, axes=None):
    """The inverse of fftshift."""
    return _rolled(x, axes, lambda n: -(n // 2))


def _rolled(x, axes, shift):
    if axes is None:
        axes = range(np.ndim(x))
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    return np.roll(x, tuple(shift(np.shape(x)[k]) for k in axes), axes)
