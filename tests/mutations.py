"""Would the tests notice a wrong rule? `python -m tests.mutations` breaks every rule in turn and counts who is caught.

A mutant is one block of one rule (an argument of a function) altered in memory: its sign, a factor 1.001, the sign of
the adjoint alone, a conjugate that the adjoint forgets. Functions composed of others get mutants, too: the sign of the
derivative of their result, an argument treated as constant. The checks that reach the rule run until one fails.
"""

import argparse
import contextlib
import sys
from collections import defaultdict
from copy import copy
from functools import partial

import numpy as np

import opad
from opad.operators.algebra import Identity, Operator
from opad.tracing.array import _COMPONENT, _PACK, TracedArray
from opad.tracing.assignment import ASSIGN
from opad.tracing.components import Parts
from opad.tracing.primitives import COMPOSITES, RULES, Primitive
from opad.tracing.rules.scipy_fft import TRANSFORMS
from opad.tracing.trace import Row
from tests.checks import SEED, checks, passes
from tests.tracing.registry import name_of

FACTOR = 1.001
PRIMITIVES = [p for f, p in RULES.items() if not getattr(f, "__module__", None) or "manifolds" not in f.__module__]
PRIMITIVES += [ASSIGN, _COMPONENT, _PACK]


# -- how rules are altered ------------------------------------------------------------------------------------------


def _mapped(function, X):
    """The function of an array, or of every array of a tuple variable."""
    if isinstance(X, Parts):
        return Parts(X.templates, {k: function(part) for k, part in X.present.items()})
    return tuple(map(function, X)) if isinstance(X, tuple) else function(X)


class Altered(Operator):
    """A block with an error, also a diagonal one.  Forward and adjoint: those of `op`, one of them or both altered."""

    def __init__(self, op, error):
        self.op = op
        self.error = error
        self.dims = op.dims
        self.dimsd = op.dimsd

    clinear = property(lambda self: self.op.clinear)
    data_dtype = property(lambda self: self.op.data_dtype)

    def apply(self, X):
        return self._forward(self.op.apply, X)

    def apply_adjoint(self, Y):
        return altered_adjoint(self.op.apply_adjoint, self.error, Y)

    def solve(self, Y):
        """A^-1 Y, with the error."""
        return self._forward(self.op.solve, Y)

    def solve_adjoint(self, X):
        """A^-H X, with the error."""
        return altered_adjoint(self.op.solve_adjoint, self.error, X)

    def _forward(self, function, X):
        return _scaled(function(X), self.error) if self.error in SCALES else function(X)


def altered_adjoint(function, error, Y):
    """What the adjoint of a block, a function or None for the identity, makes of Y if it has an error."""
    function = function or (lambda Y: Y)
    if error in SCALES:
        return _scaled(function(Y), error)
    if error == "sign of the adjoint":
        return _mapped(np.negative, function(Y))
    if error == "conjugate":
        return _mapped(np.conj, function(_mapped(np.conj, Y)))
    return function(Y)


def _scaled(X, error):
    return _mapped(lambda part: SCALES[error] * part, X)


WITHOUT_DERIVATIVE = {np.zeros_like, np.ones_like, np.empty_like}  # any sign of it is right
ONLY_SHAPES = {(np.full_like, 0)}  # arguments that may be constant
SCALES = {"sign": -1.0, "factor": FACTOR}
ERRORS = (*SCALES, "sign of the adjoint", "conjugate")
HARMLESS = "none"  # no error: what is caught with it is caught by mistake


def _parts(blocks):
    return (blocks.diagonal, blocks.blocks) if type(blocks) is Row else (None, blocks)


@contextlib.contextmanager
def replaced(primitive, **methods):
    """While a primitive has other methods."""
    vars(primitive).update(methods)
    try:
        yield
    finally:
        for name in methods:
            delattr(primitive, name)


def altered_rule(primitive, slot, error):
    """While the block of one argument of a primitive, or its diagonal, has an error in both modes."""
    sound = copy(primitive)

    def numbered(parents):
        return [(slot, k) for k, (slot, _) in enumerate(parents)]

    def blocks(y, args, kwargs, parents):
        def entry(k, op):
            if parents[k][0] == slot:
                op = Altered(Identity(np.shape(y)) if op is None else op, error)
            return parents[k][1], op

        diagonal, entries = _parts(sound.blocks(y, args, kwargs, numbered(parents)))
        entries = [entry(k, op) for k, op in entries]
        if diagonal is None:
            return entries
        return Row(Altered(diagonal, error) if slot == "diagonal" else diagonal, entries)

    def adjoints(y, args, kwargs, parents):  # some rules state them beside their blocks
        def entry(k, adjoint):
            if parents[k][0] == slot:
                adjoint = partial(altered_adjoint, adjoint, error)
            return parents[k][1], adjoint

        solve, entries = sound.adjoints(y, args, kwargs, numbered(parents))
        if slot == "diagonal" and solve is not None:
            solve = partial(altered_adjoint, solve, error)
        return solve, [entry(k, adjoint) for k, adjoint in entries]

    return replaced(primitive, blocks=blocks, adjoints=adjoints)


def _with_altered_derivative(y, error):
    """The same value with the derivative of the opposite sign."""
    if isinstance(y, tuple | list):
        parts = [_with_altered_derivative(part, error) for part in y]
        return y._make(parts) if hasattr(y, "_make") else type(y)(parts)
    if type(y) is not TracedArray:
        return y
    return opad.stop_gradient(y) + SCALES[error] * (y - opad.stop_gradient(y))


def _constant(x):
    """Traced arrays, also those in lists, as plain values."""
    if isinstance(x, tuple | list):
        return type(x)(map(_constant, x))
    return opad.stop_gradient(x) if type(x) is TracedArray else x


def _replaced(args, kwargs, place):
    args, kwargs = list(args), dict(kwargs)
    values = args if isinstance(place, int) else kwargs
    if (place < len(args)) if isinstance(place, int) else place in kwargs:
        values[place] = _constant(values[place])
    return args, kwargs


@contextlib.contextmanager
def altered_composite(register, function, place):
    """While the derivative of a composed function has the wrong sign, or ignores the argument at `place`."""
    original = register[function]

    def implementation(*args, **kwargs):
        if place in SCALES:
            return _with_altered_derivative(original(*args, **kwargs), place)
        args, kwargs = _replaced(args, kwargs, place)
        return original(*args, **kwargs)

    implementation.__wrapped__ = original  # its signature is what errors quote
    register[function] = implementation
    try:
        yield
    finally:
        register[function] = original


# -- what a check reaches -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def observed(reached):
    """While every block that is made, and every composed function that is called, is put into `reached`."""
    originals = [(register, f, implementation) for register in (COMPOSITES, TRANSFORMS)
        for f, implementation in register.items()]  # fmt: skip
    for register, f, implementation in originals:
        register[f] = _observing_call(register, f, implementation, reached)
    try:
        with contextlib.ExitStack() as stack:
            for primitive in PRIMITIVES:
                stack.enter_context(replaced(primitive, blocks=_observing_blocks(primitive, reached),
                    adjoints=partial(Primitive.adjoints, primitive)))  # fmt: skip
            yield
    finally:
        for register, f, implementation in originals:
            register[f] = implementation


def _observing_blocks(primitive, reached):
    original = primitive.blocks

    def blocks(y, args, kwargs, parents):
        result = original(y, args, kwargs, parents)
        if type(result) is Row:
            reach("diagonal", _conjugates(result.diagonal, "solve_adjoint", y))
        for parent in parents:
            for _, op in _parts(original(y, args, kwargs, [parent]))[1]:
                reach(parent[0], op is not None and _conjugates(op, "apply_adjoint", y))
        return result

    def reach(slot, conjugates):
        errors = [e for e in ERRORS if e != "conjugate" or conjugates]
        reached.update(("rule", primitive, slot, error) for error in errors)

    return blocks


def _conjugates(op, adjoint, y):
    """Whether the adjoint (a method) of the block of a complex result would differ without its conjugates."""
    if isinstance(y, tuple) or type(y) is TracedArray or np.asarray(y).dtype.kind != "c":
        return False
    rng = np.random.default_rng(0)
    Y = rng.standard_normal(op.dimsd) + 1j * rng.standard_normal(op.dimsd)
    sound, broken = (getattr(block, adjoint)(Y) for block in (op, Altered(op, "conjugate")))
    pairs = zip(sound, broken, strict=True) if isinstance(sound, tuple | Parts) else [(sound, broken)]
    return any(type(a) is not TracedArray and not np.allclose(a, b) for a, b in pairs)


def _is_traced(x):
    return any(map(_is_traced, x)) if isinstance(x, tuple | list) else type(x) is TracedArray


def _observing_call(register, function, original, reached):
    def implementation(*args, **kwargs):
        y = original(*args, **kwargs)
        if _is_traced(y) and function not in WITHOUT_DERIVATIVE:
            reached.add(("composed", Registered(register, function), "sign"))
        for place, x in [*enumerate(args), *kwargs.items()]:
            if _is_traced(x) and (function, place) not in ONLY_SHAPES:
                reached.add(("composed", Registered(register, function), place))
        return y

    implementation.__wrapped__ = original
    return implementation


class Registered:
    """A function in one of the registers of composed functions; equal if both are the same."""

    def __init__(self, register, function):
        self.register = register
        self.function = function

    def __eq__(self, other):
        return self.register is other.register and self.function == other.function

    def __hash__(self):
        return hash(self.function)


def observe(check):
    """Fill `check.reached`; the check must pass."""
    with observed(check.reached):
        if not passes(check):
            raise AssertionError(f"{check.name} fails without any mutation")


# -- mutants --------------------------------------------------------------------------------------------------------


def is_about(mutant, function):
    """Whether a mutant is one of the rule of a function, or of its composition."""
    subject = mutant[1]
    return subject.function is function if isinstance(subject, Registered) else subject is RULES.get(function)


def is_caught(mutant, candidates):
    """Whether one of the checks fails while the mutant lives."""
    with altered(mutant):
        return not all(map(passes, candidates))


def altered(mutant):
    """The context manager that makes a mutant of `reached`."""
    kind, subject, *rest = mutant
    if kind == "rule":
        return altered_rule(subject, *rest)
    return altered_composite(subject.register, subject.function, *rest)


def describe(mutant):
    """A line for the report."""
    kind, subject, *rest = mutant
    if kind == "rule":
        return f"{subject.__name__}: {rest[1]} of block {rest[0]}"
    return f"{name_of(subject.function)}: {'sign' if rest[0] in SCALES else f'argument {rest[0]} constant'}"


def survivors(candidates, limit=None, report=lambda line: None):
    """(mutants that no check noticed, how many there were) among those that the checks reach.

    Parameters
    ----------
    candidates : list of Check
    limit : int, a sample of this size instead of all
    """
    reaching = defaultdict(list)
    for check in candidates:
        observe(check)
        for mutant in check.reached:
            reaching[mutant].append(check)
    mutants = sorted(reaching, key=describe)
    if limit is not None:
        mutants = [mutants[k] for k in np.random.default_rng(SEED).permutation(len(mutants))[:limit]]
    alive = []
    for k, mutant in enumerate(mutants):
        if k % 200 == 0:
            report(f"{k} of {len(mutants)} mutants, {len(alive)} survive")
        ordered = sorted(reaching[mutant], key=lambda check: len(check.reached))  # the most specific ones first
        if not is_caught(mutant, ordered):
            alive.append(mutant)
    return alive, len(mutants)


def main():
    """Print how many mutants are caught, and the names of the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, help="a random sample of this many mutants")
    parser.add_argument("--match", default="", help="only checks whose name contains this")
    arguments = parser.parse_args()
    candidates = [check for check in checks() if arguments.match in check.name]
    alive, count = survivors(candidates, arguments.sample, lambda line: print(line, file=sys.stderr))
    for mutant in alive:
        print("survives:", describe(mutant))
    print(f"{count - len(alive)} of {count} mutants caught by {len(candidates)} checks: "
          f"{100 * (1 - len(alive) / max(count, 1)):.2f} %")  # fmt: skip
    unreached = {p.__name__ for p in PRIMITIVES} - {
        m[1].__name__ for check in candidates for m in check.reached if m[0] == "rule"
    }
    if not arguments.match:
        print("rules that no check reaches:", ", ".join(sorted(unreached)) or "none")


if __name__ == "__main__":
    main()
