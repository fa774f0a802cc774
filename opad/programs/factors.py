"""Constant factors gathered, pulled out of products and sums, and dropped into additions: fewer passes over memory.

    c (d x)  ->  (c d) x        a + (-b)  ->  a - b        sum(c x)  ->  c sum(x)        (c x) y  ->  c (x y)

Factors that are moved are powers of two, or gathered with one: that rounds nothing, so that no bit changes but the sign
of sums that are zero. They are pulled out of products where all that is done with these passes them on, or two meet.
"""

import copy
import math
from collections import Counter

import numpy as np

from opad.programs.functions import needed_after, refs_in
from opad.programs.recorded import Ref, getitem
from opad.programs.recorder import new_ref

_FAR_FROM_THE_LIMITS = (1e-30, 1e30)  # of products of factors, where float32 neither overflows nor loses digits
_LINEAR_IN_THE_FIRST = {np.divide, getitem, np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims}


class Factors:
    """What is known of factors while the steps of a recording are gone through.

    Attributes
    ----------
    scaled : dict Ref -> (Ref, factor), arrays of floating-point numbers that are multiples of others
    """

    def __init__(self, steps, guards, outputs, specs):
        self.specs, self.scaled = specs, {}
        self._uses = Counter(ref for step in steps for ref in set(step.inputs))
        self._uses.update(out for out in outputs if type(out) is Ref)
        self._kept = needed_after(outputs, guards)
        for step in reversed(steps):  # values that somebody needs with their factors
            self._kept.update(ref for ref in step.inputs if not self._passes_on(step, ref))

    def _passes_on(self, step, ref):
        """True if a factor of one of its arguments can be a factor of the step's result, or is gathered there."""
        function, args = step.function, step.args
        if function is np.sum or function is np.vdot:
            return True
        if function is np.multiply or (function is np.add and step.inputs == (ref, ref)):
            return step.out not in self._kept or not _is_product_of_arrays(step)
        if function not in _LINEAR_IN_THE_FIRST or ref in refs_in(args[1:]):
            return False
        return step.out not in self._kept

    def rewritten(self, step):
        """The steps that take the place of one; the last of them computes its result."""
        steps = [step]
        if not self.scaled.keys().isdisjoint(step.inputs) and type(step.out) is not tuple:
            if step.function is np.add and step.inputs == 2 * step.inputs[:1] and not step.kwargs:
                step = step.with_arguments(np.multiply, (2, step.inputs[0]), {})
            steps = self._pulled_out(self._without_negation(step))
            steps[-1] = self._gathered(steps[-1])
        if (factor := self._factor(steps[-1])) is not None:
            base, inner = self.scaled.get(steps[-1].inputs[0], (None, 0))
            if _is_power_of_two(factor) and _is_power_of_two(inner) and _is_moderate(factor * inner):
                self.scaled[step.out] = (base, factor * inner)
            else:
                self.scaled[step.out] = (steps[-1].inputs[0], factor)
        return steps

    def _gathered(self, step):
        """c (d x) as (c d) x where c or d is a power of two, and d x is used for nothing else."""
        if step.function is not np.multiply or step.kwargs or len(step.inputs) != 1:
            return step
        (inner,) = step.inputs
        if inner not in self.scaled or self.specs[step.out] != self.specs[inner]:  # promoted by a NumPy number
            return step
        c = next(arg for arg in step.args if type(arg) is not Ref)
        x, d = self.scaled[inner]
        if not _is_factor(c) or 0 in (c, d) or not (_is_power_of_two(c) or _is_power_of_two(d)):
            return step
        if self._uses[inner] > 1 or not _is_moderate(c * d):
            return step
        return step.with_arguments(np.multiply, (c * d, x), step.kwargs)

    def _factor(self, step):
        """The number by which a step multiplies an array of the result's kind, or None."""
        function, args = step.function, step.args
        if function not in (np.multiply, np.negative, np.add) or step.kwargs or len(set(step.inputs)) != 1:
            return None
        spec = self.specs[step.out]
        if not spec.is_ndarray or spec.dtype.kind != "f" or self.specs[step.inputs[0]] != spec:
            return None
        if function is np.negative:
            return -1
        if len(step.inputs) == 2:
            return 2 if function is np.add else None
        factor = next(arg for arg in args if type(arg) is not Ref)
        return factor if function is np.multiply and _is_factor(factor) else None

    def _without_negation(self, step):
        """a + (-b) as a - b, and a - (-b) as a + b: the same bits with a call less."""
        scaled = self.scaled
        if step.function not in (np.add, np.subtract) or step.kwargs or scaled.keys().isdisjoint(step.inputs):
            return step
        a, b = step.args
        if type(b) is Ref and scaled.get(b, (b, 1))[1] == -1:
            function = np.subtract if step.function is np.add else np.add
            return step.with_arguments(function, (a, scaled[b][0]), step.kwargs)
        if step.function is np.add and type(a) is Ref and scaled.get(a, (a, 1))[1] == -1:
            return step.with_arguments(np.subtract, (b, scaled[a][0]), step.kwargs)
        return step

    def _pulled_out(self, step):
        """The step on arguments without their factors, then the multiplication, where that saves something."""
        if not self._is_to_be_pulled_out_of(step):
            return [step]
        bases, product = list(step.args), 1
        for slot in (0, 1) if step.function in (np.multiply, np.vdot) else (0,):
            base, factor = self.scaled.get(step.args[slot], (None, 0)) if type(step.args[slot]) is Ref else (None, 0)
            if _is_power_of_two(factor):
                bases[slot], product = base, product * factor
        if not _is_moderate(product):
            return [step]
        if product == 1:
            return [step.with_arguments(step.function, tuple(bases), step.kwargs)]
        inner = step.with_arguments(step.function, tuple(bases), step.kwargs)
        inner.out = new_ref(self.specs, copy.copy(self.specs[step.out]))
        return [inner, step.with_arguments(np.multiply, (product, inner.out), {})]

    def _is_to_be_pulled_out_of(self, step):
        function, is_needed = step.function, step.out in self._kept
        if function is np.sum:
            return len(step.args) == 1 and step.kwargs.keys() <= {"axis", "keepdims"}
        if function is np.multiply and _is_product_of_arrays(step):
            return not is_needed or self._meet(step.inputs)
        return function is np.vdot or (function in _LINEAR_IN_THE_FIRST and not is_needed)

    def _meet(self, inputs):
        """True if both factors of a product have factors that can be one."""
        return len(inputs) == 2 and all(
            self._uses[ref] == 1 and _is_power_of_two(self.scaled.get(ref, (ref, 0))[1]) for ref in inputs
        )


def _is_product_of_arrays(step):
    return not step.kwargs and not any(_is_factor(arg) for arg in step.args if type(arg) is not Ref)


def _is_factor(x):
    """True for real numbers; a Ref is an int of another type."""
    return type(x) in (int, float) or isinstance(x, np.floating)


def _is_power_of_two(x):
    return x != 0 and abs(math.frexp(x)[0]) == 0.5


def _is_moderate(x):
    return _FAR_FROM_THE_LIMITS[0] < abs(x) < _FAR_FROM_THE_LIMITS[1]
