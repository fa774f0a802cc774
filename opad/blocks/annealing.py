"""Simulated annealing over elimination orders.

What is left of the graph after some vertices are gone does not depend on the order in which they went. Moving one
vertex to another position therefore changes the costs between the two positions only, and a move is evaluated from a
snapshot of the graph at the first of them. Sets of vertices are Python integers, one bit per vertex.
"""

from math import exp
from random import Random
from time import monotonic

MOVES_PER_ROUND = 12_000  # one cooling; rounds differ in where they start and how hot
HOTTEST, COLDEST = 0.02, 0.0005  # temperatures as shares of the cost of the starting order
REACH = 24  # how far a vertex moves at most


def anneal(graph, start, seed=0, seconds=60.0, rounds=None):
    """The best elimination order that simulated annealing finds from a starting order.

    Cooling is repeated in rounds until the time is up. The rounds are the same for the same seed; the clock decides
    only how many of them are run.

    Parameters
    ----------
    graph : EliminationGraph
    start : sequence of all inner vertices
    seed : int
    seconds : float, time allowed
    rounds : int, optional; most rounds, for results that do not depend on the clock

    Returns
    -------
    list of vertices, never worse than `start`

    Examples
    --------
    >>> from opad.blocks.graph import EliminationGraph
    >>> graph = EliminationGraph([[0, 1], [2], [2], [2]], inputs=2, outputs=[3, 4, 5])
    >>> anneal(graph, [2], rounds=1)
    [2]

    References
    ----------
    U. Naumann, P. Gottschling, "Simulated annealing for optimal pivot selection in Jacobian accumulation", Stochastic
    Algorithms: Foundations and Applications, LNCS 2827, 2003.
    """
    deadline = monotonic() + seconds
    random = Random(seed)
    best = Trajectory(graph, start)
    if len(best.order) < 2:
        return best.order
    best_order, best_cost = list(best.order), best.total
    done = 0
    while monotonic() < deadline and (rounds is None or done < rounds):
        walk = Trajectory(graph, start if done % 3 == 2 else best_order)
        order, cost = _cool(walk, random, deadline, heat=1.0 if done % 2 == 0 else 0.3)
        if cost < best_cost:
            best_order, best_cost = order, cost
        done += 1
    return best_order


def _cool(walk, random, deadline, heat):
    """One round: (best order, its cost)."""
    best_order, best_cost = list(walk.order), walk.total
    n = len(walk.order)
    hottest = max(HOTTEST * heat * walk.total, 0.5)
    ratio = max(COLDEST * walk.total, 0.1) / hottest
    for move in range(MOVES_PER_ROUND):
        if move % 256 == 0:
            if monotonic() > deadline:
                break
            temperature = hottest * ratio ** (move / MOVES_PER_ROUND)
        p = random.randrange(n)
        q = min(max(p + random.randint(-REACH, REACH), 0), n - 1)
        if p == q:
            continue
        change = walk.propose(p, q)
        if change <= 0 or random.random() < exp(-change / temperature):
            walk.accept()
            if walk.total < best_cost:
                best_order, best_cost = list(walk.order), walk.total
    return best_order, best_cost


class Trajectory:
    """An order, the cost of each of its eliminations, and the graph before each of them.

    Parameters
    ----------
    graph : EliminationGraph
    order : sequence of all inner vertices
    """

    def __init__(self, graph, order):
        self.sizes = graph.sizes
        self.order = list(order)
        before, after = masks(graph.predecessors), masks(graph.successors)
        self.states, self.costs = [], []
        for v in self.order:
            self.states.append((before, after))
            before, after, cost = eliminate_bits(before, after, v, self.sizes)
            self.costs.append(cost)
        self.total = sum(self.costs)
        self._proposal = None

    def propose(self, p, q):
        """The change of the total cost if the vertex at position p moved to position q."""
        low, high = (p, q) if p < q else (q, p)
        segment = self.order[low : high + 1]
        if p < q:
            segment.append(segment.pop(0))
        else:
            segment.insert(0, segment.pop())
        before, after = self.states[low]
        states, costs = [], []
        for v in segment:
            states.append((before, after))
            before, after, cost = eliminate_bits(before, after, v, self.sizes)
            costs.append(cost)
        change = sum(costs) - sum(self.costs[low : high + 1])
        self._proposal = low, high, segment, states, costs, change
        return change

    def accept(self):
        """Make the last proposal the current order."""
        low, high, segment, states, costs, change = self._proposal
        self.order[low : high + 1] = segment
        self.states[low : high + 1] = states
        self.costs[low : high + 1] = costs
        self.total += change


def masks(neighbours):
    """Neighbour sets as a list of bit masks, indexed by vertex."""
    found = [0] * (max(neighbours, default=-1) + 1)
    for v, others in neighbours.items():
        found[v] = sum(1 << w for w in others)
    return found


def eliminate_bits(before, after, v, sizes=None):
    """(predecessor masks, successor masks, cost) after eliminating v; the given lists stay as they are."""
    P, S = before[v], after[v]
    if sizes is None:
        cost = P.bit_count() * S.bit_count()
    else:
        cost = sizes[v] * sum(sizes[j] for j in bits(P)) * sum(sizes[i] for i in bits(S))
    before, after = before.copy(), after.copy()
    keep = ~(1 << v)
    rest = S
    while rest:
        i = (rest & -rest).bit_length() - 1
        rest &= rest - 1
        before[i] = (before[i] | P) & keep
    rest = P
    while rest:
        j = (rest & -rest).bit_length() - 1
        rest &= rest - 1
        after[j] = (after[j] | S) & keep
    before[v] = after[v] = 0
    return before, after, cost


def bits(mask):
    """Positions of the bits of a mask."""
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1
