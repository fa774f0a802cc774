"""What a record keeps: of large arrays only those whose values its Jacobian rule uses, of the others the space."""

KEEP_LIMIT = 1 << 14  # bytes; keeping fewer costs less than finding out


class Space:
    """The shape and the dtype of an array, without the array."""

    __slots__ = ("dtype", "ndim", "shape")

    def __init__(self, array):
        self.shape = array.shape
        self.ndim = len(self.shape)
        self.dtype = array.dtype


def kept(primitive, y, args, parents):
    """(y, args) of a call, without the values that no block of the record uses."""
    used = primitive.used(tuple([slot for slot, _ in parents]))
    if used is None or y.base is not None:  # assignments have to know of what a view is one
        return y, args
    return y if -1 in used else Space(y), [a if k in used else _space(a) for k, a in enumerate(args)]


def _space(a):
    return Space(a) if getattr(a, "nbytes", 0) > KEEP_LIMIT else a
