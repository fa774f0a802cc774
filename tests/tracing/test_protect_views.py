"""Constants that are views of one array are locked while a trace is open, and writeable again after it."""

import numpy as np
import pytest

import opad
from opad.tracing import protect


@pytest.fixture
def views():
    base = np.arange(8000.0).reshape(2, 4000).copy()  # it owns its data
    yield base, base[0], base[1]
    assert not protect._holders and not protect._waiting


def test_two_views_of_one_base_in_one_trace(views):
    base, a, b = views
    opad.grad(lambda x: np.sum(a * x) + np.sum(b * x))(np.ones(4000))
    assert base.flags.writeable and a.flags.writeable and b.flags.writeable


def test_a_view_whose_base_an_outer_trace_still_holds(views):
    base, a, b = views
    seen = []

    def inner(x):
        g = opad.grad(lambda y: np.sum(b * y * y))(x)
        seen.append(base.flags.writeable)
        return g

    opad.grad(lambda x: np.sum(a * x * inner(x)))(np.ones(4000))
    assert seen == [False]
    assert base.flags.writeable and a.flags.writeable and b.flags.writeable


def test_index_arrays_of_nonzero_in_a_second_derivative(rng):
    rows, columns = np.nonzero(rng.random((300, 200)) < 0.5)
    U, V = rng.standard_normal((300, 1)), rng.standard_normal((200, 1))

    def f(U):
        return np.sum((U[rows] * V[columns]) ** 2)

    H = opad.linearize(opad.grad(f), U)
    expected = 2 * np.bincount(rows, V[columns, 0] ** 2, 300)[:, None]
    np.testing.assert_allclose(H.jvp(np.ones((300, 1))), expected, rtol=1e-12)
