"""Weighted sums of scaled matrices as products of the matrices with vectors.

    (W o u v^T) c = u o W (v o c),        (W o (P + Q)) c = (W o P) c + (W o Q) c,        likewise for c^T (W o u v^T)

Where W is bound, that is a product with a vector for every term in place of several passes over arrays of W's size. The
result is as exact as a product with the assembled matrix, a few units of rounding of |J| |dx|, but not the same bit by
bit: for derivatives, which are linear.
"""

from dataclasses import dataclass, replace

import numpy as np

from opad.programs.optimise import live
from opad.programs.recorded import Ref
from opad.programs.recorder import Spec, Step

SMALLEST = 1 << 12  # elements of a matrix below which a few calls cost more than passes over it
MOST_TERMS = 4
MOST_FACTORS = 8
DEEPEST = 20


@dataclass(frozen=True)
class Term:
    """A bound matrix W with its rows scaled by u and its columns by v.

    Attributes
    ----------
    matrices : tuple, factors of W
    vectors : three tuples, the factors of u, the factors of v, and numbers
    sign : 1 or -1
    """

    matrices: tuple = ()
    vectors: tuple = ((), (), ())
    sign: int = 1

    def __mul__(self, other):
        vectors = tuple([a + b for a, b in zip(self.vectors, other.vectors, strict=True)])
        return Term(self.matrices + other.matrices, vectors, self.sign * other.sign)

    def __neg__(self):
        return replace(self, sign=-self.sign)

    @property
    def is_short(self):
        return len(self.matrices) + sum(map(len, self.vectors)) <= MOST_FACTORS


def contracted(segment, bound):
    """The segment with weighted sums over rows or columns of matrices as products with bound matrices.

    Parameters
    ----------
    segment : Segment
    bound : set of Refs, the values that are bound
    """
    writer = _Writer(segment, bound)
    sums = {id(step): found for step in segment.steps if (found := writer.weighted_sum(step)) is not None}
    while True:
        steps = []
        for step in segment.steps:
            steps += writer.products(step, *sums[id(step)]) if id(step) in sums else [step]
        steps = live(steps, segment.outputs, segment.guards)
        computed = {ref for step in steps for ref in step.outs}
        needed = [key for key, (matrix, *_) in sums.items() if matrix in computed]
        if not needed:
            return replace(segment, steps=steps, specs=writer.specs)
        for key in needed:  # the matrix is computed for something else, too
            del sums[key]


class _Writer:
    """Finds weighted sums, and writes products in their place."""

    def __init__(self, segment, bound):
        self.specs = list(segment.specs)
        self._bound = set(bound)
        self._makers = {step.out: step for step in segment.steps}
        self._terms = {}

    # -- what is summed -----------------------------------------------------------------------------------------------

    def weighted_sum(self, step):
        """(matrix, its terms, weights or None, axis) of a step that sums over an axis of a matrix, else None."""
        matrix, weights, axis = self._matrix(step)
        if matrix is None or matrix in self._bound or step.errstate:
            return None
        spec = self.specs[matrix]
        if spec.size < SMALLEST or 1 in spec.shape or not spec.is_ndarray or spec.dtype.kind not in "fc":
            return None
        if self.specs[step.out].dtype != spec.dtype or not self._fits(weights, spec):
            return None
        terms = self.terms(matrix, spec)
        return (matrix, terms, weights, axis) if terms and all(term.matrices for term in terms) else None

    def _matrix(self, step):
        """(matrix, weights, axis) of a matrix-vector product or of a sum over one axis."""
        if step.function in (np.matmul, np.dot) and len(step.args) == 2 and not step.kwargs:
            a, b = step.args
            dimensions = len(self._shape(a)), len(self._shape(b))
            if type(a) is Ref and dimensions == (2, 1):
                return a, b, 1
            if type(b) is Ref and dimensions == (1, 2):
                return b, a, 0
        elif step.function is np.sum and len(step.args) == 1 and step.kwargs.keys() == {"axis"}:
            axis = step.kwargs["axis"]
            axis = axis[0] if type(axis) is tuple and len(axis) == 1 else axis
            if type(axis) is int and len(self._shape(step.args[0])) == 2:
                return step.args[0], None, axis % 2
        return None, None, None

    def terms(self, value, spec, depth=0):
        """The terms whose sum a value is, broadcast to a matrix as `spec` says; None if it is no such sum."""
        if type(value) is not Ref:
            return self._found(value, spec, depth)
        key = value, spec.shape
        if key not in self._terms:
            self._terms[key] = self._found(value, spec, depth)
        return self._terms[key]

    def _found(self, value, spec, depth):
        shape = self._shape(value)
        if not self._fits(value, spec) or depth > DEEPEST:
            return None
        places = {(spec.shape[0], 1): 0, spec.shape[1:]: 1, (1, spec.shape[1]): 1, (): 2}
        if shape in places:
            vectors = [(), (), ()]
            vectors[places[shape]] = (value,)
            return [Term(vectors=tuple(vectors))]
        if shape != spec.shape:
            return None
        if self._is_bound(value):
            return [Term((value,))]
        step = self._makers.get(value)
        if step is None or step.errstate:
            return None
        if step.function is np.broadcast_to:
            return self.terms(step.args[0], spec, depth + 1)
        if step.function not in (np.multiply, np.add, np.subtract, np.negative) or step.kwargs:
            return None
        found = [self.terms(arg, spec, depth + 1) for arg in step.args]
        if None in found:
            return None
        if step.function is np.multiply:
            terms = [a * b for a in found[0] for b in found[1]]
        elif step.function is np.add:
            terms = found[0] + found[1]
        else:
            terms = [term for part in found[:-1] for term in part] + [-term for term in found[-1]]
        is_short = len(terms) <= MOST_TERMS and all(term.is_short for term in terms)
        return terms if is_short else None

    def _is_bound(self, value):
        return type(value) is not Ref or value in self._bound

    def _shape(self, value):
        return self.specs[value].shape if type(value) is Ref else np.shape(value)

    def _fits(self, value, spec):
        """True for arrays and NumPy's numbers of one dtype, and for Python's real numbers."""
        value = self.specs[value] if type(value) is Ref else value
        return value is None or type(value) in (int, float) or getattr(value, "dtype", None) == spec.dtype

    # -- the products -------------------------------------------------------------------------------------------------

    def products(self, step, matrix, terms, weights, axis):
        """Steps that compute what a step does, as a sum of products with the terms of its matrix."""
        written, spec = [], self.specs[matrix]

        def new(function, args, shape, **kwargs):
            self.specs.append(Spec(np.empty(shape, spec.dtype)))
            out = Ref(len(self.specs) - 1)
            if all(map(self._is_bound, args)):
                self._bound.add(out)
            written.append(Step(function, args, kwargs, out, step.origin, step.scope))
            return out

        def product(factors, shape):
            first, *others = sorted(factors, key=lambda factor: not self._is_bound(factor))
            for factor in others:  # those that are bound come first, so that their product is
                first = new(np.multiply, (first, factor), shape)
            return first

        def flat(vector):
            shape = self._shape(vector)
            return vector if len(shape) == 1 else new(np.reshape, (vector, max(shape)), max(shape))

        total = None
        for term in sorted(terms, key=lambda term: -term.sign):
            W, summed = product(term.matrices, spec.shape), [flat(v) for v in term.vectors[axis]]
            if weights is not None:
                summed.append(weights)
            if summed:
                w = product(summed, spec.shape[axis])
                part = new(np.matmul, (W, w) if axis else (w, W), spec.shape[1 - axis])
            else:
                part = new(np.sum, (W,), spec.shape[1 - axis], axis=axis)
            scales = [flat(u) for u in term.vectors[1 - axis]] + list(term.vectors[2])
            part = product([*scales, part], spec.shape[1 - axis])
            if total is not None:
                part = new(np.add if term.sign > 0 else np.subtract, (total, part), spec.shape[1 - axis])
            elif term.sign < 0:
                part = new(np.negative, (part,), spec.shape[1 - axis])
            total = part
        last = written[-1]
        written[-1] = Step(last.function, last.args, last.kwargs, step.out, step.origin, step.scope)
        return written
