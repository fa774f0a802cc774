"""opad.compile: record once, replay as NumPy calls into planned buffers."""

import gc
import threading
import warnings
from contextlib import contextmanager
from functools import update_wrapper
from operator import attrgetter

import numpy as np
import optree

from opad.errors import OpadError
from opad.programs.constants import Constants, Watch, global_random_state
from opad.programs.fusion import require_numba
from opad.programs.program import Program, ProgramChanged
from opad.programs.recorder import ForeignSymbol, RecordedArray, Recording
from opad.programs.unpacking import unpacker
from opad.tracing.protect import scope

MAX_PROGRAMS = 8
MAX_SIGNATURES = 128
_layout = attrgetter("shape", "dtype")
_ARRAYS = {np.ndarray}


class _Last:
    """The program that ran last, and what the arguments of the next call must be for it to run again at once."""

    __slots__ = ("layouts", "program", "unpack")

    def __init__(self, program, leaves, args, kwargs):
        self.program = program
        self.unpack = None if kwargs else program.unpack
        if self.unpack is None and not kwargs:
            self.unpack = program.unpack = unpacker(args)
        self.layouts = self.unpack and list(map(_layout, leaves))


class CompiledFunction:
    """What `opad.compile` returns: call it as the function itself.

    Attributes
    ----------
    source : str, the text of the program that ran last
    """

    def __init__(self, function, donate=False, fuse=False, cuda_graph=False):
        if fuse:
            require_numba()
        self.function = function
        self.options = {"donate": donate, "fuse": fuse, "cuda_graph": cuda_graph}
        self._programs = {}
        self._recordings = 0
        self._last = None
        self._failures = 0
        self._lock = threading.RLock()
        self.__name__ = "function"  # of callables without a name
        update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        last = self._last
        if last is not None and not kwargs and last.unpack is not None:
            try:
                leaves = last.unpack(args)
                fits = set(map(type, leaves)) <= _ARRAYS and list(map(_layout, leaves)) == last.layouts
                if fits and last.program.watch.holds():
                    return optree.tree_unflatten(last.program.structure, last.program(leaves))
            except Exception:  # another structure, a guard that failed, or a step: the long way will tell
                pass
        leaves, structure = optree.tree_flatten((args, kwargs) if kwargs else args)
        return self._choose(leaves, structure, args, kwargs)

    def _choose(self, leaves, structure, args, kwargs):
        """Run a program that fits, or record one."""
        if any(getattr(leaf, "is_symbolic", False) for leaf in leaves):
            return self.function(*args, **kwargs)  # inside another trace or recording
        arrays = [leaf for leaf in leaves if is_dynamic(leaf)]
        key = (structure, *map(_signature, leaves))
        programs, failure = self._programs.get(key, ()), None
        for program in programs:
            if not program.watch.holds():
                continue
            try:
                result = program(arrays)
            except ProgramChanged:
                continue
            except Exception as error:  # the function may raise it too, or catch it: let it decide
                failure = program.origin_of(error) or ("", 0)
                self._failures += 1
                break
            self._last = _Last(program, leaves, args, kwargs)
            return optree.tree_unflatten(program.structure, result)
        try:
            with _garbage_collection_paused():
                return self._record(key, leaves, structure, args, kwargs)
        except Exception as error:
            if failure and failure[0]:
                error.add_note(f"first met while replaying the compiled step recorded at {failure[0]}:{failure[1]}")
            raise

    def _record(self, key, leaves, structure, args, kwargs):
        """Run the function once, noting its calls, and keep the program for the next time."""
        if len(self._programs.get(key, ())) >= MAX_PROGRAMS or len(self._programs) >= MAX_SIGNATURES:
            self._warn_of_too_many(key)
            return self.function(*args, **kwargs)
        constants = Constants()
        watch = Watch(self.function, [leaf for leaf in leaves if not is_dynamic(leaf)])
        recording = Recording(constants)
        inputs = [recording.new(leaf) if is_dynamic(leaf) else leaf for leaf in leaves]
        recording.inputs = {leaf.ref for leaf in inputs if type(leaf) is RecordedArray}
        tree = optree.tree_unflatten(structure, inputs)
        random_state = global_random_state()
        outer, scope.snapshot = scope.snapshot, constants.snapshot
        try:
            result = self.function(*(tree[0] if kwargs else tree), **(tree[1] if kwargs else {}))
            outputs, result_structure = optree.tree_flatten(result)
            outputs = [_output(recording, leaf) for leaf in outputs]
        except ForeignSymbol:
            if not recording.foreign:
                raise
            return self.function(*args, **kwargs)  # it closes over a value of another trace or recording
        finally:
            scope.snapshot = outer
        del tree, result
        self._warn_of_side_effects(watch.settle(), watch.has_drawn or global_random_state() != random_state)
        watch.include(constants.watched())
        refs = [leaf.ref for leaf in inputs if type(leaf) is RecordedArray]
        program = Program(recording, refs, outputs, result_structure, watch, **self.options)
        if recording.failed is None:  # a call that raised is not among the steps: record again at every call
            with self._lock:
                self._recordings += 1
                kept = [p for p in self._programs.get(key, ()) if p.watch.holds()]
                self._programs[key] = [program, *kept]
            self._last = _Last(program, leaves, args, kwargs)
        return optree.tree_unflatten(result_structure, program([leaf for leaf in leaves if is_dynamic(leaf)]))

    def _warn_of_too_many(self, key):
        many = f"{MAX_PROGRAMS} different paths for arguments of one signature"
        if len(self._programs.get(key, ())) < MAX_PROGRAMS:
            many = f"{MAX_SIGNATURES} different signatures of arguments"
        warnings.warn(
            f"{self.__name__} took {many} and runs uncompiled now. Expected few branches on values, and few values of "
            "integers and strings among the arguments; use np.where, or compile the parts between the branches.",
            RuntimeWarning,
            stacklevel=5,
        )

    def _warn_of_side_effects(self, changed, has_drawn):
        if changed or has_drawn:
            what = "draws random numbers" if has_drawn else f"changes {', '.join(changed)}"
            warnings.warn(
                f"{self.__name__} {what} while it is recorded; a replay does neither. Expected a function of its "
                "arguments alone: pass such values as arguments and return them as results.",
                RuntimeWarning,
                stacklevel=5,
            )

    @property
    def programs(self):
        """All recorded programs."""
        return [program for programs in self._programs.values() for program in programs]

    def _last_program(self):
        if self._last is None:
            raise OpadError(f"{self.__name__} has not been called yet; expected one call, which records the program.")
        return self._last.program

    @property
    def source(self):
        """The Python text of the program that ran last."""
        return self._last_program().source

    def report(self):
        """What the program that ran last does, as text: steps, operations, memory, guards, constants."""
        lines = [f"{self.__name__}: {len(self.programs)} program(s), {self._recordings} recording(s)"]
        lines += [f"  {name:<28}{value}" for name, value in self._last_program().statistics().items()]
        if self._failures:
            lines.append(f"  {'replays that raised':<28}{self._failures}")
        return "\n".join(lines)


def compile(function, donate=False, fuse=False, cuda_graph=False):
    """The straight-line program of a function, recorded at its first call and replayed afterwards.

    Any function on arrays that opad can run on traced arrays may be compiled: a gradient, a Jacobian product, a whole
    optimiser step. Dead and repeated work is removed, temporaries live in buffers that are planned once, and results
    are new arrays. Shapes, dtypes, integers, strings and the values that decided an `if` are guards: when one changes,
    the function is recorded again (at most 8 times, then it runs uncompiled with a warning).

    Arrays and numbers that the function closes over belong to the program. They are compared with what they were before
    every call, and when one has changed the function is recorded again; pass as arguments what varies. (Read-only
    arrays that own their memory are not compared.) Side effects of the function happen only while it is recorded.

    Parameters
    ----------
    function : callable on arrays, floats and nested containers of them
    donate : bool
        Results are buffers of the program, and the next call in the same thread overwrites them. Without it they are
        the caller's; only memory of large earlier results that nobody refers to any more is used again.
    fuse : bool
        Chains of elementwise steps, with the sums and extrema over axes among them, become loops that numba compiles,
        and long runs of operations on numbers a table that one loop works off, wherever a loop is measured to be faster
        than the NumPy calls that it replaces. Arithmetic stays equal to the last bit, and so do sums over one axis of
        arrays in C order, which are added in the order of NumPy. Others are equal to 1e-14 of the sum of the absolute
        values; exp, sin and the like may differ in the last bits, and an extremum that is zero may have the other sign.
        Floating-point errors (division by zero, overflow) are neither warned of nor raised in such loops, but those of
        Python's numbers. The first call takes longer, a tenth of a second for each different loop and more for long
        ones. Needs numba: pip install 'opad[fast]'.
    cuda_graph : bool
        For arrays of CuPy: the steps are captured at the first call as one CUDA graph, which later calls launch, so
        that small arrays do not wait for Python. The program must not look at values (no `if` on them).

    Returns
    -------
    CompiledFunction, with `.source` and `.report()`. Threads may share it; each has buffers of its own.

    Examples
    --------
    >>> import numpy as np, opad
    >>> gradient = opad.compile(opad.grad(lambda x: np.sum(np.tanh(x) * x)))
    >>> gradient(np.array([0.0, 1.0])).round(4)
    array([0.    , 1.1816])
    >>> print(gradient.source.split("return")[0])  # doctest: +ELLIPSIS
    def make(v1, v6, v7, v8):
        def program(p0):
            tanh(p0, v1)  # ...
            multiply(v1, v1, v6)
            subtract(c2, v6, v7)
            multiply(v7, p0, v8)
            v9 = add(v1, v8)
    <BLANKLINE>
    """
    return CompiledFunction(function, donate, fuse, cuda_graph)


@contextmanager
def _garbage_collection_paused():
    """A recording makes many objects that all live on; looking for garbage among them takes a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def is_dynamic(leaf):
    """True for what varies from call to call: arrays and floating-point numbers; others are part of the signature."""
    return type(leaf) in (float, complex) or hasattr(leaf, "__array_function__") or isinstance(leaf, np.generic)


def _signature(leaf):
    kind = type(leaf)
    if kind is float or kind is complex:
        return kind
    if is_dynamic(leaf):
        return kind, leaf.shape, leaf.dtype
    try:
        hash(leaf)
    except TypeError:
        return kind, id(leaf), _Kept(leaf)
    return kind, leaf


class _Kept:
    """Keeps an unhashable argument alive as part of a signature, so that its id stays its own."""

    def __init__(self, thing):
        self.thing = thing

    def __eq__(self, other):
        return self.thing is other.thing

    def __hash__(self):
        return id(self.thing)


def _output(recording, leaf):
    """A leaf of the result: its Ref, or a constant."""
    if type(leaf) is RecordedArray:
        if leaf.recording is not recording:
            recording.stop()
        return leaf.ref
    if getattr(leaf, "is_symbolic", False):
        recording.stop()
    return recording.constants.snapshot(leaf) if type(leaf) is np.ndarray else leaf
