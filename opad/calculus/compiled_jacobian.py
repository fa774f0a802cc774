"""The Jacobian of a compiled function as an operator, whose products are compiled programs bound to the point."""

from functools import cached_property, partial
from weakref import WeakKeyDictionary

import numpy as np

from opad.calculus import pytrees
from opad.calculus.engine import Run, require_differentiable
from opad.calculus.linearization import Linearization
from opad.operators import Operator
from opad.programs.calls import private
from opad.programs.compiled import BoundFunction, CompiledFunction

_derived = WeakKeyDictionary()  # CompiledFunction -> what has been compiled for it, by name


def derived(f, name, function, is_product=False):
    """`function` compiled as f is, once for all points."""
    compiled = _derived.setdefault(f, {})
    if name not in compiled:
        compiled[name] = CompiledFunction(function, **f.options | {"donate": False, "contract": is_product})
    return compiled[name]


def is_compiled(f, args):
    """True for a compiled function that runs as a program, not inside another trace or recording."""
    leaves, _ = pytrees.flatten(args)
    return isinstance(f, CompiledFunction) and not any(getattr(leaf, "is_symbolic", False) for leaf in leaves)


class CompiledJacobian(Operator):
    """The Jacobian J of a compiled function at a point.

    Forward: a program of the forward substitution.  Adjoint: a program of the back substitution. Each is recorded once
    for the function, and the steps that depend on the point alone are carried out once for the point.

    Parameters
    ----------
    f : CompiledFunction
    args : the point
    argnums : tuple of the positions of the arguments that vary

    Attributes
    ----------
    value : the function's result
    """

    def __init__(self, f, args, argnums):
        require_differentiable(f, args, argnums)
        args, function = private(args), f.function
        self.value = (derived(f, "value", function) if f.options["donate"] else f)(*args)

        def jacobian(*point):
            return Linearization(Run(function, point, {}, argnums, kept=True)).jacobian

        def forward(*args):
            return jacobian(*args[:-1]).apply(args[-1])

        def adjoint(*args):
            return jacobian(*args[:-1]).apply_adjoint(args[-1])

        self._forward_product = BoundFunction(derived(f, ("forward", argnums), forward, is_product=True), args, {})
        self._adjoint_product = BoundFunction(derived(f, ("adjoint", argnums), adjoint, is_product=True), args, {})
        self._eager = partial(jacobian, *args)
        inputs, _ = pytrees.flatten([args[k] for k in argnums])
        results, _ = pytrees.flatten(self.value)
        self.dims, self.dimsd = (_space([np.shape(leaf) for leaf in leaves]) for leaves in (inputs, results))
        self.dtype = np.result_type(*map(pytrees.dtype_of, [*inputs, *results]))

    @cached_property
    def clinear(self):
        """Whether every block is complex-linear."""
        return self.dtype.kind != "c" or self._eager().clinear

    def apply(self, X):
        return self._forward_product(X)

    def apply_adjoint(self, Y):
        return self._adjoint_product(Y)

    def __reduce__(self):
        """Programs belong to their process; in another one, and in copies, the blocks of the system serve."""
        return getattr, (self._eager().linearization, "jacobian")


def _space(shapes):
    return shapes[0] if len(shapes) == 1 else tuple(shapes)
