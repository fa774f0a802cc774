"""Recording: run a function once on arrays that note every NumPy call, and keep the straight-line list of calls.

The recorder is the outermost array type. Whatever runs inside, a gradient with its trace and substitutions included, is
seen as the NumPy calls that it makes; there is no second implementation of anything.
"""

import sys
from pathlib import Path

import numpy as np

from opad.errors import TracingError
from opad.programs import functions as kinds
from opad.programs.functions import refs_in
from opad.programs.recorded import RecordedArray, Ref, getitem
from opad.tracing import protect
from opad.tracing.messages import library, refuse_subclass, users_line

_NUMBERS = (int, float, complex, np.generic)
_CALLERS = str(Path(__file__).with_name("compiled.py"))  # whose code calls the function that is recorded


class ForeignSymbol(BaseException):
    """A value of another trace or recording was met; the function cannot be recorded by itself."""


class Spec:
    """What is known of a value before it is computed.

    Attributes
    ----------
    type : type of the value: an array type, a NumPy scalar type, or float, complex, int, bool
    shape, dtype
    order : "F" for arrays in Fortran order alone, else "C"
    """

    __slots__ = ("dtype", "order", "shape", "type")

    def __init__(self, value):
        self.type = type(value)
        self.shape = np.shape(value)
        self.dtype = getattr(value, "dtype", None) or np.dtype(self.type)
        flags = getattr(value, "flags", None)
        self.order = "F" if flags is not None and flags.f_contiguous and not flags.c_contiguous else "C"

    @classmethod
    def of_array(cls, shape, dtype):
        """The Spec of an array in C order."""
        return cls(np.broadcast_to(np.empty((), dtype), shape))

    is_ndarray = property(lambda self: self.type is np.ndarray)
    ndim = property(lambda self: len(self.shape))

    @property
    def size(self):
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def nbytes(self):
        return self.size * self.dtype.itemsize

    def __eq__(self, other):
        if self is other:
            return True
        return self.shape == other.shape and self.dtype == other.dtype and self.type is other.type

    __hash__ = None


def new_ref(specs, spec):
    """A Ref for one more value."""
    specs.append(spec)
    return Ref(len(specs) - 1)


class Step:
    """One call of a recording.

    Attributes
    ----------
    function : callable
    args, kwargs : arguments, with Refs for recorded values (also inside tuples and lists)
    inputs : tuple of these Refs
    out : Ref, or tuple of Refs
    origin : (file, line) in the user's code
    scope : number of the recomputation that made the call; steps of different ones are never merged
    errstate : dict of np.geterr where it is not the caller's, or None
    key : what steps that make the same call have in common, while a recording is optimised
    """

    __slots__ = ("args", "errstate", "function", "inputs", "key", "kwargs", "origin", "out", "scope")

    def __init__(self, function, args, kwargs, out, origin, scope=0, errstate=None):
        self.function = function
        self.args = args
        self.kwargs = kwargs
        only_refs = not kwargs and {Ref}.issuperset(map(type, args))
        self.inputs = args if only_refs else tuple(refs_in((args, kwargs)))
        self.out = out
        self.origin = origin
        self.scope = scope
        self.errstate = errstate
        self.key = None

    @property
    def outs(self):
        """The Refs that the step defines."""
        return self.out if type(self.out) is tuple else (self.out,)

    @property
    def raises(self):
        """The floating-point errors that the function wants as exceptions."""
        return tuple([name for name, how in self.errstate.items() if how == "raise"]) if self.errstate else ()

    def with_arguments(self, function, args, kwargs):
        """The same step with another function or other arguments."""
        return Step(function, args, kwargs, self.out, self.origin, self.scope, self.errstate)

    def __repr__(self):
        return f"{self.out} = {getattr(self.function, '__name__', self.function)}{self.args}"


class Guard:
    """What a recording relies on.

    Attributes
    ----------
    kind : "bool" or "int" (the value decided a branch or was used as a number), "spec" (its shape and dtype depend on
        values)
    ref : Ref
    expected : the value, or the Spec
    """

    __slots__ = ("expected", "kind", "ref")

    def __init__(self, kind, ref, expected):
        self.kind = kind
        self.ref = ref
        self.expected = expected


class Recording:
    """The steps of one run.

    Attributes
    ----------
    steps : list of Step
    guards : list of Guard
    specs : list of Spec, one per Ref
    inputs : set of Refs of the arguments
    failed : (file, line) of a call that raised, or None; the function may have caught the exception
    """

    def __init__(self, constants):
        self.steps = []
        self.guards = []
        self.specs = []
        self.inputs = set()
        self.failed = None
        self.constants = constants
        self.foreign = False
        self._errstate = np.geterr()
        self._shared = {}  # by what they are: thousands of Specs, of origins and of errstates are equal

    def new(self, value):
        """A recorded array for a value."""
        if type(value).__name__ in ("RecordedArray", "TracedArray"):
            self.stop()
        if not hasattr(value, "__array_function__") and not isinstance(value, _NUMBERS):
            raise TracingError(
                f"a function returned {type(value).__name__} ({value!r:.60}) while a program was being recorded; "
                "expected arrays or numbers, or a tuple of them. Call it outside the compiled function."
            )
        spec = Spec(value)
        spec = self._shared.setdefault((spec.type, spec.shape, spec.dtype, spec.order), spec)
        return RecordedArray(value, self, new_ref(self.specs, spec))

    def stop(self):
        """Give up: what is being recorded is part of something larger."""
        self.foreign = True
        raise ForeignSymbol

    def call(self, function, args, kwargs):
        """Run a call on the values and add it to the steps."""
        function = kinds.NUMPYS_OWN.get(function, function)
        plain_args, plain_kwargs = self.values(args), kwargs and self.values(kwargs)
        if function in kinds.STATIC:
            return function(*plain_args, **plain_kwargs)
        if function in kinds.FRESH_CONSTANTS and not _is_called_by_user():
            return self.constants.own(function(*plain_args, **plain_kwargs))
        kinds.refuse_mutation(function, kwargs)
        kinds.refuse_memory_order(function, args, kwargs)
        errstate = np.geterr()
        try:
            result = function(*plain_args, **plain_kwargs)
        except Exception:
            self.failed = _origin()
            raise
        origin, errstate = _origin(), None if errstate == self._errstate else errstate
        origin = self._shared.setdefault(origin, origin)
        step = Step(function, self.refs(args), kwargs and self.refs(kwargs), None, origin, protect.scope.number)
        step.errstate = errstate and self._shared.setdefault(tuple(errstate.items()), errstate)
        if isinstance(result, (tuple, list)):
            parts = [self.new(part) for part in result]
            wrapped = type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
            step.out = tuple(part.ref for part in parts)
        else:
            parts = [wrapped := self.new(result)]
            step.out = wrapped.ref
        self.steps.append(step)
        if not kinds.has_static_shape(step, self.specs):
            self.guards += [Guard("spec", part.ref, self.specs[part.ref]) for part in parts]
        return wrapped

    def guard_value(self, array, convert):
        """The plain value of a recorded scalar, on which the recording now relies."""
        value = convert(array.value)
        self.guards.append(Guard(convert.__name__, array.ref, value))
        return value

    def values(self, tree):
        """Recorded arrays replaced by their values, in nested tuples, lists, dicts and slices."""
        kind = type(tree)
        if kind is RecordedArray:
            if tree.recording is not self:
                self.stop()
            return tree.value
        if kind is tuple or kind is list:
            return kind([self.values(part) for part in tree])
        if kind is dict:
            return {name: self.values(part) for name, part in tree.items()}
        if kind is slice:
            return slice(*map(self.values, (tree.start, tree.stop, tree.step)))
        return tree

    def refs(self, tree):
        """Recorded arrays replaced by their Refs, plain arrays by snapshots, numbers in slices by guarded ints."""
        kind = type(tree)
        if kind is RecordedArray:
            return tree.ref
        if kind is np.ndarray:
            return self.constants.snapshot(tree)
        if kind is tuple or kind is list:
            return kind([self.refs(part) for part in tree])
        if kind is dict:
            return {name: self.refs(part) for name, part in tree.items()}
        if kind is slice:
            parts = (tree.start, tree.stop, tree.step)
            return slice(*[self.guard_value(p, int) if type(p) is RecordedArray else p for p in parts])
        if isinstance(tree, tuple):  # a named tuple
            return tuple(map(self.refs, tree))
        if isinstance(tree, np.ndarray):
            refuse_subclass(kind)
            return self.constants.snapshot(np.asarray(tree))
        return tree


def _is_called_by_user():
    """True if the recorded function, or SciPy's under it, made the NumPy call, for an array that it may assign to."""
    frame = sys._getframe(3)
    while frame is not None and (caller := library(frame.f_code.co_filename)) == "numpy":
        frame = frame.f_back
    return frame is not None and caller != "opad"


def _origin():
    """(file, line) in the recorded function itself; ("", 0) for steps of a substitution."""
    return users_line(end=_CALLERS)


__all__ = ["ForeignSymbol", "Guard", "RecordedArray", "Recording", "Ref", "Spec", "Step", "getitem"]
