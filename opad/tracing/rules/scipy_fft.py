"""scipy.fft on traced and recorded arrays, reached through uarray: a backend that is registered with SciPy."""

import numpy as np
import scipy.fft

from opad.operators.fft import NORM_OF_ADJOINT
from opad.operators.hankel import HankelTransform, hankel_transform
from opad.operators.trigonometric import PARTNER, RealTransform, real_transform
from opad.tracing.primitives import operator_rule
from opad.tracing.rules.helpers import normalise_axis, wants


@operator_rule(real_transform)
def _(y, x, kind, type, axis, orthonormal=False):
    return RealTransform(kind, type, axis, x.shape, orthonormal)


@operator_rule(hankel_transform)
def _(y, x, inverse, dln, mu, offset=0.0, bias=0.0):
    return HankelTransform(inverse, dln, mu, offset, bias, x.shape)


def _resized(x, n, axis):
    """The array cut to n elements along an axis, or filled up with zeros."""
    length = x.shape[axis]
    if n is None or n == length:
        return x
    if n < length:
        return x[(..., slice(n), *(slice(None),) * (-axis - 1))]
    return np.pad(x, [(0, n - length if k == x.ndim + axis else 0) for k in range(x.ndim)])


def _along(kind, inverse, x, type, n, axis, norm, orthogonalize):
    axis = normalise_axis(axis, x.ndim) - x.ndim
    x = _resized(x, n, axis)
    orthogonal = norm == "ortho" if orthogonalize is None else orthogonalize
    if inverse:
        type, norm = PARTNER[type], NORM_OF_ADJOINT[norm]
    if x.dtype.kind == "c":
        real, imag = (_along(kind, False, part(x), type, None, axis, norm, orthogonal) for part in (np.real, np.imag))
        return real + 1j * imag
    y = real_transform(x, kind, type, axis, orthogonal)  # orthogonalised transforms come scaled to orthonormal ones
    size = 2.0 * (x.shape[axis] + (0 if type > 1 else -1 if kind == "dct" else 1))
    power = (0.5 if orthogonal else 0.0) - {None: 0.0, "backward": 0.0, "ortho": 0.5, "forward": 1.0}[norm]
    return y if power == 0 else y * size**power


def _real_one(kind, inverse):
    def transform(x, type=2, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, orthogonalize=None):
        return _along(kind, inverse, x, type, n, axis, norm, orthogonalize)

    return transform


def _real_many(kind, inverse):
    def transform(x, type=2, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, orthogonalize=None):
        lengths = [s] if s is not None and np.ndim(s) == 0 else s
        if axes is None:
            axes = range(-(x.ndim if s is None else len(lengths)), 0)
        axes = [axes] if np.ndim(axes) == 0 else list(axes)
        lengths = [None] * len(axes) if s is None else lengths
        for axis, n in zip(axes, lengths, strict=True):
            x = _along(kind, inverse, x, type, n, axis, norm, orthogonalize)
        return x

    return transform


def _one(function):
    def transform(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
        return function(x, n, axis, norm)

    return transform


def _many(function, default=None):
    def transform(x, s=None, axes=default, norm=None, overwrite_x=False, workers=None, *, plan=None):
        if s is not None and axes is None:
            axes = tuple(range(-len(s), 0))
        return function(x, s, axes, norm)

    return transform


def _irfftn(x, s, axes, norm):
    """np.fft.irfftn; of a single coefficient it is, in SciPy, the transform of length one."""
    if s is None and x.ndim and x.shape[-1 if axes is None else axes[-1]] == 1:
        axes = tuple(range(x.ndim)) if axes is None else axes
        s = [*(x.shape[axis] for axis in axes[:-1]), 1]
    return np.fft.irfftn(x, s, axes, norm)


def _hfftn(x, s, axes, norm):
    """irfftn of the conjugate, with the factors of the other direction."""
    return _irfftn(np.conj(x), s, axes, NORM_OF_ADJOINT[norm])


def _ihfftn(x, s, axes, norm):
    return np.conj(np.fft.rfftn(x, s, axes, NORM_OF_ADJOINT[norm]))


TRANSFORMS = {
    **{getattr(scipy.fft, name): _one(getattr(np.fft, name))
       for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{getattr(scipy.fft, name): _many(getattr(np.fft, name)) for name in ("fftn", "ifftn", "rfftn")},
    **{getattr(scipy.fft, f"{name}2"): _many(getattr(np.fft, f"{name}n"), (-2, -1))
       for name in ("fft", "ifft", "rfft")},
    scipy.fft.irfftn: _many(_irfftn), scipy.fft.irfft2: _many(_irfftn, (-2, -1)),
    scipy.fft.hfftn: _many(_hfftn), scipy.fft.hfft2: _many(_hfftn, (-2, -1)),
    scipy.fft.ihfftn: _many(_ihfftn), scipy.fft.ihfft2: _many(_ihfftn, (-2, -1)),
    **{getattr(scipy.fft, ("i" if inverse else "") + kind): _real_one(kind, inverse)
       for kind in ("dct", "dst") for inverse in (False, True)},
    **{getattr(scipy.fft, ("i" if inverse else "") + kind + "n"): _real_many(kind, inverse)
       for kind in ("dct", "dst") for inverse in (False, True)},
}  # fmt: skip


def _hankel(inverse):
    def transform(a, dln, mu, offset=0.0, bias=0.0):
        return hankel_transform(a, inverse, dln, mu, offset, bias)

    return transform


TRANSFORMS |= {scipy.fft.fht: _hankel(False), scipy.fft.ifht: _hankel(True)}


class Backend:
    """What uarray asks in place of SciPy's own implementation."""

    __ua_domain__ = "numpy.scipy.fft"

    @staticmethod
    def __ua_function__(method, args, kwargs):
        if not args or not getattr(args[0], "is_symbolic", False):
            return NotImplemented
        transform = TRANSFORMS.get(method)
        if transform is None:
            raise wants(f"scipy.fft.{method.__name__}", "a traced array", "one of its other transforms")
        return transform(*args, **kwargs)


scipy.fft.register_backend(Backend)
