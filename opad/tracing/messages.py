"""What errors of traced programs say: the function, the caller's line, the way out."""

import os
import sys
import traceback
from functools import lru_cache
from importlib.util import find_spec
from numbers import Number
from pathlib import Path

import numpy as np

from opad.errors import MissingRuleError, OpadError, StructureError, TracingError


def missing_rule(function, suffix=""):
    """The error for a function without a rule."""
    return MissingRuleError(
        f"{name_of(function)}{suffix} was called on a traced array{caller()}, and opad has no Jacobian rule for it. "
        "Expected a function with a rule: write it with other NumPy functions, or state its Jacobian with "
        "@opad.jacobian_rule."
    )


_SUBCLASSES = {
    np.matrix: ("whose products and shapes differ from those of arrays", "np.asarray(M)"),
    np.ma.MaskedArray: (
        "whose masked elements would count in derivatives",
        "np.where(mask, 0, values), or w.filled(0)",
    ),
}


def refuse_subclass(kind):
    """Raise for the subclasses of ndarray that compute in another way."""
    for refused, (problem, remedy) in _SUBCLASSES.items():
        if issubclass(kind, refused):
            raise TracingError(
                f"a traced array met a {kind.__module__}.{kind.__name__}{caller()}, {problem}; expected an array. "
                f"Write {remedy}."
            )


def explain(error):
    """Raise in place of an error of compiled code, or of another library, that hides what it was given."""
    if isinstance(error.__cause__, TracingError):  # NumPy says "setting an array element with a sequence"
        raise error.__cause__
    text = str(error)
    if isinstance(error, OpadError) or not isinstance(error, TypeError):
        return
    if "TracedArray" in text or "RecordedArray" in text:
        raise TracingError(
            f"a traced array met code that takes plain arrays or numbers alone ({text}); expected NumPy functions and "
            "operators. Write opad.apply(op, x) for linear solvers and operators such as splu(A).solve, make the code "
            "an opad.primitive with a Jacobian rule, or give it opad.stop_gradient(x) if no derivative is wanted."
        ) from error
    if "dtype('O')" in text or "not supported for the input types" in text:
        lines = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__) if not library(f.filename)]
        place = f" ({lines[-1][0]}:{lines[-1][1]})" if lines else ""
        raise TracingError(
            f"a function met an array of objects{place}, which np.array makes of traced numbers ({text}); expected an "
            "array of numbers. Write np.stack([a, b]), or np.block([[a, b], [c, d]]) for rows, in place of np.array."
        ) from error


def require_known_leaves(leaves, where):
    """Raise for an object that opad does not look into: the arrays in it would count as constants."""
    for leaf in leaves:
        if not hasattr(leaf, "__array_function__") and not isinstance(leaf, _LEAVES):
            raise StructureError(
                f"{where} an object of type {type(leaf).__name__}, into which opad does not look; expected arrays, "
                "numbers, and nested tuples, lists, dicts and named tuples of them. Take a tuple or dict of what it "
                "holds, or register its class with optree.register_pytree_node(…, namespace='opad')."
            )


_LEAVES = (Number, np.generic, str, bytes)


def name_of(function):
    """The name of a function with its module."""
    module = getattr(function, "__module__", None) or ("numpy" if isinstance(function, np.ufunc) else "")
    return f"{module}.{getattr(function, '__name__', function)}".lstrip(".")


def caller():
    """' (file:line)' of the innermost frame outside opad, NumPy and SciPy."""
    file, line = users_line()
    return f" ({file}:{line})" if file else ""


def users_line(end=None):
    """(file, line) of the innermost frame outside opad, NumPy and SciPy; ("", 0) if code of the file `end` calls it."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file == end:
            break
        if library(file) is None:
            return file, frame.f_lineno
        frame = frame.f_back
    return "", 0


_FOLDERS = {name: str(Path(find_spec(name).origin).parent) + os.sep for name in ("opad", "numpy", "scipy")}


@lru_cache(maxsize=1024)
def library(file):
    """The one of opad, NumPy and SciPy that a file of code belongs to, or None.

    A user may keep files in a folder called numpy, and examples in docstrings run under the name of their module.
    """
    return next((name for name, folder in _FOLDERS.items() if file.startswith(folder)), None)


MIRRORED = {"scipy.linalg", "scipy.signal", "scipy.sparse", "scipy.sparse.linalg", "scipy.special"}


def scipy_function():
    """(module, name) of SciPy's function or constructor that the innermost frames run, "" for the name in a method.

    Outside SciPy both are empty.
    """
    frame, found = sys._getframe(1), ("", "")
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("scipy."):
            name = frame.f_code.co_name
            if module.startswith("scipy._lib.") and hasattr(f := frame.f_locals.get("f"), "__name__"):
                module, name = f.__module__, f.__name__  # in a decorator of f, which takes stacks of matrices apart
            package = module.partition("._")[0]
            if name == "__init__":
                name = type(frame.f_locals.get("self")).__name__
            if hasattr(sys.modules.get(package), name):
                found = package, name
            elif not found[0]:
                found = package, ""
        elif not module.startswith(("numpy", "opad.tracing", "opad.programs")):
            break
        frame = frame.f_back
    return found


def instead_of_scipy():
    """The way out for a traced array in a function of SciPy that works on plain ones; an empty string outside SciPy."""
    module, name = scipy_function()
    if module in MIRRORED and name:
        return f"{module}.{name} works on plain arrays: write opad.{module}.{name}, its mirror with the same arguments."
    if module:
        return (
            f"{f'{module}.{name}' if name else f'This part of {module}'} works on plain arrays and has no mirror in "
            "opad.scipy: write it with NumPy, use opad.apply(op, x) for a linear operator, or make the call an "
            "opad.primitive with a Jacobian rule (opad.Row where it solves an equation)."
        )
    return ""
