"""Sums of adjoints in place: zeros with a part filled, added to a total, become an addition to that part of the total.

    s = scatter_add(v, key, shape); t = t + s          becomes          t[key] += v

which is what a program written by hand does. What is added elsewhere is zero, so nothing changes but the sign of zeros.
"""

from collections import Counter

import numpy as np

from opad.operators.indexing import is_basic, scatter_add
from opad.programs.functions import add_at, needed_after, refs_in
from opad.programs.recorded import Ref

scatter = scatter_add.__wrapped__


def accumulate(steps, outputs, guards, specs):
    """The steps with additions of scattered values as additions to parts."""
    scattered = {step.out: step for step in steps if fills_a_part(step)}
    if not scattered:
        return steps
    kept = needed_after(outputs, guards)
    uses = Counter(ref for step in steps for ref in step.inputs)
    scattered = {ref: step for ref, step in scattered.items() if uses[ref] == 1 and ref not in kept}
    result, gone = [], set()
    for step in steps:
        part = _part(step, scattered, specs)
        if part is not None:
            total = next(arg for arg in step.args if arg != part)
            values, key, _ = scattered[part].args
            step = step.with_arguments(add_at, (total, values, key), {})
            gone.add(part)
        result.append(step)
    return [step for step in result if step.out not in gone]


def _part(step, scattered, specs):
    """The operand of an addition that is zero but for one part, or None."""
    if step.function is not np.add or step.kwargs or len(set(step.inputs)) != 2:
        return None
    a, b = step.args
    if not specs[a] == specs[b] == specs[step.out] or specs[a].order != specs[step.out].order:
        return None
    return next((ref for ref in (b, a) if ref in scattered), None)


def fills_a_part(step):
    """True for scatter_add with a key of integers and slices that are known."""
    if step.function is not scatter or step.kwargs or type(step.args[0]) is not Ref:
        return False
    key = step.args[1]
    return type(key) is tuple and not refs_in(key) and is_basic(key)


def as_view(key):
    """A key that gives a view, 0-d arrays included."""
    return key if any(part is Ellipsis for part in key) else (*key, ...)
