"""From a recording to the steps that are needed: common subexpressions, neutral operations and dead steps removed.

Nothing here changes a bit of a result (the sign of a NaN aside, which says nothing): x * 1 is x, but x + 0 is not, as
it turns -0.0 into 0.0.
"""

import math
import operator

import numpy as np

from opad.programs.functions import is_known, map_refs
from opad.programs.recorded import Ref, astype, getitem
from opad.programs.recorder import Spec, Step


def optimise(recording, outputs):
    """(steps, guards, outputs) that compute the same with less.

    Two steps that make the same call are one, unless a checkpoint computes them again on purpose (their scopes
    differ), or nothing is known of the function (it may draw random numbers).

    Parameters
    ----------
    recording : Recording
    outputs : list of Refs and plain values
    """
    specs, same, known, negated, steps = recording.specs, {}, {}, {}, []

    def current(ref):
        return same.get(ref, ref)

    for step in _lowered(recording.steps, specs):
        if not same.keys().isdisjoint(step.inputs):
            step = step.with_arguments(step.function, map_refs(step.args, current), map_refs(step.kwargs, current))
        step = _without_negation(_simplify(step, specs), negated)
        replacement, key = _neutral(step, specs), None
        if replacement is None and is_known(step.function):
            key = (step.function, step.scope, hashable(step.args), hashable(step.kwargs))
            replacement = known.get(key)
        if replacement is not None:
            merged = replacement if type(replacement) is tuple else (replacement,)
            same.update(zip(step.outs, merged, strict=True))
            continue
        if key is not None:
            known[key] = step.out
        if _is_negation(step, specs):
            negated[step.out] = next(arg for arg in step.args if type(arg) is Ref)
        steps.append(step)
    outputs = [current(out) if type(out) is Ref else out for out in outputs]
    guards = {}
    for guard in recording.guards:
        guard.ref = current(guard.ref)
        guards.setdefault((guard.kind, guard.ref), guard)
    guards = list(guards.values())
    return live(steps, outputs, guards), guards, outputs


def _lowered(steps, specs):
    """The steps with functions that NumPy writes in Python as the calls that they make."""
    for step in steps:
        if step.function is np.roll:
            yield from _rolled(step, specs)
        else:
            yield step


def _rolled(step, specs):
    """np.roll along one axis: two slices, joined."""
    x, shift, axis = (*step.args, *([step.kwargs.get("axis")] if len(step.args) == 2 else ()))[:3]
    spec, out = specs[step.out], step.out
    axis = 0 if axis is None and spec.ndim == 1 else axis
    if type(x) is not Ref or type(shift) is not int or type(axis) is not int or spec.order != "C" or not spec.size:
        return [step]
    axis, shift = axis % spec.ndim, shift % spec.shape[axis]
    if not shift or not spec.is_ndarray or specs[x].order != "C":
        return [step]
    steps, parts = [], []
    for part in (slice(-shift, None), slice(None, -shift)):
        key = (*[slice(None)] * axis, part)
        parts.append(_new_ref(np.broadcast_to(np.empty((), spec.dtype), spec.shape)[key], specs))
        steps.append(Step(getitem, (x, key), {}, parts[-1], step.origin, step.scope, step.errstate))
    steps.append(Step(np.concatenate, (tuple(parts),), {"axis": axis}, out, step.origin, step.scope, step.errstate))
    return steps


def _new_ref(value, specs):
    specs.append(Spec(value))
    return Ref(len(specs) - 1)


def _is_negation(step, specs):
    """True for -x and x * -1 where the result is an array of the operand's kind."""
    if step.function is np.multiply and not step.kwargs:
        is_negation = sum(type(arg) is Ref for arg in step.args) == 1 and any(_is_all(arg, -1) for arg in step.args)
    else:
        is_negation = step.function is np.negative and not step.kwargs
    if not is_negation or not step.inputs or not specs[step.out].is_ndarray:
        return False
    return specs[step.inputs[0]] == specs[step.out] and specs[step.out].dtype.kind == "f"


def _without_negation(step, negated):
    """a + (-b) as a - b, and a - (-b) as a + b: the same bits with a call less."""
    if step.function not in (np.add, np.subtract) or step.kwargs or negated.keys().isdisjoint(step.inputs):
        return step
    a, b = step.args
    if type(b) is Ref and b in negated:
        function = np.subtract if step.function is np.add else np.add
        return step.with_arguments(function, (a, negated[b]), step.kwargs)
    if step.function is np.add:
        return step.with_arguments(np.subtract, (b, negated[a]), step.kwargs)
    return step


def live(steps, outputs, guards):
    """The steps on which an output or a guard depends."""
    needed = {out for out in outputs if type(out) is Ref} | {guard.ref for guard in guards}
    kept = []
    for step in reversed(steps):
        if not needed.isdisjoint(step.outs):
            kept.append(step)
            needed.update(step.inputs)
    return kept[::-1]


def _simplify(step, specs):
    """The same step with arguments that NumPy handles faster: x ** 2 as a square, constants of one number as that."""
    function = step.function
    if function is np.power or function is operator.pow:
        return _square(step, specs)
    if not isinstance(function, np.ufunc) or function.signature or type(step.out) is tuple or len(step.args) < 2:
        return step
    if any(isinstance(a, np.ndarray) for a in step.args):
        shape = specs[step.out].shape
        if any(specs[a].is_ndarray and specs[a].shape == shape for a in step.inputs):
            return step.with_arguments(function, tuple(map(_one_number, step.args)), step.kwargs)
    return step


def _square(step, specs):
    """x ** 2 as NumPy's own ndarray ** 2."""
    base, exponent, *more = step.args
    if more or step.kwargs or type(base) is not Ref or type(exponent) is not int or exponent != 2:
        return step
    if specs[base].is_ndarray and specs[base].dtype.kind in "fc":
        return step.with_arguments(np.square, (base,), step.kwargs)
    return step


def _one_number(a):
    if isinstance(a, np.ndarray) and a.size and (a.ndim == 0 or not any(a.strides) or _is_all(a, 1)):
        return a[(0,) * a.ndim]
    return a


def _is_all(value, number):
    """True if a constant equals `number` everywhere, sign of zero included."""
    if type(value) in (int, float) or isinstance(value, np.floating | np.integer):  # a Ref is an int, too
        return value == number and (number or math.copysign(1, value) == math.copysign(1, number))
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        probe = value[(0,) * value.ndim] if not any(value.strides) else value
        return bool(np.all(probe == number)) and (number != 0 or bool(np.all(np.signbit(probe) == np.signbit(number))))
    return False


def _neutral(step, specs):
    """The Ref that a step merely repeats, or None."""
    function, args, out = step.function, step.args, step.out
    if type(out) is tuple or (step.kwargs and not (function is np.reshape and step.kwargs == {"order": "C"})):
        return None
    result = specs[out]

    def unchanged(x):
        return type(x) is Ref and specs[x] == result and result.dtype.kind == "f"

    if len(args) == 2 and function in (np.multiply, np.divide, np.subtract):
        a, b = args
        number = 0.0 if function is np.subtract else 1
        if unchanged(a) and _is_all(b, number):
            return a
        if function is np.multiply and unchanged(b) and _is_all(a, number):
            return b
    elif args and type(args[0]) is Ref and specs[args[0]] == result:
        if function is np.conjugate and len(args) == 1 and result.dtype.kind != "c":
            return args[0]
        if function in (np.reshape, np.broadcast_to, astype) and result.is_ndarray:
            return args[0]
    return None


def hashable(tree):
    """Something that is equal for equal arguments of a step."""
    kind = type(tree)
    if kind is Ref:
        return Ref, int(tree)
    if kind is tuple or kind is list:
        return kind, tuple(map(hashable, tree))
    if kind is dict:
        return tuple((name, hashable(part)) for name, part in sorted(tree.items()))
    if kind is slice:
        return slice, hashable((tree.start, tree.stop, tree.step))
    if kind is float or kind is complex:
        return kind, repr(tree)  # 0.0 and -0.0 differ
    if isinstance(tree, np.generic):
        return kind, tree.tobytes()
    if isinstance(tree, np.ndarray):
        return np.ndarray, id(tree)  # a snapshot, which lives as long as the recording
    try:
        hash(tree)
    except TypeError:
        return kind, id(tree)
    return kind, tree
