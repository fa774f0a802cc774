"""Variables that are tuples of arrays: the outputs of svd or eigh, the arguments of a checkpoint.

A tuple variable is one row of the system. `Component` picks one of its arrays, `Pack` puts an array in its place; they
are each other's adjoints.
"""

import numpy as np

from opad.operators.algebra import Operator, Wrapper
from opad.operators.structure import selection_of_part


class Parts:
    """A tuple of arrays of which some may be structural zeros; sums of it stay sparse.

    Parameters
    ----------
    templates : tuple of arrays, whose shapes and dtypes the parts have (after leading batch axes)
    present : dict {position: array}; None for the templates themselves
    """

    __slots__ = ("present", "templates")

    def __init__(self, templates, present=None):
        self.templates = templates
        self.present = dict(enumerate(templates)) if present is None else present

    def __add__(self, other):
        merged = dict(self.present)
        for k, part in other.present.items():
            merged[k] = merged[k] + part if k in merged else part
        return Parts(self.templates, merged)

    def __getitem__(self, k):
        if k in self.present:
            return self.present[k]
        template = self.templates[k]
        return np.zeros_like(template, shape=self.batch_shape + np.shape(template))

    def __iter__(self):
        return (self[k] for k in range(len(self.templates)))

    def __len__(self):
        return len(self.templates)

    @property
    def batch_shape(self):
        k, part = next(iter(self.present.items()))
        return part.shape[: part.ndim - np.ndim(self.templates[k])]


class Component(Operator):
    """(X_0, …, X_n) -> X_k.  Forward: dX_k.  Adjoint: (0, …, Y~, …, 0), zeros being structural.

    Parameters
    ----------
    templates : tuple of arrays with the shapes and dtypes of the parts
    k : position
    """

    def __init__(self, templates, k):
        self.templates = templates
        self.k = k

    dims = property(lambda self: tuple(np.shape(t) for t in self.templates))
    dimsd = property(lambda self: np.shape(self.templates[self.k]))

    def structure(self):
        """The stored form that an elimination multiplies with."""
        return selection_of_part(self.dims, self.k)

    def apply(self, X):
        return X[self.k]

    def apply_adjoint(self, Y):
        return Parts(self.templates, {self.k: Y})


class IntoParts(Wrapper):
    """An operator onto a tuple of arrays, with results that can be added.  Forward and adjoint: as `op`.

    Parameters
    ----------
    op : Operator
    templates : tuple of arrays with the shapes and dtypes of the parts
    """

    def __init__(self, op, templates):
        self.op = op
        self.templates = templates

    dims = property(lambda self: self.op.dims)
    dimsd = property(lambda self: self.op.dimsd)

    def apply(self, X):
        return Parts(self.templates, dict(enumerate(self.op.apply(X))))

    def apply_adjoint(self, Y):
        return self.op.apply_adjoint(Y)


class Pack(Operator):
    """X_k -> (0, …, X_k, …, 0), the adjoint of `Component`.

    Parameters
    ----------
    templates : tuple of arrays with the shapes and dtypes of the parts
    k : position
    """

    def __init__(self, templates, k):
        self.templates = templates
        self.k = k

    dims = property(lambda self: np.shape(self.templates[self.k]))
    dimsd = property(lambda self: tuple(np.shape(t) for t in self.templates))

    def structure(self):
        """The stored form that an elimination multiplies with."""
        return selection_of_part(self.dimsd, self.k).T.tocsr()

    def apply(self, X):
        return Parts(self.templates, {self.k: X})

    def apply_adjoint(self, Y):
        return Y[self.k]
