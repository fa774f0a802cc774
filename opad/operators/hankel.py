"""The fast Hankel transform of logarithmically spaced sequences."""

import numpy as np
import scipy.fft

from opad.operators.algebra import Operator
from opad.operators.dispatch import dispatchable


@dispatchable
def hankel_transform(x, inverse, dln, mu, offset=0.0, bias=0.0):
    """scipy.fft.fht or ifht along the last axis."""
    return (scipy.fft.ifht if inverse else scipy.fft.fht)(x, dln, mu, offset, bias)


class HankelTransform(Operator):
    """X -> the fast Hankel transform of X along the last axis, or its inverse.

    Forward:  dY = W R C W dX          Adjoint:  X~ = W C^T R W Y~

    W weights elements with exp(-+ bias (j - (n - 1) / 2) dln), C is a circulant matrix and R reverses the order. C is
    read off the transform of a unit vector.

    Parameters
    ----------
    inverse : bool
    dln, mu, offset, bias : as for `scipy.fft.fht`
    dims : shape of X

    References
    ----------
    A. J. S. Hamilton, Uncorrelated modes of the non-linear power spectrum, MNRAS 312:257-284, 2000.
    """

    def __init__(self, inverse, dln, mu, offset, bias, dims):
        self.inverse = inverse
        self.parameters = dln, mu, offset, bias
        self.dims = self.dimsd = dims

    def apply(self, X):
        if X.dtype.kind == "c":  # SciPy takes real arrays only
            return self.apply(np.real(X)) + 1j * self.apply(np.imag(X))
        return hankel_transform(X, self.inverse, *self.parameters)

    def apply_adjoint(self, Y):
        n = self.dims[-1]
        dln, _, _, bias = self.parameters
        weights = np.exp((bias if self.inverse else -bias) * (np.arange(n) - (n - 1) / 2) * dln)
        unit = np.zeros(n)
        unit[0] = 1.0
        column = np.flip(hankel_transform(unit, self.inverse, *self.parameters) / weights) / weights[0]
        X = weights * np.fft.ifft(np.conj(np.fft.fft(column)) * np.fft.fft(np.flip(weights * Y, -1)))
        return X if Y.dtype.kind == "c" else np.real(X)
