"""scipy.fft on traced arrays, reached through uarray: a backend that is set while functions are differentiated."""

import numpy as np
import scipy.fft

from opad.operators.trigonometric import PARTNER, RealTransform, real_transform
from opad.tracing.array import TracedArray
from opad.tracing.primitives import operator_rule
from opad.tracing.rules.helpers import normalise_axis, wants

_SWAPPED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


@operator_rule(real_transform)
def _(y, x, kind, type, axis, orthonormal=False):
    return RealTransform(kind, type, axis, x.shape, orthonormal)


def _along(kind, inverse, x, type, n, axis, norm, orthogonalize):
    axis = normalise_axis(axis, x.ndim) - x.ndim
    if orthogonalize is not None and orthogonalize is not (norm == "ortho"):
        raise wants(f"scipy.fft.{kind}", f"norm={norm!r} and orthogonalize={orthogonalize!r}", "orthogonalize=None")
    if n is not None and n != x.shape[axis]:
        raise wants(f"scipy.fft.{kind}", f"n={n} for an axis of length {x.shape[axis]}", "no n; use np.pad or a slice")
    if inverse:
        type, norm = PARTNER[type], _SWAPPED[norm]
    if x.dtype.kind == "c":
        return _along(kind, False, np.real(x), type, None, axis, norm, None) + 1j * _along(
            kind, False, np.imag(x), type, None, axis, norm, None
        )
    y = real_transform(x, kind, type, axis, norm == "ortho")
    if norm != "forward":
        return y
    length = x.shape[axis] + (0 if type > 1 else -1 if kind == "dct" else 1)
    return y / (2.0 * length)


def _real_one(kind, inverse):
    def transform(x, type=2, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, orthogonalize=None):
        return _along(kind, inverse, x, type, n, axis, norm, orthogonalize)

    return transform


def _real_many(kind, inverse):
    def transform(x, type=2, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, orthogonalize=None):
        axes = range(x.ndim) if axes is None else [axes] if np.ndim(axes) == 0 else list(axes)
        lengths = [None] * len(axes) if s is None else [s] if np.ndim(s) == 0 else list(s)
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


def _hfftn(x, s, axes, norm):
    """irfftn of the conjugate, with the factors of the other direction."""
    return np.fft.irfftn(np.conj(x), s, axes, _SWAPPED[norm])


def _ihfftn(x, s, axes, norm):
    return np.conj(np.fft.rfftn(x, s, axes, _SWAPPED[norm]))


TRANSFORMS = {
    **{getattr(scipy.fft, name): _one(getattr(np.fft, name))
       for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")},
    **{getattr(scipy.fft, name): _many(getattr(np.fft, name)) for name in ("fftn", "ifftn", "rfftn", "irfftn")},
    **{getattr(scipy.fft, f"{name}2"): _many(getattr(np.fft, f"{name}n"), (-2, -1))
       for name in ("fft", "ifft", "rfft", "irfft")},
    scipy.fft.hfftn: _many(_hfftn), scipy.fft.hfft2: _many(_hfftn, (-2, -1)),
    scipy.fft.ihfftn: _many(_ihfftn), scipy.fft.ihfft2: _many(_ihfftn, (-2, -1)),
    **{getattr(scipy.fft, ("i" if inverse else "") + kind): _real_one(kind, inverse)
       for kind in ("dct", "dst") for inverse in (False, True)},
    **{getattr(scipy.fft, ("i" if inverse else "") + kind + "n"): _real_many(kind, inverse)
       for kind in ("dct", "dst") for inverse in (False, True)},
}  # fmt: skip


class Backend:
    """What uarray asks in place of SciPy's own implementation."""

    __ua_domain__ = "numpy.scipy.fft"

    @staticmethod
    def __ua_function__(method, args, kwargs):
        if not args or type(args[0]) is not TracedArray:
            return NotImplemented
        transform = TRANSFORMS.get(method)
        if transform is None:
            raise wants(f"scipy.fft.{method.__name__}", "a traced array", "one of its other transforms")
        return transform(*args, **kwargs)


scipy.fft.register_backend(Backend)
