"""Jacobians of traced programs by elimination: the graph of a linearisation, its candidates, and their execution."""

from dataclasses import dataclass

import numpy as np

from opad.blocks import orders
from opad.blocks.accumulation import Accumulation
from opad.blocks.chains import chains_first
from opad.blocks.costs import CALL, ELEMENT, FORM, NUMBER_FORM, SPARSE_FORM, START, CostModel, estimate
from opad.blocks.elimination import EliminationProgram
from opad.blocks.entries import I, Inverse, is_number
from opad.blocks.graph import EliminationGraph
from opad.calculus import pytrees
from opad.errors import RealLinearError
from opad.operators.algebra import Product
from opad.operators.base import size_of
from opad.operators.structure import Diagonal

ALL_HEURISTICS = 2000  # inner variables up to which every heuristic is tried
NO_HEURISTICS = 20_000  # from here on "auto" chooses between the two substitutions
SWEEPS = ("forward", "reverse")


@dataclass(frozen=True)
class Candidate:
    """One way to a Jacobian, and what the cost model says of it.

    Attributes
    ----------
    name : str
    order : tuple of rows of L; None for a substitution
    multiplications : multiplications of numbers
    nanoseconds : modelled time
    """

    name: str
    order: tuple | None
    multiplications: float
    nanoseconds: float


class JacobianSystem:
    """The elimination graph of a linearisation, with the sizes of its variables and the blocks at its edges.

    Parameters
    ----------
    linearization : Linearization

    Attributes
    ----------
    graph : EliminationGraph; vertex p + k is row k of the system, p being the number of input arrays
    sizes : list, number of elements of every vertex
    scalar : bool, whether every variable is a single number
    """

    def __init__(self, linearization):
        self.linearization = linearization
        run, rows = linearization.run, linearization.operations
        p = len(run.inputs)
        self.vertex = {j: j for j in range(p)}
        self.vertex.update((i, p + k) for k, i in enumerate(rows))
        vertex, records = self.vertex, run.records
        predecessors = [[vertex[j] for _, j in records[i][4]] for i in rows]
        spaces = [np.shape(leaf) for leaf in run.inputs] + [space_of(records[i][1]) for i in rows]
        outputs = [None if index is None else vertex[index] for _, index in run.outputs]
        self.graph = EliminationGraph(predecessors, p, outputs)
        self.sizes = [size_of(space) for space in spaces]
        self.sizes += [self.sizes[v] for v in self.graph.copies.values()]
        self.scalar = all(space == () for space in spaces)

    def at(self, linearization):
        """The same system at a linearisation of the same program."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.linearization = linearization
        return new

    def sized_graph(self):
        """The same graph, whose costs count the products of dense blocks."""
        graph = self.graph.copy()
        graph.sizes = self.sizes
        return graph

    def entries(self, arithmetic):
        """{(i, j): entry} for every edge whose block is not structurally zero."""
        linearization, vertex = self.linearization, self.vertex
        form, table = arithmetic.form, {}
        for i in linearization.operations:
            diagonal, blocks = linearization.row(i)
            inverse = None if diagonal is None else Inverse(diagonal)
            for j, block in blocks:
                if block is not None and not block.clinear and self._is_complex(i, j):
                    raise _real_linear(linearization.run.records[i][0], block)
                if inverse is not None:
                    block = inverse if block is None else Product(inverse, block)
                entry, key = form(block), (vertex[i], vertex[j])
                table[key] = arithmetic.add(table[key], entry) if key in table else entry
        table.update(((copy, v), I) for copy, v in self.graph.copies.items())
        return table

    def _is_complex(self, *indices):
        """Whether one of the variables, given by their places on the tape, is complex."""
        run = self.linearization.run
        values = [run.inputs[i] if i < len(run.inputs) else run.records[i][1] for i in indices]
        parts = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
        return any(pytrees.dtype_of(part).kind == "c" for part in parts)

    def eliminate(self, program, arithmetic):
        """The entries of the Jacobian, {(output position, input position): entry}."""
        table = self.entries(arithmetic)
        flat = _elementwise(table)
        if flat is not None:
            found = program.run_elementwise([flat.get(edge) for edge in program.edges])
            return {key: Diagonal(entry) if isinstance(entry, np.ndarray) else entry for key, entry in found.items()}
        found = program.run([table.get(edge) for edge in program.edges], arithmetic.multiply, arithmetic.add)
        given = {id(entry) for entry in table.values()}  # arrays that blocks hold, and that results must not alias
        return {
            key: entry.copy() if isinstance(entry, np.ndarray) and id(entry) in given else entry
            for key, entry in found.items()
        }

    def program(self, order):
        """The EliminationProgram of an order, a sequence of rows."""
        p = self.graph.inputs
        return EliminationProgram(self.graph, [row + p for row in order])

    # -- costs ------------------------------------------------------------------------------------------------------

    def estimates(self, sparse=False):
        """{edge: Estimate}; also finds what bringing the blocks into these forms costs."""
        arithmetic = Accumulation(sparse=sparse)
        entries = self.entries(arithmetic)
        self.start = START + (NUMBER_FORM if self.scalar else FORM) * len(entries)
        self.start += SPARSE_FORM * arithmetic.sparse_forms
        return {edge: estimate(entry) for edge, entry in entries.items()}

    def modelled(self, name, order, estimates, sparse=False):
        """The Candidate of an elimination order, a sequence of rows."""
        program, model = self.program(order), CostModel(sparse)
        found = program.run([estimates.get(edge) for edge in program.edges], model.multiply, model.add)
        for entry in found.values():
            model.explicit(entry)
        model.nanoseconds += self.start + (0 if sparse else ELEMENT * self._elements_of_jacobian())
        multiplications = program.multiplications if self.scalar else model.multiplications
        return Candidate(name, tuple(order), multiplications, model.nanoseconds)

    def modelled_sweep(self, name, estimates):
        """The Candidate of forward or back substitution with all right-hand sides at once."""
        model = CostModel()
        leaves = self._output_sizes() if name == "reverse" else self.sizes[: self.graph.inputs]
        for directions in leaves:
            model.nanoseconds += ELEMENT * directions**2
            for edge in estimates.values():
                model.substitute(edge, directions)
        model.nanoseconds += ELEMENT * self._elements_of_jacobian() + 10 * CALL
        return Candidate(name, None, model.multiplications, model.nanoseconds)

    def _output_sizes(self):
        return [0 if v is None else self.sizes[v] for v in self.graph.outputs]

    @property
    def input_size(self):
        """Number of columns of the Jacobian."""
        return sum(self.sizes[: self.graph.inputs])

    @property
    def output_size(self):
        """Number of rows of the Jacobian that depend on something."""
        return sum(self._output_sizes())

    def _elements_of_jacobian(self):
        return self.output_size * self.input_size

    def candidates(self, sparse=False, sweeps=True):
        """All Candidates worth considering, the substitutions first; an order met twice has its first name."""
        estimates = self.estimates(sparse)
        found = [self.modelled_sweep(name, estimates) for name in SWEEPS] if sweeps else []
        seen, p = set(), self.graph.inputs
        for name, order in self._orders(estimates):
            rows = tuple([v - p for v in order])
            if rows not in seen:
                seen.add(rows)
                found.append(self.modelled(name, rows, estimates, sparse))
        return found

    def _orders(self, estimates):
        n = len(self.graph.inner)
        if n > NO_HEURISTICS:
            yield "reverse elimination", orders.reverse(self.graph)
            return
        names = orders.HEURISTICS if n <= ALL_HEURISTICS else ("reverse", "single_use_first", "markowitz_last")
        for name in names:
            yield f"{name} elimination" if name in SWEEPS else name, orders.HEURISTICS[name](self.graph)
        if not self.scalar and n <= ALL_HEURISTICS:
            sized = self.sized_graph()
            yield "markowitz_by_size", orders.markowitz_last(sized)
            yield "chains_first", chains_first(self.graph, estimates, sized)


def fingerprint_of(linearization):
    """What an order depends on: operations, their dependences, and outputs, as nested tuples."""
    run = linearization.run
    records = run.records
    rows = tuple([(i, records[i][0].__name__, *[j for _, j in records[i][4]]) for i in linearization.operations])
    return len(run.inputs), rows, tuple([index for _, index in run.outputs])


def shapes_of(linearization):
    """Shapes and kinds of inputs and results, on which the choice depends, too."""
    leaves = [*linearization.run.inputs, *linearization.run.results]
    return tuple([(np.shape(leaf), pytrees.dtype_of(leaf).kind) for leaf in leaves])


def is_plain(linearization):
    """True if all variables are NumPy arrays or numbers, so that blocks can be stored as matrices."""
    leaves = [*linearization.run.inputs, *linearization.run.results]
    return all(isinstance(leaf, np.ndarray | np.generic | float | complex | int) for leaf in leaves)


def result_dtype(linearization):
    """The dtype of the Jacobian: that of arguments and results together."""
    leaves = [*linearization.run.inputs, *linearization.run.results]
    return np.result_type(*map(pytrees.dtype_of, leaves))


def _elementwise(table):
    """Entries as numbers and 1-D arrays, if all of them are numbers and diagonals of one length; else None."""
    flat, lengths = {}, set()
    for edge, entry in table.items():
        if isinstance(entry, Diagonal):
            entry = entry.values
            lengths.add(entry.shape[0])
        elif entry is not I:
            if not is_number(entry):
                return None
            entry = entry.item() if hasattr(entry, "item") else entry
        flat[edge] = entry
    return flat if len(lengths) <= 1 else None


def space_of(value):
    """The shape of a variable; a tuple of shapes for an operation with several results."""
    return tuple(map(np.shape, value)) if isinstance(value, tuple) else np.shape(value)


def _real_linear(primitive, block):
    """The error for a block between complex arrays that no complex matrix represents."""
    return RealLinearError(
        f"the Jacobian was to be accumulated by elimination, but {primitive.__name__} has the block {block!r} between "
        "complex arrays, which is only real-linear. Expected complex-linear blocks; use order='forward', "
        "order='reverse' or opad.jacobian_operator(...).as_real()."
    )
