"""Matrices that are constant along diagonals: Toeplitz, circulant, Hankel; products by FFT, with traced entries too."""

import numpy as np
from scipy.fft import next_fast_len

from opad.manifolds.linear import LinearSet
from opad.operators import Operator


class ConstantDiagonals(Operator):
    """t -> X_ij = t[i - j + n - 1].  Adjoint: the sums along the diagonals, by reading a padded matrix skewed.

    Parameters
    ----------
    m, n : int
    """

    def __init__(self, m, n):
        self.dims, self.dimsd = (m + n - 1,), (m, n)

    data_dtype = None

    def apply(self, X):
        m, n = self.dimsd
        return X[..., np.arange(m)[:, None] - np.arange(n)[None, :] + n - 1]

    def apply_adjoint(self, Y):
        m, n = self.dimsd
        batch = Y.shape[:-2]
        if n == 1:
            return Y[..., 0]
        Y = np.flip(Y, -1)  # row i is to be shifted by i: pad to m + n and read with rows of m + n - 1
        padded = np.concatenate([Y, np.zeros_like(Y, shape=(*batch, m, m))], axis=-1)
        flat = padded.reshape((*batch, m * (m + n)))[..., : m * (m + n - 1)]
        return np.sum(flat.reshape((*batch, m, m + n - 1)), axis=-2)


class Toeplitz(LinearSet):
    """m x n matrices that are constant along diagonals, X_ij = t[i - j + n - 1].

    `operator(t)` multiplies vectors in O((m + n) log(m + n)); t may be traced, and the gradient costs as much.

    Parameters
    ----------
    m, n : int

    Examples
    --------
    >>> import numpy as np, opad
    >>> T, t = Toeplitz(2, 2), np.array([1.0, 2.0, 3.0])
    >>> T.operator(t).apply(np.array([1.0, 10.0])).round(12)
    array([12., 23.])
    >>> opad.grad(lambda t: T.operator(t).apply(np.array([1.0, 10.0]))[0])(t).round(12) + 0.0
    array([10.,  1.,  0.])

    References
    ----------
    G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed., section 4.8.
    """

    def __init__(self, m, n):
        lengths = np.arange(1.0, m + n)
        lengths = np.minimum(np.minimum(lengths, lengths[::-1]), min(m, n))
        super().__init__(ConstantDiagonals(m, n), lengths)

    def operator(self, t):
        """The matrix as an Operator, (n,) -> (m,)."""
        return ToeplitzProduct(t, self.D.dimsd)


class ToeplitzProduct(Operator):
    """x -> X x, X_ij = t[i - j + n - 1]: a part of the convolution of t and x, by FFT.

    Forward: (t * x)[n - 1 : n - 1 + m].  Adjoint: the same with the diagonals in opposite order.

    Parameters
    ----------
    t : (m + n - 1,) array, plain or traced
    shape : (m, n)
    """

    def __init__(self, t, shape):
        self.t = t
        m, n = shape
        self.dims, self.dimsd = (n,), (m,)

    def apply(self, X):
        return _convolution(self.t, X, self.dims[0] - 1, self.dimsd[0])

    def apply_adjoint(self, Y):
        return _convolution(np.flip(self.t, 0), Y, self.dimsd[0] - 1, self.dims[0])


def _convolution(t, x, start, count):
    """Entries start, ..., start + count - 1 of the convolution of t and x: the circular one does not reach them."""
    length = next_fast_len(t.shape[0] + min(start, count), real=True)
    product = np.fft.rfft(t, length) * np.fft.rfft(x, length)
    return np.fft.irfft(product, length)[..., start : start + count].astype(t.dtype)


class Circulant(LinearSet):
    """n x n circulant matrices, X_ij = c[(i - j) mod n]; `operator(c)` multiplies by FFT, with c plain or traced.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Circulant
    >>> Circulant(3).embed(np.array([1.0, 2.0, 3.0]))
    array([[1., 3., 2.],
           [2., 1., 3.],
           [3., 2., 1.]])

    References
    ----------
    P. J. Davis, Circulant Matrices, 1979.
    """

    def __init__(self, n):
        super().__init__(CyclicDiagonals(n), n)

    def operator(self, c):
        """The matrix as an Operator, (n,) -> (n,)."""
        return CirculantProduct(c)


class CyclicDiagonals(Operator):
    """c -> X_ij = c[(i - j) mod n].  Adjoint: the sums along the cyclic diagonals.

    Parameters
    ----------
    n : int
    """

    def __init__(self, n):
        self.dims, self.dimsd = (n,), (n, n)
        self.diagonals = ConstantDiagonals(n, n)

    data_dtype = None

    def apply(self, X):
        n = self.dims[0]
        return X[..., (np.arange(n)[:, None] - np.arange(n)[None, :]) % n]

    def apply_adjoint(self, Y):
        n = self.dims[0]
        sums = self.diagonals.apply_adjoint(Y)
        below = np.concatenate([np.zeros_like(sums[..., :1]), sums[..., : n - 1]], axis=-1)
        return sums[..., n - 1 :] + below


class CirculantProduct(Operator):
    """x -> X x, the cyclic convolution of c and x, by FFT.  Adjoint: the cyclic correlation.

    Parameters
    ----------
    c : (n,) array, plain or traced
    """

    def __init__(self, c):
        self.c = c
        self.dims = self.dimsd = c.shape

    def apply(self, X):
        return self._multiply(np.fft.rfft(self.c), X)

    def apply_adjoint(self, Y):
        return self._multiply(np.conj(np.fft.rfft(self.c)), Y)

    def _multiply(self, spectrum, X):
        return np.fft.irfft(spectrum * np.fft.rfft(X), self.dims[0]).astype(self.c.dtype)


class Hankel(LinearSet):
    """m x n matrices that are constant along anti-diagonals, X_ij = h[i + j]: Toeplitz with the columns reversed.

    Parameters
    ----------
    m, n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Hankel
    >>> Hankel(2, 2).embed(np.array([1.0, 2.0, 3.0]))
    array([[1., 2.],
           [2., 3.]])

    References
    ----------
    G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed., section 4.8.
    """

    def __init__(self, m, n):
        toeplitz = Toeplitz(m, n)
        super().__init__(ReversedColumns(toeplitz.D), toeplitz.gram_diagonal)
        self.toeplitz = toeplitz

    def operator(self, h):
        """The matrix as an Operator, (n,) -> (m,)."""
        m, n = self.D.dimsd
        return ToeplitzProduct(h, (m, n)) @ ReversedColumns(None, (n,))


class ReversedColumns(Operator):
    """t -> (D t) with its last axis reversed.  Adjoint: D^H of the reversed.

    Parameters
    ----------
    D : Operator, or None for the reversal alone
    dims : shape, where D is None
    """

    def __init__(self, D, dims=None):
        self.D = D
        self.dims, self.dimsd = (dims, dims) if D is None else (D.dims, D.dimsd)

    data_dtype = None

    def apply(self, X):
        return np.flip(X if self.D is None else self.D.apply(X), -1)

    def apply_adjoint(self, Y):
        Y = np.flip(Y, -1)
        return Y if self.D is None else self.D.apply_adjoint(Y)
