"""Chains of matrix-free Jacobians: the published table, and brute force over all bracketings."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.errors import ShapeError

PUBLISHED = {  # (m, n, E) right to left: optimum, all tangent, all adjoint, preaccumulate all
    ((3, 3, 29), (1, 3, 14), (2, 1, 7)): (56, 150, 100, 123),
    ((4, 2, 100), (8, 4, 100)): (400, 400, 1600, 664),
    ((2, 4, 100), (32, 2, 100)): (600, 800, 6400, 656),
    ((4, 8, 100), (2, 4, 100)): (400, 1600, 400, 664),
    ((2, 32, 100), (4, 2, 100)): (600, 6400, 800, 656),
    ((2, 4, 100), (4, 2, 100)): (432, 800, 800, 432),
}


@pytest.mark.parametrize("factors", PUBLISHED)
def test_published_table(factors):
    plan = opad.plan_chain(factors)
    assert (plan.cost, plan.tangent, plan.adjoint, plan.preaccumulate) == PUBLISHED[factors]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=7), st.data())
def test_optimum_over_all_bracketings(sizes, data):
    E = [data.draw(st.integers(1, 200)) for _ in sizes[1:]]
    chain = [(m, n, e) for n, m, e in zip(sizes, sizes[1:], E, strict=False)]

    @cache
    def least(i, j):
        if i == j:
            m, n, e = chain[i]
            return e * min(m, n)
        m, n = chain[j][0], chain[i][1]
        return min(
            min(
                least(k, j) + least(i, k - 1) + m * chain[k][1] * n,
                least(i, k - 1) + n * sum(e for *_, e in chain[k : j + 1]),
                least(k, j) + m * sum(e for *_, e in chain[i:k]),
            )
            for k in range(i + 1, j + 1)
        )

    plan = opad.plan_chain(chain)
    assert plan.cost == least(0, len(chain) - 1)
    if len(chain) == 1:
        assert plan.cost == min(plan.tangent, plan.adjoint)
    else:
        assert plan.cost <= min(plan.tangent, plan.adjoint, plan.preaccumulate)
    assert all(f"F{k + 1}" in plan.bracketing for k in range(len(chain)))


def test_bracketing_names_what_is_done():
    assert opad.plan_chain([(4, 2, 100), (8, 4, 100)]).bracketing == "(F2 -> F1)"
    assert opad.plan_chain([(4, 8, 100), (2, 4, 100)]).bracketing == "(F2 <- F1)"
    assert opad.plan_chain([(2, 4, 100), (4, 2, 100)]).bracketing == "(F2 F1)"


def test_bad_chains():
    with pytest.raises(ShapeError, match="no factors"):
        opad.plan_chain([])
    with pytest.raises(ShapeError, match="factor 1 of the chain has 3 rows and factor 2 has 4 columns"):
        opad.plan_chain([(3, 2, 1), (5, 4, 1)])
