"""Vertex elimination: the Schur complement of one variable after another, until the Jacobian is left.

Eliminating variable v from (I - L) dx = D dp adds L_iv L_vj to L_ij for every successor i and predecessor j of v, and
drops row and column v. Which products this takes depends on the pattern alone: an `EliminationProgram` finds them once,
and runs on entries of any kind that can be multiplied and added.
"""

from itertools import count

from opad.blocks import entries, orders
from opad.blocks.graph import EliminationGraph
from opad.blocks.matrix import BlockMatrix
from opad.errors import ShapeError


def eliminate(L, D, outputs=None, order="auto"):
    """The Jacobian of the outputs with respect to the inputs of (I - L) dx = D dp, by vertex elimination.

    Parameters
    ----------
    L : BlockMatrix, square and acyclic; a diagonal block of L belongs to an equation that is solved, S = I - L_kk
    D : BlockMatrix with as many block rows as L, one block column per input
    outputs : sequence of int, rows of L; the last row unless given
    order : sequence of rows, each inner row once; or "forward", "reverse", "markowitz", "markowitz_last",
        "minimum_fill", "single_use_first", "exact", "annealing"; "auto" takes the heuristic that needs the fewest
        products

    Returns
    -------
    BlockMatrix with one block row per output and one block column per input; its entries are products and sums of the
    given ones, whatever those are

    Raises
    ------
    EliminationOrderError, CyclicSystemError, ShapeError

    Examples
    --------
    >>> from fractions import Fraction as F
    >>> import opad
    >>> L = opad.BlockMatrix({(1, 0): F(1, 2), (2, 0): F(3), (2, 1): F(1, 5)}, shape=(3, 3))
    >>> D = opad.BlockMatrix({(0, 0): F(2)}, shape=(3, 1))
    >>> opad.eliminate(L, D)[0, 0], opad.eliminate(L, D, order=[1, 0])[0, 0]
    (Fraction(31, 5), Fraction(31, 5))

    References
    ----------
    A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed., SIAM, 2008, chapter 9.
    """
    elimination = Elimination(L, D, outputs)
    for row in elimination.order(order):
        elimination.eliminate(row)
    return elimination.jacobian


class Elimination:
    """A block system from which one inner variable after another is eliminated.

    Parameters
    ----------
    L, D, outputs : as for `eliminate`

    Attributes
    ----------
    multiplications : int, products of blocks so far

    Examples
    --------
    >>> import opad
    >>> L = opad.BlockMatrix({(1, 0): 2.0, (2, 1): 3.0}, shape=(3, 3))
    >>> elimination = Elimination(L, opad.BlockMatrix({(0, 0): 5.0}, shape=(3, 1)))
    >>> elimination.eliminate(1)
    >>> print(elimination.system[0])
    BlockMatrix: 3 x 3 blocks, 1 not zero
      . . .
      . . .
      s . .
      s number
    >>> elimination.eliminate(0)
    >>> elimination.jacobian[0, 0], elimination.multiplications
    (30.0, 2)
    """

    def __init__(self, L, D, outputs=None):
        if L.shape[0] != L.shape[1] or L.shape[0] != D.shape[0]:
            raise ShapeError(
                f"elimination from L with {L.shape} blocks and D with {D.shape}; expected a square L and equally many "
                "block rows in D."
            )
        outputs = [L.shape[0] - 1] if outputs is None else list(outputs)
        self._L, self._D = L, D
        inputs = D.shape[1]
        self.graph = graph_of(L, D, outputs)
        self._remaining = self.graph.copy()
        self._entries = {}
        for matrix, offset in ((L, inputs), (D, 0)):
            for (i, j), entry in matrix.blocks.items():
                if matrix is not L or i != j:
                    self._entries[i + inputs, j + offset] = _solved(L, i, entry)
        self._entries.update(((copy, v), entries.I) for copy, v in self.graph.copies.items())
        self.multiplications = 0

    def order(self, order="auto", seed=0, seconds=60.0):
        """An order as a list of rows of L: a name, or a sequence, which is checked."""
        return resolve_order(self.graph, order, seed, seconds)

    def eliminate(self, row):
        """Eliminate the inner variable of one row of L."""
        v = row + self.graph.inputs
        graph, table = self._remaining, self._entries
        for i in sorted(graph.successors[v]):
            left = table.pop((i, v))
            for j in sorted(graph.predecessors[v]):
                product = entries.multiply(left, table[v, j])
                table[i, j] = entries.add(table[i, j], product) if (i, j) in table else product
                self.multiplications += 1
        for j in graph.predecessors[v]:
            del table[v, j]
        graph.eliminate(v)

    @property
    def system(self):
        """(L, D) of what is left; rows that are gone, and have no blocks any more, keep their places."""
        L, D, inputs = self._L, self._D, self.graph.inputs
        blocks = ({}, {})
        for (i, j), entry in self._entries.items():
            if i not in self.graph.copies:
                blocks[j < inputs][i - inputs, j if j < inputs else j - inputs] = entry
        return (
            BlockMatrix(blocks[0], L.shape, L.dimsd, L.dims, L.row_names, L.column_names),
            BlockMatrix(blocks[1], D.shape, D.dimsd, D.dims, D.row_names, D.column_names),
        )

    @property
    def jacobian(self):
        """The BlockMatrix from inputs to outputs, once every inner variable is gone."""
        graph, D = self.graph, self._D
        place = {v: k for k, v in enumerate(graph.outputs)}
        blocks = {(place[i], j): entry for (i, j), entry in self._entries.items() if i in place and j < graph.inputs}
        rows = [graph.copies.get(v, v) - graph.inputs for v in graph.outputs]
        names = [self._L.row_names[k] for k in rows] if self._L.row_names else None
        dimsd = [self._L.dimsd[k] if self._L.dimsd[k] is not None else self._D.dimsd[k] for k in rows]
        return BlockMatrix(blocks, (len(rows), D.shape[1]), dimsd, D.dims, names, D.column_names)


def graph_of(L, D, outputs):
    """The EliminationGraph of a block system; `outputs` are rows of L."""
    inputs = D.shape[1]
    predecessors = [set() for _ in range(L.shape[0])]
    for i, j in L.blocks:
        if i != j:
            predecessors[i].add(j + inputs)
    for i, j in D.blocks:
        predecessors[i].add(j)
    return EliminationGraph(predecessors, inputs, [row + inputs for row in outputs])


def _solved(L, i, entry):
    """An entry of row i, multiplied with the inverse of the row's diagonal block where there is one."""
    diagonal = L.blocks.get((i, i))
    if diagonal is None:
        return entry
    S = entries.add(entries.I, entries.negate(diagonal))
    if entries.is_number(S):
        return entries.multiply(entries.solve_action(S, L._name(i, i))(entries.I), entry)
    return entries.multiply(entries.Inverse(S, L._name(i, i)), entry)


def resolve_order(graph, order, seed=0, seconds=60.0):
    """Rows of L in the order of their elimination, from a name or from a sequence, which is checked."""
    if isinstance(order, str):
        if order == "auto":
            found = orders.cheapest_heuristic(graph)
        else:
            found = orders.order_by_name(graph, order, seed, seconds)
        return [v - graph.inputs for v in found]
    return [v - graph.inputs for v in graph.check_order(order)]


# -- the symbolic phase ---------------------------------------------------------------------------------------------


class EliminationProgram:
    """Which products and sums an elimination takes, found once from the pattern, for entries that come later.

    Parameters
    ----------
    graph : EliminationGraph
    order : sequence of its inner vertices

    Attributes
    ----------
    edges : list of (i, j), vertices, the places of the entries that `run` expects
    steps : list of (target, left, right), slots of entries
    results : dict (output position, input) -> slot
    multiplications : int
    """

    def __init__(self, graph, order):
        self.edges = [(i, j) for i in sorted(graph.predecessors) for j in sorted(graph.predecessors[i])]
        slots = {edge: k for k, edge in enumerate(self.edges)}
        numbers = count(len(slots))
        remaining = graph.copy()
        self.steps, self.dropped = [], {}
        for v in order:
            before, after = sorted(remaining.predecessors[v]), sorted(remaining.successors[v])
            for i in after:
                left = slots.pop((i, v))
                for j in before:
                    if (i, j) not in slots:
                        slots[i, j] = next(numbers)
                    self.steps.append((slots[i, j], left, slots[v, j]))
                self.dropped.setdefault(len(self.steps) - 1, []).append(left)
            self.dropped.setdefault(len(self.steps) - 1, []).extend([slots.pop((v, j)) for j in before])
            remaining.eliminate(v)
        place = {v: k for k, v in enumerate(graph.outputs) if v is not None}
        self.results = {(place[i], j): slot for (i, j), slot in slots.items() if i in place}
        self.size = next(numbers)
        self.multiplications = len(self.steps)

    def run(self, values, multiply, add):
        """Entries of the Jacobian, {(output position, input): entry}.

        Parameters
        ----------
        values : one entry per element of `edges`; None is a structural zero
        multiply, add : callables on two entries
        """
        table = [*values, *[None] * (self.size - len(values))]
        dropped = self.dropped
        for k, (target, left, right) in enumerate(self.steps):
            a, b = table[left], table[right]
            if a is not None and b is not None:
                product = multiply(a, b)
                present = table[target]
                table[target] = product if present is None else add(present, product)
            if k in dropped:
                for slot in dropped[k]:
                    table[slot] = None
        return {key: table[slot] for key, slot in self.results.items() if table[slot] is not None}

    def run_elementwise(self, values):
        """`run` for entries that are all multiplied by `*` and added by `+`: numbers, or diagonals as 1-D arrays."""
        table, one = [*values, *[None] * (self.size - len(values))], entries.I
        dropped = self.dropped
        for k, (target, left, right) in enumerate(self.steps):
            a, b, present = table[left], table[right], table[target]
            if a is not None and b is not None:
                product = b if a is one else a if b is one else a * b
                if present is None:
                    table[target] = product
                else:
                    table[target] = (1.0 if present is one else present) + (1.0 if product is one else product)
            if k in dropped:  # so that arrays make room for the next ones while they are in the cache
                for slot in dropped[k]:
                    table[slot] = None
        return {key: table[slot] for key, slot in self.results.items() if table[slot] is not None}
