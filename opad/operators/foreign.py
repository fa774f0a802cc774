"""Operators of SciPy and PyLops as operators of opad."""

from math import prod

import numpy as np

from opad.errors import ConversionError
from opad.operators.algebra import Operator
from opad.operators.base import size_of
from opad.operators.dispatch import dispatchable


class Foreign(Operator):
    """A SciPy or PyLops operator as an Operator; leading batch axes become columns of one matmat.

    Forward: dY = A dX.  Adjoint: X~ = A^H Y~, both in C order between `dims` and `dimsd`.

    Parameters
    ----------
    op : object with shape, dtype, matvec, rmatvec, matmat, rmatmat
    dims, dimsd : shapes; those of `op` if it has them, else (N,) and (M,)
    """

    def __init__(self, op, dims=None, dimsd=None):
        self.op = op
        self.dims = tuple(getattr(op, "dims", (op.shape[1],))) if dims is None else dims
        self.dimsd = tuple(getattr(op, "dimsd", (op.shape[0],))) if dimsd is None else dimsd
        if (size_of(self.dimsd), size_of(self.dims)) != tuple(op.shape):
            raise ConversionError(
                f"{op!r} has shape {op.shape}, which does not fit dims {self.dims} and dimsd {self.dimsd}; "
                "expected shape = (prod(dimsd), prod(dims)). Pass the array shapes that the operator maps between."
            )

    clinear = property(lambda self: getattr(self.op, "clinear", True))
    data_dtype = property(lambda self: None if self.op.dtype is None else np.dtype(self.op.dtype))
    label = property(lambda self: getattr(self.op, "name", None) or type(self.op).__name__)

    def apply(self, X):
        return opaque_product(X, self)

    def apply_adjoint(self, Y):
        return opaque_product(Y, self, adjoint=True)

    def plain_product(self, X, adjoint):
        op = self.op
        if adjoint:
            return _through_columns(op.rmatvec, op.rmatmat, X, self.dimsd, self.dims)
        return _through_columns(op.matvec, op.matmat, X, self.dims, self.dimsd)


@dispatchable
def opaque_product(X, op, adjoint=False):
    """The product of X with an operator (or its adjoint) whose code knows plain arrays only."""
    return op.plain_product(X, adjoint)


def _through_columns(vector_product, matrix_product, X, dims, dimsd):
    batch = X.shape[: X.ndim - len(dims)]
    if not batch:
        return vector_product(X.reshape(-1)).reshape(dimsd)
    size = prod(batch)
    if not size:
        return np.zeros_like(X, shape=batch + dimsd)
    columns = X.reshape((size, size_of(dims))).T
    return matrix_product(columns).T.reshape(batch + dimsd)


Operator.adopt = Foreign
