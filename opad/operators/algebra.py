"""The operator class that everything in opad is made of, and its algebra: sums, multiples, products, adjoints.

Identity and zero are structural: composing with them, or adding zero, returns the other operand.
"""

import sys
from numbers import Number

import numpy as np
from scipy.sparse.linalg import LinearOperator

from opad.errors import ShapeError
from opad.operators.base import LinearMap, is_compound, size_of


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
            return _product(self, Foreign(other))
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
            return _sum(self, Foreign(other))
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
            raise ValueError(f"operator ** {power!r}; expected a non-negative integer. Use scipy's expm_multiply etc.")
        if self.dims != self.dimsd:
            raise ShapeError(f"{self!r} ** {power}; expected a square operator, with dims == dimsd.")
        result = Identity(self.dims)
        for _ in range(power):
            result = _product(self, result)
        return result

    def as_real(self):
        """The equivalent real operator on (Re, Im) stacked along a new leading axis; real-linear maps have one too."""
        return AsReal(self)


def _array_or_tuple(parts):
    return tuple(parts) if any(hasattr(p, "shape") for p in parts) else np.asarray(parts)


def is_scalar(x):
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
    if isinstance(left, Zero) or isinstance(right, Zero):
        return Zero(right.dims, left.dimsd)
    if left.dims != right.dimsd:
        right = Relabelled(right, right.dims, left.dims)
    if isinstance(left, Identity):
        return right
    if isinstance(right, Identity):
        return left
    return Product(left, right)


def _sum(a, b):
    if a.shape != b.shape:
        raise ShapeError(f"sum {a!r} + {b!r}: shapes {a.shape} and {b.shape} differ; expected equal shapes.")
    if (a.dims, a.dimsd) != (b.dims, b.dimsd):
        b = Relabelled(b, a.dims, a.dimsd)
    if isinstance(a, Zero):
        return b
    if isinstance(b, Zero):
        return a
    return Sum(a, b)


# What the algebra makes are operators too; they can be defined, and so imported, only after the class above.
from opad.operators.composites import (  # noqa: E402
    Adjoint,
    AsReal,
    Foreign,
    Identity,
    IdentityMinus,  # noqa: F401  for importers of this module
    Multiple,
    Product,
    Relabelled,
    Sum,
    Transposed,
    Zero,
)
