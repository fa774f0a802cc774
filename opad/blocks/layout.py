"""Layered drawing of acyclic graphs: where to put the nodes, and through which points to lead the edges."""

from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import numpy as np
from scipy.optimize import isotonic_regression

from opad.errors import CyclicSystemError


def layered_layout(nodes, edges, sweeps=12):
    """Positions of the nodes of an acyclic graph, in layers by depth, and the points through which each edge runs.

    Parameters
    ----------
    nodes : sequence of hashables
    edges : list of pairs (from, to)
    sweeps : int, how often layers are reordered to reduce crossings

    Returns
    -------
    positions : dict node -> (layer, height)
    routes : dict edge -> list of points, one per layer from its start to its end

    References
    ----------
    Sugiyama, Tagawa, Toda, Methods for visual understanding of hierarchical system structures, IEEE SMC 11(2), 1981.
    """
    layer = _layers(nodes, edges)
    chains = {
        edge: [edge[0], *((edge, k) for k in range(layer[edge[0]] + 1, layer[edge[1]])), edge[1]] for edge in edges
    }
    for chain in chains.values():
        for k, point in enumerate(chain):
            layer.setdefault(point, layer[chain[0]] + k)
    neighbours = {point: [] for point in layer}
    for chain in chains.values():
        for a, b in pairwise(chain):
            neighbours[a].append(b)
            neighbours[b].append(a)
    columns = {}
    for point, depth in layer.items():
        columns.setdefault(depth, []).append(point)
    height = _heights(columns, layer, neighbours, sweeps)
    positions = {point: (layer[point], -height[point]) for point in layer}
    return {node: positions[node] for node in nodes}, {e: [positions[p] for p in chain] for e, chain in chains.items()}


def _layers(nodes, edges):
    """Depth of every node, its longest path from a source; sources themselves move next to their successors."""
    before, after = {node: [] for node in nodes}, {node: [] for node in nodes}
    for a, b in edges:
        before[b].append(a)
        after[a].append(b)
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError as error:
        circle = " -> ".join(str(nodes[node] if isinstance(nodes, dict) else node) for node in error.args[1])
        raise CyclicSystemError(
            f"variables depend on each other in a circle, {circle}; expected none, as in a computational graph. Draw "
            "the system with spy."
        ) from None
    layer = {}
    for node in order:
        layer[node] = 1 + max((layer[b] for b in before[node]), default=-1)
    for node in order:
        if not before[node] and after[node]:
            layer[node] = min(layer[b] for b in after[node]) - 1
    return layer


def _heights(columns, layer, neighbours, sweeps):
    """Sweeps to and fro: each layer is sorted by, and projected onto, the mean heights of its neighbours, 1 apart.

    Points with a single neighbour follow and never pull, so that the main line of a program stays straight.
    """
    height = {point: float(k) for column in columns.values() for k, point in enumerate(column)}
    weight = {point: 1.0 if len(near) > 1 else 1e-3 for point, near in neighbours.items()}
    for sweep in range(sweeps):
        direction = 1 if sweep % 2 == 0 else -1
        for depth in sorted(columns, reverse=direction < 0):
            wish = {}
            for point in columns[depth]:
                known = [b for b in neighbours[point] if (layer[b] - depth) * direction < 0]
                known = known or neighbours[point] or [point]
                wish[point] = np.average([height[b] for b in known], weights=[weight[b] for b in known])
            column = sorted(columns[depth], key=wish.__getitem__)
            steps = np.arange(len(column))
            shifted = np.array([wish[point] for point in column]) - steps
            heights = isotonic_regression(shifted, weights=[weight[point] for point in column]).x + steps
            height.update(zip(column, heights, strict=True))
    return height
