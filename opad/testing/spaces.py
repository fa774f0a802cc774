"""Random elements, inner products and distances of array spaces, which may be products of spaces."""

import math
from types import ModuleType

import numpy as np

from opad.operators.base import is_compound


def parts_of(X):
    """The arrays of an element: a tuple, of one array if the space is no product."""
    return X if isinstance(X, tuple) else (X,)


def draw(dims, dtype, rng, batch=()):
    """A random element of the space `dims`, with leading batch axes."""
    if is_compound(dims):
        return tuple(draw(shape, dtype, rng, batch) for shape in dims)
    shape = tuple(batch) + tuple(dims)
    X = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        X = X + 1j * rng.standard_normal(shape)
    return np.asarray(X).astype(dtype)


def shape_of(X, dims):
    """Shape of an element, in the form of `dims`."""
    return tuple(part.shape for part in X) if is_compound(dims) else X.shape


def stack_of(dims, batch):
    """Shape of a batch of elements of the space `dims`."""
    return tuple(batch + shape for shape in dims) if is_compound(dims) else batch + tuple(dims)


def inner_product(X, Y):
    """<X, Y> = sum of conj(X) .* Y, in double precision."""
    pairs = zip(parts_of(X), parts_of(Y), strict=True)
    return complex(sum(np.vdot(_in_double(x), _in_double(y)) for x, y in pairs))


def difference(X, Y):
    """||X - Y|| / ||Y||, absolute if Y is smaller than one; infinite if shapes differ or something is not finite."""
    worst = 0.0
    X, Y = parts_of(X), parts_of(Y)
    if len(X) != len(Y):
        return math.inf
    for x, y in zip(X, Y, strict=True):
        x, y = _in_double(x), _in_double(y)
        if x.shape != y.shape:
            return math.inf
        error = float(np.linalg.norm(x - y)) / max(1.0, float(np.linalg.norm(y)))
        worst = max(worst, error if math.isfinite(error) else math.inf)
    return worst


def _in_double(x):
    x = np.asarray(x)
    return x.astype(np.result_type(x.dtype, np.float64))


def precision_of(dtype):
    """The real dtype of the same precision."""
    return np.dtype(np.finfo(dtype).dtype) if np.dtype(dtype).kind in "fc" else np.dtype(float)


def all_arrays(value, seen=None):
    """The NumPy arrays that an operator holds, at any depth."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    elif hasattr(value, "__dict__") and not isinstance(value, type | ModuleType):  # SciPy's operators hold one
        value = list(vars(value).values())
    return [a for part in value for a in all_arrays(part, seen)] if isinstance(value, list | tuple) else []
