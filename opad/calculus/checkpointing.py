"""Checkpoints: one block over all arguments that keeps them alone and recomputes itself when it is applied."""

from functools import wraps

import numpy as np

from opad.calculus import pytrees
from opad.calculus.engine import Run
from opad.errors import TracingError
from opad.operators import Operator
from opad.tracing.array import TracedArray, caller, pack, plain, record
from opad.tracing.components import Parts
from opad.tracing.primitives import Primitive, as_numpy_scalar
from opad.tracing.protect import recomputation
from opad.tracing.trace import pull_back, push_forward


class Recomputed(Operator):
    """The Jacobian of a function of several arrays, at a point, holding nothing but the point.

    Forward: run the function and substitute forward.  Adjoint: run it and substitute backward.  Each application runs
    the function once, for any number of arguments, results and batch axes.

    Parameters
    ----------
    function : callable, list of arrays -> list of arrays
    point : tuple of arrays
    results : tuple of arrays, for their shapes; or a single array
    """

    def __init__(self, function, point, results):
        self.function = function
        self.point = point
        self.results = results

    dims = property(lambda self: tuple(map(np.shape, self.point)))

    @property
    def clinear(self):
        """Real maps are linear in every sense; what happens to complex arrays is not known before it runs."""
        results = self.results if isinstance(self.results, tuple) else (self.results,)
        return all(pytrees.dtype_of(a).kind != "c" for a in (*self.point, *results))

    @property
    def dimsd(self):
        results = self.results
        return tuple(map(np.shape, results)) if isinstance(results, tuple) else np.shape(results)

    def _run(self):
        with recomputation():
            return Run(self.function, (list(self.point),), {}, (0,))

    def apply(self, X):
        run = self._run()
        x = [None] * len(run.records)
        present = X.present if isinstance(X, Parts) else dict(enumerate(X))
        for k, tangent in present.items():
            x[k] = tangent
        push_forward(run.records, len(run.inputs), x, [index for _, index in run.outputs])
        tangents = [None if index is None else x[index] for _, index in run.outputs]
        if not isinstance(self.results, tuple):
            return tangents[0] if tangents[0] is not None else _zeros(self.results, X, self.point)
        return Parts(self.results, {k: t for k, t in enumerate(tangents) if t is not None})

    def apply_adjoint(self, Y):
        run = self._run()
        several = isinstance(self.results, tuple)
        present = (Y.present if isinstance(Y, Parts) else dict(enumerate(Y))) if several else {0: Y}
        x = run.seeds([present.get(k) for k in range(len(run.outputs))])
        count = len(run.inputs)
        pull_back(run.records, count, x)
        cotangents = {k: c for k, c in enumerate(x[:count]) if c is not None}
        if not cotangents:
            cotangents = {0: _zeros(self.point[0], Y, self.results)}
        return Parts(self.point, cotangents)


def _at(places, values):
    return [values[k] for k in places]


def _zeros(template, given, templates):
    """Zeros shaped like `template`, with the batch axes of `given`, which is shaped like `templates`."""
    if isinstance(given, Parts):
        batch = given.batch_shape
    else:
        first, like = (given[0], templates[0]) if isinstance(templates, tuple) else (given, templates)
        batch = np.shape(first)[: np.ndim(first) - np.ndim(like)]
    return pytrees.zeros_like(template, batch)


class _Checkpoint(Primitive):
    """One record from the packed arguments to the results."""

    def __init__(self, function, name, several):
        super().__init__(function)
        self.__name__ = f"checkpoint({name})"
        self.multiple = several

    def blocks(self, y, args, kwargs, parents):
        ((_, column),) = parents
        return [(column, Recomputed(self.list_function, args[0], y))]


def checkpoint(f):
    """f as one block that keeps its arguments and recomputes the rest whenever it is applied.

    The intermediate results of f are dropped; a gradient runs f twice and needs memory only for one such piece at a
    time. Everything that f uses and that is being differentiated must be among its arguments.

    Parameters
    ----------
    f : callable on arrays, scalars and nested containers of them

    Returns
    -------
    callable with the same signature and values

    Raises
    ------
    TracingError
        If f reaches for a traced array that is not among its arguments.

    Examples
    --------
    >>> import numpy as np, opad
    >>> step = opad.checkpoint(lambda x: x + 0.1 * np.sin(x))
    >>> def run(x):
    ...     for _ in range(3):
    ...         x = step(x)
    ...     return np.sum(x)
    >>> opad.grad(run)(np.zeros(2)).round(4)
    array([1.331, 1.331])

    References
    ----------
    Griewank, Walther, "Algorithm 799: revolve", ACM TOMS 26(1), 2000.
    """

    @wraps(f)
    def with_checkpoint(*args, **kwargs):
        leaves, structure = pytrees.flatten((args, kwargs))
        traces = [leaf.tape for leaf in leaves if type(leaf) is TracedArray]
        if not traces:
            return f(*args, **kwargs)
        trace = max(traces, key=lambda t: t.level)
        slots = [k for k, leaf in enumerate(leaves) if type(leaf) is TracedArray and leaf.tape is trace]
        protected = [_read_only(trace.protect(leaf)) if type(leaf) is np.ndarray else leaf for leaf in leaves]
        shape_of_result = {}

        def list_function(arrays):
            filled = list(protected)
            for k, array in zip(slots, arrays, strict=True):
                filled[k] = array
            inner_args, inner_kwargs = pytrees.unflatten(structure, filled)
            results, shape_of_result["structure"] = pytrees.flatten(f(*inner_args, **inner_kwargs))
            return results

        before = len(trace.records)
        results = list_function([_read_only(leaves[k].value) for k in slots])
        captured = any(type(r) is TracedArray and r.tape.level >= trace.level for r in results)
        if captured or len(trace.records) != before:
            raise TracingError(
                f"a checkpointed function used a traced array that is not one of its arguments{caller()}; expected "
                "everything that is differentiated among the arguments. Pass it: checkpoint(f)(x, W) in place of "
                "checkpoint(lambda x: f(x, W))(x)."
            )
        places = [k for k, result in enumerate(results) if pytrees.is_differentiable(result)]
        if places:
            outputs = tuple([as_numpy_scalar(results[k]) for k in places])
            several = len(places) > 1
            primitive = _Checkpoint(
                lambda arrays: outputs if several else outputs[0], getattr(f, "__name__", "f"), several
            )
            primitive.list_function = lambda arrays: _at(places, list_function(arrays))
            packed = pack(trace, [leaves[k] for k in slots])
            recorded = record(primitive, (packed,), {})
            for k, result in zip(places, recorded if several else (recorded,), strict=True):
                results[k] = result
        return pytrees.unflatten(shape_of_result["structure"], results)

    return with_checkpoint


def stop_gradient(x):
    """The plain values of x, as constants: the derivative of what is computed from them is zero.

    Parameters
    ----------
    x : array, scalar or nested container of them

    Examples
    --------
    >>> import opad
    >>> opad.grad(lambda x: x * opad.stop_gradient(x))(3.0)
    3.0
    """
    leaves, structure = pytrees.flatten(x)
    return pytrees.unflatten(structure, [_constant(leaf) for leaf in leaves])


def _constant(leaf):
    """The plain value of a leaf, as a view through which the recorded result cannot be changed."""
    return _read_only(plain(leaf)) if type(leaf) is TracedArray else leaf


def _read_only(value):
    """A view through which an array that is needed later cannot be changed."""
    if type(value) is np.ndarray:
        value = value.view()
        value.flags.writeable = False
    return value
