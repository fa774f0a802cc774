"""Object arrays of traced or recorded numbers, which np.array([a0, a1]) makes; they are stacked when they are used."""

import sys

import numpy as np

from opad.errors import TracingError
from opad.operators.indexing import Index
from opad.tracing.array import TracedArray, record
from opad.tracing.messages import MIRRORED, caller, instead_of_scipy, scipy_function
from opad.tracing.primitives import Primitive, as_numpy_scalar, with_cast


def stacked(array):
    """The traced or recorded array with the elements of an object array."""
    if not array.size:
        return array.astype(float)
    elements = array.reshape(-1).tolist()
    if not any(type(a) is TracedArray for a in elements):
        return np.stack(elements).reshape(array.shape)
    known = np.inexact | complex
    elements = [a if _is_symbolic(a) or isinstance(a, known) else float(a) for a in elements]
    return record(_NUMBERS, elements, {}).reshape(array.shape)


def _is_symbolic(number):
    return getattr(number, "is_symbolic", False)


def _array_of(*numbers):
    return np.stack(numbers) if any(map(_is_symbolic, numbers)) else np.array(numbers)


class _Numbers(Primitive):
    """np.array of *numbers; block k puts number k in its place."""

    joins_numbers = True

    def joined(self, y, args, tangents):
        """The tangent of y, whose parts are given by position, in one step in place of one per block."""
        return record(self, [tangents.get(k, 0) for k in range(len(args))], {}).astype(y.dtype)

    def blocks(self, y, args, kwargs, parents):
        args = [as_numpy_scalar(a) for a in args]
        return [(column, with_cast(Index(k, y.shape, ()).H, args[k], y)) for k, column in parents]


_NUMBERS = _Numbers(_array_of)
_NUMBERS.__name__ = "array"


def without_objects(tree, strict=False):
    """Nested tuples, lists and dicts with `stacked` in place of object arrays of traced or recorded numbers.

    With `strict` other object arrays are refused.
    """
    if type(tree) is np.ndarray and tree.dtype.hasobject:
        if any(map(_is_symbolic, tree.reshape(-1).tolist())):
            return stacked(tree)
        if strict:
            raise TracingError(
                f"an object array met a traced array{caller()}; expected numbers of a floating-point dtype. Write "
                "a.astype(float)."
            )
    if type(tree) in (tuple, list):
        return type(tree)(without_objects(part, strict) for part in tree)
    if type(tree) is dict:
        return {name: without_objects(part, strict) for name, part in tree.items()}
    return tree


def _array(self):
    """`__array__` of a traced array; NumPy treats numbers without it as objects, of which it makes object arrays.

    Not so complex ones: of an array of objects np.real is the array itself, and np.linalg.norm a wrong number.
    """
    if not self.ndim and self.dtype.kind != "c":
        raise AttributeError("__array__")
    return lambda dtype=None, copy=None: _as_plain(self, dtype)


def _as_plain(self, dtype):
    if (placeholder := placeholder_for_sparse(self)) is not None:
        return placeholder
    if (objects := array_of_objects(self, dtype)) is not None:
        return objects
    raise TracingError(
        f"a traced array of shape {self.shape} and dtype {self.dtype} was to become a plain NumPy array (np.array, "
        f"np.asarray, or a library that calls them), which would lose its derivative{caller()}. Expected a NumPy "
        f"function or operator. {instead_of_scipy() or _OUTSIDE_SCIPY}"
    )


def placeholder_for_sparse(array):
    """What scipy.sparse takes for no array when it multiplies, so that it asks our __rmatmul__; None elsewhere."""
    frame = sys._getframe(2)
    if "_matmul_dispatch" not in (frame.f_code.co_name, frame.f_back.f_code.co_name):
        return None
    placeholder = np.empty((), object)
    placeholder[()] = array
    return placeholder


def array_of_objects(array, dtype):
    """The numbers of a vector in an object array, None where NumPy or SciPy asks for other arrays."""
    wanted = dtype is None or np.dtype(dtype).hasobject
    if array.ndim != 1 or array.dtype.kind != "f" or not wanted or _needs_numbers(*scipy_function()):
        return None
    objects = np.empty(len(array), object)
    for i in range(len(array)):
        objects[i] = array[i]
    return objects


_OUTSIDE_SCIPY = (
    "Write np.stack or np.concatenate to join traced arrays, opad.apply(op, x) for an operator, opad.stop_gradient(x) "
    "if the derivative is not wanted."
)
_NUMBERS_ONLY = MIRRORED | {"scipy.interpolate", "scipy.ndimage", "scipy.spatial", "scipy.stats"}


def _needs_numbers(module, name):
    """True in functions of SciPy that do not compute with objects; methods of sparse matrices and operators may."""
    return module in _NUMBERS_ONLY and (name != "" or not module.startswith("scipy.sparse"))


TracedArray.__array__ = property(_array)
TracedArray.without_objects = staticmethod(lambda tree: without_objects(tree, strict=True))

_UFUNCS = (
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "exp",
    "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "square", "fabs", "reciprocal", "sign", "floor",
    "ceil", "rint", "trunc", "arctan2", "hypot", "isfinite", "isnan", "isinf", "logaddexp", "deg2rad", "rad2deg",
    "degrees", "radians", "fmod", "sinc",
)  # fmt: skip


def _method(name):
    function = getattr(np, name)

    def method(self, *others):
        return function(self, *others)

    method.__name__ = name
    method.__doc__ = f"np.{name}, which NumPy calls for the elements of object arrays."
    return method


def install_functions_of_numbers(cls):
    """Give an array type the methods that NumPy calls for the elements of object arrays."""
    for name in _UFUNCS:
        setattr(cls, name, _method(name))


install_functions_of_numbers(TracedArray)
