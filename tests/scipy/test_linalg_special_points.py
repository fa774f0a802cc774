"""scipy.linalg where spectra repeat, matrices cannot be diagonalised, are singular, or lie on a branch cut."""

import mpmath
import numpy as np
import pytest
import scipy.linalg

import opad
import opad.scipy.linalg as sl
from opad.errors import DegenerateSpectrumError, MissingRuleError, SingularBlockError, UnsupportedArgumentError
from tests.modes import in_every_mode

MATRICES = {
    "multiple of I": 2.0 * np.eye(3),
    "Jordan block": np.array([[2.0, 1, 0], [0, 2, 1], [0, 0, 2]]),
    "repeated, diagonalisable": np.diag([2.0, 2.0, 0.5]),
    "close": np.diag([2.0, 2.0 + 1e-9, 0.5]) + np.triu(np.ones((3, 3)), 1),
}
over_matrices = pytest.mark.parametrize("A", MATRICES.values(), ids=MATRICES)
EYE = np.eye(3)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(30)
LOGARITHMS = np.linspace(-50.0, 60.0, 1501)  # for the trapezoidal rule, which converges exponentially here


def exp_derivative(A, E):
    """The integral of exp(sA) E exp((1 - s)A) over 0 < s < 1."""
    s = (NODES[:, None, None] + 1) / 2
    return np.sum(WEIGHTS[:, None, None] / 2 * (scipy.linalg.expm(s * A) @ E @ scipy.linalg.expm((1 - s) * A)), axis=0)


def resolvent_integral(A, E, p):
    """The integral of t^p (A + tI)^-1 E (A + tI)^-1 over t > 0, with t = exp(u)."""
    t = np.exp(LOGARITHMS)[:, None, None]
    R = np.linalg.inv(A + t * EYE)
    return (LOGARITHMS[1] - LOGARITHMS[0]) * np.sum(t ** (p + 1) * (R @ E @ R), axis=0)


def log_derivative(A, E):
    return resolvent_integral(A, E, 0)


def power_derivative(A, E, p=0.3):
    return np.sin(np.pi * p) / np.pi * resolvent_integral(A, E, p)


# Higham, Functions of Matrices, 2008: (10.15), (11.10) and chapter 7
INTEGRALS = [
    (sl.expm, exp_derivative),
    (sl.logm, log_derivative),
    (lambda A: sl.fractional_matrix_power(A, 0.3), power_derivative),
    (sl.sqrtm, lambda A, E: power_derivative(A, E, 0.5)),
]


@over_matrices
@pytest.mark.parametrize("function, derivative", INTEGRALS, ids=["exp", "log", "power", "sqrt"])
def test_functions_of_matrices_by_their_integrals(function, derivative, A, rng):
    E, W = rng.standard_normal((2, 3, 3))
    tangent = opad.jvp(function, (A,), (E,))[1]
    np.testing.assert_allclose(tangent, derivative(A, E), rtol=1e-9, atol=1e-11)
    (gradient,) = opad.vjp(function, A)[1](W)
    np.testing.assert_allclose(gradient, derivative(A.T, W), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("size", [1e-12, 1e9])
def test_the_size_of_a_direction_costs_no_digits(size, rng):
    A, E = MATRICES["Jordan block"], rng.standard_normal((3, 3))
    for function in (sl.logm, sl.expm, lambda A: sl.fractional_matrix_power(A, 0.3)):
        L = opad.jvp(function, (A,), (E,))[1]
        np.testing.assert_allclose(opad.jvp(function, (A,), (size * E,))[1], size * L, rtol=1e-10)
    f = opad.hvp(lambda A: np.sum(sl.expm(A) ** 2), (A,), (E,))[0]
    np.testing.assert_allclose(opad.hvp(lambda A: np.sum(sl.expm(A) ** 2), (A,), (size * E,))[0], size * f, rtol=1e-10)


def test_third_derivatives_of_expm_at_zero():
    """exp(tE) = I + tE + t^2 E^2 / 2 + t^3 E^3 / 6."""
    E = np.array([[0.3, 1.0], [0.2, -0.4]])

    def derivative(t, order):
        if order == 0:
            return sl.expm(t * E)
        return opad.jvp(lambda t: derivative(t, order - 1), (t,), (1.0,))[1]

    for order in range(4):
        np.testing.assert_allclose(derivative(0.0, order), np.linalg.matrix_power(E, order), atol=1e-12)


def test_logarithm_on_its_branch_cut(rng):
    """A real matrix with simple negative eigenvalues: log is smooth along real directions, and complex."""
    V = rng.standard_normal((3, 3)) + 3 * EYE
    A = V @ np.diag([-1.0, 2.0, -3.0]) @ np.linalg.inv(V)
    E, W = rng.standard_normal((3, 3)), rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    value, tangent = opad.jvp(sl.logm, (A,), (E,))
    assert value.dtype.kind == tangent.dtype.kind == "c"
    h = 1e-5
    np.testing.assert_allclose(
        tangent, (scipy.linalg.logm(A + h * E) - scipy.linalg.logm(A - h * E)) / (2 * h), atol=1e-8
    )
    (gradient,) = opad.vjp(sl.logm, A)[1](W)
    assert gradient.dtype == float
    np.testing.assert_allclose(np.sum(gradient * E), np.vdot(W, tangent).real, rtol=1e-10)


@pytest.mark.parametrize("corner", [0.0, 2.0**-53])
def test_lu_of_matrices_whose_last_pivot_is_zero(corner, rng):
    """L and U are rational functions of A; at fixed pivots u_nn does not occur in their denominators."""
    A = np.array([[4.0, 2.0, 6.0], [1.0, 2.0, 3.0], [2.0, 5.0, 7.0 + corner]])  # no rows change places below the first
    E, weights = rng.standard_normal((3, 3)), rng.standard_normal((2, 3, 3))
    p = scipy.linalg.lu(A, p_indices=True)[0]
    assert abs(scipy.linalg.lu(A)[2][2, 2]) < 1e-15

    def in_multiple_precision(t):
        moved = mpmath.matrix(A)[:, :] + t * mpmath.matrix(E)
        U = mpmath.matrix([[moved[int(i), j] for j in range(3)] for i in np.argsort(p)])
        L = mpmath.eye(3)
        for k in range(2):
            for i in range(k + 1, 3):
                L[i, k] = U[i, k] / U[k, k]
                U[i, :] = U[i, :] - L[i, k] * U[k, :]
        return sum(mpmath.fdot(W.flat, X) for W, X in zip(weights, (L, U), strict=True))

    def loss(A):
        _, L, U = sl.lu(A)
        return np.sum(weights[0] * L) + np.sum(weights[1] * U)

    for order in (1, 2, 3):
        with mpmath.workdps(40):
            expected = float(mpmath.diff(in_multiple_precision, 0, order))
        np.testing.assert_allclose(in_every_mode(loss, A, E, order), expected, rtol=1e-9)
    with pytest.raises(SingularBlockError, match=r"scipy\.linalg\.lu.*dependent"):
        opad.grad(lambda A: np.sum(sl.lu(A)[1]))(np.vstack([A, A]))


def test_polar_factors_of_the_identity():
    """At U = P = I: dU is the skew part, dP the symmetric part."""
    E = np.arange(9.0).reshape(3, 3) ** 2
    for side in ("left", "right"):
        (U, P), (dU, dP) = opad.jvp(lambda A, s=side: sl.polar(A, side=s), (EYE,), (E,))
        np.testing.assert_allclose([U, P], [EYE, EYE], atol=1e-15)
        np.testing.assert_allclose(dU, (E - E.T) / 2, atol=1e-13)
        np.testing.assert_allclose(dP, (E + E.T) / 2, atol=1e-13)
    np.testing.assert_allclose(opad.grad(lambda A: np.trace(sl.polar(A)[0]))(EYE), 0 * EYE, atol=1e-14)


def test_generalised_eigenvalues_that_repeat():
    """A = 2 B: every eigenvalue is 2, and their sum is trace B^-1 A."""
    B = np.array([[4.0, 1, 0], [1, 3, 1], [0, 1, 2]])
    of_A, of_B = opad.grad(lambda A, B: np.sum(sl.eigvalsh(A, B)), argnums=(0, 1))(2 * B, B)
    np.testing.assert_allclose(of_A, np.linalg.inv(B), rtol=1e-12)
    np.testing.assert_allclose(of_B, -2 * np.linalg.inv(B), rtol=1e-12)
    with pytest.raises(DegenerateSpectrumError):
        opad.grad(lambda A: np.sum(sl.eigh(A, B)[1]))(2 * B)


def test_lu_with_a_singular_last_pivot_and_at_a_tie():
    """The last pivot is not divided by in the factors L; pivots of a tie are those that SciPy takes."""
    A = np.array([[1.0, 2.0], [1.0, 3.0]])
    J = opad.jacobian(lambda A: sl.lu(A, permute_l=True)[1])(A)
    h, numeric = 1e-7, np.zeros((2, 2, 2, 2))
    for i, j in [(0, 0), (0, 1), (1, 1)]:  # (1, 0) would change the pivot
        E = np.zeros((2, 2))
        E[i, j] = h
        numeric[:, :, i, j] = (scipy.linalg.lu(A + E, permute_l=True)[1] - scipy.linalg.lu(A, permute_l=True)[1]) / h
        np.testing.assert_allclose(J[:, :, i, j], numeric[:, :, i, j], atol=1e-6)


@pytest.mark.parametrize("n", [3, 12])
def test_complex_right_hand_sides_of_real_equations(n, rng):
    """Real coefficients with complex eigenvalues, of which SciPy's own solutions with complex Q are wrong."""
    A, B = rng.standard_normal((2, n, n)) / n + 2 * np.eye(n)
    Q = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
    X = opad.linearize(lambda Q: sl.solve_sylvester(A, B, Q), Q).value
    np.testing.assert_allclose(A @ X + X @ B, Q, atol=1e-12)
    X = opad.linearize(lambda A: sl.solve_continuous_lyapunov(A, Q), A).value
    np.testing.assert_allclose(A @ X + X @ A.T, Q, atol=1e-12)
    small = (A - 2 * np.eye(n)) / 2
    for method in ("direct", "bilinear"):
        X, dX = opad.jvp(lambda A, Q, m=method: sl.solve_discrete_lyapunov(A, Q, method=m), (small, Q), (B, 1j * Q))
        np.testing.assert_allclose(X - small @ X @ small.T, Q, atol=1e-12)
        right = 1j * Q + B @ X @ small.T + small @ X @ B.T
        np.testing.assert_allclose(dX - small @ dX @ small.T, right, atol=1e-11)


def test_singular_problems_raise():
    zero = np.zeros((3, 3))
    for f in [
        lambda A: sl.lu(A)[2],
        lambda A: sl.polar(A)[0],
        lambda A: sl.solve_sylvester(A, -A, EYE + 0 * A),
    ]:
        with pytest.raises(SingularBlockError):
            opad.jacobian(f)(zero + np.diag([1.0, 0.0, 0.0]))
    with pytest.raises(np.linalg.LinAlgError):
        opad.grad(lambda A: np.sum(sl.solve_triangular(A, np.ones(3))))(zero)
    with pytest.raises(np.linalg.LinAlgError):
        opad.grad(lambda c: np.sum(sl.solve_circulant(c, np.ones(3))))(np.ones(3))
    with pytest.raises(ValueError, match="infs or NaNs"):
        opad.grad(lambda A: np.sum(sl.inv(A)))(zero / np.float64(np.inf) * np.nan)


def test_determinant_of_a_singular_matrix(rng):
    A = np.diag([1.0, 2.0, 0.0])
    np.testing.assert_allclose(opad.grad(sl.det)(A), np.diag([0.0, 0.0, 2.0]), atol=1e-15)


REFUSED = {
    "null_space": (lambda A: sl.null_space(A), "projector"),
    "orth": (lambda A: sl.orth(A), "projector"),
    "schur": (lambda A: sl.schur(A)[0], "not unique"),
    "no mirror at all": (lambda A: sl.matrix_balance(A)[0], "opad.coverage"),
    "eig left": (lambda A: sl.eig(A, left=True)[0], "left"),
    "eigh subset": (lambda A: sl.eigh(A, subset_by_value=[0, 1])[0], "subset_by_value"),
    "eigh type": (lambda A: sl.eigh(A, A, type=2)[0], "type=1"),
    "svd full": (lambda A: sl.svd(A[:2])[0], "full_matrices"),
    "qr full": (lambda A: sl.qr(A[:, :2])[0], "economic"),
    "qr raw": (lambda A: sl.qr(A, mode="raw")[1], "economic"),
    "solve banded": (lambda A: sl.solve(A, A, assume_a="banded"), "solve_banded"),
    "inv structure": (lambda A: sl.inv(A, assume_a="pos"), "assume_a"),
    "lstsq driver": (lambda A: sl.lstsq(A, A, lapack_driver="gelsy")[0], "lapack_driver"),
    "toeplitz of a matrix": (lambda A: sl.toeplitz(A), "at most 1 axes"),
    "circulant axes": (lambda A: sl.solve_circulant(A[0], A, baxis=1), "baxis"),
    "Riccati with e": (lambda A: sl.solve_continuous_are(A, A, A, A, e=A), "e"),
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in REFUSED if n != "inv structure" or "assume_a" in str(sl.inv.signature)])
def test_refused_by_name(name):
    call, message = REFUSED[name]
    with pytest.raises((MissingRuleError, UnsupportedArgumentError), match=message) as caught:
        opad.vjp(call, 3 * EYE + np.diag([0.1, 0.2], 1))
    assert "scipy.linalg" in str(caught.value)


STACKS = {
    "solve": (sl.solve, 2),
    "solve pos": (lambda a, b: sl.solve(a, b, assume_a="pos"), 2),
    "solve diagonal": (lambda a, b: sl.solve(a * np.eye(3), b, assume_a="diagonal"), 2),
    "expm_frechet": (lambda a, b: sl.expm_frechet(a / 9, b)[1], 2),
    "eigh of a subset": (lambda a: sl.eigh(a, subset_by_index=[0, 1])[1] ** 2, 1),
    "svd": (lambda a: sl.svd(a)[0] ** 2, 1),
    "polar": (lambda a: sl.polar(a)[1], 1),
    "power": (lambda a: sl.fractional_matrix_power(a, 0.3), 1),
    **{f.__name__: (f, 1) for f in (sl.inv, sl.det, sl.pinv, sl.pinvh, sl.cholesky, sl.svdvals, sl.eigvalsh)},
    **{f.__name__: (lambda a, f=f: f(a / 9), 1) for f in (sl.expm, sl.cosm, sl.tanm, sl.sinhm)},
}


@pytest.mark.parametrize("name", STACKS)
def test_stacks_are_matrices_one_by_one(name, rng):
    f, count = STACKS[name]
    X, E, W = rng.standard_normal((3, 2, 3, 3))
    arguments = (X @ X.mT + np.diag([1.0, 2, 3]), W)[:count]
    tangents = (E + E.mT, X)[:count]
    values = opad.jvp(f, arguments, tangents)
    alone = [opad.jvp(f, [a[k] for a in arguments], [t[k] for t in tangents]) for k in range(2)]
    for together, parts in zip(values, zip(*alone, strict=True), strict=True):
        np.testing.assert_allclose(together, np.stack(parts), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        sl.sqrtm, sl.signm, sl.lu, sl.lu_factor, sl.circulant, sl.block_diag, lambda A: sl.qr(A, mode="economic"),
        lambda A: sl.solve_triangular(A, A), lambda A: sl.lstsq(A, A), lambda A: sl.solve_sylvester(A, A, A),
        lambda A: sl.solve_discrete_lyapunov(A, A), lambda A: sl.solve_banded((1, 1), A, A), lambda A: sl.eigh(A, A),
        lambda A: sl.cho_solve((A, True), A), lambda A: sl.solve_toeplitz((A[0], A[0]), A),
    ],
)  # fmt: skip
def test_other_stacks_are_refused(f):
    with pytest.raises(UnsupportedArgumentError, match=r"scipy\.linalg\..*2, 3, 3"):
        opad.vjp(f, np.stack([EYE, 2 * EYE]))
