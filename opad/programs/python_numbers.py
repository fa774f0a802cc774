"""Arithmetic of numbers as Python's own, three times as fast as that of NumPy's numbers and equal to the last bit.

NumPy's numbers warn of overflow and division by zero, Python's do not or raise. So the results are looked at: + - * /
of finite numbers that end in finite numbers, divisors included, have met neither. (An infinite or undefined result
stays one under + - * and in a numerator.) If some are not finite, the program goes back to NumPy's numbers.

Of the functions of `math`, twenty times as fast, those are taken that a trial finds equal to NumPy's; NumPy's exp, say,
is another algorithm on many processors.
"""

import math
import operator
from functools import lru_cache

import numpy as np

from opad.programs.functions import EXACT, needed_after
from opad.programs.grouping import gathered
from opad.programs.groups import StepGroup
from opad.programs.recorded import Ref, to_float
from opad.programs.recorder import Step

FEWEST = 8
_MOST = 8  # operations of an expression, so that those of all turns of a loop look alike
_SYMBOLS = {
    np.add: "({} + {})", np.subtract: "({} - {})", np.multiply: "({} * {})", np.divide: "({} / {})",
    np.negative: "(-{})", np.positive: "{}", np.absolute: "abs({})", np.square: "({0} * {0})",
    operator.add: "({} + {})", operator.sub: "({} - {})", operator.mul: "({} * {})", operator.truediv: "({} / {})",
    operator.neg: "(-{})", operator.abs: "abs({})", to_float: "{}",
}  # fmt: skip
_DIVISIONS = {np.divide, operator.truediv}
_LIBRARY = {np.sin: math.sin, np.cos: math.cos, np.sqrt: math.sqrt, np.isfinite: math.isfinite}


class NotFinite(ArithmeticError):
    """Python's numbers have met what NumPy warns of."""


def with_python_numbers(steps, outputs, guards, specs):
    """The steps with long runs of arithmetic of numbers as Python's; the same list if there are none."""
    fits = {id(step) for step in steps if _is_arithmetic(step, specs)}
    if len(fits) < FEWEST:
        return steps
    runs = gathered(steps, fits)
    used = needed_after(outputs, guards)
    used.update(ref for step in runs for ref in step.inputs)
    result = []
    for step in runs:
        if type(step.function) is not StepGroup:
            result.append(step)
            continue
        run = PythonNumbers(step.function.steps, specs, used)
        if run.is_worthwhile:
            result.append(Step(run, step.args, {}, run.outs, step.origin))
        else:
            result += run.steps
    return result if len(result) < len(steps) else steps


def _is_arithmetic(step, specs):
    function = step.function
    if type(step.out) is tuple or specs[step.out].shape or step.kwargs:
        return False
    if function not in _SYMBOLS and not is_pythons(function):
        return False
    if step.errstate and step.errstate["under"] != "ignore":
        return False
    if function is np.isfinite:
        return specs[step.out].type is np.bool and _is_double(step.args[0], specs)
    return all(_is_double(a, specs) for a in (step.out, *step.args))


@lru_cache(maxsize=64)
def is_pythons(function):
    """True if a function of `math` gives the bits of NumPy's, at some thousand numbers of all sizes."""
    if function not in _LIBRARY:
        return False
    rng = np.random.default_rng(0)
    x = np.abs(rng.standard_normal(4000)) * 10.0 ** rng.integers(-6, 6, 4000)
    x = x if function is np.sqrt else np.copysign(x, rng.standard_normal(4000))
    return all(function(np.float64(number)) == _LIBRARY[function](number) for number in x.tolist())


def _is_double(a, specs):
    """True for numbers that Python's arithmetic takes as NumPy's does: float64, finite where they are constants."""
    if type(a) is Ref:
        return specs[a].type in (float, np.float64)
    if type(a) is np.ndarray and (a.ndim or a.dtype != np.float64):
        return False
    return (type(a) in (float, np.float64, np.ndarray) and np.isfinite(a)) or (type(a) is int and abs(a) < EXACT)


class PythonNumbers(StepGroup):
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
        numbers = [ref for ref in self.outs if specs[ref].type is not np.bool]
        self._checked = dict.fromkeys([*numbers, *(a for a in divisors if type(a) is Ref)])
        self._uses = dict.fromkeys((step.out for step in steps), 0)
        for step in steps:
            for ref in step.inputs:
                self._uses[ref] = self._uses.get(ref, 0) + 1 + (step.function is np.square)
        operands = sum(1 for ref in self._uses if specs[ref].type is np.float64) - len(steps)
        self.is_worthwhile = len(steps) >= max(FEWEST, 2 * operands + 4 * len(numbers) + len(self._checked))

    def write(self, source, step):
        """Lines of arithmetic, of checks and of conversions."""
        names, operations = {}, {}
        for ref in step.args:
            names[ref] = source.name(ref)
            if self.specs[ref].type is not float:
                names[ref] = f"f{int(ref)}"
                source.line(f"{names[ref]} = {source.name(ref)}.item()", step)
        may_fail, indent = any(part.function in _LIBRARY for part in self.steps), ""
        if may_fail:
            source.line("try:", step)
            indent = "    "
        for part in self.steps:
            value = self._value(part, names, source)
            names[part.out] = value
            count = 1 + sum(operations.get(ref, 0) for ref in part.inputs)
            is_kept = self._uses[part.out] != 1 or part.out in self._checked or count >= _MOST
            operations[part.out] = 0 if is_kept else count
            if is_kept and not value.isidentifier():
                names[part.out] = source.name(part.out) if part.out in source.conditions else f"f{int(part.out)}"
                value = value[1:-1] if value[0] == "(" else value
                source.line(f"{indent}{names[part.out]} = {value}", part, may_warn=False)
        if may_fail:  # of infinite numbers, roots of negative ones
            source.line(f"except ValueError: raise {source.constant(NotFinite)} from None", step)
        checks = [f"{names[ref]} - {names[ref]}" for ref in self._checked]
        if checks:
            source.line(f"if {' or '.join(checks)}: raise {source.constant(NotFinite)}", step)  # zero, or NaN
        for ref in self.outs:
            kind = self.specs[ref].type
            value = names[ref] if kind is float else f"{source.constant(kind)}({names[ref]})"
            if names[ref] != source.name(ref):
                source.line(f"{source.name(ref)} = {value}", step)

    def _value(self, part, names, source):
        """A step as an expression."""
        args = [names[a] if type(a) is Ref else _text(a) for a in part.args]
        if part.function in _SYMBOLS:
            return _SYMBOLS[part.function].format(*args)
        return f"{source.constant(_LIBRARY[part.function])}({', '.join(args)})"


def _text(number):
    text = repr(float(number))
    return f"({text})" if text[0] == "-" else text
