"""opad.compile: record once, replay as NumPy calls into planned buffers."""

import gc
import threading
import warnings
from contextlib import contextmanager
from functools import partial, update_wrapper
from operator import attrgetter
from types import MethodType
from weakref import WeakKeyDictionary

import numpy as np
import optree

from opad.errors import OpadError
from opad.programs.calls import BoundCall, Call, is_dynamic, private
from opad.programs.constants import Constants, Watch, global_random_state
from opad.programs.fusion.selection import require_numba
from opad.programs.program import Program, ProgramChanged
from opad.programs.recorder import ForeignSymbol, RecordedArray, Recording
from opad.programs.unpacking import unpacker
from opad.tracing.messages import explain, require_known_leaves
from opad.tracing.objects import without_objects
from opad.tracing.protect import scope

MAX_PROGRAMS = 8
MAX_SIGNATURES = 128
_layout = attrgetter("shape", "dtype")
_is_array = np.ndarray.__instancecheck__


class _Last:
    """What ran last, and what the arguments of the next call must be for it to run again at once."""

    __slots__ = ("has_numbers", "kinds", "layouts", "program", "run", "unpack")

    def __init__(self, program, run, leaves, args, kwargs):
        self.program, self.run = program, run
        self.unpack = None
        if not kwargs:
            if len(args) not in program.unpack:
                program.unpack[len(args)] = unpacker(args)
            self.unpack = program.unpack[len(args)]
        leaves = list(filter(is_dynamic, leaves))
        self.kinds = list(map(type, leaves))
        self.has_numbers = set(self.kinds) != {np.ndarray}
        self.layouts = self.layouts_of(leaves)

    def layouts_of(self, leaves):
        """Shapes and dtypes, which numbers need not be asked for."""
        return list(map(_layout, filter(_is_array, leaves) if self.has_numbers else leaves))


class CompiledFunction:
    """What `opad.compile` returns: call it as the function itself.

    Parameters
    ----------
    function : callable
    contract : bool; the function is linear in the arguments that will not be bound, and may be computed as its matrix
        would be multiplied, which is not the same bit by bit
    donate, fuse, cuda_graph : see `opad.compile`

    Attributes
    ----------
    source : str, the text of the program that ran last
    """

    def __init__(self, function, donate=False, fuse=False, cuda_graph=False, contract=False):
        if fuse:
            require_numba()
        self.function = function
        self.options = {"donate": donate, "fuse": fuse, "cuda_graph": cuda_graph, "contract": contract}
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
                fits = list(map(type, leaves)) == last.kinds and last.layouts_of(leaves) == last.layouts
                if fits and last.program.watch.holds():
                    return optree.tree_unflatten(last.program.structure, last.run(leaves))
            except Exception:  # another structure, a guard that failed, or a step: the long way will tell
                pass
        return self._choose(args, kwargs)

    def __get__(self, instance, owner=None):
        """The method of an object, an argument like any other; what it holds is compared at every call."""
        return self if instance is None else MethodType(self, instance)

    def bind(self, *args, **kwargs):
        """A function of the remaining arguments, as by `functools.partial`, for many calls with the same first ones.

        What depends on the bound arguments and on constants alone is computed once, in the first call, and kept. Later
        calls replay the other steps: those with the remaining arguments, those after an `if` on one of them, and
        functions of which nothing is known. In the terms of a sparse direct solver, recording is the symbolic
        factorisation, binding the numeric one, and a call is a solve. All bound functions share the recordings, and the
        memory of those that were dropped is used again.

        Arrays are copied, so that later changes of them are not seen: bind the changed ones. (Read-only arrays that own
        their memory are not copied.) Guards, donate, fuse and cuda_graph mean for the remaining arguments what they
        mean without binding, and results are the same bit by bit (with fuse, as far as it keeps them).

        Parameters
        ----------
        *args, **kwargs : the first arguments, and arguments by name

        Returns
        -------
        CompiledFunction

        Examples
        --------
        >>> import numpy as np, opad
        >>> f = lambda x: np.tanh(x) * x
        >>> product = opad.compile(lambda x, dx: opad.jvp(f, (x,), (dx,))[1])
        >>> J = product.bind(np.array([0.0, 1.0]))
        >>> J(np.array([1.0, 1.0])).round(4)
        array([0.    , 1.1816])
        >>> print(J.source.split("return")[0])  # doctest: +ELLIPSIS
        def program(p0, v5, v0, v2, v6, v7, v8):
            multiply(v5, p0, v6)  # ...
            multiply(v0, v6, v7)
            multiply(v2, p0, v8)
            v9 = add(v7, v8)
        <BLANKLINE>
        """
        return BoundFunction(self, *private((args, kwargs)))

    def _choose(self, args, kwargs):
        return self._call(Call(args, kwargs), self)

    def _call(self, call, caller):
        """The result of a program that fits, recorded now if there is none; `caller` knows how it is to be run."""
        if any(getattr(leaf, "is_symbolic", False) for leaf in call.leaves):
            return self.function(*call.args, **call.kwargs)  # inside another trace or recording
        key, failure = call.key, None
        for program in self._programs.get(key, ()):
            if not program.watch.holds():
                continue
            try:
                return caller._replay(program, call)
            except ProgramChanged:
                continue
            except Exception as error:  # the function may raise it too, or catch it: let it decide
                failure = program.origin_of(error) or ("", 0)
                self._failures += 1
                break
        try:
            with _garbage_collection_paused():
                return self._record(key, call, caller)
        except Exception as error:
            if failure and failure[0]:
                error.add_note(f"first met while replaying the compiled step recorded at {failure[0]}:{failure[1]}")
            raise

    def _replay(self, program, call):
        """Run all steps of a program."""
        result = program.whole(call.arrays)
        self._last = _Last(program, program.whole, call.leaves, call.args, call.kwargs)
        return optree.tree_unflatten(program.structure, result)

    def _record(self, key, call, caller):
        """Run the function once, noting its calls, and keep the program for the next time."""
        leaves, args, kwargs = call.leaves, call.args, call.kwargs
        if len(self._programs.get(key, ())) >= MAX_PROGRAMS or len(self._programs) >= MAX_SIGNATURES:
            self._warn_of_too_many(key)
            return self.function(*args, **kwargs)
        constants = Constants()
        watch = Watch(self.function, [leaf for leaf in leaves if not is_dynamic(leaf)])
        recording = Recording(constants)
        inputs = [recording.new(leaf) if is_dynamic(leaf) else leaf for leaf in leaves]
        recording.inputs = {leaf.ref for leaf in inputs if type(leaf) is RecordedArray}
        tree = optree.tree_unflatten(call.structure, inputs)
        random_state = global_random_state()
        outer, scope.snapshot = scope.snapshot, constants.snapshot
        try:
            result = self.function(*(tree[0] if kwargs else tree), **(tree[1] if kwargs else {}))
            outputs, result_structure = optree.tree_flatten(result, namespace="opad")
            outputs = [_output(recording, leaf) for leaf in outputs]
        except ForeignSymbol:
            if not recording.foreign:
                raise
            return self.function(*args, **kwargs)  # it closes over a value of another trace or recording
        except (TypeError, ValueError, SystemError) as error:
            explain(error)
            raise
        finally:
            scope.snapshot = outer
        del tree, result
        if not watch.is_complete:
            self._warn(
                "closes over thousands of objects, and changes of the last ones are not seen. Expected few: pass as "
                "arguments what varies."
            )
        self._warn_of_side_effects(watch.settle(), watch.has_drawn or global_random_state() != random_state)
        watch.include(constants.watched())
        refs = [leaf.ref for leaf in inputs if type(leaf) is RecordedArray]
        program = Program(recording, refs, outputs, result_structure, watch, **self.options)
        if recording.failed is not None:  # a call that raised is not among the steps: record again at every call
            return optree.tree_unflatten(result_structure, program.whole(call.arrays))
        with self._lock:
            self._recordings += 1
            kept = [p for p in self._programs.get(key, ()) if p.watch.holds()]
            self._programs[key] = [program, *kept]
        return caller._replay(program, call)

    def _warn_of_too_many(self, key):
        many = f"{MAX_PROGRAMS} different paths for arguments of one signature"
        if len(self._programs.get(key, ())) < MAX_PROGRAMS:
            many = f"{MAX_SIGNATURES} different signatures of arguments"
        self._warn(
            f"took {many} and runs uncompiled now. Expected few branches on values, and few values of integers and "
            "strings among the arguments; use np.where, or compile the parts between the branches.",
            depth=1,
        )

    def _warn_of_side_effects(self, changed, has_drawn):
        if changed or has_drawn:
            what = "draws random numbers" if has_drawn else f"changes {', '.join(changed)}"
            self._warn(
                f"{what} while it is recorded; a replay does neither. Expected a function of its arguments alone: pass "
                "such values as arguments and return them as results.",
                depth=1,
            )

    def _warn(self, text, depth=0):
        """A warning that names the line of the call; `depth` frames are between `_record` and this one."""
        warnings.warn(f"{self.__name__} {text}", RuntimeWarning, stacklevel=6 + depth)

    @property
    def programs(self):
        """All recorded programs."""
        return [program for programs in self._programs.values() for program in programs]

    def _last_call(self):
        if self._last is None:
            raise OpadError(f"{self.__name__} has not been called yet; expected one call, which records the program.")
        return self._last

    @property
    def source(self):
        """The Python text of the program that ran last."""
        return self._last_call().run.code.source

    def report(self):
        """What the program that ran last does, as text: steps, operations, memory, guards, constants."""
        last = self._last_call()
        facts = {
            "steps": f"{len(last.run.code.plan.steps)} of {last.program.recorded} recorded",
            **last.run.code.statistics(),
            "compared before each call": f"{last.program.watch.nbytes:,} bytes of closed-over arrays",
        }
        if self._failures:
            facts["replays that raised"] = self._failures
        lines = [f"{self.__name__}: {len(self.programs)} program(s), {self._recordings} recording(s)"]
        return "\n".join([*lines, *(f"  {name:<28}{value}" for name, value in facts.items())])


class BoundFunction(CompiledFunction):
    """What `bind` of a compiled function returns, whose programs it shares.

    Parameters
    ----------
    compiled : CompiledFunction
    args, kwargs : the arguments that are bound, and do not change
    """

    def __init__(self, compiled, args, kwargs):
        self._compiled = compiled
        self._args, self._kwargs = args, kwargs
        self._last, self._runs = None, WeakKeyDictionary()
        self.__name__ = compiled.__name__

    function = property(lambda self: partial(self._compiled.function, *self._args, **self._kwargs))
    options = property(lambda self: self._compiled.options)
    programs = property(lambda self: list(self._runs))
    _recordings = property(lambda self: self._compiled._recordings)
    _failures = property(lambda self: self._compiled._failures)

    def bind(self, *args, **kwargs):
        """A function of what then remains; see `CompiledFunction.bind`."""
        args, kwargs = private((args, kwargs))
        return BoundFunction(self._compiled, (*self._args, *args), self._kwargs | kwargs)

    def _choose(self, args, kwargs):
        return self._compiled._call(BoundCall((self._args, self._kwargs), (args, kwargs)), self)

    def _replay(self, program, call):
        """Run the steps that what is given decides, after the others if these have not been run."""
        runs = self._runs.setdefault(program, {})
        if call.is_bound not in runs:
            runs[call.is_bound] = program.bind(call.is_bound, call.part(True))
        run, (args, kwargs) = runs[call.is_bound], call.given
        result = run(call.part(False))
        self._last = _Last(program, run, optree.tree_leaves((args, kwargs), namespace="opad"), args, kwargs)
        return optree.tree_unflatten(program.structure, result)


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
        than the NumPy calls that it replaces. Steps that repeat (time steps, say, and their adjoints) become one loop
        over all of them. Arithmetic stays equal to the last bit, and so do sums over one axis of
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
    CompiledFunction, with `.source`, `.report()` and `.bind(*args)` for many calls with the same first arguments.
    Threads may share it; each has buffers of its own.

    Examples
    --------
    >>> import numpy as np, opad
    >>> gradient = opad.compile(opad.grad(lambda x: np.sum(np.tanh(x) * x)))
    >>> gradient(np.array([0.0, 1.0])).round(4)
    array([0.    , 1.1816])
    >>> print(gradient.source.split("return")[0])  # doctest: +ELLIPSIS
    def program(p0, v1, v6, v7, v8):
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


def _output(recording, leaf):
    """A leaf of the result: its Ref, or a constant."""
    leaf = without_objects(leaf)
    require_known_leaves([leaf], "a function returned, while it was recorded,")
    if type(leaf) is RecordedArray:
        if leaf.recording is not recording:
            recording.stop()
        return leaf.ref
    if getattr(leaf, "is_symbolic", False):
        recording.stop()
    return recording.constants.snapshot(leaf) if type(leaf) is np.ndarray else leaf
