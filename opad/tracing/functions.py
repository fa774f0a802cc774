"""Functions and operators of the user's own inside a traced program."""

from functools import update_wrapper

from opad.operators.convert import as_operator
from opad.tracing.array import TracedArray, call, record
from opad.tracing.primitives import COMPOSITES, RULES, JacobianRule


class UserPrimitive:
    """A function that is called with plain arrays and recorded as one row; made by `opad.primitive`.

    Calls with symbolic arrays (of a trace, of a recording) are theirs to record, at every level of nesting; the
    function itself only ever sees plain arrays.
    """

    def __init__(self, function):
        self.plain = function
        update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        symbolic = None
        for a in (*args, *kwargs.values()):
            if type(a) is TracedArray:  # before a recording, which records what the trace does
                return call(self, args, kwargs)
            if getattr(a, "is_symbolic", False):
                symbolic = a
        return self.plain(*args, **kwargs) if symbolic is None else symbolic.__opad_dispatch__(self, args, kwargs)

    def __repr__(self):
        return f"<primitive {self.__name__}>"


def primitive(function):
    """Decorator: make a function on plain arrays one step of traced programs.

    The function may do anything (call compiled code, use `out=`, mutate arrays of its own). State its Jacobian with
    `opad.elementwise`, `opad.linear`, `opad.bilinear` or `opad.jacobian_rule`.

    Parameters
    ----------
    function : callable; its positional arguments may be arrays

    Examples
    --------
    >>> import math, opad
    >>> @opad.primitive
    ... def area(radius):
    ...     return math.pi * radius**2
    >>> opad.elementwise(area, lambda y, r: 2 * math.pi * r)
    >>> opad.grad(area)(1.0) == 2 * math.pi
    True
    """
    return UserPrimitive(function)


def apply(op, x):
    """The product op @ x as one block of a traced program.

    Parameters
    ----------
    op : Operator, SciPy or PyLops operator, matrix or sparse matrix
    x : array of shape op.dims, or (N,), plain or traced

    Returns
    -------
    array of shape op.dimsd, or (M,) for a flat x

    Raises
    ------
    ShapeError, ConversionError

    Examples
    --------
    >>> import numpy as np, opad, pylops
    >>> smooth = pylops.Smoothing1D(3, 5)
    >>> opad.grad(lambda x: np.sum(opad.apply(smooth, x)))(np.ones(5)).round(2)
    array([0.67, 1.  , 1.  , 1.  , 0.67])
    """
    operator = as_operator(op)
    if type(x) is TracedArray and x.shape != tuple(operator.dims):
        x = x.reshape(operator.dims)
        return record(_product_with(operator), (x,), {}).reshape(-1)
    if type(x) is TracedArray:
        return record(_product_with(operator), (x,), {})
    return operator @ x


def _product_with(operator):
    primitive = JacobianRule(operator.apply, lambda y, x: operator)
    primitive.__name__ = operator.label
    return primitive


def has_rule(function):
    """True if opad can differentiate `function`.

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.has_rule(np.tanh)
    True
    """
    return function in RULES or function in COMPOSITES
