"""Loop re-rolling: parts of a program that repeat, written as the loops that they were before they were recorded.

A recording of 500 time steps is 500 copies of one. Such runs are found (`periods`), described by how their operands
change from turn to turn (`loops`), and compiled (`native`). Values of all turns that are needed later, in the loop of
the adjoint say, which runs backwards over them, lie in one array, a stack.
"""

from bisect import bisect_right
from math import prod

import numpy as np

from opad.programs.functions import needed_after
from opad.programs.fusion.elementwise import iteration_shape
from opad.programs.fusion.loops import Loop
from opad.programs.fusion.measure import LIMIT, on_examples, seconds
from opad.programs.fusion.native import Native
from opad.programs.fusion.periods import FEWEST, Run, runs
from opad.programs.fusion.sequence import Sequence
from opad.programs.fusion.tape import is_number_step
from opad.programs.fusion.threads import SMALLEST
from opad.programs.grouping import gathered
from opad.programs.optimise import live
from opad.programs.recorded import Ref, getitem, item
from opad.programs.recorder import Step

FEWEST_STEPS = 64  # in a run; the calls of fewer take less time than the compilation of a loop is worth
MOST_NUMBERS = 300  # operations on numbers that are compiled with the loops that they stand between
_MEASURED = 16  # turns


def rolled(steps, outputs, guards, specs):
    """The steps of a program with runs of equal periods as loops."""
    sequence = Sequence(steps, specs, lambda step: _fits(step, specs))
    if max((stop - start for start, stop in sequence.groups), default=0) < FEWEST_STEPS:
        return steps
    codes, columns = sequence.numbers()
    found = [run for group in sequence.groups for run in _runs_of(group, codes, columns)]
    while True:
        loops = _loops(found, sequence, columns)
        if not loops:
            return steps
        program, loops = _with_loops(sequence, loops, outputs, guards)
        slow = [loop for loop in loops if not _is_faster(loop, specs)]
        if not slow:
            return _compiled(program, outputs, guards, specs)
        slow = {loop.found for loop in slow}
        found = [run for run in found if run not in slow]


def _fits(step, specs):
    if is_number_step(step, specs):
        return True
    shape = iteration_shape(step, specs)
    return shape is not None and prod(shape) < SMALLEST


def _runs_of(group, codes, columns):
    start, stop = group
    found = runs(codes[start:stop], columns[start:stop], start)
    return [Run(run.start + start, run.end + start, run.period, run.regular + start) for run in found]


def _loops(found, sequence, columns):
    """The runs as loops, as far as they can be."""
    loops = []
    for run in found:
        loop = Loop(run, sequence, columns, loops)
        cut = loop.cuts()
        if cut:  # begin where the first loop over elements is complete, if that leaves fewer of them
            start = loop.start + cut[0]
            other = Loop(Run(start, run.end, run.period, max(run.regular, start)), sequence, columns, loops)
            other.found = run
            loop = other if len(other.cuts()) < len(cut) else loop
        if loop.count >= FEWEST and len(loop.steps) >= FEWEST_STEPS:
            loops.append(loop)
    return loops


def _with_loops(sequence, loops, outputs, guards):
    """(steps, loops): the program with loops in place of their steps, and those loops of which something is needed."""
    starts = [loop.start for loop in loops]

    def loop_of(ref):
        place = sequence.position.get(ref, -1)
        k = bisect_right(starts, place) - 1
        return loops[k] if k >= 0 and place < loops[k].stop else None

    steps = live(_with_one_step_per_loop(sequence, loop_of), outputs, guards)
    loops = [step.function for step in steps if type(step.function) is Loop]
    needed = [out for out in outputs if type(out) is Ref] + [guard.ref for guard in guards]
    for step in steps:
        needed += step.function.fixed() if type(step.function) is Loop else step.inputs
    for ref in needed:
        loop = loop_of(ref)
        if loop is not None:
            turn, position = divmod(sequence.position[ref] - loop.start, loop.period)
            loop.kept[ref] = position, turn
    for loop in loops:
        for operand in loop.members():
            operand.loop.read.add(operand.position)
    return [written for step in steps for written in _written(step)], loops


def _with_one_step_per_loop(sequence, loop_of):
    """The program with one step for each loop, whose results are those of all its steps."""
    steps = []
    for step in sequence.program:
        running, waiting = None, []  # slices of what a loop computes, which stand after it
        for part in sequence.parts(step) or [step]:
            loop = loop_of(part.out) if type(part.out) is Ref else None
            if loop is None:
                (steps if running is None else waiting).append(part)
                continue
            running = loop
            if sequence.position[part.out] == loop.stop - 1:
                outs = tuple([part.out for part in loop.steps])
                steps += [Step(loop, tuple(loop.reads()), {}, outs, part.origin), *waiting]
                running, waiting = None, []
    return steps


def _written(step):
    """A step as it is; that of a loop with its arguments and stacks, and the steps that take values out of these."""
    loop = step.function
    if type(loop) is not Loop:
        return [step]
    loop.find_stacks()
    loop.write_body()
    numbers = [ref for ref, _ in loop.last()]
    written = Step(loop, tuple(loop.arguments()), {}, (*loop.stacks.values(), *numbers), step.origin)
    return [written, *[_element(loop, ref, step.origin) for ref in loop.kept if ref not in numbers]]


def _element(loop, ref, origin):
    """The step that takes a value out of a stack."""
    position, turn = loop.kept[ref]
    stack, place, spec = loop.stacks[position], loop.place(position, turn), loop.specs[ref]
    if spec.type in (float, bool):
        return Step(item, (stack, place), {}, ref, origin)
    return Step(getitem, (stack, (place, ...) if spec.is_ndarray and not spec.shape else (place,)), {}, ref, origin)


def _is_faster(loop, specs):
    """Whether a loop over some turns is faster than the NumPy calls; on numbers it is, beyond doubt."""
    if all(map(loop.is_number, range(loop.period))):
        return True
    outs = tuple(loop.stacks.values())
    step = Step(loop, tuple(loop.arguments()), {}, outs, None)
    native = Native([step], specs, (), turns=_MEASURED)
    steps = loop.steps[: loop.period * min(loop.count, _MEASURED)]
    kept = [loop.step(position, turn).out for position in loop.stacks for turn in range(min(loop.count, _MEASURED))]
    plain = on_examples(steps, kept, specs)
    fused = on_examples([Step(native, tuple(native.operands), {}, native.outs, None)], native.outs, specs)
    with np.errstate(all="ignore"):
        plain, fused = seconds(plain, fused)
    return fused < LIMIT * plain


def _compiled(steps, outputs, guards, specs):
    """The program with loops, and what is computed of numbers around them, as compiled functions."""
    stacks = {out for step in steps if type(step.function) is Loop for out in step.outs}
    members = {id(step) for step in steps if _is_native(step, specs, stacks)}
    groups = gathered(steps, members)
    used = needed_after(outputs, guards)
    used = used.union(*[step.inputs for step in groups])
    result = []
    for step in groups:
        parts = Sequence.parts(step) or [step]
        loops = [part for part in parts if type(part.function) is Loop]
        if len(parts) - len(loops) > MOST_NUMBERS:
            used.update(ref for part in parts for ref in part.inputs)
            natives = [[part] for part in parts]
        else:
            natives = [parts]
        for parts in natives:
            if any(type(part.function) is Loop for part in parts):
                native = Native(parts, specs, used)
                result.append(Step(native, tuple(native.operands), {}, native.outs, parts[0].origin))
            else:
                result += parts
    return result


def _is_native(step, specs, stacks):
    """True for loops, operations on numbers, and elements of stacks that are numbers."""
    if type(step.function) is Loop or is_number_step(step, specs):
        return True
    return step.function in (getitem, item) and step.args[0] in stacks and not specs[step.out].shape
