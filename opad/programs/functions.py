"""What is known of NumPy's functions: which make new arrays, which make views, which results have a fixed shape.

A function that is not listed is taken to be anything: its result may share memory with an argument, may change its
shape with the values, may differ from call to call, and may keep its arguments.
"""

import operator

import numpy as np

from opad.errors import TracingError
from opad.operators.assignment import set_at
from opad.operators.dispatch import constant_like
from opad.operators.indexing import scatter_add
from opad.operators.solve import factorise, solve_factorised, solve_triangle
from opad.programs.groups import StepGroup
from opad.programs.recorded import Ref, astype, getitem, item, to_array, to_complex, to_float
from opad.tracing.rules.linalg import cholesky_lower, cofactors, eigh_parts, qr_tall, slogdet_parts, svd_parts
from opad.tracing.rules.norms import euclidean_norm, power_norm
from opad.tracing.rules.sequences import convolve_full
from opad.tracing.rules.shaping import reshape


def _named(module, names):
    return {getattr(module, name) for name in names.split() if hasattr(module, name)}


def add_at(total, values, key):
    """`total` with `values` added at a basic index."""
    result = total.copy()
    result[key] += values
    return result


EXACT = 2**53  # integers of smaller modulus are exact in double precision
PART_WRITERS = {add_at, set_at.__wrapped__}  # (array, values, key) -> the array with a part changed
STATIC = _named(
    np,
    "shape ndim size result_type iscomplexobj isrealobj can_cast broadcast_shapes iscomplex_obj einsum_path "
    "diag_indices_from tril_indices_from triu_indices_from",
)
FRESH_CONSTANTS = _named(np, "zeros_like ones_like empty_like")  # depend on the shape and dtype of their argument alone
FOLDED = FRESH_CONSTANTS | {constant_like.__wrapped__}
_MUTATORS = _named(np, "put place copyto putmask put_along_axis fill_diagonal")

VIEWS = _named(
    np,
    "transpose reshape ravel swapaxes moveaxis squeeze expand_dims broadcast_to diagonal flip real imag rollaxis "
    "matrix_transpose atleast_1d atleast_2d atleast_3d fliplr flipud rot90 permute_dims asarray ascontiguousarray",
)
_SHARING = VIEWS | _named(np, "einsum diag split array_split hsplit vsplit dsplit unstack broadcast_arrays nan_to_num")
_SHARING.add(np.diff)  # which returns its argument for n=0
_SHARING |= _named(np.linalg, "matrix_power matrix_transpose diagonal") | {getitem, operator.pos}
REDUCTIONS = {np.sum: np.add, np.max: np.maximum, np.min: np.minimum, np.prod: np.multiply}
WITH_OUT = _named(np, "concatenate stack cumsum cumprod mean")
TRANSFORMS = _named(np.fft, "fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn")
_FRESH = _named(
    np,
    "sum prod max min amax amin mean var std median average nansum nanprod nanmax nanmin nanmean ptp cumsum cumprod "
    "all any count_nonzero argmax argmin argsort sort matmul dot vdot inner outer tensordot kron cross vecdot matvec "
    "vecmat concatenate stack vstack hstack column_stack dstack block clip take take_along_axis tile roll pad "
    "ediff1d gradient interp copy full_like tri tril triu trace convolve correlate searchsorted isclose round "
    "around where angle sinc trapezoid cumulative_sum cumulative_prod polyval vander linspace allclose array_equal",
)
_FRESH |= _named(
    np.linalg,
    "solve inv pinv cholesky qr svd svdvals eigh eigvalsh det slogdet norm vector_norm matrix_norm cond matmul outer "
    "cross tensordot vecdot multi_dot trace tensorsolve tensorinv",
)
_FRESH |= {getattr(np.fft, name) for name in np.fft.__all__}
_FRESH |= {astype, item, to_array, to_float, to_complex, scatter_add.__wrapped__, set_at.__wrapped__}
NUMPYS_OWN = {reshape.__wrapped__: np.reshape}  # opad's primitives that are functions of NumPy
SCALAR_OPERATORS = {
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.neg, operator.abs, operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
}  # fmt: skip
_FRESH |= {f.__wrapped__ for f in (factorise, solve_factorised, solve_triangle)}
_FRESH |= {f.__wrapped__ for f in (cholesky_lower, cofactors, eigh_parts, qr_tall, slogdet_parts, svd_parts)}
_FRESH |= {f.__wrapped__ for f in (convolve_full, euclidean_norm, power_norm)}
_FRESH |= SCALAR_OPERATORS | {add_at}


def is_ufunc(function):
    """True for a ufunc and its methods reduce, accumulate, reduceat and outer."""
    return isinstance(function, np.ufunc) or isinstance(getattr(function, "__self__", None), np.ufunc)


def is_known(function):
    """True if equal arguments give equal results and nothing is kept, so that calls may be merged."""
    return _is_fresh(function) or function in _SHARING


def makes_new_array(step):
    """True if no result shares memory with an argument."""
    return _is_fresh(step.function)


def _is_fresh(function):
    return is_ufunc(function) or function in _FRESH or isinstance(function, StepGroup)


_STATIC_WITH_PLAIN_ARGUMENTS = _named(np, "linspace full_like tile roll pad trapezoid interp split")


def has_static_shape(step, specs):
    """True if shapes and dtypes of the results follow from shapes and dtypes of the arguments."""
    function, args = step.function, step.args
    if function in FOLDED:
        return True
    if function is getitem:
        keys = args[1] if type(args[1]) is tuple else (args[1],)
        return not any(type(k) is Ref and specs[k].dtype.kind == "b" for k in keys)
    if function is np.where:
        return len(args) == 3
    if function in _STATIC_WITH_PLAIN_ARGUMENTS:
        return not any(type(a) is Ref for a in args[1:])
    return is_known(function)


def refuse_mutation(function, kwargs):
    """Raise for functions that write into an argument."""
    if (
        function in _MUTATORS
        or kwargs.get("out") is not None
        or (function is np.nan_to_num and not kwargs.get("copy", True))
    ):
        raise TracingError(
            f"{function.__name__} was to write into an existing array while a program was being recorded; expected an "
            "expression that makes a new array. Write np.where(mask, a, b) or np.concatenate([...])."
        )


_ORDERS = {np.reshape: 2, np.ravel: 1}  # functions with an argument `order`, and its place


def refuse_memory_order(function, args, kwargs):
    """Raise where values depend on the memory layout of an argument, which programs do not keep."""
    position = _ORDERS.get(function)
    order = None if position is None else kwargs.get("order", args[position] if len(args) > position else "C")
    if order in ("A", "K") and np.ndim(args[0]) > 1:
        raise TracingError(
            f"np.{function.__name__} was called with order={order!r} while a program was being recorded, which depends "
            "on the memory layout of the array; expected an order of its elements. Write order='C' or order='F'."
        )


def needed_after(outputs, guards):
    """The Refs that are results, or that guards look at."""
    return {out for out in outputs if type(out) is Ref} | {guard.ref for guard in guards}


def without_ellipsis(key, ndim):
    """The key of an array of `ndim` dimensions as a tuple, with slices in place of an Ellipsis."""
    key = key if type(key) is tuple else (key,)
    for place, part in enumerate(key):
        if part is Ellipsis:
            return (*key[:place], *[slice(None)] * (ndim - len(key) + 1), *key[place + 1 :])
    return key


def map_refs(tree, function):
    """Apply `function` to every Ref in nested tuples, lists and dicts."""
    kind = type(tree)
    if kind is Ref:
        return function(tree)
    if kind is tuple or kind is list:
        return kind([map_refs(part, function) for part in tree])
    if kind is dict:
        return {name: map_refs(part, function) for name, part in tree.items()}
    return tree


def refs_in(tree):
    """All Refs in nested tuples, lists and dicts."""
    found, trees = [], [tree]
    for part in trees:  # the list grows
        kind = type(part)
        if kind is Ref:
            found.append(part)
        elif kind is tuple or kind is list:
            trees += part
        elif kind is dict:
            trees += part.values()
    return found
