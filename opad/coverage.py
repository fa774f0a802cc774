"""Which functions of NumPy and SciPy opad differentiates, from their own registers: `python -m opad.coverage`.

With `--tests tests.covered`, in a copy of the repository, the table has one more column: to which order of derivatives
the tests verify a function.
"""

import argparse
import types
from importlib import import_module

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
    if function in RULES or function in TRANSFORMS:
        return "rule"
    if function in COMPOSITES:
        return "composed"
    return "locally constant" if function in CONSTANTS else ""


def _is_public(ufunc):
    return getattr(np, ufunc.__name__, None) is ufunc


def functions():
    """{group: {name: function}}, as NumPy and SciPy list them."""
    from numpy.testing.overrides import get_overridable_numpy_array_functions, get_overridable_numpy_ufuncs

    floats = [
        f
        for f in get_overridable_numpy_ufuncs()
        if _is_public(f) and any(set(t.split("->")[-1]) & set("fd") for t in f.types)
    ]
    special = [f for f in vars(scipy.special).values() if isinstance(f, np.ufunc) and not hasattr(np, f.__name__)]
    arrays = {f"{f.__module__}.{f.__name__}": f for f in get_overridable_numpy_array_functions()}
    transforms = [n for n in scipy.fft.__all__ if n.rstrip("2n").endswith(("fft", "dct", "dst", "fht"))]
    return {
        "NumPy float ufuncs": {f.__name__: f for f in sorted(set(floats), key=lambda f: f.__name__)},
        "NumPy array functions": dict(sorted(arrays.items())),
        "scipy.special ufuncs": {f.__name__: f for f in sorted(set(special), key=lambda f: f.__name__)},
        "scipy.fft transforms": {name: getattr(scipy.fft, name) for name in transforms},
        "opad.scipy.special": _mirrored(scipy.special, opad.scipy.special),
        "opad.scipy.linalg": _mirrored(scipy.linalg, opad.scipy.linalg),
        "opad.scipy.sparse.linalg": _mirrored(scipy.sparse.linalg, opad.scipy.sparse.linalg),
        "opad.scipy.signal": _mirrored(scipy.signal, opad.scipy.signal),
    }


def _mirrored(module, mirrors):
    """The Python functions of a module of SciPy by name, as their mirrors."""
    names = [name for name in module.__all__ if isinstance(getattr(module, name), types.FunctionType)]
    return {name: getattr(mirrors, name) for name in sorted(names)}


def table():
    """{group: {name of the function: "rule", "composed", "locally constant" or ""}}.

    Examples
    --------
    >>> table()["NumPy float ufuncs"]["tanh"]
    'rule'
    """
    return {group: {name: _kind(f) for name, f in members.items()} for group, members in functions().items()}


def is_differentiated(kind):
    """Whether a function of that kind has derivatives, in both modes and to any order."""
    return kind in ("rule", "composed")


def totals():
    """{group: (how many functions are differentiated, how many there are)}."""
    return {g: (sum(map(is_differentiated, kinds.values())), len(kinds)) for g, kinds in table().items()}


def main(arguments=None):
    """Print the table and its totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", help="a module whose function orders() gives {function: order that is tested}")
    tests = parser.parse_args(arguments).tests
    orders = import_module(tests).orders() if tests else {}
    kinds, count = table(), totals()
    for group, members in functions().items():
        print(f"\n{group}")
        for name, function in members.items():
            order = f"tested to order {orders[function]}" if function in orders else ""
            print(f"  {name:48s} {kinds[group][name] or '-':18s} {order}".rstrip())
        constant = sum(kind == "locally constant" for kind in kinds[group].values())
        print(f"  {count[group][0]} of {count[group][1]} differentiated in both modes and to any order; "
              f"{constant} locally constant")  # fmt: skip


if __name__ == "__main__":
    main()
