"""The operator class that everything in opad is made of, and its algebra: sums, multiples, products, adjoints.

Identity and zero are structural: composing with them, or adding zero, returns the other operand.
"""

import sys
from numbers import Number

import numpy as np
from scipy.sparse.linalg import LinearOperator

from opad.errors import OptionError, ShapeError
from opad.operators.base import LinearMap, flatten, is_compound, size_of, unflatten


class Operator(LinearMap):
    """A linear map between array spaces; the entry of a block matrix.

    A subclass writes `__init__` (which sets, or has properties for, `dims` and `dimsd`), `apply` and
    `apply_adjoint`, and nothing else:

    - `dims`, `dimsd`: shapes of the input and of the output array (a tuple of shapes for several arrays);
    - `apply(X)`: (*batch, *dims) -> (*batch, *dimsd);
    - `apply_adjoint(Y)`: (*batch, *dimsd) -> (*batch, *dims), with <apply(X), Y> = <X, apply_adjoint(Y)>.

    Both return a new array, or their argument or a view of it; never data that the operator holds, and they never
    change their argument. From these come shape, dtype, matvec, rmatvec, matmat, rmatmat, `@` on flat and on shaped
    arrays, `.H`, `.T`, `+`, `-`, multiples, products, `todense`, and everything that SciPy and PyLops do with an
    operator.

    Examples
    --------
    >>> import numpy as np, opad
    >>> class Reverse(opad.Operator):
    ...     def __init__(self, n):
    ...         self.dims = self.dimsd = (n,)
    ...     def apply(self, X):
    ...         return X[..., ::-1]
    ...     apply_adjoint = apply
    >>> R = Reverse(3)
    >>> R @ np.array([1.0, 2.0, 3.0])
    array([3., 2., 1.])
    >>> (2 * R + R.H @ R).todense()
    array([[1., 0., 2.],
           [0., 3., 0.],
           [2., 0., 1.]])
    """

    is_zero = False
    adopt = None  # an operator of SciPy or PyLops as an Operator; set by opad.operators.foreign
    as_real = None  # the equivalent real operator of twice the size; set by opad.operators.structural

    # -- adjoint and transpose --------------------------------------------------------------------------------------

    @property
    def H(self):
        """The adjoint operator."""
        return Adjoint(self)

    @property
    def T(self):
        """The transpose, conj(A^H): raises `RealLinearError` for maps that are not complex-linear."""
        self.require_complex_linear(".T")
        return Adjoint(self) if self.dtype.kind == "f" else Transposed(self)

    def adjoint(self):
        """The adjoint operator, as `.H`."""
        return self.H

    def transpose(self):
        """The transpose, as `.T`."""
        return self.T

    def conj(self):
        """The operator with conjugated matrix, X -> conj(A conj(X))."""
        return self.H.T

    # -- products ---------------------------------------------------------------------------------------------------

    def __matmul__(self, other):
        if hasattr(other, "__array_function__") or isinstance(other, tuple | list):
            return self.times_array(other if not isinstance(other, list) else _array_or_tuple(other))
        return self._compose(other)

    def dot(self, other):
        """`self @ other`, or a multiple if `other` is a number (SciPy's name)."""
        return self * other if isinstance(other, Number) else self @ other

    def __call__(self, other):
        return self.dot(other)

    def __rmatmul__(self, other):
        """`other @ self` for an array of shape (M,), (K, M) or dimsd: rows times the matrix."""
        if not hasattr(other, "__array_function__"):
            return NotImplemented
        return self.T.times_array(other) if other.ndim == 1 else self.T.matmat(other.swapaxes(-1, -2)).swapaxes(-1, -2)

    def _compose(self, other):
        if isinstance(other, Operator):
            return _product(self, other)
        if _is_pylops(other):
            return _as_pylops(self) @ other
        if isinstance(other, LinearOperator):
            return _product(self, self.adopt(other))
        if hasattr(other, "toarray"):
            return self.matmat(other)
        return NotImplemented

    # -- sums and multiples -----------------------------------------------------------------------------------------

    def __add__(self, other):
        if isinstance(other, Operator):
            return _sum(self, other)
        if _is_pylops(other):
            return _as_pylops(self) + other
        if isinstance(other, LinearOperator):
            return _sum(self, self.adopt(other))
        if isinstance(other, Number) and other == 0:  # so that the builtin sum() works
            return self
        return NotImplemented

    def __radd__(self, other):
        return self.__add__(other)

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __neg__(self):
        return Multiple(-1, self)

    def __mul__(self, scalar):
        if is_scalar(scalar):
            return self if isinstance(scalar, int) and scalar == 1 else Multiple(scalar, self)
        return self @ scalar

    def __rmul__(self, scalar):
        return self * scalar if is_scalar(scalar) else NotImplemented

    def __truediv__(self, scalar):
        if not is_scalar(scalar):
            return NotImplemented
        return self * (1 / scalar)

    def __pow__(self, power):
        """Repeated composition; `power` is a non-negative integer and the operator is square."""
        if not isinstance(power, int) or power < 0:
            raise OptionError(f"operator ** {power!r}; expected an integer >= 0. Solve with it for negative powers.")
        if self.dims != self.dimsd:
            raise ShapeError(f"{self!r} ** {power}; expected dims == dimsd. Use A.H @ A.")
        result = Identity(self.dims)
        for _ in range(power):
            result = _product(self, result)
        return result


def _array_or_tuple(parts):
    return tuple(parts) if any(hasattr(p, "shape") for p in parts) else np.asarray(parts)


def is_scalar(x):
    """True for numbers and for arrays without axes."""
    return isinstance(x, Number) or (getattr(x, "shape", None) == () and hasattr(x, "dtype"))


def _is_pylops(x):
    pylops = sys.modules.get("pylops")  # importing it takes 0.8 s; an operator of it exists only once it is imported
    return pylops is not None and isinstance(x, pylops.LinearOperator)


def _as_pylops(op):
    if is_compound(op.dims) or is_compound(op.dimsd):  # PyLops knows no products of spaces
        M, N = op.shape
        op = Relabelled(op, (N,), (M,))
    return sys.modules["pylops"].LinearOperator(op)


def _product(left, right):
    if left.shape[1] != right.shape[0] or size_of(left.dims) != size_of(right.dimsd):
        raise ShapeError(
            f"product {left!r} @ {right!r}: the right factor maps to {right.dimsd}, expected {left.dims}. "
            "The shapes of neighbouring factors must agree."
        )
    if left.is_zero or right.is_zero:
        return type(left if left.is_zero else right)(right.dims, left.dimsd)  # a Zero, whose module needs this one
    if left.dims != right.dimsd:
        right = Relabelled(right, right.dims, left.dims)
    if isinstance(left, Identity):
        return right
    if isinstance(right, Identity):
        return left
    return Product(left, right)


def _sum(a, b):
    if a.shape != b.shape:
        raise ShapeError(
            f"sum {a!r} + {b!r}: shapes {a.shape} and {b.shape} differ; expected equal shapes. Compose one "
            "of them with an operator that maps between the spaces."
        )
    if (a.dims, a.dimsd) != (b.dims, b.dimsd):
        b = Relabelled(b, a.dims, a.dimsd)
    if a.is_zero:
        return b
    if b.is_zero:
        return a
    return Sum(a, b)


def _joint_dtype(*operators):
    held = [d for d in (op.data_dtype for op in operators) if d is not None]
    return np.result_type(*held) if held else None


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


class Wrapper(Operator):
    """The base of what stands for another operator `op`: linearity, dtype and label are those of `op`."""

    clinear = property(lambda self: self.op.clinear)
    data_dtype = property(lambda self: self.op.data_dtype)
    label = property(lambda self: self.op.label)


class Adjoint(Wrapper):
    """A^H.  Forward: A's adjoint.  Adjoint: A."""

    def __init__(self, op):
        self.op = op

    dims = property(lambda self: self.op.dimsd)
    dimsd = property(lambda self: self.op.dims)
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


class Multiple(Wrapper):
    """c A, c a number.  Forward: c (A dX).  Adjoint: A^H (conj(c) Y)."""

    def __init__(self, scalar, op):
        self.scalar = scalar
        self.op = op

    dims = property(lambda self: self.op.dims)
    dimsd = property(lambda self: self.op.dimsd)
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

    @property
    def H(self):  # -(A^H), so that the substitution in (I - L)^H undoes the minus sign, as it does in I - L
        return Multiple(-1, self.op.H) if self.scalar == -1 else Adjoint(self)


class Relabelled(Wrapper):
    """The same matrix between spaces of other shapes.  Forward: reshape(A reshape(dX)).  Adjoint: likewise with A^H."""

    def __init__(self, op, dims, dimsd):
        self.op = op
        self.dims = dims
        self.dimsd = dimsd

    def apply(self, X):
        return _recast(self.op.apply(_recast(X, self.dims, self.op.dims)), self.op.dimsd, self.dimsd)

    def apply_adjoint(self, Y):
        return _recast(self.op.apply_adjoint(_recast(Y, self.dimsd, self.op.dimsd)), self.op.dims, self.dims)


def _recast(X, dims, new_dims):
    return X if dims == new_dims else unflatten(flatten(X, dims), new_dims)


def _map_parts(function, *arguments):
    """Call `function` on arrays, or part by part on tuples of arrays (and on what a trace has in place of them)."""
    if hasattr(arguments[0], "__len__") and not hasattr(arguments[0], "shape"):
        return tuple(map(function, *arguments))
    return function(*arguments)
