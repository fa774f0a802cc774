"""Operators of the assignment X[key] = V: what stays of X, and where V goes."""

import numpy as np

from opad.operators.algebra import Operator
from opad.operators.dispatch import dispatchable
from opad.operators.indexing import Index, in_kind_of_key
from opad.operators.shaping import Broadcast


@dispatchable
def set_at(array, values, key):
    """A copy of an array in which array[key] = values.

    Examples
    --------
    >>> import numpy as np
    >>> set_at(np.zeros(3), 2.0, 1)
    array([0., 2., 0.])
    """
    result = np.copy(array)
    result[key] = values
    return result


class Clear(Operator):
    """X -> X with zeros at a key: what an assignment leaves of the array.  Forward = adjoint.

    Parameters
    ----------
    key : tuple, whatever NumPy takes between brackets
    dims : shape of X
    """

    def __init__(self, key, dims):
        self.key = key if type(key) is tuple else (key,)
        self.dims = self.dimsd = dims

    def apply(self, X):
        Y = np.copy(in_kind_of_key(X, self.key))
        Y[(slice(None),) * (X.ndim - len(self.dims)) + self.key] = 0
        return Y

    apply_adjoint = apply


class Place(Operator):
    """V -> an array of zeros with V, broadcast, at a key that repeats no element.

    Forward:  dY = 0;  dY[key] = dV          Adjoint:  V~ = Y~[key], summed over the repeated axes

    Parameters
    ----------
    key : tuple
    dims : shape of V
    dimsd : shape of the array
    """

    def __init__(self, key, dims, dimsd):
        self.index = Index(key, dimsd)
        self.dims = dims
        self.dimsd = dimsd

    def _spread(self):
        part = self.index.dimsd
        dims = self.dims[max(0, len(self.dims) - len(part)) :]  # NumPy drops leading axes of length one
        return dims, None if dims == part else Broadcast(dims, part)

    def apply(self, X):
        dims, spread = self._spread()
        X = X.reshape(X.shape[: X.ndim - len(self.dims)] + dims)
        return self.index.apply_adjoint(X if spread is None else spread.apply(X))

    def apply_adjoint(self, Y):
        _, spread = self._spread()
        V = self.index.apply(Y)
        V = V if spread is None else spread.apply_adjoint(V)
        return V.reshape(Y.shape[: Y.ndim - len(self.dimsd)] + self.dims)
