"""Rules of numpy.linalg where matrices are singular, spectra repeat, norms have kinks: right numbers, or an error."""

import mpmath
import numpy as np
import pytest

import opad
from opad.errors import DegenerateSpectrumError, SingularBlockError, TracingError, UnsupportedArgumentError
from tests.modes import forward, in_every_mode, reverse

LA = np.linalg


def differences(f, x, E, h=1e-5):
    """The central difference of fourth order of f along E."""
    return (f(x - 2 * h * E) - 8 * f(x - h * E) + 8 * f(x + h * E) - f(x + 2 * h * E)) / (12 * h)


@pytest.mark.parametrize("rank", [3, 2, 1, 0])
def test_det_at_singular_matrices(rank, rng):
    """The determinant is a polynomial: cofactors by minors are the reference at every rank."""
    n = 4
    A = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, n)) if rank else np.zeros((n, n))
    minors = [[np.delete(np.delete(A, i, 0), j, 1) for j in range(n)] for i in range(n)]
    cofactors = np.array([[(-1) ** (i + j) * LA.det(minors[i][j]) for j in range(n)] for i in range(n)])
    np.testing.assert_allclose(opad.grad(LA.det)(A), cofactors, atol=1e-12)
    E = rng.standard_normal((n, n))
    expected = differences(opad.grad(LA.det), A, E, h=1e-2)  # exact but for the fifth power of h
    np.testing.assert_allclose(opad.hvp(LA.det, (A,), (E,))[0], expected, atol=1e-6)


def test_det_at_a_singular_complex_matrix_and_in_a_stack(rng):
    A = rng.standard_normal((2, 3, 3)) + 1j * rng.standard_normal((2, 3, 3))
    A[0, 2] = A[0, 0] + A[0, 1]
    E = rng.standard_normal(A.shape) + 1j * rng.standard_normal(A.shape)
    _, tangent = opad.jvp(LA.det, (A,), (E,))
    np.testing.assert_allclose(tangent, differences(LA.det, A, E, h=1e-2), atol=1e-9)


def test_slogdet_and_inv_at_singular_matrices():
    A = np.zeros((2, 2))
    with pytest.raises(SingularBlockError, match="slogdet"):
        opad.grad(lambda A: LA.slogdet(A)[1])(A)
    with pytest.raises(LA.LinAlgError):
        opad.grad(lambda A: np.sum(LA.inv(A)))(A)


def test_qr_of_a_stack_with_dependent_columns_is_refused():
    A = np.array([[1.293, -1.989, -0.704], [0.219, -0.018, -1.156]])
    A = np.tile(A, (2, 1))[None]
    assert abs(LA.qr(A).R[0, 2, 2]) > np.finfo(float).eps  # so that a bound without the size would not do
    with pytest.raises(SingularBlockError, match="dependent to rounding"):
        opad.grad(lambda A: np.sum(LA.qr(A).R ** 2))(A)


def test_qr_with_dependent_columns_of_other_sizes_is_refused():
    for A in (np.array([[0.11, 9.1]] * 3), np.eye(3)[:, [0, 0, 1]], np.eye(3)[:, [0, 1, 0]] + 0j):
        with pytest.raises(SingularBlockError, match="dependent to rounding"):
            opad.grad(lambda A: np.sum(np.real(LA.qr(A).R)))(A)


def gram_schmidt(A):
    """Q of a 3 x 3 matrix of mpmath, its last column the cross product of the others, and R = Q^T A."""
    a, b = A[:, 0], A[:, 1]
    q = a / mpmath.norm(a)
    p = b - q * (q.T * b)[0]
    p /= mpmath.norm(p)
    Q = mpmath.matrix([[q[i], p[i], q[j] * p[k] - q[k] * p[j]] for i, j, k in [(0, 1, 2), (1, 2, 0), (2, 0, 1)]])
    return Q, Q.T * A


@pytest.mark.parametrize("last", [[2.0, 3.0, 5.0], [0.0, 0.0, 0.0]], ids=["dependent", "zero"])
def test_qr_of_a_square_matrix_whose_last_column_depends_on_the_others(last, rng):
    """The others fix Q up to signs, so that Q and R are smooth, also where r_nn = 0."""
    A = np.array([[1.0, 0.5, last[0]], [-1.0, 2.0, last[1]], [2.0, 1.5, last[2]]])
    E, weights = rng.standard_normal((3, 3)), rng.standard_normal((2, 3, 3))
    exact = np.array(gram_schmidt(mpmath.matrix(A))[0].tolist(), float)
    signs = np.round(np.sum(exact * LA.qr(A).Q, axis=0))

    def loss(A):
        Q, R = LA.qr(A)
        return np.sum(weights[0] * (Q * signs)) + np.sum(weights[1] * (signs[:, None] * R))

    def in_multiple_precision(t):
        factors = gram_schmidt(mpmath.matrix(A) + t * mpmath.matrix(E))
        return sum(mpmath.fdot(W.flat, X) for W, X in zip(weights, factors, strict=True))

    assert abs(LA.qr(A).R[2, 2]) < 1e-14
    for order in (1, 2, 3):
        with mpmath.workdps(40):
            expected = float(mpmath.diff(in_multiple_precision, 0, order))
        np.testing.assert_allclose(in_every_mode(loss, A, E, order), expected, rtol=1e-9)


def test_norms_at_kinks():
    zero = np.zeros(3)
    for order in (None, 1, 3, np.inf):
        np.testing.assert_array_equal(opad.grad(lambda x, p=order: LA.norm(x, p))(zero), zero)
    np.testing.assert_array_equal(opad.hessian(LA.norm)(zero), np.zeros((3, 3)))
    np.testing.assert_array_equal(opad.grad(lambda x: LA.norm(x, np.inf))(np.array([2.0, -2.0, 1.0])), [0.5, -0.5, 0])
    np.testing.assert_array_equal(opad.grad(lambda x: LA.norm(x, 0) * x[0])(np.array([2.0, 0, 1])), [2, 0, 0])
    u, v = np.array([[0.6], [0.8]]), np.array([[1.0, 0.0]])
    np.testing.assert_allclose(opad.grad(lambda A: LA.norm(A, "nuc"))(3 * u @ v), u @ v, atol=1e-14)


def rotated(w, rng):
    Q = LA.qr(rng.standard_normal((len(w), len(w)))).Q
    return (Q * w) @ Q.T, Q


REPEATED = np.array([1.0, 1.0, 1.0, 3.0])


def test_eigenvalues_alone_at_repeats(rng):
    S, _ = rotated(REPEATED, rng)
    np.testing.assert_allclose(opad.grad(lambda S: np.sum(LA.eigvalsh(S) ** 3))(S), 3 * S @ S, atol=1e-12)
    E = rng.standard_normal((4, 4))
    _, tangent = opad.jvp(lambda S: np.sum(LA.eigh(S)[0] ** 3), (S,), (E,))
    np.testing.assert_allclose(tangent, np.sum(3 * S @ S * E), rtol=1e-12)


def test_simple_eigenpair_next_to_repeated_ones(rng):
    """Magnus 1985: dq = (l I - S)^+ dS q, dl = q^T dS q; the other eigenvalues may coincide."""
    S, Q = rotated(REPEATED, rng)
    W, q = rng.standard_normal((4, 4)), Q[:, 3]

    def f(S):
        w, V = LA.eigh(S)
        return np.sum(W * np.outer(V[:, 3], V[:, 3])) + w[3]

    resolvent = LA.pinv(3.0 * np.eye(4) - S)
    half = np.outer(resolvent @ (W + W.T) @ q, q) + np.outer(q, q)
    np.testing.assert_allclose(opad.grad(f)(S), (half + half.T) / 2, atol=1e-10)


def test_projector_on_a_repeated_eigenspace(rng):
    """The orthogonal projector P on the eigenspace is smooth: with l = 1, 3 it is (3 I - S)/2, dP = -P E R - R E P."""
    S, Q = rotated(REPEATED, rng)
    W = rng.standard_normal((4, 4))

    def f(S):
        V = LA.eigh(S)[1][:, :3]
        return np.sum(W * (V @ V.T))

    gradient = opad.grad(f)(S)
    P, R = Q[:, :3] @ Q[:, :3].T, Q[:, 3:] @ Q[:, 3:].T / 2
    symmetric = (W + W.T) / 2
    np.testing.assert_allclose(gradient, -(P @ symmetric @ R + R @ symmetric @ P), atol=1e-12)


@pytest.mark.parametrize("S", [2 * np.eye(3), np.zeros((3, 3)), np.diag([1.0, 1.0, 2.0])], ids=["2I", "0", "112"])
def test_eigenvectors_at_repeats_raise(S):
    W = np.arange(9.0).reshape(3, 3) + 1

    def composed(S):
        w, V = LA.eigh(S)
        return np.sum(W * ((V * w) @ V.T))

    with pytest.raises(DegenerateSpectrumError, match="repeated"):
        opad.grad(composed)(S)
    with pytest.raises(DegenerateSpectrumError, match="repeated"):
        opad.jvp(composed, (S,), (W,))
    with pytest.raises(DegenerateSpectrumError, match="repeated"):
        opad.grad(lambda S: np.sum(W * LA.eigh(S)[1]))(S)
    with pytest.raises(DegenerateSpectrumError, match="repeated"):
        opad.jacobian(composed, order="forward")(S)


def test_commuting_directions_at_repeats_are_fine():
    """Along diagonal directions nothing mixes: V diag(w) V^T has the derivative E."""
    _, tangent = opad.jvp(
        lambda S: (LA.eigh(S)[1] * LA.eigh(S)[0]) @ LA.eigh(S)[1].T, (np.eye(3),), (np.diag([1.0, 2, 3]),)
    )
    np.testing.assert_allclose(tangent, np.diag([1.0, 2, 3]), atol=1e-14)


VECTORS = {
    "eigh": (lambda A: LA.eigh((A + A.T) / 2)[1], np.s_[2:, 2:]),
    "eig": (lambda A: LA.eig(A)[1], np.s_[2:, 2:]),
    "svd, left": (lambda A: LA.svd(A)[0], np.s_[2:, :2]),
    "svd, right": (lambda A: LA.svd(A)[2], np.s_[:2, 2:]),
}


@pytest.mark.parametrize("name", VECTORS)
def test_repeated_vectors_that_another_one_couples_raise(name):
    """C_01 = 0, but C_02 C_21 is not: at A + t E the first two vectors are turned by t C_02 C_21 / (C_11 - C_00)."""
    E = np.array([[1.0, 0.0, 0.7], [0.0, -2.0, 0.4], [0.7, 0.4, 0.3]])
    with pytest.raises(DegenerateSpectrumError, match="repeated"):
        opad.jvp(VECTORS[name][0], (np.diag([1.0, 1.0, 3.0]),), (E,))


@pytest.mark.parametrize("name", VECTORS)
def test_other_vectors_turn_while_repeated_ones_stay(name):
    """A = diag(1, 1, B) along diag(1, -1, E): the first and second tangents are those of B, and zeros."""
    (f, where), B, E = VECTORS[name], np.diag([3.0, 5.0]), np.array([[1.0, 0.4], [0.2, -2.0]])
    A, F = np.eye(4), np.diag([1.0, -1.0, 0.0, 0.0])
    A[2:, 2:], F[2:, 2:] = B, E
    for g, of_block in ((f, f), (forward(f, F), forward(f, E))):
        expected = np.zeros((4, 4))
        expected[where] = forward(of_block, E)(B)
        np.testing.assert_allclose(forward(g, F)(A), expected, atol=1e-14)


def test_complex_matrices_with_one_zero_singular_value(rng):
    """The phase of its vectors is arbitrary, and singular next to it: the other vectors alone are differentiable."""
    Z, E, W = rng.standard_normal((3, 3, 3)) + 1j * rng.standard_normal((3, 3, 3))
    Z[:, 2] = Z[:, 0] * (1 + 1j) - Z[:, 1]

    def composed(Z, rank=3):
        U, s, Vh = LA.svd(Z)
        return np.real(np.sum(np.conj(W) * ((U[:, :rank] * s[:rank]) @ Vh[:rank])))

    def truncated(Z):
        return composed(Z, 2)

    with pytest.raises(DegenerateSpectrumError, match="singular values"):
        opad.grad(composed)(Z)
    expected = differences(truncated, Z, E)
    np.testing.assert_allclose(np.real(np.vdot(opad.grad(truncated)(Z), E)), expected, rtol=1e-8)
    for f in (
        truncated,
        lambda Z: np.sum(LA.svdvals(Z) ** 2),
        lambda Z: opad.hvp(lambda Z: np.real(LA.det(Z)), (Z,), (E,))[0][0, 0].real,
    ):
        with pytest.raises(DegenerateSpectrumError, match="singular values"):
            opad.grad(reverse(f, E))(Z)


def test_polar_factor_at_repeated_singular_values(rng):
    """At an orthogonal matrix Q the polar factor has the derivative Q skew(Q^T E)."""
    Q = LA.qr(rng.standard_normal((3, 3))).Q
    W = rng.standard_normal((3, 3))

    def f(A):
        U, _, Vh = LA.svd(A)
        return np.sum(W * (U @ Vh))

    expected = Q @ (Q.T @ W - W.T @ Q) / 2
    np.testing.assert_allclose(opad.grad(f)(Q), expected, atol=1e-12)
    (product,) = opad.hvp(lambda A: LA.norm(A, "nuc"), (Q,), (W,))
    np.testing.assert_allclose(product, expected, atol=1e-12)


def test_singular_vectors_at_repeats_and_zeros_raise(rng):
    W = rng.standard_normal((3, 3))

    def composed(A):
        U, s, Vh = LA.svd(A)
        return np.sum(W * ((U * s) @ Vh))

    with pytest.raises(DegenerateSpectrumError, match="singular values"):
        opad.grad(composed)(np.eye(3))
    with pytest.raises(DegenerateSpectrumError, match="singular values"):
        opad.jvp(composed, (np.eye(3),), (W,))
    A = np.vstack([np.diag([2.0, 1.0, 0.0]), np.zeros((2, 3))])
    with pytest.raises(DegenerateSpectrumError, match="singular values"):
        opad.grad(lambda A: np.sum(LA.svd(A, full_matrices=False)[0] @ np.arange(9.0).reshape(3, 3)))(A)


def test_polar_factor_at_two_zero_singular_values_raises(rng):
    W = rng.standard_normal((3, 3))

    def f(A):
        U, _, Vh = LA.svd(A)
        return np.sum(W * (U @ Vh))

    with pytest.raises(DegenerateSpectrumError, match="singular values"):
        opad.grad(f)(np.diag([1.0, 0.0, 0.0]))
    with pytest.raises(DegenerateSpectrumError, match="singular values"):
        opad.jvp(f, (np.diag([1.0, 0.0, 0.0]),), (W,))


def test_singular_values_at_repeats_and_zeros():
    A = np.diag([2.0, 2.0, 0.0])
    np.testing.assert_allclose(opad.grad(lambda A: np.sum(LA.svdvals(A) ** 2))(A), 2 * A, atol=1e-14)
    _, tangent = opad.jvp(lambda A: np.sum(LA.svdvals(A) ** 2), (A,), (np.ones((3, 3)),))
    np.testing.assert_allclose(tangent, 8.0)


def test_pinv_keeps_its_rank(rng):
    """Along A (I + t E) B the rank stays 2, and the rule is the derivative."""
    left, E, right = rng.standard_normal((4, 2)), rng.standard_normal((2, 2)), rng.standard_normal((2, 3))
    _, tangent = opad.jvp(LA.pinv, (left @ right,), (left @ E @ right,))
    expected = differences(lambda t: LA.pinv(left @ (np.eye(2) + t * E) @ right), 0.0, 1.0)
    np.testing.assert_allclose(tangent, expected, atol=1e-8)


@pytest.mark.parametrize("rank", [3, 2, 0])
@pytest.mark.parametrize("dtype", [float, complex, np.float32])
def test_lstsq_at_every_rank(rank, dtype, rng):
    """Values are NumPy's own; along A (I + t E) B the rank stays, and the rule is the derivative."""
    left, right, b = (rng.standard_normal(shape).astype(dtype) for shape in ((5, rank), (rank, 3), (5, 2)))
    if dtype is complex:
        left = left * (1 + 0.3j)
    A, E = left @ right, rng.standard_normal((rank, rank))
    results = opad.vjp(LA.lstsq, A, b)[0]
    for found, expected in zip(results, LA.lstsq(A, b), strict=True):
        np.testing.assert_array_equal(found, expected)
    if dtype is np.float32:
        return
    weights = rng.standard_normal((3, 2)), rng.standard_normal(results[1].shape), 0, rng.standard_normal(3)

    def loss(A):
        x, residuals, _, s = LA.lstsq(A, b)
        return np.real(np.sum(weights[0] * x)) + np.sum(weights[1] * residuals) + np.sum(weights[3][:rank] * s[:rank])

    def along(t):
        return loss(left @ (np.eye(rank) + t * E) @ right)

    for found in in_every_mode(along, 0.0, 1.0, 1):
        np.testing.assert_allclose(found, differences(along, 0.0, 1.0, h=1e-3), rtol=1e-8, atol=1e-12)
    second = differences(lambda t: opad.jvp(along, (t,), (1.0,))[1], 0.0, 1.0, h=1e-3)
    np.testing.assert_allclose(in_every_mode(along, 0.0, 1.0, 2), second, rtol=1e-8, atol=1e-12)


def test_phases_and_defective_matrices(rng):
    S = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    S = S + S.conj().T
    for f in (
        lambda S: np.sum(np.imag(LA.eigh(S)[1]) * np.arange(9.0).reshape(3, 3)),
        lambda S: np.sum(np.real(LA.svd(S)[0]) * np.arange(9.0).reshape(3, 3)),
        lambda S: np.sum(np.imag(LA.eig(S)[1]) * np.arange(9.0).reshape(3, 3)),
    ):
        with pytest.raises(DegenerateSpectrumError, match="phase"):
            opad.grad(f)(S)
    with pytest.raises(DegenerateSpectrumError, match="defective"):
        opad.grad(lambda A: np.sum(np.abs(LA.eigvals(A))))(np.array([[2.0, 1.0], [0.0, 2.0]]))


def test_refusals(rng):
    A = rng.standard_normal((4, 3))
    for f in (
        lambda A: LA.svd(A)[0],
        lambda A: LA.svd(A[:3], hermitian=True)[0],
        lambda A: LA.qr(A, mode="complete")[0],
        lambda A: LA.qr(A, mode="raw")[0],
    ):
        with pytest.raises(UnsupportedArgumentError):
            opad.jacobian(f)(A)
    for f in (lambda A: LA.norm(A, 3), lambda A: LA.norm(A[None], 1), lambda A: LA.norm(A[0], "fro")):
        with pytest.raises(ValueError, match=r"[Nn]orm"):
            opad.grad(f)(A)
    with pytest.raises(TracingError):
        opad.grad(lambda A: np.sum(np.array(A)))(A)
    with pytest.raises(LA.LinAlgError):
        opad.grad(lambda A: np.sum(LA.cholesky(A)))(-np.eye(3))


def test_unused_outputs_need_not_be_differentiable():
    def values(S):
        w, V = LA.eigh(S)
        V @ V
        return np.sum(w)

    np.testing.assert_allclose(opad.grad(values)(np.eye(2)), np.eye(2), atol=1e-14)
    assert opad.jvp(values, (np.eye(2),), (np.ones((2, 2)),))[1] == pytest.approx(2.0)
    np.testing.assert_allclose(opad.jacobian(values, order="forward")(np.eye(2)), np.eye(2), atol=1e-14)
