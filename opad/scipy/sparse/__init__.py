"""scipy.sparse with traced stored values, and scipy.sparse.linalg on traced arrays.

Sparse matrices of numbers need no mirror: `S @ x` works for traced x. A matrix whose stored values are to be
differentiated is made with the constructors here; its gradients have its pattern, nothing is made dense.

Examples
--------
>>> import numpy as np, opad
>>> from opad.scipy import sparse
>>> indices, indptr = np.array([0, 1, 1]), np.array([0, 2, 3])          # [[a, b], [0, c]]
>>> def f(data):
...     A = sparse.csr_array((data, indices, indptr), shape=(2, 2))
...     return np.sum(sparse.linalg.spsolve(A, np.ones(2)))
>>> opad.grad(f)(np.array([1.0, 0.0, 2.0]))
array([-1.  , -0.5 , -0.25])
"""

import importlib

import numpy as np
import scipy.sparse

from opad.scipy.mirrors import symbols_in
from opad.scipy.sparse.array import SparseArray
from opad.scipy.sparse.stored import Pattern
from opad.tracing.rules.helpers import wants


def _compressed(constructor, name):
    def construct(arg1, shape=None, **keywords):
        if not symbols_in(arg1):
            return constructor(arg1, shape=shape, **keywords)
        if not isinstance(arg1, tuple) or len(arg1) != 3 or keywords:
            raise wants(f"scipy.sparse.{name}", "other arguments", "a tuple (data, indices, indptr), and shape")
        data, *places = arg1
        empty = constructor((np.broadcast_to(0.0, data.shape), *places), shape=shape)  # SciPy checks and completes it
        shape = empty.shape if name == "csr_array" else empty.shape[::-1]
        pattern = Pattern(empty.indices.copy(), empty.indptr.copy(), shape)
        return SparseArray(data, pattern if name == "csr_array" else pattern.T)

    construct.__name__ = construct.__qualname__ = name
    construct.__doc__ = f"scipy.sparse.{name}((data, indices, indptr), shape), where data may be a traced array."
    return construct


csr_array = _compressed(scipy.sparse.csr_array, "csr_array")
csc_array = _compressed(scipy.sparse.csc_array, "csc_array")


def coo_array(arg1, shape=None, **keywords):
    """scipy.sparse.coo_array((data, (rows, columns)), shape), where data may be a traced array.

    Values at the same place are added, as in SciPy.
    """
    if not symbols_in(arg1):
        return scipy.sparse.coo_array(arg1, shape=shape, **keywords)
    if not isinstance(arg1, tuple) or len(arg1) != 2 or keywords:
        raise wants("scipy.sparse.coo_array", "other arguments", "a tuple (data, (rows, columns)), and shape")
    data, (rows, cols) = arg1
    if shape is None:
        shape = int(np.max(rows)) + 1, int(np.max(cols)) + 1
    order = np.lexsort((cols, rows))
    indptr = np.searchsorted(np.asarray(rows)[order], np.arange(shape[0] + 1))
    return csr_array((data[order], np.asarray(cols)[order], indptr), shape=shape)


def diags_array(diagonals, *, offsets=0, shape=None, **keywords):
    """scipy.sparse.diags_array(diagonals, offsets=…, shape=…), where diagonals may be traced arrays."""
    if not symbols_in(diagonals):
        return scipy.sparse.diags_array(diagonals, offsets=offsets, shape=shape, **keywords)
    if keywords:
        raise wants("scipy.sparse.diags_array", f"the keywords {sorted(keywords)}", "offsets and shape only")
    offsets = np.atleast_1d(offsets).tolist()
    if len(offsets) == 1 and np.ndim(diagonals) == 1:
        diagonals = [diagonals]
    if shape is None:
        shape = (np.size(diagonals[0]) + abs(offsets[0]),) * 2
    data, rows, cols = [], [], []
    for diagonal, k in zip(diagonals, offsets, strict=True):
        i = np.arange(max(0, -k), min(shape[0], shape[1] - k))
        data.append(np.broadcast_to(diagonal, i.shape) if np.size(diagonal) == 1 else diagonal)
        rows.append(i)
        cols.append(i + k)
    return coo_array((np.concatenate(data), (np.concatenate(rows), np.concatenate(cols))), shape=shape)


def __getattr__(name):
    if name == "linalg":
        return importlib.import_module("opad.scipy.sparse.linalg")
    return getattr(scipy.sparse, name)
