"""The table of Lohoff and Neftci (2024), counted from opad's own trace: classical columns exactly, ours at most."""

import pytest

pytest.importorskip("matplotlib")

import opad
from opad.blocks import orders
from opad.blocks.annealing import anneal
from papers.lohoff2024.counts import WANTED, graph_of
from papers.lohoff2024.tasks import TASKS


@pytest.mark.parametrize("name", TASKS)
def test_classical_columns(name):
    f, point, sizes, published = TASKS[name]
    graph = graph_of(f, point)
    assert (graph.inputs, graph.rows, len(graph.inner), graph.edges) == sizes
    for order, count in zip(("forward", "reverse", "markowitz"), published, strict=False):
        assert opad.plan_elimination(f, *point, order=order).multiplications == count


@pytest.mark.parametrize("name", TASKS)
def test_orders_as_cheap_as_wanted(name):
    graph = graph_of(*TASKS[name][:2])
    start = orders.cheapest_heuristic(graph)
    assert graph.count(anneal(graph, start, seed=0, seconds=60.0, rounds=4)) <= WANTED[name]
