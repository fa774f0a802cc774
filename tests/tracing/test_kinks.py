"""Kinks and special points: the documented choice of derivative, in both modes."""

import numpy as np
import pytest

import opad


def both_modes(f, x):
    """The gradient of sum(f(x)), by rows and by columns."""
    x = np.asarray(x, float)
    with np.errstate(all="ignore"):
        reverse = opad.grad(lambda x: np.sum(f(x)))(x)
        forward = np.sum(opad.jacobian(f, order="forward")(x).reshape(-1, x.size), axis=0).reshape(x.shape)
    np.testing.assert_array_equal(forward, reverse)
    return reverse


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: np.maximum(x, 1.0), [0.0, 1.0, 2.0], [0.0, 0.5, 1.0]),
        (lambda x: np.minimum(x, 1.0), [0.0, 1.0, 2.0], [1.0, 0.5, 0.0]),
        (lambda x: np.fmax(x, 1.0), [0.0, 1.0, 2.0], [0.0, 0.5, 1.0]),
        (lambda x: np.fmax(x, np.nan), [2.0], [1.0]),
        (lambda x: np.fmin(np.nan, x), [2.0], [1.0]),
        (np.abs, [-1.0, 0.0, 2.0], [-1.0, 0.0, 1.0]),
        (np.fabs, [-1.0, 0.0, 2.0], [-1.0, 0.0, 1.0]),
        (lambda x: np.maximum(x, 0), [-1.0, 0.0, 1.0], [0.0, 0.5, 1.0]),  # relu
        (np.max, [3.0, 1.0, 3.0], [0.5, 0.0, 0.5]),
        (np.min, [1.0, 1.0, 1.0], [1 / 3, 1 / 3, 1 / 3]),
        (np.ptp, [3.0, 1.0, 3.0], [0.5, -1.0, 0.5]),
        (lambda x: np.sort(x) * np.array([1.0, 2.0, 3.0]), [1.0, 1.0, 0.0], [2.0, 3.0, 1.0]),
        (lambda x: np.clip(x, 0.0, 1.0), [-1.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 0.5]),
        (lambda x: np.where(x > 0, np.sqrt(x), 0.0), [0.0, 4.0], [0.0, 0.25]),
        (lambda x: np.where(x > 0, np.log(x), x), [0.0, 4.0], [1.0, 0.25]),
        (lambda x: np.where(x != 0, np.sin(x) / np.where(x == 0, 1.0, x), 1.0), [0.0], [0.0]),
        (np.sqrt, [0.0, 4.0], [np.inf, 0.25]),
        (np.sinc, [0.0], [0.0]),
        (lambda x: np.hypot(x, 0.0), [0.0, -2.0], [0.0, -1.0]),
        (lambda x: x**2, [0.0, -1.0], [0.0, -2.0]),
        (lambda x: x**1, [0.0], [1.0]),
        (lambda x: x**0, [0.0], [0.0]),
        (lambda x: x**0.5, [0.0], [np.inf]),
        (lambda x: x ** np.array([0.0, 1.0, 2.0]), [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        (lambda x: 0.0**x, [1.0, 2.0], [0.0, 0.0]),
        (np.prod, [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
        (np.std, [2.0, 2.0], [0.0, 0.0]),
        (lambda x: np.copysign(x, -1.0), [2.0, -3.0], [-1.0, 1.0]),
        (np.sign, [-1.0, 2.0], [0.0, 0.0]),
        (np.floor, [0.5], [0.0]),
        (lambda x: x % 2.0, [3.5, -0.5], [1.0, 1.0]),
        (lambda x: x // 2.0 + x, [3.5], [1.0]),
        (lambda x: np.round(x) * x, [1.6], [2.0]),
        (lambda x: np.heaviside(x, 0.5) * x, [-1.0, 2.0], [0.0, 1.0]),
    ],
)
def test_choice_at_special_points(f, x, expected):
    np.testing.assert_allclose(both_modes(f, x), expected)


@pytest.mark.parametrize("g", [np.sqrt, np.log, np.reciprocal, lambda x: x**-1.5, lambda x: 1 / x, np.cbrt, np.arcsinh])
def test_branches_not_taken_leave_no_nan_at_any_order(g):
    """f = where(x > 0, g(x), 0) at 0: all derivatives are 0, in every combination of modes."""
    x = np.array([0.0, 2.0])

    def f(x):
        return np.sum(np.where(x > 0, g(x), 0.0))

    with np.errstate(all="ignore"):
        for order in ("forward", "reverse"):
            second = opad.jacobian(opad.grad(f), order=order)(x)
            assert second[0, 0] == 0 and second[0, 1] == 0
            np.testing.assert_allclose(second[1, 1], _second_difference(g, 2.0), rtol=1e-5)
        third = opad.grad(lambda x: np.sum(opad.grad(lambda x: np.sum(opad.grad(f)(x)))(x)))(x)
        assert third[0] == 0 and np.isfinite(third[1])
        forward = opad.jvp(lambda x: opad.jvp(f, (x,), (np.ones(2),))[1], (x,), (np.ones(2),))[1]
        np.testing.assert_allclose(forward, second[1, 1])


def _second_difference(g, x, h=1e-4):
    return (g(x + h) - 2 * g(x) + g(x - h)) / h**2


def test_masked_partials_broadcast_and_cast():
    x = np.array([[0.0], [4.0]], np.float32)
    c = np.arange(3.0)

    def f(x):
        return np.sum(np.where(x > 0, c / x, 0.0))

    with np.errstate(all="ignore"):
        g = opad.grad(f)(x)
        t = opad.jvp(f, (x,), (np.ones_like(x),))[1]
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, [[0.0], [-3 / 16]])
    np.testing.assert_allclose(t, -3 / 16)


def test_an_unused_partial_is_not_computed():
    """x**2.0 at a negative base takes no logarithm."""
    assert opad.grad(lambda x: x**2.0)(-1.0) == -2.0
    np.testing.assert_array_equal(opad.grad(lambda x: np.sum(x ** np.array([2, 3])))(np.array([-1.0, -2.0])), [-2, 12])


def test_python_numbers_behave_as_arrays():
    with np.errstate(all="ignore"):
        assert opad.grad(lambda x: x**0.5)(0.0) == np.inf
        assert opad.grad(lambda x: x / 0.0)(1.0) == np.inf
        assert np.isnan(opad.grad(lambda x: x**2.5)(-1.0))
    assert opad.grad(lambda z: np.abs(z) ** 2)(1 + 2j) == 2 + 4j
    assert type(opad.grad(lambda z: np.abs(z) ** 2)(1 + 2j)) is complex
