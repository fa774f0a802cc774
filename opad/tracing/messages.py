"""What errors of traced programs say: the function, the caller's line, the way out."""

import traceback

import numpy as np

from opad.errors import MissingRuleError


def missing_rule(function, suffix=""):
    """The error for a function without a rule."""
    return MissingRuleError(
        f"{name_of(function)}{suffix} was called on a traced array{caller()}, and opad has no Jacobian rule for it. "
        "Expected a function with a rule: write it with other NumPy functions, or state its Jacobian with "
        "@opad.jacobian_rule."
    )


def name_of(function):
    """The name of a function with its module."""
    module = getattr(function, "__module__", None) or ("numpy" if isinstance(function, np.ufunc) else "")
    return f"{module}.{getattr(function, '__name__', function)}".lstrip(".")


def caller():
    """' (file:line)' of the innermost frame outside opad, NumPy and SciPy."""
    for frame in reversed(traceback.extract_stack()):
        path = frame.filename.replace("\\", "/")
        if not any(part in path for part in ("/opad/tracing/", "/numpy/", "/scipy/", "/opad/calculus/")):
            return f" ({frame.filename}:{frame.lineno})"
    return ""
