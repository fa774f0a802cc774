"""Long runs of operations on numbers as a table, a tape, that one loop compiled by numba works off.

Compiling a hundred thousand lines takes a compiler minutes; a loop over a table of operations takes a few nanoseconds
for each, and is compiled once for all programs.
"""

import operator
from functools import cache

import numpy as np

from opad.programs.functions import EXACT
from opad.programs.fusion.elementwise import ARITHMETIC, COMPARISONS, LIBRARY
from opad.programs.groups import StepGroup
from opad.programs.recorded import Ref, getitem, item, to_array, to_float

_PYTHON = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.divide,
    operator.neg: np.negative, operator.abs: np.absolute, operator.pow: np.power,
    operator.lt: np.less, operator.le: np.less_equal, operator.gt: np.greater, operator.ge: np.greater_equal,
    operator.eq: np.equal, operator.ne: np.not_equal,
}  # fmt: skip
CONVERSIONS = {to_float, to_array, item, getitem}  # getitem of an array of one number: x[()]
_TEMPLATES = {**ARITHMETIC, **LIBRARY, **COMPARISONS, np.where: "{1} if {0} else {2}"}
_CODES = {function: code for code, function in enumerate(_TEMPLATES)}
_CHECKED = len(_CODES)  # added to a code: infinite results and NaN are errors, as of Python's x / 0.0


def is_number_step(step, specs):
    """True for operations on numbers in double precision that a tape can hold."""
    if type(step.out) is tuple or step.kwargs or step.raises:
        return False
    function, args = step.function, step.args
    if function is getitem and type(args[1]) is tuple and not args[1]:
        args = args[:1]
    if not _fits_tape(step.out, specs) or not all(_fits_tape(a, specs) for a in args):
        return False
    if function is np.vdot:
        return args[0] == args[1]
    if function is np.where:
        return len(args) == 3
    if specs[step.out].dtype == bool and function not in CONVERSIONS:
        function = _PYTHON.get(function, function)
        return function in COMPARISONS
    return (function in CONVERSIONS and len(args) == 1) or _PYTHON.get(function, function) in _CODES


def _fits_tape(a, specs):
    """True for numbers that a tape can hold: in double precision, or exact in it, as integers and masks."""
    if type(a) is Ref:
        spec = specs[a]
        if spec.shape or not (spec.type in (float, bool, np.ndarray) or issubclass(spec.type, np.generic)):
            return False
        return spec.dtype == np.float64 or (spec.dtype == bool and not spec.is_ndarray)
    if type(a) in (int, float, bool):
        return type(a) is float or abs(a) < EXACT
    return isinstance(a, np.ndarray | np.generic) and not a.ndim and a.dtype == np.float64


def as_numpys(function):
    """NumPy's function for an operation on numbers."""
    return np.multiply if function is np.vdot else _PYTHON.get(function, function)


def number_template(function):
    """The text of an operation on {0}, {1}, ..."""
    return _TEMPLATES[as_numpys(function)]


def is_checked(step, specs):
    """True if Python may raise an error where NumPy gives an infinite result or NaN."""
    return step.function in (operator.truediv, operator.pow) and specs[step.out].type is float


def error_of(function, x, y, z):
    """The condition for an error of Python in z = x / y or z = x ** y, as text."""
    return f"{y} == 0" if function is np.divide else f"not isfinite({z}) and isfinite({x}) and isfinite({y})"


class Tape(StepGroup):
    """Operations on numbers as a table.

    Attributes
    ----------
    table : (n, 4) int32 array, of each operation its code and the places of up to three operands
    memory : (m,) array with a place for every operand, constant and result; constants are filled in
    operands, outs : Refs of what comes from outside, and of the results that are used there
    text : bytes, equal for tapes that do the same
    """

    def __init__(self, steps, specs, used):
        super().__init__(steps)
        self.specs = specs
        self.outs = tuple([step.out for step in steps if step.out in used])
        computed = {step.out for step in steps}
        self.operands = [r for r in dict.fromkeys(r for s in steps for r in s.inputs) if r not in computed]
        self._places = {ref: place for place, ref in enumerate(self.operands)}
        constants = {_bits(a): float(a) for step in steps for a in step.args if type(a) not in (Ref, tuple)}
        places = {bits: len(self.operands) + k for k, bits in enumerate(constants)}
        first = len(self.operands) + len(constants)
        rows = []

        def place(a):
            return self._places[a] if type(a) is Ref else places[_bits(a)]

        for step in steps:
            if step.function in CONVERSIONS:
                self._places[step.out] = place(step.args[0])
            else:
                operands = [place(a) for a in step.args]
                self._places[step.out] = first + len(rows)
                rows.append([self._code(step), *operands, *[0] * (3 - len(operands))])
        self.table = np.array(rows, np.int32).reshape(-1, 4)
        self.memory = np.zeros(first + len(rows))
        self.memory[len(self.operands) : first] = list(constants.values())
        self.text = self.table.tobytes()

    def _code(self, step):
        return _CODES[as_numpys(step.function)] + _CHECKED * is_checked(step, self.specs)

    def write(self, source, step):
        """A line for every operand, the call, a line for every result."""
        memory = f"m{int(step.outs[0])}"
        source.make_once(memory, f"{source.constant(self.memory)}.copy()", np.copy, (self.memory,))
        for place, ref in enumerate(step.args):
            source.line(f"{memory}[{place}] = {source.name(ref)}", step)
        source.line(f"{source.constant(work_off())}({source.constant(self.table)}, {memory})", step)
        for ref in step.outs:
            spec, place = self.specs[ref], self._places[ref]
            value = f"{memory}[{place}]"
            if spec.type is float:
                value = f"{memory}.item({place})"
            elif spec.type is not np.float64:
                value = f"{source.constant(np.array if spec.is_ndarray else spec.type)}({value})"
            source.line(f"{source.name(ref)} = {value}", step)


def _bits(a):
    return np.float64(a).tobytes()


@cache
def work_off():
    """The function (table, memory) that carries out a tape."""
    import numba

    namespace = {"np": np, "isfinite": np.isfinite}
    exec(interpreter_text(), namespace)
    return numba.njit("void(int32[:, ::1], float64[::1])", error_model="numpy", nogil=True)(namespace["tape"])


def interpreter_text():
    """The loop over a tape as Python text."""
    lines = []
    for function, code in _CODES.items():
        value = _TEMPLATES[function].format("x", "y", "memory[table[k, 3]]")
        lines += [f"{'el' * bool(code)}if code == {code}:", f"    z = {_as_float(function, value)}"]
    body = "\n".join(f"        {line}" for line in lines)
    return f"""\
def tape(table, memory):
    first = memory.size - len(table)
    for k in range(len(table)):
        code, x, y = table[k, 0], memory[table[k, 1]], memory[table[k, 2]]
        checked = code >= {_CHECKED}
        if checked:
            code -= {_CHECKED}
        z = 0.0
{body}
        if checked and ({error_of(np.divide, "x", "y", "z")} if code == {_CODES[np.divide]} else
                        {error_of(np.power, "x", "y", "z")}):
            raise ArithmeticError("Python's numbers raise an error here")
        memory[first + k] = z
"""


def _as_float(function, value):
    return f"1.0 if {value} else 0.0" if function in COMPARISONS else value
