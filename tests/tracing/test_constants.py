"""Arrays that change during or after a trace: constants, indices, results, inputs. And several traces at once."""

import threading

import numpy as np
import pytest

import opad
from opad.errors import ClosedTraceError, TracingError
from tests.threads import in_threads

SIZES = [3, 5000]  # small constants are copied, large ones locked


@pytest.mark.parametrize("n", SIZES)
def test_a_changed_constant_is_right_or_refused(n):
    def f(x):
        w, y = np.zeros(n), 0 * x
        for i in range(3):
            w[:] = i
            y = y + w * x
        return np.sum(y)

    try:
        gradient = opad.grad(f)(np.ones(n))
    except TracingError as error:
        assert n > 1000 and "changed in place" in str(error) and "copy" in str(error)
    else:
        np.testing.assert_array_equal(gradient, np.full(n, 3.0))
    np.testing.assert_array_equal(opad.linearize(f, np.ones(n)).gradient(), np.full(n, 3.0))


@pytest.mark.parametrize("n", SIZES)
def test_constants_and_inputs_are_writable_afterwards(n):
    w, x = np.ones(n), np.ones(n)
    view = w[1:]
    opad.grad(lambda x: np.sum(w * x))(x)
    opad.linearize(lambda x: np.sum(view * x[1:]) + np.sum(w), x)
    with pytest.raises(ZeroDivisionError):
        opad.grad(lambda x: np.sum(view * x[1:]) * (1 // 0))(x)
    for array in (w, view, x):
        assert array.flags.writeable
        array += 1.0


def test_read_only_constants_stay_read_only():
    w = np.ones(5000)
    w.flags.writeable = False
    opad.grad(lambda x: np.sum(w * x) + np.sum(w[1:] * x[1:]))(np.ones(5000))
    assert not w.flags.writeable


def test_nested_traces_release_what_they_lock():
    w = np.ones(5000)

    def f(x):
        return np.sum(w * opad.grad(lambda y: np.sum(w * y**2))(x))

    np.testing.assert_array_equal(opad.grad(f)(np.ones(5000)), np.full(5000, 2.0))
    w += 1


@pytest.mark.parametrize("kind", [np.array, list])
@pytest.mark.parametrize("tuple_key", [False, True])
def test_a_changed_index_does_not_matter(kind, tuple_key):
    def f(x):
        index, y = kind([0, 0]), 0.0
        for k in range(3):
            index[0] = k
            y = y + (k + 1) * (x[index, 0] if tuple_key else x[index][:, 0])[0]
        return y

    expected = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    np.testing.assert_array_equal(opad.grad(f)(np.ones((3, 2))), expected)
    np.testing.assert_array_equal(opad.linearize(f, np.ones((3, 2))).gradient(), expected)


def test_a_changed_mask_does_not_matter():
    def f(x):
        mask = np.array([True, False, False])
        y = np.sum(x[mask]) + np.sum(np.where(mask, x, 0.0))
        mask[:] = True
        return y

    np.testing.assert_array_equal(opad.grad(f)(np.ones(3)), [2.0, 0.0, 0.0])


def test_stop_gradient_gives_values_that_cannot_corrupt_the_record():
    x = np.ones(3)

    def f(x):
        y = 2 * x
        constant = opad.stop_gradient(y)
        with pytest.raises(ValueError, match="read-only"):
            constant += 100
        return np.sum(y * y) + np.sum(constant.copy() * x)

    np.testing.assert_array_equal(opad.grad(f)(x), [10.0, 10.0, 10.0])
    assert opad.stop_gradient(x) is x


def test_changing_value_or_point_of_a_linearisation_changes_nothing():
    x = np.array([0.1, 0.2])
    c = np.array([2.0, 3.0])
    lin = opad.linearize(lambda x: np.tanh(c * x), x)
    expected = 2 - 2 * np.tanh(0.2) ** 2
    lin.value[:] = 0
    x[:] = 7
    c[:] = 7
    np.testing.assert_allclose(lin.jvp(np.ones(2))[0], expected)
    value, pullback = opad.vjp(np.exp, x)
    value[:] = 0
    np.testing.assert_allclose(pullback(np.ones(2))[0], np.exp(7.0))


def test_nested_linearisation_is_not_reached_by_updates_of_outer_arrays():
    def f(x):
        y = 2.0 * x
        lin = opad.linearize(lambda z: np.sin(z) * y, y)
        y += 1.0
        return np.sum(lin.jvp(np.ones(2)))

    x = np.array([0.1, 0.2])
    # J(z) 1 = cos(z) y + 0 with z = y = 2 x, and y constant in the inner trace
    np.testing.assert_allclose(opad.grad(f)(x), 2 * np.cos(2 * x) - 4 * x * np.sin(2 * x))


def test_a_traced_array_outlives_its_trace():
    kept = []

    def f(x):
        kept.append(2 * x)
        return np.sum(x)

    opad.grad(f)(np.ones(3))
    for use in (lambda y: y + 1, lambda y: 1 + y, np.exp, lambda y: y @ np.ones(3), lambda y: y[0], lambda y: y.sum()):
        with pytest.raises(ClosedTraceError, match=r"function .* had returned"):
            use(kept[0])
    with pytest.raises(ClosedTraceError):
        opad.grad(lambda x: np.sum(x * kept[0]))(np.ones(3))
    with pytest.raises(ClosedTraceError):
        opad.grad(lambda x: np.sum(kept[0] * x))(np.ones(3))


def test_values_of_an_outer_trace_in_an_inner_one():
    """d/dx [ d/dy (x^2 y^3) ] at y = x is 6 x y^2 as a function of x alone, plus nothing from the frozen y."""

    def f(x):
        return opad.grad(lambda y: x**2 * y**3)(x)

    assert opad.grad(f)(2.0) == pytest.approx(12 * 2.0**3)  # f = 3 x^4
    assert opad.grad(opad.grad(f))(2.0) == pytest.approx(36 * 2.0**2)


def test_perturbation_confusion():
    """The classic d/dx (x d/dy (x + y)) = 1."""
    assert opad.grad(lambda x: x * opad.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert opad.jvp(lambda x: x * opad.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))[1] == 1.0
    assert opad.jvp(lambda x: x * opad.grad(lambda y: x * y)(1.0), (3.0,), (1.0,))[1] == 6.0
    assert opad.grad(lambda x: opad.jvp(lambda y: x * y, (1.0,), (x,))[1])(3.0) == 6.0


def test_threads_trace_independently():
    big = np.ones(5000)
    results, errors = {}, []
    start = threading.Barrier(4)

    def work(k):
        try:
            start.wait()
            for _ in range(30):
                x = np.full(5000, float(k))
                g = opad.grad(lambda x: np.sum(big * x**2) + np.sum(opad.grad(lambda y: np.sum(y**3))(x)))(x)
                results[k] = g[0]
        except Exception as error:
            errors.append(error)

    in_threads(work, range(4))
    assert errors == []
    assert results == {k: 2.0 * k + 6.0 * k for k in range(4)}
    big += 1.0
