"""The steps of a program that may be in loops as numbers: what each does, and where its operands are."""

import numpy as np

from opad.operators.indexing import scatter_add
from opad.programs.functions import refs_in, without_ellipsis
from opad.programs.fusion.elementwise import FLOATS
from opad.programs.grouping import gathered
from opad.programs.groups import StepGroup
from opad.programs.optimise import hashable
from opad.programs.recorded import Ref, astype, getitem
from opad.programs.recorder import Step

INTEGER = 1 << 40  # added to integers in keys, which may change linearly, so that they are no positions of steps
_WITHOUT_NUMBERS = {getitem, astype, scatter_add.__wrapped__, np.concatenate}  # their arguments are not operands


class Sequence:
    """The steps that may be in loops, in order, without slices: those are parts of operands.

    Parameters
    ----------
    steps : list of Step
    fits : function of a step, whether it may be in a loop

    Attributes
    ----------
    program : list of all steps, those that may be in loops gathered in groups that nothing interrupts
    steps : list of Step
    groups : list of (start, stop), the parts of `steps` that are groups
    position : dict Ref -> place in `steps` of the step that makes it
    """

    def __init__(self, steps, specs, fits):
        self.specs, self.views, self._kinds, self._known_kinds = specs, {}, {}, {}
        for step in steps:
            key = _as_key(step, specs)
            if key is not None:
                self.views[step.out] = step.args[0], key
        members = {id(step) for step in steps if step.out in self.views or fits(step)}
        patient = {id(step) for step in steps if id(step) in members and not specs[step.out].shape}  # sums over turns
        self.program = gathered(steps, members, patient=patient)
        self.steps, self.groups = [], []
        for step in self.program:
            if id(step) not in members and (parts := self.parts(step)) is not None:
                start = len(self.steps)
                self.steps += [part for part in parts if part.out not in self.views]
                self.groups.append((start, len(self.steps)))
        self.position = {step.out: place for place, step in enumerate(self.steps)}

    @staticmethod
    def parts(step):
        """The steps of a group; None for others."""
        return step.function.steps if type(step.function) is StepGroup else None

    def numbers(self):
        """(codes, columns) as `periods.runs` expects them."""
        codes, known, others, rows = [], {}, {}, []
        for step in self.steps:
            pattern, operands, _ = self.read(step)
            codes.append(known.setdefault(pattern, len(known)))
            row = []
            for _, base, keys in operands:
                place = self.position.get(base)
                row.append(others.setdefault(base, -2 - len(others)) if place is None else place)
                row += [INTEGER + part for key in keys for part in key if type(part) is int]
            rows.append(row)
        width = max(map(len, rows), default=0)
        columns = np.array([row + [-1] * (width - len(row)) for row in rows], np.int64).reshape(-1, width)
        return np.array(codes, np.int64), columns

    def read(self, step):
        """(pattern, operands, numbers): what a step does with operands (Ref, base, keys) and constant numbers."""
        operands, numbers, has_numbers = [], [], step.function not in _WITHOUT_NUMBERS

        def pattern(tree):
            if type(tree) is Ref:
                base, keys = self._resolved(tree) if tree in self.views else (tree, ())
                operands.append((tree, base, keys))
                return (self._kind(tree), self._kind(base), *map(_static, keys)) if keys else self._kind(tree)
            if type(tree) is tuple or type(tree) is list:
                return tuple([pattern(part) for part in tree])
            if has_numbers and _is_constant_number(tree):
                numbers.append(tree)
                return type(tree)
            return hashable(tree)

        parts = [step.function, self._kind(step.out), *[pattern(a) for a in step.args]]
        if step.kwargs or step.errstate:
            parts += [hashable(step.kwargs), hashable(step.errstate or {})]
        return tuple(parts), operands, numbers

    def _kind(self, ref):
        """A number that is the same for values of one type, shape, dtype and order."""
        kind = self._kinds.get(ref)
        if kind is None:
            spec = self.specs[ref]
            known = spec.type, spec.shape, spec.dtype, spec.order
            kind = self._kinds[ref] = self._known_kinds.setdefault(known, len(self._known_kinds))
        return kind

    @staticmethod
    def number_slots(step):
        """Where among the arguments of a step constant numbers are, and which: [(place, number)]."""
        return [
            (k, a) for k, a in enumerate(step.args) if step.function not in _WITHOUT_NUMBERS and _is_constant_number(a)
        ]

    def _resolved(self, ref):
        """The array of which a value is a slice, and by which keys."""
        keys = []
        while ref in self.views:
            ref, key = self.views[ref]
            keys.append(key)
        return ref, tuple(reversed(keys))


def substituted(step, refs, numbers, out):
    """A step with other operands and constant numbers, in the order of `Sequence.read`."""
    refs, numbers, has_numbers = iter(refs), iter(numbers), step.function not in _WITHOUT_NUMBERS

    def replaced(tree):
        if type(tree) is Ref:
            return next(refs)
        if type(tree) is tuple or type(tree) is list:
            return tuple([replaced(part) for part in tree])
        return next(numbers) if has_numbers and _is_constant_number(tree) else tree

    return Step(step.function, replaced(step.args), step.kwargs, out, step.origin, step.scope, step.errstate)


def _static(key):
    """What of a key must be the same in all turns: its slices."""
    return tuple([None if type(part) is int else hashable(part) for part in key])


def _is_constant_number(a):
    """True for numbers that are part of a step, 0-d arrays among them."""
    return type(a) in (int, float, bool) or isinstance(a, np.generic) or (type(a) is np.ndarray and not a.ndim)


def _as_key(step, specs):
    """The key of a slice or an element of an array as a tuple of integers and slices; None for other steps."""
    if step.function is not getitem or step.kwargs or type(step.args[0]) is not Ref:
        return None
    spec = specs[step.args[0]]
    key = without_ellipsis(step.args[1], spec.ndim)
    is_basic = all(type(k) is int or (type(k) is slice and not refs_in((k.start, k.stop, k.step))) for k in key)
    return key if spec.is_ndarray and spec.shape and is_basic and specs[step.out].dtype in FLOATS else None
