"""Which steps of a program are elementwise, and what they compute for one element, as Python text."""

import numpy as np

from opad.operators.indexing import scatter_add
from opad.programs.functions import EXACT, without_ellipsis
from opad.programs.recorded import Ref, astype, getitem

LIBRARY_LIMIT = 32  # elements up to which the C library's exp saves more in calls than NumPy's, in registers, in time
FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
BOOL = np.dtype(bool)
add_into_zeros = scatter_add.__wrapped__

ARITHMETIC = {
    np.add: "{} + {}", np.subtract: "{} - {}", np.multiply: "{} * {}", np.divide: "{} / {}", np.negative: "-{}",
    np.square: "{0} * {0}", np.sqrt: "np.sqrt({})", np.absolute: "abs({})", np.fabs: "abs({})",
    np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}", np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}",
}  # fmt: skip
LIBRARY = {
    f: f"np.{f.__name__}({{}})"
    for f in (
        np.exp, np.expm1, np.log, np.log1p, np.log2, np.log10, np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan,
        np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh,
    )
} | {f: f"np.{f.__name__}({{}}, {{}})" for f in (np.arctan2, np.hypot, np.power)}  # fmt: skip
COMPARISONS = {
    np.less: "{} < {}", np.less_equal: "{} <= {}", np.greater: "{} > {}", np.greater_equal: "{} >= {}",
    np.equal: "{} == {}", np.not_equal: "{} != {}", np.isfinite: "np.isfinite({})", np.isnan: "np.isnan({})",
}  # fmt: skip
LOGIC = {np.logical_and: "{} & {}", np.logical_or: "{} | {}", np.logical_not: "not {}"}


def iteration_shape(step, specs):
    """The shape over which a step loops, if it can be part of a kernel; else None."""
    if type(step.out) is tuple or step.raises:
        return None
    spec = specs[step.out]
    if not spec.is_ndarray or not spec.size or not spec.shape or spec.order != "C":
        return None
    return spec.shape if _is_elementwise(step, spec, specs) else None


def _is_elementwise(step, spec, specs):
    function, args = step.function, step.args
    if function is np.concatenate:
        return joined(step, specs) is not None
    if step.kwargs:
        return False
    if function in ARITHMETIC or (function in LIBRARY and spec.size <= LIBRARY_LIMIT):
        return spec.dtype in FLOATS and all(is_of(a, spec.dtype, specs) for a in args)
    if function in COMPARISONS:
        return any(all(is_of(a, dtype, specs) for a in args) for dtype in FLOATS)
    if function in LOGIC:
        return all(type(a) is Ref and specs[a].is_ndarray and specs[a].dtype == BOOL for a in args)
    if function is np.where and len(args) == 3 and spec.dtype in FLOATS:
        return _is_mask(args[0], specs) and all(is_of(a, spec.dtype, specs) for a in args[1:])
    if function is astype:
        return spec.dtype in FLOATS and (_is_mask(args[0], specs) or is_of(args[0], specs[args[0]].dtype, specs))
    if function is getitem:
        return is_gather(step, specs)
    return function is add_into_zeros and frame(step, specs) is not None


def is_of(a, dtype, specs):
    """True for arrays and numbers that take part in a computation in `dtype`."""
    if type(a) is Ref:
        spec = specs[a]
        return spec.type is float or (spec.dtype == dtype and spec.dtype in FLOATS and _is_numpy(spec.type))
    if type(a) in (int, float):
        return abs(a) < EXACT
    return (type(a) is np.ndarray or isinstance(a, np.generic)) and a.dtype == dtype


def _is_numpy(kind):
    return kind is np.ndarray or issubclass(kind, np.floating)


def _is_mask(a, specs):
    return type(a) is Ref and specs[a].is_ndarray and specs[a].dtype == BOOL


def is_gather(step, specs):
    """x[index] for a vector x and a vector of integers."""
    x, key = step.args
    index = key[0] if type(key) is tuple and len(key) == 1 else key
    return (
        type(x) is Ref
        and specs[x].is_ndarray
        and specs[x].ndim == 1
        and specs[x].dtype in FLOATS
        and is_index(index, specs)
    )


def is_index(index, specs):
    """True for a vector of NumPy's own integers."""
    if type(index) is Ref:
        return specs[index].is_ndarray and specs[index].ndim == 1 and specs[index].dtype == np.intp
    return type(index) is np.ndarray and index.ndim == 1 and index.dtype == np.intp


def template(function):
    """The text of an elementwise function of {0}, {1}, ..."""
    for table in (ARITHMETIC, LIBRARY, COMPARISONS, LOGIC):
        if function in table:
            return table[function]
    return "{1} if {0} else {2}"  # np.where


def expression(step, specs, operand):
    """What a step computes for one element as text; `operand(a, dtype)` is the text of an argument in a dtype."""
    function, dtype = step.function, specs[step.out].dtype
    if dtype == BOOL and function in COMPARISONS:
        dtype = next(d for d in FLOATS if all(is_of(a, d, specs) for a in step.args))
    if function is astype:
        return f"{dtype.name}({operand(step.args[0], specs[step.args[0]].dtype)})"
    return template(function).format(*[operand(a, dtype) for a in step.args])


def frame(step, specs):
    """Where the values of scatter_add lie within a frame of zeros: [(start, stop)] per axis; None for other keys."""
    values, key, shape = step.args
    if type(values) is not Ref or not specs[values].is_ndarray or specs[values].dtype not in FLOATS:
        return None
    key = without_ellipsis(key, len(shape))
    if not all(type(k) is slice for k in key):
        return None
    ranges = [k.indices(n) for k, n in zip((*key, *[slice(None)] * (len(shape) - len(key))), shape, strict=True)]
    if any(step != 1 for _, _, step in ranges) or specs[values].shape != tuple(b - a for a, b, _ in ranges):
        return None
    return [(start, stop) for start, stop, _ in ranges]


def joined(step, specs):
    """Of np.concatenate along one axis: [(part, length)] and the axis; None for other calls."""
    if len(step.args) != 1 or step.kwargs.keys() - {"axis"}:
        return None
    (parts,), spec, axis = step.args, specs[step.out], step.kwargs.get("axis", 0)
    if type(parts) not in (tuple, list) or len(parts) > 4 or spec.dtype not in FLOATS or type(axis) is not int:
        return None
    if any(type(part) is not Ref or not specs[part].is_ndarray or specs[part].dtype != spec.dtype for part in parts):
        return None
    return [(part, specs[part].shape[axis]) for part in parts], axis % spec.ndim


def read_elsewhere(step):
    """The Refs of which a step does not read the element that it writes."""
    if step.function is np.concatenate:
        return step.inputs
    return step.args[:1] if step.function in (getitem, add_into_zeros) else ()
