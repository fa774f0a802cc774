"""Arithmetic of numbers as Python's own, three times as fast as that of NumPy's numbers and equal to the last bit.

NumPy's numbers warn of overflow and division by zero, Python's do not or raise. So the results are looked at: + - * /
of finite numbers that end in finite numbers, divisors included, have met neither. (An infinite or undefined result
stays one under + - * and in a numerator.) If some are not finite, the program goes back to NumPy's numbers.
"""

import operator

import numpy as np

from opad.programs.fused import FusedSteps
from opad.programs.grouping import gathered
from opad.programs.recorded import Ref, to_float
from opad.programs.recorder import Step

FEWEST = 8
_LONGEST = 200  # characters of an expression
_SYMBOLS = {
    np.add: "({} + {})", np.subtract: "({} - {})", np.multiply: "({} * {})", np.divide: "({} / {})",
    np.negative: "(-{})", np.absolute: "abs({})", np.square: "({0} * {0})",
    operator.add: "({} + {})", operator.sub: "({} - {})", operator.mul: "({} * {})", operator.truediv: "({} / {})",
    operator.neg: "(-{})", operator.abs: "abs({})", to_float: "{}",
}  # fmt: skip
_DIVISIONS = {np.divide, operator.truediv}


class NotFinite(ArithmeticError):
    """Python's numbers have met what NumPy warns of."""


def with_python_numbers(steps, outputs, guards, specs):
    """The steps with long runs of arithmetic of numbers as Python's; the same list if there are none."""
    fits = {id(step) for step in steps if _is_arithmetic(step, specs)}
    if len(fits) < FEWEST:
        return steps
    runs = gathered(steps, fits)
    used = {out for out in outputs if type(out) is Ref} | {guard.ref for guard in guards}
    used.update(ref for step in runs for ref in step.inputs)
    result = []
    for step in runs:
        if type(step.function) is not FusedSteps:
            result.append(step)
            continue
        run = PythonNumbers(step.function.steps, specs, used)
        if run.is_worthwhile:
            result.append(Step(run, step.args, {}, run.outs, step.origin))
        else:
            result += run.steps
    return result if len(result) < len(steps) else steps


def _is_arithmetic(step, specs):
    if step.function not in _SYMBOLS or step.kwargs or type(step.out) is tuple:
        return False
    if step.errstate and step.errstate["under"] != "ignore":
        return False
    return all(_is_number(a, specs) for a in (step.out, *step.args))


def _is_number(a, specs):
    if type(a) is Ref:
        return specs[a].type in (float, np.float64)
    if type(a) is np.ndarray and (a.ndim or a.dtype != np.float64):
        return False
    return (type(a) in (float, np.float64, np.ndarray) and np.isfinite(a)) or (type(a) is int and abs(a) < 2**53)


class PythonNumbers(FusedSteps):
    """Steps on numbers as expressions of Python.

    Attributes
    ----------
    outs : tuple of Refs, results that are used elsewhere
    is_worthwhile : bool, whether Python's arithmetic saves more than the conversions cost
    """

    def __init__(self, steps, specs, used):
        super().__init__(steps)
        self.specs = specs
        self.outs = tuple([step.out for step in steps if step.out in used])
        divisors = [step.args[1] for step in steps if step.function in _DIVISIONS]
        self._checked = dict.fromkeys([*self.outs, *(a for a in divisors if type(a) is Ref)])
        self._uses = dict.fromkeys((step.out for step in steps), 0)
        for step in steps:
            for ref in step.inputs:
                self._uses[ref] = self._uses.get(ref, 0) + 1 + (step.function is np.square)
        operands = sum(1 for ref in self._uses if specs[ref].type is np.float64) - len(steps)
        self.is_worthwhile = len(steps) >= max(FEWEST, 2 * operands + 4 * len(self.outs) + len(self._checked))

    def write(self, source, step):
        """Lines of arithmetic, of checks and of conversions."""
        names = {}
        for ref in step.args:
            names[ref] = source.name(ref)
            if self.specs[ref].type is not float:
                names[ref] = f"f{int(ref)}"
                source.line(f"{names[ref]} = {source.name(ref)}.item()", step)
        for part in self.steps:
            value = _SYMBOLS[part.function].format(*[names[a] if type(a) is Ref else _text(a) for a in part.args])
            names[part.out] = value
            is_kept = self._uses[part.out] != 1 or part.out in self._checked or len(value) > _LONGEST
            if is_kept and not value.isidentifier():
                names[part.out] = f"f{int(part.out)}"
                source.line(f"{names[part.out]} = {value[1:-1] if value[0] == '(' else value}", part)
        checks = [f"{names[ref]} - {names[ref]}" for ref in self._checked]
        source.line(f"if {' or '.join(checks)}: raise {source.constant(NotFinite)}", step)  # zero, or NaN
        for ref in self.outs:
            kind = self.specs[ref].type
            value = names[ref] if kind is float else f"{source.constant(kind)}({names[ref]})"
            source.line(f"{source.name(ref)} = {value}", step)


def _text(number):
    text = repr(float(number))
    return f"({text})" if text[0] == "-" else text
