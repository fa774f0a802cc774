"""Functions that a trace records, and the forms in which their Jacobians are stated.

A rule states the Jacobian once, as operators; both modes follow. In order of preference:

    elementwise(np.tanh, lambda y, x: 1 - y**2)        one partial per argument, y is the output
    linear(f, adjoint=…)                               the block is the function itself
    bilinear(f, left=…, right=…)                       linear in each of two arguments
    jacobian_rule(f)                                   anything else: one operator per array argument
"""

import inspect

import numpy as np

from opad.blocks.entries import Implicit
from opad.errors import UnsupportedArgumentError
from opad.operators.algebra import Identity, Operator, Product
from opad.operators.base import is_compound
from opad.operators.convert import as_operator
from opad.operators.elementwise import Cast
from opad.tracing.components import IntoParts
from opad.tracing.trace import Row

RULES = {}  # function -> Primitive
COMPOSITES = {}  # function -> the same function written with functions that have rules
UFUNC_METHODS = {}  # "reduce", "accumulate", … -> implementation(ufunc, *arguments), for every ufunc with a rule
CONSTANTS = {}  # function -> function, for results that are locally constant: comparisons, argmax, sign, shape


class Primitive:
    """A function that is recorded as one row of the block system.

    Parameters
    ----------
    function : callable on plain arrays
    blocks : see subclasses; `blocks(y, args, kwargs, parents)` returns [(column, Operator or None), …] or a Row
    """

    multiple = False  # whether the function returns several arrays
    joins_numbers = False  # whether it is np.array of numbers, whose tangent `joined` makes at once
    reads_part = False  # whether it is X -> X[key], with (space of X, key) as arguments
    is_assignable = False  # whether the result is written in place later, so that slices of it must be copies
    takes_operands = False  # whether all positional arguments are arrays or numbers
    keywords = frozenset()

    def __init__(self, function):
        self.function = function
        self.__name__ = getattr(function, "__name__", repr(function))

    def check_call(self, args, kwargs):
        """Raise if the rule does not cover these arguments; called when there are keywords."""
        for name, value in kwargs.items():
            if name not in self.keywords and value is not None and value is not np._NoValue:
                raise UnsupportedArgumentError(
                    f"{self.__name__} was called with {name}={value!r}, which its Jacobian rule does not cover; "
                    f"expected only {sorted(self.keywords) or 'positional arguments'}. Write the operation without "
                    "it, or register a rule with opad.jacobian_rule."
                )

    def adjoints(self, y, args, kwargs, parents):
        """The row for one back substitution: (adjoint solve of the diagonal or None, [(column, adjoint block), …])."""
        blocks = self.blocks(y, args, kwargs, parents)
        if type(blocks) is Row:
            return blocks.diagonal.solve_adjoint, [(j, op and op.apply_adjoint) for j, op in blocks.blocks]
        return None, [(j, op and op.apply_adjoint) for j, op in blocks]

    def used(self, slots):
        """Which values the blocks of the arguments at `slots` are made of, -1 being the result; None for all."""
        return None

    def __repr__(self):
        return f"<{type(self).__name__} {self.__name__}>"


def as_numpy_scalar(x):
    """Python floats and complex numbers as NumPy scalars, which have a shape and a dtype; other objects as they are."""
    return np.float64(x) if type(x) is float else np.complex128(x) if type(x) is complex else x


def with_cast(block, x, y):
    """Precede `block` by the promotion of x to y's dtype, so that the cotangent of x comes back in x's own dtype."""
    if x.dtype == y.dtype or (x.dtype.kind == "c" and y.dtype.kind != "c"):
        return block
    cast = Cast(x.shape, x.dtype, y.dtype)
    return cast if block is None else Product(block, cast)


# -- linear and bilinear --------------------------------------------------------------------------------------------


class FunctionOperator(Operator):
    """A linear map given by two functions.  Forward: forward(dX).  Adjoint: adjoint(Y~).

    Parameters
    ----------
    forward, adjoint : callables on arrays of the shapes dims and dimsd
    dims, dimsd : shapes
    batched : bool, whether both callables accept leading batch axes; if not they are called once per batch element
    """

    def __init__(self, forward, adjoint, dims, dimsd, batched=False, label=None):
        self.forward = forward
        self.backward = adjoint
        self.dims = dims
        self.dimsd = dimsd
        self.batched = batched
        self.name = label

    def apply(self, X):
        return self._call(self.forward, X, self.dims)

    def apply_adjoint(self, Y):
        return self._call(self.backward, Y, self.dimsd)

    def _call(self, function, X, dims):
        if is_compound(dims):
            parts, function = tuple(X), _of_tuple(function)
            ndims = [len(shape) for shape in dims]
        else:
            parts, ndims = (X,), [len(dims)]
        batch = parts[0].shape[: parts[0].ndim - ndims[0]]
        if self.batched or not batch:
            return function(*parts)
        rows = zip(*(part.reshape((-1, *part.shape[len(batch) :])) for part in parts), strict=True)
        results = [function(*row) for row in rows]
        if isinstance(results[0], tuple):
            return tuple(_stacked(part, batch) for part in zip(*results, strict=True))
        return _stacked(results, batch)


def _of_tuple(function):
    return lambda *parts: function(parts)


def _stacked(results, batch):
    Y = np.stack(results)
    return Y.reshape(batch + Y.shape[1:])


def linear(function, adjoint, batched=False):
    """State that `function(x, **static)` is linear in x; its block is the function itself.

    Parameters
    ----------
    function : a function decorated with `opad.primitive`
    adjoint : callable (g, x, **static) -> array like x, the adjoint applied to g; x serves for its shape
    batched : bool, whether both accept leading batch axes

    Examples
    --------
    >>> import numpy as np, opad
    >>> @opad.primitive
    ... def every_other(x):
    ...     return x[..., ::2]
    >>> def spread(g, x):
    ...     z = np.zeros(x.shape)
    ...     z[..., ::2] = g
    ...     return z
    >>> opad.linear(every_other, adjoint=spread)
    >>> opad.grad(lambda x: np.sum(every_other(x) ** 2))(np.array([1.0, 2.0, 3.0]))
    array([2., 0., 6.])
    """

    def rule(y, x, **static):
        return FunctionOperator(
            lambda X: function(X, **static),
            lambda Y: adjoint(Y, x, **static),
            x.shape,
            y.shape,
            batched,
            function.__name__,
        )

    RULES[function] = JacobianRule(function, rule)


def bilinear(function, left, right, batched=False):
    """State that `function(a, b)` is linear in a and in b.

    Parameters
    ----------
    function : a function of two arrays decorated with `opad.primitive`
    left : callable (g, a, b) -> array like a, the adjoint of da -> function(da, b)
    right : callable (g, a, b) -> array like b, the adjoint of db -> function(a, db)
    batched : bool, whether function(X, b), function(a, X), left and right accept leading batch axes of X and of g

    Examples
    --------
    >>> import numpy as np, opad
    >>> @opad.primitive
    ... def inner(a, b):
    ...     return np.sum(a * b)
    >>> opad.bilinear(inner, left=lambda g, a, b: g * b, right=lambda g, a, b: g * a)
    >>> opad.grad(inner, argnums=1)(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([1., 2.])
    """

    def rule(y, a, b):
        name = function.__name__
        return (
            FunctionOperator(lambda X: function(X, b), lambda Y: left(Y, a, b), np.shape(a), y.shape, batched, name),
            FunctionOperator(lambda X: function(a, X), lambda Y: right(Y, a, b), np.shape(b), y.shape, batched, name),
        )

    RULES[function] = JacobianRule(function, rule)


# -- the general form -----------------------------------------------------------------------------------------------


class JacobianRule(Primitive):
    """A function whose Jacobian is stated by `rule(y, *args, **kwargs)`: an Operator per array argument, or a Row.

    Parameters
    ----------
    function : callable on plain arrays
    rule : callable; its own signature says which arguments and keywords are covered
    casts : bool, whether the promotion of arguments of another dtype is added around the rule's operators; rules for
        functions between real and complex arrays state it themselves
    multiple : bool, whether the function returns a tuple of arrays; the operators then map to a tuple
    of_spaces : bool, whether the rule looks at shapes and dtypes alone, so that no values need to be kept
    """

    def __init__(self, function, rule, casts=True, multiple=False, of_spaces=False):
        super().__init__(function)
        self.rule = rule
        self.casts = casts and not multiple
        self.multiple = multiple
        self.of_spaces = of_spaces
        parameters = list(inspect.signature(rule).parameters.values())[1:]
        self.names = {p.name: k for k, p in enumerate(parameters) if p.kind == p.POSITIONAL_OR_KEYWORD}
        self.accepts_any = any(p.kind == p.VAR_KEYWORD for p in parameters)
        self.unused = [
            (k, p.name) for k, p in enumerate(parameters) if p.name in ("dtype", "out") and p.default is None
        ]
        self.variadic = any(p.kind == p.VAR_POSITIONAL for p in parameters)
        self.keywords = frozenset(p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD))

    def check_call(self, args, kwargs):
        if not self.accepts_any:
            super().check_call(args, kwargs)
        if len(args) > len(self.names) and not self.variadic:
            raise UnsupportedArgumentError(
                f"{self.__name__} was called with {len(args)} positional arguments, but its Jacobian rule covers "
                f"{list(self.names)}. Pass only those, or register a rule with opad.jacobian_rule."
            )
        for name, value in kwargs.items():
            if hasattr(value, "tape") and name not in self.names:
                raise UnsupportedArgumentError(
                    f"{self.__name__} was called with a traced array as {name}; expected one only among "
                    f"{list(self.names)}. Use the plain value, opad.stop_gradient(...), if that may be constant."
                )
        for k, name in self.unused:
            value = args[k] if k < len(args) else kwargs.get(name)
            if value is not None:
                raise UnsupportedArgumentError(
                    f"{self.__name__} was called with {name}={value!r} on a traced array; expected None. Write "
                    f"{'.astype(dtype) on the argument' if name == 'dtype' else 'y = f(x) in place of f(x, out=y)'}."
                )

    def used(self, slots):
        return frozenset() if self.of_spaces else None

    def blocks(self, y, args, kwargs, parents):
        args, y = [as_numpy_scalar(a) for a in args], as_numpy_scalar(y)
        stated = self.rule(y, *args, **kwargs)
        row = stated if type(stated) is Row else None
        if row is not None:
            stated = row.blocks
        elif not isinstance(stated, tuple | list):
            stated = (stated,)
        blocks = []
        for slot, column in parents:
            slot, x = (slot, args[slot]) if type(slot) is int else (self.names[slot], kwargs[slot])
            block = stated[slot]
            if block is not None:
                block = None if type(block) is Identity else block
                if self.multiple and len(parents) > 1:
                    block = IntoParts(block, y)
                blocks.append((column, with_cast(block, x, y) if self.casts else block))
        return blocks if row is None else Row(row.diagonal, blocks)


def jacobian_rule(function, casts=True, multiple=False):
    """Decorator: state the Jacobian of `function` as operators.

    The decorated function is called as `rule(y, *arguments, **keywords)`, y being the function's value, and returns
    one operator per array argument (a single operator for one argument; None for an argument that has no influence;
    anything that `opad.as_operator` takes), or `opad.Row(diagonal, blocks)` for an equation that is solved,
    S dy = sum_k B_k dx_k; S is solved by its own `solve` and `solve_adjoint`, or as `opad.solve` solves a diagonal
    block. Its signature says which arguments and keywords are covered; others are refused.

    Parameters
    ----------
    function : NumPy or SciPy function, or a function decorated with `opad.primitive`
    casts : bool
        Add the cast blocks for arguments whose dtype differs from the output's. A rule that maps between real and
        complex arrays itself says False.
    multiple : bool
        The function returns a tuple of arrays; the operators map to tuples (`dimsd` is a tuple of shapes).

    Examples
    --------
    >>> import numpy as np, opad
    >>> @opad.primitive
    ... def running_total(x):
    ...     return np.cumsum(x)
    >>> @opad.jacobian_rule(running_total)
    ... def _(y, x):
    ...     return np.tri(x.size)
    >>> opad.grad(lambda x: np.sum(running_total(x)))(np.array([1.0, 1.0, 1.0]))
    array([3., 2., 1.])
    """

    def register(rule):
        def checked(y, *args, **kwargs):
            return _as_operators(rule(y, *args, **kwargs), y, args, function)

        checked.__signature__ = inspect.signature(rule)
        RULES[function] = JacobianRule(function, checked, casts, multiple)
        return rule

    return register


def operator_rule(function, casts=True, multiple=False, of_spaces=False):
    """`jacobian_rule` for opad's own rules, which return Operators and need no conversion."""

    def register(rule):
        RULES[function] = JacobianRule(function, rule, casts, multiple, of_spaces)
        return rule

    return register


def _as_operators(stated, y, args, function):
    if type(stated) is Row:
        S = stated.diagonal
        if not (hasattr(S, "solve") and hasattr(S, "solve_adjoint")):
            S = Implicit(S, np.shape(y), f"of {function.__name__}")
        return Row(S, _as_operators(tuple(stated.blocks), y, args, function))
    stated = stated if isinstance(stated, tuple | list) else (stated,)
    outputs = tuple(part.shape for part in y) if isinstance(y, tuple) else np.shape(y)
    return tuple(
        block if block is None or isinstance(block, Operator) else as_operator(block, np.shape(x), outputs)
        for block, x in zip(stated, args, strict=False)
    )


def composite(*functions):
    """Decorator: a function written with functions that have rules, in place of a rule of its own."""

    def register(implementation):
        for function in functions:
            COMPOSITES[function] = implementation
        return implementation

    return register


def constant(*functions):
    """Declare functions whose results are locally constant: plain values, without derivative."""
    CONSTANTS.update((function, function) for function in functions)
