"""The Python text of a program: NumPy calls that write into planned buffers."""

import operator
import threading
from cmath import isfinite

import numpy as np

from opad.programs.accumulation import as_view, fills_a_part
from opad.programs.functions import (
    EXACT,
    PART_WRITERS,
    REDUCTIONS,
    TRANSFORMS,
    WITH_OUT,
    add_at,
    makes_new_array,
    map_refs,
    refs_in,
)
from opad.programs.groups import StepGroup
from opad.programs.plan import is_matrix_product
from opad.programs.recorded import Ref, astype, getitem, item, to_complex, to_float
from opad.programs.rerolling import OWN_NAMES, rerolled, table, words
from opad.programs.results import result_array

_REDUCE = {function: ufunc.reduce for function, ufunc in REDUCTIONS.items()}
_INFIX = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/", operator.floordiv: "//",
    operator.mod: "%", operator.pow: "**", operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=",
    operator.eq: "==", operator.ne: "!=",
}  # fmt: skip
_SCALAR_INFIX = {np.add: "+", np.subtract: "-", np.multiply: "*", np.divide: "/"}
_NO_KEYWORDS = {}
_ARITHMETIC = {np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum}


class ProgramChanged(Exception):
    """A guard failed: the values of this call take another path than the recorded one."""


def slice_text(key):
    """A slice as it stands between brackets."""
    start, stop = ("" if n is None else str(n) for n in (key.start, key.stop))
    return f"{start}:{stop}" if key.step is None else f"{start}:{stop}:{key.step}"


class Source:
    """The text of a program and the objects that it names.

    Values that live in memory of the program, and those that are given when it is made, are parameters after the
    arguments, with defaults. (A name that a function reads from another scope takes twice as long to compile.)

    Parameters
    ----------
    plan : Plan
    inputs : list of Refs, the arguments of every call
    guards : list of Guard
    known : list of Refs of values that are given when the program is made
    is_bound : bool; the results become known values of another program, and may share memory with arguments

    Attributes
    ----------
    text : str
    namespace : dict
    origins : list with the user's (file, line), or None, for every line of the text
    conditions : set of Refs of numbers that nothing but an `if` looks at
    """

    def __init__(self, plan, inputs, guards, known=(), is_bound=False):
        self.plan, self.specs, self.known, self.is_bound = plan, plan.specs, known, is_bound
        self.namespace = {"ProgramChanged": ProgramChanged, "errstate": np.errstate}
        self._names, self._numbers = {}, {}
        self._ref_names = {ref: f"p{k}" for k, ref in enumerate(inputs)}
        self._made, self._body = [], []
        used = {ref for step in plan.steps for ref in step.inputs} | plan.lasting
        self.conditions = {guard.ref for guard in guards} - used
        waiting = {}
        for guard in guards:
            waiting.setdefault(guard.ref, []).append(guard)
        for ref in inputs:
            self._check(waiting.pop(ref, ()))
        for stack, members in plan.fresh.items():
            self._allocate(stack, members)
        dying = plan.last_uses()
        for number, step in enumerate(plan.steps):
            self._write(step)
            for ref in step.outs:
                self._check(waiting.pop(ref, ()))
            if number in dying:
                self.line(f"del {', '.join(map(self.name, dying[number]))}", None)
        self._write_return()
        self._assemble([f"p{k}" for k in range(len(inputs))])

    # -- names ------------------------------------------------------------------------------------------------------

    def name(self, ref):
        """The variable that holds a value."""
        if ref not in self._ref_names:
            self._ref_names[ref] = f"v{int(ref)}"
        return self._ref_names[ref]

    def constant(self, value, label=None):
        """The name of an object of the program."""
        if id(value) in self._names:
            return self._names[id(value)]
        if value is None or value is Ellipsis or isinstance(value, bool | int | str):
            return repr(value)
        if isinstance(value, tuple):
            return f"({''.join(f'{self.constant(part)}, ' for part in value)})"
        if type(value) is slice:
            return f"slice({', '.join(map(self.constant, (value.start, value.stop, value.step)))})"
        label = label or (getattr(value, "__name__", None) if callable(value) else None)
        if not label or not label.isidentifier() or label in self.namespace or OWN_NAMES.fullmatch(label):
            label = f"c{len(self._names)}"
        self._names[id(value)] = label
        self.namespace[label] = value
        return label

    def expression(self, tree):
        """An argument as Python text."""
        if type(tree) is Ref:
            return self.name(tree)
        if type(tree) is tuple and refs_in(tree):
            return f"({', '.join(map(self.expression, tree))},)"
        if type(tree) is list:
            return f"[{', '.join(map(self.expression, tree))}]"
        return self.constant(tree)

    def subscript(self, key):
        """What stands between brackets, as Python text."""
        parts = [self._subscript(part) for part in (key if type(key) is tuple else (key,))]
        if type(key) is tuple and len(parts) < 2 and not any(type(part) is slice for part in key):
            return f"({parts[0]},)" if parts else "()"
        return ", ".join(parts)

    def _subscript(self, part):
        if type(part) is not slice:
            return "..." if part is Ellipsis else self.expression(part)
        return slice_text(part)

    # -- steps ------------------------------------------------------------------------------------------------------

    def new_array(self, ref, step=None):
        """A line that binds a name to fresh memory for a result, or to that of an earlier one that was dropped."""
        spec = self.specs[ref]
        layout = f"{spec.shape}, {self.constant(spec.dtype)}, {spec.order!r}"
        if ref in self.plan.recycled:
            self.make_once(f"r{int(ref)}", "[]", list)
            self.line(f"{self.name(ref)} = {self.constant(result_array)}(r{int(ref)}, {layout})", step)
        else:
            self.line(f"{self.name(ref)} = {self.constant(np.empty)}({layout})", step)

    def _allocate(self, stack, members):
        """A stack of results, and names for what lies in it."""
        self.new_array(stack)
        places = {self.plan.stacked[ref][1]: ref for ref in members if type(self.plan.stacked[ref][1]) is int}
        self.line(f"{', '.join(self.name(places[k]) for k in range(len(places)))} = {self.name(stack)}", None)
        for ref in members:
            if type(self.plan.stacked[ref][1]) is slice:
                key = self.subscript(self.plan.stacked[ref][1])
                self.line(f"{self.name(ref)} = {self.name(stack)}[{key}]", None)

    def _write(self, step):
        if isinstance(step.function, StepGroup):
            step.function.write(self, step)
            return
        if (step.function in PART_WRITERS or fills_a_part(step)) and self.specs[step.out].is_ndarray:
            self._write_part(step)
            return
        args = [self.expression(a) for a in self._operands(step)]
        buffered, out = self.plan.is_written(step.out), ", ".join(map(self.name, step.outs))
        if step.out in self.plan.recycled and not buffered:
            self.new_array(step.out, step)
            buffered = True
        target = out + ("," if type(step.out) is tuple else "")
        if step.function in REDUCTIONS and buffered:
            self.line(self._reduction(step, args[0], out), step)
        elif step.function in REDUCTIONS and self._is_plain_reduction(step):
            self.line(f"{target} = {self._reduction(step, args[0])}", step)
        elif is_matrix_product(step, self.specs):
            self.line(f"{args[0]}.dot({args[1]}, {out})" if buffered else f"{target} = {args[0]}.dot({args[1]})", step)
        elif buffered and step.function is astype:
            self.line(f"{out}[...] = {args[0]}", step)
        elif buffered:
            by_name = "out=" if step.function in (np.maximum, np.minimum) else ""  # NumPy wants it so
            keywords = [f"{name}={self.expression(value)}" for name, value in step.kwargs.items()]
            by_name = "out=" if step.function in WITH_OUT or step.function in TRANSFORMS else by_name
            self.line(f"{self.constant(step.function)}({', '.join([*args, *keywords, by_name + out])})", step)
        elif step.out in self.plan.fixed_views:
            self.make_once(out, self._call(step, args), step.function, step.args, step.kwargs)
        else:
            self.line(f"{target} = {self._call(step, args)}", step)

    def _write_part(self, step):
        """total[key] += values, total[key] = values, or zeros with values at the key."""
        is_sum, is_new = step.function is add_at, step.function not in PART_WRITERS
        total, values, key = (None, *step.args[:2]) if is_new else step.args
        out, plan = self.name(step.out), self.plan
        if type(total) is Ref and plan.grown.get(step.out, -1) == total:
            self._ref_names[step.out] = out = self.name(total)
        elif is_new or type(total) is not Ref or plan.buffers.get(step.out, -1) != plan.buffers.get(total, -2):
            if not plan.is_written(step.out):
                self.new_array(step.out, step)
            self.line(f"{out}.fill(0)" if is_new else f"{out}[...] = {self.expression(total)}", step)
        if not is_sum:
            self.line(f"{out}[{self.subscript(key)}] = {self.expression(values)}", step)
            return
        part, view = f"w{int(step.out)}", f"{out}[{self.subscript(as_view(key))}]"
        if plan.is_held(step.out):
            self.make_once(part, view, getitem, (step.out, as_view(key)))
        else:
            self.line(f"{part} = {view}", step)
        self.line(f"{self.constant(np.add)}({part}, {self.expression(values)}, {part})", step)

    def _operands(self, step):
        """Arguments with Python numbers as 0-d arrays of the result's dtype, which ufuncs need not convert."""
        if step.function not in _ARITHMETIC:
            return step.args
        spec = self.specs[step.outs[0]]
        if not spec.is_ndarray or spec.dtype.kind not in "fc":
            return step.args
        return [self._number(a, spec.dtype) if type(a) in (int, float) else a for a in step.args]

    def _number(self, value, dtype):
        key = repr(value), dtype
        if key not in self._numbers:
            self._numbers[key] = np.asarray(value, dtype)
        return self._numbers[key]

    def _is_plain_reduction(self, step):
        """A call of np.sum and its like that only passes on to the ufunc's reduce."""
        x = step.args[0]
        is_ndarray = isinstance(x, np.ndarray) or (type(x) is Ref and self.specs[x].is_ndarray)
        return is_ndarray and len(step.args) == 1 and step.kwargs.keys() <= {"axis", "keepdims"}

    def _reduction(self, step, argument, out=None):
        reduce = self.constant(_REDUCE[step.function], f"{REDUCTIONS[step.function].__name__}_reduce")
        axis, keepdims = step.kwargs.get("axis"), bool(step.kwargs.get("keepdims", False))
        return f"{reduce}({argument}, {self.expression(axis)}, None, {out}, {keepdims})"

    def _call(self, step, args):
        function = step.function
        keywords = [f"{name}={self.expression(value)}" for name, value in step.kwargs.items()]
        if function is np.isfinite and step.out in self.conditions and self.specs[step.out].type is np.bool:
            return f"{self.constant(isfinite)}({args[0]})"
        if function in _INFIX:
            return f"{args[0]} {_INFIX[function]} {args[1]}"
        if function in _SCALAR_INFIX and not keywords and self._are_scalars(step):
            return f"{args[0]} {_SCALAR_INFIX[function]} {args[1]}"
        if function is operator.neg or function is operator.abs:
            return f"-{args[0]}" if function is operator.neg else f"abs({args[0]})"
        if function is to_float or function is to_complex:
            return f"{'float' if function is to_float else 'complex'}({args[0]})"
        if function is getitem:
            return f"{args[0]}[{self.subscript(step.args[1])}]"
        first = step.args[0] if args else None
        if type(first) is Ref and self.specs[first].is_ndarray and not keywords:
            if function is np.transpose and len(args) == 1:
                return f"{args[0]}.T"
            if function is np.reshape and len(args) == 2:
                return f"{args[0]}.reshape({args[1]})"
            if function in (astype, item):
                return f"{args[0]}.{function.__name__}({', '.join(args[1:])})"
        return f"{self.constant(function)}({', '.join(args + keywords)})"

    def _are_scalars(self, step):
        """NumPy numbers of one type, perhaps with a Python number: `a * b` gives what the ufunc gives."""
        kinds = {self.specs[a].type if type(a) is Ref else type(a) for a in step.args}
        if any(type(a) is int and abs(a) >= EXACT for a in step.args):
            return False
        return any(kind in kinds and kinds <= {kind, float, int} for kind in (np.float64, np.float32))

    # -- guards and results -----------------------------------------------------------------------------------------

    def _check(self, guards):
        for guard in guards:
            name = self.name(guard.ref)
            if guard.kind == "bool":
                condition = f"not {name}" if guard.expected else name
            elif guard.kind == "int":
                condition = f"int({name}) != {guard.expected}"
            else:
                spec = guard.expected
                condition = f"type({name}) is not {self.constant(spec.type)}"
                if hasattr(spec.type, "dtype"):
                    condition += f" or {name}.shape != {spec.shape} or {name}.dtype != {self.constant(spec.dtype)}"
            self.line(f"if {condition}: raise ProgramChanged", None)

    def _write_return(self):
        """Results are new arrays, each its own."""
        new = {ref for step in self.plan.steps if makes_new_array(step) for ref in step.outs}
        new.update(ref for members in self.plan.fresh.values() for ref in members)
        parts, seen = [], set()
        for out in self.plan.outputs:
            if type(out) is not Ref:
                is_array = hasattr(out, "flags") and not isinstance(out, np.generic)
                parts.append(f"{self.constant(out)}.copy()" if is_array else self.constant(out))
                continue
            spec = self.specs[out]
            is_array = hasattr(spec.type, "__array_function__")
            borrowed = (out not in new or (out in seen and not self.plan.donate)) and not self.is_bound
            parts.append(self._copy(out, spec) if is_array and borrowed else self.name(out))
            seen.add(out)
        self.line(f"return [{', '.join(parts)}]", None)

    def _copy(self, out, spec):
        return (
            f"{self.name(out)}.copy()" if hasattr(spec.type, "copy") else f"{self.constant(np.copy)}({self.name(out)})"
        )

    # -- text -------------------------------------------------------------------------------------------------------

    def line(self, text, step, may_warn=True):
        """Add a line to the body of the program, under the step's errstate unless no warning can come from it."""
        self._body.append((text, step and step.origin, step and may_warn and step.errstate))

    def make_once(self, name, text, function, args=(), kwargs=None):
        """Make something when the program is made, such as a view of its memory: what the text says, or a call."""
        self._made.append((name, text, function, args, kwargs or _NO_KEYWORDS))

    def _assemble(self, inputs):
        self._given = list(map(self.name, (*self.known, *self.plan.held)))
        self._parameters = [*self._given, *(name for name, *_ in self._made)]
        self._name = "bind" if self.is_bound else "program"
        lines = [f"{name} = {text}" for name, text, *_ in self._made]
        body, self._tables = rerolled(self._body, {*self._parameters, *self.namespace})
        del self._body
        if self._tables:  # most names are in tables alone, which no text makes
            named = {word for text, *_ in body for word in words(text)}
            lines, self._parameters = [], [*self._tables, *(name for name in self._parameters if name in named)]
        lines.append(f"def {self._name}({', '.join([*inputs, *self._parameters])}):")
        self.origins = [None] * len(lines)
        place = state = None
        for text, origin, errstate in body:
            indent = " " * (4 + len(text) - len(text.lstrip()))
            if (errstate, indent) != state:
                state = errstate, indent
                if errstate:
                    keywords = ", ".join(f"{name}={value!r}" for name, value in errstate.items())
                    lines.append(f"{indent}with errstate({keywords}):")
                    self.origins.append(origin)
            text = f"{indent}{'    ' if errstate else ''}{text.lstrip()}"
            if origin and origin != place and origin[0]:
                place = origin
                text += f"  # {origin[0].rsplit('/', 1)[-1]}:{origin[1]}"
            lines.append(text)
            self.origins.append(origin)
        self.text = "\n".join([*lines, ""])

    def compile(self, filename):
        """A function from the known values to a program with buffers of its own."""
        code = compile(self.text, filename, "exec")
        pools, lock = [[] for _ in self.plan.sizes], threading.Lock()  # for memory of instances that were dropped

        def instance(*known):
            with lock:
                buffers = self.plan.allocate(pools)
            values = dict(zip(self._given, (*known, *buffers), strict=True))
            if self._tables:
                self._make_tables(values)
            exec(code, self.namespace, values)
            program = values[self._name]
            program.__defaults__ = tuple([values[name] for name in self._parameters])
            return program

        return instance

    def _make_tables(self, values):
        """Add to the dict of values what is made once, and tables of them."""
        for name, _, function, *arguments in self._made:
            args, kwargs = map_refs(arguments, lambda ref: values[self.name(ref)])
            values[name] = function(*args, **kwargs)
        value = self.namespace | values
        values.update((name, table(columns, value)) for name, columns in self._tables.items())
