"""The inverse of a matrix as an operator: factorised at the first solve, once for all solves in both directions."""

from functools import lru_cache
from math import prod

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

from opad.errors import SingularBlockError
from opad.operators.algebra import Operator
from opad.operators.dispatch import dispatchable
from opad.operators.elementwise import conjugate, expand_dims_to, sum_to_shape
from opad.operators.products import adjoint_matrix, left_product, vector_product


@lru_cache(maxsize=64)
def _lapack(names, char):
    return get_lapack_funcs(names, dtype=np.dtype(char))


@lru_cache(maxsize=4)
def _trsm(char):
    return get_blas_funcs("trsm", dtype=np.dtype(char))


_CHEAP_TO_COPY = 1 << 19  # bytes


class Solve(Operator):
    """X -> A^-1 X, without the inverse being formed.

    Forward:  A dY = dX          Adjoint:  A^H X~ = Y~, with the same factors

    Parameters
    ----------
    A : (n, n) array, or a stack (*stack, n, n)
    cols : int, number of columns of X; None (the default) if X is one vector (per matrix)
    dims : shape (*stack, n, cols) of X, if its stack is not that of A (the two broadcast)

    dims = dimsd = (*stack, n) or (*stack, n, cols).

    Raises
    ------
    opad.errors.SingularBlockError
        At the first solve, if A is exactly singular.

    Examples
    --------
    >>> import numpy as np
    >>> Solve(np.array([[2.0, 1.0], [0.0, 4.0]])) @ np.array([4.0, 4.0])
    array([1.5, 1. ])
    """

    def __init__(self, A, cols=None, dims=None):
        self.A = A
        self.is_vector = cols is None and dims is None
        self.dims = dims if dims is not None else A.shape[:-1] if cols is None else (*A.shape[:-1], cols)

    @property
    def dimsd(self):
        A, dims = self.A, self.dims
        if A.ndim == 2 or self.is_vector:
            return dims
        return (*np.broadcast_shapes(A.shape[:-2], dims[:-2]), *dims[-2:])

    def apply(self, X):
        return self._solve(X, adjoint=False)

    def apply_adjoint(self, Y):
        return self._solve(Y, adjoint=True)

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name != "_factors"}

    def _solve(self, X, adjoint):
        if self.A.ndim == 2:
            return solve_columns(self._solve_matrix, X, self.is_vector, adjoint)
        if self.is_vector:
            return self._solve_stack(X[..., None], adjoint)[..., 0]
        return self._solve_stack(X, adjoint)

    def _solve_matrix(self, X, adjoint):
        """A^-1 X or A^-H X for a matrix X."""
        if not _takes_lapack(self.A, X):
            return _numpy_solve(adjoint_matrix(self.A) if adjoint else self.A, X, self)
        lu, pivots = self._factorise(np.result_type(self.A, X, np.float32).char)
        return solve_factorised(lu, pivots, X, adjoint)

    def _factorise(self, char):
        factors = self.__dict__.setdefault("_factors", {})
        if char not in factors:
            factors[char] = factorise(self.A, char)
        return factors[char]

    def _solve_stack(self, X, adjoint):
        A, extra = self.A, (1,) if self.is_vector else ()
        dims, dimsd = self.dims + extra, self.dimsd + extra
        if not adjoint:
            return _solve_broadcast(A, X, dims, self)
        return sum_to_shape(_solve_broadcast(adjoint_matrix(A), X, dimsd, self), dims, len(dimsd))


def _solve_broadcast(A, X, dims, op):
    """A^-1 X for a stack of matrices and X of shape (*batch, *dims), whose stack broadcasts against that of A."""
    batch = X.shape[: X.ndim - len(dims)]
    if not batch or len(dims) != A.ndim:
        return _numpy_solve(A, expand_dims_to(X, dims, max(A.ndim, len(dims))), op)
    # Batches become columns: one factorisation per matrix instead of one per matrix and batch.
    size, cols = prod(batch), dims[-1]
    columns = np.moveaxis(X.reshape((size, *dims)), 0, -2)
    Y = _numpy_solve(A, columns.reshape((*dims[:-1], size * cols)), op)
    Y = np.moveaxis(Y.reshape((*Y.shape[:-1], size, cols)), -2, 0)
    return Y.reshape(batch + Y.shape[1:])


def solve_columns(solve, X, is_vector, adjoint):
    """Solve for X, (*batch, n) or (*batch, n, cols), with all batches as columns of one matrix."""
    if is_vector:
        if X.ndim == 1:
            return solve(X[:, None], adjoint)[:, 0]
        n, size = X.shape[-1], prod(X.shape[:-1])
        return solve(X.reshape((size, n)).swapaxes(0, 1), adjoint).swapaxes(0, 1).reshape(X.shape)
    if X.ndim == 2:
        return solve(X, adjoint)
    (n, cols), size = X.shape[-2:], prod(X.shape[:-2])
    columns = X.reshape((size, n, cols)).swapaxes(0, 1).reshape((n, size * cols))
    return solve(columns, adjoint).reshape((n, size, cols)).swapaxes(0, 1).reshape(X.shape)


def _numpy_solve(A, X, op):
    try:
        return np.linalg.solve(A, X)
    except np.linalg.LinAlgError:
        raise_singular(op)


def raise_singular(op):
    """Raise the error for a matrix that cannot be solved with."""
    _raise_singular(type(op).__name__, op.A.shape)


def _raise_singular(name, shape, pivot=None):
    where = "" if pivot is None else f": pivot {pivot} of its triangular factor is zero"
    raise SingularBlockError(
        f"{name} was given a singular matrix of shape {shape}{where}; expected an invertible one. "
        "Check the equation for a redundant row, or regularise it (A + eps * I)."
    ) from None


# -- LAPACK, for arrays of NumPy and for arrays that stand for them while a program is recorded -----------------------


def _takes_lapack(*arrays):
    return all(type(x) is np.ndarray or (hasattr(x, "__opad_dispatch__") and not hasattr(x, "tape")) for x in arrays)


@dispatchable
def factorise(A, char):
    """The LU factors of a matrix and the pivots, in the dtype with the character `char`."""
    (getrf,) = _lapack(("getrf",), char)
    lu, pivots, info = getrf(A)
    if info:
        _raise_singular("Solve", A.shape, info - 1)
    return lu, pivots


@dispatchable
def solve_factorised(lu, pivots, X, adjoint):
    """A^-1 X or A^-H X from the factors of A."""
    dtype = np.result_type(lu, X)
    (getrs,) = _lapack(("getrs",), dtype.char)
    pivots = pivots.copy()  # SciPy adds 1 to them while LAPACK runs without the lock: other threads would see that
    return getrs(lu, pivots, X, trans=(2 if dtype.kind == "c" else 1) if adjoint else 0)[0]


@dispatchable
def solve_triangle(A, X, lower, adjoint):
    """A^-1 X or A^-H X for one triangle of A."""
    dtype = np.result_type(A, X, np.float32)
    has_many = dtype.kind == "f" and X.ndim == 2 and 2 * X.shape[1] >= len(X) > 0
    if has_many and (X.flags.c_contiguous or X.nbytes <= _CHEAP_TO_COPY):
        return _solve_rows(A, np.ascontiguousarray(X), lower, adjoint, dtype)
    (trtrs,) = _lapack(("trtrs",), dtype.char)
    if not A.flags.c_contiguous:
        Y, info = trtrs(A, X, lower=lower, trans=(2 if dtype.kind == "c" else 1) if adjoint else 0)
    elif not adjoint:  # LAPACK reads columns, so that it is handed A^T, of which no copy is made
        Y, info = trtrs(A.T, X, lower=not lower, trans=1)
    else:
        Y, info = trtrs(A.T, conjugate(X), lower=not lower, trans=0)
        Y = conjugate(Y)
    if info:
        _raise_singular("TriangularSolve", A.shape, info - 1)
    return Y


def _solve_rows(A, X, lower, adjoint, dtype):
    """The same for real X with many columns, as Y^T = X^T A^-T or X^T A^-1: trsm is faster from the right."""
    pivots = np.diagonal(A)
    if not np.all(pivots):
        _raise_singular("TriangularSolve", A.shape, int(np.argmin(pivots != 0)))
    if A.flags.c_contiguous:
        A, lower, adjoint = A.T, not lower, not adjoint
    return _trsm(dtype.char)(1.0, A, X.T, side=1, lower=lower, trans_a=not adjoint).T


class TriangularSolve(Operator):
    """X -> A^-1 X, A one triangle of a matrix; the other triangle is not read.

    Forward:  A dY = dX          Adjoint:  A^H X~ = Y~

    Parameters
    ----------
    A : (n, n) array, or a stack (*stack, n, n)
    lower : bool, whether the lower or the upper triangle is used
    cols : int, number of columns of X; None (the default) if X is one vector (per matrix)

    dims = dimsd = (*stack, n) or (*stack, n, cols).

    Raises
    ------
    opad.errors.SingularBlockError
        If a diagonal element is zero.
    """

    def __init__(self, A, lower=True, cols=None):
        self.A = A
        self.lower = lower
        self.is_vector = cols is None
        self.dims = self.dimsd = A.shape[:-1] if cols is None else (*A.shape[:-1], cols)

    def apply(self, X):
        return self._solve(X, adjoint=False)

    def apply_adjoint(self, Y):
        return self._solve(Y, adjoint=True)

    def _solve(self, X, adjoint):
        if self.A.ndim == 2:
            return solve_columns(self._solve_matrix, X, self.is_vector, adjoint)
        if self.is_vector:
            return self._solve_dense(X[..., None], adjoint)[..., 0]
        return self._solve_dense(X, adjoint)

    def _solve_dense(self, X, adjoint):
        triangle = np.tril(self.A) if self.lower else np.triu(self.A)
        return _numpy_solve(adjoint_matrix(triangle) if adjoint else triangle, X, self)

    def _solve_matrix(self, X, adjoint):
        if not _takes_lapack(self.A, X):
            return self._solve_dense(X, adjoint)
        return solve_triangle(self.A, X, self.lower, adjoint)


class LinearSystem(Operator):
    """X -> A X, with the solution of A X = Y: the diagonal block of an equation A dX = ….

    Forward:  dY = A dX          Adjoint:  X~ = A^H Y~          `solve` and `solve_adjoint` share one factorisation

    Parameters
    ----------
    A : (*stack, n, n) array
    dims : shape of X, (n,) after the stack of A for one vector per matrix, else (*stack, n, cols)
    is_vector : bool, which of the two
    """

    def __init__(self, A, dims, is_vector):
        self.A = A
        self.dims = self.dimsd = dims
        self.is_vector = is_vector
        inverse = Solve(A) if is_vector else Solve(A, dims=dims)
        self.solve = inverse.apply
        self.solve_adjoint = inverse.apply_adjoint

    def apply(self, X):
        return self._multiply(self.A, X)

    def apply_adjoint(self, Y):
        return self._multiply(adjoint_matrix(self.A), Y)

    def _multiply(self, A, X):
        if A.ndim == 2:
            return vector_product(A, X) if self.is_vector else left_product(A, X)
        return (A @ X[..., None])[..., 0] if self.is_vector else A @ X
