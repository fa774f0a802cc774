"""Systems whose entries are single numbers, as compressed sparse rows, solved by compiled substitution.

With numba (the extra `fast`) the two substitutions are compiled loops; without it they are SciPy's triangular solve.
"""

from functools import cache

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import spsolve_triangular

from opad.errors import ShapeError


class ScalarSystem:
    """(I - L) dx = D dp with numbers as entries, L strictly lower triangular.

    Parameters
    ----------
    L : (n, n) sparse array, strictly lower triangular
    D : (n, p) sparse array
    outputs : sequence of int, rows of L; -1 for an output that depends on nothing

    Examples
    --------
    >>> import numpy as np, scipy.sparse
    >>> L, D = scipy.sparse.csr_array([[0.0, 0.0], [3.0, 0.0]]), scipy.sparse.csr_array([[2.0], [0.0]])
    >>> system = ScalarSystem(L, D, outputs=[1])
    >>> system.jvp(np.array([1.0])), system.vjp(np.array([1.0]))
    (array([6.]), array([6.]))
    """

    def __init__(self, L, D, outputs):
        self.L, self.D = scipy.sparse.csr_array(L), scipy.sparse.csr_array(D)
        self.L.sum_duplicates()
        self.L.eliminate_zeros()  # of branches that were not taken, whose other factors may be infinite
        self.D.eliminate_zeros()
        self.outputs = np.asarray(outputs, np.intp)
        self.L_T, self.D_T = self.L.T, self.D.T  # views in compressed columns
        n = self.L.shape[0]
        if self.L.shape != (n, n) or self.D.shape[0] != n:
            raise ShapeError(
                f"L is {self.L.shape} and D {self.D.shape}; expected (n, n) and (n, p). Both have one row per variable."
            )
        rows = np.repeat(np.arange(n, dtype=self.L.indices.dtype), np.diff(self.L.indptr))
        if np.any(self.L.indices >= rows):
            raise ShapeError(
                "L has entries on or above its diagonal; expected a strictly lower triangular matrix. Number the "
                "variables in the order in which they are computed."
            )

    @property
    def nbytes(self):
        """Memory of the assembled system."""
        return sum(part.nbytes for A in (self.L, self.D) for part in (A.data, A.indices, A.indptr))

    def forward_substitution(self, b):
        """(I - L) \\ b."""
        x = np.array(b, np.result_type(self.L.dtype, b.dtype))
        kernels = compiled_kernels()
        if kernels is not None:
            kernels[0](self.L.indptr, self.L.indices, self.L.data, x)
            return x
        return _triangular(self.L, x, lower=True)

    def back_substitution(self, b):
        """(I - L)^T \\ b, without conjugation."""
        x = np.array(b, np.result_type(self.L.dtype, b.dtype))
        kernels = compiled_kernels()
        if kernels is not None:
            kernels[1](self.L.indptr, self.L.indices, self.L.data, x)
            return x
        return _triangular(self.L_T, x, lower=False)

    def jvp(self, dp):
        """Tangents of the outputs for tangents of the inputs, shape (p,)."""
        x = self.forward_substitution(_finite_product(self.D, dp))
        return np.where(self.outputs < 0, 0, x[self.outputs])

    def vjp(self, g):
        """Cotangents of the inputs, the transpose applied to cotangents of the outputs."""
        b = np.zeros(self.L.shape[0], np.result_type(self.L.dtype, g.dtype))
        present = self.outputs >= 0
        np.add.at(b, self.outputs[present], g[present])
        return _finite_product(self.D_T, self.back_substitution(b))

    def __repr__(self):
        n, p = self.D.shape
        return f"<ScalarSystem: {n} operations, {p} inputs, {self.L.nnz + self.D.nnz} partial derivatives>"


def _finite_product(A, x):
    """A x, where an infinite entry times an exact zero is zero: branches not taken give no NaN."""
    if np.all(np.isfinite(A.data)):
        return A @ x
    A = A.tocsr()
    with np.errstate(invalid="ignore"):
        terms = np.where(x[A.indices] == 0, 0, A.data * x[A.indices])
    return np.add.reduceat(np.append(terms, 0), A.indptr[:-1]) * (np.diff(A.indptr) > 0)


def _triangular(A, x, lower):
    """Unit triangular solve with I - A by SciPy; row by row where entries are infinite."""
    if np.all(np.isfinite(A.data)):
        return spsolve_triangular(
            (scipy.sparse.eye_array(A.shape[0], format="csr") - A).tocsr(), x, lower=lower, unit_diagonal=True
        )
    A = A.tocsr()
    for i in range(len(x)) if lower else range(len(x) - 1, -1, -1):
        for k in range(A.indptr[i], A.indptr[i + 1]):
            if x[A.indices[k]] != 0:
                x[i] += A.data[k] * x[A.indices[k]]
    return x


@cache
def compiled_kernels():
    """(forward, backward) substitution in place, compiled by numba; None without numba."""
    try:
        import numba
    except ImportError:
        return None

    @numba.njit(cache=False)
    def forward(indptr, indices, data, x):
        for i in range(x.shape[0]):
            total = x[i]
            for k in range(indptr[i], indptr[i + 1]):
                value = x[indices[k]]
                if value != 0:
                    total += data[k] * value
            x[i] = total

    @numba.njit(cache=False)
    def backward(indptr, indices, data, x):
        for i in range(x.shape[0] - 1, -1, -1):
            value = x[i]
            if value != 0:
                for k in range(indptr[i], indptr[i + 1]):
                    x[indices[k]] += data[k] * value

    return forward, backward
