"""What errors of traced programs say: the function, the caller's line, the way out."""

import os
import sys
from importlib.util import find_spec

import numpy as np

import opad
from opad.errors import MissingRuleError

_LIBRARIES = tuple(os.path.dirname(path) + os.sep for path in (opad.__file__, np.__file__, find_spec("scipy").origin))


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
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
        frame = frame.f_back
    return "" if frame is None else f" ({frame.f_code.co_filename}:{frame.f_lineno})"
