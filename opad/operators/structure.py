"""The matrix of an operator in its cheapest stored form: a number, a diagonal, a sparse matrix, a dense one, or none.

`structure_of(op)` knows opad's own operators. An operator of the user's own takes part by a method `structure()` that
returns one of these forms; without it the operator stays what it is, opaque, and is only ever applied.
"""

from math import prod

import numpy as np
import scipy.sparse

from opad import operators as ops
from opad.operators.base import flatten, size_of, unflatten


class Diagonal:
    """A diagonal matrix, by the vector on its diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> (Diagonal(np.array([1.0, 2.0])) @ np.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """

    __array_ufunc__ = None

    def __init__(self, values):
        self.values = values

    @property
    def shape(self):
        n = self.values.shape[0]
        return n, n

    @property
    def dtype(self):
        return self.values.dtype

    def __matmul__(self, other):
        if isinstance(other, Diagonal):
            return Diagonal(self.values * other.values)
        if scipy.sparse.issparse(other):
            data = np.repeat(self.values, np.diff(other.indptr)) * other.data
            return scipy.sparse.csr_array((data, other.indices, other.indptr), shape=other.shape)
        return self.values.reshape((-1,) + (1,) * (other.ndim - 1)) * other

    def __rmatmul__(self, other):
        if scipy.sparse.issparse(other):
            data = other.data * self.values[other.indices]
            return scipy.sparse.csr_array((data, other.indices, other.indptr), shape=other.shape)
        return other * self.values

    def __mul__(self, scalar):
        return Diagonal(scalar * self.values)

    __rmul__ = __mul__

    def __add__(self, other):
        return Diagonal(self.values + (other.values if isinstance(other, Diagonal) else other))

    def conj(self):
        """The diagonal matrix of the conjugated diagonal."""
        return Diagonal(np.conj(self.values))

    @property
    def T(self):
        return self

    def toarray(self):
        """The matrix as a dense array."""
        return np.diag(self.values)

    def tocsr(self):
        """The matrix as a sparse CSR array."""
        n = self.values.shape[0]
        return scipy.sparse.csr_array((self.values, _starts(n)[:-1], _starts(n)), shape=(n, n))


def structure_of(op):
    """The matrix of an operator in its cheapest stored form.

    Parameters
    ----------
    op : Operator

    Returns
    -------
    number (a multiple of the identity), Diagonal, scipy.sparse.csr_array, 2-D ndarray, or None for an opaque operator

    Examples
    --------
    >>> import numpy as np
    >>> from opad.operators import Index, Permute, Scaling
    >>> structure_of(Scaling(3.0, (4,)))
    3.0
    >>> structure_of(Index(np.array([2, 0]), (3,))).toarray()
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    form = _FORMS.get(type(op))
    if form is not None:
        return form(op)
    own = getattr(op, "structure", None)
    return own() if own is not None else None


# -- selections: every element of the result is an element of the argument, or of the argument is one of the result ---


def _numbered(dims):
    size = size_of(dims)
    return unflatten(np.arange(size, dtype=_index_type(size)), dims)


def _index_type(size):
    return np.int32 if size < 2**31 else np.int64


def _starts(rows, step=1):
    """indptr of a matrix with `step` elements in every row."""
    return np.arange(0, step * rows + 1, step, dtype=_index_type(step * rows))


def _gather(op):
    """Rows of the identity: found by applying the operator to the numbers of the elements."""
    rows, columns = op.shape
    source = flatten(op.apply(_numbered(op.dims)), op.dimsd).reshape(-1)
    return scipy.sparse.csr_array((np.ones(rows), source, _starts(rows)), shape=(rows, columns))


def _scatter(op):
    """Columns of the identity: found by applying the adjoint, which is a gather."""
    rows, columns = op.shape
    target = flatten(op.apply_adjoint(_numbered(op.dimsd)), op.dims).reshape(-1)
    return scipy.sparse.csc_array((np.ones(columns), target, _starts(columns)), shape=(rows, columns)).tocsr()


def _pad(op):
    return _scatter(op) if op.mode == "constant" else _gather(op)


def selection_of_part(shapes, k):
    """The rows of the identity that pick the k-th of several arrays out of all their elements, one after another."""
    sizes = [prod(shape) for shape in shapes]
    source = np.arange(sizes[k]) + sum(sizes[:k])
    return scipy.sparse.csr_array((np.ones(sizes[k]), source, _starts(sizes[k])), shape=(sizes[k], sum(sizes)))


# -- elementwise ----------------------------------------------------------------------------------------------------


def _hadamard(op):
    if op.dims == ():
        return op.M[()] if hasattr(op.M, "shape") else op.M
    return Diagonal(np.broadcast_to(op.M, op.dims).reshape(-1))


def _broadcast_hadamard(op):
    source = np.broadcast_to(_numbered(op.dims), op.dimsd).reshape(-1)
    rows, columns = op.shape
    data = np.broadcast_to(op.M, op.dimsd).reshape(-1)
    return scipy.sparse.csr_array((data, source, _starts(rows)), shape=(rows, columns))


def _cast(op):
    return 1.0 if op.clinear else None


def _difference(op):
    numbers = _numbered(op.dims)
    later = np.roll(numbers, -1, op.axis)
    keep = [slice(None)] * numbers.ndim
    keep[op.axis] = slice(None, -1)
    columns = np.stack([numbers[tuple(keep)].reshape(-1), later[tuple(keep)].reshape(-1)], axis=1)
    rows = columns.shape[0]
    data = np.tile([-1.0, 1.0], rows)
    return scipy.sparse.csr_array((data, columns.reshape(-1), _starts(rows, 2)), shape=op.shape)


# -- products with matrices -----------------------------------------------------------------------------------------


def _kron(A, B):
    return scipy.sparse.kron(A, B, format="csr")


def _matrix(op):
    return scipy.sparse.csr_array(op.A) if scipy.sparse.issparse(op.A) else op.A


def _kronecker_with_identity(op):
    """The matrix of an operator that multiplies many columns or rows with the same factor."""
    if isinstance(op, ops.LeftMultiply):
        return _kron(op.B, scipy.sparse.eye_array(op.dims[1]))
    if isinstance(op, ops.RightMultiply):
        return _kron(scipy.sparse.eye_array(op.dims[0]), op.A.swapaxes(0, 1))
    if isinstance(op, ops.VectorOfMatrix):
        return _kron(scipy.sparse.eye_array(op.dims[0]), op.x[None, :])
    return _kron(op.x[None, :], scipy.sparse.eye_array(op.dims[1]))


def has_late_structure(op):
    """Whether an operator has a sparse matrix that is better not formed before it is needed; see below."""
    return type(op) in _LATE or (type(op) is ops.Adjoint and type(op.op) in _LATE)


def late_structure_of(op):
    """The sparse matrix of an operator whose `apply` is far faster than a product with that matrix; None for others.

    Multiplications of matrices by a constant factor are of this kind: next to a dense block they are one matrix
    product, next to a sparse block their Kronecker form is better.
    """
    if not has_late_structure(op):
        return None
    if isinstance(op, ops.Adjoint):
        return _kronecker_with_identity(op.op).conj().T.tocsr()
    return _kronecker_with_identity(op)


# -- composites -----------------------------------------------------------------------------------------------------


def adjoint_structure(form):
    """The conjugate transpose of a stored form."""
    if form is None:
        return None
    if getattr(form, "shape", ()) == ():
        return form.conjugate()
    if isinstance(form, Diagonal):
        return form.conj()
    adjoint = form.conj().T
    return adjoint.tocsr() if scipy.sparse.issparse(adjoint) else adjoint


def _transposed(op):
    form = adjoint_structure(structure_of(op.op))
    return None if form is None else form.conjugate() if np.shape(form) == () else form.conj()


def _multiple(op):
    form = structure_of(op.op)
    return None if form is None else op.scalar * form


def _product(op):
    left, right = structure_of(op.left), structure_of(op.right)
    if left is None or right is None:
        return None
    if np.shape(left) == () or np.shape(right) == ():
        return left * right
    return left @ right


def _sum(op):
    a, b = structure_of(op.a), structure_of(op.b)
    return None if a is None or b is None else add_forms(a, b, op.shape[0])


def _identity_minus(op):
    form = structure_of(op.op)
    return None if form is None else add_forms(1.0, -1.0 * form, op.shape[0])


def add_forms(a, b, size):
    """Sum of two stored forms; `size` is the number of rows, for numbers next to matrices."""
    if np.shape(a) == () and np.shape(b) == ():
        return a + b
    a, b = (Diagonal(np.full(size, x)) if np.shape(x) == () else x for x in (a, b))
    if isinstance(a, Diagonal) and isinstance(b, Diagonal):
        return a + b
    dense = isinstance(a, np.ndarray) or isinstance(b, np.ndarray)
    a, b = (_stored(x, dense) for x in (a, b))
    return a + b


def _stored(form, dense):
    if dense:
        return form if isinstance(form, np.ndarray) else form.toarray()
    return form.tocsr()


_LATE = {ops.LeftMultiply, ops.RightMultiply, ops.VectorOfMatrix, ops.VectorTimesMatrix}

_FORMS = {
    ops.Identity: lambda op: 1.0,
    ops.Zero: lambda op: scipy.sparse.csr_array(op.shape),
    ops.Adjoint: lambda op: adjoint_structure(structure_of(op.op)),
    ops.Transposed: _transposed,
    ops.Multiple: _multiple,
    ops.Product: _product,
    ops.Sum: _sum,
    ops.IdentityMinus: _identity_minus,
    ops.Relabelled: lambda op: structure_of(op.op),
    ops.Matrix: _matrix,
    ops.Difference: _difference,
    ops.Scaling: lambda op: op.scalar,
    ops.Hadamard: _hadamard,
    ops.BroadcastHadamard: _broadcast_hadamard,
    ops.Cast: _cast,
    ops.Index: _gather,
    ops.Embed: _scatter,
    ops.Concatenate: _scatter,
    ops.Pad: _pad,
    ops.MatrixVector: lambda op: op.A,
    ops.InnerProduct: lambda op: np.conj(op.G).reshape((1, -1)),
    ops.Permute: _gather,
    ops.Reshape: lambda op: 1.0,
    ops.Broadcast: _gather,
    ops.SumAxes: _scatter,
    ops.Flip: _gather,
    ops.Roll: _gather,
}
