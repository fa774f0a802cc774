"""Optional fusion of a program's steps through numba (the extra `fast`): elementwise chains, and numbers.

Steps are gathered into groups, groups that do the same share one compiled kernel, and a kernel is used only where it
has been measured to be faster than the NumPy calls that it replaces.
"""

from collections import Counter
from functools import partial
from time import perf_counter

import numpy as np

from opad.errors import MissingPackageError
from opad.programs.elementwise import iteration_shape
from opad.programs.fused import FusedSteps
from opad.programs.generate import Source
from opad.programs.grouping import gathered
from opad.programs.kernels import Kernel, Scatter
from opad.programs.nests import Nest, NestSteps, gathered_nests
from opad.programs.optimise import live
from opad.programs.plan import Plan
from opad.programs.recorded import Ref
from opad.programs.recorder import Step
from opad.programs.tape import Tape, is_number_step, work_off
from opad.programs.threads import thread_count

MOST_STEPS = 60  # of a kernel; a number that many periods divide, so that repeated parts of a program stay alike
MOST_OPERANDS = 24
MOST_KERNELS = 24  # different ones in a program
MOST_SHAPES = 8
LONG_TAPE = 200  # operations on numbers that take less time on a tape than its call, beyond doubt
REPEATS = 9
LIMIT = 0.8  # of the time of the NumPy calls, up to which a kernel replaces them


def require_numba():
    """Raise if numba is not installed."""
    try:
        import numba  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            f"opad.compile was called with fuse=True, and numba cannot be imported ({error}); expected the package "
            "behind the extra `fast`. Install it by python -m pip install 'opad[fast]', or leave fuse=False."
        ) from error


class Fusion:
    """The steps of a program with groups of them fused.

    Parameters
    ----------
    single : set of Refs, the results of steps that stacking leaves alone; the others are left to stacking

    Attributes
    ----------
    steps : list of Step
    """

    def __init__(self, steps, outputs, guards, specs, single):
        start = perf_counter()
        self.specs = specs
        self._kept = {out for out in outputs if type(out) is Ref} | {guard.ref for guard in guards}
        self._measured = {}
        steps = self._chosen(gathered_nests(steps, single, specs, MOST_STEPS, MOST_OPERANDS, MOST_SHAPES))
        self._sources = {step.out: step.args[0] for step in steps if _broadcasts(step, specs)}
        kinds = {id(step): _shape(step, specs) if single.issuperset(step.outs) else None for step in steps}
        chosen = self._chosen(grouped_by_shape(steps, kinds))
        fused = {id(part) for step in chosen if isinstance(step.function, FusedSteps) for part in step.function.steps}
        if any(shape is not None and key not in fused for key, shape in kinds.items()):  # these stay where they were
            kinds = {key: shape if key in fused else None for key, shape in kinds.items()}
            chosen = self._chosen(grouped_by_shape(steps, kinds))
        self.steps = live(chosen, outputs, guards)
        self._seconds = perf_counter() - start

    def statistics(self):
        """What was fused, in words."""
        calls = [step.function for step in self.steps if isinstance(step.function, FusedSteps)]
        replaced, kinds = sum(len(kernel.steps) for kernel in calls), len({kernel.text for kernel in calls})
        loops = [loop.count for kernel in calls for loop in getattr(kernel, "loops", ())]
        rolled = f", {len(loops)} loops of {sum(loops)} turns" if loops else ""
        return f"{replaced} steps in {len(calls)} calls of {kinds} kernels{rolled}, made in {self._seconds:.2g} s"

    # -- the choice of kernels ----------------------------------------------------------------------------------------

    def _chosen(self, steps):
        """Groups replaced by kernels, or by their own steps where no kernel is faster."""
        used = self._kept.union(*[step.inputs for step in steps])
        kernels, calls = {}, Counter()
        for step in steps:
            kernel = self._kernel(step, used)
            if kernel is not None:
                kernels[id(step)] = kernel
                calls[kernel.text] += len(kernel.steps)
        common = {text for text, _ in calls.most_common(MOST_KERNELS)}
        result = []
        for step in steps:
            kernel = kernels.get(id(step))
            if kernel is not None and kernel.text in common:
                key = kernel.text, self.specs[kernel.outs[0]].shape
                if key not in self._measured:
                    self._measured[key] = self._parts(step, kernel)
                if self._measured[key]:
                    kernel.parts = self._measured[key]
                    result.append(Step(kernel, tuple(kernel.operands), {}, kernel.outs, step.origin))
                    continue
            result += step.function.steps if type(step.function) in (FusedSteps, NestSteps) else [step]
        return result

    def _kernel(self, step, used):
        if type(step.function) is NestSteps:
            return Nest(step.function, self.specs, used)
        if type(step.function) is FusedSteps:
            if not self.specs[step.outs[0]].shape:
                return Tape(step.function.steps, self.specs, used)
            return Kernel(step.function.steps, self.specs, used, self._sources)
        return Scatter(step, self.specs) if Scatter.covers(step, self.specs) else None

    def _parts(self, step, kernel):
        """In how many parts a kernel is fastest; 0 if it is no faster than the NumPy calls that it replaces."""
        if type(kernel) is Tape and len(kernel.steps) >= LONG_TAPE:
            return 1 if work_off() else 0
        choices, threads = [1], thread_count()
        if threads > 1 and isinstance(kernel, Kernel) and kernel.is_divisible(threads):
            choices.append(threads)
        functions = [on_examples(kernel.steps, kernel.outs, self.specs)]
        for kernel.parts in choices:
            fused = Step(kernel, tuple(kernel.operands), {}, kernel.outs, step.origin)
            functions.append(on_examples([fused], kernel.outs, self.specs))
        with np.errstate(all="ignore"):
            plain, whole, *divided = seconds(*functions)
        if divided and divided[0] < LIMIT * min(plain, whole):
            return threads
        return 1 if whole < LIMIT * plain else 0


def grouped_by_shape(steps, kinds):
    """The steps with those of equal shape gathered, the most frequent shape first."""
    for shape, _ in Counter(shape for shape in kinds.values() if shape is not None).most_common(MOST_SHAPES):
        fits = {key for key, kind in kinds.items() if kind == shape}
        steps = gathered(steps, fits, *((MOST_STEPS, MOST_OPERANDS) if shape else ()))
    return steps


def _shape(step, specs):
    """The shape over which a step loops, () for numbers; None for other steps."""
    return () if is_number_step(step, specs) else iteration_shape(step, specs)


def _broadcasts(step, specs):
    return step.function is np.broadcast_to and type(step.args[0]) is Ref and specs[step.args[0]].is_ndarray


def on_examples(steps, outs, specs):
    """Steps as a function without arguments, to be measured."""
    inputs = list(dict.fromkeys(ref for step in steps for ref in step.inputs))
    produced = {out for step in steps for out in step.outs}
    inputs = [ref for ref in inputs if ref not in produced]
    source = Source(Plan(steps, outs, specs, donate=False), inputs, [])
    smallest = min(min(specs[ref].shape, default=1) for ref in (*inputs, *outs))
    return partial(source.compile("<opad measurement>")(), *[_example(specs[ref], smallest) for ref in inputs])


def _example(spec, smallest):
    """A value of a kind: numbers near one, positions that exist along every axis."""
    if spec.type is float:
        return 0.75
    if spec.dtype.kind == "f":
        values = np.linspace(0.5, 1.5, spec.size, dtype=spec.dtype).reshape(spec.shape)
        return values if spec.is_ndarray else values[()]
    values = (np.arange(spec.size) % smallest).astype(spec.dtype).reshape(spec.shape)
    return values if spec.is_ndarray else values[()]


def seconds(*functions):
    """Times of one call of each, the smallest of several; they take turns, so that all see the same machine."""
    calls = []
    for function in functions:
        function()
        calls.append(max(1, int(1e-4 / _mean_seconds(function, 1))))
    rounds = [list(map(_mean_seconds, functions, calls)) for _ in range(REPEATS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def _mean_seconds(function, calls):
    start = perf_counter()
    for _ in range(calls):
        function()
    return (perf_counter() - start) / calls
