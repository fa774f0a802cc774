"""Programs of single numbers as one sparse system: the same products as block by block."""

import importlib.util

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.blocks import scalar
from opad.blocks.scalar import ScalarSystem
from opad.errors import ShapeError


def program(a, b):
    c = np.sin(a * b) + a**2 - 3 / b
    d = np.sqrt(c * c) * np.abs(b) ** a
    for _ in range(5):
        c, d = d * 0.3 - c, np.where(c > d, c, d) + np.hypot(c, 2.0)
    return c, d, a, 2.5, a


POINT = 0.7, 1.9


def test_products_agree_with_the_linearisation():
    lin = opad.linearize(program, *POINT)
    system = lin.scalar_system()
    dp, g = np.array([0.3, -1.2]), np.array([1.0, 2.0, 0.5, 3.0, -1.0])
    np.testing.assert_allclose(system.jvp(dp), np.array(lin.jvp(*map(float, dp))), rtol=1e-13)
    np.testing.assert_allclose(system.vjp(g), np.array(lin.vjp(tuple(map(float, g)))), rtol=1e-13)
    assert "operations, 2 inputs" in repr(system) and system.nbytes > 0


STEPS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_random_programs(steps):
    functions = (np.sin, np.tanh, lambda x: x**3, lambda x: x**2, lambda x: 1 - x, np.add, np.multiply, np.maximum)
    functions = (*functions, lambda x, y: x / (3 + y * y))

    def f(a, b):
        values = [a, b]
        for kind, i, j in steps:
            x, y = values[i % len(values)], values[j % len(values)]
            values.append(functions[kind](x) if kind < 5 else functions[kind](x, y))
        return values[-1], values[2]

    lin = opad.linearize(f, 0.4, -0.6)
    found = lin.scalar_system().vjp(np.array([1.0, -2.0]))
    expected = np.array(lin.vjp((1.0, -2.0)))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13 * max(1.0, float(np.abs(expected).max())))


def test_branches_not_taken_give_no_nan():
    lin = opad.linearize(lambda x: np.where(x < 1, 3 * x, np.sqrt(x)), 0.0)
    assert lin.scalar_system().vjp(np.array([1.0])) == 3.0
    assert lin.scalar_system().jvp(np.array([1.0])) == 3.0
    inner = opad.linearize(lambda x: np.where(x < 1, 3 * x, np.sqrt(2 * x)), 0.0)
    assert inner.scalar_system().vjp(np.array([1.0])) == 3.0


def test_arrays_are_refused():
    with pytest.raises(ShapeError, match=r"operation 1, sin, has a result of shape \(2,\)"):
        opad.linearize(np.sin, np.ones(2)).scalar_system()


def test_systems_by_hand():
    rng = np.random.default_rng(0)
    L = np.tril(rng.standard_normal((6, 6)), -1) * (rng.random((6, 6)) < 0.5)
    D = rng.standard_normal((6, 2))
    system = ScalarSystem(scipy.sparse.csr_array(L), scipy.sparse.csr_array(D), [5, -1, 3])
    J = np.linalg.solve(np.eye(6) - L, D)[[5, 0, 3]]
    J[1] = 0
    np.testing.assert_allclose(np.stack([system.jvp(e) for e in np.eye(2)], axis=1), J, rtol=1e-12)
    np.testing.assert_allclose(np.stack([system.vjp(e) for e in np.eye(3)]), J, rtol=1e-12, atol=1e-15)
    with pytest.raises(ShapeError, match="strictly lower"):
        ScalarSystem(scipy.sparse.csr_array(np.eye(2)), scipy.sparse.csr_array((2, 1)), [0])
    with pytest.raises(ShapeError, match=r"\(n, n\) and \(n, p\)"):
        ScalarSystem(scipy.sparse.csr_array((2, 2)), scipy.sparse.csr_array((3, 1)), [0])


def test_memory_of_a_long_program():
    def f(x):
        for _ in range(3000):
            x = 0.9 * x + np.sin(x) * 0.1
        return x

    lin = opad.linearize(f, 0.3)
    system = lin.scalar_system()
    assert system.nbytes < 200 * system.L.shape[0]
    np.testing.assert_allclose(system.vjp(np.array([1.0])), lin.gradient(), rtol=1e-12)


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")
def test_without_numba(monkeypatch):
    lin = opad.linearize(program, *POINT)
    g = np.array([1.0, 2.0, 0.5, 3.0, -1.0])
    compiled = lin.scalar_system().vjp(g)
    monkeypatch.setattr(scalar, "compiled_kernels", lambda: None)
    np.testing.assert_allclose(lin.scalar_system().vjp(g), compiled, rtol=1e-13)
