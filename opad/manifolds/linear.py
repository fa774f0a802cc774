"""Linear sets of matrices: coordinates t, X = D t, in the Frobenius metric.

Each is a `Chart` whose differential D does not depend on the point; D^H D is diagonal, so that the orthogonal projector
D (D^H D)^-1 D^H costs as much as D. Formulas of D and D^H are in the operators' docstrings.
"""

import numpy as np

from opad.manifolds.chart import Chart
from opad.operators import Index, Operator


class LinearSet(Chart):
    """The matrices X = D t + offset.

    Parameters
    ----------
    D : Operator, coordinates -> matrices
    gram : array or number, the diagonal of D^H D; None if D^H D is not diagonal (conjugate gradients then)
    offset : array, optional
    metric : {"pullback", "flat"}, that of the matrices (the default) or of the coordinates

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.manifolds import Toeplitz
    >>> T = Toeplitz(2, 2)
    >>> T.embed(np.array([1.0, 2.0, 3.0]))
    array([[2., 1.],
           [3., 2.]])
    >>> T.project(np.array([[1.0, 0.0], [0.0, 2.0]]))              # the closest Toeplitz matrix
    array([[1.5, 0. ],
           [0. , 1.5]])

    References
    ----------
    J. R. Magnus, H. Neudecker, The elimination matrix: some lemmas and applications, SIAM J. Algebraic Discrete Methods
    1(4), 1980 (linear structures).
    """

    def __init__(self, D, gram=None, offset=None, metric="pullback"):
        super().__init__(None, D.dims, metric=metric, linear=True)
        self.D = D
        self.gram_diagonal = gram
        self.gram = None if gram is None else self._divide
        self.offset = offset

    def _divide(self, t, B):
        gram = self.gram_diagonal
        return B / (gram if isinstance(gram, int) else gram.astype(B.dtype))

    def embed(self, t):
        X = self.D.apply(t)
        return X if self.offset is None else X + self.offset.astype(X.dtype)

    def differential(self, t):
        return self.D

    def coordinates(self, W):
        """(D^H D)^-1 D^H W, the coordinates of the closest element of the linear set."""
        return self._divide(None, self.D.apply_adjoint(W))

    def project(self, W):
        """The closest matrix of the set."""
        offset = 0 if self.offset is None else self.offset
        return self.D.apply(self.coordinates(W - offset)) + offset


class FromTriangle(Operator):
    """t -> S with S_ij = t_ij / sqrt 2 below the diagonal, mirrored with a sign, and t_ii on it; an isometry.

    Forward: as above.  Adjoint: (W_ij + sign W_ji) / sqrt 2 below the diagonal, W_ii on it.

    Parameters
    ----------
    n : int
    sign : +1 for symmetric, -1 for skew-symmetric matrices (t has no diagonal then)
    """

    def __init__(self, n, sign):
        rows, columns = np.tril_indices(n, 0 if sign > 0 else -1)
        self.key = (..., rows, columns)
        self.sign = sign
        self.weights = np.where(rows == columns, 0.5, np.sqrt(0.5))
        self.dims, self.dimsd = (len(rows),), (n, n)

    data_dtype = None

    def apply(self, X):
        L = Index(self.key[1:], self.dimsd).apply_adjoint(X * self.weights.astype(X.dtype))
        return L + self.sign * L.swapaxes(-1, -2)

    def apply_adjoint(self, Y):
        Y = Y + self.sign * Y.swapaxes(-1, -2)
        return Y[self.key] * self.weights.astype(Y.dtype)


class Symmetric(LinearSet):
    """Symmetric n x n matrices; coordinates are the lower triangle row by row, off-diagonals times sqrt 2 (svec).

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Symmetric
    >>> Symmetric(2).embed(np.array([1.0, 0.0, 3.0]))
    array([[1., 0.],
           [0., 3.]])
    """

    def __init__(self, n):
        super().__init__(FromTriangle(n, 1), 1)


class Skew(LinearSet):
    """Skew-symmetric n x n matrices; coordinates are the strict lower triangle, times sqrt 2.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Skew
    >>> Skew(2).embed(np.array([np.sqrt(2)])).round(12) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])
    """

    def __init__(self, n):
        super().__init__(FromTriangle(n, -1), 1)


class Pattern(LinearSet):
    """Matrices that vanish outside a pattern of positions: sparse, banded, triangular.

    Parameters
    ----------
    mask : boolean array

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Pattern
    >>> Pattern(np.array([[True, False], [True, True]])).embed(np.array([1.0, 2.0, 3.0]))
    array([[1., 0.],
           [2., 3.]])

    References
    ----------
    T. A. Davis, Direct Methods for Sparse Linear Systems, SIAM 2006.
    """

    def __init__(self, mask):
        super().__init__(Index(np.nonzero(mask), mask.shape).H, 1)


class Triangular(Pattern):
    """Lower (or upper) triangular n x n matrices.

    Parameters
    ----------
    n : int
    lower : bool

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Triangular
    >>> Triangular(2).embed(np.array([1.0, 2.0, 3.0]))
    array([[1., 0.],
           [2., 3.]])
    """

    def __init__(self, n, lower=True):
        mask = np.tri(n, dtype=bool)
        super().__init__(mask if lower else mask.T)


class Banded(Pattern):
    """n x n matrices with some diagonals below and above the main one.

    Parameters
    ----------
    n : int
    below, above : int, number of diagonals

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Banded
    >>> Banded(3, 0, 1).embed(np.arange(1.0, 6.0))
    array([[1., 2., 0.],
           [0., 3., 4.],
           [0., 0., 5.]])

    References
    ----------
    G. H. Golub, C. F. Van Loan, Matrix Computations, 4th ed., section 1.2.
    """

    def __init__(self, n, below, above):
        offset = np.arange(n)[None, :] - np.arange(n)[:, None]
        super().__init__((offset >= -below) & (offset <= above))


class Diagonal(Pattern):
    """Diagonal n x n matrices.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Diagonal
    >>> Diagonal(2).embed(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """

    def __init__(self, n):
        super().__init__(np.eye(n, dtype=bool))
