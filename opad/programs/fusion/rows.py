"""A loop nest with reductions as Python text: row by row, loops over the elements and reductions of the row in turn.

What a later loop over a row needs of an earlier one lies in a scratch row, which stays in the cache. Sums are added in
the order in which NumPy adds: over leading axes one after another, over the last axis pairwise. Two orders are other
ones, those of a sum over all axes (pairwise, over sums of rows) and of one over the last axes if these are written out.
"""

from itertools import product

import numpy as np

from opad.programs.fusion.elementwise import expression
from opad.programs.fusion.kernels import key_of
from opad.programs.fusion.summation import BLOCK, REDUCTIONS, is_reduction, operands_of
from opad.programs.recorded import Ref, astype
from opad.programs.recorder import Spec

_NEUTRAL = {"sum": "0", "max": "-np.inf", "min": "np.inf"}
_EXTREMA = {"max": "larger", "min": "smaller"}
_COMBINED = {"sum": "{} + {}", **{kind: f"{name}({{}}, {{}})" for kind, name in _EXTREMA.items()}}


class RowWriter:
    """The text of a nest.

    A row is one turn of the outer loops. In it code for the row and loops over its elements alternate: `rows[k]` comes
    before the loop `elements[k]`, and a reduction of what that loop computes is in `rows[k + 1]`.
    """

    def __init__(self, steps, outs, space, specs, is_large):
        self.steps, self.outs, self.space, self.specs = steps, outs, space, specs
        self.operands, self.numbers = [], []
        self._sizes = {axis: n for axis, n in enumerate(space.shape) if n > 1}
        self.alignments = {}  # of each operand, the axes of its dimensions, in every way in which it is used
        self._parameters, self._names, self._head, self._tail, self._scratch = {}, {}, [], [], {}
        self._sources, self._phase, self._kept = {}, {}, set()
        self._places = {}  # of values of a row that later loops need, or reductions
        self._find_phases()
        count = 2 + max(self._phase.values(), default=0)
        self._rows, self._elements = [[] for _ in range(count)], [[] for _ in range(count)]
        for number, step in enumerate(steps):
            if step.out not in self._sources:
                self._write(step, number)
            elif step.out in outs:
                self._write_alias(step)
        self.text = self._assemble(is_large)

    # -- in which loop over the row each step is ----------------------------------------------------------------------

    def _find_phases(self):
        """The loop over a row in which each value is computed, and which values later loops need."""
        made = {step.out for step in self.steps}
        for step in self.steps:
            operands = [self._sources.get(ref, ref) for ref in step.inputs]
            phase = max((self._phase.get(ref, 0) for ref in operands), default=0)
            if self._is_alias(step):
                self._sources[step.out] = operands[0]
                continue
            reduction = self._reduction(step)
            if reduction is None:
                is_row = self.space.vector not in self.space.dims[step.out]
            else:
                is_row = self.space.vector not in reduction.dims
                phase_of_result = phase + (self.space.vector in reduction.reduced)
            for ref in operands:
                if ref in made and self._phase[ref] < phase and not is_row and self._varies(ref):
                    self._kept.add(ref)
            self._phase[step.out] = phase if reduction is None else phase_of_result
            if reduction and self.space.vector in reduction.reduced and self._is_direct(step, reduction.dims):
                self._kept.update(ref for ref in operands if ref in made and self._varies(ref))

    def _is_alias(self, step):
        return step.function not in REDUCTIONS and not self._is_arithmetic(step)

    def _is_arithmetic(self, step):
        return isinstance(step.function, np.ufunc) or step.function in (np.where, astype, np.vdot)

    def _reduction(self, step):
        return self.space.reduction(step) if is_reduction(step) else None

    def _is_direct(self, step, dims):
        """Whether what is reduced is a value itself, not made of several."""
        return step.function is not np.vdot and not set(self.space.unrolled) & set(dims)

    def _varies(self, ref):
        """Whether a value of the nest varies along a row."""
        return self.space.vector in self.space.dims[ref]

    # -- steps --------------------------------------------------------------------------------------------------------

    def _write(self, step, number):
        reduction = self._reduction(step)
        if reduction is not None:
            self._write_reduction(step, number, reduction)
            return
        dims, phase = self.space.dims[step.out], self._phase[step.out]
        lines = (self._elements if self.space.vector in dims else self._rows)[phase]
        for u in self._indices(dims):
            value = expression(step, self.specs, lambda a, dtype, u=u: self._operand(a, dims, u, phase, dtype))
            self._define(step.out, u, f"t{number}{_suffix(u)}", value, lines)
        self._store(step.out, phase)

    def _write_alias(self, step):
        """A result that has the elements of a value or an operand."""
        dims, source = self.space.dims[step.out], self._sources[step.out]
        phase, dtype = self._phase.get(source, 0), self.specs[step.out].dtype
        lines = (self._elements if self.space.vector in dims else self._rows)[phase]
        for u in self._indices(dims):
            value = self._operand(step.out, dims, u, phase, dtype)
            lines.append(f"{self._place(self._result(step.out), dims, u)} = {value}")

    def _result(self, ref):
        return f"o{self.outs.index(ref)}"

    def _define(self, ref, u, name, value, lines):
        lines.append(f"{name} = {value}")
        self._names[ref, tuple(u.items())] = name

    def _store(self, ref, phase):
        """Write a value where it is needed: into a result, into a scratch row."""
        dims = self.space.dims[ref]
        is_row = self.space.vector not in dims
        lines = (self._rows if is_row else self._elements)[phase]
        for u in self._indices(dims):
            name = self._names[ref, tuple(u.items())]
            if ref in self.outs:
                lines.append(f"{self._place(self._result(ref), dims, u)} = {name}")
            if ref in self._kept and self._varies(ref):
                array, start = self._places[ref, tuple(u.items())] = self._new_place(self.specs[ref].dtype)
                lines.append(f"{array}[{start} + i] = {name}")

    def _new_place(self, dtype):
        """A scratch row: the array and where the row starts."""
        scratch = f"s_{dtype.name}"
        start = self._scratch.get(scratch, 0)
        self._scratch[scratch] = start + self._sizes[self.space.vector]
        return scratch, start

    def _place(self, name, dims, u):
        """An element of an array as Python text: x[i0, i], and x[3 * i + 1] where short axes are written out."""
        index = [str(u[axis]) if axis in u else self._index(axis) for axis in dims]
        if self.space.vector in dims and self._is_behind(u):  # so that the compiler knows the stride
            strides, stride = {}, 1
            for axis in reversed(dims):
                strides[axis] = stride
                stride *= self._sizes.get(axis, 1)
            name, offset = self._flat(name), sum(strides[axis] * k for axis, k in u.items())
            looped = [axis for axis in dims if axis is not None and axis not in u]
            index = [" + ".join([*(f"{strides[axis]} * {self._index(axis)}" for axis in looped), str(offset)])]
        return f"{name}[{', '.join(index)}]"

    def _is_behind(self, u):
        """Whether `u` has axes behind that of the rows, so that elements of a row are not neighbours in memory."""
        return any(axis > self.space.vector for axis in u)

    def _index(self, axis):
        return "0" if axis is None else "i" if axis == self.space.vector else f"i{axis}"

    def _flat(self, name):
        line = f"f{name} = {name}.ravel()"
        if line not in self._head:
            self._head.append(line)
        return f"f{name}"

    def _row(self, name, dims):
        """A whole row of an array as Python text."""
        index = [":" if axis == self.space.vector else self._index(axis) for axis in dims]
        index = index[:-1] if index[-1] == ":" else index
        return f"{name}[{', '.join(index)}]" if index else name

    def _indices(self, dims):
        """Positions on the written-out axes among `dims`, as dictionaries."""
        axes = [axis for axis in self.space.unrolled if axis in dims]
        return [dict(zip(axes, k, strict=True)) for k in product(*(range(self._sizes[axis]) for axis in axes))]

    # -- operands -----------------------------------------------------------------------------------------------------

    def _operand(self, a, dims, u, phase, dtype):
        """The name of an element or a number in a loop over a row."""
        own = self.space.aligned(a, dims)
        while type(a) is Ref and a in self._sources:
            a = self._sources[a]
            own = self.space.aligned(a, own)
        u = {axis: k for axis, k in u.items() if axis in own}
        key = tuple(u.items())
        is_row = self.space.vector not in own
        if type(a) is Ref and a in self._phase:
            if is_row or self._phase[a] == phase:
                return self._names[a, key]
            return self._loaded((a, key, phase), "{}[{} + i]".format(*self._places[a, key]), self._elements[phase], "b")
        name = self._parameter(a, own)
        if not any(axis is not None for axis in own):
            return self._number(a, name, dtype)
        lines = self._rows[0] if is_row else self._elements[phase]
        return self._loaded((name, own, key, -1 if is_row else phase), self._place(name, own, u), lines, "a")

    def _loaded(self, key, value, lines, letter):
        if key not in self._names:
            self._names[key] = f"{letter}{len(self._names)}"
            lines.append(f"{self._names[key]} = {value}")
        return self._names[key]

    def _parameter(self, a, dims):
        """The name of an operand; nothing for numbers of the program's text."""
        if type(a) is not Ref and not np.shape(a):
            return None
        key = key_of(a)
        if key not in self._parameters:
            self._parameters[key] = f"x{len(self.operands)}"
            self.operands.append(a)
        self.alignments.setdefault(key, set()).add(dims)
        return self._parameters[key]

    def _number(self, a, name, dtype):
        key = key_of(a), dtype
        if key not in self._names:
            self._names[key] = f"c{len(self._head)}"
            if name is None:
                value = f"numbers[{len(self.numbers)}]"
                self.numbers.append(float(a))
            else:
                spec = self.specs[a] if type(a) is Ref else Spec(a)
                value = f"{name}[{', '.join('0' * spec.ndim) or '()'}]" if spec.is_ndarray else name
            self._head.append(f"{self._names[key]} = {dtype.name}({value})")
        return self._names[key]

    # -- reductions ---------------------------------------------------------------------------------------------------

    def _write_reduction(self, step, number, reduction):
        dims, reduced, result, is_late = reduction
        kind, dtype = REDUCTIONS.get(step.function, "sum"), self.specs[step.out].dtype
        vector, unrolled = self.space.vector, set(self.space.unrolled)
        is_row, along = vector not in dims, vector in reduced
        phase = self._phase[step.out] - along
        lines = (self._rows if is_row else self._elements)[phase]
        place = self._place_of_row(step, dims) if along else None
        partial = {(): None} if place else {}
        for u in [] if place else self._indices([axis for axis in dims if axis not in reduced]):
            inner = self._indices([axis for axis in dims if axis in reduced and axis in unrolled])
            terms = [self._term(step, dims, dict(sorted((u | k).items())), phase) for k in inner]
            value = terms[0]
            for term in terms[1:]:
                value = _COMBINED[kind].format(value, term)
            if len(terms) > 1 or step.function is np.vdot:
                lines.append(f"y{number}{_suffix(u)} = {self._from_zero(kind, dtype, value)}")
                value = f"y{number}{_suffix(u)}"
            partial[tuple(u.items())] = value
        if along:
            partial = self._along_rows(step, number, kind, partial, phase, place)
        if not is_late:
            for u, value in partial.items():
                self._names[step.out, u] = value
            self._store(step.out, self._phase[step.out])
        elif along or reduced == {axis for axis in dims if axis is not None}:
            self._write_total(step, number, kind, partial, self._phase[step.out])
        else:
            self._accumulate(step, number, kind, partial, dims, result, phase)

    def _from_zero(self, kind, dtype, value):
        """NumPy's sums start from 0.0, which matters for the sign of zero alone."""
        return f"{dtype.name}(0) + ({value})" if kind == "sum" else value

    def _term(self, step, dims, u, phase):
        operands = [self._operand(a, dims, u, phase, self.specs[step.out].dtype) for a in operands_of(step)]
        return " * ".join(operands)

    def _along_rows(self, step, number, kind, partial, phase, place):
        """Reductions of rows, after the loop that computes them."""
        n, dtype, result = self._sizes[self.space.vector], self.specs[step.out].dtype, {}
        for u, value in partial.items():
            name = f"z{number}{_suffix(dict(u))}"
            array, start = place or self._new_place(dtype)
            if place is None:
                self._elements[phase].append(f"{array}[{start} + i] = {value}")
            rows = self._rows[phase + 1]
            if kind == "sum" and self._is_behind(dict(u)):  # NumPy adds one after another what has gaps between
                rows.append(f"{name} = {dtype.name}(0)")
                rows += [f"for i in range({n}):", f"    {name} += {array}[{start} + i]"]
            else:
                rows.append(f"{name} = {self._from_zero(kind, dtype, _reduced(kind, array, start, n))}")
            result[u] = name
        return result

    def _place_of_row(self, step, dims):
        """The array, and the position in it, where what a step reduces along rows lies already; None if it does not."""
        if not self._is_direct(step, dims):
            return None
        a = step.args[0]
        while a in self._sources:
            a = self._sources[a]
            dims = self.space.aligned(a, dims)
        if a in self._phase or self.space.vector not in dims:
            return self._places.get((a, ()))
        return self._row(self._parameter(a, dims), dims), 0

    def _write_total(self, step, number, kind, partial, phase):
        """The reduction of all elements: that of the reductions of rows."""
        (value,) = partial.values()
        dtype, sizes = self.specs[step.out].dtype, self._sizes
        out = f"{self._result(step.out)}[{', '.join('0' * max(1, self.specs[step.out].ndim))}]"
        if not self.space.outer:
            self._rows[phase].append(f"{out} = {value}")
            return
        stride, terms = 1, []
        for axis in reversed(self.space.outer):
            terms.append(_times(stride, f"i{axis}"))
            stride *= sizes[axis]
        self._head.append(f"w{number} = np.empty({stride}, np.{dtype.name})")
        self._rows[phase].append(f"w{number}[{' + '.join(terms)}] = {value}")
        self._tail.append(f"{out} = {self._from_zero(kind, dtype, _reduced(kind, f'w{number}', 0, stride))}")

    def _accumulate(self, step, number, kind, partial, dims, result, phase):
        """A reduction over outer axes, in memory."""
        out, dtype, sizes = self._result(step.out), self.specs[step.out].dtype, self._sizes
        lines = (self._elements if self.space.vector in dims else self._rows)[phase]
        if not any(self._is_behind(dict(u)) for u in partial):
            self._head.append(f"{out}[:] = {_NEUTRAL[kind]}")
            for u, value in partial.items():
                place = self._place(out, result, dict(u))
                lines.append(f"{place} = {_COMBINED[kind].format(place, value)}")
            return
        loops = [axis for axis in result if axis is not None and axis not in self.space.unrolled]
        terms, stride = [], 1
        for axis in reversed(loops):
            terms.append(_times(stride, self._index(axis)))
            stride *= sizes[axis]
        total, m = f"w{number}", len(partial)
        self._head += [f"{total} = np.empty({stride * m}, np.{dtype.name})", f"{total}[:] = {_NEUTRAL[kind]}"]
        for k, value in enumerate(partial.values()):
            place = f"{total}[{' + '.join([*terms[::-1], str(stride * k)])}]"
            lines.append(f"{place} = {_COMBINED[kind].format(place, value)}")
        self._tail += [f"{self._flat(out)}[{m} * i + {k}] = {total}[{stride * k} + i]" for k in range(m)]
        self._tail.insert(len(self._tail) - m, f"for i in range({stride}):")
        self._tail[-m:] = [f"    {line}" for line in self._tail[-m:]]

    # -- text ---------------------------------------------------------------------------------------------------------

    def _assemble(self, is_large):
        results = [f"o{k}" for k in range(len(self.outs))]
        parameters = [*self._parameters.values(), *["numbers"] * bool(self.numbers), *results]
        lines = [f"def kernel({', '.join(parameters)}):"]
        if is_large:  # of which a thread may be given a part
            lines.append(f"    n0 = {results[-1]}.shape[0]")
        lines += [f"    {name} = np.empty({size}, np.{name[2:]})" for name, size in self._scratch.items()]
        lines += [f"    {line}" for line in self._head]
        depth = 1
        for axis in self.space.outer:
            count = "n0" if is_large and depth == 1 else self._sizes[axis]
            lines.append(f"{'    ' * depth}for i{axis} in range({count}):")
            depth += 1
        for rows, elements in zip(self._rows, self._elements, strict=True):
            lines += [f"{'    ' * depth}{line}" for line in rows]
            if elements:
                lines.append(f"{'    ' * depth}for i in range({self._sizes[self.space.vector]}):")
                lines += [f"{'    ' * (depth + 1)}{line}" for line in elements]
        lines += [f"    {line}" for line in self._tail]
        return "\n".join(lines)


def _suffix(u):
    return "".join(f"_{k}" for k in u.values())


def _times(stride, index):
    return f"{stride} * {index}" if stride > 1 else index


def _reduced(kind, array, start, n):
    """A call that reduces neighbouring elements."""
    if kind == "sum":
        return f"{'block' if n <= BLOCK else 'row'}_sum({array}, {start}, {n})"
    return f"row_extremum({array}, {start}, {n}, {_EXTREMA[kind]})"
