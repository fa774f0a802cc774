"""NumPy's protocols on traced arrays: the rule, composition or constant function that answers a call."""

import inspect
from functools import lru_cache

import numpy as np

from opad.errors import TracingError, UnsupportedArgumentError
from opad.tracing.array import TracedArray, plain, record, record_one, record_pair
from opad.tracing.messages import caller, missing_rule, name_of, refuse_subclass
from opad.tracing.primitives import COMPOSITES, CONSTANTS, RULES, UFUNC_METHODS
from opad.tracing.trace import ObjectArrayMet

_NO_EFFECT = {"order", "subok"}  # on the values of a ufunc


def call(function, args, kwargs):
    """What NumPy's function does with arguments among which there are traced arrays.

    A function may have both a rule, for the usual arguments, and a composition, for those the rule does not cover.
    """
    primitive = RULES.get(function)
    implementation = COMPOSITES.get(function)
    if kwargs:
        kwargs = _without_defaults(function, kwargs)
    if primitive is not None:
        if kwargs or len(args) > 1:
            try:
                primitive.check_call(args, kwargs)
            except UnsupportedArgumentError:
                if implementation is None:
                    raise
                return _call_composite(function, implementation, args, kwargs)
        return record(primitive, args, kwargs)
    if implementation is not None:
        return _call_composite(function, implementation, args, kwargs)
    if function in CONSTANTS:
        return _constant(CONSTANTS[function], args, kwargs)
    raise missing_rule(function)


def _without_defaults(function, kwargs, suffix=""):
    """Keywords without those that say nothing; `out` is refused."""
    if kwargs.get("out") is not None:
        _refuse_out(function, suffix)
    return {name: value for name, value in kwargs.items() if not _is_default(name, value)}


def _is_default(name, value):
    if name == "where":
        return value is True or value is np._NoValue
    return value is np._NoValue or (value is None and name in ("out", "dtype", "initial"))


def _refuse_out(function, suffix=""):
    raise TracingError(
        f"{name_of(function)}{suffix} was to write a traced value into an existing array (out=, or an in-place "
        f"operator such as y += x){caller()}. Expected an expression that makes a new array: write y = y + x, or "
        "y = f(x) in place of f(x, out=y)."
    )


@lru_cache(maxsize=1024)
def _signature(implementation):
    """The signature of a composition, and the position of its argument `out`."""
    signature = inspect.signature(implementation)
    names = list(signature.parameters)
    return signature, names.index("out") if "out" in names else None


def _call_composite(function, implementation, args, kwargs, suffix=""):
    signature, out = _signature(implementation)
    if out is not None and len(args) > out and args[out] is not None:
        _refuse_out(function, suffix)
    try:
        return implementation(*args, **kwargs)
    except TypeError as error:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as reason:
            raise UnsupportedArgumentError(
                f"{name_of(function)}{suffix} was called on a traced array with arguments that opad does not cover"
                f"{caller()}: {reason}. Expected {signature}; write the operation without it."
            ) from error
        raise


def _constant(function, args, kwargs):
    return function(*map(plain_nested, args), **{name: plain_nested(value) for name, value in kwargs.items()})


def plain_nested(x):
    """`plain` on the elements of lists and tuples, too."""
    if isinstance(x, list | tuple):
        return type(x)(plain_nested(part) for part in x)
    return plain(x)


# -- universal functions ----------------------------------------------------------------------------------------------


def _ufunc_call(ufunc, method, inputs, kwargs):
    """Ufuncs without a rule of their own, with keywords, or used through reduce, accumulate, outer, reduceat, at."""
    suffix = "" if method == "__call__" else f".{method}"
    kwargs = _without_defaults(ufunc, kwargs, suffix)
    if ufunc in CONSTANTS:
        return _constant(CONSTANTS[ufunc] if not suffix else getattr(ufunc, method), inputs, kwargs)
    if method == "__call__":
        inputs, kwargs = _in_dtype(ufunc, inputs, _understood(ufunc, kwargs))
        return call(ufunc, inputs, kwargs)
    implementation = UFUNC_METHODS.get(method)
    if implementation is None or (ufunc not in RULES and ufunc not in COMPOSITES):
        raise missing_rule(ufunc, suffix)
    return _call_composite(ufunc, implementation, (ufunc, *inputs), kwargs, suffix)


def _understood(ufunc, kwargs):
    """Keywords of a ufunc without those that do not change its value; `where` is refused."""
    if "where" in kwargs:
        raise UnsupportedArgumentError(
            f"{name_of(ufunc)} was called on a traced array with where={kwargs['where']!r:.60}{caller()}, which leaves "
            "the other elements of a new array undefined; expected a value everywhere. Write np.where(mask, "
            f"np.{ufunc.__name__}(x), otherwise)."
        )
    return {name: value for name, value in kwargs.items() if name not in _NO_EFFECT}


def _in_dtype(ufunc, inputs, kwargs):
    """The arguments converted to what dtype= and casting= ask for, and the other keywords."""
    kwargs = dict(kwargs)
    casting = kwargs.pop("casting", "same_kind")
    if "dtype" not in kwargs:
        return inputs, kwargs
    dtype = np.dtype(kwargs["dtype"])
    if dtype.char * ufunc.nin + "->" + dtype.char not in ufunc.types or dtype.kind not in "fc":
        return inputs, kwargs  # refused by name where the rule is looked up
    del kwargs["dtype"]
    return tuple(_converted(ufunc, a, dtype, casting) for a in inputs), kwargs


def _converted(ufunc, a, dtype, casting):
    if isinstance(a, int | float | complex) and not isinstance(a, np.generic):
        return dtype.type(a)
    a = a if hasattr(a, "dtype") else np.asarray(a)
    if not np.can_cast(a.dtype, dtype, casting):
        raise TypeError(f"Cannot cast ufunc '{ufunc.__name__}' input from {a.dtype!r} to {dtype!r} with casting rule "
                        f"'{casting}'")  # fmt: skip
    return a.astype(dtype)


# -- the protocols ----------------------------------------------------------------------------------------------------


def _array_ufunc(self, ufunc, method, *inputs, **kwargs):
    try:
        if method == "__call__" and not kwargs:
            primitive = RULES.get(ufunc)
            if primitive is not None:
                if len(inputs) == 1:
                    return record_one(primitive, self)
                if len(inputs) == 2 and primitive.takes_operands:
                    return record_pair(primitive, *inputs)
                return record(primitive, inputs, kwargs)
        return _ufunc_call(ufunc, method, inputs, kwargs)
    except ObjectArrayMet:
        return getattr(ufunc, method)(*self.without_objects(inputs), **kwargs)


def _array_function(self, function, types, args, kwargs):
    for kind in types:
        if kind is not TracedArray and kind is not np.ndarray:
            refuse_subclass(kind)
    try:
        return call(function, args, kwargs)
    except ObjectArrayMet:
        return function(*self.without_objects(args), **self.without_objects(kwargs))


def _dispatch(self, function, args, kwargs):
    return call(function, args, kwargs)


TracedArray.__array_ufunc__ = _array_ufunc
TracedArray.__array_function__ = _array_function
TracedArray.__opad_dispatch__ = _dispatch
