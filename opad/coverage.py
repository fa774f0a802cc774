"""`python -m opad.coverage`: which functions of NumPy and SciPy opad differentiates, from their own registers."""

import types

import numpy as np
import scipy.fft
import scipy.special

import opad.scipy.linalg
import opad.scipy.signal
import opad.scipy.sparse.linalg
import opad.scipy.special
from opad.tracing.primitives import COMPOSITES, CONSTANTS, RULES
from opad.tracing.rules.scipy_fft import TRANSFORMS


def _kind(function):
    """How a function is covered; an empty string if it is not."""
    if function in RULES:
        return "rule"
    if function in COMPOSITES:
        return "composed"
    return "locally constant" if function in CONSTANTS else ""


def _is_public(ufunc):
    return getattr(np, ufunc.__name__, None) is ufunc


def table():
    """{group: {name of the function: "rule", "composed", "locally constant" or ""}}.

    Examples
    --------
    >>> table()["NumPy float ufuncs"]["tanh"]
    'rule'
    """
    from numpy.testing.overrides import get_overridable_numpy_array_functions, get_overridable_numpy_ufuncs

    floats = [
        f
        for f in get_overridable_numpy_ufuncs()
        if _is_public(f) and any(set(t.split("->")[-1]) & set("fd") for t in f.types)
    ]
    special = [f for f in vars(scipy.special).values() if isinstance(f, np.ufunc) and not hasattr(np, f.__name__)]
    transforms = {name: "rule" if getattr(scipy.fft, name) in TRANSFORMS else "" for name in _transform_names()}
    functions = {f"{f.__module__}.{f.__name__}": f for f in get_overridable_numpy_array_functions()}
    return {
        "NumPy float ufuncs": {f.__name__: _kind(f) for f in sorted(set(floats), key=lambda f: f.__name__)},
        "NumPy array functions": {name: _kind(f) for name, f in sorted(functions.items())},
        "scipy.special ufuncs": {f.__name__: _kind(f) for f in sorted(set(special), key=lambda f: f.__name__)},
        "scipy.fft transforms": transforms,
        "opad.scipy.special": _mirrored(scipy.special, opad.scipy.special),
        "opad.scipy.linalg": _mirrored(scipy.linalg, opad.scipy.linalg),
        "opad.scipy.sparse.linalg": _mirrored(scipy.sparse.linalg, opad.scipy.sparse.linalg),
        "opad.scipy.signal": _mirrored(scipy.signal, opad.scipy.signal),
    }


def _mirrored(module, mirrors):
    """The Python functions of a module of SciPy, and how their mirrors are covered."""
    names = [name for name in module.__all__ if isinstance(getattr(module, name), types.FunctionType)]
    return {name: _kind(getattr(mirrors, name)) for name in sorted(names)}


def _transform_names():
    return [name for name in scipy.fft.__all__ if name.rstrip("2n").endswith(("fft", "dct", "dst", "fht"))]


def main():
    """Print the table and its totals."""
    for group, functions in table().items():
        print(f"\n{group}")
        for name, kind in functions.items():
            print(f"  {name:48s} {kind or '-'}")
        counts = [sum(kind == wanted for kind in functions.values()) for wanted in ("rule", "composed")]
        print(f"  {sum(counts)} of {len(functions)} differentiated in both modes and to any order; "
              f"{sum(kind == 'locally constant' for kind in functions.values())} locally constant")  # fmt: skip


if __name__ == "__main__":
    main()
