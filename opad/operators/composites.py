"""Operators that the algebra makes of others: adjoints, sums, products, multiples; identity, zero; foreign ones."""

from math import prod

import numpy as np

from opad.errors import ConversionError
from opad.operators.algebra import Operator, is_scalar
from opad.operators.base import flatten, is_compound, size_of, unflatten


def _joint_dtype(*operators):
    held = [d for d in (op.data_dtype for op in operators) if d is not None]
    return np.result_type(*held) if held else None


# -- structural operators -------------------------------------------------------------------------------------------


class Identity(Operator):
    """X -> X.  Forward: dY = dX.  Adjoint: X~ = Y~.  Costs nothing in sums, products and substitutions.

    Parameters
    ----------
    dims : shape of X
    """

    def __init__(self, dims):
        self.dims = self.dimsd = dims

    def apply(self, X):
        return X

    apply_adjoint = apply

    @property
    def H(self):
        return self


class Zero(Operator):
    """X -> 0.  In a block matrix the zero block is simply absent; this class is what an explicit zero is read as.

    Parameters
    ----------
    dims, dimsd : shapes of the input and of the output
    """

    def __init__(self, dims, dimsd):
        self.dims = dims
        self.dimsd = dimsd

    def apply(self, X):
        return _zeros(X, self.dims, self.dimsd)

    def apply_adjoint(self, Y):
        return _zeros(Y, self.dimsd, self.dims)

    @property
    def H(self):
        return Zero(self.dimsd, self.dims)


def _zeros(X, dims, dimsd):
    first, shape = (X[0], dims[0]) if is_compound(dims) else (X, dims)
    batch = first.shape[: first.ndim - len(shape)]
    if is_compound(dimsd):
        return tuple(np.zeros_like(first, shape=batch + part) for part in dimsd)
    return np.zeros_like(first, shape=batch + tuple(dimsd))


# -- composite operators --------------------------------------------------------------------------------------------


class Adjoint(Operator):
    """A^H.  Forward: A's adjoint.  Adjoint: A."""

    def __init__(self, op):
        self.op = op

    dims = property(lambda self: self.op.dimsd)
    dimsd = property(lambda self: self.op.dims)
    clinear = property(lambda self: self.op.clinear)
    data_dtype = property(lambda self: self.op.data_dtype)
    label = property(lambda self: f"{self.op.label}^H")
    solve = property(lambda self: self.op.solve_adjoint)  # AttributeError where the operator has no solve of its own
    solve_adjoint = property(lambda self: self.op.solve)

    def apply(self, X):
        return self.op.apply_adjoint(X)

    def apply_adjoint(self, Y):
        return self.op.apply(Y)

    @property
    def H(self):
        return self.op


class Transposed(Adjoint):
    """A^T = conj(A^H), for complex-linear A.  Forward: conj(A^H conj(X)).  Adjoint: conj(A conj(Y))."""

    label = property(lambda self: f"{self.op.label}^T")

    def apply(self, X):
        return _map_parts(np.conj, self.op.apply_adjoint(_map_parts(np.conj, X)))

    def apply_adjoint(self, Y):
        return _map_parts(np.conj, self.op.apply(_map_parts(np.conj, Y)))

    @property
    def H(self):
        return Adjoint(self)

    @property
    def T(self):
        return self.op


class Sum(Operator):
    """A + B.  Forward: A dX + B dX.  Adjoint: A^H Y + B^H Y."""

    def __init__(self, a, b):
        self.a = a
        self.b = b

    dims = property(lambda self: self.a.dims)
    dimsd = property(lambda self: self.a.dimsd)
    clinear = property(lambda self: self.a.clinear and self.b.clinear)
    data_dtype = property(lambda self: _joint_dtype(self.a, self.b))
    label = property(lambda self: f"{self.a.label} + {self.b.label}")

    def apply(self, X):
        return _map_parts(np.add, self.a.apply(X), self.b.apply(X))

    def apply_adjoint(self, Y):
        return _map_parts(np.add, self.a.apply_adjoint(Y), self.b.apply_adjoint(Y))


class Product(Operator):
    """A B.  Forward: A (B dX).  Adjoint: B^H (A^H Y)."""

    def __init__(self, left, right):
        self.left = left
        self.right = right

    dims = property(lambda self: self.right.dims)
    dimsd = property(lambda self: self.left.dimsd)
    clinear = property(lambda self: self.left.clinear and self.right.clinear)
    data_dtype = property(lambda self: _joint_dtype(self.left, self.right))
    label = property(lambda self: f"{self.left.label} {self.right.label}")

    def apply(self, X):
        return self.left.apply(self.right.apply(X))

    def apply_adjoint(self, Y):
        return self.right.apply_adjoint(self.left.apply_adjoint(Y))


class Multiple(Operator):
    """c A, c a number.  Forward: c (A dX).  Adjoint: A^H (conj(c) Y)."""

    def __init__(self, scalar, op):
        self.scalar = scalar
        self.op = op

    dims = property(lambda self: self.op.dims)
    dimsd = property(lambda self: self.op.dimsd)
    clinear = property(lambda self: self.op.clinear)
    label = property(lambda self: f"{'-' if self.scalar == -1 else f'{self.scalar} '}{self.op.label}")

    @property
    def data_dtype(self):
        held = self.op.data_dtype
        if isinstance(self.scalar, complex | np.complexfloating):
            return np.result_type(np.dtype(float) if held is None else held, self.scalar)
        return held

    def apply(self, X):
        scalar = self.scalar
        return _map_parts(lambda part: scalar * part, self.op.apply(X))

    def apply_adjoint(self, Y):
        scalar = self.scalar.conjugate()
        return self.op.apply_adjoint(_map_parts(lambda part: scalar * part, Y))

    def __mul__(self, scalar):
        return self.op * (self.scalar * scalar) if is_scalar(scalar) else super().__mul__(scalar)

    def __neg__(self):
        return self.op if self.scalar == -1 else Multiple(-self.scalar, self.op)


class IdentityMinus(Operator):
    """I - S: what stands on the diagonal of L when an equation S dx = … has a diagonal block S.

    Forward: dY = dX - S dX.  Adjoint: X~ = Y~ - S^H Y~.

    Parameters
    ----------
    op : square Operator S
    """

    def __init__(self, op):
        self.op = op

    dims = dimsd = property(lambda self: self.op.dims)
    clinear = property(lambda self: self.op.clinear)
    data_dtype = property(lambda self: self.op.data_dtype)
    label = property(lambda self: f"I - {self.op.label}")

    def apply(self, X):
        return X - self.op.apply(X)

    def apply_adjoint(self, Y):
        return Y - self.op.apply_adjoint(Y)

    @property
    def H(self):
        return IdentityMinus(self.op.H)


class Relabelled(Operator):
    """The same matrix between spaces of other shapes.  Forward: reshape(A reshape(dX)).  Adjoint: likewise with A^H."""

    def __init__(self, op, dims, dimsd):
        self.op = op
        self.dims = dims
        self.dimsd = dimsd

    clinear = property(lambda self: self.op.clinear)
    data_dtype = property(lambda self: self.op.data_dtype)
    label = property(lambda self: self.op.label)

    def apply(self, X):
        return _recast(self.op.apply(_recast(X, self.dims, self.op.dims)), self.op.dimsd, self.dimsd)

    def apply_adjoint(self, Y):
        return _recast(self.op.apply_adjoint(_recast(Y, self.dimsd, self.op.dimsd)), self.op.dims, self.dims)


def _recast(X, dims, new_dims):
    return X if dims == new_dims else unflatten(flatten(X, dims), new_dims)


def _map_parts(function, *arguments):
    """Call `function` on arrays, or part by part on tuples of arrays."""
    if isinstance(arguments[0], tuple):
        return tuple(map(function, *arguments))
    return function(*arguments)


class AsReal(Operator):
    """A as a real operator on (Re, Im) stacked along a new leading axis.

    Forward: (Re, Im) of A (X_0 + i X_1).  Adjoint, in the inner product Re<., .>: (Re, Im) of A^H (Y_0 + i Y_1).
    """

    def __init__(self, op):
        self.op = op

    dims = property(lambda self: (2, *self.op.dims))
    dimsd = property(lambda self: (2, *self.op.dimsd))

    @property
    def data_dtype(self):
        held = self.op.data_dtype
        return None if held is None else np.finfo(held).dtype

    def apply(self, X):
        return _split_complex(self.op.apply(_join_complex(X, len(self.op.dims))), len(self.op.dimsd))

    def apply_adjoint(self, Y):
        return _split_complex(self.op.apply_adjoint(_join_complex(Y, len(self.op.dimsd))), len(self.op.dims))


def _join_complex(X, ndim):
    X = np.moveaxis(X, X.ndim - ndim - 1, 0)
    return X[0] + 1j * X[1]


def _split_complex(Y, ndim):
    return np.stack([np.real(Y), np.imag(Y)], axis=Y.ndim - ndim)


class Foreign(Operator):
    """A SciPy or PyLops operator as an Operator; leading batch axes become columns of one matmat.

    Forward: dY = A dX.  Adjoint: X~ = A^H Y~, both in C order between `dims` and `dimsd`.

    Parameters
    ----------
    op : object with shape, dtype, matvec, rmatvec, matmat, rmatmat
    dims, dimsd : shapes; those of `op` if it has them, else (N,) and (M,)
    """

    def __init__(self, op, dims=None, dimsd=None):
        self.op = op
        self.dims = tuple(getattr(op, "dims", (op.shape[1],))) if dims is None else dims
        self.dimsd = tuple(getattr(op, "dimsd", (op.shape[0],))) if dimsd is None else dimsd
        if (size_of(self.dimsd), size_of(self.dims)) != tuple(op.shape):
            raise ConversionError(
                f"{op!r} has shape {op.shape}, which does not fit dims {self.dims} and dimsd {self.dimsd}; "
                "expected shape = (prod(dimsd), prod(dims)). Pass the array shapes that the operator maps between."
            )

    clinear = property(lambda self: getattr(self.op, "clinear", True))
    data_dtype = property(lambda self: None if self.op.dtype is None else np.dtype(self.op.dtype))
    label = property(lambda self: getattr(self.op, "name", None) or type(self.op).__name__)

    def apply(self, X):
        return _through_columns(self.op.matvec, self.op.matmat, X, self.dims, self.dimsd)

    def apply_adjoint(self, Y):
        return _through_columns(self.op.rmatvec, self.op.rmatmat, Y, self.dimsd, self.dims)


def _through_columns(vector_product, matrix_product, X, dims, dimsd):
    batch = X.shape[: X.ndim - len(dims)]
    if not batch:
        return vector_product(X.reshape(-1)).reshape(dimsd)
    size = prod(batch)
    if not size:
        return np.zeros_like(X, shape=batch + dimsd)
    columns = X.reshape((size, size_of(dims))).T
    return matrix_product(columns).T.reshape(batch + dimsd)
