"""Small independent steps of one kind as one call: 50 products y * y of 8 numbers become one of 50 x 8.

The operands of such a group are written into consecutive places of one array, a stack, by the steps that compute them.
Only arithmetic that is exact to the last bit in any grouping is stacked, so results do not change.
"""

from collections import defaultdict
from itertools import pairwise

import numpy as np

from opad.programs.functions import inputs_of, is_known
from opad.programs.optimise import hashable
from opad.programs.plan import writes_out
from opad.programs.recorded import Ref
from opad.programs.recorder import Spec, Step

SMALL = 1 << 13  # bytes of one value, above which a call costs more than its overhead
FEWEST = 4
LONGEST = 5000  # steps of a program in which groups are looked for
MOST_GROUPS = 32
_EXACT = {np.add, np.subtract, np.multiply, np.divide, np.negative, np.square, np.maximum, np.minimum}


class Stacks:
    """Where stacked values lie.

    Attributes
    ----------
    arrays : set of Refs of whole stacks
    places : dict Ref -> (Ref of a stack, index or slice)
    members : dict Ref of the result of a group -> Refs of the values in it
    """

    def __init__(self):
        self.arrays, self.places, self.members = set(), {}, {}


def stack_small_steps(steps, outputs, guards, specs):
    """(steps, Stacks) with groups of small steps as single calls."""
    stacks = Stacks()
    if len(steps) > LONGEST:
        return steps, stacks
    fixed = {out for out in outputs if type(out) is Ref} | {guard.ref for guard in guards}
    fixed.update(ref for step in steps if not is_known(step.function) for ref in inputs_of(step))
    rejected = set()
    for _ in range(MOST_GROUPS):
        grouped = _one_group(steps, fixed, specs, stacks, rejected)
        if grouped is None:
            break
        steps = grouped
    return steps, stacks


def _one_group(steps, fixed, specs, stacks, rejected):
    """The steps with one more group, or None."""
    defined, used, writers, candidates = {}, {}, {}, defaultdict(list)
    for position, step in enumerate(steps):
        for ref in step.outs:
            for member in stacks.members.get(ref, (ref,)):
                defined[member], writers[member] = position, step
        for ref in inputs_of(step):
            used.setdefault(ref, position)
        if _is_small(step, fixed, specs, stacks):
            candidates[_kind(step, specs)].append(step)
    for steps_of_kind in candidates.values():
        for group in _independent(steps_of_kind, defined, used):
            if len(group) < FEWEST or group[0].out in rejected:
                continue
            operands = _operands(group, fixed, specs, stacks, writers)
            if operands is None:
                rejected.add(group[0].out)
                continue
            last = max((defined.get(ref, -1) for step in group for ref in inputs_of(step)), default=-1)
            return _replaced(steps, group, operands, last, specs, stacks)
    return None


def _is_small(step, fixed, specs, stacks):
    if step.function not in _EXACT or step.out in fixed or step.out in stacks.arrays or not writes_out(step, specs):
        return False
    spec = specs[step.out]
    return step.out not in stacks.places and spec.order == "C" and 0 < spec.nbytes <= SMALL


def _kind(step, specs):
    spec, args = specs[step.out], step.args
    slots = [hashable(a) if type(a) is not Ref else (specs[a].shape, specs[a].dtype.str) for a in args]
    equal = [[a is b or (type(a) is type(b) is Ref and a == b) for b in args] for a in args]
    return step.function, spec.shape, spec.dtype.str, repr(step.errstate), tuple(slots), repr(equal)


def _independent(steps, defined, used):
    """Groups in which everything is computed before any result is used."""
    groups, outs, latest, earliest = [[]], set(), -1, np.inf
    for step in steps:
        start = max((defined.get(ref, -1) for ref in inputs_of(step)), default=-1)
        end = used.get(step.out, np.inf)
        if max(latest, start) >= min(earliest, end) or not outs.isdisjoint(inputs_of(step)):
            groups.append([])
            outs, latest, earliest = set(), -1, np.inf
        groups[-1].append(step)
        outs.add(step.out)
        latest, earliest = max(latest, start), min(earliest, end)
    return groups


def _operands(group, fixed, specs, stacks, writers):
    """For every argument of the group: what all steps share, or the list of Refs to be stacked; None if impossible."""
    operands = []
    for slot in range(len(group[0].args)):
        refs = [step.args[slot] for step in group]
        if type(refs[0]) is not Ref or all(ref == refs[0] for ref in refs):
            operands.append(refs[0])
            continue
        if len(set(refs)) != len(refs) or specs[refs[0]].shape != specs[group[0].out].shape:
            return None
        if _slice_of(refs, stacks) is None and not all(
            ref in writers and ref not in fixed and ref not in stacks.places and ref not in stacks.arrays
            and specs[ref].order == "C" and writes_out(writers[ref], specs)
            for ref in refs
        ):  # fmt: skip
            return None
        operands.append(refs)
    return operands if any(type(refs) is list for refs in operands) else None


def _slice_of(refs, stacks):
    """(stack, slice) if the values lie in one stack at equal distances, else None."""
    places = [stacks.places.get(ref) for ref in refs]
    if any(place is None or type(place[1]) is slice or place[0] != places[0][0] for place in places):
        return None
    positions = [index for _, index in places]
    distance = positions[1] - positions[0]
    if not distance or any(b - a != distance for a, b in pairwise(positions)):
        return None
    stop = positions[-1] + distance
    return places[0][0], slice(positions[0], None if stop < 0 else stop, distance)


def _replaced(steps, group, operands, last, specs, stacks):
    """The steps with the group as one call after position `last`."""
    args, made = [], {}
    for operand in operands:
        if type(operand) is list:
            key = tuple(operand)
            if key not in made:
                made[key] = _stacked(operand, specs, stacks)
            operand = made[key]
        args.append(operand)
    result = _stacked([step.out for step in group], specs, stacks)
    stacks.members[result] = [step.out for step in group]
    first = group[0]
    merged = Step(first.function, tuple(args), {}, result, first.origin, first.scope, first.errstate)
    gone = set(map(id, group))
    kept = [step for step in steps[: last + 1] if id(step) not in gone]
    return [*kept, merged, *(step for step in steps[last + 1 :] if id(step) not in gone)]


def _stacked(refs, specs, stacks):
    """A Ref for an array of several values: a new stack, or a slice of the one in which they lie."""
    place = _slice_of(refs, stacks)
    specs.append(Spec(np.broadcast_to(np.empty((), specs[refs[0]].dtype), (len(refs), *specs[refs[0]].shape))))
    ref = Ref(len(specs) - 1)
    if place is not None:
        stacks.places[ref] = place
        return ref
    stacks.arrays.add(ref)
    stacks.places.update((member, (ref, index)) for index, member in enumerate(refs))
    return ref
