"""Assignment to traced arrays: programs as NumPy runs them, memory, nested derivatives."""

import tracemalloc

import numpy as np
import pytest
import scipy.fft
from scipy.optimize import rosen, rosen_der, rosen_hess
from scipy.special import gammaln, psi

import opad
from opad.testing import check_derivative
from opad.tracing import assignment, inplace
from opad.tracing.array import TracedArray

X = np.array([0.7, -1.2, 1.9, 0.4])


def loop(x):
    z = np.zeros_like(x)
    for i in range(len(x)):
        z[i] = x[i] ** 2 + (z[i - 1] if i else 0)
    return z


def parts(x):
    z = np.ones_like(x, shape=(2, 4))
    other_name = z
    z[0] = x
    z[:, 1:3] += np.outer(x[:2], x[2:])
    z[1, x > 0.5] *= 3.0
    other_name[-1, [0, 3]] = x[0] * x[1]
    z[...] = z * z
    return z


def columns(x):
    h = np.zeros_like(x, shape=(3, 4))
    for k in range(3):
        h[k, :] = np.sin((k + 1) * x)
    h[:, 0] = 2.0
    h[1:, 1:] = h[:-1, 1:] * x[1:]
    return h


@pytest.mark.parametrize("f", [loop, parts, columns])
def test_programs_that_assign(f):
    np.testing.assert_array_equal(opad.linearize(f, X).value, f(X))
    check_derivative(f, X, raise_on_failure=True)
    np.testing.assert_allclose(opad.jacobian(f, order="forward")(X), opad.jacobian(f, order="reverse")(X), rtol=1e-12)


def test_values_read_before_a_change_keep_their_derivative():
    def f(x):
        z = np.zeros_like(x)
        z[:] = x
        before = z * z
        z[0] = 5.0
        return np.sum(before) + np.sum(z)

    np.testing.assert_allclose(opad.grad(f)(X), 2 * X + [0, 1, 1, 1])


def test_the_callers_array_stays_as_it_is():
    def f(x):
        x[0] = 3.0
        return np.sum(x * x)

    x = X.copy()
    np.testing.assert_allclose(opad.grad(f)(x), [0, *2 * X[1:]])
    np.testing.assert_array_equal(x, X)


def test_astype_and_flatten_make_copies():
    def f(x):
        y, z = x.astype(float), x.flatten()
        y[0] = 0.0
        z[1] = 0.0
        return np.sum(x + y + z)

    np.testing.assert_array_equal(opad.grad(f)(X), [2, 2, 3, 3])


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_ten_thousand_assignments_in_little_memory(mode):
    n = 10_000

    def f(x):
        z = np.zeros_like(x, shape=(n,))
        z[0] = x[0]
        for i in range(1, n):
            z[i] = 0.5 * z[i - 1] + x[1]
        return np.sum(z)

    tracemalloc.start()
    try:
        found = opad.grad(f)(X) if mode == "reverse" else opad.jvp(f, (X,), (np.array([1.0, 1.0, 0, 0]),))[1]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    expected = np.array([2.0, 2 * (n - 1) - 2 + 2.0 ** (2 - n), 0, 0])
    np.testing.assert_allclose(found, expected if mode == "reverse" else expected.sum())
    assert peak < 50e6


def test_rosen_and_residuals_run_unmodified():
    np.testing.assert_allclose(opad.grad(rosen)(X), rosen_der(X))
    np.testing.assert_allclose(opad.hessian(rosen)(X), rosen_hess(X))
    residual = lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])  # noqa: E731
    np.testing.assert_allclose(opad.jacobian(residual)(X[:2]), [[-20 * X[0], 10], [-1, 0]])


def test_special_functions_and_transforms_run_unmodified():
    def evidence(x):
        return np.sum(gammaln(x + 1) * scipy.fft.dct(np.log(x), norm="ortho"))

    x = np.array([0.5, 1.5, 4.0])
    C = scipy.fft.dct(np.eye(3), norm="ortho", axis=0)
    expected = psi(x + 1) * (C @ np.log(x)) + (C.T @ gammaln(x + 1)) / x
    np.testing.assert_allclose(opad.grad(evidence)(x), expected, rtol=1e-13)


def test_reference_counts_are_calibrated():
    """On this Python it is known when memory belongs to one traced array alone, and when y += x writes back."""
    assert assignment._ALONE > 0 and inplace.TEMPORARY > 0
    array = TracedArray(np.empty(3), None, 0)
    assert assignment._holders(array) == assignment._ALONE
    alias = array.value
    assert assignment._holders(array) == assignment._ALONE + 1 and alias is array.value


@pytest.mark.parametrize("shape", [(), (1,), (2, 2)])
def test_a_copy_is_assigned_to_alone(shape):
    """np.piecewise of a 0-d array is one, where the trace has a number."""

    def f(x):
        y = np.piecewise(x, [x > 0.1], [np.sin, lambda t: t * 2])
        z = y.copy()
        z[...] = 5 * x
        return y, z

    x = np.full(shape, 1.5)
    for found, expected in zip(opad.jvp(f, (x,), (x,))[0], f(x), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_arrays_of_traced_numbers_are_assigned():
    def f(x):
        z = np.zeros_like(x, shape=(2, 2))
        z[:] = np.array([[x[0], 1.0], [x[1] * x[2], x[3]]])
        z[0] += np.array([x[1], x[2]])
        return z

    x = np.arange(2.0, 6.0)
    J = [[[1, 1, 0, 0], [0, 0, 1, 0]], [[0, x[2], x[1], 0], [0, 0, 0, 1]]]
    np.testing.assert_array_equal(opad.jacobian(f)(x), J)
