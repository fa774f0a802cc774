"""Loops over the elements of an array: right, and at a constant cost for each element."""

import numpy as np
import pytest

import opad
from opad.operators import Index
from opad.testing import check_derivative

WEIGHTS = np.array([0.5, -1.0, 2.0, 0.3, 1.1, -0.7])


def by_index(x):
    total = 0.0
    for i in range(len(x)):
        total = total + WEIGHTS[i] * x[i] * x[i - 1]
    return total


def by_iteration(x):
    return sum(w * xi**2 for w, xi in zip(WEIGHTS, x, strict=True))


def by_slices(x):
    total = np.sum(np.sin(x))
    for i in range(0, len(x), 2):
        total = total + x[i : i + 3] @ x[i : i + 3] + np.sum(x[None, ..., i])
    return total + np.sum(x * WEIGHTS)


def with_other_uses(x):
    y = x * x
    total = x[0] * y[1]
    for i in range(1, 5):
        y = y * x
        total = total + y[i] * x[i] + np.sum(y[[0, 0, i]]) + y[-1]
    return total + np.sum(y)


def by_objects(x):
    z = np.array([xi * w for xi, w in zip(x, WEIGHTS, strict=True)])
    return np.sum(z[1:] * z[:-1]) + np.sum(np.array([[x[0], 2.0], [1, x[1]]]) @ x[:2])


@pytest.mark.parametrize("dtype", [float, np.float32, complex])
@pytest.mark.parametrize("f", [by_index, by_iteration, by_slices, with_other_uses, by_objects])
def test_loops(f, dtype, rng):
    if dtype is complex and f is by_objects:
        pytest.skip("arrays of objects of complex numbers are refused")
    x = rng.standard_normal(6).astype(dtype) if dtype is not complex else rng.standard_normal(6) + 1j
    real = (lambda x: np.real(f(x)) ** 2) if dtype is complex else f
    gradient = opad.grad(real)(x)
    assert gradient.dtype == x.dtype
    (pulled,) = opad.vjp(real, x)[1](np.ones_like(real(x)))  # rows that are kept go another way
    np.testing.assert_allclose(gradient, pulled, rtol=1e-5 if dtype is np.float32 else 1e-13)
    if dtype is not np.float32:
        check_derivative(real, x, raise_on_failure=True)


def test_batches_of_cotangents_in_a_checkpoint(rng):
    """A Jacobian by rows sends all of them through the recomputed loop at once."""

    def f(x):
        return np.array([x[0] * x[1], x[1] * x[2], np.sum(x[1:] * x[0])]) + x[0] + x

    x = rng.standard_normal(3)
    expected = opad.jacobian(f, order="forward")(x)
    for order in ("reverse", "forward"):
        np.testing.assert_allclose(opad.jacobian(opad.checkpoint(f), order=order)(x), expected, rtol=1e-14)


def test_the_argument_of_a_pullback_is_not_written_to():
    g = np.array([1.0, 2.0, 3.0])
    kept = g.copy()
    pullback = opad.vjp(lambda x: x + x[0] * x[1], np.ones(3))[1]
    np.testing.assert_array_equal(pullback(g)[0], g + np.array([6.0, 6.0, 0.0]))
    np.testing.assert_array_equal(g, kept)
    first, second = opad.grad(lambda x, y: np.sum(x + y) + x[0] + y[1], (0, 1))(np.ones(3), np.ones(3))
    np.testing.assert_array_equal(first, [2.0, 1.0, 1.0])
    np.testing.assert_array_equal(second, [1.0, 2.0, 1.0])


@pytest.mark.parametrize("f", [lambda x: sum(xi * xi for xi in x), lambda x: np.sum(np.array([xi * xi for xi in x]))])
def test_no_array_for_every_element(f, monkeypatch):
    """One array takes the cotangents of all elements, none is made for a single one."""

    def fail(self, Y):
        raise AssertionError("an array of zeros for one element")

    monkeypatch.setattr(Index, "apply_adjoint", fail)
    x = np.linspace(0.0, 1.0, 50)
    np.testing.assert_allclose(opad.grad(f)(x), 2 * x)


def test_arrays_of_numbers_keep_their_kind():
    with pytest.raises(opad.errors.TracingError, match=r"np\.stack"):  # np.real of an array of objects is the array
        opad.linearize(lambda z: np.array([z[0], 1j, 2]) * z, np.array([1.0 + 1j, 2.0, 3.0]))
    x = np.ones(2, np.float32)
    assert opad.linearize(lambda x: np.array([x[0], x[1]]) * x, x).value.dtype == np.float32
    assert opad.linearize(lambda x: np.array([[x[0], 1], [2.0, x[1]]]) @ x, x).value.dtype == np.float64


def test_tangents_of_arrays_of_numbers():
    """By hand, of (a b, 3, c, a) at (1, 2, 3); parts without a tangent among them."""

    def f(x):
        return np.array([x[0] * x[1], 3.0, x[2], x[0]])

    def loss(x):
        return np.sum(f(x) ** 2)  # a^2 b^2 + 9 + c^2 + a^2

    x, v = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 2.0])
    H = np.array([[10.0, 8.0, 0.0], [8.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
    for jvp in (lambda x, v: opad.jvp(f, (x,), (v,)), opad.compile(lambda x, v: opad.jvp(f, (x,), (v,)))):
        np.testing.assert_array_equal(jvp(x, v), (f(x), [2.0, 0.0, 2.0, 1.0]))
    np.testing.assert_array_equal(opad.jvp(opad.grad(loss), (x,), (v,))[1], H @ v)
    np.testing.assert_array_equal(opad.grad(lambda x: opad.jvp(loss, (x,), (v,))[1])(x), H @ v)
    assert opad.jvp(lambda x: opad.jvp(loss, (x,), (v,))[1], (x,), (v,))[1] == v @ H @ v
    narrow = opad.jvp(lambda x: np.array([x[0], x[1]]), (x.astype(np.float32),), (v.astype(np.float32),))[1]
    assert narrow.dtype == np.float32 and narrow.tolist() == [1.0, 0.0]
