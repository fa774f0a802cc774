"""Loops, and operations on numbers before, between and after them, as one function that numba compiles.

The text of the function names neither how often a loop turns nor where in a stack it begins, nor any number of the
program; these are arguments. So programs that differ in them share one compiled function.
"""

import numpy as np

from opad.programs.fusion.kernels import ElementwiseKernel, compiled
from opad.programs.fusion.loops import Fixed, Loop, Table, Turn
from opad.programs.fusion.tape import CONVERSIONS, as_numpys, error_of, is_checked, number_template
from opad.programs.groups import StepGroup
from opad.programs.recorded import Ref


class Native(StepGroup):
    """Steps whose functions are loops, operations on numbers, and elements of stacks, as one function.

    Parameters
    ----------
    steps : list of Step
    specs : list of Spec
    used : set of Refs that are used by others
    turns : int, how often loops turn at most

    Attributes
    ----------
    text, kernels : text of the function, and of the kernels that it calls
    operands, stacks, numbers : Refs of arguments, of arrays that are written, of numbers that are returned
    outs : stacks and numbers
    loops : list of Loop
    """

    def __init__(self, steps, specs, used, turns=None):
        replaced = [part for step in steps for part in getattr(step.function, "steps", [step])]
        super().__init__(replaced)
        self.specs = specs
        self.loops = [step.function for step in steps if type(step.function) is Loop]
        writer = _Writer(steps, specs, used, turns)
        self.text, self.kernels = writer.text, tuple(writer.kernels)
        self.operands, self.stacks, self.numbers = writer.operands, writer.stacks, writer.returned
        self._constants = [np.array(writer.integers, np.int64), np.array(writer.floats), *writer.tables]
        self.outs = (*self.stacks, *self.numbers)

    def written(self, step):
        """Stacks are arrays that the program provides."""
        return self.stacks

    def write(self, source, step):
        """One line, after lines that make arrays for results, and before one for every number that is no float."""
        self.write_results(source, step)
        arguments = [source.constant(constant) for constant in self._constants]
        for ref in self.operands:
            is_number = not self.specs[ref].shape and self.specs[ref].is_ndarray
            arguments.append(source.name(ref) + ".item()" * is_number)
        arguments += map(source.name, self.stacks)
        call = f"{source.constant(compiled(self.text, self.kernels))}({', '.join(arguments)})"
        results = "".join(f"{source.name(ref)}, " for ref in self.numbers)
        source.line(f"{results}= {call}" if results else call, step)
        for ref in self.numbers:
            kind, name = self.specs[ref].type, source.name(ref)
            if kind not in (float, bool):
                source.line(f"{name} = {source.constant(np.array if kind is np.ndarray else kind)}({name})", step)


class _Writer:
    """The text of a function."""

    def __init__(self, steps, specs, used, turns):
        self.specs, self._turns = specs, turns
        self.integers, self.floats, self.tables, self.operands, self.stacks = [], [], [], [], []
        self.kernels, self._names, self._lines = [], {}, []
        self._depth, self._count, self._positions, self._loop = 1, 0, {}, None
        for step in steps:
            self.stacks += step.function.stacks.values() if type(step.function) is Loop else ()
        self._names.update((ref, f"s{k}") for k, ref in enumerate(self.stacks))
        for step in steps:
            if type(step.function) is Loop:
                self._write_loop(step.function)
            elif step.inputs and specs[step.inputs[0]].shape:  # the element of a stack
                stack, place = step.args
                place = place[0] if type(place) is tuple else place
                self._names[step.out] = self._line(f"{self._name(stack)}[{self._integer(place)}]")
            else:
                self._write_number(step)
        self.returned = [ref for step in steps for ref in step.outs if ref in used and not self.specs[ref].shape]
        results = "".join(f"{self._names[ref]}, " for ref in self.returned)
        parameters = ["integers", "floats", *(f"c{k}" for k in range(len(self.tables)))]
        parameters += [self._names[ref] for ref in (*self.operands, *self.stacks)]
        head = [f"def kernel({', '.join(parameters)}):"]
        head += [f"    n{k} = integers[{k}]" for k in range(len(self.integers))]
        self.text = "\n".join([*head, *self._lines, f"    return ({results})" if results else "    return"])

    # -- names --------------------------------------------------------------------------------------------------------

    def _add(self, text):
        self._lines.append("    " * self._depth + text)

    def _line(self, value, name=None):
        """A line that gives a value a name."""
        if name is None:
            name = f"t{self._count}"
            self._count += 1
        self._add(f"{name} = {value}")
        return name

    def _integer(self, value):
        self.integers.append(value)
        return f"n{len(self.integers) - 1}"

    def _float(self, value):
        self.floats.append(float(value))
        return f"floats[{len(self.floats) - 1}]"

    def _table(self, array):
        self.tables.append(array)
        return f"c{len(self.tables) - 1}"

    def _name(self, ref):
        """The name of a value; one that is not computed here is an argument."""
        if ref not in self._names:
            self._names[ref] = f"x{len(self.operands)}"
            self.operands.append(ref)
        return self._names[ref]

    # -- numbers ------------------------------------------------------------------------------------------------------

    def _write_number(self, step):
        is_conversion = step.function in CONVERSIONS
        args = step.args[:1] if is_conversion else step.args
        names = [self._operand(a) if type(a) is Ref else self._float(a) for a in args]
        if is_conversion:  # a name of its own, since variables for values of earlier turns change
            is_mask = type(args[0]) is Ref and self.specs[args[0]].dtype != self.specs[step.out].dtype
            self._names[step.out] = self._line(f"float({names[0]})" if is_mask else names[0])
            return
        name = self._names[step.out] = self._line(number_template(step.function).format(*names))
        if is_checked(step, self.specs):
            self._add(f"if {error_of(as_numpys(step.function), *names, name)}:")
            self._add('    raise ArithmeticError("Python\'s numbers raise an error here")')

    # -- loops --------------------------------------------------------------------------------------------------------

    def _write_loop(self, loop):
        self._loop = loop
        self._positions = {ref: position for position, ref in enumerate(loop.results)}
        self._write_initial_values()
        count = loop.count if self._turns is None else min(loop.count, self._turns)
        self._add(f"for i in range({self._integer(count)}):")
        self._depth += 1
        for step in loop.body:
            if type(step.function) is ElementwiseKernel:
                self._call(step)
            elif step.out not in loop.values:
                self._write_number(step)
                position = self._positions[step.out]
                if position in loop.stacks:
                    self._add(f"{self._element(position)} = {self._names[step.out]}")
        for position, names in self._earlier.items():
            for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
                self._line(newer, older)
            self._line(self._names[loop.results[position]], names[0])
        self._depth -= 1
        self._loop = None
        self._names.update(
            (ref, self._earlier[position][loop.count - turn - 1]) for ref, (position, turn) in loop.last()
        )

    def _write_initial_values(self):
        """What stands for values before the first turn: in stacks, or in variables for values of the turns before."""
        loop, self._earlier = self._loop, {}
        depths = dict(loop.lags)
        for _, (position, turn) in loop.last():
            depths[position] = max(depths.get(position, 0), loop.count - turn)
        for position, depth in depths.items():
            is_number = loop.is_number(position)
            zero = "False" if self.specs[loop.results[position]].dtype == bool else "0.0"
            for turn in range(-1, -depth - 1, -1):
                initial = loop.initial.get((position, turn))
                name = self._name(initial) if initial is not None else zero
                if is_number:
                    self._earlier.setdefault(position, []).append(self._line(name))
                if position in loop.stacks and initial is not None:
                    self._copy(
                        name, self._name(loop.stacks[position]), loop.place(position, turn), self.specs[initial].ndim
                    )

    def _copy(self, name, stack, place, ndim):
        """Put a value into a stack, element by element: numba takes a second longer to compile stack[place] = array."""
        index = [f"i{axis}" for axis in range(ndim)]
        for axis in index:
            self._add(f"for {axis} in range({name}.shape[{axis[1:]}]):")
            self._depth += 1
        self._add(f"{stack}[{', '.join([str(place), *index])}] = {name}" + f"[{', '.join(index)}]" * bool(index))
        self._depth -= ndim

    def _call(self, step):
        kernel = step.function
        if kernel.text not in self.kernels:
            self.kernels.append(kernel.text)
        arguments = [self._operand(a) if type(a) is Ref else self._table(a) for a in kernel.operands]
        if kernel.numbers is not None:
            arguments.append(f"floats[{len(self.floats)}:{len(self.floats) + len(kernel.numbers)}]")
            self.floats += kernel.numbers.tolist()
        arguments += [self._element(self._positions[out]) for out in kernel.outs]
        self._add(f"k{self.kernels.index(kernel.text)}({', '.join(arguments)})")

    def _operand(self, ref):
        """The name of an operand."""
        loop = self._loop
        if loop is None or ref in self._names:
            return self._name(ref)
        if ref in self._positions:
            return self._element(self._positions[ref])
        operand = loop.values[ref]
        if type(operand) is Fixed and not operand.keys:
            return self._name(operand.ref)
        if type(operand) is Turn and operand.lag and loop.is_number(operand.position):
            return self._earlier[operand.position][operand.lag - 1]
        self._names[ref] = self._line(self._expression(operand))
        return self._names[ref]

    def _expression(self, operand):
        if type(operand) is Table:
            return f"{self._table(np.frombuffer(operand.values))}[i]"
        if type(operand) is Fixed:
            text = self._name(operand.ref)
        elif type(operand) is Turn:
            text = self._element(operand.position, operand.lag)
        else:
            owner, position = operand.loop, operand.position
            first = self._linear(owner.place(position, operand.first), operand.stride)
            text = f"{self._name(owner.stacks[position])}[{first}]"
        for key in operand.keys:
            text += f"[{', '.join(part if type(part) is str else self._linear(*part) for part in key)}]"
        return text

    def _linear(self, first, stride):
        """An integer that changes from turn to turn."""
        factor = f" {'-' if stride < 0 else '+'} {f'{abs(stride)} * ' * (abs(stride) != 1)}i" if stride else ""
        return self._integer(first) + factor

    def _element(self, position, lag=0):
        """Where a value of this turn, or of one before, lies."""
        loop, longest = self._loop, self._loop.lags.get(position, 0)
        if position not in loop.rings:
            index = f"i + {longest - lag}"
        else:
            index = f"(i + {longest + 1 - lag}) % {longest + 1}" if longest else "0"
        return f"{self._name(loop.stacks[position])}[{index}]"
