"""Mirrors: functions of SciPy that NumPy's protocols do not reach, under their own names and signatures.

On plain arrays a mirror is SciPy's function. On traced arrays it is recorded: by a rule that states its Jacobian, or
as the same function written with functions that have rules. What has neither is refused by name.
"""

import inspect
import types

import numpy as np

from opad.errors import MissingRuleError
from opad.operators.dispatch import plain
from opad.tracing.array import TracedArray
from opad.tracing.calls import call
from opad.tracing.functions import UserPrimitive
from opad.tracing.messages import caller
from opad.tracing.primitives import COMPOSITES, CONSTANTS, RULES, composite, constant
from opad.tracing.rules.helpers import wants

MIRRORS = {}  # name of a module of SciPy -> {name of the function: Mirror}

# Keywords that change how SciPy computes, not what; check_finite is obeyed by the mirror itself.
NEUTRAL = {
    "blocksize", "check_finite", "overwrite_a", "overwrite_ab", "overwrite_b", "overwrite_data", "overwrite_x",
    "use_umfpack", "workers",
}  # fmt: skip


class Mirror(UserPrimitive):
    """A function of SciPy that is recorded when an array among its arguments is traced.

    Keywords at their default values are left out, so that a rule or an implementation names those that it covers.

    Parameters
    ----------
    function : SciPy's function
    module : the module of SciPy that it is known from
    reason : what to do instead, for a function that is refused
    opaque : bool, whether `opad.compile` records a call of SciPy's function; if not, what its implementation does
    axes : int, how many axes array arguments may have; None if stacks of matrices are covered
    """

    def __init__(self, function, module, reason="", opaque=True, axes=None):
        super().__init__(function)
        self.opaque = opaque
        self.axes = axes
        self.__module__ = module.__name__
        self.signature = inspect.signature(function)
        self.reason = reason
        MIRRORS.setdefault(module.__name__, {})[function.__name__] = self

    def __call__(self, *args, **kwargs):
        symbols = symbols_in((args, kwargs))
        if not symbols:
            return self.plain(*args, **kwargs)
        traced = [symbol for symbol in symbols if type(symbol) is TracedArray]
        if not traced and self.opaque:
            return symbols[0].__opad_dispatch__(self, *self._without_overwriting(args, kwargs))
        if self in CONSTANTS:
            return call(self, args, kwargs)
        if self not in RULES and self not in COMPOSITES:
            raise MissingRuleError(
                f"{self.__module__}.{self.__name__} was called on a traced array{caller()}, and opad does not "
                f"differentiate it. Expected one of opad.{self.__module__}'s functions with a rule (python -m "
                f"opad.coverage lists them). {self.reason or 'Write it with those, or use opad.primitive.'}"
            )
        return call(self, *self._bound(args, kwargs))

    def __repr__(self):
        return f"<mirror of {self.__module__}.{self.__name__}>"

    def _without_overwriting(self, args, kwargs):
        """The arguments of a call that is recorded, whose values later calls need."""
        bound = self.signature.bind(*args, **kwargs)
        bound.arguments.update((name, False) for name in bound.arguments if name.startswith("overwrite_"))
        return bound.args, bound.kwargs

    def _bound(self, args, kwargs):
        """(positional arguments, keywords that are not at their defaults)."""
        bound = self.signature.bind(*args, **kwargs)
        parameters = self.signature.parameters
        if "check_finite" in parameters and bound.arguments.get("check_finite", parameters["check_finite"].default):
            _require_finite([*bound.args, *bound.kwargs.values()])
        positional, keywords = [], {}
        for name, value in bound.arguments.items():
            parameter = parameters[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                positional.extend(map(_as_array, value))
            elif parameter.default is parameter.empty:
                positional.append(_as_array(value))
            elif name not in NEUTRAL and not _is_equal(value, parameter.default):
                keywords[name] = self._covered(name, _as_array(value))
        if self.axes is not None:
            self._require_no_stacks([*positional, *keywords.values()])
        return positional, keywords

    def _require_no_stacks(self, values):
        for value in values:
            if type(value) is tuple:
                self._require_no_stacks(value)
            elif np.ndim(value) > self.axes:
                raise wants(
                    f"{self.__module__}.{self.__name__}",
                    f"an array of shape {np.shape(value)}",
                    f"arrays with at most {self.axes} axes; write np.stack([f(A) for A in stack])",
                )

    def _covered(self, name, value):
        """The value of a keyword that the rule or the implementation names."""
        stated = RULES[self].keywords if self in RULES else inspect.signature(COMPOSITES[self]).parameters
        if name not in stated:
            given = [n for n in self.signature.parameters if n in stated or n in NEUTRAL]
            raise wants(f"{self.__module__}.{self.__name__}", f"{name}={value!r:.60}", f"only the arguments {given}")
        return value


def mirror(function, module, opaque=True, axes=None):
    """Decorator: the function below is SciPy's `function` written with functions that have rules.

    The result is the `Mirror`. The implementation names the keywords that it covers, and is called if one of its
    arguments is traced.
    """
    mirrored = Mirror(function, module, opaque=opaque, axes=axes)

    def register(implementation):
        composite(mirrored)(implementation)
        return mirrored

    return register


def constant_mirrors(module, *names):
    """Declare functions of a module whose results are locally constant."""
    constant(*(Mirror(getattr(module, name), module) for name in names))


def refuse(module, **reasons):
    """Declare functions of a module that are refused on traced arrays, and what to do instead."""
    for name, reason in reasons.items():
        if hasattr(module, name):  # not in every version of SciPy
            Mirror(getattr(module, name), module, reason)


def mirror_of(module, name):
    """What a module of mirrors has under a name that it does not define: SciPy's object, or a mirror that refuses."""
    found = getattr(module, name)
    if not isinstance(found, types.FunctionType) or name.startswith("_"):
        return found
    return MIRRORS[module.__name__].get(found.__name__) or Mirror(found, module)


class StoredValues:
    """Base class of containers whose attribute `data` may be a symbolic array."""

    __slots__ = ()


def symbols_in(tree):
    """The symbolic arrays among nested tuples, lists, dicts, object arrays and sparse arrays."""
    if isinstance(tree, tuple | list):
        return [symbol for part in tree for symbol in symbols_in(part)]
    if isinstance(tree, dict):
        return symbols_in(list(tree.values()))
    if type(tree) is np.ndarray and tree.dtype.hasobject:
        return symbols_in(tree.reshape(-1).tolist())
    if getattr(tree, "is_symbolic", False):
        return [tree]
    return symbols_in(tree.data) if isinstance(tree, StoredValues) else []


def _as_array(value):
    """Lists as arrays, with traced numbers in them stacked, also within tuples; other values as they are."""
    if type(value) is tuple:
        return tuple(map(_as_array, value))
    if type(value) is list:
        return np.stack([_as_array(part) for part in value]) if symbols_in(value) else np.asarray(value)
    return TracedArray.without_objects(value)


def _is_equal(value, default):
    return value is default or (type(value) in (bool, int, float, str) and value == default)


def _require_finite(values):
    for value in values:
        if isinstance(value, tuple | list):
            _require_finite(value)
        elif _is_floating(value) and not np.all(np.isfinite(plain(value))):
            raise ValueError("array must not contain infs or NaNs")


def _is_floating(value):
    return hasattr(value, "dtype") and value.dtype.kind in "fc"
