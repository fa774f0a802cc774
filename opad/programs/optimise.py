"""From a recording to the steps that are needed: common subexpressions, neutral operations and dead steps removed.

Nothing here changes a bit of a result: x * 1 is x, but x + 0 is not, as it turns -0.0 into 0.0. (Signs of NaNs aside,
and 2 (3 x) near the limits of overflow and underflow, where one factor in place of two keeps what two would lose.)
"""

import math
import operator

import numpy as np

from opad.programs.factors import Factors
from opad.programs.functions import FOLDED, is_known, map_refs, needed_after
from opad.programs.recorded import Ref, astype, getitem
from opad.programs.recorder import Spec, Step, new_ref


def optimise(recording, outputs):
    """(steps, guards, outputs) that compute the same with less.

    Two steps that make the same call are one, unless a checkpoint computes them again on purpose (their scopes
    differ), one of them raises floating-point errors that the other does not, or nothing is known of the function (it
    may draw random numbers).

    Parameters
    ----------
    recording : Recording
    outputs : list of Refs and plain values
    """
    specs, spread = recording.specs, {}  # Ref -> what was broadcast

    def simplified(step):
        if step.function is np.broadcast_to and type(step.args[0]) is Ref and specs[step.args[0]].is_ndarray:
            spread[step.out] = step.args[0]
        return [_unspread(_simplify(part, specs), spread, specs) for part in _lowered(step, specs)]

    steps, guards, outputs = _merged(recording.steps, recording.guards, outputs, simplified, recording)
    factors = Factors(steps, guards, outputs, specs)
    steps, guards, outputs = _merged(steps, guards, outputs, factors.rewritten, recording)
    for step in steps:
        step.key = None
    return steps, guards, outputs


def _merged(steps, guards, outputs, rewritten, recording):
    """(steps, guards, outputs) where each step is rewritten, equal ones are one, and unused ones are gone."""
    specs, same, known, result = recording.specs, {}, {}, []
    guarded, is_current = {guard.ref for guard in guards}, same.keys().isdisjoint

    def current(ref):
        return same.get(ref, ref)

    def updated(step):
        return step.with_arguments(step.function, map_refs(step.args, current), map_refs(step.kwargs, current))

    for step in steps:
        if not is_current(step.inputs):
            step = updated(step)
        if step.function in FOLDED and step.out not in guarded:
            same[step.out] = _constant(step, recording)
            continue
        for part in rewritten(step):
            if not is_current(part.inputs):
                part = updated(part)
            replacement = None
            if part.key is None:  # else it has been through this before
                replacement = _neutral(part, specs)
                part.key = _key(part)
            key = part.key
            if replacement is None and key is not None:
                replacement = known.get(key)
            if replacement is not None:
                merged = replacement if type(replacement) is tuple else (replacement,)
                same.update(zip(part.outs, merged, strict=True))
                continue
            if key is not None:
                known[key] = part.out
            result.append(part)
    outputs = [current(out) if type(out) is Ref else out for out in outputs]
    kept = {}
    for guard in guards:
        guard.ref = current(guard.ref)
        kept.setdefault((guard.kind, guard.ref), guard)
    guards = list(kept.values())
    return live(result, outputs, guards), guards, outputs


def _key(step):
    """Equal for steps that make the same call; None if nothing is known of the function."""
    if not is_known(step.function):
        return None
    args = tuple(map(hashable, step.args))
    args = step.args if all(map(operator.is_, args, step.args)) else args  # one object less
    if not step.kwargs and not step.scope and not step.errstate:
        return step.function, args
    return step.function, args, hashable(step.kwargs), step.scope, step.raises


def _constant(step, recording):
    """What np.zeros_like and its kin return, which depends on shapes and dtypes alone."""
    example = lambda ref: np.empty(recording.specs[ref].shape, recording.specs[ref].dtype)  # noqa: E731
    function = np.zeros_like if step.function is np.empty_like else step.function
    value = function(*map_refs(step.args, example), **map_refs(step.kwargs, example))
    return recording.constants.own(value)


def _lowered(step, specs):
    """A step, or the calls that a function makes which NumPy writes in Python."""
    if step.function is np.roll:
        return _rolled(step, specs)
    return [_triangle(step, specs)] if step.function in (np.tril, np.triu) else [step]


def _triangle(step, specs):
    """np.tril or np.triu with a mask that is made once."""
    x, k = (*step.args, *step.kwargs.values(), 0)[:2]
    if type(x) is not Ref or not specs[x].is_ndarray or specs[x].ndim < 2 or type(k) is not int:
        return step
    spec = specs[step.out]
    mask = step.function(np.ones(spec.shape[-2:], bool), k)
    return step.with_arguments(np.where, (mask, x, spec.dtype.type(0)), {})


def _rolled(step, specs):
    """np.roll along one axis: two slices, joined."""
    x, shift, axis = (*step.args, *([step.kwargs.get("axis")] if len(step.args) == 2 else ()))[:3]
    spec, out = specs[step.out], step.out
    axis = 0 if axis is None and spec.ndim == 1 else axis[0] if type(axis) is tuple and len(axis) == 1 else axis
    if type(x) is not Ref or type(shift) is not int or type(axis) is not int or spec.order != "C" or not spec.size:
        return [step]
    axis, shift = axis % spec.ndim, shift % spec.shape[axis]
    if not shift or not spec.is_ndarray or specs[x].order != "C":
        return [step]
    steps, parts = [], []
    for part in (slice(-shift, None), slice(None, -shift)):
        key = (*[slice(None)] * axis, part)
        parts.append(new_ref(specs, Spec(np.broadcast_to(np.empty((), spec.dtype), spec.shape)[key])))
        steps.append(Step(getitem, (x, key), {}, parts[-1], step.origin, step.scope, step.errstate))
    steps.append(Step(np.concatenate, (tuple(parts),), {"axis": axis}, out, step.origin, step.scope, step.errstate))
    return steps


def _unspread(step, spread, specs):
    """An elementwise step on arrays that were broadcast, on the arrays themselves, if another operand has the shape."""
    function = step.function
    if spread.keys().isdisjoint(step.inputs) or not isinstance(function, np.ufunc) or function.signature:
        return step
    shape = specs[step.outs[0]].shape
    if not any(specs[ref].is_ndarray and specs[ref].shape == shape and ref not in spread for ref in step.inputs):
        return step
    is_full = [type(arg) is Ref and arg in spread and specs[arg].shape == shape for arg in step.args]
    args = tuple([spread[arg] if full else arg for arg, full in zip(step.args, is_full, strict=True)])
    return step.with_arguments(function, args, step.kwargs)


def live(steps, outputs, guards):
    """The steps on which an output or a guard depends."""
    needed = needed_after(outputs, guards)
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
    if len(step.args) < 2 or type(step.out) is tuple or not isinstance(function, np.ufunc) or function.signature:
        return step
    if len(step.inputs) < len(step.args) and any(isinstance(a, np.ndarray) for a in step.args):
        shape = specs[step.out].shape
        if any(specs[a].is_ndarray and specs[a].shape == shape for a in step.inputs):
            return step.with_arguments(function, tuple(map(_one_number, step.args)), step.kwargs)
    return step


def _square(step, specs):
    """x ** 2 as NumPy's own ndarray ** 2, of which complex results are rounded otherwise by np.power."""
    base, exponent, *more = step.args
    if more or step.kwargs or type(base) is not Ref or type(exponent) is not int or exponent != 2:
        return step
    if specs[base].is_ndarray and specs[base].dtype.kind in ("fc" if step.function is operator.pow else "f"):
        return step.with_arguments(np.square, (base,), step.kwargs)
    return step


def _one_number(a):
    if isinstance(a, np.ndarray) and a.size:
        number = a[(0,) * a.ndim]
        return number if a.ndim == 0 or not any(a.strides) or _is_all(a, number) else a
    return a


def _is_all(value, number):
    """True if a constant equals `number` everywhere, sign of zero included."""
    if type(value) in (int, float) or isinstance(value, np.floating | np.integer):  # a Ref is an int, too
        return value == number and (number or math.copysign(1, value) == math.copysign(1, number))
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        probe = value[(0,) * value.ndim] if not any(value.strides) else value
        return bool(np.all(probe == number)) and (number != 0 or bool(np.all(np.signbit(probe) == np.signbit(number))))
    return False


_NEUTRAL = {np.multiply: 1, np.divide: 1, np.subtract: 0.0}


def _neutral(step, specs):
    """The Ref that a step merely repeats, or None."""
    function, args, out = step.function, step.args, step.out
    if type(out) is tuple or (step.kwargs and not (function is np.reshape and step.kwargs == {"order": "C"})):
        return None
    result = specs[out]
    if function in _NEUTRAL:
        if len(args) != 2 or len(step.inputs) != 1:
            return None
        x, number = args if type(args[0]) is Ref else args[::-1]
        is_neutral = _is_all(number, _NEUTRAL[function]) and (x is args[0] or function is np.multiply)
        return x if is_neutral and specs[x] == result and result.dtype.kind == "f" else None
    if args and type(args[0]) is Ref and specs[args[0]] == result:
        if function is np.conjugate and len(args) == 1 and result.dtype.kind != "c":
            return args[0]
        if function in (np.reshape, np.broadcast_to, astype) and result.is_ndarray:
            return args[0]
    return None


def hashable(tree):
    """Something that is equal for equal arguments of a step."""
    kind = type(tree)
    if kind is Ref:  # which is told from a number by what numbers become
        return tree
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
