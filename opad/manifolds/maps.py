"""Operators made of a module-level function and the arrays it needs, and the few formulas that all manifolds share."""

import numpy as np

from opad.operators import Operator, is_compound
from opad.operators.elementwise import conjugate


def ct(A):
    """A^H of every matrix of a stack, without a copy of real data."""
    return conjugate(A.swapaxes(-1, -2))


def sym(A):
    """(A + A^H) / 2."""
    return (A + ct(A)) / 2


def skew(A):
    """(A - A^H) / 2."""
    return (A - ct(A)) / 2


def dot(A, B, axes):
    """Re<A, B> over the last `axes` axes."""
    return np.sum(np.real(conjugate(A) * B), axis=tuple(range(-axes, 0)))


def trace_product(A, B):
    """Re tr(A^H B) of every pair of matrices, as an array (..., 1, 1) that broadcasts against them."""
    return np.sum(np.real(conjugate(A) * B), axis=(-2, -1), keepdims=True)


def combine(function, *elements):
    """`function` of arrays, or of tuples of arrays, tuple by tuple to any depth."""
    if isinstance(elements[0], tuple):
        return tuple(combine(function, *parts) for parts in zip(*elements, strict=True))
    return function(*elements)


def add(X, Z):
    """X + Z for arrays and tuples of arrays."""
    return combine(np.add, X, Z)


def scale(t, Z):
    """t Z for arrays and tuples of arrays, t a Python number."""
    return combine(lambda part: t * part, Z)


def euclidean_inner(U, V, dims):
    """Re<U, V> on a space of arrays, or of tuples of arrays; leading axes of a stack of points are kept."""
    if is_compound(dims):
        return sum(dot(u, v, len(shape)) for u, v, shape in zip(U, V, dims, strict=True))
    return dot(U, V, len(dims))


class PointMap(Operator):
    """W -> forward(*data, W), a linear map that depends on a point through `data`.

    Forward:  dY = forward(*data, dX)          Adjoint:  X~ = adjoint(*data, Y~)

    Parameters
    ----------
    forward, adjoint : functions defined in a module, so that the operator can be pickled
    data : tuple of arrays, plain or traced
    dims, dimsd : shapes (tuples of shapes for tuples of arrays)
    clinear : bool
    """

    def __init__(self, forward, adjoint, data, dims, dimsd=None, clinear=True):
        self.forward = forward
        self.backward = adjoint
        self.data = data
        self.dims = dims
        self.dimsd = dims if dimsd is None else dimsd
        self.clinear = clinear

    label = property(lambda self: self.forward.__name__.strip("_"))

    @property
    def data_dtype(self):
        held = [d.dtype for d in self.data if getattr(d, "dtype", None) is not None and d.dtype.kind in "fc"]
        return np.result_type(*held) if held else self.__dict__.get("_dtype")

    def apply(self, X):
        return self.forward(*self.data, X)

    def apply_adjoint(self, Y):
        return self.backward(*self.data, Y)


class SelfAdjoint(PointMap):
    """W -> function(*data, W), its own adjoint.

    Parameters
    ----------
    function : function defined in a module
    *data : arrays; `dims` is the shape of the first unless given
    """

    def __init__(self, function, *data, dims=None, clinear=True):
        super().__init__(function, function, data, data[0].shape if dims is None else dims, clinear=clinear)

    @property
    def H(self):
        return self


def gaussian(dims, dtype, rng):
    """Standard normal numbers, real or complex."""
    rng = np.random.default_rng(rng)
    X = rng.standard_normal(dims)
    if np.dtype(dtype).kind == "c":
        X = X + 1j * rng.standard_normal(dims)
    return X.astype(dtype)


def is_real(X):
    """Whether the data are real, so that maps with conjugates are linear over them."""
    return X.dtype.kind != "c"
