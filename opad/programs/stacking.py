"""Small independent steps of one kind as one call: 50 products y * y of 8 numbers become one of 50 x 8.

The operands of such a group are written into consecutive places of one array, a stack, by the steps that compute them;
its results are places of another. Nothing changes in a bit: elementwise arithmetic is exact in any grouping, matrix
products and reductions are stacked where a trial on random operands of their shapes and layouts gives equal bits.
"""

from collections import defaultdict
from functools import lru_cache
from itertools import pairwise

import numpy as np

from opad.programs.functions import REDUCTIONS
from opad.programs.optimise import hashable
from opad.programs.plan import given_away, is_matrix_product, writes_out
from opad.programs.recorded import Ref
from opad.programs.recorder import Spec, Step, new_ref

SMALL = 1 << 13  # bytes of one value, above which a call costs more than its overhead
LARGEST = 1 << 18  # bytes of a stack: who keeps one of the results in it keeps them all
FEWEST = 4
LONGEST = 5000  # steps of a program in which groups are looked for
MOST_GROUPS = 32
_EXACT = {np.add, np.subtract, np.multiply, np.divide, np.negative, np.square, np.maximum, np.minimum}


class Stacks:
    """Where stacked values lie.

    Attributes
    ----------
    arrays : set of Refs of whole stacks
    fresh : set of those that hold results, and are allocated anew in every call
    places : dict Ref -> (Ref of a stack, index or slice)
    members : dict Ref of the result of a group -> Refs of the values in it
    """

    def __init__(self):
        self.arrays, self.fresh, self.places, self.members = set(), set(), {}, {}


def stack_small_steps(steps, outputs, guards, specs, donate=False):
    """(steps, Stacks) with groups of small steps as single calls."""
    if len(steps) > LONGEST:
        return steps, Stacks()
    grouping = _Grouping(steps, outputs, guards, specs, donate)
    for _ in range(MOST_GROUPS):
        grouped = grouping.with_one_more(steps)
        if grouped is None:
            break
        steps = grouped
    return _without_idle_transposes(steps, outputs), grouping.stacks


class _Grouping:
    """The search for groups.

    Attributes
    ----------
    results : set of Refs that belong to the caller
    movable : set of Refs of values that a step writes wherever it is told to, and that may lie anywhere: no guard looks
        at them, no function keeps them
    transposed : dict Ref of a transposed matrix -> Ref of the matrix
    candidates : lists of steps of one kind
    rejected : set of the first results of groups that cannot be stacked
    """

    def __init__(self, steps, outputs, guards, specs, donate):
        self.specs, self.stacks = specs, Stacks()
        self.results = set() if donate else {out for out in outputs if type(out) is Ref}
        self.movable, self.transposed, self.rejected = set(), {}, set()
        fixed, kinds = given_away(steps).union(guard.ref for guard in guards), defaultdict(list)
        for step in steps:
            if _is_transpose(step, specs):
                self.transposed[step.out] = step.args[0]
            elif step.out not in fixed and writes_out(step, specs) and specs[step.out].order == "C":
                self.movable.add(step.out)
                if step.function in _EXACT or step.function in REDUCTIONS or is_matrix_product(step, specs):
                    kinds[self._kind(step)].append(step)
        self.candidates = [steps for steps in kinds.values() if len(steps) >= FEWEST and self._is_small(steps[0])]

    def with_one_more(self, steps):
        """The steps with one more group, or None."""
        positions = list(enumerate(steps))
        used = {ref: position for position, step in reversed(positions) for ref in step.inputs}  # for the first time
        defined = {ref: position for position, step in positions for ref in step.outs}
        for result, members in self.stacks.members.items():
            defined.update(dict.fromkeys(members, defined[result]))
        for candidates in self.candidates:
            candidates = [step for step in candidates if step.out not in self.stacks.places]
            if len(candidates) < FEWEST:
                continue
            for group in self._independent(candidates, defined, used):
                if len(group) < FEWEST or group[0].out in self.rejected:
                    continue
                operands = self._operands(group)
                if operands is None or not self._agrees(group[0], operands):
                    self.rejected.add(group[0].out)
                    continue
                last = max((defined.get(ref, -1) for step in group for ref in step.inputs), default=-1)
                return self._replaced(steps, group, operands, last)
        return None

    def _is_small(self, step):
        return all(0 < self.specs[ref].nbytes <= SMALL for ref in (step.out, *step.inputs))

    def _kind(self, step):
        """What the steps of a group have in common."""
        slots = [self._layout(a) if type(a) is Ref else hashable(a) for a in step.args]
        equal = [step.inputs.index(ref) for ref in step.inputs]
        keywords = hashable(step.kwargs) if step.kwargs else (), step.errstate and repr(step.errstate)
        return step.function, self._layout(step.out), keywords, *slots, *equal

    def _layout(self, ref):
        spec, base = self.specs[ref], self.transposed.get(ref)
        return spec.shape, spec.dtype, spec.order, base is not None, (ref if base is None else base) in self.movable

    def _independent(self, steps, defined, used):
        """Groups in which everything is computed before any result is used."""
        groups, outs, latest, earliest = [[]], set(), -1, np.inf
        most = LARGEST // max(self.specs[ref].nbytes for ref in (steps[0].out, *steps[0].inputs))
        for step in steps:
            start = max([defined.get(ref, -1) for ref in step.inputs], default=-1)
            end = used.get(step.out, np.inf)
            latest, earliest = max(latest, start), min(earliest, end)
            if latest >= earliest or not outs.isdisjoint(step.inputs) or len(groups[-1]) == most:
                groups.append([])
                outs, latest, earliest = set(), start, end
            groups[-1].append(step)
            outs.add(step.out)
        return groups

    def _operands(self, group):
        """For every argument of the group: what all steps share, or the list of Refs to be stacked; None if impossible.

        A list of transposed matrices stands for the stack of the matrices, transposed.
        """
        operands, moved, ndim = [], [], self.specs[group[0].out].ndim
        for slot in range(len(group[0].args)):
            refs = [step.args[slot] for step in group]
            if type(refs[0]) is not Ref or all(ref == refs[0] for ref in refs):
                operands.append(refs[0])
                continue
            bases = [self.transposed.get(ref, ref) for ref in refs]
            elementwise = group[0].function in _EXACT
            if len(set(refs)) != len(refs) or (elementwise and self.specs[refs[0]].ndim != ndim):
                return None
            if self._slice_of(bases) is None and bases not in moved:
                if not self.movable.issuperset(bases) or not self.stacks.places.keys().isdisjoint(bases):
                    return None
                if any(ref in others for others in moved for ref in bases):
                    return None  # a value has one place
                moved.append(bases)
            operands.append(refs)
        return operands if any(type(refs) is list for refs in operands) else None

    def _agrees(self, step, operands):
        """True if the group's call gives the bits that its steps give."""
        if step.function in _EXACT:
            return True
        layouts = []
        for operand, arg in zip(operands, step.args, strict=True):
            if type(arg) is not Ref and not isinstance(arg, np.ndarray):
                return False
            spec = self.specs[arg] if type(arg) is Ref else Spec(arg)
            is_stack = type(operand) is list
            order = "CF"[operand[0] in self.transposed] if is_stack else spec.order
            layouts.append((spec.shape, spec.dtype, order, is_stack))
        return _trial(*_stacked_call(step, self.specs), step.function, tuple(step.kwargs.items()), tuple(layouts))

    def _replaced(self, steps, group, operands, last):
        """The steps with the group as one call after position `last`."""
        args, made, added = [], {}, []
        for operand in operands:
            if type(operand) is list:
                key = tuple(operand)
                if key not in made:
                    made[key] = self._stacked([self.transposed.get(ref, ref) for ref in operand])
                    if operand[0] in self.transposed:
                        added.append(self._transposed_stack(made[key], group[0]))
                        made[key] = added[-1].out
                operand = made[key]
            args.append(operand)
        members = [step.out for step in group]
        result = self._stacked(members)
        self.stacks.members[result] = members
        first = group[0]
        function, kwargs = _stacked_call(first, self.specs)
        added.append(Step(function, tuple(args), dict(kwargs), result, first.origin, first.scope, first.errstate))
        gone = set(map(id, group))
        kept = [step for step in steps[: last + 1] if id(step) not in gone]
        return [*kept, *added, *(step for step in steps[last + 1 :] if id(step) not in gone)]

    def _stacked(self, refs):
        """A Ref for an array of several values: a new stack, or a slice of the one in which they lie."""
        place, spec = self._slice_of(refs), self.specs[refs[0]]
        ref = new_ref(self.specs, Spec.of_array((len(refs), *spec.shape), spec.dtype))
        if place is not None:
            self.stacks.places[ref] = place
            return ref
        self.stacks.arrays.add(ref)
        self.stacks.places.update((member, (ref, index)) for index, member in enumerate(refs))
        if not self.results.isdisjoint(refs):
            self.stacks.fresh.add(ref)
        return ref

    def _transposed_stack(self, ref, step):
        spec = self.specs[ref]
        out = new_ref(self.specs, Spec(np.empty(spec.shape, spec.dtype).swapaxes(1, 2)))
        return Step(np.swapaxes, (ref, 1, 2), {}, out, step.origin, step.scope)

    def _slice_of(self, refs):
        """(stack, slice) if the values lie in one stack at equal distances, else None."""
        places = [self.stacks.places.get(ref) for ref in refs]
        if any(place is None or type(place[1]) is slice or place[0] != places[0][0] for place in places):
            return None
        positions = [index for _, index in places]
        distance = positions[1] - positions[0]
        if not distance or any(b - a != distance for a, b in pairwise(positions)):
            return None
        stop = positions[-1] + distance
        return places[0][0], slice(positions[0], None if stop < 0 else stop, distance)


def _is_transpose(step, specs):
    if step.function is not np.transpose or len(step.args) != 1 or step.kwargs or type(step.args[0]) is not Ref:
        return False
    spec = specs[step.args[0]]
    return spec.is_ndarray and spec.ndim == 2 and spec.order == "C"


def _stacked_call(step, specs):
    """(function, keywords as a tuple of items) that does on stacks what a step does."""
    if step.function in _EXACT:
        return step.function, ()
    if step.function not in REDUCTIONS:
        return np.matmul, ()
    ndim, kwargs = specs[step.args[0]].ndim, dict(step.kwargs)
    axis = kwargs.get("axis")
    axis = range(ndim) if axis is None else axis if type(axis) is tuple else (axis,)
    return step.function, tuple((kwargs | {"axis": tuple(k % ndim + 1 for k in axis)}).items())


@lru_cache(maxsize=1024)
def _trial(stacked_function, stacked_kwargs, function, kwargs, layouts):
    """True if one call on stacks of random numbers, zeros of both signs among them, gives what single calls give."""
    rng = np.random.default_rng(0)
    operands = []
    for shape, dtype, order, is_stack in layouts:
        shape = shape[::-1] if order == "F" else shape
        x = rng.standard_normal((FEWEST, *shape) if is_stack else shape).astype(dtype)
        x *= rng.choice([1, 1, 1, 0, -0.0], x.shape).astype(dtype)
        operands.append(np.swapaxes(x, -1, -2) if order == "F" else x)
    stacked = stacked_function(*operands, **dict(stacked_kwargs))
    is_stack = [layout[3] for layout in layouts]
    for k in range(FEWEST):
        args = [x[k] if of_many else x for x, of_many in zip(operands, is_stack, strict=True)]
        single = args[0].dot(args[1]) if stacked_function is np.matmul else function(*args, **dict(kwargs))
        if single.tobytes() != stacked[k].tobytes():
            return False
    return True


def _without_idle_transposes(steps, outputs):
    """The steps without transposes that only steps used which are now in a group."""
    used = {ref for step in steps for ref in step.inputs} | {out for out in outputs if type(out) is Ref}
    return [step for step in steps if step.function is not np.transpose or step.out in used]
