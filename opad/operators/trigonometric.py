"""Discrete cosine and sine transforms, unnormalised and orthonormal."""

import numpy as np
import scipy.fft

from opad.operators.algebra import Operator
from opad.operators.dispatch import dispatchable

PARTNER = {1: 1, 2: 3, 3: 2, 4: 4}


@dispatchable
def real_transform(x, kind, type, axis, orthonormal=False):
    """scipy.fft.dct or dst of one of four types along a negative axis, unnormalised or orthonormal."""
    return getattr(scipy.fft, kind)(x, type=type, axis=axis, norm="ortho" if orthonormal else None)


class RealTransform(Operator):
    """X -> the discrete cosine or sine transform of X along one axis.

    Forward:  dY = T dX          Adjoint:  X~ = a .* T'(b .* Y~) with T' the transform of the transposed type

    The orthonormal transforms are inverted by their transpose. The unnormalised ones have weights a, b that differ from
    one at the first or the last element only.

    Parameters
    ----------
    kind : {"dct", "dst"}
    type : {1, 2, 3, 4}
    axis : negative int
    dims : shape of X
    orthonormal : bool
    """

    def __init__(self, kind, type, axis, dims, orthonormal=False):
        self.kind = kind
        self.type = type
        self.axis = axis
        self.dims = self.dimsd = dims
        self.orthonormal = orthonormal

    def apply(self, X):
        return real_transform(X, self.kind, self.type, self.axis, self.orthonormal)

    def apply_adjoint(self, Y):
        partner = PARTNER[self.type]
        if self.orthonormal or self.type == 4 or (self.kind, self.type) == ("dst", 1):
            return real_transform(Y, self.kind, partner, self.axis, self.orthonormal)
        ends = [0, -1] if self.type == 1 else [0] if self.kind == "dct" else [-1]
        weights = np.ones(self.dims[self.axis], Y.dtype)
        weights[ends] = 2.0
        weights = weights.reshape((-1,) + (1,) * (-self.axis - 1))
        if self.type == 2:
            return real_transform(Y * weights, self.kind, 3, self.axis)
        if self.type == 3:
            return real_transform(Y, self.kind, 2, self.axis) / weights
        return real_transform(Y * weights, self.kind, 1, self.axis) / weights
