"""From steps to Python: liveness, buffers, and the source of a function that makes the calls with `out=`."""

import numpy as np

from opad.programs.optimise import VIEWS, outputs_of, refs_in
from opad.programs.recorder import Ref, getitem

REDUCTIONS = {np.sum: np.add, np.max: np.maximum, np.min: np.minimum, np.prod: np.multiply}


class ProgramChanged(Exception):
    """A guard failed: the values of this call take another path than the recorded one."""


class Plan:
    """Where every value of a program lives.

    Attributes
    ----------
    buffers : dict Ref -> (memory number, shape, dtype, order), values that are written with out=
    sizes : list of bytes, one per piece of memory
    fixed_views : set of Refs, views of buffers that are made once
    """

    def __init__(self, steps, outputs, samples):
        self.steps, self.outputs, self.samples = steps, outputs, samples
        self.results = {out for out in outputs if type(out) is Ref}
        self.buffers, self.sizes, self.fixed_views = {}, [], set()
        self.roots = {}  # Ref -> frozenset of buffered Refs whose memory it may share
        self._find_buffers()
        self._assign_memory()

    def _find_buffers(self):
        for step in self.steps:
            if writes_out(step, self.samples) and step.out not in self.results:
                self.buffers[step.out] = None
                self.roots[step.out] = frozenset([step.out])
                continue
            shared = frozenset()
            if may_alias(step, self.samples):
                shared = frozenset().union(*(self.roots.get(ref, frozenset()) for ref in refs_in(step.args)))
                if step.function in VIEWS | {getitem} and self._is_fixed(step):
                    self.fixed_views.add(step.out)
            for ref in outputs_of(step):
                self.roots[ref] = shared

    def _is_fixed(self, step):
        """A basic view of a buffer, which stays valid from call to call."""
        base, *rest = step.args
        if type(base) is not Ref or refs_in(rest) or refs_in(step.kwargs):
            return False
        if base not in self.buffers and base not in self.fixed_views:
            return False
        result, sample = self.samples[step.out], self.samples[base]
        return isinstance(result, np.ndarray) and step.function is not np.reshape and np.may_share_memory(result, sample)

    def _assign_memory(self):
        last = {}
        for number, step in enumerate(self.steps):
            for ref in (*refs_in(step.args), *refs_in(step.kwargs), *outputs_of(step)):
                for root in self.roots.get(ref, ()):
                    last[root] = number
        for out in self.results:
            for root in self.roots.get(out, ()):
                last[root] = len(self.steps)
        ending = {}
        for root, number in last.items():
            ending.setdefault(number, []).append(root)
        free = {}
        for number, step in enumerate(self.steps):
            in_place = isinstance(step.function, np.ufunc) and not step.function.signature
            dying = [root for root in ending.get(number, ()) if root != step.out]
            if in_place:
                self._release(dying, free)
            if step.out in self.buffers:
                self._place(step.out, free)
            if not in_place:
                self._release(dying, free)
            if step.out in ending.get(number, ()):
                self._release([step.out], free)

    def _place(self, ref, free):
        sample = self.samples[ref]
        nbytes = max(sample.nbytes, 1)
        if free.get(nbytes):
            memory = free[nbytes].pop()
        else:
            memory = len(self.sizes)
            self.sizes.append(nbytes)
        fortran = isinstance(sample, np.ndarray) and sample.flags.f_contiguous and not sample.flags.c_contiguous
        self.buffers[ref] = (memory, np.shape(sample), sample.dtype, "F" if fortran else "C")

    def _release(self, roots, free):
        for root in roots:
            memory = self.buffers[root][0]
            free.setdefault(self.sizes[memory], []).append(memory)

    def allocate(self):
        """Fresh arrays for all buffers: dict Ref -> array."""
        like = next((s for s in self.samples if hasattr(s, "__array_function__")), np.empty(0))
        memory = [np.empty_like(like, dtype=np.uint8, shape=(size,)) for size in self.sizes]
        arrays = {}
        for ref, (number, shape, dtype, order) in self.buffers.items():
            flat = memory[number][: int(np.prod(shape)) * dtype.itemsize].view(dtype)
            arrays[ref] = flat.reshape(shape[::-1]).T if order == "F" else flat.reshape(shape)
        return arrays


def writes_out(step, samples):
    """True for calls that can write into a buffer."""
    if type(step.out) is tuple:
        return False
    sample = samples[step.out]
    if not hasattr(sample, "dtype") or sample.dtype.kind not in "fcb":
        return False
    if isinstance(step.function, np.ufunc):
        return not step.kwargs and step.function.nout == 1
    if step.function is np.dot:
        return np.ndim(sample) == 2 and all(type(x) is Ref and np.ndim(samples[x]) == 2 for x in step.args)
    return step.function in REDUCTIONS and set(step.kwargs) <= {"axis", "keepdims"} and len(step.args) == 1


def may_alias(step, samples):
    """True if the result may share memory with an argument."""
    if isinstance(step.function, np.ufunc) or step.function in REDUCTIONS or step.function is np.dot:
        return False
    if step.function in VIEWS or step.function is getitem:
        return True
    arguments = [samples[ref] for ref in refs_in(step.args)]
    return any(
        np.may_share_memory(samples[out], a)
        for out in outputs_of(step)
        for a in arguments
        if isinstance(a, np.ndarray) and isinstance(samples[out], np.ndarray)
    )


class Source:
    """The text of a program and the objects that it names."""

    def __init__(self, plan, inputs, guards):
        self.plan = plan
        self.namespace = {"ProgramChanged": ProgramChanged}
        self.setup, self.body, self.origins = [], [], []
        self._names = {}
        self._numbers = {}
        self._inputs = [f"p{k}" for k in range(len(inputs))]
        self._ref_names = dict(zip(inputs, self._inputs, strict=True))
        waiting = {}
        for guard in guards:
            waiting.setdefault(guard.ref, []).append(guard)
        for ref in inputs:
            self._check(waiting.pop(ref, ()))
        for step in plan.steps:
            self._write(step)
            for ref in outputs_of(step):
                self._check(waiting.pop(ref, ()))
        self._write_return()

    def name(self, ref):
        """The variable that holds a value."""
        return self._ref_names.get(ref) or f"v{int(ref)}"

    def constant(self, value):
        """The name of an object of the program."""
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        if isinstance(value, tuple) and all(isinstance(part, int) for part in value):
            return repr(value)
        key = id(value)
        if key not in self._names:
            label = getattr(value, "__name__", None) if callable(value) else None
            label = label if label and label.isidentifier() and label not in self.namespace else f"c{len(self._names)}"
            self._names[key] = label
            self.namespace[label] = value
        return self._names[key]

    def expression(self, tree):
        """An argument as Python text."""
        if type(tree) is Ref:
            return self.name(tree)
        if type(tree) is tuple and refs_in(tree):
            return f"({', '.join(map(self.expression, tree))},)"
        if type(tree) is list:
            return f"[{', '.join(map(self.expression, tree))}]"
        return self.constant(tree)

    def _write(self, step):
        function, args = step.function, [self.expression(a) for a in self._operands(step)]
        keywords = [f"{name}={self.expression(value)}" for name, value in step.kwargs.items()]
        if function in REDUCTIONS and writes_out(step, self.plan.samples):
            self._write_reduction(step, args[0])
        elif self._is_matrix_product(step):
            out = f", {self.name(step.out)}" if step.out in self.plan.buffers else ""
            target = "" if out else f"{self.name(step.out)} = "
            self._line(f"{target}{args[0]}.dot({args[1]}{out})", step)
        elif step.out in self.plan.buffers:
            self._line(f"{self.constant(function)}({', '.join([*args, self.name(step.out)])})", step)
        else:
            target = ", ".join(map(self.name, outputs_of(step))) + ("," if type(step.out) is tuple else "")
            text = f"{target} = {self._call(function, args, keywords, step)}"
            if step.out in self.plan.fixed_views:
                self.setup.append(text)
            else:
                self._line(text, step)

    def _is_matrix_product(self, step):
        """Two matrices of one dtype: `a.dot(b, out)` is the same BLAS call as matmul, at a third of its overhead."""
        if step.function is not np.matmul and step.function is not np.dot:
            return False
        a, b = (self.plan.samples[x] if type(x) is Ref else x for x in step.args)
        return all(type(x) is np.ndarray and x.ndim == 2 for x in (a, b)) and a.dtype == b.dtype and a.dtype.kind in "fc"

    def _operands(self, step):
        """Arguments with Python numbers as 0-d arrays of the result's dtype, which ufuncs need not convert."""
        result = self.plan.samples[outputs_of(step)[0]]
        arithmetic = (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum)
        if step.function not in arithmetic or getattr(result, "dtype", np.dtype(int)).kind not in "fc":
            return step.args
        return [self._number(a, result.dtype) if type(a) in (int, float) else a for a in step.args]

    def _number(self, value, dtype):
        return self._numbers.setdefault((value, dtype), np.asarray(value, dtype))

    def _call(self, function, args, keywords, step):
        if function is getitem:
            return f"{args[0]}[{args[1]}]"
        if function is np.transpose and len(args) == 1 and not keywords:
            return f"{args[0]}.T"
        if function is np.reshape and not keywords and len(args) == 2 and isinstance(step.args[1], tuple | int):
            return f"{args[0]}.reshape({args[1]})"
        return f"{self.constant(function)}({', '.join(args + keywords)})"

    def _write_reduction(self, step, argument):
        reduce = self.constant(REDUCTIONS[step.function].reduce)
        axis, keepdims = step.kwargs.get("axis"), bool(step.kwargs.get("keepdims", False))
        buffered = step.out in self.plan.buffers
        out = self.name(step.out) if buffered else "None"
        call = f"{reduce}({argument}, {self.expression(axis)}, None, {out}, {keepdims})"
        self._line(call if buffered else f"{self.name(step.out)} = {call}", step)

    def _check(self, guards):
        for guard in guards:
            name = self.name(guard.ref)
            if guard.kind == "bool":
                condition = f"not {name}" if guard.expected else name
            elif guard.kind == "int":
                condition = f"int({name}) != {guard.expected}"
            else:
                condition = f"{name}.shape != {guard.expected}"
            self._line(f"if {condition}: raise ProgramChanged", None)

    def _write_return(self):
        parts, seen = [], set()
        for out in self.plan.outputs:
            if type(out) is not Ref:
                parts.append(f"{self.constant(out)}.copy()" if isinstance(out, np.ndarray) else self.constant(out))
                continue
            sample, name = self.plan.samples[out], self.name(out)
            borrowed = out in seen or out in self._ref_names or self.plan.roots.get(out) or self._is_view(out)
            copied = f"{name}.copy()" if borrowed and isinstance(sample, np.ndarray) else name
            parts.append(f"{name}[()]" if borrowed and out in self.plan.buffers and not np.ndim(sample) else copied)
            seen.add(out)
        self._line(f"return [{', '.join(parts)}]", None)

    def _is_view(self, out):
        return any(out in outputs_of(s) and may_alias(s, self.plan.samples) for s in self.plan.steps)

    def _line(self, text, step):
        self.body.append(text)
        self.origins.append(step and step.origin)

    @property
    def text(self):
        """The source of the program."""
        buffers = [self.name(ref) for ref in self.plan.buffers]
        lines = [f"def make({', '.join(buffers)}):", *(f"    {line}" for line in self.setup)]
        lines.append(f"    def program({', '.join(self._inputs)}):")
        lines += [f"        {line}" for line in self.body]
        return "\n".join([*lines, "    return program", ""])

    def compile(self, filename):
        """A function that makes programs, each with buffers of its own."""
        code = compile(self.text, filename, "exec")

        def instance():
            namespace = dict(self.namespace)
            exec(code, namespace)
            return namespace["make"](*self.plan.allocate().values())

        return instance
