"""One case per class of operator: how it is made, and the NumPy calls that do the same by hand.

A case is a function (rng, n) -> (operator, forward, adjoint). Both NumPy functions take arrays with or without leading
batch axes, as `apply` and `apply_adjoint` do. A new operator needs one entry here and gets all benchmarks.
"""

import numpy as np
import scipy.linalg
import scipy.sparse

import opad.operators as ops

CASES = {}


def case(function):
    """Register a case under its name."""
    CASES[function.__name__] = function
    return function


def _matrices(rng, n, count):
    return (rng.standard_normal((n, n)) for _ in range(count))


def _add_rows(Y, rows):
    """Columns of the last axis summed where `rows` repeats: what a careful user writes for X[..., rows] backwards."""
    X = np.zeros_like(Y)
    np.add.at(X, (..., rows), Y)
    return X


# -- products -------------------------------------------------------------------------------------------------------


@case
def LeftMultiply(rng, n):
    (B,) = _matrices(rng, n, 1)
    return ops.LeftMultiply(B, n), lambda X: B @ X, lambda Y: B.T @ Y


@case
def RightMultiply(rng, n):
    (A,) = _matrices(rng, n, 1)
    return ops.RightMultiply(A, n), lambda X: X @ A, lambda Y: Y @ A.T


@case
def Kronecker(rng, n):
    A, B = _matrices(rng, n, 2)
    return ops.Kronecker(A, B), lambda X: A @ X @ B.T, lambda Y: A.T @ Y @ B


@case
def InnerProduct(rng, n):
    (G,) = _matrices(rng, n, 1)
    return (
        ops.InnerProduct(G),
        lambda X: np.vdot(G, X) if X.ndim == 2 else X.reshape(-1, n * n) @ G.reshape(-1),
        (lambda Y: Y[..., None, None] * G),
    )


@case
def MatrixVector(rng, n):
    (A,) = _matrices(rng, n, 1)
    return ops.MatrixVector(A), lambda X: A @ X if X.ndim == 1 else X @ A.T, lambda Y: Y @ A


@case
def VectorOfMatrix(rng, n):
    x = rng.standard_normal(n)
    return ops.VectorOfMatrix(x, n), lambda X: X @ x, lambda Y: Y[..., None] * x


@case
def VectorTimesMatrix(rng, n):
    x = rng.standard_normal(n)
    return ops.VectorTimesMatrix(x, n), lambda X: x @ X, lambda Y: x[:, None] * Y[..., None, :]


@case
def StackedLeftMultiply(rng, n):
    A = rng.standard_normal((4, n, n))
    return ops.StackedLeftMultiply(A, (4, n, n)), lambda X: A @ X, lambda Y: A.swapaxes(1, 2) @ Y


@case
def StackedRightMultiply(rng, n):
    B = rng.standard_normal((4, n, n))
    return ops.StackedRightMultiply(B, (4, n, n)), lambda X: X @ B, lambda Y: Y @ B.swapaxes(1, 2)


@case
def EinsumOperand(rng, n):
    (A,) = _matrices(rng, n, 1)
    op = ops.EinsumOperand("ij,jk->ik", (A, A), 1)
    return op, lambda X: np.einsum("ij,...jk->...ik", A, X), lambda Y: np.einsum("ij,...ik->...jk", A, Y)


# -- elementwise ----------------------------------------------------------------------------------------------------


@case
def Scaling(rng, n):
    return ops.Scaling(2.5, (n, n)), lambda X: 2.5 * X, lambda Y: 2.5 * Y


@case
def Hadamard(rng, n):
    (M,) = _matrices(rng, n, 1)
    return ops.Hadamard(M), lambda X: M * X, lambda Y: M * Y


@case
def BroadcastHadamard(rng, n):
    (M,) = _matrices(rng, n, 1)
    op = ops.BroadcastHadamard(M, (n, 1), (n, n))
    return op, lambda X: M * X, lambda Y: np.sum(M * Y, axis=-1, keepdims=True)


@case
def Cast(rng, n):
    op = ops.Cast((n, n), np.dtype("float32"), np.dtype("float64"))
    return op, lambda X: X.astype("float64"), lambda Y: Y.astype("float32")


@case
def RealPart(rng, n):
    return ops.RealPart((n, n)), np.real, lambda Y: np.real(Y) + 0j


@case
def ImaginaryPart(rng, n):
    return ops.ImaginaryPart((n, n)), np.imag, lambda Y: 1j * np.real(Y)


@case
def Conjugate(rng, n):
    return ops.Conjugate((n, n)), np.conj, np.conj


# -- moving elements ------------------------------------------------------------------------------------------------


@case
def Permute(rng, n):
    return ops.Permute((1, 0), (n, n)), lambda X: X.swapaxes(-1, -2), lambda Y: Y.swapaxes(-1, -2)


@case
def Reshape(rng, n):
    op = ops.Reshape((n, n), (n * n,))
    return op, lambda X: X.reshape((*X.shape[:-2], n * n)), lambda Y: Y.reshape((*Y.shape[:-1], n, n))


@case
def Broadcast(rng, n):
    op = ops.Broadcast((n, 1), (n, n))
    return op, lambda X: np.broadcast_to(X, (*X.shape[:-1], n)), lambda Y: np.sum(Y, axis=-1, keepdims=True)


@case
def SumAxes(rng, n):
    def repeat(Y):
        return np.broadcast_to(Y[..., None], (*Y.shape, n))

    return ops.SumAxes((n, n), axes=1), lambda X: np.sum(X, axis=-1), repeat


@case
def Flip(rng, n):
    return ops.Flip((n, n), 0), lambda X: np.flip(X, -2), lambda Y: np.flip(Y, -2)


@case
def Roll(rng, n):
    return ops.Roll((n, n), 1, 1), lambda X: np.roll(X, 1, -1), lambda Y: np.roll(Y, -1, -1)


@case
def Index_slice(rng, n):
    def spread(Y):
        X = np.zeros((*Y.shape[:-1], n))
        X[..., ::2] = Y
        return X

    return ops.Index((slice(None), slice(None, None, 2)), (n, n)), lambda X: X[..., ::2], spread


@case
def Index_array(rng, n):
    rows = rng.integers(0, n, n)
    return ops.Index((slice(None), rows), (n, n)), lambda X: X[..., rows], lambda Y: _add_rows(Y, rows)


@case
def Embed(rng, n):
    def place(X):
        Y = np.zeros((*X.shape[:-2], 2 * n, n))
        Y[..., :n, :] = X
        return Y

    return ops.Embed((n, n), (2 * n, n), (0, 0)), place, lambda Y: Y[..., :n, :]


@case
def Concatenate(rng, n):
    def split(Y):
        return Y[..., :n, :], Y[..., n:, :]

    return ops.Concatenate(((n, n), (n, n)), 0), lambda X: np.concatenate(X, axis=-2), split


@case
def Pad(rng, n):
    def pad(X):
        return np.pad(X, ((0, 0),) * (X.ndim - 2) + ((1, 1), (1, 1)))

    return ops.Pad(((1, 1), (1, 1)), (n, n)), pad, lambda Y: Y[..., 1:-1, 1:-1]


# -- sums, transforms, solves ---------------------------------------------------------------------------------------


@case
def CumulativeSum(rng, n):
    op = ops.CumulativeSum((n, n), 1)
    return op, lambda X: np.cumsum(X, -1), lambda Y: np.cumsum(Y[..., ::-1], -1)[..., ::-1]


@case
def Difference(rng, n):
    def adjoint(Y):
        X = np.zeros((*Y.shape[:-1], n))
        X[..., 1:] = Y
        X[..., :-1] -= Y
        return X

    return ops.Difference((n, n)), lambda X: np.diff(X), adjoint


@case
def FFT(rng, n):
    return ops.FFT((n, n), axes=1), lambda X: np.fft.fft(X), lambda Y: np.fft.ifft(Y, norm="forward")


@case
def RFFT(rng, n):
    return ops.RFFT((n, n)), lambda X: np.fft.rfft(X), lambda Y: np.real(np.fft.ifft(Y, n, norm="forward"))


@case
def IRFFT(rng, n):
    m, weights = n // 2 + 1, np.full(n // 2 + 1, 2.0)
    weights[0] = weights[-1] = 1.0
    op = ops.IRFFT((n, m))
    return op, lambda X: np.fft.irfft(X), lambda Y: weights * np.fft.rfft(Y, norm="forward")


@case
def Solve(rng, n):
    A = next(_matrices(rng, n, 1)) + 2 * n * np.eye(n)
    factors = scipy.linalg.lu_factor(A)

    def columns(X, trans):
        flat = X.swapaxes(0, -2).reshape(n, -1)
        Y = scipy.linalg.lu_solve(factors, flat, trans=trans, check_finite=False)
        return Y.reshape(n, *X.shape[:-2][::-1], X.shape[-1]).swapaxes(0, -2)

    return ops.Solve(A, n), lambda X: columns(X, 0), lambda Y: columns(Y, 1)


@case
def TriangularSolve(rng, n):
    A = np.tril(next(_matrices(rng, n, 1)) + 2 * n * np.eye(n))

    def columns(X, trans):
        flat = X.swapaxes(0, -2).reshape(n, -1)
        Y = scipy.linalg.solve_triangular(A, flat, lower=True, trans=trans, check_finite=False)
        return Y.reshape(n, *X.shape[:-2][::-1], X.shape[-1]).swapaxes(0, -2)

    return ops.TriangularSolve(A, cols=n), lambda X: columns(X, 0), lambda Y: columns(Y, 1)


# -- algebra --------------------------------------------------------------------------------------------------------


@case
def Product(rng, n):
    A, M = _matrices(rng, n, 2)
    return ops.Hadamard(M) @ ops.LeftMultiply(A, n), lambda X: M * (A @ X), lambda Y: A.T @ (M * Y)


@case
def Sum(rng, n):
    A, M = _matrices(rng, n, 2)
    return ops.Hadamard(M) + ops.LeftMultiply(A, n), lambda X: M * X + A @ X, lambda Y: M * Y + A.T @ Y


@case
def Adjoint(rng, n):
    (B,) = _matrices(rng, n, 1)
    return ops.LeftMultiply(B, n).H, lambda X: B.T @ X, lambda Y: B @ Y


@case
def Multiple(rng, n):
    (B,) = _matrices(rng, n, 1)
    return 2.5 * ops.LeftMultiply(B, n), lambda X: 2.5 * (B @ X), lambda Y: B.T @ (2.5 * Y)


@case
def SparseMatrix(rng, n):
    A = scipy.sparse.random_array((n * n, n * n), density=5 / n**2, rng=rng, format="csr")
    adjoint = A.T.tocsr()
    return (
        ops.as_operator(A),
        lambda X: A @ X if X.ndim == 1 else (A @ X.T).T,
        (lambda Y: adjoint @ Y if Y.ndim == 1 else (adjoint @ Y.T).T),
    )
