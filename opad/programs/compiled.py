"""opad.compile: record once, replay as NumPy calls into planned buffers."""

import threading
import traceback
import warnings
from functools import update_wrapper
from itertools import count

import numpy as np
import optree

from opad.errors import OpadError
from opad.programs.generate import Plan, ProgramChanged, Source, writes_out
from opad.programs.optimise import optimise, refs_in
from opad.programs.recorder import RecordedArray, Recording, Ref

MAX_PROGRAMS = 8
_numbers = count()


class Program:
    """One recorded path of a function for one signature of arguments.

    Attributes
    ----------
    source : str, the Python text that is run
    """

    def __init__(self, recording, inputs, outputs, structure):
        steps, guards, outputs = optimise(recording, outputs)
        plan = Plan(steps, outputs, recording.samples)
        source = Source(plan, inputs, guards)
        self.filename = f"<opad program {next(_numbers)}>"
        self.source = source.text
        self.structure = structure
        self.statistics = _statistics(recording, plan, guards)
        self._origins = source.origins
        self._first_line = self.source.count("\n") - len(source.body)
        self._make = source.compile(self.filename)
        self._local = threading.local()

    def __call__(self, leaves):
        local = self._local
        run = getattr(local, "run", None)
        if run is None:  # buffers belong to one thread
            run = local.run = self._make()
        try:
            return run(*leaves)
        except ProgramChanged:
            raise
        except Exception as error:
            origin = self._origin_of(error)
            if origin:
                error.add_note(f"while replaying the compiled step recorded at {origin[0]}:{origin[1]}")
            raise

    def _origin_of(self, error):
        for frame in traceback.extract_tb(error.__traceback__):
            line = frame.lineno - self._first_line
            if frame.filename == self.filename and 0 <= line < len(self._origins):
                return self._origins[line]
        return None


class CompiledFunction:
    """What `opad.compile` returns: call it as the function itself.

    Attributes
    ----------
    source : str, the text of the program that ran last
    """

    def __init__(self, function):
        self.function = function
        self._programs = {}
        self._recordings = 0
        self._last = None
        self._lock = threading.Lock()
        update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        leaves, structure = optree.tree_flatten((args, kwargs) if kwargs else args)
        arrays, key = [], [structure]
        for leaf in leaves:
            kind = type(leaf)
            if kind is np.ndarray:
                key.append((leaf.shape, leaf.dtype))
                arrays.append(leaf)
            elif kind is float or kind is complex:
                key.append(kind)
                arrays.append(leaf)
            elif getattr(leaf, "is_symbolic", False):
                return self.function(*args, **kwargs)  # inside another trace or recording
            elif hasattr(leaf, "__array_function__") or isinstance(leaf, np.generic):
                key.append((kind, leaf.shape, leaf.dtype))
                arrays.append(leaf)
            else:
                key.append((kind, leaf))
        key = tuple(key)
        for program in self._programs.get(key, ()):
            try:
                result = program(arrays)
            except ProgramChanged:
                continue
            self._last = program
            return optree.tree_unflatten(program.structure, result)
        return self._record(key, leaves, structure, args, kwargs)

    def _record(self, key, leaves, structure, args, kwargs):
        """Run the function once, noting its calls, and keep the program for the next time."""
        if len(self._programs.get(key, ())) >= MAX_PROGRAMS:
            warnings.warn(
                f"{self.__name__} took {MAX_PROGRAMS} different paths for arguments of one signature and runs "
                "uncompiled now. Expected few branches on values; use np.where, or compile the parts between them.",
                RuntimeWarning,
                stacklevel=3,
            )
            return self.function(*args, **kwargs)
        recording = Recording()
        inputs = [recording.new(leaf) if _is_dynamic(leaf) else leaf for leaf in leaves]
        tree = optree.tree_unflatten(structure, inputs)
        result = self.function(*(tree[0] if kwargs else tree), **(tree[1] if kwargs else {}))
        outputs, result_structure = optree.tree_flatten(result)
        program = Program(
            recording,
            [leaf.ref for leaf in inputs if type(leaf) is RecordedArray],
            [leaf.ref if type(leaf) is RecordedArray else leaf for leaf in outputs],
            result_structure,
        )
        with self._lock:
            self._recordings += 1
            self._programs.setdefault(key, []).insert(0, program)
            self._last = program
        return optree.tree_unflatten(result_structure, program([leaf for leaf in leaves if _is_dynamic(leaf)]))

    def _require_program(self):
        if self._last is None:
            raise OpadError(f"{self.__name__} has not been called yet; expected one call, which records the program.")
        return self._last

    @property
    def source(self):
        """The Python text of the program that ran last."""
        return self._require_program().source

    def report(self):
        """What the program that ran last does, as text: steps, operations, memory, guards, constants."""
        lines = [f"{self.__name__}: {self._recordings} recording(s)"]
        lines += [f"  {name:<28}{value}" for name, value in self._require_program().statistics.items()]
        return "\n".join(lines)


def compile(function):
    """The straight-line program of a function, recorded at its first call and replayed afterwards.

    Any function on arrays that opad can run on traced arrays may be compiled: a gradient, a Jacobian product, a whole
    optimiser step. Dead and repeated work is removed, temporaries live in buffers that are planned once, and results
    are new arrays. Shapes, dtypes, integers and the values that decided an `if` are guards: when one changes, the
    function is recorded again (at most 8 times, then it runs uncompiled with a warning).

    Arrays that the function closes over are constants of the program; pass as arguments what varies.

    Parameters
    ----------
    function : callable on arrays, floats and nested containers of them

    Returns
    -------
    CompiledFunction, with `.source` and `.report()`

    Examples
    --------
    >>> import numpy as np, opad
    >>> gradient = opad.compile(opad.grad(lambda x: np.sum(np.tanh(x) ** 2)))
    >>> gradient(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.6397])
    >>> print(gradient.source)
    def make(v1, v2, v6, v7):
        def program(p0):
            tanh(p0, v1)
            multiply(c1, v1, v6)
            multiply(v1, v1, v7)
            subtract(c3, v7, v7)
            v9 = multiply(v7, v6)
            return [v9]
        return program
    <BLANKLINE>
    """
    return CompiledFunction(function)


def _is_dynamic(leaf):
    return type(leaf) in (float, complex) or hasattr(leaf, "__array_function__") or isinstance(leaf, np.generic)


def _statistics(recording, plan, guards):
    samples, steps = recording.samples, plan.steps
    constants = {id(a): a for step in steps for a in step.args if isinstance(a, np.ndarray) and a.size > 1}
    return {
        "steps": f"{len(steps)} of {len(recording.steps)} recorded",
        "floating-point operations": f"{sum(_operations(step, samples) for step in steps):.3g}",
        "bytes written": f"{sum(samples[step.out].nbytes for step in steps if writes_out(step, samples)):.3g}",
        "buffers": f"{len(plan.sizes)} pieces, {sum(plan.sizes):,} bytes, for {len(plan.buffers)} values",
        "guards": str(len(guards)),
        "constant arrays": ", ".join(f"{a.dtype}{a.shape}" for a in constants.values()) or "none",
    }


def _operations(step, samples):
    """Multiplications and additions of a step, where they are known."""
    if type(step.out) is tuple:
        return 0
    size = np.size(samples[step.out])
    if step.function is np.matmul:
        first = step.args[0]
        return 2 * size * np.shape(samples[first] if type(first) is Ref else first)[-1]
    if isinstance(step.function, np.ufunc):
        return size
    return sum(np.size(samples[ref]) for ref in refs_in(step.args)) if step.function in (np.sum, np.max) else 0
