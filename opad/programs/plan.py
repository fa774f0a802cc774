"""Where the values of a program live: liveness, buffers that are reused, steps that work in place."""

from collections import Counter
from itertools import chain

import numpy as np

from opad.operators.indexing import is_basic
from opad.programs import results
from opad.programs.accumulation import fills_a_part
from opad.programs.functions import (
    PART_WRITERS,
    REDUCTIONS,
    TRANSFORMS,
    VIEWS,
    WITH_OUT,
    is_known,
    makes_new_array,
    refs_in,
)
from opad.programs.groups import StepGroup
from opad.programs.recorded import Ref, astype, getitem

_FIXED_VIEWS = VIEWS | {getitem}
_NEVER_COPY = {np.transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.matrix_transpose, np.flip}
_BYTE = np.dtype(np.uint8)
LARGE = 1 << 10  # bytes from which a value is dropped before the program ends


class Plan:
    """The memory of a program.

    Attributes
    ----------
    buffers : dict Ref -> number of a piece of memory, for values that are written with out=
    sizes : list of bytes, one per piece of memory
    stacked : dict Ref -> None for a stack, or (Ref of the stack, index or slice) for what lies in it
    fresh : dict Ref of a stack of results, allocated in every call -> Refs of what lies in it
    grown : dict Ref of a result -> Ref of the array that becomes it when the last part is added
    recycled : set of Refs, large results that are written into memory of earlier ones which the caller has dropped
    fixed_views : set of Refs, views of buffers that are made once
    held : list of Refs, all values in memory of the program that have a name: a step's operands and results, outputs
    """

    def __init__(self, steps, outputs, specs, donate=False, stacks=None):
        self.steps, self.outputs, self.specs, self.donate = steps, outputs, specs, donate
        self.results = set() if donate else {out for out in outputs if type(out) is Ref}
        self.lasting = {out for out in outputs if type(out) is Ref}
        self.buffers, self.sizes, self.fixed_views = {}, [], set()
        self.stacked = {} if stacks is None else dict.fromkeys(stacks.arrays) | stacks.places
        self.fresh = {ref: [] for ref in stacks.fresh} if stacks else {}
        for ref, place in self.stacked.items():
            if place is not None and place[0] in self.fresh:
                self.fresh[place[0]].append(ref)
        self._given_away = given_away(steps)
        alone = self.results - self.stacked.keys()
        alone = [ref for step in steps for ref in written(step, specs) if ref in alone]
        self.recycled = {ref for ref in (*alone, *self.fresh) if _is_large(specs[ref].nbytes)}
        self.grown = self._grown_results()
        self._roots = {}  # Ref -> tuple of the buffered Refs whose memory it may share
        self._find_buffers()
        self._assign_memory()
        del self._roots
        named = self.lasting.union(*[(*step.outs, *step.inputs) for step in steps])
        self.held = [*self.buffers, *(ref for ref in self.stacked if ref in named and self.is_held(ref))]

    def _find_buffers(self):
        for step in self.steps:
            if step.out in self.stacked:
                continue
            if not makes_new_array(step):
                shared = dict.fromkeys(chain.from_iterable(self._roots.get(ref, ()) for ref in step.inputs))
                self._roots.update(dict.fromkeys(step.outs, tuple(shared)))
                if step.function in _FIXED_VIEWS and self._is_fixed(step):
                    self.fixed_views.add(step.out)
            for out in written(step, self.specs):
                if out not in self.results and out not in self._given_away:
                    self.buffers[out] = None
                    self._roots[out] = (out,)

    def _grown_results(self):
        """dict Ref of a result -> Ref of the total to which its last part is added: one array, the caller's."""
        uses = Counter(ref for step in self.steps for ref in step.inputs)
        makers, grown = {step.out: step for step in self.steps if type(step.out) is Ref}, {}
        for step in reversed(self.steps):
            if step.function not in PART_WRITERS or step.out not in self.results or step.out in self.stacked:
                continue
            total = step.args[0]
            alone = type(total) is Ref and uses[total] == 1 and total not in self.lasting and total not in self.stacked
            if alone and total in makers and writes_out(makers[total], self.specs):
                grown[step.out] = total
                self.results.add(total)
                if step.out in self.recycled:
                    self.recycled.add(total)
        return grown

    def is_written(self, ref):
        """True for values that are written with out=, into a buffer or a stack."""
        return ref in self.buffers or ref in self.stacked

    def is_held(self, ref):
        """True for values that live in memory of the program."""
        return self.is_written(ref) and ref not in self.fresh and (self.stacked.get(ref) or [None])[0] not in self.fresh

    def _is_fixed(self, step):
        """A view of a buffer by static arguments, which stays valid from call to call."""
        base, *rest = step.args
        if type(base) is not Ref or not (self.is_held(base) or base in self.fixed_views):
            return False
        if refs_in(rest) or refs_in(step.kwargs) or not self.specs[step.out].is_ndarray:
            return False
        probe = np.empty_like(
            np.empty(0, self.specs[base].dtype), shape=self.specs[base].shape, order=self.specs[base].order
        )
        if base in self.fixed_views:  # its strides are not known here
            return step.function in _NEVER_COPY
        return np.may_share_memory(probe, step.function(probe, *rest, **step.kwargs))

    def _assign_memory(self):
        last = {}
        for number, step in enumerate(self.steps):
            for ref in (*step.inputs, *step.outs):
                for root in self._roots.get(ref, ()):
                    last[root] = number
        for out in self.lasting:
            for root in self._roots.get(out, ()):
                last[root] = len(self.steps)
        ending = {}
        for root, number in last.items():
            ending.setdefault(number, []).append(root)
        free = {}
        for number, step in enumerate(self.steps):
            dying = [root for root in ending.get(number, ()) if root not in step.outs]
            for out in step.outs:
                if out not in self.buffers:
                    continue
                operand = self._in_place(step, dying)
                if operand is None:
                    self._place(out, free)
                else:
                    self.buffers[out] = self.buffers[operand]
                    dying.remove(operand)
            for root in dying + [out for out in step.outs if out in ending.get(number, ())]:
                memory = self.buffers[root]
                free.setdefault(self.sizes[memory], []).append(memory)

    def _in_place(self, step, dying):
        """An operand whose memory the result of an elementwise step may take over, or None."""
        is_part = step.function in PART_WRITERS
        if not is_part and (not isinstance(step.function, np.ufunc) or step.function.signature):
            return None
        spec, operands = self.specs[step.out], step.inputs
        for ref in [arg for arg in step.args[:1] if type(arg) is Ref] if is_part else operands:
            if ref in dying and self.specs[ref] == spec and self.specs[ref].order == spec.order:
                others = [other for other in operands if other != ref]
                if not any(ref in self._roots.get(other, ()) for other in others):
                    return ref
        return None

    def _place(self, ref, free):
        nbytes = max(self.specs[ref].nbytes, 1)
        if free.get(nbytes):
            self.buffers[ref] = free[nbytes].pop()
        else:
            self.buffers[ref] = len(self.sizes)
            self.sizes.append(nbytes)

    def last_uses(self):
        """dict position of a step -> large values outside the program's memory that nothing needs after it."""
        kept, last, dying = self.lasting.union(self.grown.values(), self.fixed_views), {}, {}
        for number, step in enumerate(self.steps):
            frees_nothing = _is_view(step) and last.keys().isdisjoint(step.inputs)  # of an argument, or of a buffer
            for ref in () if frees_nothing else step.outs:
                if not self.is_written(ref) and ref not in kept and self.specs[ref].nbytes >= LARGE:
                    last[ref] = number
            last.update((ref, number) for ref in step.inputs if ref in last)
        for ref, number in last.items():
            dying.setdefault(number, []).append(ref)
        return dying

    def allocate(self, pools):
        """Arrays for the values that are held, large ones in memory that is not in use any more; a pool per piece."""
        memory = [
            results.result_array(pool, (size,), _BYTE, "C") if _is_large(size) else np.empty(size, _BYTE)
            for pool, size in zip(pools, self.sizes, strict=True)
        ]
        arrays, shared = {}, {}
        for ref in self.held:  # stacks come before what lies in them
            spec, place = self.specs[ref], self.stacked.get(ref)
            if ref not in self.buffers:
                arrays[ref] = np.empty(spec.shape, spec.dtype) if place is None else arrays[place[0]][place[1]]
                continue
            layout = self.buffers[ref], spec.shape, spec.dtype, spec.order
            if layout not in shared:
                flat = memory[layout[0]][: spec.nbytes].view(spec.dtype)
                shared[layout] = flat.reshape(spec.shape[::-1]).T if spec.order == "F" else flat.reshape(spec.shape)
            arrays[ref] = shared[layout]
        return list(arrays.values())

    @property
    def nbytes(self):
        """Bytes of all memory of the program."""
        stacks = [ref for ref, place in self.stacked.items() if place is None and ref not in self.fresh]
        return sum(self.sizes) + sum(self.specs[ref].nbytes for ref in stacks)


def _is_view(step):
    """True for what never makes a new array."""
    if step.function is not getitem:
        return step.function in _NEVER_COPY
    key = step.args[1] if type(step.args[1]) is tuple else (step.args[1],)
    return not refs_in(key) and is_basic(key)


def given_away(steps):
    """Refs of what functions are given that may keep it, and of what these are views of."""
    given = set()
    for step in reversed(steps):
        if not is_known(step.function) or (not makes_new_array(step) and not given.isdisjoint(step.outs)):
            given.update(step.inputs)
    return given


def _is_large(nbytes):
    """True for memory that is worth being used again."""
    return results.is_counted and nbytes >= results.SMALLEST


def written(step, specs):
    """The results that a call can write into buffers."""
    if isinstance(step.function, StepGroup):
        return step.function.written(step)
    return step.outs if writes_out(step, specs) else ()


def writes_out(step, specs):
    """True for calls with one result that can write it into a buffer."""
    if type(step.out) is tuple:
        return False
    spec, function = specs[step.out], step.function
    if not spec.is_ndarray or not spec.shape or spec.dtype.kind not in "fcbiu":
        return False
    if isinstance(function, np.ufunc):
        return not step.kwargs and function.nout == 1 and len(step.args) == function.nin
    if function in PART_WRITERS or fills_a_part(step):
        return True
    if function in TRANSFORMS:
        return spec.order == "C" and step.kwargs.get("out") is None
    if function is astype:
        x = step.args[0]
        return type(x) is Ref and specs[x].is_ndarray and specs[x].dtype.kind in "biuf"
    if function in REDUCTIONS:
        return step.kwargs.keys() <= {"axis", "keepdims"} and len(step.args) == 1
    if function in WITH_OUT:
        has_axis = len(step.args) == 1 or (len(step.args) == 2 and type(step.args[1]) is int)
        return step.kwargs.keys() <= {"axis", "keepdims"} and has_axis
    return is_matrix_product(step, specs)


def is_matrix_product(step, specs):
    """Two matrices of one dtype: `a.dot(b, out)` is the same BLAS call as matmul, at a third of its overhead."""
    if step.function not in (np.matmul, np.dot) or len(step.args) != 2 or step.kwargs:
        return False
    a, b = (specs[x] if type(x) is Ref else x for x in step.args)
    if not all(isinstance(x, np.ndarray) or getattr(x, "is_ndarray", False) for x in (a, b)):
        return False
    return a.ndim == b.ndim == 2 and a.dtype == b.dtype and a.dtype.kind in "fc"
