"""Differentials of the pseudoinverse and of least squares, along changes of the matrix that keep its rank."""

import numpy as np

from opad.operators.algebra import Operator
from opad.operators.elementwise import conjugate
from opad.operators.products import adjoint_matrix
from opad.operators.spectral import diagonal, mirror, present_parts, real_part, times, times_right


class PseudoinverseDifferential(Operator):
    """A -> Y = A^+, along changes of A that keep its rank.

    Forward:  dY = -Y dA Y + Y Y^H dA^H (I - A Y) + (I - Y A) dA^H Y^H Y
    Adjoint:  A~ = -Y^H W Y^H + (I - A Y) W^H Y Y^H + Y^H Y W^H (I - Y A)

    Parameters
    ----------
    A : (*stack, m, n) array
    Y : (*stack, n, m) array, its pseudoinverse

    References
    ----------
    G. H. Golub, V. Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose
    variables separate, SIAM J. Numer. Anal. 10, 1973.
    """

    clinear = property(lambda self: self.A.dtype.kind != "c")

    def __init__(self, A, Y):
        self.A = A
        self.Y = Y
        self.dims = A.shape
        self.dimsd = Y.shape

    def apply(self, X):
        A, Y = self.A, self.Y
        Yh, Xh = adjoint_matrix(Y), mirror(X, Y)
        left, right = times(Y, times(Yh, Xh)), times_right(times_right(Xh, Yh), Y)
        bent = times(Y, times_right(X, Y))
        return left - times_right(times_right(left, A), Y) + right - times(Y, times(A, right)) - bent

    def apply_adjoint(self, W):
        A, Y = self.A, self.Y
        Yh, Wh = adjoint_matrix(Y), mirror(W, Y)
        left, right = times_right(times_right(Wh, Y), Yh), times(Yh, times(Y, Wh))
        bent = times(Yh, times_right(W, Yh))
        return left - times(A, times(Y, left)) + right - times_right(times_right(right, Y), A) - bent


class LeastSquaresInRightHandSide(Operator):
    """B -> (X, residuals, rank, s): X is the solution of least norm of A X = B, by least squares.

    With Y = A^+ and R = B - A X:

    Forward:  dX = Y dB, d residuals = 2 Re diag(R^H dB)          Adjoint:  B~ = Y^H X~ + 2 R diag(residuals~)

    Parameters
    ----------
    A : (m, n) array
    B : (m, k) array
    X, residuals, rank, s : arrays of shape (n, k), (k,) or (0,), () and (min(m, n),)
    Y : (n, m) array, the pseudoinverse of A
    """

    clinear = property(lambda self: self.A.dtype.kind != "c")

    def __init__(self, A, B, parts, Y):
        self.A = A
        self.X = parts[0]
        self.R = B - times(A, parts[0])
        self.Y = Y
        self.dims = B.shape
        self.dimsd = tuple([part.shape for part in parts])

    def apply(self, E):
        return times(self.Y, E), self._residuals(E), *self._zeros(E, 2, 3)

    def apply_adjoint(self, Z):
        parts = present_parts(Z)
        E = times(adjoint_matrix(self.Y), parts[0]) if 0 in parts else self._zero_matrix(parts)
        return E + self._residuals_adjoint(parts[1]) if 1 in parts else E

    def _residuals(self, F):
        """2 Re diag(R^H F); nothing, if the rank is not full."""
        if self.dimsd[1] == (0,):
            return self._zeros(F, 1)[0]
        return 2 * real_part(np.sum(conjugate(self.R) * F, axis=-2), self.R)

    def _residuals_adjoint(self, Z):
        if self.dimsd[1] == (0,):
            return self._zero_matrix({1: Z})
        return 2 * self.R * real_part(Z, self.R)[..., None, :]

    def _zero_matrix(self, parts):
        """Zeros of the shape of B, with the batch axes of the parts."""
        k, part = next(iter(parts.items()))
        return np.zeros_like(self.R, shape=part.shape[: part.ndim - len(self.dimsd[k])] + self.R.shape)

    def _zeros(self, E, *positions):
        batch = E.shape[: E.ndim - 2]
        return [np.zeros_like(real_part(E, self.A), shape=batch + self.dimsd[k]) for k in positions]


class LeastSquaresInMatrix(LeastSquaresInRightHandSide):
    """A -> (X, residuals, rank, s): X is the solution of least norm of A X = B, by least squares.

    With Y = A^+, R = B - A X and U diag(s) V^H the thin singular value decomposition of A:

    Forward:  dX = Y (Y^H dA^H R - dA X) + (I - Y A) dA^H Y^H X, d residuals = -2 Re diag(R^H dA X),
    ds = Re diag(U^H dA V)          Adjoint:  A~ = R (Y Y^H X~)^H - Y^H X~ X^H + Y^H X ((I - Y A) X~)^H
    - 2 R diag(residuals~) X^H + U diag(s~) V^H

    References
    ----------
    G. H. Golub, V. Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose
    variables separate, SIAM J. Numer. Anal. 10, 1973.
    """

    def __init__(self, A, B, parts, Y):
        super().__init__(A, B, parts, Y)
        self.dims = A.shape

    def apply(self, E):
        A, X, Y, Eh = self.A, self.X, self.Y, mirror(E, self.A)
        F, G = times_right(E, X), times_right(Eh, times(adjoint_matrix(Y), X))
        dX = times(Y, times(adjoint_matrix(Y), times_right(Eh, self.R)) - F) + G - times(Y, times(A, G))
        U, _, Vh = np.linalg.svd(A, full_matrices=False)
        ds = real_part(diagonal(times(adjoint_matrix(U), times_right(E, adjoint_matrix(Vh)))), A)
        return dX, -self._residuals(F), *self._zeros(E, 2), ds

    def apply_adjoint(self, Z):
        A, X, Y, parts, E = self.A, self.X, self.Y, present_parts(Z), 0
        Yh, Xh = adjoint_matrix(Y), adjoint_matrix(X)
        if 0 in parts:
            W = times(Yh, parts[0])
            rest = parts[0] - times(adjoint_matrix(A), W)  # (I - Y A) is Hermitian
            E = times(self.R, mirror(times(Y, W), A)) - times_right(W, Xh) + times(times(Yh, X), mirror(rest, A))
        if 1 in parts:
            E = E - times_right(self._residuals_adjoint(parts[1]), Xh)
        if 3 in parts:
            U, _, Vh = np.linalg.svd(A, full_matrices=False)
            E = E + times_right(U * real_part(parts[3], A)[..., None, :], Vh)
        return E
