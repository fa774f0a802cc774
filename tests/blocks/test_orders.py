"""Elimination orders: their counts, the exact optimum, annealing."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opad.blocks import orders
from opad.blocks.annealing import Trajectory, anneal
from opad.blocks.graph import EliminationGraph
from opad.errors import EliminationOrderError
from tests.blocks.dags import dags

NO_LIMIT = 1e6


def graph_from(dag, sizes=None):
    predecessors, inputs, outputs = dag
    return EliminationGraph(predecessors, inputs, [row + inputs for row in outputs], sizes)


@settings(max_examples=60, deadline=None)
@given(dags(max_rows=7), st.booleans(), st.data())
def test_exact_is_the_least_of_all_permutations(dag, weighted, data):
    predecessors, inputs, _ = dag
    sizes = None
    if weighted:
        count = inputs + len(predecessors)
        sizes = data.draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    graph = graph_from(dag, sizes)
    least = min(map(graph.count, permutations(graph.inner)))
    assert graph.count(orders.exact(graph)) == least
    for heuristic in orders.HEURISTICS.values():
        order = heuristic(graph)
        assert sorted(order) == graph.inner and graph.count(order) >= least
    assert least <= graph.count(anneal(graph, graph.inner, rounds=1)) <= graph.count(graph.inner)


@settings(max_examples=40, deadline=None)
@given(dags(max_rows=12), st.randoms(use_true_random=False))
def test_moves_of_the_annealing_keep_its_books(dag, random):
    graph = graph_from(dag)
    if len(graph.inner) < 2:
        return
    walk = Trajectory(graph, graph.inner)
    for _ in range(20):
        p, q = random.randrange(len(graph.inner)), random.randrange(len(graph.inner))
        before = walk.total
        change = walk.propose(p, q)
        if random.random() < 0.7:
            walk.accept()
            assert walk.total == before + change
        assert walk.total == graph.count(walk.order)


def test_exact_at_its_limit_and_beyond():
    n = orders.EXACT_LIMIT
    ladder = [[max(i - 1, 0), i] for i in range(n + 1)]
    graph = EliminationGraph(ladder, 1, [n + 1])
    assert graph.count(orders.exact(graph)) <= min(graph.count(h(graph)) for h in orders.HEURISTICS.values())
    with pytest.raises(EliminationOrderError, match="at most 20"):
        orders.exact(EliminationGraph([*ladder, [n + 1]], 1, [n + 2]))


def test_exact_with_more_than_64_vertices():
    predecessors = [list(range(40)), *[[40] for _ in range(40)]]
    graph = EliminationGraph([[*range(40)], [40], *[[41]] * 40], 40, [*range(42, 82)])
    assert graph.count(orders.exact(graph)) == min(map(graph.count, permutations(graph.inner)))
    assert len(predecessors[0]) == 40


def test_annealing_repeats_itself_for_a_seed():
    ladder = [[max(i - 2, 0), i, max(i - 5, 0)] for i in range(31)]
    graph = EliminationGraph(ladder, 1, [31, 20])
    runs = [anneal(graph, graph.inner, seed=s, seconds=NO_LIMIT, rounds=1) for s in (3, 3)]
    assert runs[0] == runs[1]
    assert anneal(graph, graph.inner, seconds=0.0) == graph.inner


def test_greedy_orders_match_their_definition():
    """The heap agrees with a search through all remaining vertices."""
    ladder = [[max(i - 2, 0), i, max(i - 5, 0), (7 * i) % (i + 1)] for i in range(40)]
    graph = EliminationGraph(ladder, 1, [40, 25])
    for heuristic, key, sign in (
        (orders.markowitz, "cost", 1),
        (orders.markowitz_last, "cost", -1),
        (orders.minimum_fill, "fill", -1),
    ):
        left, plain, rest = set(graph.inner), [], graph.copy()
        while left:
            v = min(left, key=lambda v: (getattr(rest, key)(v), sign * v))
            plain.append(v)
            left.discard(v)
            rest.eliminate(v)
        assert heuristic(graph) == plain


def test_single_use_first_goes_backwards():
    graph = EliminationGraph([[0], [1], [1, 2], [3], [3]], 1, [4, 5])
    assert orders.single_use_first(graph) == [2, 1, 3] or orders.single_use_first(graph)[0] == 2


def test_sizes_weigh_the_products():
    graph = EliminationGraph([[0], [1], [2]], 1, [3], sizes=[1000, 20, 1000, 5])
    assert graph.count([1, 2]) == 1000 * 20 * 1000 + 5 * 1000 * 1000
    assert graph.count([2, 1]) == 5 * 1000 * 20 + 5 * 20 * 1000
