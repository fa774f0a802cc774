"""Matrices with traced stored values, and their algebra: sums, products and parts of them keep the values traced.

Patterns are plain arrays, which are computed with SciPy's or NumPy's sorting; on stored values every operation is
linear, or bilinear:

    sum       d_out = d_A added at the places of A + d_B added at the places of B
    product   d_out = d_A[i] d_B[j], for all pairs with column i of A = row j of B, added at (row i, column j)
    part      d_out = d_A[i], for the numbers i that SciPy finds in a matrix whose stored values are their numbers
"""

import numpy as np
import scipy.sparse

from opad.operators.indexing import scatter_add
from opad.scipy.linalg.structured import columns, like_vector
from opad.scipy.mirrors import StoredValues
from opad.scipy.sparse.stored import Pattern, product
from opad.tracing.rules.helpers import wants


class SparseArray(StoredValues):
    """A sparse matrix with traced stored values, made by `opad.scipy.sparse.csr_array` and its likes.

    It has sums, differences and products with sparse matrices of both kinds, products with arrays on both sides,
    multiples, slices, `T`, `conj`, `multiply`, `diagonal`, `sum`, `toarray`, and is what
    `opad.scipy.sparse.linalg.spsolve` takes. A traced number times a sparse matrix of SciPy is one, too. Its format is
    nobody's concern: `tocsr` and its likes return the matrix itself.

    Attributes
    ----------
    data : (nnz,) array, traced
    pattern : Pattern
    """

    __slots__ = ("data", "pattern")
    __array_ufunc__ = None  # so that arrays leave products to it

    def __init__(self, data, pattern):
        self.data = data
        self.pattern = pattern

    @classmethod
    def of(cls, matrix):
        """A sparse matrix of either kind."""
        if isinstance(matrix, cls):
            return matrix
        stored = scipy.sparse.csr_array(matrix, copy=True)  # later changes to it do not reach the record
        return cls(stored.data, Pattern(stored.indices, stored.indptr, stored.shape))

    ndim = 2
    shape = property(lambda self: self.pattern.shape)
    dtype = property(lambda self: self.data.dtype)
    nnz = property(lambda self: len(self.pattern.indices))

    @property
    def T(self):
        return SparseArray(self.data, self.pattern.T)

    def transpose(self):
        """The transpose."""
        return self.T

    def conj(self):
        """The matrix with conjugated values."""
        return SparseArray(np.conj(self.data), self.pattern)

    def copy(self):
        """The matrix itself: it does not change."""
        return self

    tocsr = tocsc = tocoo = todia = tobsr = copy

    def toarray(self):
        """The dense matrix."""
        return scatter_add(self.data, self.pattern.places, self.shape)

    def diagonal(self):
        """The main diagonal."""
        rows, cols = self.pattern.places
        stored = np.flatnonzero(rows == cols)
        return scatter_add(self.data[stored], (rows[stored],), (min(self.shape),))

    def sum(self, axis=None, dtype=None, out=None):
        """The sum of all elements, or over rows (axis 0) or columns (axis 1)."""
        if dtype is not None or out is not None:
            raise wants("the sum of a sparse matrix", "dtype or out", "neither; write A.sum(axis).astype(dtype)")
        if axis is None:
            return np.sum(self.data)
        axis = range(2)[axis]
        return scatter_add(self.data, (self.pattern.places[1 - axis],), (self.shape[1 - axis],))

    def __getitem__(self, key):
        return _part(self, key)

    # -- products -----------------------------------------------------------------------------------------------------

    def __matmul__(self, x):
        if (np.ndim(x) not in (1, 2) and not _is_sparse(x)) or x.shape[0] != self.shape[1]:
            raise ValueError(f"matmul: dimension mismatch, {self.shape} and {np.shape(x)}")
        if _is_sparse(x):
            return _times(self, SparseArray.of(x))
        return like_vector(product(self.data, columns(x), self.pattern), x)

    dot = __matmul__

    def __rmatmul__(self, x):
        return SparseArray.of(x) @ self if _is_sparse(x) else np.transpose(self.T @ np.transpose(x))

    def multiply(self, factor):
        """The elementwise product with a number, or with a dense array that broadcasts to the shape."""
        if _is_sparse(factor):
            raise wants("multiply", "a sparse factor", "a number or a dense array; write A.multiply(B.toarray())")
        if np.ndim(factor):
            factor = np.broadcast_to(factor, self.shape)[self.pattern.places]
        return SparseArray(self.data * factor, self.pattern)

    def __mul__(self, factor):
        return NotImplemented if _is_sparse(factor) else self.multiply(factor)

    __rmul__ = __mul__

    def __truediv__(self, scalar):
        return SparseArray(self.data / scalar, self.pattern) if np.ndim(scalar) == 0 else NotImplemented

    # -- sums ---------------------------------------------------------------------------------------------------------

    def __neg__(self):
        return SparseArray(-self.data, self.pattern)

    def __add__(self, other):
        if _is_sparse(other):
            return _sum(self, SparseArray.of(other))
        return self.toarray() + other if np.ndim(other) == 2 else NotImplemented

    __radd__ = __add__

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __repr__(self):
        return f"<SparseArray of shape {self.shape} with {self.nnz} traced values>"


def _is_sparse(x):
    return isinstance(x, SparseArray) or scipy.sparse.issparse(x)


def _joined(values, rows, cols, shape):
    """The matrix with `values` added at their places."""
    numbers, positions = np.unique(rows.astype(np.int64) * shape[1] + cols, return_inverse=True)
    data = scatter_add(values, (positions,), (len(numbers),))
    return SparseArray(data, Pattern.of(*np.divmod(numbers, shape[1] or 1), shape))


def _sum(A, B):
    if A.shape != B.shape:
        raise ValueError(f"inconsistent shapes, {A.shape} and {B.shape}")
    if A.pattern is B.pattern:
        return SparseArray(A.data + B.data, A.pattern)
    (a_rows, a_cols), (b_rows, b_cols) = A.pattern.places, B.pattern.places
    rows, cols = np.concatenate([a_rows, b_rows]), np.concatenate([a_cols, b_cols])
    return _joined(np.concatenate([A.data, B.data]), rows, cols, A.shape)


def _times(A, B):
    (a_rows, a_cols), (b_rows, b_cols) = A.pattern.places, B.pattern.places
    order = np.argsort(b_rows, kind="stable")
    starts = np.searchsorted(b_rows[order], np.arange(B.shape[0] + 1))
    counts = np.diff(starts)[a_cols]  # of the values of B that each value of A meets
    i = np.repeat(np.arange(len(a_rows)), counts)
    j = order[np.arange(len(i)) + np.repeat(starts[a_cols] - np.cumsum(counts) + counts, counts)]
    return _joined(A.data[i] * B.data[j], a_rows[i], b_cols[j], (A.shape[0], B.shape[1]))


def _part(A, key):
    A = _joined(A.data, *A.pattern.places, A.shape)  # no place twice
    found = A.pattern.matrix(np.arange(1, A.nnz + 1))[key]
    if np.ndim(found) == 0 and not scipy.sparse.issparse(found):
        return A.data[int(found) - 1] if found else A.dtype.type(0)
    if found.ndim != 2:
        raise wants("a matrix with traced stored values", f"the index {key!r:.60}", "slices, as A[i : i + 1, :]")
    found = found.tocsr()
    return SparseArray(A.data[found.data - 1], Pattern(found.indices, found.indptr, found.shape))
