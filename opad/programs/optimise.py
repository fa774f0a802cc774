"""From a recording to the steps that are needed: common subexpressions, neutral operations and dead steps removed.

Nothing here changes a bit of a result: x * 1 is x, but x + 0 is not (it turns -0.0 into 0.0).
"""

import math
import operator

import numpy as np

from opad.programs.functions import inputs_of, is_known, map_refs
from opad.programs.recorded import Ref, astype


def optimise(recording, outputs):
    """(steps, guards, outputs) that compute the same with less.

    Two steps that make the same call are one, unless a checkpoint computes them again on purpose (their scopes
    differ), or nothing is known of the function (it may draw random numbers).

    Parameters
    ----------
    recording : Recording
    outputs : list of Refs and plain values
    """
    specs, same, known, steps = recording.specs, {}, {}, []

    def current(ref):
        return same.get(ref, ref)

    for step in recording.steps:
        args = map_refs(step.args, current)
        kwargs = map_refs(step.kwargs, current) if step.kwargs else step.kwargs
        function, args = _simplify(step.function, _small_constants(step, args, specs), kwargs, specs)
        replacement, key = _neutral(function, args, kwargs, specs, step.out), None
        if replacement is None and is_known(function):
            key = (function, step.scope, hashable(args), hashable(kwargs))
            replacement = known.get(key)
        if replacement is not None:
            merged = replacement if type(replacement) is tuple else (replacement,)
            same.update(zip(step.outs, merged, strict=True))
            continue
        if key is not None:
            known[key] = step.out
        steps.append(step.with_arguments(function, args, kwargs))
    outputs = [current(out) if type(out) is Ref else out for out in outputs]
    guards = {}
    for guard in recording.guards:
        guard.ref = current(guard.ref)
        guards.setdefault((guard.kind, guard.ref), guard)
    guards = list(guards.values())
    return live(steps, outputs, guards), guards, outputs


def live(steps, outputs, guards):
    """The steps on which an output or a guard depends."""
    needed = {out for out in outputs if type(out) is Ref} | {guard.ref for guard in guards}
    kept = []
    for step in reversed(steps):
        if not needed.isdisjoint(step.outs):
            kept.append(step)
            needed.update(inputs_of(step))
    return kept[::-1]


def _simplify(function, args, kwargs, specs):
    """x ** 2 as NumPy's own ndarray ** 2."""
    if function in (np.power, operator.pow) and not kwargs and type(args[0]) is Ref and specs[args[0]].is_ndarray:
        exponent = args[1]
        if type(exponent) is int and exponent == 2 and specs[args[0]].dtype.kind in "fc":
            return np.square, args[:1]
    return function, args


def _is_all(value, number):
    """True if a constant equals `number` everywhere, sign of zero included."""
    if type(value) in (int, float) or isinstance(value, np.floating | np.integer):  # a Ref is an int, too
        return value == number and (number or math.copysign(1, value) == math.copysign(1, number))
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
        probe = value[(0,) * value.ndim] if not any(value.strides) else value
        return bool(np.all(probe == number)) and (number != 0 or bool(np.all(np.signbit(probe) == np.signbit(number))))
    return False


def _neutral(function, args, kwargs, specs, out):
    """The Ref that a step merely repeats, or None."""
    if type(out) is tuple or (kwargs and (function is not np.reshape or kwargs != {"order": "C"})):
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


def _small_constants(step, args, specs):
    """Constants that are one number repeated become that number, where another operand has the full shape."""
    function = step.function
    if not isinstance(function, np.ufunc) or function.signature or type(step.out) is tuple or len(args) < 2:
        return args
    shape = specs[step.out].shape
    if not any(type(a) is Ref and specs[a].is_ndarray and specs[a].shape == shape for a in args):
        return args
    return tuple([_one_number(a) for a in args])


def _one_number(a):
    if isinstance(a, np.ndarray) and a.size and (a.ndim == 0 or not any(a.strides) or _is_all(a, 1)):
        return a[(0,) * a.ndim]
    return a


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
