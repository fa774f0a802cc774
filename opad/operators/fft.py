"""Discrete Fourier transforms. Their adjoints are the unscaled transforms in the other direction.

With `norm` "backward" the forward transform is unscaled, so that its adjoint is the inverse transform without its
factor 1/n, which NumPy calls `norm="forward"`; and the other way round; "ortho" is unitary.
"""

import numpy as np

from opad.operators.algebra import Operator
from opad.operators.indexing import scatter_add
from opad.operators.shaping import negative_axes

NORM_OF_ADJOINT = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def resize(X, shape):
    """Cut X, (*batch, …), or fill it up with zeros at the end of every axis, so that it ends with `shape`."""
    batch = X.ndim - len(shape)
    own = X.shape[batch:]
    if own == shape:
        return X
    key = (*[slice(None)] * batch, *[slice(min(m, n)) for m, n in zip(own, shape, strict=True)])
    if any(m > n for m, n in zip(own, shape, strict=True)):
        X = X[key]
    return X if X.shape[batch:] == shape else scatter_add(X, key, X.shape[:batch] + shape)


class FFT(Operator):
    """X -> the discrete Fourier transform of X, or its inverse, along some axes; complex to complex.

    Forward:  dY = fftn(dX, n, axes, norm)          Adjoint:  X~ = the transform of Y~ in the other direction, scaled by
    the same factor, cut or padded with zeros to dims

    Parameters
    ----------
    dims : shape of X
    n : int or tuple of int, lengths along `axes` to which X is cut or padded with zeros first; None for no change
    axes : int or tuple of int; None (the default) for the last len(n) axes, or all
    norm : {"backward", "ortho", "forward"}, as for `numpy.fft`
    inverse : bool, whether this is the inverse transform

    Real arrays are complex arguments too: where the argument is real, compose with a `Cast`.

    Examples
    --------
    >>> import numpy as np
    >>> F = FFT((4,), norm="ortho")
    >>> np.allclose((F.H @ F).todense(), np.eye(4))
    True
    """

    def __init__(self, dims, n=None, axes=None, norm=None, inverse=False):
        self.dims = dims
        self.n = (n,) if isinstance(n, int) else n
        if axes is None and n is not None:
            axes = tuple(range(-len(self.n), 0))
        self.axes = negative_axes(axes, len(dims))
        self.norm = norm
        self.inverse = inverse

    data_dtype = property(lambda self: self.__dict__.get("_dtype", np.dtype(complex)))

    @property
    def dimsd(self):
        return self.dims if self.n is None else replace_lengths(self.dims, self.axes, self.n)

    def apply(self, X):
        return _transform(X, self.n, self.axes, self.norm, self.inverse)

    def apply_adjoint(self, Y):
        return resize(_transform(Y, None, self.axes, NORM_OF_ADJOINT[self.norm], not self.inverse), self.dims)


def _transform(X, n, axes, norm, inverse):
    if len(axes) == 1:
        function = np.fft.ifft if inverse else np.fft.fft
        return function(X, None if n is None else n[0], axes[0], norm)
    function = np.fft.ifftn if inverse else np.fft.fftn
    return function(X, n, axes, norm)


def replace_lengths(dims, axes, lengths):
    """The shape `dims` with other lengths along some axes."""
    shape = list(dims)
    for axis, length in zip(axes, lengths, strict=True):
        shape[axis] = length
    return tuple(shape)


def _real(X):
    return np.real(X) if X.dtype.kind == "c" else X


class RFFT(Operator):
    """X -> the non-negative frequencies of the transform of real X; real to complex.

    Forward:  dY = rfft(dX, n, axis, norm)          Adjoint, in Re<., .>:  X~ = Re of the unscaled inverse transform of
    Y~ padded with zeros to n, which is the unscaled irfft of Y~ with half of every inner frequency

    Parameters
    ----------
    dims : shape of X
    n : int, length to which X is cut or padded; None (the default) for no change
    axis : int, the last by default
    norm : {"backward", "ortho", "forward"}, as for `numpy.fft`

    dimsd is dims with n // 2 + 1 along the axis.
    """

    clinear = False

    def __init__(self, dims, n=None, axis=-1, norm=None):
        self.dims = dims
        self.axis = axis if axis < 0 else axis - len(dims)
        self.n = dims[self.axis] if n is None else n
        self.norm = norm

    @property
    def dimsd(self):
        return replace_lengths(self.dims, (self.axis,), (self.n // 2 + 1,))

    def apply(self, X):
        return np.fft.rfft(_real(X), self.n, self.axis, self.norm)

    def apply_adjoint(self, Y):
        Y = _with_inner_frequencies(0.5, Y, self.n, self.axis)
        return resize(np.fft.irfft(Y, self.n, self.axis, NORM_OF_ADJOINT[self.norm]), self.dims)


class IRFFT(Operator):
    """X -> the real array whose transform has the non-negative frequencies X; complex to real.

    Forward:  dY = irfft(dX, n, axis, norm), which ignores the imaginary parts of X at frequency zero and, for even n,
    at n / 2          Adjoint, in Re<., .>:  X~ = the unscaled rfft of Y~ (scaled like irfft), twice for every
    frequency in between, cut or padded with zeros to dims

    Parameters
    ----------
    dims : shape of X
    n : int, length of the result; None (the default) for 2 (m - 1), m the length of X along the axis
    axis : int, the last by default
    norm : {"backward", "ortho", "forward"}, as for `numpy.fft`

    dimsd is dims with n along the axis.
    """

    clinear = False

    def __init__(self, dims, n=None, axis=-1, norm=None):
        self.dims = dims
        self.axis = axis if axis < 0 else axis - len(dims)
        self.n = 2 * (dims[self.axis] - 1) if n is None else n
        self.norm = norm

    data_dtype = property(lambda self: self.__dict__.get("_dtype", np.dtype(complex)))

    @property
    def dimsd(self):
        return replace_lengths(self.dims, (self.axis,), (self.n,))

    def apply(self, X):
        return np.fft.irfft(X, self.n, self.axis, self.norm)

    def apply_adjoint(self, Y):
        X = np.fft.rfft(_real(Y), self.n, self.axis, NORM_OF_ADJOINT[self.norm])
        return resize(_with_inner_frequencies(2, X, self.n, self.axis), self.dims)


def _with_inner_frequencies(factor, X, n, axis):
    """X with a factor for the frequencies between zero and, for even n, n / 2: those that stand for two."""
    after = (slice(None),) * (-axis - 1)
    last = X.shape[axis] - (n % 2 == 0)  # for odd n the last frequency is an inner one
    if last <= 1:
        return X
    parts = [
        X[(..., slice(0, 1), *after)],
        factor * X[(..., slice(1, last), *after)],
        X[(..., slice(last, None), *after)],
    ]
    return np.concatenate(parts if n % 2 == 0 else parts[:2], axis=axis)
