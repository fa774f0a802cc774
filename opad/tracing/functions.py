"""Functions and operators of the user's own inside a traced program."""

from functools import update_wrapper

from opad.errors import ShapeError, TracingError
from opad.operators.algebra import Wrapper
from opad.operators.convert import as_operator
from opad.operators.foreign import opaque_product
from opad.tracing.array import TracedArray, caller, record
from opad.tracing.calls import call
from opad.tracing.primitives import COMPOSITES, RULES, JacobianRule, operator_rule


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
                return self._uncaptured(call(self, args, kwargs))
            if getattr(a, "is_symbolic", False):
                symbolic = a
        return self.plain(*args, **kwargs) if symbolic is None else symbolic.__opad_dispatch__(self, args, kwargs)

    def _uncaptured(self, result):
        """The result, which must not hold a value of its own trace or of a later one."""
        if _captures(result):
            raise TracingError(
                f"{self.__name__} used a traced array that is not among its arguments{caller()}; expected everything "
                "that is differentiated among the arguments of a primitive. Pass it as one."
            )
        return result

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
    op : Operator, SciPy or PyLops operator, matrix or sparse matrix, or `splu(A).solve`
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
    if type(x) is not TracedArray:
        return operator @ x
    if x.shape == tuple(operator.dims):
        return _product(operator, x)
    if x.shape != operator.shape[1:]:
        raise ShapeError(
            f"opad.apply({operator!r}, x) with x of shape {x.shape}; expected {operator.dims} or {operator.shape[1:]}. "
            "Reshape the array."
        )
    return _product(operator, x.reshape(operator.dims)).reshape(-1)


def _product(operator, x):
    y = record(_product_with(operator), (x,), {})
    return operator.apply(x) if _captures(y) else y  # an operator that itself holds traced arrays


def _captures(result):
    """True if a recorded result contains values of the trace that recorded it, or of a later one."""
    results = result if isinstance(result, tuple) else (result,)
    return any(
        type(y) is TracedArray and type(y.value) is TracedArray and y.value.tape.level >= y.tape.level for y in results
    )


class OnStacks(Wrapper):
    """An operator on arrays that have batch axes already.  Forward and adjoint: as `op`.

    Parameters
    ----------
    op : Operator
    dims, dimsd : shapes of the stacks, (*batch, *op.dims) and (*batch, *op.dimsd)
    """

    def __init__(self, op, dims, dimsd):
        self.op = op
        self.dims = dims
        self.dimsd = dimsd

    def apply(self, X):
        return self.op.apply(X)

    def apply_adjoint(self, Y):
        return self.op.apply_adjoint(Y)


@operator_rule(opaque_product)
def _(y, X, op, adjoint=False):
    return OnStacks(op.H if adjoint else op, X.shape, y.shape)


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
