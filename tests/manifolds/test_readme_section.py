"""The three ways of adding a manifold, as the README shows them: each runs, is short, and drives pymanopt."""

import re
from pathlib import Path

import numpy as np
import pytest

import opad.testing

pymanopt = pytest.importorskip("pymanopt")
README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README.split("## Add a manifold in 20 lines")[1].split("\n## ")[0]
BLOCKS = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture(scope="module")
def names():
    namespace = {}
    for block in BLOCKS:
        exec(block, namespace)
    return namespace


def test_each_way_takes_at_most_twenty_lines():
    assert all(sum(1 for line in block.splitlines() if line.strip()) <= 20 for block in BLOCKS)


def test_they_are_manifolds(names):
    for M in (names["T"], names["C"], names["SymplecticGroup"]()):
        opad.testing.check_manifold(M, single_precision=False).assert_ok()


def optimum(names, manifold, cost):
    adapted = names["PymanoptManifold"](manifold, rng=0)
    problem = pymanopt.Problem(adapted, names["opad_function"](adapted)(cost))
    result = pymanopt.optimizers.TrustRegions(verbosity=0, min_gradient_norm=1e-8).run(problem)
    assert adapted.norm(result.point, problem.riemannian_gradient(result.point)) < 1e-7
    return result


def test_toeplitz_drives_a_trust_region_run(names):
    A, T = names["A"], names["T"]
    result = optimum(names, T, lambda X: np.sum((X - A) ** 2))
    means = [np.mean(np.diagonal(A, -k)) for k in range(-3, 4)]
    np.testing.assert_allclose(result.point, means, atol=1e-8)


def test_correlation_drives_a_trust_region_run(names):
    target = names["target"]
    result = optimum(names, names["C"], lambda Y: np.sum((Y @ Y.T - target) ** 2))
    np.testing.assert_allclose(np.diagonal(result.point @ result.point.T), 1, atol=1e-12)


def test_symplectic_drives_a_trust_region_run(names):
    X, J = names["result"].point, names["J"]
    np.testing.assert_allclose(X.T @ J @ X, J, atol=1e-9)
    np.testing.assert_allclose(names["cost"](X), 4.0, rtol=1e-6)  # X = I: |I - 2 I|^2
