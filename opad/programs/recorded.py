"""The array that a recorded function sees in place of each of its arguments."""

import operator
import sys

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from opad.errors import TracingError
from opad.operators.assignment import set_at
from opad.programs.results import is_counted
from opad.tracing.array import TracedArray, scaled_sparse
from opad.tracing.inplace import TEMPORARY
from opad.tracing.kept import WITHOUT_LIMIT
from opad.tracing.messages import instead_of_scipy
from opad.tracing.methods import install_methods
from opad.tracing.objects import array_of_objects, install_functions_of_numbers, placeholder_for_sparse, without_objects

_PYTHON = (float, complex, int, bool)


class Ref(int):
    """The number of a value in a recording, as an argument of a step."""

    __slots__ = ()

    def __repr__(self):
        return f"v{int(self)}"


class RecordedArray(NDArrayOperatorsMixin):
    """An array, or a number, whose NumPy calls are recorded; see `opad.compile`."""

    __slots__ = ("__weakref__", "recording", "ref", "value")
    __array_priority__ = 500
    __hash__ = None
    is_symbolic = True

    def __init__(self, value, recording, ref):
        self.value = value
        self.recording = recording
        self.ref = ref

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if any(map(_is_traced, inputs)):
            return NotImplemented
        inputs = without_objects(inputs)
        out = [x for x in kwargs.get("out") or () if x is not None]
        if len(out) == 1 and type(out[0]) is RecordedArray and method == "__call__" and ufunc.nout == 1:
            kwargs = {name: value for name, value in kwargs.items() if name != "out"}
            return out[0].become(getattr(ufunc, method)(*inputs, **kwargs))
        if out or method == "at":
            raise TracingError(
                f"{ufunc.__name__} was to write into an existing array while a program was being recorded. Expected an "
                "expression that makes a new array: write y = y + x."
            )
        if (
            ufunc is np.power
            and method == "__call__"
            and not kwargs
            and _is_int_two(inputs[1])
            and _is_float(inputs[0])
        ):
            ufunc, inputs = np.square, inputs[:1]  # as ndarray ** 2 does; squares of complex numbers have other digits
        return self.recording.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        if TracedArray in types:
            return NotImplemented
        kwargs = {name: value for name, value in kwargs.items() if value is not np._NoValue}
        return self.recording.call(function, without_objects(args), without_objects(kwargs))

    def __opad_dispatch__(self, function, args, kwargs):
        return self.recording.call(function.__wrapped__, args, kwargs)

    def __opad_fresh__(self, leaf):
        """This value in the kind of `leaf`, as `pytrees.fresh` does for plain arrays."""
        like = leaf.value if type(leaf) is RecordedArray else leaf
        value = self.value
        if type(like) is float or type(like) is complex:
            return self.recording.call(to_float if type(like) is float else to_complex, (self,), {})
        if isinstance(like, np.generic):
            if not hasattr(value, "dtype"):
                return self.recording.call(astype, (self, like.dtype), {})
            return self[()] if isinstance(value, np.ndarray) else self
        if isinstance(value, np.generic) or not hasattr(value, "ndim"):
            return self.recording.call(to_array, (self,), {})
        return self

    @property
    def __array__(self):
        """NumPy treats numbers without it as objects, of which np.array([a0, a1]) makes object arrays."""
        if not self.ndim and self.dtype.kind == "f":
            raise AttributeError("__array__")
        return self._as_plain

    def _as_plain(self, dtype=None, copy=None):
        if (placeholder := placeholder_for_sparse(self)) is not None:
            return placeholder
        if (objects := array_of_objects(self, dtype)) is not None:
            return objects
        raise TracingError(
            f"an array of shape {self.shape} was to become a plain NumPy array while a program was being recorded; "
            "expected NumPy functions and operators, arrays made by np.zeros_like(x) to assign to, and "
            "np.take_along_axis(table, index, 0) for table[index] with an index from the recording. "
            + (instead_of_scipy() or "Compute it outside the compiled function, or pass it as an argument.")
        )

    shape = property(lambda self: np.shape(self.value))
    ndim = property(lambda self: np.ndim(self.value))
    size = property(lambda self: np.size(self.value))
    base = property(lambda self: getattr(self.value, "base", None))
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.size * self.dtype.itemsize)

    @property
    def dtype(self):
        value = self.value
        return np.dtype(type(value)) if type(value) in _PYTHON else value.dtype

    def __len__(self):
        return len(self.value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        return self.recording.call(getitem, (self, key), {})

    def __matmul__(self, other):
        return TracedArray.times_sparse(self, other) if hasattr(other, "tocsr") else super().__matmul__(other)

    def __rmatmul__(self, other):
        return TracedArray.sparse_times(self, other) if hasattr(other, "tocsr") else super().__rmatmul__(other)

    def __bool__(self):
        return self.recording.guard_value(self, bool)

    def __int__(self):
        return self.recording.guard_value(self, int)

    def __index__(self):
        if self.dtype.kind not in "iub":
            raise TypeError("only integer scalars can be an index")
        return self.recording.guard_value(self, int)

    def __float__(self):
        raise TracingError(
            "float() of a value while a program was being recorded would make it a constant. Expected NumPy functions "
            "(np.sin, not math.sin) and arrays made by np.zeros_like(x) to assign to; return the value and convert "
            "it outside the compiled function."
        )

    __complex__ = __float__

    def item(self, *position):
        """The Python number, which stays recorded."""
        return self.recording.call(item, (self, *position), {})

    def tolist(self):
        """Refused: a list of numbers would be constant."""
        return self.__float__()

    def __setitem__(self, key, value):
        if _is_traced(value):
            raise TracingError(
                "a traced value was assigned to an array from outside of its derivative while a program was being "
                "recorded; expected an array made inside. Write z = np.zeros_like(x) with a traced x."
            )
        self._require_own_memory()
        new = set_at(self, without_objects(value), key)
        self.value, self.ref = new.value, new.ref

    def become(self, result):
        """What y += x does: this array with new values."""
        self._require_own_memory()
        if np.shape(result) != self.shape or not np.can_cast(result.dtype, self.dtype, "same_kind"):
            raise TracingError(
                f"values of shape {np.shape(result)} and dtype {result.dtype} were to be written into an array of "
                f"shape {self.shape} and dtype {self.dtype} while a program was being recorded; expected what fits, as "
                "in NumPy. Write y = y + x."
            )
        new = result.astype(self.dtype)
        self.value, self.ref = new.value, new.ref
        return self

    def _require_own_memory(self):
        """Raise unless a change of this array can be seen through this array alone."""
        if self.ref in self.recording.inputs:
            problem, remedy = "would change an argument of the function", "Work on x.copy()"
        elif not isinstance(self.value, np.ndarray):
            raise TypeError(f"a number, {type(self.value).__name__}, does not support assignment of items")
        elif self.value.base is not None or sys.getrefcount(self.value) > _REFERENCES or not is_counted:
            problem, remedy = "would be seen in another array that shares its memory", "Write .copy() for the view"
        else:
            return
        raise TracingError(
            f"an assignment {problem} while a program was being recorded; expected an array that the function made and "
            f"of which no view is in use. {remedy}, or use np.where or np.concatenate."
        )

    def fill(self, value):
        """self[...] = value."""
        self[...] = value

    def sort(self, axis=-1, **kwargs):
        """Sorted in place."""
        self[...] = np.sort(self, axis, **kwargs)

    def partition(self, kth, axis=-1, **kwargs):
        """Partitioned in place."""
        self[...] = np.partition(self, kth, axis, **kwargs)

    flat = property(lambda self: np.ravel(self), doc="The elements in C order, to be read.")

    def astype(self, dtype, copy=True):
        """The array in another dtype."""
        dtype = np.dtype(dtype)
        return self if dtype == self.dtype else self.recording.call(astype, (self, dtype), {})

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return f"RecordedArray({self.value!r})"


def _references():
    array = RecordedArray(np.empty(1), None, None)
    return sys.getrefcount(array.value)


_REFERENCES = _references()  # to the memory of an array that nothing else refers to

# -- what arrays do without a function of NumPy, as functions ---------------------------------------------------------


def getitem(x, key):
    """x[key]."""
    return x[key]


def astype(x, dtype):
    """x in another dtype."""
    return x.astype(dtype) if hasattr(x, "astype") else np.dtype(dtype).type(x)


def item(x, *position):
    """The Python number in x."""
    return x.item(*position)


def to_float(x):
    """A Python float."""
    return float(x)


def to_complex(x):
    """A Python complex number."""
    return complex(x)


def to_array(x):
    """A new array."""
    return np.array(x)


# -- operators ---------------------------------------------------------------------------------------------------------
# Numbers keep to Python's arithmetic, and ** to that of the value's own type, so that results have the types they have
# in the function itself. NumPy rounds products and absolute values of complex numbers and of arrays differently.


def _is_python_number(x):
    """True for Python's own numbers, recorded ones among them."""
    return type(x.value if type(x) is RecordedArray else x) in _PYTHON


def _are_complex(*numbers):
    values = [x.value if type(x) is RecordedArray else x for x in numbers]
    return all(isinstance(x, np.number | float | complex | int) for x in values) and np.iscomplexobj(values)


def _install_operators():
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
        operation = getattr(operator, name)
        forward, reflected = (getattr(NDArrayOperatorsMixin, f"__{side}{name}__") for side in ("", "r"))
        setattr(RecordedArray, f"__{name}__", _operator(operation, forward))
        setattr(RecordedArray, f"__r{name}__", _operator(operation, reflected, swapped=True))
        setattr(RecordedArray, f"__i{name}__", _in_place(operation))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        method = getattr(NDArrayOperatorsMixin, f"__{name}__")
        setattr(RecordedArray, f"__{name}__", _operator(getattr(operator, name), method))
    for name in ("neg", "pos", "abs"):
        setattr(
            RecordedArray, f"__{name}__", _unary(getattr(operator, name), getattr(NDArrayOperatorsMixin, f"__{name}__"))
        )


_UFUNCS = {operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.divide}
_USUAL = {RecordedArray, float, int}


def _operator(operation, method, swapped=False):
    """Python's operation on numbers, else what `method` does: the ufunc, at once where operands are the usual ones."""
    is_power, ufunc = operation is operator.pow, _UFUNCS.get(operation)

    def binary(self, other):
        exact = is_power and not _is_traced(other) and not (_is_int_two(other) and not swapped and _is_float(self))
        if exact and (hasattr(other, "__array_function__") or isinstance(other, np.generic)):
            exact = np.ndim(self.value) == 0 and np.ndim(other) == 0
        if operation is operator.mul and type(self.value) is not np.ndarray:
            exact = _are_complex(self, other)
        if exact or (_is_python_number(self) and _is_python_number(other)):
            return self.recording.call(operation, (other, self) if swapped else (self, other), {})
        if ufunc is not None and type(other) in _USUAL:
            return self.recording.call(ufunc, (other, self) if swapped else (self, other), {})
        if hasattr(other, "tocsr"):
            return scaled_sparse(ufunc, *((other, self) if swapped else (self, other)))
        return method(self, other)

    return binary


def _in_place(operation):
    def in_place(self, other):
        temporary = sys.getrefcount(self) == TEMPORARY
        result = operation(self, other)
        if result is NotImplemented or not self.shape or (temporary and self.base is not None):
            return result  # numbers do not change in place; z[i] += x assigns the sum to z[i] afterwards
        return self.become(result)

    return in_place


def _unary(operation, method):
    def unary(self):
        exact = _is_python_number(self) or (operation is operator.abs and _are_complex(self))
        return self.recording.call(operation, (self,), {}) if exact else method(self)

    return unary


def _is_int_two(x):
    return type(x) is int and x == 2


def _is_float(x):
    value = x.value if type(x) is RecordedArray else x
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _is_traced(x):
    return type(x) is TracedArray


WITHOUT_LIMIT.add(RecordedArray)
install_methods(RecordedArray)
install_functions_of_numbers(RecordedArray)
_install_operators()
