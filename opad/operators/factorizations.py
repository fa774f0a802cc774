"""Differentials of determinants, of the Cholesky, QR and LU factorisations, of the polar factor."""

import numpy as np

from opad.errors import SingularBlockError
from opad.operators.algebra import Operator
from opad.operators.dispatch import plain
from opad.operators.elementwise import conjugate
from opad.operators.products import adjoint_matrix
from opad.operators.solve import TriangularSolve
from opad.operators.spectral import (
    diagonal,
    hermitian_part,
    mirror,
    present_parts,
    real_part,
    reciprocal_where,
    rounding_level,
    skew_part,
    times,
    times_identity,
    times_right,
)


class LogDeterminant(Operator):
    """A -> (sign det A, log |det A|); with t = trace(A^-1 dA):

    Forward:  d sign = i sign Im t, d log|det| = Re t          Adjoint:  A~ = (log~ + i Im(conj(sign) sign~)) A^-H

    Parameters
    ----------
    A : (*stack, n, n) array
    sign : (*stack,) array, of modulus one

    Raises
    ------
    opad.errors.SingularBlockError
        At the first product, if A is exactly singular, where log |det| is minus infinity.

    References
    ----------
    M. Giles, Collected matrix derivative results for forward and reverse mode AD, 2008.
    """

    def __init__(self, A, sign):
        self.A = A
        self.sign = sign
        self.dims = A.shape
        self.dimsd = (A.shape[:-2], A.shape[:-2])

    clinear = property(lambda self: self.A.dtype.kind != "c")

    def _inverse(self):
        try:
            return np.linalg.inv(self.A)
        except np.linalg.LinAlgError:
            raise SingularBlockError(
                f"the derivative of log |det A| (numpy.linalg.slogdet) was asked for at a singular matrix of shape "
                f"{self.A.shape}, where it is infinite. Expected an invertible matrix; use det, or A + eps * I."
            ) from None

    def apply(self, X):
        t = np.sum(self._inverse().swapaxes(-1, -2) * X, axis=(-2, -1))
        if self.A.dtype.kind != "c":
            return np.zeros_like(t), t
        return 1j * self.sign * np.imag(t), np.real(t)

    def apply_adjoint(self, Y):
        parts = present_parts(Y)
        c = real_part(parts[1], self.A) if 1 in parts else 0
        if self.A.dtype.kind == "c" and 0 in parts:
            c = c + np.imag(np.conj(self.sign) * parts[0]) * 1j  # 1j * float64 would be a Python number
        elif 1 not in parts:
            c = 0 * parts[0]
        return c[..., None, None] * adjoint_matrix(self._inverse())


def products_without(s, count):
    """prod of s over all indices but i (count 1), or but i and j with zeros where i = j (count 2)."""
    n = s.shape[-1]
    eye = np.eye(n, dtype=bool)
    if count == 1:
        return np.prod(np.where(eye, 1, s[..., None, :]), axis=-1).astype(s.dtype)
    rows = [products_without(np.where(eye[i], 1, s), 1) for i in range(n)]
    return np.stack(rows, axis=-2) * ~eye


class CofactorDifferential(Operator):
    """A -> the cofactors of A, the gradient of the determinant; a polynomial, so that A may be singular.

    With A = U S V^H, c = det(U) det(V^H), C = U^H dA V, P_ij = prod of s_k over k other than i, j (0 for i = j):

    Forward:  dY = c conj(U) (diag(P diag C) - P .* C^T) V^T          Adjoint: the same between the conjugate bases,
    A~ = U (diag(P diag Z) - P .* Z^T) V^H with Z = conj(c) U^T Y~ conj(V)

    Parameters
    ----------
    U, s, Vh : the singular value decomposition of A, (*stack, n, n), (*stack, n), (*stack, n, n)
    """

    def __init__(self, U, s, Vh):
        self.U = U
        self.Vh = Vh
        self.P = products_without(s, 2)
        self.phase = (np.linalg.det(U) * np.linalg.det(Vh))[..., None, None]
        self.dims = self.dimsd = U.shape

    def _inner(self, C):
        return times_identity((self.P @ diagonal(C)[..., None])[..., 0]) - self.P * C.swapaxes(-1, -2)

    def apply(self, X):
        U, Vh = self.U, self.Vh
        C = times(adjoint_matrix(U), times_right(X, adjoint_matrix(Vh)))
        return self.phase * times(conjugate(U), times_right(self._inner(C), conjugate(Vh)))

    def apply_adjoint(self, Y):
        U, Vh = self.U, self.Vh
        Z = times(U.swapaxes(-1, -2), times_right(conjugate(self.phase) * Y, Vh.swapaxes(-1, -2)))
        return times(U, times_right(self._inner(Z), Vh))


def known_zeros(part, X):
    """part(X), of an X that is zero elsewhere: where it is traced, infinite cotangents of the zeros end here."""
    return part(X) if hasattr(X, "tape") else X


class CholeskyDifferential(Operator):
    """A -> L with A = L L^H; Phi(X) is the lower triangle of X with half its diagonal.

    Forward:  dL = L Phi(L^-1 sym(dA) L^-H)          Adjoint:  A~ = sym(L^-H Phi(L^H L~) L^-1)

    Parameters
    ----------
    L : (*stack, n, n) array, lower triangular with positive diagonal

    References
    ----------
    I. Murray, Differentiation of the Cholesky decomposition, arXiv:1602.07527.
    """

    clinear = property(lambda self: self.L.dtype.kind != "c")

    def __init__(self, L):
        self.L = L
        self.dims = self.dimsd = L.shape

    def _phi(self, X):
        ones = np.ones_like(plain(self.L))  # constant in compiled programs, and so are its triangles
        return X * ((np.tril(ones) + np.tril(ones, -1)) * 0.5)

    def apply(self, X):
        L = self.L
        inverse = TriangularSolve(L, cols=L.shape[-1]).apply
        M = inverse(mirror(inverse(hermitian_part(X, L)), L))  # L^-1 sym(dA) L^-H is Hermitian
        return known_zeros(np.tril, times(L, self._phi(M)))

    def apply_adjoint(self, Y):
        L = self.L
        inverse = TriangularSolve(L, cols=L.shape[-1]).apply_adjoint
        M = inverse(mirror(inverse(self._phi(times(adjoint_matrix(L), np.tril(Y)))), L))
        return hermitian_part(M, L)


def has_dependent_columns(R, rows):
    """Whether a triangular factor of A, or of a stack, belongs to columns that depend on those before, to rounding.

    |r_jj| is compared with column j and with the multiples of the columns before it that make it up.
    """
    if np.any(np.diagonal(R, axis1=-2, axis2=-1) == 0):
        return True
    norms = np.linalg.norm(R, axis=-2, keepdims=True)
    return bool(np.any(10 * rows * np.finfo(R.dtype).eps * (norms @ np.abs(np.linalg.inv(R))) > 1))


def last_column_of_identity(R):
    """Square R with the last column of I for its own."""
    identity = times_identity(np.ones_like(diagonal(plain(R))))
    return np.concatenate([R[..., :-1], identity[..., -1:]], axis=-1)


def independent_columns(A):
    """How many columns of a square or tall A must be independent for its factors Q, R to be differentiable.

    Of a square real A the last one may depend on the others: they fix the last column of Q, up to its sign.
    """
    m, n = A.shape[-2:]
    return n - 1 if m == n and A.dtype.kind != "c" else n


class QRDifferential(Operator):
    """A -> (Q, R), the reduced factorisation A = Q R of a square or tall A with `independent_columns`.

    With M = Q^H dA, X = M R^-1 and Omega = stril(X) - stril(X)^H + i Im diag(X), so that M - Omega R is triangular with
    a real diagonal:

    Forward:  dQ = Q (Omega - X) + dA R^-1, dR = M - Omega R          Adjoint, with N = Q^H Q~ - R~ R^H:
    A~ = Q R~ + (Q~ + Q (stril(N - N^H) + i Im diag(N) - Q^H Q~)) R^-H

    Of a square A, dA R^-1 = Q X, and column j of stril(X) takes columns 1 … j of R alone: if A is real, nothing takes
    the last column of R^-1, and R has that of I there.

    Parameters
    ----------
    Q : (*stack, m, n) array
    R : (*stack, n, n) array

    References
    ----------
    M. Seeger et al., Auto-differentiating linear algebra, arXiv:1710.08717.
    S. F. Walter, L. Lehmann, Algorithmic differentiation of linear algebra functions, arXiv:1001.1654.
    """

    clinear = property(lambda self: self.Q.dtype.kind != "c")

    def __init__(self, Q, R):
        self.Q = Q
        self.R = R
        self.dims = Q.shape
        self.dimsd = (Q.shape, R.shape)

    def _times_inverse(self, X, adjoint):
        """X R^-1 or X R^-H."""
        R = self.R
        if independent_columns(self.Q) < R.shape[-1]:
            R = last_column_of_identity(R)
        solve = TriangularSolve(R, lower=False, cols=X.shape[-2])
        return adjoint_matrix((solve.apply if adjoint else solve.apply_adjoint)(adjoint_matrix(X)))

    def _phases(self, X):
        """i Im diag(X)."""
        return times_identity(1j * np.imag(diagonal(X))) if self.Q.dtype.kind == "c" else 0

    def apply(self, X):
        Q, R = self.Q, self.R
        M, Z = times(adjoint_matrix(Q), X), self._times_inverse(X, adjoint=False)
        X = times(adjoint_matrix(Q), Z)
        lower = np.tril(X, -1)
        omega = lower - mirror(lower, Q) + self._phases(X)
        return times(Q, omega - X) + Z, known_zeros(np.triu, M - times_right(omega, R))

    def apply_adjoint(self, Y):
        Q, R, parts = self.Q, self.R, present_parts(Y)
        P = times(adjoint_matrix(Q), parts[0]) if 0 in parts else 0
        M = np.triu(parts[1]) if 1 in parts else 0
        N = P - times_right(M, adjoint_matrix(R)) if 1 in parts else P
        X = times(Q, np.tril(N - mirror(N, Q), -1) + self._phases(N) - P)
        X = self._times_inverse(parts[0] + X if 0 in parts else X, adjoint=True)
        return X + times(Q, M) if 1 in parts else X


class PolarDifferential(Operator):
    """A -> U_r V_r^H, the polar factor (of the nonzero singular values); self-adjoint, right at repeated values.

    With C = U^H dA V, H and K its Hermitian and skew part, g_i = 1 (0 where s_i = 0), G-_ij = (g_i - g_j)/(s_i - s_j),
    G+_ij = (g_i + g_j)/(s_i + s_j), quotients 0/0 being 0:

    Forward and adjoint:  U (G- .* H + G+ .* K) V^H + (dA V - U C) (g/s) V^H + U (g/s) (U^H dA - C V^H)

    Parameters
    ----------
    U, s, Vh : the thin singular value decomposition of A

    References
    ----------
    V. Noferini, A formula for the Frechet derivative of a generalized matrix function, SIAM J. Matrix Anal. 38, 2017.
    """

    clinear = property(lambda self: self.U.dtype.kind != "c")

    def __init__(self, U, s, Vh):
        self.U = U
        self.s = s
        self.Vh = Vh
        self.dims = self.dimsd = (*U.shape[:-1], Vh.shape[-1])

    def apply(self, X):
        U, s, Vh = self.U, self.s, self.Vh
        level = rounding_level(s)
        null = plain(s) <= level
        g = np.where(null, 0, 1).astype(s.dtype)
        gaps, sums = s[..., :, None] - s[..., None, :], s[..., :, None] + s[..., None, :]
        minus = (g[..., :, None] - g[..., None, :]) * reciprocal_where(gaps, np.abs(plain(gaps)) <= level[..., None])
        plus = (g[..., :, None] + g[..., None, :]) * reciprocal_where(sums, plain(sums) <= level[..., None])
        XV, UX = times_right(X, adjoint_matrix(Vh)), times(adjoint_matrix(U), X)
        C = times(adjoint_matrix(U), XV)
        over_s = reciprocal_where(s, null)
        inner = times_right(minus * hermitian_part(C, U) + plus * skew_part(C, U), Vh)
        tall = times_right((XV - times(U, C)) * over_s[..., None, :], Vh)
        return times(U, inner + over_s[..., :, None] * (UX - times_right(C, Vh))) + tall

    apply_adjoint = apply


class LUDifferential(Operator):
    """A -> (p, L, U) with A = L[p] U, at fixed pivots p; L_1, U_1 are the leading blocks of order k = min(m, n).

    With M the rows of dA in the order of L, M_1 its leading block, M_2 what is below or to the right of it,
    G = L_1^-1 M_1 and F = stril(G U_1^-1):

    Forward:  dL_1 = L_1 F, dU_1 = triu(G - F U_1); dL_2 = (M_2 - L_2 dU_1) U_1^-1, or dU_2 = L_1^-1 (M_2 - dL_1 U_2)
    Adjoint:  M~_2 = L~_2 U_1^-H with L_2^H M~_2 taken from U~_1, or M~_2 = L_1^-H U~_2 with M~_2 U_2^H taken from L~_1;
    M~_1 = L_1^-H (U~_1 + stril(L_1^H L~_1 - U~_1 U_1^H) U_1^-H)

    F does not depend on the last column of U_1, so that u_kk may be 0 unless A is tall; it is that of I here.

    Parameters
    ----------
    p : (m,) array of int
    L : (m, k) array
    U : (k, n) array

    References
    ----------
    S. F. Walter, L. Lehmann, Algorithmic differentiation of linear algebra functions, arXiv:1001.1654.
    """

    def __init__(self, p, L, U):
        self.p = p
        self.L = L
        self.U = U
        self.dims = (L.shape[0], U.shape[1])
        self.dimsd = (p.shape, L.shape, U.shape)

    def _left(self, X, adjoint=False):
        """L_1^-1 X or L_1^-H X."""
        k = self.U.shape[0]
        solve = TriangularSolve(self.L[:k], cols=X.shape[-1])
        return (solve.apply_adjoint if adjoint else solve.apply)(X)

    def _right(self, X, adjoint=False):
        """X U_1^-1 or X U_1^-H."""
        k = self.U.shape[0]
        U = self.U[:, :k] if self.L.shape[0] > k else last_column_of_identity(self.U[:, :k])
        solve = TriangularSolve(U, lower=False, cols=X.shape[-2])
        return adjoint_matrix((solve.apply if adjoint else solve.apply_adjoint)(adjoint_matrix(X)))

    def apply(self, X):
        L, U, k = self.L, self.U, self.U.shape[0]
        M = X[..., np.argsort(self.p), :]
        G = self._left(M[..., :k, :k])
        F = np.tril(self._right(G), -1)
        dL, dU = times(L[:k], F), np.triu(G - times_right(F, U[:, :k]))
        if L.shape[0] > k:
            dL = np.concatenate([dL, self._right(M[..., k:, :] - times(L[k:], dU))], axis=-2)
        if U.shape[1] > k:
            dU = np.concatenate([dU, self._left(M[..., k:] - times_right(dL, U[:, k:]))], axis=-1)
        dL, dU = known_zeros(lambda dL: np.tril(dL, -1), dL), known_zeros(np.triu, dU)
        return np.zeros_like(X, shape=X.shape[:-2] + self.p.shape), dL, dU

    def apply_adjoint(self, Y):
        L, U, k = self.L, self.U, self.U.shape[0]
        parts = present_parts(Y)
        zero = 0 * (parts[1][..., :1, :1] if 1 in parts else parts[2][..., :1, :1])
        YL = np.tril(parts[1], -1) if 1 in parts else np.zeros_like(L) + zero
        YU = np.triu(parts[2]) if 2 in parts else np.zeros_like(U) + zero
        L1, U1, above, left = YL[..., :k, :], YU[..., :k], None, None
        if L.shape[0] > k:
            above = self._right(YL[..., k:, :], adjoint=True)
            U1 = U1 - times(adjoint_matrix(L[k:]), above)
        if U.shape[1] > k:
            left = self._left(YU[..., k:], adjoint=True)
            L1 = L1 - times_right(left, adjoint_matrix(U[:, k:]))
        U1 = np.triu(U1)
        F = np.tril(times(adjoint_matrix(L[:k]), L1) - times_right(U1, adjoint_matrix(U[:, :k])), -1)
        M = self._left(U1 + self._right(F, adjoint=True), adjoint=True)
        if above is not None:
            M = np.concatenate([M, above], axis=-2)
        if left is not None:
            M = np.concatenate([M, left], axis=-1)
        return M[..., self.p, :]
