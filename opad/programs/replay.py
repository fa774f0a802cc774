"""Steps as a function that runs: their text, and memory for each thread."""

import threading
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np

from opad.programs.accumulation import accumulate
from opad.programs.fusion.rolling import rolled
from opad.programs.fusion.selection import Fusion
from opad.programs.generate import Source
from opad.programs.graphs import CapturedRun, require_no_guards
from opad.programs.groups import StepGroup
from opad.programs.plan import Plan, is_matrix_product, written
from opad.programs.python_numbers import NotFinite, with_python_numbers
from opad.programs.recorded import Ref
from opad.programs.stacking import stack_small_steps

_numbers = count()


@dataclass(frozen=True)
class Segment:
    """Consecutive steps, from what they are given to what they compute.

    Attributes
    ----------
    steps : list of Step
    guards : list of Guard, on what they are given or compute
    inputs : list of Refs, the arguments of every call
    known : list of Refs of values that are given once, before the first call
    outputs : list of Refs and plain values
    specs : list of Spec, one per Ref
    is_bound : bool; the outputs are for other steps to read: no copies of views and arguments are made
    """

    steps: list
    guards: list
    inputs: list
    known: list
    outputs: list
    specs: list
    is_bound: bool = False


class Code:
    """The text of a segment, from which functions with memory of their own are made.

    Attributes
    ----------
    source : str, the text
    plan : Plan
    fusion : Fusion, or None
    """

    def __init__(self, segment, donate=False, fuse=False, cuda_graph=False, is_plain=False):
        steps, guards, outputs = segment.steps, segment.guards, segment.outputs
        specs = list(segment.specs)  # stacks are added
        self.fusion, stacks, numpys = None, None, steps
        if fuse:
            steps = rolled(steps, outputs, guards, specs)
            stacked, _ = stack_small_steps(steps, outputs, guards, specs, donate)
            self.fusion = Fusion(steps, outputs, guards, specs, {ref for step in stacked for ref in step.outs})
            steps = self.fusion.steps
        elif not is_plain:
            steps = with_python_numbers(steps, outputs, guards, specs)
        self._has_python_numbers = not fuse and steps is not numpys
        if not is_plain:
            steps = accumulate(steps, outputs, guards, specs)
            steps, stacks = stack_small_steps(steps, outputs, guards, specs, donate)
        self._segment, self._donate, self._cuda_graph = segment, donate, cuda_graph and bool(segment.inputs)
        if self._cuda_graph:
            require_no_guards(guards)
        self.plan = Plan(steps, outputs, specs, donate, stacks)
        source = Source(self.plan, segment.inputs, guards, segment.known, segment.is_bound)
        self.source, self._origins = source.text, source.origins
        self._filename = f"<opad program {next(_numbers)}>"
        self._make = source.compile(self._filename)

    def make(self, known=()):
        """A function from the arguments to the list of outputs."""
        run = self._make(*known)
        if self._cuda_graph:
            return CapturedRun(run)
        return Donor(run) if self._donate and not self._segment.is_bound else run

    @cached_property
    def alternative(self):
        """The same with NumPy's numbers, which warn, in place of Python's; None where there are none of these."""
        return Code(self._segment, self._donate, is_plain=True) if self._has_python_numbers else None

    def origin_of(self, frame):
        """The user's (file, line) of the step that a frame of a traceback was in, or None."""
        for code in (self, self.__dict__.get("alternative")):
            if code is not None and frame.filename == code._filename and frame.lineno <= len(code._origins):
                return code._origins[frame.lineno - 1]
        return None

    def statistics(self):
        """Steps, operations, memory and constants, by name."""
        plan, specs, steps = self.plan, self.plan.specs, self.plan.steps
        constants = {id(a): a for step in steps for a in step.args if isinstance(a, np.ndarray) and a.size > 1}
        outs = [specs[ref] for step in steps for ref in written(step, specs)]
        guards, known = self._segment.guards, self._segment.known
        bound = f"{len(known)} values, {sum(specs[ref].nbytes for ref in known):,} bytes"
        return {
            **({"bound": bound} if known else {}),
            **({"fused": self.fusion.statistics()} if self.fusion else {}),
            "floating-point operations": f"{sum(_operations(step, specs) for step in steps):.4g}",
            "bytes written": f"{sum(spec.nbytes for spec in outs):.4g}",
            "buffers": f"{len(plan.sizes)} pieces, {plan.nbytes:,} bytes, for {len(plan.held)} values",
            "guards": ", ".join(f"{g.kind} {g.expected}" for g in guards if g.kind != "spec") or "none on values",
            "guards on shapes": str(sum(g.kind == "spec" for g in guards)),
            "constant arrays": ", ".join(f"{a.dtype}{a.shape}" for a in constants.values()) or "none",
        }


class Donor:
    """A function whose results are its own buffers, and which copies arguments that lie in them before it writes there.

    Parameters
    ----------
    run : function from the arguments to the list of outputs
    """

    def __init__(self, run):
        self._run = run
        self._buffers = {}

    def __call__(self, *leaves):
        if self._buffers:
            leaves = [leaf.copy() if id(owner(leaf)) in self._buffers else leaf for leaf in leaves]
        outputs = self._run(*leaves)
        if not self._buffers:
            given = set(map(id, map(owner, leaves)))
            owners = [owner(out) for out in outputs if hasattr(out, "base")]
            self._buffers = {id(array): array for array in owners if id(array) not in given}
        return outputs


def owner(array):
    """The array that the memory of an array belongs to."""
    base = getattr(array, "base", None)
    return array if base is None else base


class Run:
    """A segment that is run, in each thread with memory of its own.

    Parameters
    ----------
    code : Code
    known : values of `code`'s known Refs
    """

    def __init__(self, code, known=()):
        self._known = known
        self._current = code, threading.local()  # one attribute: other threads see both change or neither

    @property
    def code(self):
        return self._current[0]

    def __call__(self, leaves):
        """The outputs; raises ProgramChanged if a guard fails."""
        code, local = self._current
        run = local.__dict__.pop("run", None)  # buffers belong to one call of one thread at a time
        if run is None:
            run = code.make(self._known)
        try:
            return run(*leaves)
        except (NotFinite, ZeroDivisionError):
            if code.alternative is None:
                raise
        finally:
            local.run = run
        self._current = code.alternative, threading.local()  # from now on
        return self(leaves)


def _operations(step, specs):
    """Multiplications and additions of a step, where they are known."""
    if isinstance(step.function, StepGroup):
        return sum(_operations(part, specs) for part in step.function.steps)
    size = sum(specs[ref].size for ref in step.outs)
    if is_matrix_product(step, specs) or step.function is np.matmul:
        first = step.args[0]
        shape = specs[first].shape if type(first) is Ref else np.shape(first)
        return 2 * size * (shape[-1] if shape else 1)
    if isinstance(step.function, np.ufunc):
        return size
    if step.function in (np.sum, np.max, np.min, np.prod):
        return sum(specs[ref].size for ref in step.inputs)
    return 0
