"""Random NumPy programs: lines are drawn from templates and kept if plain NumPy runs them and the values stay moderate.

Every program is a piece of source text, so that whatever fails can be printed and run again.
"""

import random
import re
import warnings
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
import scipy.sparse
import scipy.special

from tests.templates import ALL

SHAPES = [(), (3,), (3,), (4,), (2, 3), (3, 3), (3, 3), (2, 2, 3)]
NAMES = {
    "np": np,
    "fft": scipy.fft,
    "sp": scipy.special,
    "c3": np.array([0.7, -1.2, 0.4]),
    "c33": np.array([[2.0, 0.3, -0.5], [0.1, 1.5, 0.2], [-0.4, 0.6, 3.0]]),
    "S": scipy.sparse.csr_array(np.array([[0.0, 1.5, 0.0], [-2.0, 0.0, 0.3], [0.0, 0.0, 1.0]])),
}
PLACEHOLDERS = {
    "axis": ["0", "-1", "1", "None"],
    "ax": ["0", "-1", "1"],
    "int": ["1", "2", "3", "0", "-1"],
    "num": ["2.0", "0.5", "3", "-1.5", "np.float64(1.5)", "np.float32(0.5)", "True"],
    "key": ["0", "-1", "1:", "::-1", "..., 0", "[0, 2, 0]", ":2", "None", "..., None", "np.array([True, False, True])",
        "1, 0", ":, 1", "[1, 0], [0, 2]", "::2", "..., [1, 0]", "-2:, ..., ::-1"],
    "keep": ["True", "False"],
    "mode": ["'constant'", "'edge'", "'reflect'", "'symmetric'", "'wrap'"],
    "norm": ["None", "'ortho'", "'forward'"],
}  # fmt: skip
LARGEST, MOST_ELEMENTS = 50.0, 80


class Unsuitable(Exception):
    """A program that plain NumPy refuses, or whose values are not moderate numbers."""


@dataclass
class Program:
    """Source lines that compute v0, v1, … from x0, x1, …; the last values are returned.

    Attributes
    ----------
    inputs : list of arrays
    lines : list of str
    names : what the lines may use
    """

    inputs: list
    lines: list
    names: dict

    @property
    def source(self):
        arguments = ", ".join(f"x{k}" for k in range(len(self.inputs)))
        body = [part for line in self.lines for part in line.split("\n")]
        returned = list(dict.fromkeys(re.findall(r"\b(?:v|x)\d+\b", "\n".join(self.lines[-2:]))))[-3:]
        return "\n".join([f"def program({arguments}):", *(f"    {line}" for line in body),
            f"    return ({', '.join(returned)},)"])  # fmt: skip

    def compiled(self):
        """The program as a function."""
        names = dict(self.names)
        exec(self.source, names)
        return names["program"]

    def __str__(self):
        shown = [f"x{k} = np.array({x.tolist()}, np.{x.dtype})" for k, x in enumerate(self.inputs)]
        return "\n".join([*shown, self.source])


def values_of(function, inputs):
    """The results of a program at plain arrays, as a list of floating-point arrays; raises Unsuitable."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            results = function(*(x.copy() for x in inputs))
        except Exception as error:
            raise Unsuitable from error
    for y in results:
        if not isinstance(y, np.ndarray | np.generic) or y.dtype.kind not in "fc":
            raise Unsuitable
        if y.size > MOST_ELEMENTS or not y.size or not np.all(np.isfinite(y)) or np.max(np.abs(y)) > LARGEST:
            raise Unsuitable
    return results


def draw_input(rng, dtype):
    """A random array."""
    shape = SHAPES[rng.randrange(len(SHAPES))]
    numbers = np.random.default_rng(rng.randrange(2**32))
    x = np.round(numbers.uniform(-2, 2, shape) if rng.random() < 0.6 else numbers.uniform(0.2, 1.5, shape), 3)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * np.round(numbers.uniform(-1, 1, shape), 3)
    return np.asarray(x).astype(dtype)


def draw(rng, templates=ALL, length=6, dtypes=(float, float, float, complex, np.float32), names=NAMES):
    """A random program of up to `length` statements.

    Parameters
    ----------
    rng : random.Random
    """
    dtype = rng.choice(dtypes)
    kinds = [dtype, float if dtype is complex and rng.random() < 0.3 else dtype]
    program = Program([draw_input(rng, kinds[k % 2]) for k in range(rng.choice([1, 2, 3]))], [], names)
    available = [f"x{k}" for k in range(len(program.inputs))]
    for _ in range(12 * length):
        if len(program.lines) >= length:
            break
        target = f"v{len(program.lines)}"
        line = fill(rng.choice(templates), target, available, rng)
        grown = Program(program.inputs, [*program.lines, line], names)
        try:
            values_of(grown.compiled(), grown.inputs)
        except (Unsuitable, SyntaxError):
            continue
        program = grown
        available.append(target)
    return program if program.lines else draw(rng, templates, length, dtypes, names)


def fill(template, target, available, rng):
    """A template with variables and constants put in for its placeholders; later values are drawn more often."""

    def replacement(match):
        name = match.group(1)
        if name == "o":
            return target
        if name in PLACEHOLDERS:
            return rng.choice(PLACEHOLDERS[name])
        return available[-1 - min(int(rng.expovariate(0.6)), len(available) - 1)]

    chosen = {}  # the same placeholder stands for the same thing

    def remembered(match):
        return chosen.setdefault(match.group(0), replacement(match))

    text = re.sub(r"\$([a-z]+)", remembered, template)
    return text if "$o" in template else f"{target} = {text}"


def shortened(program, still_fails):
    """The program without the lines that the failure does not need."""
    changed = True
    while changed:
        changed = False
        for k in reversed(range(len(program.lines))):
            shorter = replace(program, lines=program.lines[:k] + program.lines[k + 1 :])
            if shorter.lines and _fails(shorter, still_fails):
                program, changed = shorter, True
    return program


def _fails(program, still_fails):
    try:
        values_of(program.compiled(), program.inputs)
        return still_fails(program)
    except (Unsuitable, NameError, SyntaxError):
        return False


def generator(seed):
    """The random numbers of program `seed`."""
    return random.Random(seed)
