"""Running a function on traced arrays: what `grad`, `vjp`, `jvp` and `linearize` share."""

import inspect
from itertools import count, repeat

import numpy as np

from opad.calculus import pytrees
from opad.errors import ShapeError, StructureError, TracingError
from opad.tracing.array import TracedArray
from opad.tracing.messages import explain, require_known_leaves
from opad.tracing.objects import without_objects
from opad.tracing.protect import COPY_LIMIT, scope
from opad.tracing.trace import Trace

_ndarray = np.ndarray
_FLOATING = frozenset(map(np.dtype, np.typecodes["AllFloat"]))  # in the machine's order of bytes


class Run:
    """One traced run of a function.

    Attributes
    ----------
    records : the tape, inputs first
    inputs : list of input leaves
    structures : one pytree structure per differentiated argument
    outputs : list of (leaf value, index of its record or None)
    structure : pytree structure of the result
    aux : what else the function returned
    """

    __slots__ = ("argnums", "aux", "function", "inputs", "names", "outputs", "records", "structure", "structures")

    def __init__(self, f, args, kwargs, argnums, has_aux=False, kept=False):
        arguments = list(args)
        trace, is_recorded = Trace(kept), scope.snapshot is not None
        self.function, self.argnums, self.names = f, argnums, None
        self.inputs, self.structures = [], []
        try:
            for position in argnums:
                leaves, structure = pytrees.flatten(args[position])
                self.structures.append(structure)
                for k, leaf in enumerate(leaves):
                    if type(leaf) is _ndarray and leaf.dtype in _FLOATING:  # nearly always
                        is_small = leaf.nbytes <= COPY_LIMIT and not is_recorded
                        leaves[k] = leaf.copy("K") if is_small else trace.protect_input(leaf)
                        continue
                    leaf = leaves[k] = without_objects(leaf)
                    if not pytrees.is_differentiable(leaf):
                        raise _not_differentiable(leaf, f, position, k, structure)
                    if type(leaf) is TracedArray:
                        leaves[k] = leaf.alias()
                    elif kept and hasattr(leaf, "copy"):
                        leaves[k] = leaf.copy()
                start = len(self.inputs)
                self.inputs += leaves
                traced = list(map(TracedArray, leaves, repeat(trace), count(start)))
                arguments[position] = pytrees.unflatten(structure, traced)
            trace.records += [None] * len(self.inputs)
            result = f(*arguments, **kwargs)
            if type(result) is not TracedArray:
                result = pytrees.numbers_joined(result)
            if trace.locked:
                trace.require_unchanged_constants()
        except (TypeError, ValueError, IndexError, SystemError) as error:
            _explain(error, trace)
            raise
        finally:
            self.records = trace.close()
        self.aux = None
        if has_aux:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise StructureError(
                    f"has_aux=True, but the function returned {type(result).__name__}; expected a pair (value, aux). "
                    "Leave has_aux out if there is nothing but the value."
                )
            result, self.aux = result
            self.aux = _untraced(self.aux, trace)
        leaves, self.structure = pytrees.flatten(result)
        require_known_leaves(leaves, f"{getattr(f, '__name__', 'the function')} returned")
        self.outputs = [
            (leaf.value, leaf.index) if type(leaf) is TracedArray and leaf.tape is trace else (leaf, None)
            for leaf in leaves
        ]

    def without_rules(self):
        """A copy that can be pickled: records keep the names of their operations and their shapes."""
        new = object.__new__(Run)
        for name in ("argnums", "inputs", "outputs", "structure", "structures"):
            setattr(new, name, getattr(self, name))
        new.aux = new.function = None
        new.names = self.input_names
        new.records = [record and (Named(record[0].__name__), record[1], (), {}, record[4]) for record in self.records]
        return new

    @property
    def results(self):
        """Leaves of the function's result, as plain arrays."""
        return [value for value, _ in self.outputs]

    @property
    def value(self):
        """The function's result, as plain arrays."""
        return pytrees.unflatten(self.structure, self.results)

    @property
    def input_names(self):
        """What the function's signature calls the input leaves, for pictures: x, params['W']."""
        if self.names is not None:
            return self.names
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):  # no signature: some ufuncs, some compiled functions
            parameters = ()
        known = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        names = []
        for position, structure in zip(self.argnums, self.structures, strict=True):
            name = known[position] if position < len(known) else f"p{position}"
            names += [name] if structure is pytrees.LEAF else [a.codify(name) for a in structure.accessors()]
        return names

    def seeds(self, cotangents):
        """The right-hand side of the back substitution: cotangents at the rows of the outputs."""
        x = [None] * len(self.records)
        for (_, index), g in zip(self.outputs, cotangents, strict=True):
            if index is not None and g is not None:
                x[index] = g if x[index] is None else x[index] + g
        return x

    def directions(self, tangents):
        """The leaves of one tangent per argument, checked against the point."""
        if len(tangents) != len(self.structures):
            raise ShapeError(
                f"{len(tangents)} tangents were given for {len(self.structures)} arguments; expected one for each. "
                "The tangent of an argument that stays as it is is np.zeros_like(x)."
            )
        leaves = []
        for k, (tree, structure) in enumerate(zip(tangents, self.structures, strict=True)):
            leaves += pytrees.matching_leaves(tree, structure, f"tangent {k}")
        return [pytrees.direction(leaf, point, "a tangent") for leaf, point in zip(leaves, self.inputs, strict=True)]

    def by_argument(self, leaves):
        """Split a flat list of input derivatives into one tree per differentiated argument."""
        trees, start = [], 0
        for structure in self.structures:
            count = 1 if structure is pytrees.LEAF else structure.num_leaves
            trees.append(pytrees.unflatten(structure, leaves[start : start + count]))
            start += count
        return trees


class Named:
    """What remains of an operation whose blocks were made."""

    def __init__(self, name):
        self.__name__ = name


def _explain(error, trace):
    """Replace an error of NumPy that hides what was wrong."""
    if isinstance(error, IndexError) and trace.refusal is not None:  # NumPy's names the kinds of indices it takes
        raise trace.refusal from error
    explain(error)
    if trace.locked and "read-only" in str(error):
        raise TracingError(
            f"{error}: an array that a differentiated function was given or had used as a constant was changed in "
            "place while the function was running. Expected such arrays to stay as they are; write w = w + x, or use "
            "w.copy()."
        ) from error


def _untraced(tree, trace):
    leaves, structure = pytrees.flatten(tree)
    return pytrees.unflatten(
        structure, [leaf.value if type(leaf) is TracedArray and leaf.tape is trace else leaf for leaf in leaves]
    )


def require_differentiable(f, args, argnums):
    """Raise if an argument to be differentiated is not made of floating-point numbers."""
    for position in argnums:
        leaves, structure = pytrees.flatten(args[position])
        for k, leaf in enumerate(leaves):
            if not pytrees.is_differentiable(leaf):
                raise _not_differentiable(leaf, f, position, k, structure)


def _not_differentiable(leaf, f, position, k, structure):
    name = f"argument {position} of {getattr(f, '__name__', 'the function')}"
    return pytrees.not_differentiable(leaf, name if structure is pytrees.LEAF else f"{name} (leaf {k})")


def positions(argnums, args, f):
    """argnums as a tuple of non-negative positions."""
    if type(argnums) is int and 0 <= argnums < len(args):  # nearly always
        return (argnums,)
    numbers = (argnums,) if isinstance(argnums, int | np.integer) else tuple(argnums)
    if len({n % max(len(args), 1) for n in numbers}) < len(numbers):
        raise StructureError(
            f"argnums={argnums!r} names an argument twice; expected different positions. Those below zero count from "
            "the last argument."
        )
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise StructureError(
                f"argnums={argnums!r}, but {getattr(f, '__name__', 'the function')} was called with {len(args)} "
                "positional arguments; expected positions among them. Keyword arguments are constants."
            )
    return tuple(n % len(args) for n in numbers)
