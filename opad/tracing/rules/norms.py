"""Norms and condition numbers of vectors and matrices, `numpy.linalg`.

Where a norm has a kink the gradient is the one of least length among the subgradients that NumPy's own formula gives:
0 at the zero vector, the mean over tied entries or singular values, U_r V_r^H for the nuclear norm of a matrix of
rank r. A p-norm with 1 < p < 2 has infinite second derivatives at zero entries of a real vector.
"""

import numpy as np

from opad.operators.algebra import Product
from opad.operators.elementwise import Hadamard, RealPart, conjugate
from opad.operators.factorizations import PolarDifferential
from opad.operators.shaping import SumAxes
from opad.operators.spectral import rounding_level
from opad.tracing.array import plain
from opad.tracing.elementwise import singular_elementwise
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import composite, constant, operator_rule
from opad.tracing.rules.helpers import normalised_axes, with_axes_kept

_MATRIX_ORDERS = ("nuc", 2, -2, 1, -1, np.inf, -np.inf)


def real_functional(G, axes, keepdims):
    """dX -> Re sum conj(G) .* dX over axes."""
    total = Product(SumAxes(G.shape, axes, keepdims), Hadamard(conjugate(G)))
    return Product(RealPart(total.dimsd), total) if G.dtype.kind == "c" else total


# -- vectors --------------------------------------------------------------------------------------------------------


@UserPrimitive
def euclidean_norm(x, axis, keepdims):
    """The root of the sum of squares over some axes (a tuple, at most two unless all)."""
    return np.linalg.norm(x, None, None if len(axis) == x.ndim else axis, keepdims)


@operator_rule(euclidean_norm)
def _(y, x, axis, keepdims):
    """x / |x|; 0 at 0."""
    y = with_axes_kept(y, axis, x.shape)
    zero = plain(y) == 0
    return real_functional(np.where(zero, 0, x / np.where(zero, 1, y)), axis, keepdims)


@UserPrimitive
def power_norm(x, ord, axis, keepdims):
    """The norm (sum |x|^ord)^(1/ord) along one axis."""
    return np.linalg.norm(x, ord, axis, keepdims)


@operator_rule(power_norm)
def _(y, x, ord, axis, keepdims):
    """x/|x| (|x|/y)^(ord - 1); 0 where x is 0, and for 1 < ord < 2 with an infinite derivative there."""
    y = with_axes_kept(y, (axis,), x.shape)
    origin = plain(y) == 0
    y = np.where(origin, 1, y)
    if 1 < ord < 2 and x.dtype.kind != "c":
        G = np.where(origin, 0, signed_power(x, ord - 1) * y ** (1 - ord))
    else:
        zero = (plain(x) == 0) | origin
        z = np.where(zero, 1, x)
        size = np.abs(z)
        G = np.where(zero, 0, z / size * (size / y) ** (ord - 1))
    return real_functional(G.astype(x.dtype), (axis,), keepdims)


@UserPrimitive
def signed_power(x, p):
    """sign(x) |x|^p."""
    return np.sign(x) * np.abs(x) ** p


singular_elementwise(signed_power, lambda y, x, p: p * np.abs(x) ** (p - 1), None)


def _norm_along(x, ord, axis, keepdims):
    """The norm along one non-negative axis."""
    if ord is None or ord == 2:
        return euclidean_norm(x, (axis,), keepdims)
    if ord == np.inf:
        return np.max(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.linalg.norm(plain(x), 0, axis, keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    return power_norm(x, ord, axis, keepdims)


# -- matrices -------------------------------------------------------------------------------------------------------


@UserPrimitive
def polar_factor(a):
    """U V^H of the singular vectors to nonzero singular values."""
    U, s, Vh = np.linalg.svd(a, full_matrices=False)
    return (U * (plain(s) > rounding_level(s))[..., None, :]) @ Vh


@operator_rule(polar_factor)
def _(y, a):
    return PolarDifferential(*np.linalg.svd(a, full_matrices=False))


@UserPrimitive
def nuclear_norm(a):
    """The sum of the singular values."""
    return np.linalg.norm(a, "nuc", (-2, -1))


@operator_rule(nuclear_norm)
def _(y, a):
    return real_functional(polar_factor(a), (a.ndim - 2, a.ndim - 1), False)


def _norm_of_matrix(x, ord, rows, columns, keepdims):
    """The norm over two different non-negative axes."""
    if ord in (1, -1):
        rows, columns, ord = columns, rows, ord * np.inf
    if ord in (np.inf, -np.inf):
        extremum = np.max if ord > 0 else np.min
        result = extremum(np.sum(np.abs(x), axis=columns, keepdims=True), axis=rows, keepdims=True)
        return result if keepdims else np.squeeze(result, (rows, columns))
    a = np.moveaxis(x, (rows, columns), (-2, -1))
    if ord == "nuc":
        result = nuclear_norm(a)
    else:
        result = (np.max if ord > 0 else np.min)(np.linalg.svdvals(a), axis=-1)
    return with_axes_kept(result, (rows, columns), x.shape) if keepdims else result


@composite(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    """np.linalg.norm, all orders."""
    ndim = np.ndim(x)
    if axis is None and ord is None:
        return euclidean_norm(x, tuple(range(ndim)), keepdims)
    axes = normalised_axes(axis, ndim)
    if len(axes) == 1:
        return _norm_along(x, ord, axes[0], keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if ord in (None, "fro", "f"):
        return euclidean_norm(x, axes, keepdims)
    if ord not in _MATRIX_ORDERS:
        raise ValueError("Invalid norm order for matrices.")
    return _norm_of_matrix(x, ord, *axes, keepdims)


@composite(np.linalg.vector_norm)
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """The norm over one axis, several, or all, as of one vector."""
    ndim = np.ndim(x)
    axes = normalised_axes(axis, ndim)
    rest = tuple(k for k in range(ndim) if k not in axes)
    lines = np.reshape(np.transpose(x, rest + axes), (*(np.shape(x)[k] for k in rest), -1))
    result = _norm_along(lines, ord, len(rest), False)
    return with_axes_kept(result, axes, np.shape(x)) if keepdims else result


@composite(np.linalg.matrix_norm)
def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """The norm over the last two axes."""
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


@composite(np.linalg.cond)
def cond(x, p=None):
    """The condition number."""
    if p in (None, 2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, (-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, (-2, -1))


constant(np.linalg.matrix_rank)
