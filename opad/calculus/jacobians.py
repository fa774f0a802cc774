"""Dense Jacobians and Hessians: all columns, or all rows, in one substitution with batch axes."""

from functools import wraps

import numpy as np

from opad.calculus import pytrees
from opad.calculus.engine import Run, positions
from opad.calculus.gradients import grad
from opad.calculus.linearization import Linearization
from opad.errors import RealLinearError
from opad.tracing.array import plain

MAX_BATCH_BYTES = 1 << 28  # right-hand sides solved together are cut so that the largest array stays below this


def jacobian(f, argnums=0, order="auto"):
    """A function that returns the dense Jacobian of f.

    Parameters
    ----------
    f : callable
    argnums : int or tuple of ints
    order : {"auto", "forward", "reverse"}
        Forward substitution with all columns at once, back substitution with all rows at once, or whichever has fewer
        right-hand sides.

    Returns
    -------
    callable; returns an array of shape (*result shape, *argument shape). Containers in the result or in the argument,
    or a tuple of argnums, give the corresponding containers of Jacobians.

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    if order not in ("auto", "forward", "reverse"):
        raise ValueError(f"order is {order!r}; expected 'auto', 'forward' or 'reverse'.")

    @wraps(f)
    def dense(*args, **kwargs):
        run = Run(f, args, kwargs, positions(argnums, args, f), kept=True)
        linearization = Linearization(run)
        inputs, outputs = run.inputs, [value for value, _ in run.outputs]
        columns, rows = (sum(map(np.size, leaves)) for leaves in (inputs, outputs))
        real_to_complex = _require_holomorphic(linearization, inputs, outputs, f)
        forward = columns <= rows or real_to_complex if order == "auto" else order == "forward"
        if real_to_complex and not forward:
            raise ValueError("order='reverse' with a complex result of real arguments; use order='forward'.")
        sweep = _by_columns if forward else _by_rows
        table = sweep(linearization, inputs, outputs)
        per_output = [run.by_argument(blocks) for blocks in table]
        picked = [trees[0] if isinstance(argnums, int | np.integer) else tuple(trees) for trees in per_output]
        return pytrees.unflatten(run.structure, picked)

    return dense


def hessian(f, argnums=0):
    """A function that returns the dense Hessian of a scalar function, shape (*argument shape, *argument shape).

    Parameters
    ----------
    f : callable returning one real number
    argnums : int

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.hessian(lambda x: x[0] * x[1])(np.array([1.0, 2.0]))
    array([[0., 1.],
           [1., 0.]])
    """
    return jacobian(grad(f, argnums), argnums, order="forward")


def _by_columns(linearization, inputs, outputs):
    """table[output][input], one batched forward substitution per input leaf."""
    table = [[] for _ in outputs]
    for k, leaf in enumerate(inputs):

        def push(basis, k=k):
            return linearization.push([basis if i == k else None for i in range(len(inputs))])

        for row, value, Y in zip(table, outputs, _sweep(push, leaf, outputs), strict=True):
            row.append(np.moveaxis(Y, 0, -1).reshape(np.shape(value) + np.shape(leaf)))
    return table


def _by_rows(linearization, inputs, outputs):
    """table[output][input], one batched back substitution per output leaf."""
    table = []
    for m, value in enumerate(outputs):

        def pull(basis, m=m):
            return linearization.pull([basis if i == m else None for i in range(len(outputs))])

        rows = _sweep(pull, value, inputs)
        table.append(
            [np.conj(X).reshape(np.shape(value) + np.shape(leaf)) for leaf, X in zip(inputs, rows, strict=True)]
        )
    return table


def _sweep(product, source, targets):
    """Apply `product` to the unit arrays of `source`, many at a time; one array (n, *target shape) per target."""
    n, dtype = np.size(source), pytrees.dtype_of(source)
    largest = max([n, *map(np.size, targets)]) * dtype.itemsize
    step = max(1, MAX_BATCH_BYTES // max(largest, 1))
    chunks = []
    for start in range(0, n, step):
        stop = min(start + step, n)
        basis = _unit_arrays(source, start, stop, n, dtype)
        parts = product(basis)
        chunks.append(
            [
                pytrees.zeros_like(target, (stop - start,)) if part is None else part
                for part, target in zip(parts, targets, strict=True)
            ]
        )
    if not chunks:  # an argument without elements
        return [pytrees.zeros_like(target, (0,)) for target in targets]
    return [chunk[0] if len(chunk) == 1 else np.concatenate(chunk) for chunk in zip(*chunks, strict=True)]


def _unit_arrays(source, start, stop, n, dtype):
    source = plain(source)
    like = {"like": source} if hasattr(source, "__array_function__") else {}
    return np.eye(stop - start, n, k=start, dtype=dtype, **like).reshape((stop - start, *np.shape(source)))


def _require_holomorphic(linearization, inputs, outputs, f):
    """A complex Jacobian matrix exists only if no real-linear step lies between complex arrays."""
    complex_inputs = any(pytrees.dtype_of(leaf).kind == "c" for leaf in inputs)
    if complex_inputs and not linearization.jacobian.clinear:
        raise RealLinearError(
            f"the dense Jacobian of {getattr(f, '__name__', 'the function')} with respect to a complex argument was "
            "asked for, but the function is not holomorphic (it takes abs, real or conj somewhere). Expected a "
            "holomorphic function; use opad.jacobian_operator(...).as_real() for the real Jacobian."
        )
    return any(pytrees.dtype_of(value).kind == "c" for value in outputs) and not complex_inputs
