"""Products of manifolds: tuples of points, block diagonal operators."""

import numpy as np

from opad.manifolds.base import Manifold
from opad.operators import Operator, is_compound


class Product(Manifold):
    """M_1 x ... x M_k. A point is one flat tuple of arrays: the points of the factors, one after another.

    Parameters
    ----------
    *factors : manifolds

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.manifolds import Product, Sphere
    >>> M = Product(Sphere(2), Sphere(2))
    >>> f = lambda x: x[0] @ x[1]
    >>> opad.grad(f, manifolds=M)((np.array([1.0, 0.0]), np.array([0.6, 0.8])))
    (array([0. , 0.8]), array([ 0.64, -0.48]))

    References
    ----------
    N. Boumal, An Introduction to Optimization on Smooth Manifolds, 2023, sections 3.2 and 5.3.
    """

    def __init__(self, *factors):
        self.factors = factors
        self.dims = _joined(M.dims for M in factors)
        self.given_tangent_dims = _joined(M.tangent_dims for M in factors)
        self.dim = sum(M.dim for M in factors)
        self.retraction_order = min(M.retraction_order for M in factors)

    tangent_dims = property(lambda self: self.given_tangent_dims)

    @property
    def name(self):
        return " x ".join(M.name for M in self.factors)

    def split(self, X, attribute="dims"):
        """The points (or tangent vectors, with "tangent_dims") of the factors."""
        parts, start = [], 0
        for M in self.factors:
            dims = getattr(M, attribute)
            count = len(dims) if is_compound(dims) else 1
            parts.append(tuple(X[start : start + count]) if is_compound(dims) else X[start])
            start += count
        return parts

    def _each(self, method, *arguments):
        results = [getattr(M, method)(*parts) for M, *parts in zip(self.factors, *arguments, strict=True)]
        return _flat(results)

    def _diagonal(self, method, X):
        return BlockDiagonal([getattr(M, method)(x) for M, x in zip(self.factors, self.split(X), strict=True)])

    def projection(self, X):
        return self._diagonal("projection", X)

    def tangent(self, X):
        return self._diagonal("tangent", X)

    def sharp(self, X):
        return self._diagonal("sharp", X)

    def embedding(self, X):
        return self._diagonal("embedding", X)

    def curvature(self, X, G):
        G = _regrouped(G, [M.tangent(x).dimsd for M, x in zip(self.factors, self.split(X), strict=True)])
        parts = [M.curvature(x, g) for M, x, g in zip(self.factors, self.split(X), G, strict=True)]
        return BlockDiagonal(parts, [M.tangent_dims for M in self.factors])

    def retraction(self, X, Z):
        return self._each("retraction", self.split(X), self.split(Z, "tangent_dims"))

    def embed(self, X):
        return self._each("embed", self.split(X))

    def ambient_of(self, x):
        return self._each("ambient_of", self.split(x))

    @property
    def is_euclidean(self):
        return all(M.is_euclidean for M in self.factors)

    def inner(self, X, U, V):
        parts = self.split(X), self.split(U, "tangent_dims"), self.split(V, "tangent_dims")
        return sum(M.inner(x, u, v) for M, x, u, v in zip(self.factors, *parts, strict=True))

    def residual(self, X):
        return float(np.max([M.residual(x) for M, x in zip(self.factors, self.split(X), strict=True)]))  # NaN is kept

    def random_point(self, rng=None):
        rng = np.random.default_rng(rng)
        return _flat([M.random_point(rng) for M in self.factors])


class BlockDiagonal(Operator):
    """(X_1, ..., X_k) -> (A_1 X_1, ..., A_k X_k) on flat tuples of arrays.  Adjoint: with A_i^H.

    Parameters
    ----------
    operators : list of Operators between arrays or tuples of arrays; None for zero
    dims : their spaces, needed where an operator is None
    """

    def __init__(self, operators, dims=None):
        self.operators = operators
        self.spaces = [(op.dims, op.dimsd) for op in operators] if dims is None else [(d, d) for d in dims]

    dims = property(lambda self: _joined(d for d, _ in self.spaces))
    dimsd = property(lambda self: _joined(d for _, d in self.spaces))
    clinear = property(lambda self: all(op is None or op.clinear for op in self.operators))

    @property
    def data_dtype(self):
        held = [op.data_dtype for op in self.operators if op is not None and op.data_dtype is not None]
        return np.result_type(*held) if held else None

    def apply(self, X):
        parts = _regrouped(X, [d for d, _ in self.spaces])
        return _flat([_zero(x) if A is None else A.apply(x) for A, x in zip(self.operators, parts, strict=True)])

    def apply_adjoint(self, Y):
        parts = _regrouped(Y, [d for _, d in self.spaces])
        return _flat(
            [_zero(y) if A is None else A.apply_adjoint(y) for A, y in zip(self.operators, parts, strict=True)]
        )


def _zero(x):
    return tuple(np.zeros_like(part) for part in x) if isinstance(x, tuple) else np.zeros_like(x)


def _joined(spaces):
    """One flat tuple of shapes."""
    return tuple(shape for dims in spaces for shape in (dims if is_compound(dims) else (tuple(dims),)))


def _flat(parts):
    return tuple(array for part in parts for array in (part if isinstance(part, tuple) else (part,)))


def _regrouped(X, spaces):
    parts, start = [], 0
    for dims in spaces:
        count = len(dims) if is_compound(dims) else 1
        parts.append(tuple(X[k] for k in range(start, start + count)) if is_compound(dims) else X[start])
        start += count
    return parts
