"""Products of SciPy's sparse matrices with traced arrays: S @ x, x @ S, S.dot(x), for every format."""

import numpy as np
from scipy.sparse import issparse

from opad.operators.sparse import SparseMultiply, sparse_product
from opad.tracing.array import TracedArray
from opad.tracing.primitives import operator_rule
from opad.tracing.rules.helpers import wants


@operator_rule(sparse_product)
def _(y, X, S):
    return SparseMultiply(S, X.shape)


def _product(S, x):
    """S @ x for x of shape (N,) or (N, K)."""
    if x.ndim not in (1, 2) or S.ndim != 2:
        raise wants("a sparse product", f"arrays with {S.ndim} and {x.ndim} axes", "a matrix and a vector or a matrix")
    if x.shape[0] != S.shape[1]:
        raise ValueError(f"matmul: dimension mismatch, {S.shape} and {x.shape}")
    S = S.tocsr().copy()  # the product in one format, and later changes to S do not reach the record
    return sparse_product(x, S) if x.ndim == 2 else sparse_product(x[:, None], S)[:, 0]


def _matmul(self, S):
    """self @ S."""
    if not issparse(S):  # one with traced values, which multiplies itself
        return NotImplemented
    return np.transpose(_product(S.T, np.transpose(self)))


def _rmatmul(self, S):
    """S @ self."""
    if not issparse(S):
        return NotImplemented
    return _product(S, self)


TracedArray.times_sparse, TracedArray.sparse_times = _matmul, _rmatmul
