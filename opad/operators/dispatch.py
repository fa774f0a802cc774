"""Functions that NumPy's protocols do not reach, made to dispatch on their arguments as NumPy's own functions do."""

from functools import wraps

import numpy as np

_PLAIN = {np.ndarray, int, float, complex, bool, str, slice, type(None), type(Ellipsis), list}


def dispatchable(function):
    """Let an array type take over `function`, as `__array_function__` does for the functions of NumPy.

    If an argument, or an element of an argument that is a tuple, has a method
    `__opad_dispatch__(function, args, kwargs)`, the first one found is called in place of `function`.

    Examples
    --------
    >>> @dispatchable
    ... def double(x):
    ...     return 2 * x
    >>> class Symbol:
    ...     def __opad_dispatch__(self, function, args, kwargs):
    ...         return f"{function.__name__}(symbol)"
    >>> double(3), double(Symbol())
    (6, 'double(symbol)')
    """

    @wraps(function)
    def dispatching(*args, **kwargs):
        for argument in args:
            for part in argument if type(argument) is tuple else (argument,):
                if type(part) not in _PLAIN:
                    hook = getattr(part, "__opad_dispatch__", None)
                    if hook is not None:
                        return hook(dispatching, args, kwargs)
        return function(*args, **kwargs)

    return dispatching


def plain(x):
    """The array inside a traced one, through all levels, for decisions that have no derivative; others as they are."""
    while hasattr(x, "tape"):
        x = x.value
    return x


@dispatchable
def constant_like(array, prototype):
    """An array of constants in the kind of another array: recorded, for example, if that one is."""
    return array
