"""From a recording to the steps that are needed: common subexpressions, neutral operations and dead steps removed."""

import numpy as np

from opad.programs.recorder import Ref, Step, astype

VIEWS = {
    np.transpose, np.reshape, np.ravel, np.swapaxes, np.moveaxis, np.squeeze, np.expand_dims, np.broadcast_to,
    np.diagonal, np.flip, np.real, np.imag, np.rollaxis, np.matrix_transpose, np.atleast_1d, np.atleast_2d,
    np.atleast_3d,
}  # fmt: skip


def map_refs(tree, function):
    """Apply `function` to every Ref in nested tuples, lists, dicts and slices."""
    if type(tree) is Ref:
        return function(tree)
    if type(tree) is tuple or type(tree) is list:
        return type(tree)(map_refs(part, function) for part in tree)
    if type(tree) is dict:
        return {name: map_refs(part, function) for name, part in tree.items()}
    return tree


def refs_in(tree):
    """All Refs in nested tuples, lists and dicts."""
    found = []
    map_refs(tree, found.append)
    return found


def outputs_of(step):
    """The Refs that a step defines."""
    return step.out if type(step.out) is tuple else (step.out,)


def optimise(recording, outputs):
    """(steps, guards, outputs) that compute the same with less.

    Parameters
    ----------
    recording : Recording
    outputs : list of Refs and plain values
    """
    samples, same, known, steps, position = recording.samples, {}, {}, [], {}

    def current(ref):
        return same.get(ref, ref)

    for number, step in enumerate(recording.steps):
        args, kwargs = map_refs(step.args, current), map_refs(step.kwargs, current)
        args = _small_constants(step.function, args, samples, step.out)
        replacement = _neutral(step.function, args, kwargs, samples, step.out)
        key = None if replacement is not None else _key(step.function, args, kwargs)
        if replacement is None and key in known:
            replacement = known[key]
        if replacement is not None:
            old = outputs_of(step)
            same.update(zip(old, replacement if type(replacement) is tuple else (replacement,), strict=True))
            continue
        known[key] = step.out
        steps.append(Step(step.function, args, kwargs, step.out, step.origin))
        position[number] = len(steps)
    outputs = [current(out) if type(out) is Ref else out for out in outputs]
    guards = _merge_guards(recording.guards, current, len(recording.steps), position)
    needed = {out for out in outputs if type(out) is Ref} | {guard.ref for guard in guards}
    kept = []
    for step in reversed(steps):
        if needed.intersection(outputs_of(step)):
            kept.append(step)
            needed.update(refs_in(step.args), refs_in(step.kwargs))
    return kept[::-1], guards, outputs


def _merge_guards(guards, current, count, position):
    """Guards on the surviving values, each once."""
    merged = {}
    for guard in guards:
        guard.ref = current(guard.ref)
        merged.setdefault((guard.kind, guard.ref), guard)
    return list(merged.values())


def _is_all(value, number):
    """True if a constant equals `number` everywhere."""
    if isinstance(value, Ref) or isinstance(value, bool | str):
        return False
    if isinstance(value, int | float | np.generic):
        return value == number
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        probe = value[(0,) * value.ndim] if value.size and not any(value.strides) else value
        return bool(np.all(probe == number)) if value.size else False
    return False


def _neutral(function, args, kwargs, samples, out):
    """The Ref that a step merely repeats, or None."""
    if kwargs or type(out) is tuple or not args or type(args[0]) is not Ref and len(args) < 2:
        return None
    result = samples[out]

    def unchanged(ref):
        sample = samples[ref]
        return np.shape(sample) == np.shape(result) and getattr(sample, "dtype", None) == getattr(result, "dtype", None)

    if function in (np.multiply, np.add, np.subtract, np.divide) and len(args) == 2:
        number = 1 if function in (np.multiply, np.divide) else 0
        a, b = args
        if type(a) is Ref and _is_all(b, number) and unchanged(a):
            return a
        if type(b) is Ref and function in (np.multiply, np.add) and _is_all(a, number) and unchanged(b):
            return b
    elif type(args[0]) is Ref and unchanged(args[0]):
        if function in (np.reshape, np.broadcast_to, astype, np.positive):
            return args[0]
        if function is np.conjugate and result.dtype.kind != "c":
            return args[0]
    return None


def _small_constants(function, args, samples, out):
    """Constants that are one number repeated become that number, where another operand has the full shape."""
    if not isinstance(function, np.ufunc) or function.signature or type(out) is tuple or len(args) < 2:
        return args
    shape = np.shape(samples[out])
    if not any(type(a) is Ref and np.shape(samples[a]) == shape for a in args):
        return args
    return tuple(
        a[(0,) * a.ndim] if isinstance(a, np.ndarray) and a.ndim and a.size and not any(a.strides) else a for a in args
    )


def _key(function, args, kwargs):
    return function, _hashable(args), _hashable(kwargs)


def _hashable(tree):
    if type(tree) is Ref:
        return Ref, int(tree)
    if type(tree) is tuple or type(tree) is list:
        return type(tree), tuple(map(_hashable, tree))
    if type(tree) is dict:
        return tuple((name, _hashable(part)) for name, part in sorted(tree.items()))
    if type(tree) is slice:
        return slice, tree.start, tree.stop, tree.step
    if isinstance(tree, np.ndarray):
        return np.ndarray, id(tree)  # the array lives in the recording, so its id is its own
    try:
        hash(tree)
    except TypeError:
        return type(tree), id(tree)
    return type(tree), repr(tree) if isinstance(tree, float) else tree  # 0.0 and -0.0 differ
