"""Elementwise steps of one shape as one loop, written as Python text and compiled by numba.

A kernel reads every operand once, keeps temporaries in registers and writes only what is used elsewhere. Operands may
be arrays of the full shape, arrays that broadcast, numbers, elements at given positions (x[index]), arrays within a
frame of zeros (the adjoint of a slice) and arrays that np.concatenate joins. Arithmetic is that of NumPy to the last
bit, since nothing is reordered or contracted; functions such as exp are those of the C library and may differ from
NumPy's in the last bits.
"""

from functools import cache, lru_cache
from itertools import count
from math import prod

import numpy as np

from opad.programs.functions import map_refs
from opad.programs.fusion.elementwise import FLOATS, add_into_zeros, expression, frame, is_index, joined, read_elsewhere
from opad.programs.fusion.summation import compiled_functions
from opad.programs.fusion.threads import SMALLEST, Divided
from opad.programs.groups import StepGroup
from opad.programs.recorded import Ref, getitem
from opad.programs.recorder import Spec

LONG_ROW = 32  # elements from which a loop over rows is as fast as one over all elements


class Kernel(StepGroup):
    """Steps as one compiled function (*operands, numbers, *results), which writes its results into given arrays.

    Attributes
    ----------
    text : str, equal for kernels that do the same
    operands : list of Refs and arrays
    numbers : array of constants, or None
    outs : tuple of Refs, the results that are used elsewhere
    shape : of the loop
    parts : int, in how many parts the loop is run, each in a thread of its own
    """

    numbers = None
    parts = 1

    @property
    def compiled(self):
        """The compiled function."""
        kernel = compiled(self.text)
        return kernel if self.parts == 1 else Divided(kernel, self._divided(), self.parts)

    def is_divisible(self, parts):
        """Whether the loop may be cut along its first axis into parts worth a thread."""
        return False

    def written(self, step):
        """All results are arrays that the caller provides."""
        return step.outs

    def write(self, source, step):
        """One line, after lines that make arrays for results of the program."""
        self.write_results(source, step)
        arguments = [source.expression(a) for a in step.args]
        if self.numbers is not None:
            arguments.append(source.constant(self.numbers))
        arguments += map(source.name, step.outs)
        source.line(f"{source.constant(self.compiled)}({', '.join(arguments)})", step)


class ElementwiseKernel(Kernel):
    """Elementwise steps of one shape as one loop.

    Parameters
    ----------
    steps : list of Step
    specs : list of Spec
    used : set of Refs that are used elsewhere
    sources : dict Ref of a broadcast array -> Ref of what was broadcast, which the loop reads in its place
    """

    def __init__(self, steps, specs, used, sources):
        super().__init__(steps)
        self.specs = specs
        self.outs = tuple([step.out for step in steps if step.out in used])
        if sources:
            steps = [_with_sources(step, sources) for step in steps]
        writer = _LoopWriter(steps, self.outs, specs)
        self.text, self.operands = writer.text, writer.operands
        self.numbers = np.array(writer.numbers) if writer.numbers else None
        self.shape = writer.shape

    def is_divisible(self, parts):
        """Whether the loop is large, and every turn of it reads and writes its own elements alone."""
        is_large = prod(self.shape) >= SMALLEST and self.shape[0] >= parts
        return is_large and not any(map(read_elsewhere, self.steps))

    def _divided(self):
        """Which arguments are cut: those that do not broadcast along the first axis."""
        shapes = [self.specs[a].shape if type(a) is Ref else a.shape for a in self.operands]
        is_cut = [len(shape) == len(self.shape) and shape[0] == self.shape[0] for shape in shapes]
        return [*is_cut, *[False] * (self.numbers is not None), *[True] * len(self.outs)]


def _with_sources(step, sources):
    if read_elsewhere(step):  # gathers, frames and parts that are joined are read by their own positions
        return step
    return step.with_arguments(step.function, map_refs(step.args, lambda ref: sources.get(ref, ref)), {})


class _LoopWriter:
    """The text of a kernel."""

    def __init__(self, steps, outs, specs):
        self.specs, self.shape = specs, specs[steps[0].out].shape
        self.operands, self.numbers = [], []
        self._results, self._names, self._parameters, self._checked, self._head = {}, {}, {}, set(), []
        self.is_flat = len(self.shape) == 1 or (self.shape[-1] < LONG_ROW and not any(map(self._needs_axes, steps)))
        self._axes = ["i0"] if self.is_flat else [f"i{k}" for k in range(len(self.shape))]
        self._lines = [[] for _ in self._axes]  # by the innermost axis on which they depend
        for number, step in enumerate(steps):
            self._lines[-1].append(f"t{number} = {self._value(step)}")
            self._results[step.out] = f"t{number}"
        for number, out in enumerate(outs):
            self._lines[-1].append(f"o{number}[{', '.join(self._axes)}] = {self._results[out]}")
        self.text = self._assemble(len(outs))

    def _needs_axes(self, step):
        """True if an operand does not lie in memory as the results do."""
        if step.function in (add_into_zeros, np.concatenate):
            return True
        layouts = [self.specs[a] if type(a) is Ref else a for a in step.args if isinstance(a, Ref | np.ndarray)]
        return any(a.ndim and a.shape != self.shape for a in layouts) or any(
            a.order == "F" if isinstance(a, Spec) else not a.flags.c_contiguous for a in layouts
        )

    def _value(self, step):
        function = step.function
        if function is getitem:
            return self._gathered(*step.args)
        if function is add_into_zeros:
            return self._framed(step)
        if function is np.concatenate:
            return self._joined(step)
        return expression(step, self.specs, self._operand)

    # -- operands -----------------------------------------------------------------------------------------------------

    def _operand(self, a, dtype):
        """The name under which an element or a number is known in the loop."""
        if type(a) is Ref and a in self._results:
            return self._results[a]
        key = key_of(a), dtype
        if key not in self._names:
            shape = self._shape(a)
            self._names[key] = self._element(self._parameter(a), shape) if shape else self._number(a, dtype)
        return self._names[key]

    def _shape(self, a):
        return self.specs[a].shape if type(a) is Ref else np.shape(a)

    def _number(self, a, dtype):
        if type(a) is Ref:
            value = self._parameter(a) + "[()]" * self.specs[a].is_ndarray
        else:
            value = f"numbers[{len(self.numbers)}]"
            self.numbers.append(float(a))
        name = f"c{len(self._head)}"
        self._head.append(f"{name} = {dtype.name}({value})")
        return name

    def _parameter(self, a):
        key = key_of(a)
        if key not in self._parameters:
            name = self._parameters[key] = f"x{len(self.operands)}"
            self.operands.append(a)
            if self.is_flat and len(self._shape(a)) > 1:
                self._head.append(f"{name} = {name}.ravel()")
        return self._parameters[key]

    def _element(self, parameter, shape):
        if self.is_flat:
            index, depth = ("i0", 1) if shape != (1,) or self.shape == (1,) else ("0", 0)
        else:
            axes = self._axes[len(self._axes) - len(shape) :]
            sizes = self.shape[len(self._axes) - len(shape) :]
            parts = [axis if n == size else "0" for axis, n, size in zip(axes, shape, sizes, strict=True)]
            index = ", ".join(parts)
            depth = max((self._axes.index(axis) + 1 for axis in parts if axis != "0"), default=0)
        name = f"a{parameter[1:]}"
        (self._lines[depth - 1] if depth else self._head).append(f"{name} = {parameter}[{index}]")
        return name

    def _gathered(self, x, key):
        x, index = self._parameter(x), self._parameter(key[0] if type(key) is tuple else key)
        if (x, index) not in self._checked:
            self._checked.add((x, index))
            self._head += _CHECK.format(index=index, size=f"{x}.size").splitlines()
        return f"{x}[{index}[i0]]"

    def _framed(self, step):
        name, dtype = self._parameter(step.args[0]), self.specs[step.out].dtype.name
        inside, index = [], []
        for axis, (start, stop), n in zip(self._axes, frame(step, self.specs), self.shape, strict=True):
            inside += [f"{axis} >= {start}"] * (start > 0) + [f"{axis} < {stop}"] * (stop < n)
            index.append(f"{axis} - {start}" if start else axis)
        return f"{name}[{', '.join(index)}] if {' and '.join(inside) or 'True'} else {dtype}(0)"

    def _joined(self, step):
        parts, axis = joined(step, self.specs)
        values, start = [], 0
        for part, length in parts:
            index = list(self._axes)
            index[axis] += f" - {start}" * bool(start)
            start += length
            values.append(f"{self._parameter(part)}[{', '.join(index)}] if {self._axes[axis]} < {start} else ")
        return "".join(values).rpartition(" if ")[0]

    def _assemble(self, results):
        parameters = [*self._parameters.values(), *["numbers"] * bool(self.numbers), *(f"o{k}" for k in range(results))]
        lines = [f"def kernel({', '.join(parameters)}):", *(f"    {line}" for line in self._head)]
        if self.is_flat and len(self.shape) > 1:
            lines += [f"    o{k} = o{k}.ravel()" for k in range(results)]
        for depth, (axis, block) in enumerate(zip(self._axes, self._lines, strict=True)):
            size = "o0.size" if self.is_flat else self.shape[depth] if depth else "o0.shape[0]"
            lines.append(f"{'    ' * (depth + 1)}for {axis} in range({size}):")
            lines += [f"{'    ' * (depth + 2)}{line}" for line in block]
        return "\n".join(lines)


def key_of(a):
    """What tells operands apart: arrays by identity, numbers by value."""
    return (Ref, int(a)) if type(a) is Ref else id(a) if isinstance(a, np.ndarray) else (type(a), repr(a))


_CHECK = """\
outside = False
for k in range({index}.size):
    outside |= ({index}[k] >= {size}) | ({index}[k] < -{size})
if outside:
    raise IndexError("an index is out of bounds")
"""


class Scatter(Kernel):
    """np.add.at on zeros: values added one after another at the positions that vectors of integers name."""

    def __init__(self, step, specs):
        super().__init__([step])
        self.outs, self.shape = (step.out,), specs[step.out].shape
        self.operands = [step.args[0], *step.args[1]]
        names = [f"x{axis}" for axis in range(len(self.shape))]
        checks = [_CHECK.format(index=x, size=f"out.shape[{axis}]") for axis, x in enumerate(names)]
        lines = [*"".join(checks).splitlines(), "out[:] = 0", "for k in range(values.size):"]
        lines.append(f"    out[{', '.join(f'{x}[k]' for x in names)}] += values[k]")
        text = "".join(f"\n    {line}" for line in lines)
        self.text = f"def kernel(values, {', '.join(names)}, out):{text}"

    @staticmethod
    def covers(step, specs):
        """True for scatter_add(vector, a vector of integers for every axis, shape)."""
        if step.function is not add_into_zeros or step.kwargs or type(step.out) is tuple or step.raises:
            return False
        values, key, shape = step.args
        if not isinstance(values, Ref | np.ndarray) or type(key) is not tuple or not key or len(key) != len(shape):
            return False
        if specs[step.out].order != "C" or not all(is_index(k, specs) for k in key):
            return False
        spec, *indices = [specs[a] if type(a) is Ref else Spec(a) for a in (values, *key)]
        return spec.is_ndarray and spec.dtype in FLOATS and all(index.shape == spec.shape for index in indices)


_numbers = count()


@lru_cache(maxsize=1024)
def compiled(text, kernels=()):
    """The compiled function, which may call kernels k0, k1, ...; those of equal text are compiled once."""
    import numba

    namespace = {"np": np, "isfinite": np.isfinite, "float64": numba.float64, "float32": numba.float32}
    namespace |= compiled_functions() | {f"k{k}": compiled(kernel) for k, kernel in enumerate(kernels)}
    exec(text, namespace)
    kernel = namespace["kernel"]
    kernel.__name__ = f"fused{next(_numbers)}"
    return numba.njit(error_model="numpy", nogil=True, pipeline_class=_compiler())(kernel)


@cache
def _compiler():
    """numba's compiler, told that results share memory with no argument: without that long loops are not vectorised."""
    from numba.core.compiler import Compiler

    class WithoutAliases(Compiler):
        def __init__(self, *args):
            super().__init__(*args)
            self.state.flags.noalias = True

    return WithoutAliases
