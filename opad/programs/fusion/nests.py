"""Which steps form one loop nest: elementwise steps of one shape with sums and extrema of it, and what broadcasts back.

Every value of a nest varies along some of the axes of one shape, its space. The last axis is the one that the innermost
loop runs over, short axes behind it or a short first one are written out, and the others are the outer loops. A
reduction over the innermost axis is known when a row is done and may be used in further loops over the same row; one
over an outer axis is known when the whole nest is done, so that what uses it comes after the nest.
"""

from collections import Counter
from math import prod
from typing import NamedTuple

import numpy as np

from opad.programs.functions import is_known
from opad.programs.fusion.elementwise import BOOL, FLOATS, iteration_shape, read_elsewhere
from opad.programs.fusion.kernels import Kernel
from opad.programs.fusion.rows import RowWriter
from opad.programs.fusion.summation import is_reduction, operands_of
from opad.programs.fusion.threads import SMALLEST
from opad.programs.groups import StepGroup
from opad.programs.recorded import Ref, getitem
from opad.programs.recorder import Step

SHORT = 4  # elements of the axes that are written out
_OF_ALL = (np.sum, np.max, np.min, np.vdot)  # the methods of ufuncs reduce the first axis unless told otherwise
_ALIASES = (np.broadcast_to, np.reshape, np.expand_dims, np.squeeze, np.transpose, getitem)


class Reduction(NamedTuple):
    """A reduction in terms of the axes of a space.

    Attributes
    ----------
    dims : axis (None for length 1) of each dimension of the operands
    reduced : set of the axes that are reduced
    result : axis of each dimension of the result
    is_late : bool, whether the result is known only when all loops are done
    """

    dims: tuple
    reduced: set
    result: tuple
    is_late: bool


class Space:
    """The axes of a shape by what loops do with them, and along which of them values vary.

    Attributes
    ----------
    shape : tuple
    outer : list of axes, one loop each
    vector : axis of the innermost loop
    unrolled : list of short axes that are written out, behind it or the first one
    dims : dict Ref -> axis (None for length 1) of each dimension of a value
    late : set of Refs that are known when all loops are done
    """

    def __init__(self, shape, specs):
        self.shape, self.specs = shape, specs
        axes = [axis for axis, n in enumerate(shape) if n > 1]
        short = [k for k in range(1, len(axes)) if prod(shape[axis] for axis in axes[k:]) <= SHORT]
        count = min(short, default=len(axes))
        self.outer, self.vector, self.unrolled = axes[: count - 1], axes[count - 1], axes[count:]
        if not self.unrolled and len(axes) > 2 and shape[axes[0]] <= SHORT:
            self.outer, self.unrolled = axes[1:-1], axes[:1]
        self.dims, self.late = {}, set()

    def admits(self, step):
        """Whether a step can be part of the nest; then its result becomes one of its values."""
        if is_reduction(step):
            reduction = self.reduction(step)
            if reduction is None:
                return False
            dims = reduction.result
            if reduction.is_late:
                self.late.add(step.out)
        else:
            is_alias = _is_alias(step, self.specs)
            dims = self._of_alias(step) if is_alias else self._of_elementwise(step)
        if dims is None or not self.late.isdisjoint(step.inputs):
            return False
        self.dims[step.out] = dims
        return True

    def whole(self, shape):
        """The axes of an array that broadcasts to the space without new dimensions, or None."""
        fits = len(shape) == len(self.shape) and all(n in (1, m) for n, m in zip(shape, self.shape, strict=True))
        return tuple([axis if n > 1 else None for axis, n in enumerate(shape)]) if fits else None

    def aligned(self, a, dims):
        """The axes of the dimensions of an operand that broadcasts to a value of the axes `dims`."""
        if type(a) is Ref and a in self.dims:
            return self.dims[a]
        shape = self.specs[a].shape if type(a) is Ref else np.shape(a)
        return tuple([axis if n > 1 else None for axis, n in zip(dims[len(dims) - len(shape) :], shape, strict=True)])

    def _covers_outer(self, dims):
        return dims is not None and set(self.outer) <= set(dims)

    def _of_elementwise(self, step):
        if read_elsewhere(step) or iteration_shape(step, self.specs) is None:
            return None
        shape = self.specs[step.out].shape
        dims = self.whole(shape)
        if dims is None:
            dims = [None] * len(shape)
            for ref in step.inputs:
                if ref in self.dims:
                    for k, axis in enumerate(self.dims[ref], len(shape) - len(self.dims[ref])):
                        dims[k] = axis if dims[k] is None else dims[k]
        known = [axis for axis in dims if axis is not None]
        if known != sorted(set(known)) or any(n != self._length(axis) for n, axis in zip(shape, dims, strict=True)):
            return None
        for ref in step.inputs:
            if ref in self.dims and any(
                axis not in (None, other)
                for axis, other in zip(self.dims[ref], dims[len(dims) - len(self.dims[ref]) :], strict=True)
            ):
                return None
        return tuple(dims) if self._covers_outer(dims) else None

    def _length(self, axis):
        return 1 if axis is None else self.shape[axis]

    def _of_alias(self, step):
        source, shape = step.args[0], self.specs[step.out].shape
        if step.function is np.broadcast_to:
            dims = self.whole(shape)
            if not self._covers_outer(dims) or source not in self.dims:
                return dims if self._covers_outer(dims) else None
            inner = dims[len(dims) - len(self.dims[source]) :]
            fits = all(axis in (None, other) for axis, other in zip(self.dims[source], inner, strict=True))
            return dims if fits else None
        if source not in self.dims:
            return None
        axes = iter([axis for axis in self.dims[source] if axis is not None])
        return tuple([next(axes) if n > 1 else None for n in shape])

    def reduction(self, step):
        """The Reduction that a step is; None if it is none that a nest can hold."""
        specs, out = self.specs, self.specs[step.out]
        operands = operands_of(step)
        rest = step.args[len(operands) :]
        if len(rest) > 1 or step.kwargs.keys() - {"axis", "keepdims"} or type(step.out) is tuple or step.raises:
            return None
        for a in operands:
            if type(a) is not Ref or not specs[a].is_ndarray or specs[a].dtype not in FLOATS or not specs[a].size:
                return None
            if specs[a].dtype != out.dtype or specs[a].order != "C" or not specs[a].shape:
                return None
        alldims = [self.dims.get(a) or self.whole(specs[a].shape) for a in operands]
        dims = alldims[0]
        if not self._covers_outer(dims) or any(other != dims for other in alldims):
            return None
        axis = rest[0] if rest else step.kwargs.get("axis", None if step.function in _OF_ALL else 0)
        axis = range(len(dims)) if axis is None else axis if type(axis) is tuple else (axis,)
        if not all(type(k) is int for k in axis):
            return None
        keepdims = step.kwargs.get("keepdims", False)
        where = {k % len(dims) for k in axis}
        reduced = {dims[k] for k in where} - {None}
        varying = {axis for axis in dims if axis is not None}
        if not reduced or not self._can_reduce(varying, reduced):
            return None
        result = tuple([None if k in where else d for k, d in enumerate(dims) if keepdims or k not in where])
        is_late = bool(reduced & set(self.outer)) or not result
        return Reduction(dims, reduced, result, is_late)

    def _can_reduce(self, varying, reduced):
        """Whether partial results are few: everything, or axes that the loops finish or keep in one order."""
        if not reduced & set(self.outer) or reduced == varying:
            return True
        if self.unrolled and self.unrolled[0] < self.vector and self.unrolled[0] in reduced:
            return False
        return self.vector not in reduced and max(varying) not in reduced - set(self.unrolled)


class NestGroup(StepGroup):
    """Steps that may become one loop nest.

    Attributes
    ----------
    space : Space
    """

    def __init__(self, steps, space):
        super().__init__(steps)
        self.space = space


def gathered_nests(steps, single, specs, most, most_operands, most_shapes):
    """The steps with those gathered that form nests with a reduction, the largest spaces first.

    Parameters
    ----------
    single : set of Refs, the results of steps that may be members
    """
    shapes = Counter(
        specs[a].shape
        for step in steps
        if is_reduction(step) and single.issuperset(step.outs)
        for a in step.args[:1]
        if type(a) is Ref and specs[a].is_ndarray and specs[a].size > 1
    )
    for shape in sorted(shapes, key=prod, reverse=True)[:most_shapes]:
        steps = _gathered(steps, single, lambda shape=shape: Space(shape, specs), most, most_operands)
    return steps


def _gathered(steps, single, new_space, most, most_operands):
    result, group, waiting, blocked, outside, space = [], [], [], set(), set(), new_space()

    def close():
        nonlocal space, outside
        members, after = _without_idle_aliases(group, space)
        is_nest = len(members) > 1 and any(map(is_reduction, members))
        result.extend([_as_one(members, space)] if is_nest else members)
        result.extend(after + waiting)
        for collection in (group, waiting, blocked):
            collection.clear()
        space, outside = new_space(), set()

    for step in steps:
        if not is_known(step.function):
            close()
        is_candidate = single.issuperset(step.outs) and not isinstance(step.function, StepGroup)
        needs_group = not (blocked.isdisjoint(step.inputs) and space.dims.keys().isdisjoint(step.inputs))
        operands = outside.union(ref for ref in step.inputs if ref not in space.dims)
        is_full = len(group) == most or len(operands) > most_operands
        if is_candidate and not is_full and blocked.isdisjoint(step.inputs) and space.admits(step):
            group.append(step)
            outside = operands
        elif is_candidate and (needs_group or is_full) and (fresh := new_space()).admits(step):
            close()
            space, outside = fresh, set(step.inputs)
            group.append(step)
        elif needs_group:
            waiting.append(step)
            blocked.update(step.outs)
        else:
            result.append(step)
    close()
    return result


def _without_idle_aliases(group, space):
    """Members, and views at the end that no member uses."""
    used, members, after = set(), [], []
    for step in reversed(group):
        if _is_alias(step, space.specs) and step.out not in used:
            after.append(step)
        else:
            members.append(step)
            used.update(step.inputs)
    return members[::-1], after[::-1]


def _as_one(members, space):
    made = {step.out for step in members}
    outside = dict.fromkeys(ref for step in members for ref in step.inputs if ref not in made)
    outs = tuple([step.out for step in members])
    return Step(NestGroup(members, space), tuple(outside), {}, outs, members[0].origin)


def _is_alias(step, specs):
    """True for steps whose result has the elements of their argument, with axes of length 1 or broadcast ones added."""
    if step.function not in _ALIASES or not step.args or type(step.args[0]) is not Ref or type(step.out) is tuple:
        return False
    source, out = specs[step.args[0]], specs[step.out]
    if not (source.is_ndarray and out.is_ndarray and source.size and source.order == "C"):
        return False
    if source.dtype not in (*FLOATS, BOOL) or not source.shape:
        return False
    if step.function is np.broadcast_to:
        return True
    if step.function is np.transpose:
        axes = step.args[1] if len(step.args) == 2 else step.kwargs.get("axes")
        axes = [k % source.ndim for k in axes or range(source.ndim - 1, -1, -1)]
        long = [k for k in axes if source.shape[k] > 1]
        return long == sorted(long)
    if step.function is getitem:
        key = step.args[1] if type(step.args[1]) is tuple else (step.args[1],)
        if not all(k is None or k is Ellipsis or (type(k) is slice and k == slice(None)) for k in key):
            return False
    return [n for n in source.shape if n > 1] == [n for n in out.shape if n > 1]


class Nest(Kernel):
    """Elementwise steps and reductions as one loop nest.

    Parameters
    ----------
    group : NestGroup
    """

    def __init__(self, group, specs, used):
        super().__init__(group.steps)
        self.specs, self.space, self.shape = specs, group.space, group.space.shape
        self.outs = tuple([step.out for step in group.steps if step.out in used])
        self._is_large = prod(self.shape) >= SMALLEST and self._has_rows()
        writer = RowWriter(group.steps, self.outs, group.space, specs, self._is_large)
        self.text, self.operands = writer.text, writer.operands
        self.numbers = np.array(writer.numbers) if writer.numbers else None
        self._alignments = list(writer.alignments.values())

    def _has_rows(self):
        """Whether all results have a part for each turn of the outermost loop."""
        space = self.space
        cut = all(space.dims[ref][:1] == (0,) and ref not in space.late for ref in self.outs)
        return space.outer[:1] == [0] and cut and space.late.isdisjoint(step.out for step in self.steps)

    def is_divisible(self, parts):
        """Whether the outermost loop may be divided among threads."""
        one_way = all(len({0 in dims for dims in ways}) == 1 for ways in self._alignments)
        first = all(0 not in dims[1:] for ways in self._alignments for dims in ways)
        return self._is_large and self.shape[0] >= parts and one_way and first

    def _divided(self):
        """Which arguments are cut: those that vary along the first axis."""
        is_cut = [any(0 in dims for dims in ways) for ways in self._alignments]
        return [*is_cut, *[False] * (self.numbers is not None), *[True] * len(self.outs)]

    def written(self, step):
        """Results that are arrays."""
        return tuple([ref for ref in step.outs if self.specs[ref].is_ndarray and self.specs[ref].shape])

    def write(self, source, step):
        """One line, between lines that make arrays and lines that take numbers from theirs."""
        arguments, numbers = [source.expression(a) for a in step.args], []
        if self.numbers is not None:
            arguments.append(source.constant(self.numbers))
        arrays = self.written(step)
        self.write_results(source, step)
        for out in step.outs:
            name = source.name(out)
            if out not in arrays:
                spec, array = self.specs[out], f"n{int(out)}"
                text = f"{source.constant(np.empty)}(1, {source.constant(spec.dtype)})"
                source.make_once(array, text, np.empty, (1, spec.dtype))
                numbers.append(f"{name} = {array}{'.reshape(()).copy()' if spec.is_ndarray else '[0]'}")
                name = array
            arguments.append(name)
        source.line(f"{source.constant(self.compiled)}({', '.join(arguments)})", step)
        for line in numbers:
            source.line(line, step)
