"""Chains of matrix-free Jacobians: where to multiply matrices, where to push tangents, where to pull adjoints."""

from dataclasses import dataclass
from itertools import accumulate, pairwise

from opad.blocks.costs import CostModel
from opad.blocks.orders import markowitz_last
from opad.errors import ShapeError


@dataclass(frozen=True)
class ChainPlan:
    """The cheapest way to the product F_q … F_1 of matrix-free factors, and the homogeneous alternatives.

    Attributes
    ----------
    cost : fused multiply-adds of the optimum
    tangent, adjoint : cost of pushing tangents, or pulling adjoints, through all factors
    preaccumulate : cost of accumulating every factor first and multiplying them in the best order
    bracketing : str, such as "((F3 F2) . F1)"
        "(A B)" multiplies two accumulated matrices; "(A -> B)" pushes the columns of the accumulated B through the
        factors of A by tangents; "(A <- B)" pulls the rows of the accumulated A through those of B by adjoints.
    """

    cost: float
    tangent: float
    adjoint: float
    preaccumulate: float
    bracketing: str


def plan_chain(factors):
    """The cheapest accumulation of a chain of Jacobians of which only tangent and adjoint products are known.

    Parameters
    ----------
    factors : sequence of (m, n, E), right to left
        F_j is m_j x n_j, one of its tangent or adjoint products costs E_j fused multiply-adds; n_(j+1) = m_j.

    Returns
    -------
    ChainPlan

    Raises
    ------
    ShapeError
        If the chain is empty or neighbours do not fit.

    Examples
    --------
    >>> import opad
    >>> plan = opad.plan_chain([(3, 3, 29), (1, 3, 14), (2, 1, 7)])
    >>> plan.cost, plan.tangent, plan.adjoint, plan.preaccumulate
    (56, 150, 100, 123)
    >>> plan.bracketing
    '(F3 (F2 <- F1))'

    Notes
    -----
    Dynamic programming over the subchains F_j … F_i:

        C_jj = E_j min(m_j, n_j)
        C_ji = min over i < k <= j of  C_jk + C_(k-1)i + m_j n_k n_i            multiply two accumulated matrices
                                       C_(k-1)i + n_i (E_k + … + E_j)           push the right one by tangents
                                       C_jk + m_j (E_i + … + E_(k-1))           pull the left one by adjoints

    References
    ----------
    U. Naumann, "Optimization of generalized Jacobian chain products without memory constraints", arXiv:2003.05755,
    2020.
    """
    factors = [tuple(factor) for factor in factors]
    _check_chain(factors)
    q = len(factors)
    m, n, E = zip(*factors, strict=True)
    best, dense = _chain_tables(m, n, E)
    return ChainPlan(
        cost=best[0, q - 1][0],
        tangent=n[0] * sum(E),
        adjoint=m[-1] * sum(E),
        preaccumulate=dense[0, q - 1],
        bracketing=_bracketing(best, 0, q - 1),
    )


def _chain_tables(m, n, E):
    """{(i, j): (least cost, (k, how))} of the subchains F_j … F_i, and the cost with every factor accumulated."""
    q = len(E)
    total = [0, *accumulate(E)]
    best = {(i, i): (E[i] * min(m[i], n[i]), None) for i in range(q)}
    dense = {(i, i): best[i, i][0] for i in range(q)}
    for length in range(2, q + 1):
        for i in range(q - length + 1):
            j = i + length - 1
            options = []
            for k in range(i + 1, j + 1):
                left, right = best[k, j][0], best[i, k - 1][0]
                options.append((left + right + m[j] * n[k] * n[i], (k, "multiply")))
                options.append((right + n[i] * (total[j + 1] - total[k]), (k, "tangent")))
                options.append((left + m[j] * (total[k] - total[i]), (k, "adjoint")))
            best[i, j] = min(options, key=lambda option: option[0])
            dense[i, j] = min(dense[k, j] + dense[i, k - 1] + m[j] * n[k] * n[i] for k in range(i + 1, j + 1))
    return best, dense


def _check_chain(factors):
    if not factors:
        raise ShapeError("plan_chain was given no factors; expected at least one (m, n, E), right to left.")
    for k, ((m, _, _), (_, n, _)) in enumerate(pairwise(factors)):
        if m != n:
            raise ShapeError(
                f"factor {k + 1} of the chain has {m} rows and factor {k + 2} has {n} columns; expected equal numbers. "
                "Factors are given right to left: the one that is applied first comes first."
            )


def _bracketing(best, i, j):
    if i == j:
        return f"F{i + 1}"
    k, how = best[i, j][1]
    if how == "multiply":
        return f"({_bracketing(best, k, j)} {_bracketing(best, i, k - 1)})"
    if how == "tangent":
        return f"({_names(k, j)} -> {_bracketing(best, i, k - 1)})"
    return f"({_bracketing(best, k, j)} <- {_names(i, k - 1)})"


def _names(i, j):
    return " ".join(f"F{k + 1}" for k in range(j, i - 1, -1))


# -- chains inside a graph ------------------------------------------------------------------------------------------

LONGEST_CHAIN = 48  # factors of one dynamic programme; longer chains are cut


def chains_first(graph, estimates, then):
    """An elimination order that first multiplies every chain of the graph in its best bracketing.

    A chain is a path whose inner vertices have one predecessor and one successor each.

    Parameters
    ----------
    graph : EliminationGraph
    estimates : dict edge -> Estimate of its block
    then : EliminationGraph, the same graph with the costs by which the other vertices are ordered (Markowitz)
    """
    first = [v for path in _chains(graph) for v in _best_bracketing(path, estimates)]
    rest = then.copy()
    for v in first:
        rest.eliminate(v)
    done = set(first)
    rest.inner = [v for v in rest.inner if v not in done]
    return first + markowitz_last(rest)


def _chains(graph):
    """Maximal paths (v_0, …, v_q) with v_1 … v_(q-1) of one predecessor and one successor, cut to a length."""
    simple = {v for v in graph.inner if len(graph.predecessors[v]) == len(graph.successors[v]) == 1}
    for v in graph.inner:
        if v not in simple or next(iter(graph.predecessors[v])) in simple:
            continue
        path = [next(iter(graph.predecessors[v])), v]
        while path[-1] in simple:
            path.append(next(iter(graph.successors[path[-1]])))
        for start in range(0, len(path) - 1, LONGEST_CHAIN):
            yield path[start : start + LONGEST_CHAIN + 1]


def _best_bracketing(path, estimates):
    """Inner vertices of a path in the order of the cheapest bracketing under the cost model of blocks."""
    factors = [estimates.get((w, v)) for v, w in pairwise(path)]
    if any(factor is None for factor in factors):
        return path[1:-1]
    best = {(i, i): (0.0, factor, None) for i, factor in enumerate(factors)}
    q = len(factors)
    for length in range(2, q + 1):
        for i in range(q - length + 1):
            j, options = i + length - 1, []
            for k in range(i + 1, j + 1):
                right, left = best[i, k - 1], best[k, j]
                model = CostModel()
                product = model.multiply(left[1], right[1])
                options.append((left[0] + right[0] + model.nanoseconds, product, k))
            best[i, j] = min(options, key=lambda option: option[0])
    return [path[k] for k in _splits(best, 0, q - 1)]


def _splits(best, i, j):
    if i == j:
        return []
    k = best[i, j][2]
    return [*_splits(best, i, k - 1), *_splits(best, k, j), k]
