"""`numpy.einsum` as a linear map of one of its operands."""

from functools import cached_property, lru_cache
from math import prod
from string import ascii_letters

import numpy as np

from opad.operators.algebra import Operator
from opad.operators.elementwise import conjugate
from opad.operators.indexing import scatter_add

_WORTH_OPTIMIZING = 2**14  # operations; below, NumPy's own loop is faster than the search for a path


class EinsumOperand(Operator):
    """X -> einsum(subscripts, …, X, …), the other operands fixed.

    Forward:  dY = einsum(…, dX, …)          Adjoint:  X~ = einsum(conj(others), Y~), with the labels of X as output;
    labels that only X has are repeated, labels that X has twice (a diagonal, a trace) are put on the diagonal

    Parameters
    ----------
    subscripts : str, as for `numpy.einsum`: explicit or implicit output, ellipses, repeated labels
    operands : sequence of arrays; of the one at `position` only the shape is used
    position : int, which operand is the variable

    References
    ----------
    J. Laue, M. Mitterreiter, J. Giesen, A simple and efficient tensor calculus, AAAI 2020.

    Examples
    --------
    >>> import numpy as np
    >>> trace = EinsumOperand("ii", [np.ones((2, 2))], 0)
    >>> trace.todense()
    array([[1., 0., 0., 1.]])
    """

    def __init__(self, subscripts, operands, position):
        self.subscripts = subscripts
        self.dims = operands[position].shape
        self.others = [*operands[:position], *operands[position + 1 :]]
        self.position = position

    @cached_property
    def plan(self):
        """The einsums of both directions; found when first needed, and once for all operands of the same shapes."""
        k, shapes = self.position, [a.shape for a in self.others]
        return _plan(self.subscripts, (*shapes[:k], self.dims, *shapes[k:]), k)

    @property
    def dimsd(self):
        return self.plan.dimsd

    @property
    def data_dtype(self):
        held = [a.dtype for a in self.others if a.dtype.kind in "fc"]
        return np.result_type(*held) if held else None

    def apply(self, X):
        plan = self.plan
        operands = [*self.others[: plan.position], X, *self.others[plan.position :]]
        return np.einsum(plan.forward, *operands, optimize=plan.optimize)

    def apply_adjoint(self, Y):
        plan = self.plan
        batch = Y.shape[: Y.ndim - len(plan.dimsd)]
        X = np.einsum(plan.backward, *map(conjugate, self.others), Y, optimize=plan.optimize)
        if plan.repeated:
            X = np.broadcast_to(X.reshape(batch + plan.kept), batch + plan.full)
        if plan.diagonal is None:
            return X
        return scatter_add(X, (slice(None),) * len(batch) + plan.diagonal_key(), batch + self.dims)


class _Plan:
    """What an EinsumOperand does, found once per (subscripts, shapes, position)."""

    def __init__(self, terms, output, shapes, position):
        sizes = {}
        for term, shape in zip(terms, shapes, strict=True):
            for label, n in zip(term, shape, strict=True):
                sizes[label] = max(n, sizes.get(label, 1)) if n != 0 else 0
        term, others = terms[position], terms[:position] + terms[position + 1 :]
        labels = "".join(dict.fromkeys(term))
        own = dict(zip(term, shapes[position], strict=True))
        elsewhere = set("".join(others) + output)
        reached = "".join([label for label in labels if label in elsewhere and own[label] == sizes[label]])

        self.position = position
        self.dimsd = tuple([sizes[label] for label in output])
        self.forward = ",".join([*terms[:position], "..." + term, *terms[position + 1 :]]) + "->..." + output
        self.backward = ",".join([*others, "..." + output]) + "->..." + reached
        self.optimize = len(terms) > 2 or (len(terms) == 2 and prod(sizes.values()) > _WORTH_OPTIMIZING)
        in_reach = set(output).union(
            *[
                {label for label, n in zip(t, s, strict=True) if n == sizes[label]}
                for t, s in self._without(terms, shapes)
            ]
        )
        self.full = tuple([own[label] for label in labels])
        self.kept = tuple([own[label] if label in reached and label in in_reach else 1 for label in labels])
        self.repeated = self.kept != self.full or reached != labels
        self.diagonal = None if labels == term else (labels, term)

    def _without(self, terms, shapes):
        return [(t, s) for i, (t, s) in enumerate(zip(terms, shapes, strict=True)) if i != self.position]

    def diagonal_key(self):
        """The index arrays of the elements of X that einsum reads, one array per axis of X."""
        labels, term = self.diagonal
        grid = dict(zip(labels, np.ix_(*map(np.arange, self.full)), strict=True))
        return tuple([grid[label] for label in term])


@lru_cache(maxsize=1024)
def _plan(subscripts, shapes, position):
    return _Plan(*_explicit(subscripts, shapes), shapes, position)


def _explicit(subscripts, shapes):
    """The terms and the output of an einsum with every ellipsis spelled out as labels."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    free = [label for label in ascii_letters if label not in subscripts]
    widths = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)]
    widest = max([width for term, width in zip(terms, widths, strict=True) if "..." in term], default=0)
    ellipsis = "".join(free[:widest])
    terms = [t.replace("...", ellipsis[widest - width :]) for t, width in zip(terms, widths, strict=True)]
    if not arrow:
        spelled = "".join(terms)
        output = "..." + "".join(sorted([c for c in set(spelled) - set(ellipsis) if spelled.count(c) == 1]))
    return terms, output.replace("...", ellipsis)
