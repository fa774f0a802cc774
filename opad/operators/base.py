"""The meeting point with SciPy and PyLops: a linear map given by `apply` and `apply_adjoint`, seen as a LinearOperator.

This file alone knows of SciPy's base class. `opad.operators.algebra` adds sums, products and adjoints on top of it.
"""

from math import prod

import numpy as np
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from opad.errors import OptionError, RealLinearError, ShapeError

_SCIPY_NAMESPACE = getattr(aslinearoperator(np.eye(1)), "_xp", None)  # SciPy >= 1.18 compares it by identity


def is_compound(dims):
    """True if `dims` is a tuple of shapes, that is, if the space is a product of array spaces."""
    return len(dims) > 0 and isinstance(dims[0], tuple)


def size_of(dims):
    """Number of elements of an array space (or of a product of array spaces)."""
    return sum(map(prod, dims)) if is_compound(dims) else prod(dims)


def unflatten(x, dims):
    """View the last axis of `x`, (*batch, N), as an element of the space `dims`, (*batch, *dims)."""
    batch = x.shape[:-1]
    if not is_compound(dims):
        return x.reshape(batch + tuple(dims))
    parts, start = [], 0
    for shape in dims:
        stop = start + prod(shape)
        parts.append(x[..., start:stop].reshape(batch + shape))
        start = stop
    return tuple(parts)


def flatten(X, dims):
    """The inverse of `unflatten`: (*batch, *dims) to (*batch, N), in C order."""
    if not is_compound(dims):
        batch = X.shape[: X.ndim - len(dims)]
        return X.reshape((*batch, prod(dims)))
    return np.concatenate([flatten(part, shape) for part, shape in zip(X, dims, strict=True)], axis=-1)


def _column_stacking(dims):
    """Permutation p with vec(X) = X.reshape(-1)[p], vec stacking the columns of X."""
    if is_compound(dims):
        offsets = np.cumsum([0, *map(prod, dims[:-1])])
        return np.concatenate([_column_stacking(shape) + start for shape, start in zip(dims, offsets, strict=True)])
    return np.arange(prod(dims)).reshape(dims).reshape(-1, order="F")


class LinearMap(LinearOperator):
    """A linear map between array spaces that SciPy and PyLops accept as an operator.

    See `opad.Operator` for what a subclass writes. SciPy's own `__new__` and `__init__` are bypassed: they cost ten
    times as much as everything else that happens when a block is made.
    """

    ndim = 2
    clinear = True
    explicit = False  # read by PyLops' combinators, as are forceflat and name
    forceflat = None
    name = None
    if _SCIPY_NAMESPACE is not None:
        _xp = _SCIPY_NAMESPACE

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self):
        pass

    def apply(self, X):
        """The map itself: X of shape (*batch, *dims) to an array of shape (*batch, *dimsd)."""
        raise NotImplementedError(f"{type(self).__name__} must define apply(X): (*batch, *dims) -> (*batch, *dimsd)")

    def apply_adjoint(self, Y):
        """The adjoint map, <apply(X), Y> = <X, apply_adjoint(Y)>: (*batch, *dimsd) to (*batch, *dims)."""
        raise NotImplementedError(
            f"{type(self).__name__} must define apply_adjoint(Y): (*batch, *dimsd) -> (*batch, *dims)"
        )

    @property
    def shape(self):
        """(M, N) = (number of elements of dimsd, number of elements of dims)."""
        return size_of(self.dimsd), size_of(self.dims)

    @property
    def data_dtype(self):
        """The dtype of the floating-point data that the operator holds, None if it holds none."""
        given = self.__dict__.get("_dtype")
        if given is not None:
            return given
        held = [d for d in (getattr(v, "dtype", None) for v in vars(self).values()) if d is not None]
        held = [d for d in held if d.kind in "fc"]
        return np.result_type(*held) if held else None

    @property
    def dtype(self):
        """dtype of the data held (float64 if there is none); settable."""
        found = self.data_dtype
        return np.dtype(float) if found is None else found

    @dtype.setter
    def dtype(self, value):
        self.__dict__["_dtype"] = np.dtype(value)

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__.update(state)

    def __repr__(self):
        M, N = self.shape
        return f"<{M}x{N} {self.label}: {self.dims} -> {self.dimsd}, {self.dtype}>"

    @property
    def label(self):
        """What the operator is called in pictures and error messages."""
        return self.name or type(self).__name__

    # -- products with arrays ---------------------------------------------------------------------------------------

    def matvec(self, x):
        """A x for x of shape (N,), (N, 1), or (*batch, N); the result has the same layout."""
        return _flat_product(self.apply, self.dims, self.dimsd, x, self)

    def rmatvec(self, y):
        """A^H y for y of shape (M,), (M, 1), or (*batch, M)."""
        return _flat_product(self.apply_adjoint, self.dimsd, self.dims, y, self)

    def matmat(self, X):
        """A X for X of shape (N, K), or (*batch, N, K) with one column per product: all columns in one application."""
        return _column_product(self.apply, self.dims, self.dimsd, X, self)

    def rmatmat(self, Y):
        """A^H Y for Y of shape (M, K), or (*batch, M, K)."""
        return _column_product(self.apply_adjoint, self.dimsd, self.dims, Y, self)

    _matvec, _rmatvec, _matmat, _rmatmat = matvec, rmatvec, matmat, rmatmat  # the names that SciPy's classes call

    def times_array(self, x):
        """A @ x for x shaped like dims (the result is shaped), (N,) or (N, K) (the result is flat)."""
        dims = self.dims
        if is_compound(dims):
            if isinstance(x, tuple | list):
                return self.apply(tuple(x))
        elif x.shape == tuple(dims):
            return self.apply(x)
        if x.ndim == 1:
            return self.matvec(x)
        if x.ndim >= 2 and x.shape[-2] == self.shape[1]:
            return self.matmat(x)
        raise ShapeError(
            f"{self!r} was multiplied with an array of shape {x.shape}; expected shape {dims}, ({self.shape[1]},) or "
            f"({self.shape[1]}, K). Reshape the array, or use .apply for leading batch axes."
        )

    # -- as a matrix ------------------------------------------------------------------------------------------------

    def todense(self, order="C"):
        """The matrix of the map, shape (M, N).

        Parameters
        ----------
        order : {"C", "F"}
            How arrays are flattened: "C" row by row, as in NumPy and PyLops; "F" column by column, the `vec` of
            matrix calculus.

        Raises
        ------
        RealLinearError
            For maps that are only real-linear over complex data; `as_real()` has a matrix.
        """
        self.require_complex_linear("todense()")
        basis = np.eye(self.shape[1], dtype=self.dtype)
        matrix = flatten(self.apply(unflatten(basis, self.dims)), self.dimsd).T
        if order == "F":
            matrix = matrix[np.ix_(_column_stacking(self.dimsd), _column_stacking(self.dims))]
        elif order != "C":
            raise OptionError(
                f"todense was given order={order!r}; expected 'C' or 'F'. 'C' flattens arrays as NumPy does, 'F' "
                "stacks their columns."
            )
        return matrix

    def require_complex_linear(self, what):
        """Raise unless the map commutes with multiplication by complex numbers, or its data are real."""
        if not self.clinear:
            raise RealLinearError(
                f"{what} of {self!r}: the map is real-linear but not complex-linear, so that no complex matrix "
                "represents it. Use .as_real(), the equivalent real operator of twice the size."
            )


def _as_flat_array(x):
    return x if hasattr(x, "shape") else np.asarray(x)


def _flat_product(apply, dims, dimsd, x, op):
    x = _as_flat_array(x)
    n = size_of(dims)
    if x.shape == (n,):
        if is_compound(dims) or is_compound(dimsd):
            return flatten(apply(unflatten(x, dims)), dimsd)
        return apply(x.reshape(dims)).reshape(size_of(dimsd))
    if x.shape == (n, 1):
        return flatten(apply(unflatten(x.reshape(n), dims)), dimsd).reshape(-1, 1)
    if x.ndim > 1 and x.shape[-1] == n:
        return flatten(apply(unflatten(x, dims)), dimsd)
    raise ShapeError(
        f"{op!r} was given a vector of shape {x.shape}; expected ({n},), ({n}, 1) or (*batch, {n}). Use .apply for "
        "arrays of the operator's own axes."
    )


def _column_product(apply, dims, dimsd, X, op):
    X = X.toarray() if hasattr(X, "toarray") else _as_flat_array(X)
    n = size_of(dims)
    if X.ndim < 2 or X.shape[-2] != n:
        raise ShapeError(f"{op!r} was given columns of shape {X.shape}; expected ({n}, K). Transpose the array?")
    return flatten(apply(unflatten(X.swapaxes(-1, -2), dims)), dimsd).swapaxes(-1, -2)
