"""How mirrors are called: plain arrays, lists of traced numbers, keywords, compiled programs; and SciPy's functions."""

import numpy as np
import pytest
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse.linalg
import scipy.special
import scipy.stats

import opad
from opad.errors import MissingRuleError, OpadError, TracingError, UnsupportedArgumentError
from opad.scipy import linalg, signal, sparse, special

A = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
X = np.array([0.3, 0.7, 1.2])


def test_on_plain_arrays_they_are_the_functions_themselves():
    np.testing.assert_array_equal(linalg.null_space(A[:2]), scipy.linalg.null_space(A[:2]))
    np.testing.assert_array_equal(
        linalg.solve(A, [1, 2, 3], assume_a="pos"), scipy.linalg.solve(A, [1, 2, 3], assume_a="pos")
    )
    np.testing.assert_array_equal(signal.butter(2, 0.3), scipy.signal.butter(2, 0.3))
    assert linalg.LinAlgError is scipy.linalg.LinAlgError
    assert special.gamma is scipy.special.gamma
    assert linalg.solve_lyapunov is linalg.solve_continuous_lyapunov
    assert scipy.sparse.issparse(sparse.csr_array(A))
    with pytest.raises(AttributeError, match="no_such_function"):
        linalg.no_such_function
    with pytest.raises(AttributeError, match="linalg, signal, sparse or special"):
        opad.scipy.optimize


@pytest.mark.parametrize(
    "f, expected",
    [
        (lambda a: signal.lfilter([1.0], [1.0, -a], np.ones(3))[-1], 2.0),  # 1 + a + a^2
        (lambda a: linalg.det([[a, 1.0], [1.0, a]]), 1.0),
        (lambda a: linalg.det(np.array([[a, 1.0], [1.0, a * a]])), 0.75),  # an object array
        (lambda a: np.sum(linalg.block_diag([[a]], [a * a])), 2.0),
        (lambda a: linalg.solve_toeplitz(([a + 1, 0], [a + 1, 0]), [1, 1]) @ np.ones(2), -2 / 1.5**2),
    ],
)
def test_lists_with_traced_numbers(f, expected):
    np.testing.assert_allclose(opad.grad(f)(0.5), expected)
    np.testing.assert_allclose(opad.jvp(f, (0.5,), (1.0,))[1], expected)


def test_arguments_are_bound_as_scipy_binds_them():
    expected = opad.jacobian(lambda a: linalg.cholesky(a, lower=True))(A)
    np.testing.assert_array_equal(opad.jacobian(lambda a: linalg.cholesky(a, True))(A), expected)
    np.testing.assert_array_equal(opad.jacobian(lambda a: linalg.cholesky(lower=True, a=a))(A), expected)
    with pytest.raises(TypeError, match="lowr"):
        opad.jacobian(lambda a: linalg.cholesky(a, lowr=True))(A)
    with pytest.raises(ValueError, match="infs or NaNs"):
        opad.jacobian(linalg.cholesky)(A * np.nan)


def test_arguments_are_not_overwritten():
    def f(a, b):
        y = linalg.solve(a, b, overwrite_a=True, overwrite_b=True)
        return np.sum(y * b) + np.sum(a * a)

    a, b = np.asfortranarray(A), X.copy()
    for function in (f, opad.compile(f), opad.compile(f), opad.grad(f, argnums=(0, 1))):
        function(a, b) if function is not f else None
        np.testing.assert_array_equal(a, A)
        np.testing.assert_array_equal(b, X)
    compiled = opad.compile(f)
    for _ in range(3):
        np.testing.assert_allclose(compiled(a, b), X @ np.linalg.solve(A, X) + np.sum(A * A))


def test_derivatives_nest_through_mirrors():
    """A derivative inside a function that is differentiated: d/dt of the gradient of x^T exp(tA) x in t."""
    f = lambda t: X @ linalg.expm(t * A / 4) @ X  # noqa: E731
    third = opad.grad(opad.grad(opad.grad(f)))(0.5)
    B = A / 4
    np.testing.assert_allclose(third, X @ B @ B @ B @ scipy.linalg.expm(0.5 * B) @ X, rtol=1e-10)


def test_locally_constant_results():
    for symmetric in (True, False):
        M = A if symmetric else np.triu(A)
        f = lambda a: np.sum(a) if linalg.issymmetric(a) else np.sum(a * a)  # noqa: E731
        np.testing.assert_allclose(opad.grad(f)(M), 1.0 if symmetric else 2 * M)
    assert opad.grad(lambda x: np.sum(x[signal.argrelmax(x)[0]]))(np.array([0.0, 2.0, 1.0])).tolist() == [0, 1, 0]


REAL_FUNCTIONS = {
    "scipy.linalg.expm": lambda x: scipy.linalg.expm(np.outer(x, x)),
    "scipy.linalg.solve": lambda x: scipy.linalg.solve(A, x),
    "scipy.linalg.solve_triangular": lambda x: scipy.linalg.solve_triangular(A, x),
    "scipy.linalg.toeplitz": lambda x: scipy.linalg.toeplitz(x),
    "scipy.linalg.cho_solve": lambda x: scipy.linalg.cho_solve(scipy.linalg.cho_factor(A), x),
    "scipy.signal.lfilter": lambda x: scipy.signal.lfilter([1.0], [1.0, 0.5], x),
    "scipy.signal.fftconvolve": lambda x: scipy.signal.fftconvolve(x, x),
    "scipy.signal.welch": lambda x: scipy.signal.welch(x, nperseg=3)[1],
    "scipy.special.logsumexp": lambda x: scipy.special.logsumexp(np.outer(x, x)),
    "scipy.special.softmax": lambda x: scipy.special.softmax(x),
    "scipy.sparse.linalg.spsolve": lambda x: scipy.sparse.linalg.spsolve(scipy.sparse.csc_array(A), x),
    "scipy.sparse.linalg.cg": lambda x: scipy.sparse.linalg.cg(A, x)[0],
    "scipy.sparse.csr_array": lambda x: scipy.sparse.csr_array((x, [0, 1, 2], [0, 1, 2, 3])) @ X,
}


@pytest.mark.parametrize("name", REAL_FUNCTIONS)
def test_errors_of_scipys_functions_name_the_mirror(name):
    with pytest.raises(TracingError, match=rf"test_calls.*write opad\.{name}") as caught:
        opad.vjp(REAL_FUNCTIONS[name], X)
    assert name in str(caught.value)
    if "sparse" not in name:
        with pytest.raises(TracingError, match=rf"opad\.{name}"):
            opad.compile(REAL_FUNCTIONS[name])(X)


WITHOUT_MIRROR = {
    "scipy.interpolate.CubicSpline": lambda x: scipy.interpolate.CubicSpline(np.arange(3.0), x)(0.5),
    "scipy.ndimage.gaussian_filter": lambda x: scipy.ndimage.gaussian_filter(x, 1.0),
    "scipy.integrate.quad": lambda x: scipy.integrate.quad(lambda t: t * x[0], 0, 1)[0],
    "scipy.integrate.solve_ivp": lambda x: scipy.integrate.solve_ivp(lambda t, y: x * y, (0, 1), X).y,
}


@pytest.mark.parametrize("name", WITHOUT_MIRROR)
def test_errors_of_other_functions_say_what_to_do(name):
    with pytest.raises(TracingError, match=rf"{name} works on plain arrays and has no mirror.*opad\.primitive"):
        opad.vjp(WITHOUT_MIRROR[name], X)


def test_functions_of_scipy_that_work_as_they_are():
    expected = np.array([0.5, 1.0, 0.5])
    np.testing.assert_allclose(opad.grad(lambda x: scipy.integrate.trapezoid(x))(X), expected)
    np.testing.assert_allclose(opad.grad(scipy.optimize.rosen)(X), scipy.optimize.rosen_der(X))
    np.testing.assert_allclose(opad.grad(lambda x: np.sum(scipy.special.jvp(1, x)))(X), scipy.special.jvp(1, X, 2))


def test_refusals_name_function_argument_and_way_out():
    with pytest.raises(UnsupportedArgumentError, match=r"scipy\.signal\.savgol_filter.*window_length=4.*odd"):
        opad.vjp(lambda x: signal.savgol_filter(x, 4, 1), np.ones(9))
    with pytest.raises(UnsupportedArgumentError, match=r"scipy\.signal\.welch.*average='median'"):
        opad.vjp(lambda x: signal.welch(x, nperseg=3, average="median")[1], X)
    with pytest.raises(UnsupportedArgumentError, match=r"scipy\.special\.logsumexp.*complex"):
        opad.vjp(lambda x: special.logsumexp(x), X + 1j)
    with pytest.raises(MissingRuleError, match=r"scipy\.signal\.find_peaks.*argrelmax"):
        opad.vjp(lambda x: signal.find_peaks(x)[0], X)
    with pytest.raises(MissingRuleError, match=r"scipy\.special\.diric.*test_calls"):
        opad.vjp(lambda x: special.diric(x, 3), X)
    with pytest.raises(OpadError, match="argument 0"):
        opad.grad(lambda n: special.spherical_jn(n, 0.5))(1.0)
