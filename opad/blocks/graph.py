"""The pattern of a block system as a graph: which variable depends on which, and what eliminating one does to it."""

from collections import Counter
from graphlib import CycleError, TopologicalSorter

from opad.errors import CyclicSystemError, EliminationOrderError


class EliminationGraph:
    """Variables and dependences of (I - L) dx = D dp, from which inner variables are eliminated one by one.

    Vertices are numbered: first the inputs (columns of D), then the rows of L, then one copy for every output that is
    also used inside, is an input, or is asked for more than once. Eliminating an inner vertex v connects every
    predecessor of v with every successor, at the price of one multiplication for each such pair; when all inner
    vertices are gone, the edges that are left are the blocks of the Jacobian.

    Parameters
    ----------
    predecessors : sequence of iterables of int, one per row of L: the vertices that the row depends on
    inputs : int, number of inputs
    outputs : sequence of int, vertices; None for an output that depends on nothing
    sizes : sequence of int, optional
        Number of elements of each vertex, inputs and rows. With sizes, the multiplication of a dense p x q block with
        a q x r block counts p q r; without, every product counts one.

    Attributes
    ----------
    predecessors, successors : dicts vertex -> set of vertices
    inner : list of the vertices to eliminate, in program order
    outputs : list of vertices without successors, one per output (None where there is no dependence)
    copies : dict, copy vertex -> the vertex that it copies

    Examples
    --------
    >>> graph = EliminationGraph([[0], [1], [2], [2]], inputs=1, outputs=[3, 4])
    >>> graph.inner, graph.count([1, 2]), graph.count([2, 1])
    ([1, 2], 3, 4)
    """

    def __init__(self, predecessors, inputs, outputs, sizes=None):
        rows = len(predecessors)
        self.inputs, self.rows = inputs, rows
        self.predecessors = {v: set() for v in range(inputs)}
        self.predecessors.update((inputs + i, set(found)) for i, found in enumerate(predecessors))
        used = {j for found in self.predecessors.values() for j in found}
        repeated = Counter(outputs)
        self.outputs, self.copies = [], {}
        for v in outputs:
            if v is not None and (v in used or v < inputs or repeated[v] > 1):
                copy = inputs + rows + len(self.copies)
                self.copies[copy] = v
                self.predecessors[copy] = {v}
                v = copy
            self.outputs.append(v)
        self.successors = {v: set() for v in self.predecessors}
        for i, found in self.predecessors.items():
            for j in found:
                self.successors[j].add(i)
        final = set(self.outputs)
        self.inner = [v for v in range(inputs, inputs + rows) if v not in final]
        self.sizes = None
        if sizes is not None:
            self.sizes = [*sizes, *(sizes[source] for source in self.copies.values())]

    def copy(self):
        """A graph of its own, to eliminate from."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.predecessors = {v: set(found) for v, found in self.predecessors.items()}
        new.successors = {v: set(found) for v, found in self.successors.items()}
        return new

    @property
    def edges(self):
        """Number of dependences, copies included."""
        return sum(map(len, self.predecessors.values()))

    # -- elimination ------------------------------------------------------------------------------------------------

    def cost(self, v):
        """Multiplications that eliminating v would take now."""
        before, after = self.predecessors[v], self.successors[v]
        if self.sizes is None:
            return len(before) * len(after)
        sizes = self.sizes
        return sizes[v] * sum([sizes[j] for j in before]) * sum([sizes[i] for i in after])

    def fill(self, v):
        """Edges that eliminating v would add to the graph."""
        before = self.predecessors[v]
        return sum([len(before - self.predecessors[i]) for i in self.successors[v]])

    def eliminate(self, v):
        """Remove the inner vertex v, connecting its predecessors with its successors."""
        before, after = self.predecessors.pop(v), self.successors.pop(v)
        for i in after:
            found = self.predecessors[i]
            found.discard(v)
            found |= before
        for j in before:
            found = self.successors[j]
            found.discard(v)
            found |= after

    def count(self, order):
        """Multiplications of eliminating all inner vertices in a given order, under the counting model."""
        graph, total = self.copy(), 0
        for v in order:
            total += graph.cost(v)
            graph.eliminate(v)
        return total

    # -- orders -----------------------------------------------------------------------------------------------------

    def program_order(self):
        """Inner vertices such that each comes after those it depends on: as numbered, where that is such an order."""
        if all(j < i for i, found in self.predecessors.items() if i not in self.copies for j in found):
            return list(self.inner)
        try:
            everything = TopologicalSorter(self.predecessors).static_order()
            inner = set(self.inner)
            return [v for v in everything if v in inner]
        except CycleError as error:
            circle = " -> ".join(str(v - self.inputs) for v in reversed(error.args[1]))
            raise CyclicSystemError(
                f"rows {circle} of the system depend on each other in a circle; expected an acyclic system. Solve the "
                "circle as one diagonal block: opad.solve(I - L, b, cycles='solve')."
            ) from None

    def check_order(self, order):
        """A user's order, rows of L, as a list of vertices; raises unless it holds every inner row exactly once."""
        given = [int(k) for k in order]
        expected = [v - self.inputs for v in self.inner]
        repeated = sorted({k for k in given if given.count(k) > 1}) if len(set(given)) < len(given) else []
        missing = sorted(set(expected) - set(given))
        foreign = sorted(set(given) - set(expected))
        if repeated or missing or foreign:
            wrong = [("repeats", repeated), ("misses", missing), ("has no inner variable behind", foreign)]
            found = ", ".join(f"{verb} {_shortened(rows)}" for verb, rows in wrong if rows)
            raise EliminationOrderError(
                f"the elimination order {found}; expected each of the {len(expected)} inner variables exactly once, "
                "numbered by their rows in L. Take the order of a plan made for this program, or a name such as "
                "'markowitz'."
            )
        return [k + self.inputs for k in given]


def _shortened(rows, most=8):
    return ", ".join(map(str, rows[:most])) + (f", … ({len(rows)} in all)" if len(rows) > most else "")
