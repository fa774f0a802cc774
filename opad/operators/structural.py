"""Operators that are there for the structure of a system: zero, I - S, and the real form of a complex operator."""

import numpy as np

from opad.operators.algebra import Operator, Wrapper
from opad.operators.base import is_compound


class Zero(Operator):
    """X -> 0.  In a block matrix the zero block is simply absent; this class is what an explicit zero is read as.

    Parameters
    ----------
    dims, dimsd : shapes of the input and of the output
    """

    is_zero = True

    def __init__(self, dims, dimsd):
        self.dims = dims
        self.dimsd = dimsd

    def apply(self, X):
        return _zeros(X, self.dims, self.dimsd)

    def apply_adjoint(self, Y):
        return _zeros(Y, self.dimsd, self.dims)

    @property
    def H(self):
        return Zero(self.dimsd, self.dims)


def _zeros(X, dims, dimsd):
    first, shape = (X[0], dims[0]) if is_compound(dims) else (X, dims)
    batch = first.shape[: first.ndim - len(shape)]
    if is_compound(dimsd):
        return tuple(np.zeros_like(first, shape=batch + part) for part in dimsd)
    return np.zeros_like(first, shape=batch + tuple(dimsd))


class IdentityMinus(Wrapper):
    """I - S: what stands on the diagonal of L when an equation S dx = … has a diagonal block S.

    Forward: dY = dX - S dX.  Adjoint: X~ = Y~ - S^H Y~.

    Parameters
    ----------
    op : square Operator S
    """

    def __init__(self, op):
        self.op = op

    dims = dimsd = property(lambda self: self.op.dims)
    label = property(lambda self: f"I - {self.op.label}")

    def apply(self, X):
        return X - self.op.apply(X)

    def apply_adjoint(self, Y):
        return Y - self.op.apply_adjoint(Y)

    @property
    def H(self):
        return IdentityMinus(self.op.H)


class AsReal(Operator):
    """A as a real operator on (Re, Im) stacked along a new leading axis.

    Forward: (Re, Im) of A (X_0 + i X_1).  Adjoint, in the inner product Re<., .>: (Re, Im) of A^H (Y_0 + i Y_1).
    """

    def __init__(self, op):
        self.op = op

    dims = property(lambda self: (2, *self.op.dims))
    dimsd = property(lambda self: (2, *self.op.dimsd))

    @property
    def data_dtype(self):
        held = self.op.data_dtype
        return None if held is None else np.finfo(held).dtype

    def apply(self, X):
        return _split_complex(self.op.apply(_join_complex(X, len(self.op.dims))), len(self.op.dimsd))

    def apply_adjoint(self, Y):
        return _split_complex(self.op.apply_adjoint(_join_complex(Y, len(self.op.dimsd))), len(self.op.dims))


def _join_complex(X, ndim):
    X = np.moveaxis(X, X.ndim - ndim - 1, 0)
    return X[0] + 1j * X[1]


def _split_complex(Y, ndim):
    return np.stack([np.real(Y), np.imag(Y)], axis=Y.ndim - ndim)


def _as_real(self):
    """The equivalent real operator on (Re, Im) stacked along a new leading axis; real-linear maps have one too."""
    return AsReal(self)


Operator.as_real = _as_real
