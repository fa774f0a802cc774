"""Checkpoints: one block over all arguments that keeps them alone and recomputes itself when it is applied."""

from functools import wraps

import numpy as np

from opad.calculus import pytrees
from opad.calculus.engine import Run
from opad.errors import TracingError
from opad.operators import Operator
from opad.tracing.array import TracedArray, caller, pack, plain, record
from opad.tracing.components import Parts
from opad.tracing.messages import require_known_leaves
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


class _Call:
    """One call of a function: which of its argument leaves are traced, and the function of those alone.

    Attributes
    ----------
    trace : the innermost trace among the arguments, None if nothing is traced
    slots : positions of the leaves that this trace follows
    """

    def __init__(self, f, args, kwargs):
        self.f = f
        self.leaves, self.structure = pytrees.flatten(pytrees.numbers_joined((args, kwargs)))
        traces = [leaf.tape for leaf in self.leaves if type(leaf) is TracedArray]
        self.trace = max(traces, key=lambda trace: trace.level, default=None)
        self.slots = [k for k, leaf in enumerate(self.leaves) if getattr(leaf, "tape", None) is self.trace]

    def protect_constants(self):
        """Keep the constants as they are; the function cannot change them either."""
        protect = self.trace.protect
        self.leaves = [_read_only(protect(leaf)) if type(leaf) is np.ndarray else leaf for leaf in self.leaves]

    def __call__(self, arrays):
        """(result leaves, result structure) with the traced leaves replaced by `arrays`."""
        leaves = list(self.leaves)
        for k, array in zip(self.slots, arrays, strict=True):
            leaves[k] = array
        args, kwargs = pytrees.unflatten(self.structure, leaves)
        results, structure = pytrees.flatten(pytrees.numbers_joined(self.f(*args, **kwargs)))
        require_known_leaves(results, "a checkpointed function returned")
        return results, structure


class _Checkpoint(Primitive):
    """One record from the packed arguments of a call to those of its results that have derivatives."""

    def __init__(self, call, places, results):
        self.call = call
        self.places = places
        self.multiple = len(places) > 1
        outputs = tuple([as_numpy_scalar(results[k]) for k in places])
        super().__init__(lambda arrays: outputs if self.multiple else outputs[0])
        self.__name__ = f"checkpoint({getattr(call.f, '__name__', 'f')})"

    def recompute(self, arrays):
        """The results again, as a list."""
        results, _ = self.call(arrays)
        return _at(self.places, results)

    def blocks(self, y, args, kwargs, parents):
        ((_, column),) = parents
        return [(column, Recomputed(self.recompute, args[0], y))]


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
        call = _Call(f, args, kwargs)
        if call.trace is None:
            return f(*args, **kwargs)
        call.protect_constants()
        traced = [call.leaves[k] for k in call.slots]
        before = len(call.trace.records)
        results, structure = call([_read_only(leaf.value) for leaf in traced])
        _require_no_capture(call.trace, before, results)
        places = [k for k, result in enumerate(results) if pytrees.is_differentiable(result)]
        if places:
            recorded = record(_Checkpoint(call, places, results), (pack(call.trace, traced),), {})
            for k, result in zip(places, recorded if len(places) > 1 else (recorded,), strict=True):
                results[k] = result
        return pytrees.unflatten(structure, results)

    return with_checkpoint


def _require_no_capture(trace, before, results):
    """Raise if the function reached for a traced array that is not among its arguments."""
    captured = any(type(r) is TracedArray and r.tape.level >= trace.level for r in results)
    if captured or len(trace.records) != before:
        raise TracingError(
            f"a checkpointed function used a traced array that is not one of its arguments{caller()}; expected "
            "everything that is differentiated among the arguments. Pass it: checkpoint(f)(x, W) in place of "
            "checkpoint(lambda x: f(x, W))(x)."
        )


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
    leaves, structure = pytrees.flatten(pytrees.numbers_joined(x))
    require_known_leaves(leaves, "stop_gradient was given")
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
