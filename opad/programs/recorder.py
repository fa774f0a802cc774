"""Recording: run a function once on arrays that note every NumPy call, and keep the straight-line list of calls.

The recorder is the outermost array type. Whatever runs inside, a gradient with its trace and its substitutions included,
is seen as the NumPy calls that it makes; there is no second implementation of anything.
"""

import sys

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from opad.errors import TracingError
from opad.tracing.methods import install_methods

STATIC = {np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj, np.can_cast, np.broadcast_shapes}
VALUE_SHAPED = {np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.compress, np.extract}
FRESH = {np.zeros_like, np.ones_like, np.empty_like}  # depend on nothing but shape and dtype of their argument


class Ref(int):
    """The number of a value in a recording, as an argument of a step."""

    __slots__ = ()

    def __repr__(self):
        return f"v{int(self)}"


class Step:
    """One NumPy call of a recording.

    Attributes
    ----------
    function : callable
    args, kwargs : arguments, with Refs for recorded values (also inside tuples and lists)
    out : Ref, or tuple of Refs
    origin : (file, line) in the user's code
    """

    __slots__ = ("args", "function", "kwargs", "origin", "out")

    def __init__(self, function, args, kwargs, out, origin):
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.out = out
        self.origin = origin

    def __repr__(self):
        return f"{self.out} = {getattr(self.function, '__name__', self.function)}{self.args}"


class Guard:
    """What a recording relies on: that a value still decides a branch (`truth`), or has the recorded shape."""

    __slots__ = ("after", "expected", "kind", "ref")

    def __init__(self, kind, ref, expected, after):
        self.kind = kind
        self.ref = ref
        self.expected = expected
        self.after = after  # number of steps that precede it


class Recording:
    """The steps of one run.

    Attributes
    ----------
    steps : list of Step
    guards : list of Guard
    samples : list, the value of every Ref during recording
    """

    def __init__(self):
        self.steps = []
        self.guards = []
        self.samples = []

    def new(self, sample):
        """A recorded array for a value."""
        self.samples.append(sample)
        return RecordedArray(sample, self, Ref(len(self.samples) - 1))

    def call(self, function, args, kwargs):
        """Run a call on the sample values and add it to the steps."""
        if function in STATIC or function in FRESH:
            return function(*_sample_tree(args), **_sample_tree(kwargs))
        result = function(*_sample_tree(args), **_sample_tree(kwargs))
        step = Step(function, _ref_tree(args), _ref_tree(kwargs), None, _origin())
        if isinstance(result, tuple | list):
            wrapped = type(result)(map(self.new, result)) if type(result) in (tuple, list) else tuple(map(self.new, result))
            step.out = tuple(part.ref for part in wrapped)
        else:
            wrapped = self.new(result)
            step.out = wrapped.ref
        self.steps.append(step)
        if _shape_depends_on_values(function, args):
            outputs = zip(step.out, result, strict=True) if type(step.out) is tuple else [(step.out, result)]
            self.guards += [Guard("shape", ref, np.shape(part), len(self.steps)) for ref, part in outputs]
        return wrapped

    def guard_value(self, array, convert):
        """The plain value of a recorded scalar, on which the recording now relies."""
        value = convert(array.value)
        self.guards.append(Guard(convert.__name__, array.ref, value, len(self.steps)))
        return value


class RecordedArray(NDArrayOperatorsMixin):
    """An array whose NumPy calls are recorded; see `opad.compile`."""

    __slots__ = ("recording", "ref", "value")
    __array_priority__ = 500
    __hash__ = None
    is_symbolic = True

    def __init__(self, value, recording, ref):
        self.value = value
        self.recording = recording
        self.ref = ref

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if kwargs.get("out") is not None:
            raise TracingError(
                f"{ufunc.__name__} was to write into an existing array while a program was being recorded. Expected an "
                "expression that makes a new array: write y = y + x."
            )
        if any(_is_traced(x) for x in inputs):
            return NotImplemented
        if ufunc is np.power and method == "__call__" and type(inputs[1]) is int and inputs[1] == 2:
            ufunc, inputs = np.square, inputs[:1]  # as ndarray ** 2 does
        return self.recording.call(ufunc if method == "__call__" else getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        if any(t.__name__ == "TracedArray" for t in types):
            return NotImplemented
        return self.recording.call(function, args, kwargs)

    def __opad_dispatch__(self, function, args, kwargs):
        return self.recording.call(function.__wrapped__, args, kwargs)

    def __array__(self, *args, **kwargs):
        raise TracingError(
            f"an array of shape {self.shape} was to become a plain NumPy array while a program was being recorded; "
            "expected NumPy functions and operators. Compute it outside the compiled function, or pass it as an argument."
        )

    shape = property(lambda self: np.shape(self.value))
    ndim = property(lambda self: np.ndim(self.value))
    size = property(lambda self: np.size(self.value))
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.size * self.dtype.itemsize)

    @property
    def dtype(self):
        value = self.value
        return np.dtype(type(value)) if type(value) in (float, complex) else value.dtype

    def __len__(self):
        return len(self.value)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        return self.recording.call(_getitem, (self, key), {})

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
            "float() of a value while a program was being recorded would make it a constant. Expected NumPy functions; "
            "return the value and convert it outside the compiled function."
        )

    __complex__ = __float__

    def item(self):
        """Refused: it would make the value a constant."""
        return self.__float__()

    def __setitem__(self, key, value):
        raise TracingError(
            "assignment into an array while a program was being recorded; expected an expression that makes a new "
            "array. Write np.where(mask, a, b) or np.concatenate([...])."
        )

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __repr__(self):
        return f"RecordedArray({self.value!r})"


def _getitem(x, key):
    return x[key]


_getitem.__name__ = "getitem"


def _astype(x, dtype):
    return x.astype(dtype) if hasattr(x, "astype") else np.dtype(dtype).type(x)


_astype.__name__ = "astype"


def _astype_method(self, dtype, copy=True):
    return self if np.dtype(dtype) == self.dtype else self.recording.call(_astype, (self, np.dtype(dtype)), {})


install_methods(RecordedArray)
RecordedArray.astype = _astype_method
getitem, astype = _getitem, _astype


def _is_traced(x):
    return getattr(x, "tape", None) is not None


def _sample_tree(tree):
    """Recorded arrays replaced by their values, in nested tuples, lists and dicts."""
    if type(tree) is RecordedArray:
        return tree.value
    if type(tree) is tuple or type(tree) is list:
        return type(tree)(_sample_tree(part) for part in tree)
    if type(tree) is dict:
        return {name: _sample_tree(part) for name, part in tree.items()}
    if type(tree) is slice:
        return slice(*(_sample_tree(part) for part in (tree.start, tree.stop, tree.step)))
    return tree


def _ref_tree(tree):
    """Recorded arrays replaced by their Refs."""
    if type(tree) is RecordedArray:
        return tree.ref
    if type(tree) is tuple or type(tree) is list:
        return type(tree)(_ref_tree(part) for part in tree)
    if type(tree) is dict:
        return {name: _ref_tree(part) for name, part in tree.items()}
    return tree


def _shape_depends_on_values(function, args):
    if function is _getitem:
        keys = args[1] if type(args[1]) is tuple else (args[1],)
        return any(type(k) is RecordedArray and k.dtype.kind == "b" for k in keys)
    return function in VALUE_SHAPED


def _origin():
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename.replace("\\", "/")
        if not any(part in path for part in ("/opad/", "/numpy/", "<__array_function__")):
            return path, frame.f_lineno
        frame = frame.f_back
    return "", 0
