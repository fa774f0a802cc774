"""Arguments and results of differentiated functions: arrays, scalars, and nested containers of them."""

import numpy as np
import optree

from opad.errors import DtypeError, ShapeError, StructureError
from opad.tracing.array import TracedArray
from opad.tracing.messages import require_known_leaves
from opad.tracing.objects import without_objects

LEAF = None  # the structure of a bare array or scalar


def flatten(tree):
    """(leaves, structure) of nested tuples, lists and dicts; a bare array has the structure LEAF."""
    if type(tree) is np.ndarray or type(tree) is TracedArray or type(tree) is float or isinstance(tree, np.generic):
        return [tree], LEAF
    leaves, structure = optree.tree_flatten(tree, namespace="opad")
    if len(leaves) == 1 and leaves[0] is tree:
        return leaves, LEAF
    return leaves, structure


def unflatten(structure, leaves):
    """The tree of the given structure with these leaves."""
    return leaves[0] if structure is LEAF else optree.tree_unflatten(structure, leaves)


def numbers_joined(tree):
    """The tree with traced arrays in place of the object arrays that np.array makes of traced numbers."""
    leaves, structure = flatten(tree)
    if any(type(leaf) is np.ndarray and leaf.dtype.hasobject for leaf in leaves):
        return unflatten(structure, list(map(without_objects, leaves)))
    return tree


def matching_leaves(tree, structure, what):
    """Leaves of `tree`, which must have the given structure."""
    leaves, found = flatten(numbers_joined(tree))
    if found != structure:
        raise StructureError(
            f"{what} has the structure {_show(found)}; expected {_show(structure)}, that of the argument or result it "
            "belongs to. Give it the same containers, with an array in every place."
        )
    return leaves


def _show(structure):
    return "a single array" if structure is LEAF else str(structure)


_OTHER_ARITHMETIC = (np.matrix, np.ma.MaskedArray)  # their * is another one


def is_differentiable(leaf):
    """True for arrays and numbers with a floating-point dtype, in the machine's order of bytes."""
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        return type(leaf) is float or type(leaf) is complex
    return dtype.kind in "fc" and dtype.isnative and not isinstance(leaf, _OTHER_ARITHMETIC)


def not_differentiable(leaf, where):
    """The error for a leaf that has no derivative."""
    dtype = getattr(leaf, "dtype", None)
    if isinstance(leaf, _OTHER_ARITHMETIC):
        return DtypeError(
            f"{where} is a {type(leaf).__name__}; expected a plain array. Convert it with np.asarray, or with "
            "np.ma.filled if elements are masked."
        )
    if dtype is not None and dtype.kind in "fc":
        return DtypeError(
            f"{where} is an array of dtype {dtype}, whose bytes are in another order than this machine's; expected "
            f"{dtype.newbyteorder('=')}. Convert it first, with x.astype(x.dtype.newbyteorder('='))."
        )
    if dtype is None:
        require_known_leaves([leaf], f"{where} is")
    given = f"an array of dtype {dtype}" if dtype is not None else f"of type {type(leaf).__name__} ({leaf!r:.40})"
    return DtypeError(
        f"{where} is {given}; expected floating-point numbers, real or complex. Convert it first, for instance with "
        "np.asarray(x).astype(float), or leave it out of argnums."
    )


def dtype_of(leaf):
    """dtype of an array, NumPy scalar or Python number."""
    dtype = getattr(leaf, "dtype", None)
    return np.dtype(type(leaf)) if dtype is None else dtype


def zeros_like(leaf, batch=()):
    """The derivative of a leaf that depends on nothing, after leading batch axes, in its array library.

    Those of integers and booleans, which have no other one, are floating-point numbers.
    """
    dtype = dtype_of(leaf)
    dtype = dtype if dtype.kind in "fc" else np.dtype(float)
    if hasattr(leaf, "__array_function__"):
        return np.zeros_like(leaf, dtype, shape=batch + leaf.shape)
    return np.zeros(batch, dtype) if batch else dtype.type(0)


def copied(leaf):
    """A result of which changes in place do not reach the records."""
    if type(leaf) is TracedArray:
        return leaf.alias()
    return leaf.copy() if type(leaf) is np.ndarray else leaf


def ones_like(leaf):
    """The seed of a scalar result."""
    return np.ones_like(leaf) if hasattr(leaf, "__array_function__") else dtype_of(leaf).type(1)


def direction(leaf, point, what):
    """A tangent or cotangent at `point`, as an array of at least the same precision; raises if the shapes differ."""
    if type(leaf) is type(point) is np.ndarray and leaf.shape == point.shape and leaf.dtype is point.dtype:
        return leaf
    if np.shape(leaf) != np.shape(point):
        raise ShapeError(
            f"{what} has shape {np.shape(leaf)}; expected {np.shape(point)}, the shape of what it belongs to. "
            "For many directions at once use .jacobian, whose apply takes leading batch axes."
        )
    if dtype_of(leaf).kind == "c" and dtype_of(point).kind != "c":
        raise DtypeError(
            f"{what} is complex where the function has real numbers; expected a real one, as in any derivative over "
            "the reals. Pass its real and its imaginary part one after the other."
        )
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        return dtype_of(point).type(leaf)
    return leaf if dtype.kind in "fc" else leaf.astype(dtype_of(point))


def fresh_leaves(derivatives, leaves, given):
    """`fresh` for a list of derivatives; `given` are the arrays that must not be handed out."""
    if {np.ndarray}.issuperset(map(type, derivatives)) and {np.ndarray}.issuperset(map(type, leaves)):
        owned = {type(None)}.issuperset([type(g.base) for g in derivatives])
        if owned and len({*map(id, derivatives), *map(id, given)}) == len(derivatives) + len(given):
            return derivatives
    seen = set(map(id, given))
    return [fresh(g, leaf, seen) for g, leaf in zip(derivatives, leaves, strict=True)]


def fresh(g, leaf, seen):
    """A derivative `g` in the kind of the leaf it belongs to: a new, writable array that nothing else refers to.

    Parameters
    ----------
    g : array, number or None (zero)
    leaf : what it is the derivative of; Python floats give Python floats
    seen : set of ids of arrays that must not be handed out (again)
    """
    if type(g) is np.ndarray and g.base is None and type(leaf) is np.ndarray and id(g) not in seen:
        seen.add(id(g))
        return g
    if g is None:
        g = zeros_like(leaf)
    if getattr(g, "is_symbolic", False):  # of an outer trace, or of a recording
        return g.alias() if type(g) is TracedArray else g.__opad_fresh__(leaf)
    like = leaf
    while getattr(like, "is_symbolic", False):
        like = like.value
    if type(like) is float or type(like) is complex:
        return type(like)(g)
    if isinstance(like, np.generic):
        return g[()] if isinstance(g, np.ndarray) else g
    if not hasattr(g, "ndim") or isinstance(g, np.generic):
        return np.array(g)
    if id(g) in seen or g.base is not None or not g.flags.owndata or not getattr(g.flags, "writeable", True):
        g = g.copy()
    seen.add(id(g))
    return g
