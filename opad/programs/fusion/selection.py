"""Which steps of a program are fused: groups that do the same share a compiled kernel, where that has proved faster."""

from collections import Counter
from time import perf_counter

import numpy as np

from opad.errors import MissingPackageError
from opad.programs.functions import needed_after
from opad.programs.fusion.elementwise import iteration_shape, read_elsewhere
from opad.programs.fusion.kernels import ElementwiseKernel, Kernel, Scatter
from opad.programs.fusion.measure import LIMIT, on_examples, seconds
from opad.programs.fusion.nests import Nest, NestGroup, gathered_nests
from opad.programs.fusion.tape import Tape, is_number_step, work_off
from opad.programs.fusion.threads import thread_count
from opad.programs.grouping import gathered
from opad.programs.groups import StepGroup
from opad.programs.optimise import live
from opad.programs.recorded import Ref
from opad.programs.recorder import Step

MOST_STEPS = 60  # of a kernel; a number that many periods divide, so that repeated parts of a program stay alike
MOST_OPERANDS = 24
MOST_KERNELS = 24  # different ones in a program
MOST_SHAPES = 8
LONG_TAPE = 200  # operations on numbers that take less time on a tape than its call, beyond doubt


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
        self._kept = needed_after(outputs, guards)
        self._measured = {}
        steps = self._chosen(gathered_nests(steps, single, specs, MOST_STEPS, MOST_OPERANDS, MOST_SHAPES))
        self._sources = {step.out: step.args[0] for step in steps if _broadcasts(step, specs)}
        kinds = {id(step): _shape(step, specs) if single.issuperset(step.outs) else None for step in steps}
        chosen = self._chosen(grouped_by_shape(steps, kinds))
        fused = {id(part) for step in chosen if isinstance(step.function, StepGroup) for part in step.function.steps}
        if any(shape is not None and key not in fused for key, shape in kinds.items()):  # these stay where they were
            kinds = {key: shape if key in fused else None for key, shape in kinds.items()}
            chosen = self._chosen(grouped_by_shape(steps, kinds))
        self.steps = live(chosen, outputs, guards)
        self._seconds = perf_counter() - start

    def statistics(self):
        """What was fused, in words."""
        calls = [step.function for step in self.steps if isinstance(step.function, StepGroup)]
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
            result += step.function.steps if type(step.function) in (StepGroup, NestGroup) else [step]
        return result

    def _kernel(self, step, used):
        if type(step.function) is NestGroup:
            return Nest(step.function, self.specs, used)
        if type(step.function) is StepGroup:
            if not self.specs[step.outs[0]].shape:
                return Tape(step.function.steps, self.specs, used)
            return ElementwiseKernel(step.function.steps, self.specs, used, self._sources)
        return Scatter(step, self.specs) if Scatter.covers(step, self.specs) else None

    def _parts(self, step, kernel):
        """In how many parts a kernel is fastest; 0 if it is no faster than the NumPy calls that it replaces."""
        if type(kernel) is Tape and len(kernel.steps) >= LONG_TAPE:
            return 1 if work_off() else 0
        choices, threads = [1], thread_count()
        if threads > 1 and isinstance(kernel, Kernel) and kernel.is_divisible(threads):
            choices.append(threads)
        functions = [on_examples(kernel.steps, kernel.outs, self.specs)]
        for parts in choices:
            kernel.parts = parts
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
        steps = gathered(steps, fits, *((MOST_STEPS, MOST_OPERANDS) if shape else ()), reads=read_elsewhere)
    return steps


def _shape(step, specs):
    """The shape over which a step loops, () for numbers; None for other steps."""
    return () if is_number_step(step, specs) else iteration_shape(step, specs)


def _broadcasts(step, specs):
    return step.function is np.broadcast_to and type(step.args[0]) is Ref and specs[step.args[0]].is_ndarray
