"""Gradients of scalar functions: one back substitution."""

from functools import wraps

import numpy as np

from opad.calculus import pytrees
from opad.calculus.engine import Run, positions
from opad.calculus.on_manifolds import on_manifolds, riemannian
from opad.errors import NonScalarOutputError
from opad.tracing.trace import pull_back


def value_and_grad(f, argnums=0, has_aux=False, manifolds=None):
    """A function that returns (f(*args), gradient).

    Parameters
    ----------
    f : callable returning one real number (a 0-d array); with `has_aux` a pair (number, anything)
    argnums : int or tuple of ints, the positional arguments to differentiate
    has_aux : bool; the wrapped function then returns ((value, aux), gradient)
    manifolds : manifold, or a tuple of one (or None) per argnum, on which the arguments lie; their gradients are then
        Riemannian gradients, and f receives what `manifold.embed` makes of a point

    Returns
    -------
    callable with the signature of f. The gradient has the structure, shapes, dtypes and array library of the argument
    (a tuple of them for a tuple of argnums); its arrays are new. For complex arguments it is 2 df/d(conj x), which
    points uphill, as in PyTorch.

    Raises
    ------
    NonScalarOutputError, DtypeError, StructureError

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """

    @wraps(f)
    def with_gradient(*args, **kwargs):
        numbers = positions(argnums, args, f)
        points, args = args, on_manifolds(manifolds, numbers, args)
        run = Run(f, args, kwargs, numbers, has_aux)
        value = _require_scalar(run, f)
        x = run.seeds([pytrees.ones_like(value)])
        inputs = run.inputs
        pull_back(run.records, len(inputs), x)
        gradients = run.by_argument(pytrees.fresh_leaves(x[: len(inputs)], inputs, inputs))
        gradients = riemannian(manifolds, numbers, points, gradients)
        gradient = gradients[0] if isinstance(argnums, int | np.integer) else tuple(gradients)
        return ((run.value, run.aux) if has_aux else run.value), gradient

    return with_gradient


def grad(f, argnums=0, has_aux=False, manifolds=None):
    """A function that returns the gradient of the scalar function f.

    Parameters
    ----------
    f, argnums, has_aux, manifolds : as for `value_and_grad`

    Returns
    -------
    callable; returns the gradient, with `has_aux` the pair (gradient, aux)

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.grad(lambda x: x**3)(2.0)
    12.0
    >>> opad.grad(opad.grad(np.sin))(np.pi / 2)
    -1.0
    """
    with_gradient = value_and_grad(f, argnums, has_aux, manifolds)

    @wraps(f)
    def gradient(*args, **kwargs):
        value, g = with_gradient(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def _require_scalar(run, f):
    shapes = [getattr(value, "shape", ()) for value, _ in run.outputs]
    if run.structure is pytrees.LEAF and shapes == [()]:
        value = run.outputs[0][0]
        kind = pytrees.dtype_of(value).kind
        if kind in "fiub":
            return value
        given = "a complex number" if kind == "c" else f"{value!r:.40} of type {type(value).__name__}"
    else:
        given = f"an array of shape {shapes[0]}" if run.structure is pytrees.LEAF else f"a container, {run.structure}"
    raise NonScalarOutputError(
        f"the gradient of {getattr(f, '__name__', 'a function')} was asked for, but it returned {given}; expected one "
        "real number. Reduce the result (np.sum, np.real, .mean()), or use opad.jacobian or opad.vjp."
    )
