"""Products of arrays: matmul, dot, einsum and what is written with them."""

from math import prod
from string import ascii_letters

import numpy as np

from opad.operators.einsum import EinsumOperand
from opad.operators.elementwise import conjugate
from opad.operators.products import (
    InnerProduct,
    LeftMultiply,
    MatrixVector,
    RightMultiply,
    StackedLeftMultiply,
    StackedRightMultiply,
    VectorOfMatrix,
    VectorTimesMatrix,
    adjoint_matrix,
    left_product,
    right_product,
)
from opad.tracing.primitives import RULES, JacobianRule, Primitive, composite, with_cast
from opad.tracing.rules.helpers import wants


class _Matmul(Primitive):
    """np.matmul; each block is made only for the factor that is traced."""

    takes_operands = True

    def used(self, slots):
        return [1 - slot for slot in slots]

    def adjoints(self, y, args, kwargs, parents):
        a, b = args
        if not (a.ndim == b.ndim == 2 and a.dtype is b.dtype):
            return super().adjoints(y, args, kwargs, parents)
        found = []
        for slot, column in parents:
            found.append((column, _product_after(adjoint_matrix(a)) if slot else _product_before(adjoint_matrix(b))))
        return None, found

    def blocks(self, y, args, kwargs, parents):
        a, b = args
        matrices = a.ndim == 2 and b.ndim == 2
        blocks = []
        for slot, column in parents:
            if slot == 0:
                x = a
                block = RightMultiply(b, a.shape[0]) if matrices else _left_factor(a, b)
            else:
                x = b
                block = LeftMultiply(a, b.shape[1]) if matrices else _right_factor(a, b)
            blocks.append((column, block if x.dtype is y.dtype else with_cast(block, x, y)))
        return blocks


def _product_after(A):
    return lambda X: left_product(A, X)


def _product_before(A):
    return lambda X: right_product(X, A)


def _left_factor(a, b):
    """da -> da b, not both matrices."""
    if b.ndim == 2:
        return MatrixVector(b.T) if a.ndim == 1 else StackedRightMultiply(b, a.shape)
    if b.ndim == 1:
        if a.ndim == 1:
            return InnerProduct(conjugate(b))
        return VectorOfMatrix(b, a.shape[0]) if a.ndim == 2 else EinsumOperand("...ij,j->...i", (a, b), 0)
    return StackedRightMultiply(b, a.shape) if a.ndim > 1 else EinsumOperand("i,...ij->...j", (a, b), 0)


def _right_factor(a, b):
    """db -> a db, not both matrices."""
    if a.ndim == 2:
        return MatrixVector(a) if b.ndim == 1 else StackedLeftMultiply(a, b.shape)
    if a.ndim == 1:
        if b.ndim == 1:
            return InnerProduct(conjugate(a))
        return VectorTimesMatrix(a, b.shape[1]) if b.ndim == 2 else EinsumOperand("i,...ij->...j", (a, b), 1)
    return StackedLeftMultiply(a, b.shape) if b.ndim > 1 else EinsumOperand("...ij,j->...i", (a, b), 1)


RULES[np.matmul] = _Matmul(np.matmul)


@composite(np.dot)
def dot(a, b, out=None):
    """A product with a scalar, a matrix product, or a sum over the last axis of a and the second-to-last of b."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.ndim(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=((np.ndim(a) - 1,), (np.ndim(b) - 2,)))


@composite(np.inner)
def inner(a, b):
    """Sum over the last axes."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.ndim(b) == 1:
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=((np.ndim(a) - 1,), (np.ndim(b) - 1,)))


@composite(np.vdot)
def vdot(a, b):
    """sum conj(a) b over flattened arrays."""
    return np.matmul(np.conj(np.reshape(a, -1)), np.reshape(b, -1))


@composite(np.vecdot)
def vecdot(x1, x2, axis=-1):
    """sum conj(x1) x2 along an axis."""
    return np.sum(np.conj(x1) * x2, axis=axis)


@composite(np.outer)
def outer(a, b, out=None):
    """a_i b_j of flattened arrays."""
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


@composite(np.kron)
def kron(a, b):
    """The Kronecker product of arrays of any dimension."""
    ndim = max(np.ndim(a), np.ndim(b))
    shape_a = (1,) * (ndim - np.ndim(a)) + np.shape(a)
    shape_b = (1,) * (ndim - np.ndim(b)) + np.shape(b)
    a = np.reshape(a, tuple(n for length in shape_a for n in (length, 1)))
    b = np.reshape(b, tuple(n for length in shape_b for n in (1, length)))
    return np.reshape(a * b, tuple(m * n for m, n in zip(shape_a, shape_b, strict=True)))


@composite(np.tensordot)
def tensordot(a, b, axes=2):
    """Sum over pairs of axes, as one matrix product."""
    ndim_a, ndim_b = np.ndim(a), np.ndim(b)
    if np.ndim(axes) == 0:
        axes = tuple(range(ndim_a - axes, ndim_a)), tuple(range(axes))
    axes_a, axes_b = ((k,) if np.ndim(k) == 0 else tuple(k) for k in axes)
    axes_a, axes_b = [k % ndim_a for k in axes_a], [k % ndim_b for k in axes_b]
    free_a = [k for k in range(ndim_a) if k not in axes_a]
    free_b = [k for k in range(ndim_b) if k not in axes_b]
    summed = prod(np.shape(a)[k] for k in axes_a)
    rows, columns = tuple(np.shape(a)[k] for k in free_a), tuple(np.shape(b)[k] for k in free_b)
    left = np.reshape(np.transpose(a, free_a + axes_a), (prod(rows), summed))
    right = np.reshape(np.transpose(b, axes_b + free_b), (summed, prod(columns)))
    return np.reshape(np.matmul(left, right), rows + columns)


class _Einsum(JacobianRule):
    """np.einsum: linear in every operand; the block of operand k is einsum with that operand left open."""

    def check_call(self, args, kwargs):
        Primitive.check_call(self, args, kwargs)
        if not isinstance(args[0], str):
            raise wants("np.einsum", "subscripts as lists of integers", "a string such as 'ij,jk->ik'")


@composite(np.einsum)
def einsum_with_lists(*operands, optimize=False):
    """np.einsum(a, [0, 1], b, [1, 2], [0, 2]), which is np.einsum("ab,bc->ac", a, b)."""
    pairs = len(operands) // 2
    text = ",".join(_letters(part) for part in operands[1 : 2 * pairs : 2])
    if len(operands) % 2:
        text += f"->{_letters(operands[-1])}"
    return np.einsum(text, *operands[: 2 * pairs : 2], optimize=optimize)


def _letters(subscripts):
    return "".join("..." if k is Ellipsis else ascii_letters[k] for k in subscripts)


def _einsum_rule(y, subscripts, *operands, optimize=False):
    operands = [np.asarray(a) if isinstance(a, list | tuple | int | float) else a for a in operands]
    return (None, *(EinsumOperand(subscripts, operands, k) for k in range(len(operands))))


RULES[np.einsum] = _Einsum(np.einsum, _einsum_rule)


@composite(np.cross)
def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The vector product in three dimensions."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if np.shape(a)[-1] != 3 or np.shape(b)[-1] != 3:
        raise wants("np.cross", f"vectors of length {np.shape(a)[-1]} and {np.shape(b)[-1]}", "vectors of length 3")
    forward, backward = np.array([1, 2, 0]), np.array([2, 0, 1])
    product = a[..., forward] * b[..., backward] - a[..., backward] * b[..., forward]
    return np.moveaxis(product, -1, axisc)


if hasattr(np, "matvec"):  # NumPy 2.2

    @composite(np.matvec)
    def matvec(x1, x2):
        """Matrices times vectors in the last axes."""
        return np.matmul(x1, x2[..., None])[..., 0]

    @composite(np.vecmat)
    def vecmat(x1, x2):
        """Conjugated vectors times matrices in the last axes."""
        return np.matmul(np.conj(x1)[..., None, :], x2)[..., 0, :]
