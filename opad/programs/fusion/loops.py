"""A run of equal periods as a loop: how operands change from turn to turn, and which values need a place.

An operand of a step in the loop is the same in every turn (`Fixed`), a value of this turn or of one before (`Turn`), a
value that another loop computed, further on or further back in every turn (`Member`), or a constant number that
differs from turn to turn (`Table`).
"""

from dataclasses import dataclass

import numpy as np

from opad.programs.fusion.elementwise import read_elsewhere
from opad.programs.fusion.kernels import ElementwiseKernel
from opad.programs.fusion.periods import FEWEST
from opad.programs.fusion.selection import grouped_by_shape
from opad.programs.fusion.sequence import INTEGER, substituted
from opad.programs.generate import slice_text
from opad.programs.groups import StepGroup
from opad.programs.recorded import Ref, getitem
from opad.programs.recorder import Spec, Step, new_ref

_LONGEST_MEMORY = 8  # turns back from which a loop may read


@dataclass(frozen=True, slots=True)
class Fixed:
    """An operand that does not change. Keys are tuples of texts of slices and of pairs (first, stride) of integers."""

    ref: Ref
    keys: tuple


@dataclass(frozen=True, slots=True)
class Turn:
    """What the step at a position computes in this turn, or `lag` turns before."""

    position: int
    lag: int
    keys: tuple


@dataclass(frozen=True, slots=True)
class Member:
    """What the step at a position of another loop computed in its turn `first`, `first + stride`, ..."""

    loop: "Loop"
    position: int
    first: int
    stride: int
    keys: tuple


@dataclass(frozen=True, slots=True)
class Table:
    """A number for every turn."""

    values: bytes


class Loop(StepGroup):
    """A run as a loop.

    Parameters
    ----------
    run : Run
    sequence : Sequence
    columns : of the sequence
    loops : list of Loops that come before

    Attributes
    ----------
    found : the Run as it was found, of which this may be a part
    operands : for every position in a period, the list of its operands
    lags : dict position -> from how many turns before its value is read
    initial : dict (position, turn < 0) -> Ref of what stands for the value before the first turn
    read : set of positions of which other loops read values
    kept : dict Ref -> (position, turn) of values that are used outside of loops
    stacks : dict position -> Ref of an array of values of several turns
    rings : set of positions whose stack holds only the values of the last turns
    """

    def __init__(self, run, sequence, columns, loops):
        self.sequence, self.specs = sequence, sequence.specs
        self.run = self.found = run
        self.start, self.period, self.count = run.start, run.period, run.count
        self._find_operands(columns, loops)
        super().__init__(sequence.steps[self.start : self.stop])
        self.read, self.kept, self.stacks, self.rings = set(), {}, {}, set()

    @property
    def stop(self):
        """The place behind the last step."""
        return self.start + self.period * self.count

    def step(self, position, turn=0):
        """A step of the run."""
        return self.sequence.steps[self.start + position + turn * self.period]

    def place(self, position, turn):
        """Where in its stack the value of a turn lies."""
        lag = self.lags.get(position, 0)
        return turn % (lag + 1) if position in self.rings else turn + lag

    def is_number(self, position):
        """True for positions whose values are numbers."""
        return not self.specs[self.step(position).out].shape

    # -- operands -----------------------------------------------------------------------------------------------------

    def _find_operands(self, columns, loops):
        """Describe all operands, with fewer turns where the first or the last ones read what is not to be had."""
        places = self.sequence.position
        while self.count >= FEWEST:
            self.lags, self.initial = {}, {}
            self.operands = [self._operands_of(position, columns, loops) for position in range(self.period)]
            first, last = 0, self.count
            for operand in [operand for operands in self.operands for operand in operands]:
                if operand is None:
                    first = last
                elif type(operand) is Fixed and self.start <= (place := places.get(operand.ref, -1)) < self.stop:
                    first = max(first, (place - self.start) // self.period + 1)  # a value of an early turn
                elif type(operand) is Member:
                    turns = operand.loop.turns_read_by(operand, self.count)
                    first, last = max(first, turns.start), min(last, turns.stop)
            if (first, last) == (0, self.count):
                if self._find_initial_values():
                    return
                first = self._irregular
            self.start += first * self.period
            self.count = last - first

    @property
    def _irregular(self):
        """Number of turns at the start with operands that later ones do not have."""
        return max(0, -((self.start - self.run.regular) // self.period))

    def cuts(self):
        """Positions of steps that need whole arrays of this turn, so that a loop over elements ends before them."""
        cuts = []
        for position, operands in enumerate(self.operands if self.count >= FEWEST else ()):
            elsewhere = read_elsewhere(self.step(position))
            of_this_turn = [o for o in operands if type(o) is Turn and not o.lag]
            needed = [o.position for o in of_this_turn if o.keys or elsewhere]
            if needed and max(needed) >= (cuts[-1] if cuts else 0):
                cuts.append(position)
        return cuts

    def turns_read_by(self, operand, count):
        """The turns of a reading loop in which a Member is one of this loop's values."""
        first, stride = operand.first, operand.stride
        lowest, highest = -self.lags.get(operand.position, 0), self.count - 1
        if stride < 0:
            first, stride, lowest, highest = -first, -stride, -highest, -lowest
        return range(max(0, -((first - lowest) // stride)), max(0, min(count, (highest - first) // stride + 1)))

    def _operands_of(self, position, columns, loops):
        """Operands as they are in regular turns; None for what cannot be described."""
        place = self.start + position + self._irregular * self.period
        now, then = columns[place].tolist(), columns[place + self.period].tolist()
        moving = iter([(a - self._irregular * (b - a), b - a) for a, b in zip(now, then, strict=True)])
        operands = []
        for _, base, keys in self.sequence.read(self.sequence.steps[place])[1]:
            at, stride = next(moving)
            keys = tuple([tuple([_moving_part(part, moving) for part in key]) for key in keys])
            operands.append(self._operand(base, at, stride, keys, loops))
        return operands

    def _operand(self, base, at, stride, keys, loops):
        if not stride:
            return Fixed(base, keys)
        turn, position = divmod(at - self.start, self.period)
        if stride == self.period and -turn < self.count:
            self.lags[position] = max(self.lags.get(position, 0), -turn)
            return Turn(position, -turn, keys) if -turn <= _LONGEST_MEMORY else None
        middle = at + stride * (self.count // 2)
        for loop in loops:
            if loop.start <= middle < loop.stop and not stride % loop.period:
                turn, position = divmod(at - loop.start, loop.period)
                return Member(loop, position, turn, stride // loop.period, keys)
        return None

    def _find_initial_values(self):
        """Whether the values before the first turn are the same for all who read them."""
        for turn in range(max(self.lags.values(), default=0)):
            for position, operands in enumerate(self.operands):
                found = self.sequence.read(self.step(position, turn))[1]
                for operand, (_, base, _) in zip(operands, found, strict=True):
                    if type(operand) is Turn and turn < operand.lag:
                        key = operand.position, turn - operand.lag
                        is_own = self.sequence.position.get(base, -1) >= self.start
                        if is_own or self.initial.setdefault(key, base) != base:
                            return False
        self.lags = {position: lag for position, lag in self.lags.items() if lag}
        return True

    def numbers(self, position):
        """The constant numbers of a step: as they are where they stay the same, else Tables."""
        result = []
        for slot, number in self.sequence.number_slots(self.step(position)):
            steps = self.sequence.steps[self.start + position : self.stop : self.period]
            values = np.array([float(step.args[slot]) for step in steps])
            bits = values.view(np.int64)
            result.append(number if (bits == bits[0]).all() else Table(values.tobytes()))
        return result

    # -- memory -------------------------------------------------------------------------------------------------------

    def find_stacks(self):
        """Give values a place that are read by other loops, outside, or, of arrays, in later turns."""
        kept = {}
        for position, turn in self.kept.values():
            kept[position] = min(kept.get(position, turn), turn)
        for position in sorted({*self.lags, *self.read, *kept}):
            is_number, lag = self.is_number(position), self.lags.get(position, 0)
            recent = max(lag, 1) if is_number else lag + 1
            is_whole = position in self.read or kept.get(position, self.count) < self.count - recent
            if is_whole or not is_number:
                self._add_stack(position, is_whole)

    def _add_stack(self, position, is_whole=False):
        """Reserve places for the values of all turns, or of those that the loop itself looks back to."""
        spec, lag = self.specs[self.step(position).out], self.lags.get(position, 0)
        size = lag + (self.count if is_whole else 1)
        if not is_whole:
            self.rings.add(position)
        self.stacks[position] = new_ref(self.specs, Spec.of_array((size, *spec.shape), spec.dtype))

    def last(self):
        """(Ref, (position, turn)) of numbers of the last turns that are used outside and are in no stack."""
        return [(ref, place) for ref, place in self.kept.items() if place[0] not in self.stacks]

    def members(self):
        """The operands that are values of other loops."""
        return [operand for operands in self.operands for operand in operands if type(operand) is Member]

    def fixed(self):
        """Refs of what stays the same and of what stands for values before the first turn."""
        refs = [operand.ref for operands in self.operands for operand in operands if type(operand) is Fixed]
        return list(dict.fromkeys([*refs, *self.initial.values()]))

    def reads(self):
        """Refs of what the loop depends on, of other loops' values one of each kind."""
        members = {(o.loop, o.position) for o in self.members()}
        return [*self.fixed(), *(loop.step(position).out for loop, position in members)]

    def arguments(self):
        """Refs of what the loop reads."""
        return list(dict.fromkeys([*self.fixed(), *(o.loop.stacks[o.position] for o in self.members())]))

    # -- one turn -----------------------------------------------------------------------------------------------------

    def write_body(self):
        """Find the steps of one turn, with kernels for those on arrays, and what they work on.

        Sets `body`, a list of Steps, `results`, the Ref of what each position computes in this turn, and `values`, a
        dict from other Refs to operands.
        """
        body, self.results, self.values, known = [], [], {}, {}
        for position in range(self.period):
            step = self.step(position)
            refs = [
                self._value(operand, self.specs[ref], body, known)
                for operand, (ref, _, _) in zip(self.operands[position], self.sequence.read(step)[1], strict=True)
            ]
            numbers = [
                self._value(a, Spec(0.0), body, known) if type(a) is Table else a for a in self.numbers(position)
            ]
            self.results.append(self._new_ref(self.specs[step.out]))
            body.append(substituted(step, refs, numbers, self.results[-1]))
        shapes = {id(step): None if step.out in self.values else self.specs[step.out].shape or None for step in body}
        body = grouped_by_shape(body, shapes)
        used = {self.results[position] for position in self.stacks}.union(*[step.inputs for step in body])
        self.body = []
        for step in body:
            if shapes.get(id(step)) or type(step.function) is StepGroup:
                parts = step.function.steps if type(step.function) is StepGroup else [step]
                kernel = ElementwiseKernel(parts, self.specs, used, {})
                step = Step(kernel, tuple(kernel.operands), {}, kernel.outs, step.origin)
            self.body.append(step)
        positions = {out: position for position, out in enumerate(self.results)}
        for out in [out for step in self.body if type(step.function) is ElementwiseKernel for out in step.outs]:
            if positions[out] not in self.stacks:
                self._add_stack(positions[out])

    def _value(self, operand, spec, body, known):
        """A Ref for an operand."""
        of_this_turn = type(operand) is Turn and not operand.lag
        if of_this_turn and not operand.keys:
            return self.results[operand.position]
        ref = known.get(operand)
        if ref is None:
            ref = known[operand] = self._new_ref(spec)
            self.values[ref] = operand
            if of_this_turn:  # a slice, which waits for the array
                body.append(Step(getitem, (self.results[operand.position], operand), {}, ref, None))
        return ref

    def _new_ref(self, spec):
        """A Ref for something of a kind; numbers are no arrays in a loop."""
        return new_ref(self.specs, spec if spec.shape else Spec(spec.dtype.type(0)))


def _moving_part(part, moving):
    """A slice as text, an integer as (first, stride)."""
    if type(part) is slice:
        return slice_text(part)
    first, stride = next(moving)
    return first - INTEGER, stride
