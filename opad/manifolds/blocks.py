"""Linear sets put together from others, and those of systems theory: blocks, companion, Hamiltonian, centred."""

import numpy as np

from opad.manifolds.groups import symplectic_form
from opad.manifolds.linear import FromTriangle, LinearSet
from opad.operators import Index, Operator


class Blocks(LinearSet):
    """Block matrices whose blocks come from linear sets; coordinates are those of the blocks, one after another.

    Parameters
    ----------
    rows : list of lists of LinearSet, of matching shapes; None for a zero block

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Blocks, Diagonal
    >>> Blocks([[Diagonal(1), None], [None, Diagonal(2)]]).embed(np.array([1.0, 2.0, 3.0]))
    array([[1., 0., 0.],
           [0., 2., 0.],
           [0., 0., 3.]])
    """

    def __init__(self, rows):
        sets = [block for row in rows for block in row if block is not None]
        gram = np.concatenate([np.broadcast_to(block.gram_diagonal, block.dims) for block in sets])
        super().__init__(BlockGrid([[block and block.D for block in row] for row in rows]), gram)


class BlockGrid(Operator):
    """(t_1, t_2, ...) -> the block matrix of D_k t_k.  Adjoint: D_k^H of the blocks.

    Parameters
    ----------
    rows : list of lists of Operators from vectors to matrices; None for a zero block
    """

    def __init__(self, rows):
        heights = [next(D.dimsd[0] for D in row if D is not None) for row in rows]
        widths = [next(row[j].dimsd[1] for row in rows if row[j] is not None) for j in range(len(rows[0]))]
        tops, lefts = np.cumsum([0, *heights]), np.cumsum([0, *widths])
        self.placed, start = [], 0
        for i, row in enumerate(rows):
            for j, D in enumerate(row):
                if D is not None:
                    window = (slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1]))
                    self.placed.append((D, slice(start, start + D.dims[0]), window))
                    start += D.dims[0]
        self.dims, self.dimsd = (start,), (int(tops[-1]), int(lefts[-1]))

    data_dtype = None

    def apply(self, X):
        return sum(Index(window, self.dimsd).apply_adjoint(D.apply(X[..., part])) for D, part, window in self.placed)

    def apply_adjoint(self, Y):
        return np.concatenate([D.apply_adjoint(Y[(..., *window)]) for D, _, window in self.placed], axis=-1)


class Companion(LinearSet):
    """Companion matrices of monic polynomials of degree n: ones below the diagonal, the last column -t.

    The eigenvalues of `embed(t)` are the roots of x^n + t_{n-1} x^{n-1} + ... + t_0.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Companion
    >>> np.linalg.eigvals(Companion(2).embed(np.array([6.0, -5.0]))).real.round(12)   # x^2 - 5 x + 6
    array([2., 3.])

    References
    ----------
    A. Edelman, H. Murakami, Polynomial roots from companion matrix eigenvalues, Math. Comp. 64, 1995.
    """

    def __init__(self, n):
        super().__init__(-Index((slice(None), n - 1), (n, n)).H, 1, offset=np.eye(n, k=-1))


class Hamiltonian(LinearSet):
    """Hamiltonian 2n x 2n matrices J S with S symmetric, the Lie algebra of the symplectic group.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Hamiltonian
    >>> Hamiltonian(1).embed(np.array([1.0, 0.0, 3.0])) + 0.0
    array([[ 0.,  3.],
           [-1.,  0.]])

    References
    ----------
    C. Paige, C. Van Loan, A Schur decomposition for Hamiltonian matrices, Linear Algebra Appl. 41, 1981.
    """

    def __init__(self, n):
        super().__init__(FormTimes(symplectic_form(n), FromTriangle(2 * n, 1)), 1)


class FormTimes(Operator):
    """t -> J (D t).  Adjoint: D^H J^T Y.

    Parameters
    ----------
    J : (n, n) array
    D : Operator to n x n matrices
    """

    def __init__(self, J, D):
        self.J = J
        self.D = D
        self.dims, self.dimsd = D.dims, D.dimsd

    data_dtype = None

    def apply(self, X):
        return self.J.astype(X.dtype) @ self.D.apply(X)

    def apply_adjoint(self, Y):
        return self.D.apply_adjoint(self.J.T.astype(Y.dtype) @ Y)


class Centred(LinearSet):
    """m x n matrices whose rows have mean zero; the coordinates are the first n - 1 columns in an orthonormal basis.

    Parameters
    ----------
    m, n : int

    The basis is that of Helmert: column k is (1, ..., 1, -k, 0, ...) / sqrt(k (k + 1)).

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Centred
    >>> Centred(1, 2).embed(np.array([[np.sqrt(2)]])).round(12)
    array([[ 1., -1.]])

    References
    ----------
    H. O. Lancaster, The Helmert matrices, Amer. Math. Monthly 72, 1965.
    """

    def __init__(self, m, n):
        super().__init__(TimesBasis(helmert(n), m), 1)


def helmert(n):
    """An orthonormal basis, as rows (n - 1, n), of the vectors with sum zero."""
    k = np.arange(1, n)[:, None]
    H = np.tri(n - 1, n) - k * np.eye(n - 1, n, 1)
    return H / np.sqrt(k * (k + 1.0))


class TimesBasis(Operator):
    """Y -> Y H for rows H that are orthonormal.  Adjoint: W H^T.

    Parameters
    ----------
    H : (k, n) array
    m : int, number of rows of Y
    """

    def __init__(self, H, m):
        self.basis = H
        self.dims, self.dimsd = (m, H.shape[0]), (m, H.shape[1])

    data_dtype = None

    def apply(self, X):
        return X @ self.basis.astype(X.dtype)

    def apply_adjoint(self, Y):
        return Y @ self.basis.T.astype(Y.dtype)
