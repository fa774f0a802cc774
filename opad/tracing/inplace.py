"""In-place operators on traced arrays: y += x gives the array a new value, which its other names see, too."""

import operator
import sys

import numpy as np

from opad.errors import TracingError
from opad.tracing.array import TracedArray
from opad.tracing.assignment import is_view, require_no_live_views
from opad.tracing.messages import caller


def update(array, result, temporary=False):
    """What `array += …` does: other names of the same array see the change too, as in NumPy."""
    if result is NotImplemented or not array.shape:
        return result  # numbers do not change in place
    if result.shape != array.shape:
        raise TracingError(
            f"an in-place operator would change the shape of a traced array from {array.shape} to {result.shape}"
            f"{caller()}; expected equal shapes, as in NumPy. Write y = y + x."
        )
    if is_view(array):
        if not temporary:
            raise TracingError(
                f"an in-place operator was applied to a part of a traced array, a view in NumPy{caller()}; expected "
                "the whole array to be changed, or z[i] += x. Write row = row + x."
            )
    else:
        require_no_live_views(array)
    if not hasattr(result, "tape"):  # y //= x: the new values are constant
        result = np.where(np.ones(array.shape, bool), result, array)
    if result.dtype != array.dtype:
        if not np.can_cast(result.dtype, array.dtype, "same_kind"):
            raise TracingError(
                f"an in-place operator would write {result.dtype} into a traced array of dtype {array.dtype}"
                f"{caller()}; expected a dtype that fits, as in NumPy. Write y = y + x."
            )
        result = result.astype(array.dtype)
    array.value, array.tape, array.index = result.value, result.tape, result.index
    return array


class _Probe:
    """Counts references to itself as the in-place operators of traced arrays do."""

    def __iadd__(self, count):
        count.append(sys.getrefcount(self))
        return self

    def __getitem__(self, key):
        return _Probe()

    def __setitem__(self, key, value):
        pass


def _references_of_a_temporary():
    """The reference count that tells z[i] += x, which writes back, from row += x, which does not; 0 if nothing does."""
    box, row, counts = _Probe(), _Probe(), []
    box[0] += counts
    row += counts
    return counts[0] if counts[0] < counts[1] else 0


TEMPORARY = _references_of_a_temporary()


def _install(name):
    operation = getattr(operator, name)

    def in_place(self, other):
        temporary = sys.getrefcount(self) == TEMPORARY
        return update(self, operation(self, other), temporary)

    setattr(TracedArray, f"__i{name}__", in_place)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    _install(_name)
