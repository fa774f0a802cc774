"""Systems whose matrix is given by a few numbers, as diagonal blocks; triangles and Hermitian parts as records."""

import numpy as np

from opad.operators.algebra import Operator
from opad.operators.solve import solve_columns
from opad.operators.spectral import hermitian_part
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, operator_rule


class StructuredSystem(Operator):
    """X -> A X for a matrix A that is known by what multiplies and solves with it.

    Forward:  dY = A dX          Adjoint:  X~ = A^H Y~          `solve`, `solve_adjoint`: A^-1 Y, A^-H X

    Parameters
    ----------
    multiply, inverse : callables (matrix of columns, adjoint) -> matrix of columns
    dims : shape of X, (n,) or (n, cols)
    """

    def __init__(self, multiply, inverse, dims):
        self.multiply = multiply
        self.inverse = inverse
        self.dims = self.dimsd = dims

    def _on_columns(self, function, X, adjoint):
        return solve_columns(function, X, len(self.dims) == 1, adjoint)

    def apply(self, X):
        return self._on_columns(self.multiply, X, False)

    def apply_adjoint(self, Y):
        return self._on_columns(self.multiply, Y, True)

    def solve(self, Y):
        """A^-1 Y."""
        return self._on_columns(self.inverse, Y, False)

    def solve_adjoint(self, X):
        """A^-H X."""
        return self._on_columns(self.inverse, X, True)


class RealLinear(FunctionOperator):
    """A FunctionOperator that involves conjugation: complex-linear for real data only.

    Parameters
    ----------
    data : array, whose dtype tells
    forward, adjoint, dims, dimsd, batched : see FunctionOperator
    """

    def __init__(self, data, forward, adjoint, dims, dimsd, batched=True):
        super().__init__(forward, adjoint, dims, dimsd, batched)
        self.data = data

    clinear = property(lambda self: self.data.dtype.kind != "c")


@UserPrimitive
def hermitian(a, lower):
    """The Hermitian matrix of which one triangle is stored."""
    triangle = np.tril(a, -1) if lower else np.triu(a, 1)
    return triangle + np.conj(triangle.swapaxes(-1, -2)) + np.eye(a.shape[-1], dtype=a.dtype) * np.real(a)


@operator_rule(hermitian)
def _(y, a, lower):
    """The Hermitian part: only Hermitian changes of a Hermitian matrix are meant."""

    def part(X):
        return hermitian_part(X, y)

    return RealLinear(y, part, part, a.shape, y.shape), None


def columns(b):
    """b as a matrix."""
    return b if np.ndim(b) == 2 else b[:, None]


def like_vector(x, b):
    """The matrix x in the shape that goes with the right-hand side b."""
    return x if np.ndim(b) == 2 else x[:, 0]
