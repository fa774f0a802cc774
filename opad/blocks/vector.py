"""Block vectors: one array (or number) per variable of a block system."""

from math import prod

import numpy as np

from opad.errors import ShapeError


class BlockVector:
    """A list of arrays that adds, scales and has an inner product.

    Parameters
    ----------
    blocks : sequence of arrays or numbers; None is a structural zero

    Examples
    --------
    >>> import numpy as np, opad
    >>> v = opad.BlockVector([np.ones((2, 2)), np.array([1.0, 2.0])])
    >>> (2 * v + v).ravel()
    array([3., 3., 3., 3., 3., 6.])
    >>> float(v @ v)
    9.0
    """

    __array_ufunc__ = None  # so that `array * vector` reaches __rmul__

    def __init__(self, blocks):
        self.blocks = list(blocks)

    @classmethod
    def from_flat(cls, x, dims):
        """Cut the 1-D array `x` into arrays of the shapes `dims`, in order; the inverse of `ravel`."""
        sizes = [prod(shape) for shape in dims]
        if x.shape != (sum(sizes),):
            raise ShapeError(
                f"a flat array of shape {x.shape} was to be cut into shapes {list(dims)}; expected ({sum(sizes)},). "
                "Flatten it with .ravel()."
            )
        parts = np.split(x, np.cumsum(sizes)[:-1])
        return cls([part.reshape(shape) for part, shape in zip(parts, dims, strict=True)])

    def ravel(self):
        """All blocks, flattened in C order, one after another."""
        missing = [i for i, block in enumerate(self.blocks) if block is None]
        if missing:
            raise ShapeError(
                f"blocks {missing} are structural zeros of unknown shape; expected arrays. "
                "Give the block its zeros, np.zeros(shape)."
            )
        return np.concatenate([np.reshape(block, -1) for block in self.blocks])

    def __len__(self):
        return len(self.blocks)

    def __getitem__(self, i):
        return self.blocks[i]

    def __iter__(self):
        return iter(self.blocks)

    def __add__(self, other):
        return self._combine(other, lambda a, b: a + b)

    def __sub__(self, other):
        return self + BlockVector(_blocks_of(other, len(self))) * -1

    def __neg__(self):
        return -1 * self

    def __mul__(self, scalar):
        return BlockVector([None if block is None else scalar * block for block in self.blocks])

    __rmul__ = __mul__

    def __matmul__(self, other):
        """The inner product sum_i <self_i, other_i>, conjugating self."""
        pairs = zip(self.blocks, _blocks_of(other, len(self)), strict=True)
        terms = [_inner(a, b) for a, b in pairs if a is not None and b is not None]
        return sum(terms[1:], start=terms[0]) if terms else 0

    def _combine(self, other, operation):
        pairs = zip(self.blocks, _blocks_of(other, len(self)), strict=True)
        return BlockVector([b if a is None else a if b is None else operation(a, b) for a, b in pairs])

    def __repr__(self):
        return f"BlockVector({', '.join(map(_describe, self.blocks))})"


def _blocks_of(other, count):
    blocks = list(other)
    if len(blocks) != count:
        raise ShapeError(
            f"a block vector of {len(blocks)} blocks met one of {count}; expected equal numbers. "
            "Pad the shorter one with None, the structural zero."
        )
    return blocks


def _inner(a, b):
    return np.vdot(a, b) if hasattr(a, "ndim") else a.conjugate() * b


def _describe(block):
    if block is None:
        return "0"
    return f"array{block.shape}" if getattr(block, "shape", ()) else repr(block)
