"""Matrices given by factors: low rank, Kronecker products and sums, reflections; charts with tuples as points.

Factors are not unique, so that there are more coordinates than dimensions; the metric is that of the factors.
"""

import numpy as np

from opad.manifolds.chart import Chart
from opad.manifolds.maps import PointMap
from opad.operators import Kronecker as KroneckerOperator
from opad.operators import Operator


class LowRank(Chart):
    """Matrices U V^T of rank r in R^(m x n), for points (U, V).

        D = dU V^T + U dV^T        D^H W = (W V, W^T U)

    Parameters
    ----------
    m, n, r : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import LowRank
    >>> LowRank(1, 2, 1).embed((np.array([[2.0]]), np.array([[1.0], [3.0]])))
    array([[2., 6.]])

    References
    ----------
    B. Mishra, G. Meyer, S. Bonnabel, R. Sepulchre, Fixed-rank matrix factorizations and Riemannian low-rank
    optimization, Comput. Stat. 29, 2014.
    """

    def __init__(self, m, n, r):
        super().__init__(None, ((m, r), (n, r)), dim=r * (m + n - r))

    def embed(self, t):
        U, V = t
        return U @ V.T

    def differential(self, t):
        return ProductOfFactors(*t)


class ProductOfFactors(Operator):
    """(dU, dV) -> dU V^T + U dV^T.  Adjoint: (W V, W^T U), for W an array or an operator with products.

    Parameters
    ----------
    U, V : (m, r) and (n, r) arrays, plain or traced
    """

    def __init__(self, U, V):
        self.U, self.V = U, V
        self.dims, self.dimsd = (U.shape, V.shape), (U.shape[0], V.shape[0])

    def apply(self, X):
        dU, dV = X
        return dU @ self.V.T + self.U @ dV.swapaxes(-1, -2)

    def apply_adjoint(self, Y):
        return Y @ self.V, Y.swapaxes(-1, -2) @ self.U


def _psd(Y, Z):
    """Z Y^T + Y Z^T."""
    W = Z @ Y.T
    return W + W.swapaxes(-1, -2)


def _psd_adjoint(Y, W):
    """(W + W^T) Y."""
    return (W + W.swapaxes(-1, -2)) @ Y


class LowRankPSD(Chart):
    """Positive semi-definite matrices Y Y^T of rank r, for points Y.

        D = dY Y^T + Y dY^T        D^H W = (W + W^T) Y

    Parameters
    ----------
    n, r : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import LowRankPSD
    >>> LowRankPSD(2, 1).embed(np.array([[1.0], [2.0]]))
    array([[1., 2.],
           [2., 4.]])

    References
    ----------
    S. Burer, R. Monteiro, A nonlinear programming algorithm for solving semidefinite programs via low-rank
    factorization, Math. Program. 95, 2003.
    """

    def __init__(self, n, r):
        super().__init__(None, (n, r), dim=n * r - r * (r - 1) // 2)

    def embed(self, t):
        return t @ t.T

    def differential(self, t):
        return PointMap(_psd, _psd_adjoint, (t,), t.shape, (t.shape[0],) * 2)


class DiagonalPlusLowRank(Chart):
    """Matrices diag(d) + U U^T, for points (d, U): covariances of a factor model.

        D = diag(dd) + dU U^T + U dU^T        D^H W = (diag W, (W + W^T) U)

    Parameters
    ----------
    n, r : int, r small enough that the factors are determined up to rotation

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import DiagonalPlusLowRank
    >>> DiagonalPlusLowRank(2, 1).embed((np.ones(2), np.array([[1.0], [2.0]])))
    array([[2., 2.],
           [2., 5.]])

    References
    ----------
    D. Bartholomew, M. Knott, I. Moustaki, Latent Variable Models and Factor Analysis, 2011.
    """

    def __init__(self, n, r):
        super().__init__(None, ((n,), (n, r)), dim=n + n * r - r * (r - 1) // 2)

    def embed(self, t):
        d, U = t
        return np.eye(len(d), dtype=d.dtype) * d + U @ U.T

    def differential(self, t):
        return DiagonalAndGram(t[1])


class DiagonalAndGram(Operator):
    """(dd, dU) -> diag(dd) + dU U^T + U dU^T.  Adjoint: (diag W, (W + W^T) U).

    Parameters
    ----------
    U : (n, r) array, plain or traced
    """

    def __init__(self, U):
        self.U = U
        n = U.shape[0]
        self.dims, self.dimsd = ((n,), U.shape), (n, n)

    def apply(self, X):
        d, Z = X
        return np.eye(self.dimsd[0], dtype=d.dtype) * d[..., None] + _psd(self.U, Z)

    def apply_adjoint(self, Y):
        return np.diagonal(Y, axis1=-2, axis2=-1) + 0, _psd_adjoint(self.U, Y)


class Kronecker(Chart):
    """Kronecker products A (x) B of matrices p x q and s x t, for points (A, B).

        D = dA (x) B + A (x) dB; D^H by contraction of W seen as an array (p, s, q, t)

    `operator((A, B))` multiplies matrices, X -> A X B^T, without forming the product; A and B may be traced.

    Parameters
    ----------
    p, q, s, t : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Kronecker
    >>> A, B, X = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> Kronecker(2, 2, 2, 2).operator((A, B)).apply(X)
    array([[2., 1.],
           [4., 3.]])

    References
    ----------
    C. Van Loan, N. Pitsianis, Approximation with Kronecker products, 1993.
    """

    def __init__(self, p, q, s, t):
        super().__init__(None, ((p, q), (s, t)), dim=p * q + s * t - 1)

    def embed(self, t):
        return np.kron(*t)

    def differential(self, t):
        return KroneckerDifferential(*t)

    def operator(self, t):
        """The matrix as an Operator, (q, t) -> (p, s)."""
        return KroneckerOperator(*t)


class KroneckerDifferential(Operator):
    """(dA, dB) -> dA (x) B + A (x) dB.

    Adjoint, with W_iajb = W[i s + a, j t + b]: (sum_ab W_iajb B_ab, sum_ij W_iajb A_ij).

    Parameters
    ----------
    A, B : arrays, plain or traced
    """

    def __init__(self, A, B):
        self.A, self.B = A, B
        (p, q), (s, t) = A.shape, B.shape
        self.dims, self.dimsd = (A.shape, B.shape), (p * s, q * t)

    def apply(self, X):
        dA, dB = X
        W = dA[..., :, None, :, None] * self.B[:, None, :] + self.A[:, None, :, None] * dB[..., None, :, None, :]
        return W.reshape((*W.shape[:-4], *self.dimsd))

    def apply_adjoint(self, Y):
        (p, q), (s, t) = self.dims
        W = Y.reshape((*Y.shape[:-2], p, s, q, t))
        return np.einsum("...iajb,ab->...ij", W, self.B), np.einsum("...iajb,ij->...ab", W, self.A)


class KroneckerSum(Chart):
    """Kronecker sums A (x) I + I (x) B of square matrices of sizes a and b, for points (A, B).

    D^H W is the pair of partial traces. Kernel: (I, -I), so that the dimension is a^2 + b^2 - 1.

    Parameters
    ----------
    a, b : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import KroneckerSum
    >>> KroneckerSum(1, 2).embed((np.ones((1, 1)), np.diag([1.0, 2.0])))
    array([[2., 0.],
           [0., 3.]])

    References
    ----------
    C. Van Loan, The ubiquitous Kronecker product, J. Comput. Appl. Math. 123, 2000.
    """

    def __init__(self, a, b):
        super().__init__(None, ((a, a), (b, b)), dim=a * a + b * b - 1, linear=True)

    def embed(self, t):
        return self.differential(t).apply(t)

    def differential(self, t):
        (a, _), (b, _) = self.dims
        return KroneckerDifferential(np.eye(a, dtype=t[0].dtype), np.eye(b, dtype=t[1].dtype))


class Householder(Chart):
    """Reflections I - 2 v v^T / v^T v, for points v.

        D = -2 (e v^T + v e^T) / |v|^2 + 4 (v . e) v v^T / |v|^4
        D^H W = -2 (W + W^T) v / |v|^2 + 4 (v^T W v) v / |v|^4

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Householder
    >>> Householder(2).embed(np.array([3.0, 0.0])) + 0.0
    array([[-1.,  0.],
           [ 0.,  1.]])

    References
    ----------
    A. Householder, Unitary triangularization of a nonsymmetric matrix, J. ACM 5, 1958.
    """

    def __init__(self, n):
        super().__init__(None, (n,), dim=n - 1)

    def embed(self, t):
        return np.eye(len(t), dtype=t.dtype) - 2 * t[:, None] * t / (t @ t)

    def differential(self, t):
        return PointMap(_reflection, _reflection_adjoint, (t, t @ t), t.shape, 2 * t.shape)


def _reflection(v, square, E):
    e = E - v * ((E @ v) / square)[..., None]
    W = e[..., :, None] * v
    return -2 / square * (W + W.swapaxes(-1, -2))


def _reflection_adjoint(v, square, W):
    y = -2 / square * ((W + W.swapaxes(-1, -2)) @ v)
    return y - v * ((y @ v) / square)[..., None]
