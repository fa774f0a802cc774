"""What it means that a compiled result is that of the function itself."""

import numpy as np
import optree


def assert_same(found, expected, exact=False):
    """Equal structures, types, dtypes, shapes; values equal to rounding, or bit by bit."""
    leaves, structure = optree.tree_flatten(found)
    others, expected_structure = optree.tree_flatten(expected)
    assert structure == expected_structure
    for a, b in zip(leaves, others, strict=True):
        assert type(a) is type(b)
        if not hasattr(b, "dtype"):
            assert repr(a) == repr(b) if exact or not isinstance(b, float | complex) else close(a, b)
            continue
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        if exact or b.dtype.kind not in "fc":
            assert a.tobytes() == b.tobytes()
        else:
            assert close(a, b)


def close(a, b):
    """Equal to 1e-14 of the largest element (in double precision)."""
    a, b = np.asarray(a), np.asarray(b)
    if not b.size:
        return a.size == 0
    finite = np.isfinite(b)
    scale = np.max(np.abs(b[finite]), initial=0)
    tolerance = 50 * np.finfo(b.dtype).eps * scale
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    return bool(np.all(np.abs(a[finite] - b[finite]) <= tolerance))
