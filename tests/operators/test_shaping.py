"""Shaping operators are the NumPy functions of the same name; their adjoints by dense matrices."""

import numpy as np
import pytest

import opad.operators as ops

CASES = {
    "transpose": (ops.Permute((1, 2, 0), (2, 3, 4)), lambda X: np.transpose(X, (1, 2, 0))),
    "transpose, negative": (ops.Permute((-1, 0, -2), (2, 3, 4)), lambda X: np.transpose(X, (-1, 0, -2))),
    "transpose, reversed": (ops.Permute(None, (2, 3, 4)), np.transpose),
    "reshape": (ops.Reshape((2, 3, 4), (6, 4)), lambda X: X.reshape(6, 4)),
    "broadcast": (ops.Broadcast((3, 1), (2, 3, 4)), lambda X: np.broadcast_to(X, (2, 3, 4))),
    "sum": (ops.SumAxes((2, 3, 4), (-1, 0)), lambda X: np.sum(X, (-1, 0))),
    "sum, keepdims": (ops.SumAxes((2, 3, 4), 1, keepdims=True), lambda X: np.sum(X, 1, keepdims=True)),
    "sum, everything": (ops.SumAxes((2, 3)), lambda X: np.asarray(np.sum(X))),
    "sum, no axes": (ops.SumAxes((2, 3), ()), lambda X: X),
    "flip": (ops.Flip((2, 3)), np.flip),
    "flip, axis": (ops.Flip((2, 3), 1), lambda X: np.flip(X, 1)),
    "roll": (ops.Roll((2, 3), 2), lambda X: np.roll(X, 2)),
    "roll, axis": (ops.Roll((2, 3), -1, 1), lambda X: np.roll(X, -1, 1)),
    "roll, axes": (ops.Roll((2, 3), (1, 2), (0, 1)), lambda X: np.roll(X, (1, 2), (0, 1))),
    "roll, one shift": (ops.Roll((2, 3), 1, (0, 1)), lambda X: np.roll(X, 1, (0, 1))),
    "cumsum": (ops.CumulativeSum((2, 3), 1), lambda X: np.cumsum(X, 1)),
    "cumsum, flat": (ops.CumulativeSum((2, 3)), np.cumsum),
    "diff": (ops.Difference((4, 3), 0), lambda X: np.diff(X, axis=0)),
    "concatenate with zeros": (ops.Embed((2, 3), (4, 5), (1, 2)), lambda X: np.pad(X, ((1, 1), (2, 0)))),
}


@pytest.mark.parametrize("name", CASES)
def test_is_the_numpy_function(name):
    op, function = CASES[name]
    N = int(np.prod(op.dims))
    matrix = np.array([function(e.reshape(op.dims)).reshape(-1) for e in np.eye(N)]).T
    assert op.dimsd == function(np.zeros(op.dims)).shape
    np.testing.assert_array_equal(op.todense(), matrix)
    np.testing.assert_array_equal(op.H.todense(), matrix.T)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("pad_width", [((1, 2), (0, 2)), ((0, 0), (3, 0)), ((7, 5), (4, 9))])
def test_padding_is_numpys(mode, pad_width):
    op = ops.Pad(pad_width, (3, 4), mode)
    matrix = np.array([np.pad(e.reshape(3, 4), pad_width, mode=mode).reshape(-1) for e in np.eye(12)]).T
    np.testing.assert_array_equal(op.todense(), matrix)
    np.testing.assert_array_equal(op.H.todense(), matrix.T)


def test_concatenate_joins_and_splits(rng):
    parts = tuple(rng.standard_normal((2, n)) for n in (1, 0, 3))
    op = ops.Concatenate(tuple(p.shape for p in parts), axis=1)
    np.testing.assert_array_equal(op.apply(parts), np.concatenate(parts, axis=1))
    for part, expected in zip(op.apply_adjoint(op.apply(parts)), parts, strict=True):
        np.testing.assert_array_equal(part, expected)
    flat = np.concatenate([p.reshape(-1) for p in parts])
    np.testing.assert_array_equal(op.todense() @ flat, np.concatenate(parts, axis=1).reshape(-1))
