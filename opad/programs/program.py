"""One recorded path of a function, ready to run."""

import threading
import traceback
from itertools import count

import numpy as np

from opad.programs.accumulation import accumulate
from opad.programs.fused import FusedSteps
from opad.programs.fusion import Fusion
from opad.programs.generate import ProgramChanged, Source
from opad.programs.graphs import CapturedRun, require_no_guards
from opad.programs.layouts import with_long_loops
from opad.programs.optimise import optimise
from opad.programs.plan import Plan, is_matrix_product, written
from opad.programs.python_numbers import NotFinite, with_python_numbers
from opad.programs.recorded import Ref
from opad.programs.stacking import stack_small_steps

_numbers = count()


class Program:
    """One recorded path of a function for one signature of arguments.

    Attributes
    ----------
    source : str, the Python text that is run
    fusion : Fusion, or None
    structure : optree structure of the result
    watch : Watch, what the program relies on besides its arguments
    unpack : function from the arguments to their leaves, where they are nothing but arrays
    """

    def __init__(self, recording, inputs, outputs, structure, watch, donate=False, fuse=False, cuda_graph=False):
        steps, guards, outputs = optimise(recording, outputs)
        specs, self.fusion = recording.specs, None
        steps = numpys = with_long_loops(steps, outputs, guards, specs)
        if fuse:
            stacked, _ = stack_small_steps(steps, outputs, guards, specs, donate)
            self.fusion = Fusion(steps, outputs, guards, specs, {ref for step in stacked for ref in step.outs})
            steps = self.fusion.steps
        else:
            steps = with_python_numbers(steps, outputs, guards, specs)
        is_numpys = fuse or steps is numpys
        steps = accumulate(steps, outputs, guards, specs)
        steps, stacks = stack_small_steps(steps, outputs, guards, specs, donate)
        self.structure = structure
        self.watch = watch
        self.unpack = None
        self.cuda_graph = cuda_graph
        self._write(Plan(steps, outputs, specs, donate, stacks), len(recording.steps), inputs, guards)
        self._alternative = None
        if not is_numpys:
            self._alternative = lambda: self._write(
                Plan(numpys, outputs, specs, donate), len(recording.steps), inputs, guards
            )

    def _write(self, plan, recorded, inputs, guards):
        source = Source(plan, inputs, guards)
        self.filename = f"<opad program {next(_numbers)}>"
        self.source = source.text
        self.facts = (recorded, plan, guards)
        self._origins = source.origins
        self._make = make = source.compile(self.filename)
        if self.cuda_graph:
            require_no_guards(guards)
            self._make = lambda: CapturedRun(make())
        self._local = threading.local()

    def __call__(self, leaves):
        """The result's leaves; raises ProgramChanged if a guard fails."""
        local = self._local
        run = local.__dict__.pop("run", None)  # buffers belong to one call of one thread at a time
        if run is None:
            run = self._make()
        try:
            return run(*leaves)
        except (NotFinite, ZeroDivisionError):
            if self._alternative is None:
                raise
        finally:
            local.run = run
        self._alternative()  # from now on NumPy's numbers, which warn
        self._alternative = None
        return self(leaves)

    def origin_of(self, error):
        """The user's (file, line) of the step that raised, or None."""
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == self.filename and frame.lineno <= len(self._origins):
                return self._origins[frame.lineno - 1]
        return None

    def statistics(self):
        """Steps, operations, memory, guards and constants, by name."""
        recorded, plan, guards = self.facts
        specs, steps = plan.specs, plan.steps
        constants = {id(a): a for step in steps for a in step.args if isinstance(a, np.ndarray) and a.size > 1}
        outs = [specs[ref] for step in steps for ref in written(step, specs)]
        fused = {"fused": self.fusion.statistics()} if self.fusion else {}
        return {
            "steps": f"{len(steps)} of {recorded} recorded",
            **fused,
            "floating-point operations": f"{sum(_operations(step, specs) for step in steps):.4g}",
            "bytes written": f"{sum(spec.nbytes for spec in outs):.4g}",
            "buffers": f"{len(plan.sizes)} pieces, {plan.nbytes:,} bytes, for {len(plan.held)} values",
            "guards": ", ".join(f"{g.kind} {g.expected}" for g in guards if g.kind != "spec") or "none on values",
            "guards on shapes": str(sum(g.kind == "spec" for g in guards)),
            "constant arrays": ", ".join(f"{a.dtype}{a.shape}" for a in constants.values()) or "none",
            "compared before each call": f"{self.watch.nbytes:,} bytes of closed-over arrays",
        }


def _operations(step, specs):
    """Multiplications and additions of a step, where they are known."""
    if isinstance(step.function, FusedSteps):
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


__all__ = ["Program", "ProgramChanged"]
