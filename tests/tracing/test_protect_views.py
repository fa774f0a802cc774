"""Constants that are views of one array are locked while a trace is open, and writeable again after it."""

import numpy as np
import pytest

import opad
from opad.errors import TracingError
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


def sibling_of(w, part):
    return w[part] if part is not None else w.reshape(-1)[::-1].reshape(w.shape)


@pytest.mark.parametrize("dtype", [float, np.float32, complex, np.float16])
@pytest.mark.parametrize("shape", [(9000,), (95, 97), (300, 300)])
@pytest.mark.parametrize("part", [(), slice(1), slice(-1, None), None])
def test_a_write_through_a_view_made_before_is_refused(shape, part, dtype):
    w = np.zeros(shape, dtype)
    sibling = sibling_of(w, part)

    def f(x):
        y = np.sum(np.abs(w * x))
        sibling[...] = 1.0
        return y

    with pytest.raises(TracingError, match=r"through a view.*copy"):
        opad.grad(f)(np.ones(shape))
    assert w.flags.writeable


def test_a_constant_that_is_not_contiguous(rng):
    base = rng.standard_normal((400, 300))
    sibling = base.T[::2]

    def f(x, write):
        y = np.sum(base[:, ::2].T * x)
        if write:
            sibling[...] += 1.0
        return y

    with pytest.raises(TracingError, match="through a view"):
        opad.grad(f)(np.ones((150, 400)), True)
    np.testing.assert_array_equal(opad.grad(f)(np.ones((150, 400)), False), base[:, ::2].T)


def test_another_part_of_the_same_memory_may_change(views):
    _, a, b = views

    def f(x):
        y = np.sum(a * x)
        b[:] = 0.0
        return y

    expected = a.copy()
    np.testing.assert_array_equal(opad.grad(f)(np.ones(4000)), expected)
    assert not b.any()


def test_an_exception_of_the_function_is_not_replaced():
    w = np.ones(5000)
    sibling = w[:]

    def f(x):
        sibling[:] = np.sum((w * x).value)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        opad.grad(f)(np.ones(5000))
