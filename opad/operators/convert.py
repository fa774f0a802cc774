"""Reading matrices, numbers and the operators of other libraries as opad operators."""

import sys
from math import prod

import numpy as np
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator, SuperLU, aslinearoperator

from opad.errors import ConversionError, ShapeError
from opad.operators.algebra import Operator, Relabelled, is_scalar
from opad.operators.base import size_of
from opad.operators.elementwise import Scaling
from opad.operators.foreign import Foreign, opaque_product
from opad.operators.products import adjoint_matrix, vector_product


class Matrix(Operator):
    """X -> A X with X and the result flattened in C order; A dense or sparse.

    Forward:  vec(dY) = A vec(dX)          Adjoint:  vec(X~) = A^H vec(Y~)

    Parameters
    ----------
    A : (M, N) array or SciPy sparse matrix
    dims, dimsd : shapes with N and M elements; (N,) and (M,) unless given

    Examples
    --------
    >>> import numpy as np
    >>> Matrix(np.eye(4)[::-1], dims=(2, 2), dimsd=(2, 2)) @ np.array([[1.0, 2.0], [3.0, 4.0]])
    array([[4., 3.],
           [2., 1.]])
    """

    def __init__(self, A, dims=None, dimsd=None):
        self.A = A
        self.dims = (A.shape[1],) if dims is None else dims
        self.dimsd = (A.shape[0],) if dimsd is None else dimsd

    def apply(self, X):
        if issparse(self.A):
            return opaque_product(X, self)
        return _times_flattened(self.A, X, self.dims, self.dimsd)

    def apply_adjoint(self, Y):
        if issparse(self.A):
            return opaque_product(Y, self, adjoint=True)
        return _times_flattened(adjoint_matrix(self.A), Y, self.dimsd, self.dims)

    def plain_product(self, X, adjoint):
        if adjoint:
            return _times_flattened(self.A.T.conj(copy=False), X, self.dimsd, self.dims)
        return _times_flattened(self.A, X, self.dims, self.dimsd)


def _times_flattened(A, X, dims, dimsd):
    batch = X.shape[: X.ndim - len(dims)]
    return vector_product(A, X.reshape((*batch, prod(dims)))).reshape(batch + dimsd)


def as_operator(x, dims=None, dimsd=None):
    """Whatever describes a linear map, as an `Operator`.

    Parameters
    ----------
    x : 2-D array, SciPy sparse matrix or array, SciPy LinearOperator, PyLops operator, number, or Operator; or the
        method `solve` of what scipy.sparse.linalg.splu returns
    dims, dimsd : int or tuple of int, optional
        Shapes of the arrays that the map takes and returns, flattened in C order; those of `x`, else (N,) and (M,)
        unless given. A number needs dims.

    Returns
    -------
    Operator

    Raises
    ------
    opad.errors.ConversionError
        If `x` is nothing that can be read as a linear map.
    opad.errors.ShapeError
        If `dims` and `dimsd` do not have the numbers of elements that the shape of `x` requires.

    Examples
    --------
    >>> import numpy as np
    >>> as_operator(np.eye(6), dims=(2, 3))
    <6x6 Matrix: (2, 3) -> (6,), float64>
    >>> as_operator(2.0, dims=3) @ np.ones(3)
    array([2., 2., 2.])
    """
    dims, dimsd = _as_shape(dims, "dims"), _as_shape(dimsd, "dimsd")
    if is_scalar(x):
        return _scaling(x, dims, dimsd)
    if isinstance(getattr(x, "__self__", None), SuperLU):
        return Foreign(_inverse_of(x.__self__), dims, dimsd)
    shape = getattr(x, "shape", None)
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ConversionError(
            f"as_operator was given {_describe(x)}; expected a two-dimensional array, a sparse matrix, an operator of "
            "SciPy, PyLops or opad, or a number. Reshape the array, or subclass opad.Operator."
        )
    _check_sizes(x, dims, dimsd)
    if isinstance(x, Operator):
        return _relabelled(x, dims, dimsd)
    if issparse(x) or hasattr(x, "__array_function__"):
        if not hasattr(x, "dtype") or x.dtype.kind not in "fciub":
            raise ConversionError(
                f"as_operator was given {_describe(x)} with dtype {x.dtype}; expected numbers. Use x.astype(float)."
            )
        return Matrix(x, dims, dimsd)
    if isinstance(x, LinearOperator) or _has_products(x):
        x = _adopt(x)
        return Foreign(x, dims, dimsd)
    raise ConversionError(
        f"as_operator was given {_describe(x)}; expected an object with shape, dtype, matvec and rmatvec. Add them, or "
        "subclass opad.Operator."
    )


def _inverse_of(factors):
    """The operator X -> A^-1 X by the factors that scipy.sparse.linalg.splu has made."""
    dtype = factors.solve(np.zeros(factors.shape[0], np.float32)).dtype  # SuperLU does not tell

    def solve(B, trans="N"):
        if B.dtype.kind == "c" and dtype.kind != "c":
            return solve(B.real, trans) + 1j * solve(B.imag, trans)
        return factors.solve(np.asfortranarray(B, dtype), trans)

    def solve_adjoint(B):
        return solve(B, "H")

    return LinearOperator(
        factors.shape, matvec=solve, rmatvec=solve_adjoint, matmat=solve, rmatmat=solve_adjoint, dtype=dtype
    )


def _as_shape(shape, name):
    if shape is None or isinstance(shape, tuple):
        return shape
    if isinstance(shape, int | np.integer):
        return (int(shape),)
    if isinstance(shape, list):
        return tuple(shape)
    raise ShapeError(f"{name} is {shape!r}; expected a tuple of integers, one per axis. Write {name}=(n, …).")


def _describe(x):
    shape = getattr(x, "shape", None)
    return f"an object of type {type(x).__name__}" + (f" and shape {shape}" if shape is not None else "")


def _scaling(x, dims, dimsd):
    if dims is None or (dimsd is not None and dimsd != dims):
        raise ShapeError(
            f"as_operator was given the number {x!r} with dims {dims} and dimsd {dimsd}; a multiple of the identity "
            "needs dims, and maps arrays to arrays of the same shape. Pass dims=(n, …) only."
        )
    return Scaling(x, dims)


def _check_sizes(x, dims, dimsd):
    for name, given, size in (("dims", dims, x.shape[1]), ("dimsd", dimsd, x.shape[0])):
        if given is not None and size_of(given) != size:
            raise ShapeError(
                f"as_operator was given {name}={given}, which has {size_of(given)} elements, for {_describe(x)}; "
                f"expected {size} elements. Pass the shape of the arrays that the matrix maps between."
            )


def _relabelled(op, dims, dimsd):
    dims = op.dims if dims is None else dims
    dimsd = op.dimsd if dimsd is None else dimsd
    return op if (dims, dimsd) == (op.dims, op.dimsd) else Relabelled(op, dims, dimsd)


def _has_products(x):
    return all(hasattr(x, name) for name in ("dtype", "matvec", "rmatvec"))


def _adopt(x):
    """An object that has matmat and rmatmat too: PyLops' operators do, SciPy completes any other."""
    pylops = sys.modules.get("pylops")
    is_complete = isinstance(x, LinearOperator) or (pylops is not None and isinstance(x, pylops.LinearOperator))
    return x if is_complete else aslinearoperator(x)
