"""Reading parts of an array: brackets, take, diagonals, triangles, where."""

import numpy as np

from opad.operators.indexing import Index, along_axis, scatter_add
from opad.tracing.array import getitem, record
from opad.tracing.elementwise import Select
from opad.tracing.primitives import RULES, JacobianRule, composite, operator_rule
from opad.tracing.rules.helpers import normalise_axis, wants


@operator_rule(getitem)
def _(y, x, key):
    return Index(key, x.shape, y.shape)


RULES[getitem].reads_part = True


@operator_rule(scatter_add)
def _(y, values, key, shape):
    return Index(key, shape, values.shape).H


@composite(np.take)
def take(a, indices, axis=None, out=None, mode="raise"):
    """Elements along an axis."""
    if mode != "raise":
        n = np.size(a) if axis is None else np.shape(a)[axis]
        indices = np.remainder(indices, n) if mode == "wrap" else np.clip(indices, 0, n - 1)
    if axis is None:
        return np.reshape(a, -1)[indices]
    return a[(*(slice(None),) * normalise_axis(axis, np.ndim(a)), indices)]


@composite(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    """Elements along an axis, chosen separately for each line."""
    if axis is None:
        return np.reshape(arr, -1)[indices]
    return arr[along_axis(indices, normalise_axis(axis, np.ndim(arr)), arr.shape)]


@composite(np.compress)
def compress(condition, a, axis=None, out=None):
    """The slices for which a condition holds."""
    return np.take(a, np.flatnonzero(condition), axis=axis)


@composite(np.extract)
def extract(condition, arr):
    """The elements for which a condition holds."""
    return np.reshape(arr, -1)[np.flatnonzero(condition)]


@composite(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None, descending=None):
    """Sorted values; equal elements keep their order."""
    if order is not None:
        raise wants("np.sort", f"order={order!r}", "an array without fields")
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    direction = {"descending": descending} if descending else {}  # a keyword of NumPy 2.5
    return np.take_along_axis(a, np.argsort(a, axis=axis, stable=True, **direction), axis=axis)


def _where_rule(y, condition, x, y_):
    chosen = np.asarray(condition) if not hasattr(condition, "astype") else condition
    chosen = chosen.astype(bool)
    return None, Select(chosen, np.shape(x), y.shape), Select(~chosen, np.shape(y_), y.shape)


_WHERE = JacobianRule(np.where, _where_rule)


@composite(np.where)
def where(condition, x=None, y=None):
    """x where a condition holds, else y; with a condition alone, the indices where it holds."""
    return np.nonzero(condition) if x is None and y is None else record(_WHERE, (condition, x, y), {})


@composite(np.diagonal)
def diagonal(a, offset=0, axis1=0, axis2=1):
    """The diagonals of the matrices in two axes; the last axis of the result runs along them."""
    a = np.moveaxis(a, (axis1, axis2), (-2, -1))
    m, n = np.shape(a)[-2:]
    count = max(0, min(m + min(offset, 0), n - max(offset, 0)))
    rows = np.arange(count) + max(-offset, 0)
    return a[..., rows, rows + offset]


@composite(np.diag)
def diag(v, k=0):
    """The diagonal of a matrix, or a matrix with this diagonal."""
    if np.ndim(v) == 2:
        return np.diagonal(v, k)
    n = np.shape(v)[0] + abs(k)
    rows = np.arange(np.shape(v)[0]) + max(-k, 0)
    return scatter_add(v, (rows, rows + k), (n, n))


@composite(np.diagflat)
def diagflat(v, k=0):
    """A matrix with the flattened argument on a diagonal."""
    return np.diag(np.reshape(v, -1), k)


@composite(np.trace)
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """The sum along diagonals."""
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@composite(np.tril)
def tril(m, k=0):
    """The lower triangle; the other elements are 0."""
    return np.where(np.tri(*np.shape(m)[-2:], k=k, dtype=bool), m, 0)


@composite(np.triu)
def triu(m, k=0):
    """The upper triangle; the other elements are 0."""
    return np.where(np.tri(*np.shape(m)[-2:], k=k - 1, dtype=bool), 0, m)
