"""Weighted sums of scaled matrices as products of the matrices with vectors.

    (W o u v^T) c = u o W (v o c),        (W o (P + Q)) c = (W o P) c + (W o Q) c,        likewise for c^T (W o u v^T)

Where W is bound, that is a product with a vector for every term in place of several passes over arrays of W's size, or
with a matrix for a batch of u and v. The result is as exact as a product with the assembled matrix, to a few units of
rounding of |J| |dx|, but not the same bit by bit: for derivatives, which are linear.
"""

from dataclasses import dataclass, replace
from functools import partial, reduce

import numpy as np

from opad.programs.optimise import live
from opad.programs.recorded import Ref
from opad.programs.recorder import Spec, Step, new_ref

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
        """(matrix, its terms, weights or None, axis) of a step that sums over rows (0) or columns (1), else None."""
        matrix, weights, axis = self._matrix(step)
        if matrix is None or matrix in self._bound or step.errstate:
            return None
        spec = self.specs[matrix]
        if spec.size < SMALLEST or 1 in spec.shape or not spec.is_ndarray or spec.dtype.kind not in "fc":
            return None
        if self.specs[step.out].dtype != spec.dtype or not self._fits(weights, spec):
            return None
        terms = self.terms(matrix, spec)
        if not terms or not all(term.matrices for term in terms):
            return None
        vectors = [vector for term in terms for vector in (*term.vectors[0], *term.vectors[1])]
        has_batch = any(len(self.flat_shape(vector)) == 2 for vector in vectors)
        return (matrix, terms, weights, axis) if has_batch == (spec.ndim == 3) else None

    def _matrix(self, step):
        """(matrix or batch of matrices, weights, axis) of a product with a vector or of a sum over one axis."""
        if step.function in (np.matmul, np.dot) and len(step.args) == 2 and not step.kwargs:
            a, b = step.args
            dimensions = len(self.shape(a)), len(self.shape(b))
            if type(a) is Ref and dimensions in ((2, 1), (3, 1)):
                return self._unfolded(a), b, 1
            if type(b) is Ref and dimensions in ((1, 2), (1, 3)):
                return b, a, 0
        elif step.function is np.sum and len(step.args) == 1 and step.kwargs.keys() == {"axis"}:
            axis, dimensions = step.kwargs["axis"], len(self.shape(step.args[0]))
            axis = axis[0] if type(axis) is tuple and len(axis) == 1 else axis
            if type(axis) is int and dimensions in (2, 3) and (axis := axis % dimensions - dimensions + 2) >= 0:
                return step.args[0], None, axis
        return None, None, None

    def _unfolded(self, matrix):
        """The batch of matrices whose rows were put below each other to multiply them all, or the matrix."""
        maker = self._makers.get(matrix)
        if maker is not None and maker.function is np.reshape and maker.kwargs in ({}, {"order": "C"}):
            shape = self.shape(maker.args[0])
            if type(maker.args[0]) is Ref and len(shape) == 3 and shape[-1:] == self.shape(matrix)[1:]:
                return maker.args[0]
        return matrix

    def terms(self, value, spec, depth=0):
        """The terms whose sum a value is, broadcast to a matrix as `spec` says; None if it is no such sum."""
        if type(value) is not Ref:
            return self._found(value, spec, depth)
        key = value, spec.shape
        if key not in self._terms:
            self._terms[key] = self._found(value, spec, depth)
        return self._terms[key]

    def _found(self, value, spec, depth):
        shape = self.shape(value)
        if not self._fits(value, spec) or depth > DEEPEST:
            return None
        *batch, rows, columns = (1,) * (spec.ndim - len(shape)) + shape
        if 1 in (rows, columns) and (shape == () or rows != columns):
            vectors = [(), (), ()]
            vectors[2 if shape == () else rows == 1] = (value,)
            return [Term(vectors=tuple(vectors))]
        if (rows, columns) == spec.shape[-2:] and self.is_bound(value) and set(batch) <= {1}:
            return [Term((value,))]
        step = self._makers.get(value) if shape == spec.shape else None
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

    def is_bound(self, value):
        return type(value) is not Ref or value in self._bound

    def shape(self, value):
        return self.specs[value].shape if type(value) is Ref else np.shape(value)

    def flat_shape(self, vector):
        """The shape of a factor without axes of length one, which broadcast along a matrix."""
        return tuple([n for n in self.shape(vector) if n > 1])

    def _fits(self, value, spec):
        """True for arrays and NumPy's numbers of one dtype, and for Python's real numbers."""
        value = self.specs[value] if type(value) is Ref else value
        return value is None or type(value) in (int, float) or getattr(value, "dtype", None) == spec.dtype

    # -- the products -------------------------------------------------------------------------------------------------

    def products(self, step, matrix, terms, weights, axis):
        """Steps that compute what a step does, as a sum of products with the terms of its matrix."""
        calls = _Calls(self, step, self.specs[matrix].dtype)
        total = None
        for term in sorted(terms, key=lambda term: -term.sign):
            scales = [*map(calls.flat, term.vectors[1 - axis]), *term.vectors[2]]
            part = calls.product([*scales, calls.sum_of(term, weights, axis)])
            if total is not None:
                total = calls.elementwise(np.add if term.sign > 0 else np.subtract, total, part)
            else:
                total = part if term.sign > 0 else calls.elementwise(np.negative, part)
        if self.shape(total) != (shape := self.specs[step.out].shape):  # the rows of a batch are below each other
            calls.new(np.reshape, (total, shape), shape)
        *steps, last = calls.steps
        return [*steps, Step(last.function, last.args, last.kwargs, step.out, step.origin, step.scope)]

    def new_value(self, shape, dtype, args):
        """The Ref of a new array; what is computed of bound arguments is bound, too."""
        out = new_ref(self.specs, Spec.of_array(shape, dtype))
        if all(map(self.is_bound, args)):
            self._bound.add(out)
        return out


class _Calls:
    """Steps of NumPy's functions, written one after another.

    Parameters
    ----------
    writer : _Writer, which knows the values of the program
    step : the Step in whose place they are
    dtype : of everything that is computed
    """

    def __init__(self, writer, step, dtype):
        self.writer, self.origin, self.dtype = writer, (step.origin, step.scope), dtype
        self.steps = []

    def new(self, function, args, shape, **kwargs):
        out = self.writer.new_value(shape, self.dtype, args)
        self.steps.append(Step(function, args, kwargs, out, *self.origin))
        return out

    def elementwise(self, function, *args):
        return self.new(function, args, np.broadcast_shapes(*map(self.writer.shape, args)))

    def product(self, factors):
        """The product of factors; those that are bound come first, so that their product is."""
        return reduce(
            partial(self.elementwise, np.multiply), sorted(factors, key=lambda f: not self.writer.is_bound(f))
        )

    def flat(self, factor):
        """A factor without axes of length one."""
        shape = self.writer.flat_shape(factor)
        return factor if shape == self.writer.shape(factor) else self.new(np.reshape, (factor, shape), shape)

    def sum_of(self, term, weights, axis):
        """The weighted sum over the rows (0) or the columns (1) of a term's matrix."""
        shape = self.writer.shape
        W, summed = self.product(map(self.flat, term.matrices)), [self.flat(v) for v in term.vectors[axis]]
        summed += [] if weights is None else [weights]
        length = shape(W)[1 - axis]
        if not summed:
            return self.new(np.sum, (W,), length, axis=axis)
        w = self.product(summed)
        if len(shape(w)) == 1:
            return self.new(np.matmul, (W, w) if axis else (w, W), length)
        if axis:
            W = self.new(np.transpose, (W,), shape(W)[::-1])
        return self.new(np.matmul, (w, W), (shape(w)[0], length))
