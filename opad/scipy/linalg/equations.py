"""scipy.linalg: matrix equations of Sylvester, Lyapunov and Riccati.

The derivative of each is an equation of the same kind for dX, a diagonal block that solves with the Schur forms of its
coefficients.
"""

import numpy as np
import scipy.linalg

from opad.errors import SingularBlockError
from opad.operators.algebra import Identity, Operator
from opad.operators.products import StackedLeftMultiply, StackedRightMultiply, adjoint_matrix
from opad.operators.spectral import hermitian_part, times, times_right
from opad.operators.spectral import mirror as transposed_like
from opad.scipy.linalg.structured import RealLinear
from opad.scipy.mirrors import mirror
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import operator_rule
from opad.tracing.trace import Row


def each_matrix(function, X):
    """`function` of every matrix of a batch, (*batch, m, n)."""
    if X.ndim == 2:
        return function(X)
    return np.stack([function(x) for x in X.reshape((-1, *X.shape[-2:]))]).reshape(X.shape)


class Sylvester(Operator):
    """X -> A X + X B.

    Forward:  dY = A dX + dX B          Adjoint:  X~ = A^H Y~ + Y~ B^H
    `solve` and `solve_adjoint` share the Schur forms of A and B.

    Parameters
    ----------
    A : (m, m) array
    B : (n, n) array

    dims = dimsd = (m, n).

    References
    ----------
    R. H. Bartels, G. W. Stewart, Solution of the matrix equation AX + XB = C, Comm. ACM 15(9), 1972.
    """

    def __init__(self, A, B):
        self.A = A
        self.B = B
        self.dims = self.dimsd = (A.shape[0], B.shape[0])

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_forms"}

    def apply(self, X):
        return times(self.A, X) + times_right(X, self.B)

    def apply_adjoint(self, Y):
        return times(adjoint_matrix(self.A), Y) + times_right(Y, adjoint_matrix(self.B))

    def solve(self, Y):
        """X with A X + X B = Y."""
        return each_matrix(lambda y: self._solve(y, False), Y)

    def solve_adjoint(self, Y):
        """X with A^H X + X B^H = Y."""
        return each_matrix(lambda y: self._solve(y, True), Y)

    def _solve(self, Y, adjoint):
        A, B = self.A, self.B
        if not all(type(array) is np.ndarray for array in (A, B, Y)):
            return _sylvester(adjoint_matrix(A), adjoint_matrix(B), Y) if adjoint else _sylvester(A, B, Y)
        dtype = np.result_type(A, B, Y, np.float32)
        R, U, S, V = self._schur_forms(dtype)
        trans = "C" if adjoint else "N"
        trsyl = scipy.linalg.get_lapack_funcs("trsyl", dtype=dtype)
        F = np.conj(U.T) @ Y @ V
        X, scale, info = trsyl(R, S, F.astype(dtype), trana=trans, tranb=trans)
        if info:
            raise SingularBlockError(
                f"a Sylvester equation A X + X B = C with matrices of shapes {A.shape} and {B.shape} was to be solved; "
                "expected A and -B to have no eigenvalue in common. Shift one of them: the equation is singular."
            )
        return scale * (U @ X @ np.conj(V.T))

    def _schur_forms(self, dtype):
        forms = self.__dict__.setdefault("_forms", {})
        if dtype not in forms:
            output = "complex" if dtype.kind == "c" else "real"
            pair = [scipy.linalg.schur(matrix.astype(dtype), output) for matrix in (self.A, self.B)]
            forms[dtype] = (*pair[0], *pair[1])
        return forms[dtype]


@UserPrimitive
def _sylvester(a, b, q):
    # Not SciPy's (1.17): its real Schur forms are not triangular, as its solver takes them to be for complex q.
    return Sylvester(a, b).solve(q)


@operator_rule(_sylvester)
def _(y, a, b, q):
    """A dX + dX B = dQ - dA X - X dB."""
    blocks = StackedRightMultiply(-y, a.shape), StackedLeftMultiply(-y, b.shape), Identity(y.shape)
    return Row(Sylvester(a, b), blocks)


@mirror(scipy.linalg.solve_sylvester, scipy.linalg, axes=2)
def solve_sylvester(a, b, q):
    """A X + X B = Q."""
    return _sylvester(a, b, q)


@mirror(scipy.linalg.solve_continuous_lyapunov, scipy.linalg, axes=2)
def solve_continuous_lyapunov(a, q):
    """A X + X A^H = Q."""
    return solve_sylvester(a, adjoint_matrix(a), q)


solve_lyapunov = solve_continuous_lyapunov


class Stein(Operator):
    """X -> X - A X A^H.

    Forward:  dY = dX - A dX A^H          Adjoint:  X~ = Y~ - A^H Y~ A          `solve`: discrete Lyapunov equations

    Parameters
    ----------
    A : (n, n) array
    """

    def __init__(self, A):
        self.A = A
        self.dims = self.dimsd = A.shape

    def apply(self, X):
        return X - times(self.A, times_right(X, adjoint_matrix(self.A)))

    def apply_adjoint(self, Y):
        return Y - times(adjoint_matrix(self.A), times_right(Y, self.A))

    def solve(self, Y):
        """X with X - A X A^H = Y."""
        return each_matrix(lambda y: _stein(self.A, y, None), Y)

    def solve_adjoint(self, Y):
        """X with X - A^H X A = Y."""
        return each_matrix(lambda y: _stein(adjoint_matrix(self.A), y, None), Y)


@UserPrimitive
def _stein(a, q, method):
    dtype = np.result_type(a, q)  # one for both: SciPy is wrong for a real a of complex q
    return scipy.linalg.solve_discrete_lyapunov(a.astype(dtype), q.astype(dtype), method)


@operator_rule(_stein)
def _(y, a, q, method):
    """dX - A dX A^H = dQ + dA X A^H + A X dA^H."""
    right, left = times_right(y, adjoint_matrix(a)), times(a, y)

    def forward(E):
        return times_right(E, right) + times(left, transposed_like(E, y))

    def adjoint(W):
        return times_right(W, adjoint_matrix(right)) + times_right(transposed_like(W, y), left)

    return Row(Stein(a), (RealLinear(y, forward, adjoint, a.shape, y.shape), Identity(y.shape), None))


@mirror(scipy.linalg.solve_discrete_lyapunov, scipy.linalg, axes=2)
def solve_discrete_lyapunov(a, q, method=None):
    """X - A X A^H = Q."""
    return _stein(a, q, method)


# -- Riccati --------------------------------------------------------------------------------------------------------


def _two_sided(y, left, right, shape, sign=1.0):
    """E -> the Hermitian part of 2 sign left E right, for a term left E right + (left E right)^H of an equation."""
    left = sign * left

    def forward(E):
        Z = times(left, times_right(E, right))
        return Z + transposed_like(Z, y)

    def adjoint(W):
        W = W + transposed_like(W, y)
        return times(adjoint_matrix(left), times_right(W, adjoint_matrix(right)))

    return RealLinear(y, forward, adjoint, shape, y.shape)


def _quadratic(y, K, shape, sign):
    """E -> sign K^H sym(E) K."""

    def forward(E):
        return sign * times(adjoint_matrix(K), times_right(hermitian_part(E, y), K))

    def adjoint(W):
        return sign * hermitian_part(times(K, times_right(W, adjoint_matrix(K))), y)

    return RealLinear(y, forward, adjoint, shape, y.shape)


@UserPrimitive
def _continuous_riccati(a, b, q, r):
    return scipy.linalg.solve_continuous_are(a, b, q, r)


@operator_rule(_continuous_riccati)
def _(y, a, b, q, r):
    """Ac^H dX + dX Ac = -(X dA + (X dA)^H - X dB K - (X dB K)^H + K^H dR K + dQ), K = R^-1 B^H X, Ac = A - B K."""
    K = np.linalg.solve(r, adjoint_matrix(b) @ y)
    closed = a - b @ K
    eye = np.eye(a.shape[0], dtype=y.dtype)
    blocks = (
        _two_sided(y, y, eye, a.shape, -1.0),
        _two_sided(y, y, K, b.shape),
        _quadratic(y, eye, q.shape, -1.0),
        _quadratic(y, K, r.shape, -1.0),
    )
    return Row(Sylvester(adjoint_matrix(closed), closed), blocks)


@UserPrimitive
def _discrete_riccati(a, b, q, r):
    return scipy.linalg.solve_discrete_are(a, b, q, r)


@operator_rule(_discrete_riccati)
def _(y, a, b, q, r):
    """dX - Ac^H dX Ac = M + M^H + dQ + K^H dR K, M = Ac^H X (dA - dB K), K = (R + B^H X B)^-1 B^H X A, Ac = A - B K."""
    XB = y @ b
    K = np.linalg.solve(r + adjoint_matrix(b) @ XB, adjoint_matrix(XB) @ a)
    closed = adjoint_matrix(a - b @ K)
    eye = np.eye(a.shape[0], dtype=y.dtype)
    blocks = (
        _two_sided(y, closed @ y, eye, a.shape),
        _two_sided(y, closed @ y, K, b.shape, -1.0),
        _quadratic(y, eye, q.shape, 1.0),
        _quadratic(y, K, r.shape, 1.0),
    )
    return Row(Stein(closed), blocks)


def _as_matrices(*arrays):
    """Numbers and vectors as matrices, as SciPy reads the coefficients of Riccati equations."""
    return [np.atleast_2d(x) for x in arrays]


@mirror(scipy.linalg.solve_continuous_are, scipy.linalg, axes=2)
def solve_continuous_are(a, b, q, r):
    """The stabilising solution; gradients in q and r are Hermitian."""
    return _continuous_riccati(*_as_matrices(a, b, q, r))


@mirror(scipy.linalg.solve_discrete_are, scipy.linalg, axes=2)
def solve_discrete_are(a, b, q, r):
    """The stabilising solution; gradients in q and r are Hermitian."""
    return _discrete_riccati(*_as_matrices(a, b, q, r))
