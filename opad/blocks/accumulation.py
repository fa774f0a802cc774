"""Products and sums of Jacobian blocks that keep them in their cheapest form: the arithmetic of elimination.

An entry is the structural identity `I`, a number (a multiple of the identity), a `Diagonal`, a sparse CSR array, a
dense array, a `LowRank` product that is not carried out yet, or an opaque Operator, which is only ever applied: to the
columns of its right neighbour, to the rows of its left one, or, where that is cheaper, to the identity.
"""

import numpy as np
import scipy.sparse

from opad.blocks.entries import I, is_number
from opad.errors import AccumulationError
from opad.operators import Hadamard, Operator, is_compound
from opad.operators.structure import Diagonal, add_forms, late_structure_of, structure_of

DENSE_FROM = 0.25  # share of elements from which a sparse matrix is kept as a dense one
SMALL = 4096  # elements up to which a matrix is dense, since a sparse product takes 40 us at least
RANK_GAIN = 4  # a product U V is postponed if it has this many times more elements than U and V together


class LowRank:
    """The product U V of a tall and a wide matrix, not carried out.

    Examples
    --------
    >>> import numpy as np
    >>> LowRank(np.ones((3, 1)), np.ones((1, 3))).shape
    (3, 3)
    """

    __array_ufunc__ = None

    def __init__(self, U, V):
        self.U, self.V = U, V

    @property
    def shape(self):
        return self.U.shape[0], self.V.shape[1]

    def __mul__(self, scalar):
        return LowRank(scalar * self.U, self.V)

    __rmul__ = __mul__

    def toarray(self):
        """The product."""
        return self.U @ self.V


def _is_compound(op):
    """Whether an operator maps from or to tuples of arrays, some of which are structural zeros."""
    return is_compound(op.dims) or is_compound(op.dimsd)


class Accumulation:
    """`multiply` and `add` on entries, within a bound on the memory of a single block.

    Parameters
    ----------
    max_bytes : int, optional; what one dense block may take
    sparse : bool, whether matrices stay sparse however small or well filled they are
    itemsize : bytes that one element of the Jacobian takes

    Examples
    --------
    >>> import numpy as np
    >>> from opad.operators import Hadamard
    >>> arithmetic = Accumulation()
    >>> a = arithmetic.form(Hadamard(np.array([1.0, 2.0])))
    >>> arithmetic.dense(arithmetic.multiply(a, np.ones((2, 2))), 2, 2)
    array([[1., 1.],
           [2., 2.]])
    """

    def __init__(self, max_bytes=None, sparse=False, itemsize=8):
        self.max_bytes = max_bytes
        self.itemsize = itemsize
        self.stay_sparse = sparse
        self.sparse_forms = 0  # how many blocks had a sparse form; making one takes SciPy tens of microseconds

    # -- forms ------------------------------------------------------------------------------------------------------

    def form(self, block):
        """A block of a row, an Operator or None for the identity, as an entry."""
        if block is None:
            return I
        if type(block) is Hadamard and block.dims == ():  # the block of every operation on single numbers
            return block.M.item() if hasattr(block.M, "item") else block.M
        form = structure_of(block)
        if form is None:
            return block
        if is_number(form):
            return I if form == 1 else form
        self.sparse_forms += scipy.sparse.issparse(form)
        return self._settled(form)

    def _settled(self, form):
        """A sparse matrix that is small or well filled becomes dense."""
        if not self.stay_sparse and scipy.sparse.issparse(form):
            elements = form.shape[0] * form.shape[1]
            if elements <= SMALL or form.nnz > DENSE_FROM * elements:
                return form.toarray()
        return form

    def dense(self, entry, m, n):
        """An entry as a dense array of shape (m, n)."""
        self.require_memory(m, n)
        if entry is I or is_number(entry):
            return np.eye(m) if entry is I else entry * np.eye(m)
        if isinstance(entry, Operator):
            return self.accumulated(entry)
        return entry if isinstance(entry, np.ndarray) else entry.toarray()

    def sparse(self, entry, m):
        """An entry with m rows as a sparse CSR array."""
        if entry is I or is_number(entry):
            return Diagonal(np.full(m, 1.0 if entry is I else entry)).tocsr()
        if isinstance(entry, Operator):
            late = late_structure_of(entry)
            entry = self.accumulated(entry) if late is None else late
        if isinstance(entry, LowRank):
            self.require_memory(*entry.shape)
            entry = entry.toarray()
        return entry.tocsr() if hasattr(entry, "tocsr") else scipy.sparse.csr_array(entry)

    def accumulated(self, op):
        """The dense matrix of an opaque operator, by columns or by rows."""
        m, n = op.shape
        self.require_memory(m, n, op)
        if n <= m:
            return op.matmat(np.eye(n, dtype=op.dtype))
        return op.rmatmat(np.eye(m, dtype=op.dtype)).conj().T

    def require_memory(self, m, n, op=None):
        """Raise if a dense m x n matrix takes more than `max_bytes`; `op` is the operator that is not sparse."""
        needed = self.itemsize * m * n
        if self.max_bytes is not None and needed > self.max_bytes:
            what = f"the opaque block {op.label}" if op is not None else "a dense block"
            raise AccumulationError(
                f"{what} of the Jacobian is {m} x {n} and takes {needed} bytes; expected at most max_bytes="
                f"{self.max_bytes}. Allow more, give the operator a structure() method that returns a sparse matrix, "
                "or use opad.jacobian_operator, which stores nothing."
            )

    # -- arithmetic -------------------------------------------------------------------------------------------------

    def multiply(self, a, b):
        """The product of two entries."""
        if a is I:
            return b
        if b is I:
            return a
        if is_number(a) or is_number(b):
            a, b = (self._explicit(x) if isinstance(x, Operator) and _is_compound(x) else x for x in (a, b))
            return a * b
        if isinstance(a, Operator) or isinstance(b, Operator):
            return self._apply(a, b)
        if isinstance(a, LowRank):
            return LowRank(a.U, self.dense(self.multiply(a.V, b), a.V.shape[0], b.shape[1]))
        if isinstance(b, LowRank):
            return LowRank(self.dense(self.multiply(a, b.U), a.shape[0], b.U.shape[1]), b.V)
        if isinstance(a, Diagonal):
            return a @ b
        if isinstance(b, Diagonal):
            return b.__rmatmul__(a)
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            return self._dense_product(a, b)
        if isinstance(a, np.ndarray):
            self.require_memory(a.shape[0], b.shape[1])
            return (b.T @ a.T).T
        if isinstance(b, np.ndarray):
            self.require_memory(a.shape[0], b.shape[1])
            return a @ b
        return self._settled(a @ b)

    def _dense_product(self, a, b):
        (m, k), n = a.shape, b.shape[1]
        if RANK_GAIN * k * (m + n) <= m * n:
            return LowRank(a, b)
        self.require_memory(m, n)
        return a @ b

    def _apply(self, a, b):
        """A product in which an operator takes part."""
        if isinstance(a, Operator) and isinstance(b, Operator):
            if b.shape[1] <= a.shape[0]:
                return self.multiply(a, self._explicit(b))
            return self.multiply(self._explicit(a), b)
        on_the_left = isinstance(a, Operator)
        op, other = (a, b) if on_the_left else (b, a)
        if isinstance(other, LowRank):
            if on_the_left:
                return LowRank(self._apply(op, other.U), other.V)
            return LowRank(other.U, self._apply(other.V, op))
        if not isinstance(other, np.ndarray):
            matrix = late_structure_of(op)
            directions = other.shape[1] if on_the_left else other.shape[0]
            if matrix is None and directions > min(op.shape):
                matrix = self.accumulated(op)
            if matrix is not None:
                return self.multiply(matrix, other) if on_the_left else self.multiply(other, matrix)
            self.require_memory(*other.shape)
            other = other.toarray()
        if on_the_left:
            self.require_memory(op.shape[0], other.shape[1], op)
            return op.matmat(other)
        self.require_memory(other.shape[0], op.shape[1], op)
        return op.rmatmat(other.conj().T).conj().T

    def _explicit(self, op):
        late = late_structure_of(op)
        return self.accumulated(op) if late is None else self._settled(late)

    def add(self, a, b):
        """The sum of two entries."""
        if a is I:
            a = 1.0
        if b is I:
            b = 1.0
        a, b = (self._explicit(x) if isinstance(x, Operator) else x for x in (a, b))
        a, b = (self.dense(x, *x.shape) if isinstance(x, LowRank) else x for x in (a, b))
        if is_number(a) and is_number(b):
            return a + b
        return self._settled(add_forms(a, b, (b if is_number(a) else a).shape[0]))
