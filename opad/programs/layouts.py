"""Short last axes first: arrays of shape (n, n, 3) are computed as (3, n, n), so that loops of NumPy run on long axes.

The inner loops of NumPy run along the last axis. Where that is short and operands are broadcast, or a reduction runs
along it, starting them takes most of the time: 30 000 numbers are added along an axis of 3 in 120 microseconds, along
the first of (3, 100, 100) in 6. A value is moved together with what is combined with it element by element; what only
reads it is given a transposed view. Sums and matrix products may add in another order, nothing else changes.
"""

import copy
from collections import Counter
from dataclasses import replace

import numpy as np

from opad.operators.indexing import scatter_add
from opad.programs.functions import REDUCTIONS, add_at, is_known, needed_after, refs_in
from opad.programs.optimise import live
from opad.programs.plan import is_matrix_product
from opad.programs.recorded import Ref, astype, getitem
from opad.programs.recorder import Spec, Step, new_ref

LONGEST = 16  # of a short axis
FEWEST = 1024  # elements of an array that is worth it
RATIO = 4  # of the last but one axis to the last
STARTED, REDUCED, ACROSS = 2.5, 13, 0.5  # ns per inner loop, per inner loop of a reduction, per element read across
MULTIPLIED = 1 / 60  # ns per multiplication of a matrix product, which BLAS does faster if the result is low and wide
_scatter = scatter_add.__wrapped__
_VIEWS = {getitem, np.transpose, np.swapaxes, np.moveaxis, np.expand_dims}


def with_long_loops(segment):
    """The segment with values of a short last axis moved where this saves time."""
    steps, specs = segment.steps, list(segment.specs)
    if not any(_makes(step, specs) for step in steps):
        return segment
    fixed = needed_after(segment.outputs, segment.guards)
    fixed.update(ref for step in steps if not is_known(step.function) for ref in step.inputs)
    moved = _values_to_move(steps, fixed, specs)
    if not moved:
        return segment
    writer = _Writer(moved, fixed, specs)
    for step in steps:
        writer.add(step)
    return replace(segment, steps=live(writer.steps, segment.outputs, segment.guards), specs=specs)


# -- which values -----------------------------------------------------------------------------------------------------


def _values_to_move(steps, fixed, specs):
    """The set of Refs that are computed in the other layout."""
    chosen = {step.out for step in steps if _makes(step, specs) and step.out not in fixed}
    chosen -= {ref for step in steps for ref in _needed_as_they_are(step, fixed, specs)}
    group = {ref: ref for ref in chosen}

    def representative(ref):
        while group[ref] != ref:
            ref = group[ref]
        return ref

    members = [[ref for ref in (*step.outs, *step.inputs) if ref in chosen] for step in steps]
    for step, refs in zip(steps, members, strict=True):
        for ref in refs[1:] if _is_elementwise(step) or step.function is np.vdot else ():
            group[representative(ref)] = representative(refs[0])
    gain = Counter()
    for step, refs in zip(steps, members, strict=True):
        if refs:
            gain[representative(refs[0])] += _gain(step, chosen, specs)
    return {ref for ref in chosen if gain[representative(ref)] > 0}


def _makes(step, specs):
    """True for steps that can compute their result with its short last axis first."""
    if type(step.out) is tuple:
        return False
    spec = specs[step.out]
    if not spec.is_ndarray or spec.ndim < 2 or spec.order != "C" or spec.dtype.kind not in "fb":
        return False
    if spec.size < FEWEST and not is_matrix_product(step, specs):
        return False
    if not 1 < spec.shape[-1] <= LONGEST or spec.shape[-2] < RATIO * spec.shape[-1]:
        return False
    if step.function is _scatter:
        key = step.args[1]
        return type(key) is tuple and len(key) == spec.ndim and all(_is_index(k, specs) for k in key)
    return _is_elementwise(step) or is_matrix_product(step, specs)


def _is_index(k, specs):
    return specs[k].is_ndarray and specs[k].dtype.kind in "iu" if type(k) is Ref else isinstance(k, np.ndarray)


def _is_elementwise(step):
    function = step.function
    if function is astype or (function is np.where and len(step.args) == 3):
        return True
    return isinstance(function, np.ufunc) and not function.signature and function.nout == 1 and not step.kwargs


def _is_reduction(step):
    return step.function in REDUCTIONS and len(step.args) == 1 and step.kwargs.keys() <= {"axis", "keepdims"}


def _needed_as_they_are(step, fixed, specs):
    """Arguments of which a step could not do with a transposed view."""
    function = step.function
    if _is_elementwise(step):
        return () if isinstance(function, np.ufunc) or step.out not in fixed else step.inputs
    if _is_reduction(step) or is_matrix_product(step, specs):
        return ()
    if function in _VIEWS:
        return step.inputs[1:] if type(step.args[0]) is Ref else step.inputs
    if function is _scatter:
        return refs_in(step.args[1:])
    if function is add_at:
        return [ref for ref in step.inputs if ref != step.args[1] or ref == step.args[0]]
    if function is np.vdot and len(step.inputs) == 2:
        a, b = (specs[ref] for ref in step.inputs)
        return () if a == b and a.order == b.order else step.inputs
    return step.inputs


def _gain(step, chosen, specs):
    """Nanoseconds for the inner loops that are saved, less those for what is read or written across."""
    if _is_reduction(step):
        spec = specs[step.args[0]]
        axes = _axes(step, spec)
        is_short = len(axes) < spec.ndim and max(axes) >= spec.ndim - 2
        return REDUCED * is_short * spec.size / spec.shape[-1]
    if step.function in (add_at, _scatter):
        values = step.args[step.function is add_at]
        return -ACROSS * specs[values].size if type(values) is Ref and values in chosen else 0
    if is_matrix_product(step, specs) and step.out in chosen:
        a = step.args[0]
        return MULTIPLIED * specs[step.out].size * (specs[a] if type(a) is Ref else a).shape[1]
    if not _is_elementwise(step):
        return 0
    spec = specs[step.out]
    if step.out not in chosen:
        return -ACROSS * spec.size
    others = [specs[ref] for ref in step.inputs if ref not in chosen]
    saved = STARTED * any(1 < other.size < spec.size for other in others) / spec.shape[-1]
    return spec.size * (saved - ACROSS * sum(other.shape == spec.shape for other in others))


def _axes(step, spec):
    axis = step.kwargs.get("axis")
    return [k % spec.ndim for k in (range(spec.ndim) if axis is None else axis if type(axis) is tuple else (axis,))]


# -- the steps --------------------------------------------------------------------------------------------------------


class _Writer:
    """The steps of a program with some values moved.

    Attributes
    ----------
    steps : list of Step
    """

    def __init__(self, moved, fixed, specs):
        self.steps, self._specs, self._moved, self._fixed = [], specs, moved, fixed
        self._first = {}  # Ref -> Ref of the value with its last axis first
        self._views = {}  # (Ref, ndim) -> Ref of such a view of another value

    def add(self, step):
        """Add a step, or what takes its place."""
        if step.out in self._moved:
            spec = self._specs[step.out]
            self._first[step.out] = first = self._new(_forward(spec.shape), spec.dtype)
            self._append(step, *self._moved_call(step, spec), first)
            self._move_back(step, first)
        elif _is_reduction(step) and step.args[0] in self._moved:
            self._add_reduction(step)
        elif step.function is np.vdot and step.args[0] in self._moved:
            self._append(step, np.vdot, tuple([self._first[ref] for ref in step.args]), {}, step.out)
        elif step.out in self._fixed and _is_elementwise(step) and not self._moved.isdisjoint(step.inputs):
            self._append(step, step.function, step.args, {"order": "C"}, step.out)
        else:
            self.steps.append(step)

    def _append(self, step, function, args, kwargs, out):
        self.steps.append(Step(function, args, kwargs, out, step.origin, step.scope, step.errstate))

    def _move_back(self, step, first):
        """A step that binds the value's own Ref to a view of it."""
        self._append(step, np.transpose, (first, _back_axes(self._specs[step.out].ndim)), {}, step.out)
        if self._specs[step.out].ndim == 2:
            self._specs[step.out] = copy.copy(self._specs[step.out])
            self._specs[step.out].order = "F"

    def _new(self, shape, dtype):
        return new_ref(self._specs, Spec.of_array(shape, dtype))

    def _moved_call(self, step, spec):
        """(function, args, kwargs) that compute a value with its last axis first."""
        if step.function is _scatter:
            values, key, shape = step.args
            return _scatter, (values, (key[-1], *key[:-1]), _forward(shape)), {}
        args = tuple([self._operand(arg, spec.ndim, step) for arg in step.args])
        return step.function, args[::-1] if is_matrix_product(step, self._specs) else args, {}

    def _operand(self, arg, ndim, step):
        """What stands for an operand next to moved ones."""
        if isinstance(arg, np.ndarray) and arg.ndim:
            return np.ascontiguousarray(np.moveaxis(arg.reshape((1,) * (ndim - arg.ndim) + arg.shape), -1, 0))
        if type(arg) is not Ref or not self._specs[arg].shape:
            return arg
        if arg in self._first:
            return self._first[arg]
        spec = self._specs[arg]
        if (arg, ndim) not in self._views:
            shape, x = (1,) * (ndim - spec.ndim) + spec.shape, arg
            if spec.ndim < ndim:
                x = self._new(shape, spec.dtype)
                self._append(step, getitem, (arg, (*[None] * (ndim - spec.ndim), Ellipsis)), {}, x)
            self._views[arg, ndim] = view = self._new(_forward(shape), spec.dtype)
            self._append(step, np.transpose, (x, _forward_axes(ndim)), {}, view)
        return self._views[arg, ndim]

    def _add_reduction(self, step):
        """A reduction of a moved value; what is left of the short axis is moved back."""
        (x,), spec, out = step.args, self._specs[step.args[0]], self._specs[step.out]
        keepdims = bool(step.kwargs.get("keepdims", False))
        axes = [(k + 1) % spec.ndim for k in _axes(step, spec)]
        kwargs = {"axis": tuple(sorted(axes)), "keepdims": keepdims}
        if out.ndim < 2 or (0 in axes and not keepdims):
            self._append(step, step.function, (self._first[x],), kwargs, step.out)
            return
        first = self._new(_forward(out.shape), out.dtype)
        self._append(step, step.function, (self._first[x],), kwargs, first)
        self._move_back(step, first)
        self._views[step.out, out.ndim] = first


def _forward_axes(ndim):
    return (ndim - 1, *range(ndim - 1))


def _back_axes(ndim):
    return (*range(1, ndim), 0)


def _forward(shape):
    return (shape[-1], *shape[:-1])
