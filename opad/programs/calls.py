"""The arguments of a call: their leaves, and which of them vary from call to call."""

import numpy as np
import optree


class Call:
    """The arguments of one call.

    Attributes
    ----------
    args, kwargs
    leaves, structure : optree's; of (args, kwargs) where there are keywords, else of args
    arrays : list of the leaves that vary
    """

    def __init__(self, args, kwargs):
        self.args, self.kwargs = args, kwargs
        self.leaves, self.structure = optree.tree_flatten((args, kwargs) if kwargs else args, namespace="opad")
        self.arrays = [leaf for leaf in self.leaves if is_dynamic(leaf)]

    @property
    def key(self):
        """Equal for calls that one program may serve."""
        return self.structure, *map(_signature, self.leaves)


class BoundCall(Call):
    """A call of which some arguments are bound.

    Parameters
    ----------
    bound, given : the arguments that are bound, and the others: pairs (args, kwargs)

    Attributes
    ----------
    is_bound : tuple of bool, for each of `arrays`
    """

    def __init__(self, bound, given):
        super().__init__(*_joined(bound, given))
        self.given = given
        marks = _joined(_marked(True, bound), _marked(False, given))
        marks = zip(optree.tree_leaves(marks, namespace="opad"), self.leaves, strict=True)
        self.is_bound = tuple([is_bound for is_bound, leaf in marks if is_dynamic(leaf)])

    def part(self, is_bound):
        """Those of `arrays` that are bound, or the others."""
        return [array for array, mark in zip(self.arrays, self.is_bound, strict=True) if mark is is_bound]


def _joined(first, more):
    """The arguments of functools.partial(f, *args, **kwargs) with `first` when it is called with `more`."""
    return (*first[0], *more[0]), first[1] | more[1]


def _marked(mark, tree):
    return optree.tree_map(lambda _: mark, tree, namespace="opad")


def is_dynamic(leaf):
    """True for what varies from call to call: arrays and floating-point numbers; others are part of the signature."""
    return type(leaf) in (float, complex) or hasattr(leaf, "__array_function__") or isinstance(leaf, np.generic)


def private(tree):
    """Arguments with copies of the arrays that somebody might change."""
    return optree.tree_map(_unchanging, tree, namespace="opad")


def _unchanging(leaf):
    if isinstance(leaf, np.ndarray):
        return leaf.copy(order="K") if leaf.flags.writeable or leaf.base is not None else leaf
    return leaf.copy() if is_dynamic(leaf) and hasattr(leaf, "copy") else leaf


def _signature(leaf):
    kind = type(leaf)
    if kind is float or kind is complex:
        return kind
    if is_dynamic(leaf):
        return kind, leaf.shape, leaf.dtype
    try:
        hash(leaf)
    except TypeError:
        return kind, id(leaf), _Kept(leaf)
    return kind, leaf


class _Kept:
    """Keeps an unhashable argument alive as part of a signature, so that its id stays its own."""

    def __init__(self, thing):
        self.thing = thing

    def __eq__(self, other):
        return self.thing is other.thing

    def __hash__(self):
        return id(self.thing)
