"""Functions of matrices by their spectrum: against mpmath, block matrices and closed forms; degenerate spectra."""

import re

import mpmath
import numpy as np
import pytest
import scipy.linalg

import opad
from opad.errors import SingularBlockError
from opad.manifolds import expm, polar_factor, sinkhorn, solve_lyapunov, svfun, symfun, symsqrt
from opad.manifolds.divided import EXP, INVERSE_SQRT, LOG, RECIPROCAL, SQRT, ScalarFunction
from opad.testing import check_derivative, check_operator

MPMATH = {
    EXP: mpmath.exp,
    LOG: mpmath.log,
    SQRT: mpmath.sqrt,
    INVERSE_SQRT: lambda x: 1 / mpmath.sqrt(x),
    RECIPROCAL: lambda x: 1 / x,
    ScalarFunction(lambda x: np.tanh(x) + x**3): lambda x: mpmath.tanh(x) + x**3,
}
GAPS = [0.0, 1e-14, 1e-11, 1e-6, 1e-3, 0.02, 0.06, 0.3, 2.0]


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("f", MPMATH, ids=lambda f: f.__name__)
def test_first_divided_differences(f, gap):
    exact = MPMATH[f]
    with mpmath.workdps(60):
        a, b = 0.7, 0.7 + gap
        A, B = mpmath.mpf(a), mpmath.mpf(b)
        expected = mpmath.diff(exact, A) if A == B else (exact(A) - exact(B)) / (A - B)
    assert f.first(np.array(a), np.array(b)) == pytest.approx(float(expected), rel=2e-13)


@pytest.mark.parametrize("gaps", [(0, 0), (0, 1e-9), (1e-9, 1e-4), (0, 0.5), (1e-3, 2e-3), (0.004, 0.009), (0.2, 1.0)])
@pytest.mark.parametrize("f", MPMATH, ids=lambda f: f.__name__)
def test_second_divided_differences(f, gaps):
    points = [0.7, 0.7 + gaps[0], 0.7 + gaps[1]]
    exact = MPMATH[f]
    with mpmath.workdps(60):  # equal points: mpmath divided differences after a shift by 1e-20
        a, b, c = (mpmath.mpf(p) + k * mpmath.mpf("1e-20") for k, p in enumerate(points))
        first = [(exact(x) - exact(y)) / (x - y) for x, y in ((a, b), (b, c))]
        expected = (first[0] - first[1]) / (a - c)
    result = f.second(*(np.array(p) for p in points))
    assert result == pytest.approx(float(expected), rel=1e-10)


def spectra(rng):
    Q, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    for w in ([0.5, 1.0, 2.0, 3.0], [1.0] * 4, [1.0, 1.0, 2.0, 2.0], [1.0, 1.0 + 1e-11, 2.0, 2.0], [1e-3, 1e-3, 1, 9]):
        A = (Q * np.array(w)) @ Q.T
        yield (A + A.T) / 2
    yield np.eye(4)


@pytest.mark.parametrize("f, reference", [(np.exp, scipy.linalg.expm), (np.log, scipy.linalg.logm), (np.sqrt, None)])
def test_symfun_against_the_block_triangular_identity(f, reference, rng):
    """f([[A, E], [0, A]]) has the derivative in its upper right block, whatever the spectrum (Mathias 1996)."""
    E = rng.standard_normal((4, 4))
    E = E + E.T
    for A in spectra(rng):
        derivative = opad.jvp(lambda A: symfun(A, f), (A,), (E,))[1]
        if reference is None:  # the Sylvester equation of the square root
            root = symfun(A, np.sqrt)
            np.testing.assert_allclose(root @ derivative + derivative @ root, E, rtol=1e-11, atol=1e-11)
            np.testing.assert_allclose(opad.jvp(symsqrt, (A,), (E,))[1], derivative, rtol=1e-10, atol=1e-11)
        else:
            block = reference(np.block([[A, E], [np.zeros((4, 4)), A]]))
            np.testing.assert_allclose(derivative, block[:4, 4:], rtol=1e-9, atol=1e-9)


def test_symfun_to_second_order_at_every_spectrum(rng):
    for A in spectra(rng):
        if np.min(np.linalg.eigvalsh(A)) > 0.1:  # where the step of the check stays among positive matrices
            check_derivative(lambda A: symfun((A + A.T) / 2, np.log), A, step=1e-2).assert_ok()
            check_derivative(lambda A: symsqrt((A + A.T) / 2), A, step=1e-2).assert_ok()


def test_symfun_of_a_stack_and_of_a_user_function(rng):
    A = rng.standard_normal((3, 4, 4))
    A = A @ A.swapaxes(-1, -2)
    np.testing.assert_allclose(symfun(A, lambda w: w**2), A @ A, rtol=1e-12, atol=1e-12)
    g = opad.grad(lambda A: np.sum(symfun(A, lambda w: w**2)))(A)
    np.testing.assert_allclose(g, np.sum(A, -1)[..., None] + np.sum(A, -1)[..., None, :], rtol=1e-11)


@pytest.mark.parametrize("dtype", [float, complex])
def test_polar_factor(dtype, rng):
    for X in (rng.standard_normal((5, 3)), np.eye(5, 3), np.eye(3), 2 * np.linalg.qr(rng.standard_normal((4, 4)))[0]):
        X = X.astype(dtype) * (1 if dtype is float else np.exp(0.3j))
        check_derivative(polar_factor, X, seed=3).assert_ok()


def test_polar_factor_at_orthogonal_matrices_is_the_skew_part(rng):
    Q, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    E = rng.standard_normal((4, 4))
    np.testing.assert_allclose(
        opad.jvp(polar_factor, (Q,), (E,))[1], Q @ (Q.T @ E - E.T @ Q) / 2, rtol=1e-13, atol=1e-14
    )
    with pytest.raises(SingularBlockError, match="full rank"):
        opad.jvp(polar_factor, (np.diag([1.0, 0.0]),), (np.eye(2),))


@pytest.mark.parametrize("shape", [(5, 3), (3, 3), (3, 5)])
def test_svfun_of_a_polynomial(shape, rng):
    """g(s) = s^3 is X X^T X, also at repeated and at zero singular values."""
    m, n = shape
    for X in (rng.standard_normal(shape), np.eye(m, n), np.zeros(shape), np.outer(np.ones(m), np.ones(n))):
        E = rng.standard_normal(shape)
        expected = E @ X.T @ X + X @ E.T @ X + X @ X.T @ E
        np.testing.assert_allclose(
            opad.jvp(lambda X: svfun(X, lambda s: s**3), (X,), (E,))[1], expected, rtol=1e-11, atol=1e-12
        )


def test_svfun_is_the_transposed_pseudoinverse(rng):
    X = rng.standard_normal((5, 3))
    np.testing.assert_allclose(svfun(X, np.reciprocal), np.linalg.pinv(X).T, rtol=1e-11)
    np.testing.assert_allclose(
        opad.jvp(lambda X: svfun(X, np.reciprocal), (X,), (X,))[1], -np.linalg.pinv(X).T, rtol=1e-10
    )
    with pytest.raises(SingularBlockError, match="smallest singular value 0"):
        opad.jvp(lambda X: svfun(X, np.reciprocal), (np.zeros((2, 2)),), (np.eye(2),))


def test_lyapunov_and_expm(rng):
    A = rng.standard_normal((3, 3))
    P, C = A @ A.T + np.eye(3), rng.standard_normal((3, 3))
    np.testing.assert_allclose(solve_lyapunov(P, C), scipy.linalg.solve_sylvester(P, P, C), rtol=1e-11)
    check_derivative(lambda A, C: solve_lyapunov(A @ A.T + np.eye(3), C), A, C).assert_ok()
    check_derivative(expm, A).assert_ok()
    third = opad.jvp(lambda t: opad.jvp(lambda t: opad.jvp(lambda t: expm(t * A), (t,), (1.0,))[1], (t,), (1.0,))[1],
                     (0.5,), (1.0,))[1]  # fmt: skip
    np.testing.assert_allclose(third, A @ A @ A @ scipy.linalg.expm(0.5 * A), rtol=1e-10, atol=1e-10)


def test_sinkhorn(rng):
    A = rng.uniform(0.1, 2, (4, 4))
    X = sinkhorn(A)
    np.testing.assert_allclose([X.sum(0), X.sum(1)], np.ones((2, 4)), rtol=1e-14)
    np.testing.assert_allclose(np.linalg.svd(np.log(X / A) - np.log(X / A)[0])[1][1:], 0, atol=1e-13)  # u_i + v_j
    check_derivative(sinkhorn, A, step=1e-3).assert_ok()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_operators(dtype, rng):
    from opad.manifolds.singular import GeneralizedFunction, PolarDifferential
    from opad.manifolds.spectral import DaleckiiKrein, LyapunovSolve

    A = (rng.standard_normal((4, 4)) + (1j * rng.standard_normal((4, 4)) if np.dtype(dtype).kind == "c" else 0)).astype(
        dtype
    )
    P = A @ np.conj(A.T) + np.eye(4, dtype=dtype)
    U = np.linalg.qr(A)[0]
    for op in (
        DaleckiiKrein(P, SQRT),
        LyapunovSolve(P),
        GeneralizedFunction(A[:, :3], ScalarFunction(np.tanh)),
        PolarDifferential(U[:, :2], P[:2, :2]),
    ):
        tolerance = 1e-3 if np.finfo(dtype).eps > 1e-10 else 1e-10
        report = check_operator(op, dtypes=[dtype], interop=False, tolerance=tolerance)
        failed = [c for c in report.failed if not re.search("PicklingError|AttributeError", c.note)]
        assert not failed, report
