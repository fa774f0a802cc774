"""Kinks and special points: the documented choice of derivative, in both modes."""

import mpmath
import numpy as np
import pytest
import scipy.special
import sympy
from scipy.special import xlog1py, xlogy

import opad
import opad.scipy


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
        (lambda x: np.where(x > 0, np.array([1.0, 2.0]) / x, 0.0), [0.0], [0.0]),  # a divisor that is broadcast
        (lambda x: np.where(x > 0, np.array([1.0, 2.0]) / x, 0.0), [2.0], [-0.75]),
        (lambda x: np.where(x < 9, np.array([np.inf, 2.0]) / x, 0.0)[1:], [2.0], [-0.5]),
        (lambda x: np.where(x != 0, np.sin(x) / np.where(x == 0, 1.0, x), 1.0), [0.0], [0.0]),
        (np.sqrt, [0.0, 4.0], [np.inf, 0.25]),
        (np.sinc, [0.0], [0.0]),
        (lambda x: np.hypot(x, 0.0), [0.0, -2.0], [0.0, -1.0]),
        (lambda x: x**2, [0.0, -1.0], [0.0, -2.0]),
        (lambda x: x**1, [0.0], [1.0]),
        (lambda x: x**0, [0.0, np.inf], [0.0, 0.0]),
        (lambda x: np.float_power(x, np.float64(0.0)), [np.inf], [0.0]),
        (lambda x: x**0.5, [0.0], [np.inf]),
        (lambda x: x ** np.array([0.0, 1.0, 2.0]), [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
        (lambda x: 0.0**x, [1.0, 2.0], [0.0, 0.0]),
        (np.prod, [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
        (np.std, [2.0, 2.0], [0.0, 0.0]),
        (np.std, [0.364, 0.364, 0.364], [0.0, 0.0, 0.0]),  # NumPy's mean is another number
        (lambda x: np.copysign(x, -1.0), [2.0, -3.0], [-1.0, 1.0]),
        (np.sign, [-1.0, 2.0], [0.0, 0.0]),
        (np.floor, [0.5], [0.0]),
        (lambda x: x % 2.0, [3.5, -0.5], [1.0, 1.0]),
        (lambda x: x // 2.0 + x, [3.5], [1.0]),
        (lambda x: np.round(x) * x, [1.6], [2.0]),
        (lambda x: np.heaviside(x, 0.5) * x, [-1.0, 2.0], [0.0, 1.0]),
        (lambda x: np.minimum(np.maximum(x, x), 5.0), [1.0], [1.0]),
        (lambda x: np.linalg.norm(x), [0.0, 0.0], [0.0, 0.0]),
        (lambda x: np.linalg.norm(x, 1.5), [0.0, 2.0], [0.0, 1.0]),
        (lambda x: np.linalg.norm(x, np.inf), [2.0, -2.0], [0.5, -0.5]),
        (lambda x: np.logaddexp(x[:1], x[1:]), [-np.inf, 1.0], [0.0, 1.0]),
        (lambda x: np.logaddexp(x[:1], x[1:]), [-np.inf, -np.inf], [0.5, 0.5]),
        (lambda x: np.logaddexp2(x[:1], x[1:]), [np.inf, 1.0], [1.0, 0.0]),
        (lambda x: np.logaddexp.reduce(x), [-np.inf, -np.inf, -np.inf, -np.inf], [0.25] * 4),
        (lambda x: np.logaddexp.reduce(x), [-np.inf, 0.0, 0.0], [0.0, 0.5, 0.5]),
        (lambda x: 0.0**x, [0.0], [0.0]),
        (lambda x: x[:1] ** x[1:], [0.0, 0.0], [0.0, 0.0]),
        (lambda x: np.arctan2(x[:1], x[1:]), [0.0, 0.0], [np.nan, np.nan]),
        (lambda x: (-2.0) ** x, [2.0], [np.nan]),
        (np.var, [2.0, 2.0], [0.0, 0.0]),
        (np.nanstd, [2.0, 2.0, np.nan], [0.0, 0.0, 0.0]),
        (lambda x: np.std(x, where=[True, True, False]), [2.0, 2.0, 5.0], [0.0, 0.0, 0.0]),
        (np.cumprod, [0.0, 2.0, 0.0], [3.0, 0.0, 0.0]),
        (lambda x: np.quantile(x, 0.5), [1.0, 1.0, 1.0, 1.0], [0.0, 0.5, 0.5, 0.0]),  # the stable permutation
        (
            lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 0.0]),
            [0.0, 1.0, 2.0],
            [1.0, -1.0, -1.0],
        ),  # from the right
        (lambda x: xlogy(x, x) + xlog1py(x, x - 1), [0.0, 1.0], [-np.inf, 2.0]),
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


def hessians(f, x):
    """The Hessian in three ways: forward over reverse, reverse over reverse, forward over forward."""
    x = np.asarray(x, float)
    gradient = opad.grad(lambda x: np.sum(f(x)))
    yield opad.jacobian(gradient, order="forward")(x)
    yield opad.jacobian(gradient, order="reverse")(x)
    by_columns = opad.jacobian(lambda x: np.sum(f(x)), order="forward")
    yield opad.jacobian(by_columns, order="forward")(x)


@pytest.mark.parametrize("function", ["prod", "cumprod"])
@pytest.mark.parametrize("x", [[0, 2, 3], [0, 0, 3], [2, 0, 0], [0, 0, 0], [2, 3, 5]])
def test_second_derivatives_of_products_with_zeros(function, x):
    symbols, weights = sympy.symbols("a b c"), (1, 2, 3)
    partial = [sympy.prod(symbols[: k + 1]) for k in range(3)]
    expression = partial[-1] if function == "prod" else sum(w * p for w, p in zip(weights, partial, strict=True))
    expected = np.array(sympy.hessian(expression, symbols).subs(dict(zip(symbols, x, strict=True))), float)
    f = np.prod if function == "prod" else lambda x: np.cumprod(x) * np.array([1.0, 2.0, 3.0])
    for H in hessians(f, x):
        np.testing.assert_allclose(H, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("x", [0.0, 1e-8, 3e-4, 9.99e-4, 1.001e-3, 0.02, 1.0, 2.5])
def test_sinc_near_its_removable_singularity(x):
    with mpmath.workdps(60):
        sinc = lambda t: mpmath.sincpi(t)  # noqa: E731
        first, second = (float(mpmath.diff(sinc, mpmath.mpf(x), n, h=mpmath.mpf(10) ** -15)) for n in (1, 2))
    np.testing.assert_allclose(both_modes(np.sinc, [x]), [first], rtol=1e-9, atol=1e-15)
    for H in hessians(np.sinc, [x]):
        np.testing.assert_allclose(H, [[second]], rtol=1e-6)


X_TO_THE_X = 0.3**0.3 * ((np.log(0.3) + 1) ** 2 + 1 / 0.3)  # its second derivative at 0.3


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: np.hypot(x[:1], x[1:]), [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x: np.hypot(x[:1], x[1:]), [0.0, 4.0], [[0.25, 0.0], [0.0, 0.0]]),
        (np.linalg.norm, [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x: np.linalg.norm(x, 1.5), [0.0, 4.0], [[np.inf, 0.0], [0.0, 0.0]]),
        (lambda x: np.linalg.norm(x, 1.5), [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x: np.linalg.norm(x, 3), [0.0, 4.0], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x: np.logaddexp(x[:1], x[1:]), [-np.inf, -np.inf], [[0.0, 0.0], [0.0, 0.0]]),
        (lambda x: np.logaddexp(x[:1], x[1:]), [0.0, 0.0], [[0.25, -0.25], [-0.25, 0.25]]),
        (lambda x: x**1.5, [0.0], [[np.inf]]),
        (lambda x: x**2.0, [0.0], [[2.0]]),
        (lambda x: (x**2) ** 0.75, [0.0], [[np.inf]]),  # |x|^1.5: the tangent of x^2 is 0 and varies
        (lambda x: (x * x) ** np.array([0.75]), [0.0], [[np.inf]]),
        (lambda x: np.pad(x, 1) ** np.concatenate([0.4 * x, x, 2 * x]), [0.3], [[X_TO_THE_X]]),  # 0 ** x is constant
        (lambda x: np.abs(np.pad(x, 1)) ** x, [0.3], [[X_TO_THE_X]]),
        (lambda x: np.where(x > 0, x, 0.0) ** x, [0.3, 0.0], [[X_TO_THE_X, 0.0], [0.0, 0.0]]),
        (lambda x: np.sqrt(np.pad(x, 1)) * x, [0.25], [[1.5]]),  # x^1.5
        (lambda x: x[1:] ** x[:1], [0.0, 0.5], [[np.log(0.5) ** 2, 2.0], [2.0, 0.0]]),
        (lambda x: x ** np.array([0.0, 1.0, 2.0]), [0.0, 0.0, 0.0], np.diag([0.0, 0.0, 2.0])),
        (lambda x: np.maximum(x, 0.0) ** 2, [0.0], [[0.5]]),  # the product of halves
        (np.std, [2.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]),
        (np.var, [2.0, 2.0], [[0.5, -0.5], [-0.5, 0.5]]),
    ],
)
def test_second_derivatives_at_special_points(f, x, expected):
    with np.errstate(all="ignore"):
        for H in hessians(f, x):
            np.testing.assert_allclose(H, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("factor", "triangle"),
    [
        (lambda A: np.linalg.qr(A)[1], np.triu_indices(3)),
        (lambda A: np.linalg.cholesky(A), np.tril_indices(3)),
        (lambda A: opad.scipy.linalg.lu(A)[1], np.tril_indices(3, -1)),
        (lambda A: opad.scipy.linalg.lu(A)[2], np.triu_indices(3)),
    ],
)
def test_zeros_of_triangular_factors_have_no_derivative(factor, triangle, rng):
    """sqrt(|x|) is infinitely steep at the zeros, which stay; the reference leaves them out."""
    B = rng.standard_normal((3, 3))
    A, V, weights = B @ B.T + np.eye(3), rng.standard_normal((3, 3)), rng.standard_normal((3, 3))

    def with_zeros(A):
        return np.sum(weights * np.sqrt(np.abs(factor(A))))

    def without(A):
        return np.sum(weights[triangle] * np.sqrt(np.abs(factor(A)[triangle])))

    with np.errstate(all="ignore"):
        np.testing.assert_allclose(opad.grad(with_zeros)(A), opad.grad(without)(A), rtol=1e-12, atol=1e-13)
        expected = opad.hvp(without, (A,), (V,))[0]
        for derivative in (
            lambda A: opad.hvp(with_zeros, (A,), (V,))[0],
            opad.grad(lambda A: opad.jvp(with_zeros, (A,), (V,))[1]),
            opad.grad(lambda A: np.vdot(opad.grad(with_zeros)(A), V)),
        ):
            np.testing.assert_allclose(derivative(A), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("k", range(4))
def test_airy_functions_on_the_negative_real_axis(k):
    """From both sides of the axis; at z - 0j SciPy's values are wrong, the derivatives need not be."""
    exact = mpmath.airyai if k < 2 else mpmath.airybi
    for z in (complex(-2.0, 0.0), complex(-2.0, -0.0)):
        first = opad.jacobian(lambda z: scipy.special.airy(z)[k])
        expected = [float(exact(-2, derivative=k % 2 + order)) for order in (1, 2)]
        np.testing.assert_allclose(first(z), expected[0], rtol=1e-12)
        np.testing.assert_allclose(opad.jacobian(first)(z), expected[1], rtol=1e-12)


def test_complex_absolute_value_at_zero():
    assert opad.grad(np.abs)(0j) == 0
    assert opad.hvp(np.abs, (0j,), (1 + 1j,)) == (0j,)


@pytest.mark.parametrize("x", [[1e-200, 1e-200, 3.0], [1e200, 1e200, 1e-300], [1e-160, 1e-160, 2.0]])
def test_products_beyond_the_range_of_numbers(x):
    """Partial products that underflow or overflow do not spoil the derivative."""
    others = [float(mpmath.mpf(x[1]) * x[2]), float(mpmath.mpf(x[0]) * x[2]), float(mpmath.mpf(x[0]) * x[1])]
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(opad.grad(np.prod)(np.array(x)), others, rtol=1e-15)
        np.testing.assert_allclose(opad.grad(lambda x: np.cumprod(x)[-1])(np.array(x)), others, rtol=1e-15)
