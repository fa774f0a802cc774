"""In-place operators on traced arrays: y += x gives the array a new value, which its other names see, too."""

import operator

import numpy as np

from opad.errors import TracingError
from opad.tracing.array import TracedArray, getitem, plain
from opad.tracing.messages import caller
from opad.tracing.primitives import RULES


def update(array, result):
    """What `array += …` does: other names of the same array see the change too, as in NumPy."""
    if result is NotImplemented or not array.shape:
        return result  # numbers do not change in place
    if result.shape != array.shape:
        raise TracingError(
            f"an in-place operator would change the shape of a traced array from {array.shape} to {result.shape}"
            f"{caller()}; expected equal shapes, as in NumPy. Write y = y + x."
        )
    primitive, y = (array.tape.records[array.index] or (None, None))[:2]
    if primitive is RULES[getitem] and getattr(plain(y), "base", None) is not None:
        raise TracingError(
            f"an in-place operator was applied to a part of a traced array, a view in NumPy{caller()}; expected the "
            "whole array to be changed. Write row = row + x, and np.where or np.concatenate to put it back."
        )
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


def _install(name):
    operation = getattr(operator, name)

    def in_place(self, other):
        return update(self, operation(self, other))

    setattr(TracedArray, f"__i{name}__", in_place)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    _install(_name)
