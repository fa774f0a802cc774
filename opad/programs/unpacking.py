"""The arguments of a call as a flat list of arrays and numbers, faster than a general pytree library can do it.

`unpacker(args)` writes a function for arguments of one structure: nested tuples, lists and dicts of arrays and numbers.
It returns the leaves in optree's order, or raises where another structure is given.
"""

import numpy as np

_LEAVES = {np.ndarray, np.float64, np.float32, float, complex}
_STATIC = {int, bool, str}  # which are compared, and are no leaves


class OtherStructure(Exception):
    """The arguments are structured otherwise than those for which the function was made."""


def unpacker(tree):
    """A function (tree) -> list of leaves for trees structured as this one; None if it has other containers or leaves.

    Examples
    --------
    >>> a, b, c = np.zeros(1), np.ones(1), np.full(1, 2.0)
    >>> unpack = unpacker((a, [b, c]))
    >>> unpack((c, [a, b]))
    [array([2.]), array([0.]), array([1.])]
    >>> unpack((c, [a]))
    Traceback (most recent call last):
    ...
    opad.programs.unpacking.OtherStructure
    """
    lines, parts = [], []
    if not _write(tree, "t", lines, parts):
        return None
    text = "\n".join(["def unpack(t):", *(f"    {line}" for line in lines), f"    return [{', '.join(parts)}]"])
    namespace = {"OtherStructure": OtherStructure}
    exec(text, namespace)
    return namespace["unpack"]


def _write(tree, name, lines, parts):
    kind = type(tree)
    if kind in _LEAVES:
        parts.append(name)
        return True
    if kind in _STATIC:
        lines.append(f"if type({name}) is not {kind.__name__} or {name} != {tree!r}: raise OtherStructure")
        return True
    if kind not in (tuple, list, dict):
        return False
    lines.append(f"if type({name}) is not {kind.__name__} or len({name}) != {len(tree)}: raise OtherStructure")
    if kind is dict:
        if not all(type(key) is str for key in tree):
            return False
        items = [(f"{name}[{key!r}]", tree[key]) for key in sorted(tree)]
    elif tree and all(type(part) in _LEAVES for part in tree):
        parts.append(f"*{name}")
        return True
    else:
        items = [(f"{name}[{k}]", part) for k, part in enumerate(tree)]
    for position, part in items:
        inner = position
        if type(part) not in _LEAVES:
            inner = f"t{len(lines)}"
            lines.append(f"{inner} = {position}")
        if not _write(part, inner, lines, parts):
            return False
    return True
