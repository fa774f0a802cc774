"""What eliminating and substituting cost: a model of the arithmetic of `accumulation`, on sizes in place of entries.

`CostModel` has the same `multiply` and `add`, on `Estimate`s. An elimination program run with them does no arithmetic
and adds up what it would have cost, in multiplications and in modelled nanoseconds; the latter decide between orders.
"""

from dataclasses import dataclass

import scipy.sparse

from opad.blocks.accumulation import DENSE_FROM, RANK_GAIN, SMALL, LowRank
from opad.blocks.entries import I, is_number
from opad.operators import Operator, products
from opad.operators.structure import Diagonal, has_late_structure

NUMBER = 60.0  # ns: a product of two Python numbers, with its bookkeeping
CALL = 1500.0  # ns: a NumPy call on small arrays, with its bookkeeping
SPARSE_CALL = 60_000.0  # ns: a product or sum of two small sparse matrices
ELEMENT = 0.7  # ns: one element of an elementwise product or sum
SPARSE_ELEMENT = 8.0  # ns: one element of a sparse product
DENSE = 0.05  # ns: one multiply-add of a dense matrix product
SWEEP_CALL = 900.0  # ns: one block of a substitution
START = 40_000.0  # ns: what an elimination takes before and after its products
NUMBER_FORM, FORM, SPARSE_FORM = 1000.0, 3000.0, 60_000.0  # ns: bringing a block into its stored form

_BLAS = (
    products.LeftMultiply,
    products.RightMultiply,
    products.Kronecker,
    products.MatrixVector,
    products.VectorOfMatrix,
    products.VectorTimesMatrix,
)
_KINDS = ("identity", "number", "diagonal", "sparse", "dense")  # of a sum, the later kind


@dataclass(frozen=True)
class Estimate:
    """Kind and size of an entry.

    Attributes
    ----------
    kind : "identity", "number", "diagonal", "sparse", "low rank", "dense" or "opaque"
    rows, columns : int; 0 where the entry fits any size
    nnz : float, elements stored; of an opaque operator, multiply-adds of one application
    late : Estimate of the sparse form of an opaque operator that has one
    rank : int, of a low rank product
    rate : float, nanoseconds per multiply-add of an opaque operator
    """

    kind: str
    rows: int
    columns: int
    nnz: float
    late: "Estimate | None" = None
    rank: int = 0
    rate: float = ELEMENT


def estimate(entry):
    """The Estimate of an entry of `accumulation`."""
    if entry is I:
        return Estimate("identity", 0, 0, 0)
    if is_number(entry):
        return Estimate("number", 0, 0, 1)
    m, n = entry.shape
    if isinstance(entry, Diagonal):
        return Estimate("diagonal", m, n, m)
    if isinstance(entry, LowRank):
        k = entry.U.shape[1]
        return Estimate("low rank", m, n, k * (m + n), rank=k)
    if isinstance(entry, Operator):
        operations = apply_operations(entry)  # of a Kronecker form with an identity, also its number of elements
        late = Estimate("sparse", m, n, operations) if has_late_structure(entry) else None
        rate = DENSE if isinstance(getattr(entry, "op", entry), _BLAS) else ELEMENT
        return Estimate("opaque", m, n, operations, late, rate=rate)
    if scipy.sparse.issparse(entry):
        return Estimate("sparse", m, n, entry.nnz)
    return Estimate("dense", m, n, m * n)


def apply_operations(op):
    """Multiply-adds of one application of an operator; an operator may state its own as the attribute `operations`.

    Examples
    --------
    >>> import numpy as np
    >>> from opad.operators import LeftMultiply
    >>> apply_operations(LeftMultiply(np.ones((3, 4)), cols=5))
    60
    """
    own = getattr(op, "operations", None)
    if own is not None:
        return own
    if isinstance(op, products.LeftMultiply | products.MatrixVector):
        return op.shape[0] * op.dims[0]
    if isinstance(op, products.RightMultiply | products.VectorOfMatrix):
        return op.shape[0] * op.dims[-1]
    if isinstance(op, products.VectorTimesMatrix):
        return op.shape[1]
    parts = [part for part in vars(op).values() if isinstance(part, Operator)]
    if parts:
        return sum(map(apply_operations, parts))
    held = [part for part in vars(op).values() if hasattr(part, "dtype") and hasattr(part, "size")]
    return sum(op.shape) + sum(int(part.size) for part in held)


class CostModel:
    """Adds up the cost of products and sums of Estimates.

    Parameters
    ----------
    sparse : bool, as for `Accumulation`

    Attributes
    ----------
    multiplications : number of multiplications
    nanoseconds : float, modelled time

    Examples
    --------
    >>> model = CostModel()
    >>> product = model.multiply(Estimate("dense", 20, 30, 600), Estimate("diagonal", 30, 30, 30))
    >>> product.kind, model.multiplications
    ('dense', 600)
    """

    def __init__(self, sparse=False):
        self.multiplications = 0
        self.nanoseconds = 0.0
        self.stay_sparse = sparse

    def _charge(self, operations, rate=ELEMENT, call=CALL):
        self.multiplications += operations
        self.nanoseconds += call + rate * operations

    def _matrix(self, rows, columns, nnz):
        elements = rows * columns
        nnz = min(nnz, elements)
        if not self.stay_sparse and (elements <= SMALL or nnz > DENSE_FROM * elements):
            return Estimate("dense", rows, columns, elements)
        return Estimate("sparse", rows, columns, nnz)

    def multiply(self, a, b):
        """The Estimate of a product, whose cost is charged."""
        if a.kind == "identity":
            return b
        if b.kind == "identity":
            return a
        if a.kind == b.kind == "number":
            self._charge(1, 0.0, NUMBER)
            return a
        if "number" in (a.kind, b.kind) or "diagonal" in (a.kind, b.kind):
            if "opaque" in (a.kind, b.kind):
                return self._apply(a, b)
            other = a if a.kind not in ("number", "diagonal") or b.kind == "number" else b
            self._charge(other.nnz, ELEMENT, 2 * CALL if other.kind == "sparse" else CALL)
            return other
        if "opaque" in (a.kind, b.kind):
            return self._apply(a, b)
        if "low rank" in (a.kind, b.kind):
            low, other = (a, b) if a.kind == "low rank" else (b, a)
            self._charge(low.rank * other.nnz, DENSE)
            return Estimate("low rank", a.rows, b.columns, low.rank * (a.rows + b.columns), rank=low.rank)
        if a.kind == b.kind == "dense":
            return self._dense(a.rows, a.columns, b.columns)
        if a.kind == b.kind == "sparse":
            operations = a.nnz * b.nnz / a.columns
            self._charge(operations, SPARSE_ELEMENT, SPARSE_CALL)
            return self._matrix(a.rows, b.columns, operations)
        self._charge(a.nnz * b.columns if a.kind == "sparse" else a.rows * b.nnz, 2 * ELEMENT, 10 * CALL)
        return Estimate("dense", a.rows, b.columns, a.rows * b.columns)

    def _dense(self, m, k, n):
        if RANK_GAIN * k * (m + n) <= m * n:
            return Estimate("low rank", m, n, k * (m + n), rank=k)
        self._charge(m * k * n, DENSE)
        self.nanoseconds += ELEMENT * m * n
        return Estimate("dense", m, n, m * n)

    def _apply(self, a, b):
        if a.kind == b.kind == "opaque":
            if b.columns <= a.rows:
                return self.multiply(a, self.explicit(b))
            return self.multiply(self.explicit(a), b)
        op, other = (a, b) if a.kind == "opaque" else (b, a)
        if other.kind == "number":
            self.nanoseconds += NUMBER
            return op
        if other.kind == "low rank":
            self._charge(other.rank * op.nnz, op.rate)
            return Estimate("low rank", a.rows, b.columns, other.rank * (a.rows + b.columns), rank=other.rank)
        directions = other.columns if op is a else other.rows
        if other.kind != "dense" and (op.late is not None or directions > min(op.rows, op.columns)):
            matrix = op.late if op.late is not None else self.explicit(op)
            return self.multiply(matrix, other) if op is a else self.multiply(other, matrix)
        self._charge(directions * op.nnz, op.rate, 2 * CALL)
        return Estimate("dense", a.rows, b.columns, a.rows * b.columns)

    def explicit(self, a):
        """The Estimate of an entry once it is stored; storing it is charged."""
        elements = a.rows * a.columns
        if a.kind == "low rank":
            self._charge(a.rank * elements, DENSE)
        elif a.kind == "opaque":
            if a.late is not None:
                return self._matrix(a.rows, a.columns, a.late.nnz)
            self._charge(min(a.rows, a.columns) * a.nnz, a.rate, 2 * CALL)
        else:
            return a
        return Estimate("dense", a.rows, a.columns, elements)

    def add(self, a, b):
        """The Estimate of a sum, whose time is charged; multiplications are counted by products alone."""
        low, high = sorted((self.explicit(a), self.explicit(b)), key=lambda x: _KINDS.index(x.kind))
        if high.kind in ("identity", "number"):
            self.nanoseconds += NUMBER
            return Estimate("number", 0, 0, 1)
        if high.kind != "sparse":
            self.nanoseconds += CALL + ELEMENT * high.nnz
            return high
        nnz = high.nnz + (low.nnz if low.kind == "sparse" else high.rows)
        self.nanoseconds += SPARSE_CALL + SPARSE_ELEMENT * nnz
        return self._matrix(high.rows, high.columns, nnz)

    def substitute(self, edge, directions):
        """Charge one block of a substitution with many right-hand sides."""
        if edge.kind == "identity":
            self.nanoseconds += SWEEP_CALL
        else:
            rate = edge.rate if edge.kind == "opaque" else DENSE if edge.kind == "dense" else 2 * ELEMENT
            self._charge(directions * max(edge.nnz, 1), rate, SWEEP_CALL)
