"""Block matrices: sparse matrices whose entries are operators, arrays, sparse matrices, numbers or symbols."""

import numpy as np
import scipy.sparse

from opad.blocks import entries
from opad.blocks.drawing import pattern_html, pattern_text
from opad.blocks.flat import BlockOperator
from opad.blocks.vector import BlockVector
from opad.errors import ShapeError
from opad.operators import Operator
from opad.operators.base import is_compound, size_of


class BlockMatrix:
    """A sparse matrix of linear operators.

    Parameters
    ----------
    blocks : dict {(i, j): entry}, or a nested list with None (or 0) for zero blocks
        Entries may be Operators, operators of SciPy or PyLops, NumPy or SciPy sparse matrices, numbers of any kind
        (Fractions, SymPy symbols) and `opad.I`, the identity of whatever space it stands in.
    shape : (rows, columns), counted in blocks; inferred if not given
    dimsd, dims : sequences of array shapes, one per block row and per block column
        Needed only where the entries do not tell (zero rows, numbers, `opad.I`).
    row_names, column_names : sequences of str, shown in pictures and errors

    Raises
    ------
    ShapeError
        If a block does not fit the others in its row or column; the message names the block.

    Examples
    --------
    >>> import numpy as np, opad
    >>> a, b, c, d = 2.0, 3.0, 5.0, 7.0
    >>> L = opad.BlockMatrix({(2, 0): a, (2, 1): b, (3, 2): c, (4, 3): d}, shape=(5, 5))
    >>> dx = opad.solve(opad.I - L, opad.BlockVector([1.0, 0.0, 0.0, 0.0, 0.0]))
    >>> dx[4] == a * c * d
    True
    >>> print(opad.I - L)
    BlockMatrix: 5 x 5 blocks, 9 not zero
      I . . . .
      . I . . .
      s s I . .
      . . s I .
      . . . s I
      I identity   s number

    References
    ----------
    Edelman, Akyurek, Wang, "Backpropagation through Back Substitution with a Backslash", SIAM J. Matrix Anal. Appl.
    45(1):429-449, 2024.
    """

    __array_ufunc__ = None

    def __init__(self, blocks, shape=None, dimsd=None, dims=None, row_names=None, column_names=None):
        if not isinstance(blocks, dict):
            blocks = {(i, j): entry for i, row in enumerate(blocks) for j, entry in enumerate(row)}
            shape = shape or (1 + max(i for i, _ in blocks), 1 + max(j for _, j in blocks))
        self.blocks = {key: entries.normalise(entry) for key, entry in blocks.items() if not _is_structural_zero(entry)}
        if shape is None:
            shape = (
                len(dimsd) if dimsd is not None else 1 + max((i for i, _ in self.blocks), default=-1),
                len(dims) if dims is not None else 1 + max((j for _, j in self.blocks), default=-1),
            )
        self.shape = tuple(shape)
        self.row_names = list(row_names) if row_names is not None else None
        self.column_names = list(column_names) if column_names is not None else None
        self.dimsd = list(dimsd) if dimsd is not None else [None] * self.shape[0]
        self.dims = list(dims) if dims is not None else [None] * self.shape[1]
        self._fit_spaces()

    @classmethod
    def _trusted(cls, blocks, shape, dimsd, dims, row_names, column_names):
        """A block matrix from parts that are known to fit."""
        new = object.__new__(cls)
        new.blocks, new.shape, new.dimsd, new.dims = blocks, shape, dimsd, dims
        new.row_names, new.column_names = row_names, column_names
        return new

    def _fit_spaces(self):
        for (i, j), entry in self.blocks.items():
            if not (0 <= i < self.shape[0] and 0 <= j < self.shape[1]):
                raise ShapeError(
                    f"block ({i}, {j}) lies outside a block matrix of {self.shape[0]} x {self.shape[1]} blocks; "
                    "expected an index inside. Pass a larger shape."
                )
            found = entries.spaces(entry)
            if found is None:
                continue
            dimsd, dims = (tuple(space) for space in found)
            expected = self.dimsd[i], self.dims[j]
            if (expected[0] not in (None, dimsd)) or (expected[1] not in (None, dims)):
                raise ShapeError(
                    f"block {self._name(i, j)}: expected {_arrow(expected[1], expected[0])}, got {_arrow(dims, dimsd)}"
                    f" ({_describe(entry)}). Blocks of one row share their output shape, blocks of one column their "
                    "input shape."
                )
            self.dimsd[i], self.dims[j] = dimsd, dims
        self._share_spaces()

    def _share_spaces(self):
        """The identity and numbers stand between equal spaces: where one of the two is known, so is the other."""
        known = any(d is not None for d in (*self.dimsd, *self.dims))
        links = [key for key, entry in self.blocks.items() if entries.spaces(entry) is None] if known else []
        neighbours = {}
        for i, j in links:
            neighbours.setdefault(("row", i), []).append(("column", j))
            neighbours.setdefault(("column", j), []).append(("row", i))
        spaces = {"row": self.dimsd, "column": self.dims}
        found = [place for place in neighbours if spaces[place[0]][place[1]] is not None]
        while found:
            side, k = found.pop()
            for other, m in neighbours[side, k]:
                if spaces[other][m] is None:
                    spaces[other][m] = spaces[side][k]
                    found.append((other, m))
        for i, j in links:
            if self.dimsd[i] is not None and tuple(self.dimsd[i]) != tuple(self.dims[j]):
                raise ShapeError(
                    f"block {self._name(i, j)}: expected {_arrow(self.dims[j], self.dimsd[i])}, got "
                    f"{_describe(self.blocks[i, j])}, which maps a space to itself. Give an operator or a matrix."
                )

    def _name(self, i, j):
        names = ""
        if self.row_names is not None and self.column_names is not None:
            names = f" [{self.row_names[i]}, {self.column_names[j]}]"
        return f"({i}, {j}){names}"

    # -- entries ----------------------------------------------------------------------------------------------------

    def __getitem__(self, key):
        """The entry at block (i, j); 0 where there is none."""
        i, j = (range(n)[k] for n, k in zip(self.shape, key, strict=True))
        entry = self.blocks.get((i, j), 0)
        return entry.evaluate() if isinstance(entry, entries.Negative) else entry

    @property
    def nnz(self):
        """Number of blocks that are not structurally zero."""
        return len(self.blocks)

    def kinds(self, axis):
        """What stands in every block row (axis 0) or column (axis 1): "operator", "matrix", both or neither."""
        found = [set() for _ in range(self.shape[axis])]
        for key, entry in self.blocks.items():
            if entries.spaces(entry) is not None:
                found[key[axis]].add("operator" if isinstance(entry, Operator) else "matrix")
        return found

    def items(self):
        """((i, j), entry) for every block that is not zero."""
        return ((key, self[key]) for key in self.blocks)

    # -- algebra ----------------------------------------------------------------------------------------------------

    @property
    def H(self):
        """The adjoint: blocks turned round one by one and put at the mirrored places."""
        blocks = {(j, i): entries.adjoint(entry) for (i, j), entry in self.blocks.items()}
        return self._trusted(blocks, self.shape[::-1], self.dims, self.dimsd, self.column_names, self.row_names)

    @property
    def T(self):
        """The transpose, without conjugation."""
        blocks = {(j, i): _transpose(entry) for (i, j), entry in self.blocks.items()}
        return self._trusted(blocks, self.shape[::-1], self.dims, self.dimsd, self.column_names, self.row_names)

    def _map(self, function):
        blocks = {key: function(entry) for key, entry in self.blocks.items()}
        return self._trusted(blocks, self.shape, self.dimsd, self.dims, self.row_names, self.column_names)

    def __neg__(self):
        return self._map(entries.negate)

    def __mul__(self, scalar):
        return self._map(lambda entry: entries.multiply(scalar, entry))

    __rmul__ = __mul__

    def _identity_like(self):
        if self.shape[0] != self.shape[1]:
            raise ShapeError(
                f"I +- a block matrix of {self.shape} blocks; expected a square one. Rows and columns of zeros are "
                "made by shape=(n, n)."
            )
        spaces = [_first(d, e) for d, e in zip(self.dimsd, self.dims, strict=True)]
        blocks = {(i, i): entries.I for i in range(self.shape[0])}
        return self._trusted(blocks, self.shape, spaces, spaces, self.row_names, self.column_names)

    def __add__(self, other):
        if isinstance(other, entries.StructuralIdentity):
            other = self._identity_like()
        if not isinstance(other, BlockMatrix):
            return NotImplemented
        if self.shape != other.shape:
            raise ShapeError(
                f"sum of block matrices with {self.shape} and {other.shape} blocks; expected equal shapes. Rows and "
                "columns of zeros are made by shape=(m, n)."
            )
        blocks = dict(self.blocks)
        for key, entry in other.blocks.items():
            blocks[key] = entries.add(blocks[key], entry) if key in blocks else entry
        return BlockMatrix(
            blocks,
            self.shape,
            [_first(a, b) for a, b in zip(self.dimsd, other.dimsd, strict=True)],
            [_first(a, b) for a, b in zip(self.dims, other.dims, strict=True)],
            self.row_names or other.row_names,
            self.column_names or other.column_names,
        )

    __radd__ = __add__

    def __sub__(self, other):
        if isinstance(other, entries.StructuralIdentity):
            other = self._identity_like()
        return self + -other if isinstance(other, BlockMatrix) else NotImplemented

    def __rsub__(self, other):
        return -self + other

    def __matmul__(self, other):
        """The product with a BlockVector (or a list of arrays), or with another BlockMatrix."""
        if isinstance(other, BlockMatrix):
            return self._times_matrix(other)
        blocks = list(other)
        if len(blocks) != self.shape[1]:
            raise ShapeError(
                f"a block matrix with {self.shape[1]} block columns met a vector of {len(blocks)} blocks; expected "
                f"{self.shape[1]} blocks. Use None for a zero block."
            )
        check_shapes(blocks, self.dims, self.kinds(1), "of the vector")
        result = [None] * self.shape[0]
        for (i, j), entry in self.blocks.items():
            if blocks[j] is None:
                continue
            act = entries.action(entry)
            y = blocks[j] if act is None else act(blocks[j])
            result[i] = y if result[i] is None else result[i] + y
        return BlockVector(fill_zeros(result, self.dimsd))

    def _times_matrix(self, other):
        if self.shape[1] != other.shape[0]:
            raise ShapeError(
                f"product of block matrices with {self.shape} and {other.shape} blocks; expected the columns of the "
                "first to match the rows of the second. Transpose one of them?"
            )
        rows_of_other = {}
        for (j, k), entry in other.blocks.items():
            rows_of_other.setdefault(j, []).append((k, entry))
        blocks = {}
        for (i, j), entry in self.blocks.items():
            for k, right in rows_of_other.get(j, ()):
                term = entries.multiply(entry, right)
                blocks[i, k] = entries.add(blocks[i, k], term) if (i, k) in blocks else term
        shape = (self.shape[0], other.shape[1])
        return BlockMatrix(blocks, shape, self.dimsd, other.dims, self.row_names, other.column_names)

    # -- as one matrix ----------------------------------------------------------------------------------------------

    def known_spaces(self):
        """(dimsd, dims) with () for every space that no entry determines (numbers)."""
        square = self.shape[0] == self.shape[1]
        partner = list(zip(self.dimsd, self.dims, strict=True)) if square else None
        dimsd = [_first(d, partner[i][1] if square else None, ()) for i, d in enumerate(self.dimsd)]
        dims = [_first(d, partner[j][0] if square else None, ()) for j, d in enumerate(self.dims)]
        return dimsd, dims

    def todense(self):
        """The whole matrix as one NumPy array (of objects, if the entries are symbols or Fractions)."""
        dimsd, dims = self.known_spaces()
        row_edges = np.cumsum([0, *map(size_of, dimsd)])
        column_edges = np.cumsum([0, *map(size_of, dims)])
        dense = {key: _dense(entry, size_of(dimsd[key[0]])) for key, entry in self.blocks.items()}
        dtype = np.result_type(*(block.dtype for block in dense.values())) if dense else float
        matrix = np.zeros((row_edges[-1], column_edges[-1]), dtype=dtype)
        for (i, j), block in dense.items():
            matrix[row_edges[i] : row_edges[i + 1], column_edges[j] : column_edges[j + 1]] = block
        return matrix

    def tosparse(self):
        """The whole matrix as a scipy.sparse CSR array; each block is made dense once, zeros are dropped."""
        dimsd, dims = self.known_spaces()
        row_edges = np.cumsum([0, *map(size_of, dimsd)])
        column_edges = np.cumsum([0, *map(size_of, dims)])
        shape = row_edges[-1], column_edges[-1]
        if not self.blocks:
            return scipy.sparse.csr_array(shape)
        rows, columns, values = [], [], []
        for (i, j), entry in self.blocks.items():
            block = entry.entry if isinstance(entry, entries.Negative) else entry
            if not scipy.sparse.issparse(block):
                block = _dense(block, size_of(dimsd[i]))
            block = scipy.sparse.coo_array(block)
            rows.append(block.row + row_edges[i])
            columns.append(block.col + column_edges[j])
            values.append(-block.data if isinstance(entry, entries.Negative) else block.data)
        places = np.concatenate(rows), np.concatenate(columns)
        result = scipy.sparse.csr_array((np.concatenate(values), places), shape=shape)
        result.eliminate_zeros()
        return result

    def aslinearoperator(self):
        """One Operator on the flattened unknowns, for any Krylov method of SciPy or PyLops.

        Returns
        -------
        Operator with shape (sum of row sizes, sum of column sizes)
        """
        return BlockOperator(self)

    def __str__(self):
        return pattern_text(self)

    def __repr__(self):
        return f"<BlockMatrix of {self.shape[0]} x {self.shape[1]} blocks, {self.nnz} not zero>"

    def _repr_html_(self):
        return pattern_html(self)


def check_shapes(blocks, shapes, kinds, what):
    """Raise unless every block fits: matrices take columns behind the axis, operators batches before the axes."""
    for i, (block, shape, kind) in enumerate(zip(blocks, shapes, kinds, strict=True)):
        given = getattr(block, "shape", None)
        if given is None or shape is None or is_compound(shape) or not kind:
            continue
        shape = tuple(shape)
        fits = "operator" not in kind or tuple(given[len(given) - len(shape) :]) == shape
        if not fits or ("matrix" in kind and tuple(given[: len(shape)]) != shape):
            layout = "possibly after leading batch axes" if "matrix" not in kind else "possibly with columns behind"
            raise ShapeError(
                f"block {i} {what} has shape {tuple(given)}; expected {shape}, {layout}. Reshape or transpose it."
            )


def fill_zeros(blocks, dims):
    """Replace structural zeros by arrays of zeros, where the shape is known."""
    dtypes = [block.dtype for block in blocks if hasattr(block, "dtype")]
    dtype = np.result_type(*dtypes) if dtypes else float
    return [
        block if block is not None else np.zeros(shape, dtype) if shape else 0
        for block, shape in zip(blocks, dims, strict=True)
    ]


def _dense(entry, size):
    if isinstance(entry, entries.Negative):
        return -_dense(entry.entry, size)
    if entry is entries.I:
        return np.eye(size)
    if isinstance(entry, Operator):
        return entry.todense()
    if scipy.sparse.issparse(entry):
        return entry.toarray()
    if entries.is_number(entry):
        value = np.asarray(entry)
        return np.full((1, 1), value) if size == 1 else entry * np.eye(size)
    return entry


def _transpose(entry):
    if isinstance(entry, entries.Negative):
        return entries.Negative(_transpose(entry.entry))
    return entry if entries.is_number(entry) else entry.T


def _is_structural_zero(entry):
    return entry is None or (isinstance(entry, int) and entry == 0)


def _first(*options):
    return next((option for option in options if option is not None), None)


def _arrow(dims, dimsd):
    return f"{_cross(dims)} -> {_cross(dimsd)}"


def _cross(shape):
    return "any" if shape is None else " x ".join(map(str, shape)) or "scalar"


def _describe(entry):
    if entry is entries.I:
        return "the identity"
    return entry.label if isinstance(entry, Operator) else type(entry).__name__
