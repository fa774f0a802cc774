"""Products with sparse matrices, which are never made dense."""

from math import prod

from opad.operators.algebra import Operator
from opad.operators.dispatch import dispatchable


@dispatchable
def sparse_product(X, S):
    """S @ X over the first axis after any batch axes: X of shape (*batch, N, K) to (*batch, M, K), in one product."""
    *batch, n, k = X.shape
    if not batch:
        return S @ X
    columns = X.reshape((prod(batch), n, k)).transpose((1, 0, 2)).reshape((n, -1))
    Y = (S @ columns).reshape((S.shape[0], prod(batch), k)).transpose((1, 0, 2))
    return Y.reshape((*batch, S.shape[0], k))


class SparseMultiply(Operator):
    """X -> S X for a sparse matrix S.  Forward: dY = S dX.  Adjoint: X~ = S^H Y~.

    Parameters
    ----------
    S : SciPy sparse array or matrix of shape (M, N)
    dims : shape of X, (*stack, N, K)
    """

    def __init__(self, S, dims):
        self.S = S
        self.dims = dims
        self.dimsd = (*dims[:-2], S.shape[0], dims[-1])

    def apply(self, X):
        return sparse_product(X, self.S)

    def apply_adjoint(self, Y):
        return sparse_product(Y, self.S.conj().T)
