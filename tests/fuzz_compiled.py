"""Random programs and their derivatives, compiled in every way that opad.compile has: `python -m tests.fuzz_compiled`.

Programs: NumPy calls of all kinds (generated.py), recurrences of up to a hundred turns, and reductions with
broadcasting. Of each program one function is taken (the program, its gradient, its jvp or its hvp), in double or single
precision or complex, and called eagerly and compiled: as it is, with donate=True, with fuse=True (as Python text of the
loops, every group fused; with --numba, of one program in so many, as numba compiles them), with the first arguments
bound, and in two threads at once. Every compiled function is called with the arguments it was recorded for, with
others, in C and in Fortran order, with views of every second element and backwards, with zeros, infinities and NaN;
arrays without axes are given as such, as numbers of NumPy or of Python.

Real results equal the eager ones bit by bit, signs of NaN and zeros aside, where README promises it; others to 1e-13 of
the largest element, or to what eager results move by when the arguments change by rounding. Results of calls without
donate=True are overwritten, and arguments must not change.
"""

import argparse
import contextlib
import random
import re
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import optree
import pytest

import opad
from opad.errors import OpadError
from opad.programs import rerolling
from opad.programs.fusion import rolling
from opad.programs.layouts import with_long_loops
from tests.fuzz import OBJECTS, _weighted, directions, kind_of
from tests.generated import NAMES, Program, draw, fill, shortened
from tests.programs.fusion.forced import every_group_fused, plain_loops

MODES = ("plain", "donate", "fuse", "fuse donate", "bind", "fuse bind", "threads", "fuse threads")
FUNCTIONS = ("value", "gradient", "jvp", "hvp")
LAYOUTS = re.compile(  # of operands tell how BLAS and sums round; SciPy's transforms are recorded as NumPy's
    r"@|dot|einsum|matmul|linalg|\.T|axes|(?<!np\.)fft\."
)
NOT_EXACT_WHEN_FUSED = re.compile(r"exp|sin|cos|tanh|log|hypot|sum|mean|max|min|dot|@|norm|\*\*|where|clip")

# $a, $b: states of one shape; x2: an array of that shape; x3: a matrix that multiplies them; k: the turn
STATES = [
    "0.5 * ($a + $b)", "$a * 0.5 - $b * 0.25", "$a - 0.1 * $b", "$a * $b * 0.3", "$a / (2 + $b * $b)", "-$a",
    "$a * (0.3 - 0.01 * k)", "$a + 0.01 * k", "$a * c3[k % 3]", "np.tanh($a)", "np.sin($a) * np.cos($b)",
    "np.exp(-$a * $a)", "np.sqrt(1 + $a * $a)", "np.where($a > $b, $a, 0.5 * $b)", "np.maximum($a, $b) * 0.5",
    "np.clip($a, -0.5, 0.5)", "$a * x2", "x2 - $a", "abs($a)", "$a ** 2 * 0.3",
]  # fmt: skip
ARRAY_STATES = [
    "np.roll($a, 1, -1)", "0.5 * np.roll($a, -2, 0) - $b", "np.roll($a, 1)", "$a[::-1]", "$a[..., ::-1] * $b",
    "np.concatenate([$a[1:], $b[:1]])", "np.concatenate([$a[..., :1], $b[..., 1:]], axis=-1)", "$a * $b[:1]",
    "$a - $b[..., -1:]", "$a * x2[k % 3]", "$a * x2[-1 - k % 2]", "$a / (1 + np.sum($a * $a))", "$a - np.mean($b)",
    "$a * np.sum($a, axis=-1, keepdims=True) * 0.1", "$a - np.max($b)", "$a / (1 + np.max(np.abs($a), axis=0))",
    "$a[[2, 0, 1] + list(range(3, len($a)))]", "0.1 * (x3 @ $a)", "0.1 * x3 @ $b + $a", "x3 @ np.tanh($a) * 0.1",
    "$a + 0.01 * x3[k % 3, 1]", "$a + 0.1 * np.cumsum($b, axis=0)", "np.diff($a, axis=0, append=$b[:1]) * 0.3",
    "np.vdot($a, $b) * $a * 0.01", "np.linalg.norm($a) * 0.1 + $b", "np.stack([$a, $b])[k % 2]", "$a.copy()",
]  # fmt: skip
REDUCTIONS = [
    "$a + $b", "$a - $b", "$a * $b", "$a / (1.5 + $b * $b)", "np.exp(-$a * $a)", "np.tanh($a)", "np.sqrt(1 + $a * $a)",
    "$a[:, None]", "$a[None]", "$a[..., None]", "$a.T", "np.sum($a, axis=$axis, keepdims=$keep)", "np.sum($a * $b)",
    "np.max($a, axis=$axis, keepdims=$keep)", "np.min($a, axis=$axis, keepdims=$keep)", "np.mean($a, axis=$ax)",
    "np.sum($a * $b, axis=$ax)", "np.sum(($a - $b) ** 2, axis=$ax)", "np.var($a, axis=$ax, keepdims=$keep)",
    "$a - np.max($a, axis=$ax, keepdims=True)", "$a / (2 + np.sum($a * $a, axis=$ax, keepdims=True))",
    "np.exp($a - np.max($a, axis=-1, keepdims=True))", "$a @ $b", "$a @ $b.T", "np.einsum('ij,ij->i', $a, $b)",
    "np.einsum('ij,kj->ik', $a, $b)", "np.dot($a, $b)", "np.outer($a, $b)", "np.where($a > 0, $a, $b)",
    "np.maximum($a, 0)", "np.broadcast_to($a, $b.shape) * 0.5", "np.linalg.norm($a, axis=$ax)", "np.prod($a, axis=$ax)",
    "np.add.reduce($a * 2, $ax)", "np.swapaxes($a, 0, -1)", "$a.reshape(-1) * 2", "$a[1:] - $a[:-1]", "np.vdot($a, $a)",
    "np.mean($a ** 2)", "$a * 0.5", "1 - $a", "np.logaddexp($a, $b)", "np.cumsum($a, axis=$ax)", "np.trace($a @ $b.T)",
    "np.concatenate([$a, $b])", "$a[[0, 2, 1, 0]]", "np.sum(np.log(1 + $a * $a), axis=$ax)", "np.diagonal($a)",
]  # fmt: skip
SHAPES = [[(6, 9), (9,), (6, 1)], [(5,), (7,), (7, 5)], [(4, 6, 3), (6, 3), (3,)], [(400, 3), (3,), (400, 1)],
    [(20, 30), (20, 1), (30,)], [(3, 40), (40,), (3, 1)], [(300, 4), (4, 4), (4,)], [(1,), (1, 1), (3, 1)]]  # fmt: skip


class Different(Exception):
    """A compiled function is not the function."""


@dataclass
class Repeating(Program):
    """A program whose lines are repeated; v0, v1, … are states of one shape, of which v0 and v1 begin as x0 and x1."""

    turns: int = 0

    @property
    def source(self):
        body = "".join(f"        {line}\n" for line in self.lines)
        return (
            f"def program(x0, x1, x2, x3):\n    v0, v1, v2 = x0, x1, x0 * x1\n    for k in range({self.turns}):\n{body}"
            f"        if k == {self.turns // 2}:\n            w = v0 * 2\n    return v0, v1, v2, w"
        )


def draw_repeating(rng):
    """A recurrence of two arguments, with x2 added or multiplied and a matrix x3."""
    numbers, dtype = np.random.default_rng(rng.randrange(2**32)), rng.choice([float, float, np.float32])
    shape = rng.choice([(), (5,), (5,), (4, 3), (40,), (20, 3)])
    shapes = [shape, shape, shape, (shape[0], shape[0]) if shape else ()]
    inputs = [np.asarray(numbers.standard_normal(s)).astype(dtype) for s in shapes]
    program = Repeating(inputs, [], NAMES, rng.randrange(8, 100))
    templates = STATES + ARRAY_STATES if shape else STATES
    lines = rng.randrange(1, 7)
    for _ in range(20 * lines):
        line = fill(rng.choice(templates), f"v{rng.randrange(3)}", ["v0", "v1", "v2"], rng)
        grown = Repeating(inputs, [*program.lines, line], NAMES, program.turns)
        try:
            results = _call(grown.compiled(), inputs)
        except Exception:
            continue
        if all(np.shape(y) == shape and np.all(np.isfinite(y)) and np.max(np.abs(y)) < 1e3 for y in results):
            program = grown
        if len(program.lines) == lines:
            break
    return program if program.lines else draw_repeating(rng)


def draw_reductions(rng, length=6):
    """A program of reductions and broadcasting, with arrays some of which are large enough for other layouts."""
    numbers, dtype = np.random.default_rng(rng.randrange(2**32)), rng.choice([float, float, np.float32])
    inputs = [numbers.standard_normal(shape).astype(dtype) for shape in rng.choice(SHAPES)]
    program = Program(inputs, [], NAMES)
    for _ in range(12 * length):
        available = [f"x{k}" for k in range(3)] + [f"v{k}" for k in range(len(program.lines))]
        line = fill(rng.choice(REDUCTIONS), f"v{len(program.lines)}", available, rng)
        grown = Program(inputs, [*program.lines, line], NAMES)
        try:
            results = _call(grown.compiled(), inputs)
        except Exception:
            continue
        if all(np.size(y) < 40000 and np.all(np.isfinite(y)) and np.max(np.abs(y), initial=0) < 1e6 for y in results):
            program = grown
        if len(program.lines) == length:
            break
    return program if program.lines else draw_reductions(rng, length)


GENERATORS = {"calls": draw, "repeating": draw_repeating, "reductions": draw_reductions}


def _call(f, arguments):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f(*arguments)


def derived(program, kind, rng):
    """The program, or one of its derivatives, as a function of the same arguments and of a direction."""
    f, x = program.compiled(), program.inputs
    if kind == "value":
        return f, x
    w = directions([np.asarray(y) for y in _call(f, x)], rng)
    loss, numbers = _weighted(f, w), tuple(range(len(x)))
    if kind == "gradient":
        return opad.value_and_grad(loss, argnums=numbers), x
    n = len(x)
    if kind == "jvp":
        return lambda *a: opad.jvp(f, a[:n], a[n:]), [*x, *directions(x, rng)]
    return lambda *a: opad.hvp(loss, a[:n], a[n:]), [*x, *directions(x, rng)]


# -- arguments --------------------------------------------------------------------------------------------------------


def variants(x, rng):
    """(name, arguments): others of the same shapes and dtypes."""
    other = directions(x, rng)
    yield "same", x
    yield "others", other
    yield "Fortran order", [np.asarray(a, order="F") if a.ndim else a for a in other]
    yield "every second", [np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a for a in x]
    yield "backwards", [a[::-1] if a.ndim else a for a in other]
    yield "broadcast", [np.broadcast_to(a[:1], a.shape) if a.ndim else a for a in x]
    for value in (0.0, -0.0, np.inf, np.nan):
        special = [a.copy() for a in x]
        chosen = special[rng.integers(len(x))]
        chosen[rng.random(chosen.shape) < 0.3] = value
        yield f"with {value}", special
    yield "zeros", [np.zeros_like(a) for a in x]
    yield "same again", x


NUMBERS = ("array", "of NumPy", "of Python")


def as_numbers(arrays, number):
    """Arrays without axes as what the program is to be given in their place."""
    convert = {"array": np.asarray, "of NumPy": lambda a: a[()], "of Python": lambda a: a.item()}[number]
    return [a if a.ndim else convert(a) for a in arrays]


# -- comparison ---------------------------------------------------------------------------------------------------


def identical(a, b):
    """Bit by bit, but for what factors that are pulled out of sums may change: signs of NaN and zeros, underflow."""
    a, b = np.asarray(a), np.asarray(b)
    if b.dtype.kind not in "fc" or a.shape != b.shape:
        return np.array_equal(a, b)
    with np.errstate(all="ignore"):
        return bool(np.all((a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) < np.finfo(b.dtype).tiny)))


def compare(found, expected, moved, exact):
    """Raise Different; `moved` returns results of disturbed arguments."""
    leaves, structure = optree.tree_flatten(found)
    others, expected_structure = optree.tree_flatten(expected)
    if structure != expected_structure:
        raise Different(f"structure {structure}, expected {expected_structure}")
    disturbed = None
    for k, (a, b) in enumerate(zip(leaves, others, strict=True)):
        if type(a) is not type(b) or (np.shape(a), np.asarray(a).dtype) != (np.shape(b), np.asarray(b).dtype):
            raise Different(f"result {k}: {type(a)} {np.shape(a)}, expected {type(b)} {np.shape(b)}")
        if identical(a, b):
            continue
        if exact:
            raise Different(f"result {k} not bit by bit: {a!r}, expected {b!r}")
        disturbed = disturbed or [optree.tree_leaves(result) for result in moved()]
        if not _close(np.asarray(a), np.asarray(b), [np.asarray(d[k]) for d in disturbed]):
            raise Different(f"result {k}: {a!r}, expected {b!r}")


def _close(a, b, disturbed):
    if any(d.shape != b.shape for d in disturbed):
        return True
    if b.dtype.kind == "c":  # one part may be infinite alone
        a, b, *disturbed = (np.stack([x.real, x.imag]) for x in (a, b, *disturbed))
    with np.errstate(all="ignore"):
        finite = np.isfinite(b)
        unit = np.finfo(b.dtype).eps
        scale = np.max(np.abs(b[finite]), initial=0)
        moves = np.max([np.max(np.abs(d - b)[np.isfinite(d) & finite], initial=0) for d in disturbed])
        stable = np.all([np.isfinite(d) == finite for d in disturbed], axis=0)
        same = np.array_equal(a[~finite & stable], b[~finite & stable], equal_nan=True)
        return bool(same and np.all(np.abs(a - b)[finite & stable] <= unit * (500 * scale + 1e-5) + 50 * moves))


def _disturbed(f, x, number, trials=4):
    """Results for arguments that are wrong by rounding."""
    rng, results = np.random.default_rng(0), []
    for _ in range(trials):
        noise = [1 + 4 * np.finfo(a.dtype).eps * rng.uniform(-1, 1, a.shape) for a in x]
        disturbed = [np.asarray(a * n).astype(a.dtype) for a, n in zip(x, noise, strict=True)]
        results.append(_call(f, as_numbers(disturbed, number)))
    return results


# -- one program --------------------------------------------------------------------------------------------------


def check(program, kind, mode, seed=0):
    """Raise Different if a compiled function is not the function, OpadError if it cannot be compiled."""
    rng = np.random.default_rng(seed)
    f, x = derived(program, kind, rng)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f(*x)  # errors of the function are not those of a program
    compiled = opad.compile(f, donate="donate" in mode, fuse="fuse" in mode)
    bound = rng.integers(1, len(x) + 1) if "bind" in mode else 0
    number = rng.choice(NUMBERS)
    fixed = compiled.bind(*as_numbers(x[:bound], number)) if bound else compiled
    plain_exact = not LAYOUTS.search(program.source)
    fused_exact = kind == "value" and not NOT_EXACT_WHEN_FUSED.search(program.source)
    for name, arguments in variants(x, rng):
        arguments = [*x[:bound], *arguments[bound:]]
        try:
            expected = _call(f, as_numbers(arguments, number))
        except Exception as error:
            expected = error
        before = [a.copy() for a in arguments]
        call = partial(_call, fixed, as_numbers(arguments[bound:], number))
        try:
            found = list(_twice_at_once(call)) if "threads" in mode else [call()]
        except OpadError:
            if name == "same":
                raise
            found = None
        except Exception as error:
            found = error
        if isinstance(expected, Exception) or not isinstance(found, list):
            if not isinstance(expected, Exception):  # what raised may have been of no use, and not computed
                raise Different(f"{name}: {found!r}, expected {expected!r}")
            continue
        exact = all(a.flags.c_contiguous and a.dtype.kind == "f" for a in arguments) and (
            fused_exact if "fuse" in mode else plain_exact and not any(_is_moved(p) for p in fixed.programs)
        )
        try:
            for result in found:
                if "threads" in mode and "donate" in mode:
                    continue
                compare(result, expected, partial(_disturbed, f, before, number), exact)
        except Different as error:
            raise Different(f"{name}: {error}") from error
        if not all(identical(a, b) for a, b in zip(arguments, before, strict=True)):
            raise Different(f"{name}: arguments changed")
        for leaf in optree.tree_leaves(found):
            if "donate" not in mode and isinstance(leaf, np.ndarray):
                if not leaf.flags.writeable or any(np.shares_memory(leaf, a) for a in arguments):
                    continue
                leaf[...] = 0.125


def _is_moved(program):
    """Whether sums of a program may be added in another order, as its arrays are laid out differently."""
    return with_long_loops(program._segment) is not program._segment


def _twice_at_once(call):
    with ThreadPoolExecutor(2) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(4)]]


@contextlib.contextmanager
def loops_forced(fuse, numba):
    """Recurrences need fewer steps; fused loops are used without measuring, as Python or as numba compiles them."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(rerolling, "FEWEST_LINES", 8)
        patch.setattr(rerolling, "FEWEST_SAVED", 7)
        patch.setattr(rolling, "FEWEST_STEPS", 8)
        if fuse:
            stack.enter_context(every_group_fused() if numba else plain_loops())
        yield


def outcome(program, kind, mode, seed, numba=False):
    """("right", "refused" or "wrong", message)."""
    try:
        with loops_forced("fuse" in mode, numba):
            check(program, kind, mode, seed)
    except Different as error:
        return "wrong", str(error)
    except OpadError as error:
        return "refused", f"{type(error).__name__}: {error}"
    except (TypeError, AttributeError, ValueError) as error:
        is_known = OBJECTS.search(program.source)
        return "refused" if is_known else "failed", f"{type(error).__name__}: {error}"
    return "right", ""


def main():
    """Draw and check programs until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="the first program's; the next ones count up")
    parser.add_argument("--numba", type=int, default=0, help="one program in so many is compiled by numba")
    parser.add_argument("--only", choices=GENERATORS, help="programs of one kind")
    arguments = parser.parse_args()
    deadline, seed, counts, messages = time.monotonic() + 60 * arguments.minutes, arguments.seed, Counter(), Counter()
    while time.monotonic() < deadline:
        rng = random.Random(seed)
        generator = arguments.only or rng.choice(list(GENERATORS))
        program, kind = GENERATORS[generator](rng), rng.choice(FUNCTIONS)
        for mode in rng.sample(MODES, 3):
            numba = bool(arguments.numba) and not rng.randrange(arguments.numba)
            result, message = outcome(program, kind, mode, seed, numba)
            shown = f"{generator}, {mode}{' numba' * (numba and 'fuse' in mode)}"
            counts[shown, result] += 1
            messages[result, kind_of(message)] += 1
            if result in ("wrong", "failed") and messages[result, kind_of(message)] <= 2:

                def alike(shorter, run=(kind, mode, seed, numba), message=message):
                    return kind_of(outcome(shorter, *run)[1]) == kind_of(message)

                print(f"# seed {seed}, {shown}, {kind}: {message[:600]}")
                print(f"{shortened(program, alike).source}\n", flush=True)
        seed += 1
    print(f"seeds {arguments.seed} to {seed - 1}")
    for (shown, result), count in sorted(counts.items()):
        print(f"  {shown:<32}{result:<10}{count}")
    for (result, message), count in messages.most_common(20):
        if message:
            print(f"  {result} {count} times: {message}")


if __name__ == "__main__":
    main()
