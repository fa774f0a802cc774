"""Elimination plans: the cheapest order that can be found for a program, once."""

from opad.blocks import orders
from opad.blocks.annealing import anneal
from opad.blocks.elimination import resolve_order
from opad.calculus.elimination import Candidate, JacobianSystem, fingerprint_of
from opad.calculus.linearization import Linearization
from opad.calculus.planning import EliminationPlan, digest

LARGEST_ANNEALED = 3000  # inner variables up to which annealing is tried


def plan_elimination(f, *args, order="auto", seed=0, seconds=60.0):
    """A cheap order in which to eliminate the variables of f, found once and good for all points.

    The orders of a program that computes with single numbers are compared by the published count: one multiplication
    per pair of a predecessor and a successor. For programs with arrays it is the multiplications that the blocks'
    structure requires.

    Parameters
    ----------
    f : callable
    *args : a point; every argument is differentiated
    order : str or sequence
        "auto" compares all heuristics, the exact optimum where there are at most 20 inner variables, and simulated
        annealing from the best of them. Else the name of an order, or a sequence of rows.
    seed : int, of the annealing
    seconds : float, time for the annealing

    Returns
    -------
    EliminationPlan

    Raises
    ------
    EliminationOrderError
        For an unknown name, or a sequence that misses or repeats a variable.

    Examples
    --------
    >>> import numpy as np, opad
    >>> def f(x, y):
    ...     z = np.sin(x * y)
    ...     return z * x, z * y, z - x
    >>> plan = opad.plan_elimination(f, 1.0, 2.0)
    >>> plan.order, plan.multiplications, plan.costs["forward"], plan.costs["reverse"]
    ([0, 1], 8, 8, 9)
    >>> J = opad.jacobian(f, argnums=(0, 1), order=plan)(0.5, 3.0)
    """
    linearization = Linearization.at(f, *args)
    system = JacobianSystem(linearization)
    found = _named_orders(system, order, seed, seconds)
    estimates = None if system.scalar else system.estimates()
    candidates = {name: _costed(system, name, rows, estimates) for name, rows in found.items()}
    best = min(candidates.values(), key=lambda candidate: candidate.multiplications)
    costs = {name: candidate.multiplications for name, candidate in candidates.items()}
    fingerprint = digest(fingerprint_of(linearization))
    return EliminationPlan(best.order, best.multiplications, costs, best.name, fingerprint)


def _costed(system, name, rows, estimates):
    if estimates is None:
        count = system.graph.count([row + system.graph.inputs for row in rows])
        return Candidate(name, tuple(rows), count, 0.0)
    return system.modelled(name, rows, estimates)


def _named_orders(system, order, seed, seconds):
    """{name: rows} of the orders to compare."""
    graph = system.graph
    if not isinstance(order, str):
        return {"given": resolve_order(graph, order)}
    if order != "auto":
        return {order: resolve_order(graph, order, seed, seconds)}
    p = graph.inputs
    found = {name: heuristic(graph) for name, heuristic in orders.HEURISTICS.items()}
    if not system.scalar:
        sized = system.sized_graph()
        found["markowitz_by_size"] = orders.markowitz_last(sized)
        graph = sized
    if len(graph.inner) <= orders.EXACT_LIMIT:
        found["exact"] = orders.exact(graph)
    elif len(graph.inner) <= LARGEST_ANNEALED:
        found["annealing"] = anneal(graph, min(found.values(), key=graph.count), seed, seconds)
    return {name: [v - p for v in vertices] for name, vertices in found.items()}
