"""X[key] and its adjoint, per kind of key, against a dense matrix that knows only where each element went."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices, integer_array_indices

import opad.operators as ops
from opad.operators.indexing import is_basic, scatter_add
from operators.registry import INDEX_DIMS, INDEX_KEYS


def selection_matrix(key, dims):
    """The 0-1 matrix of X -> X[key], read off an array that holds its own flat positions."""
    positions = np.arange(int(np.prod(dims))).reshape(dims)[key]
    matrix = np.zeros((positions.size, int(np.prod(dims))))
    matrix[np.arange(positions.size), positions.reshape(-1)] = 1
    return matrix, positions.shape


def check(key, dims, rng):
    matrix, dimsd = selection_matrix(key, dims)
    op = ops.Index(key, dims)
    assert op.dimsd == dimsd
    np.testing.assert_array_equal(op.todense(), matrix)
    np.testing.assert_array_equal(op.H.todense(), matrix.T)
    for batch in [(), (2,), (2, 3)]:
        X, Y = rng.standard_normal((*batch, *dims)), rng.standard_normal((*batch, *dimsd))
        flat_X, flat_Y = X.reshape((*batch, matrix.shape[1])), Y.reshape((*batch, matrix.shape[0]))
        np.testing.assert_allclose(op.apply(X), (flat_X @ matrix.T).reshape(Y.shape))
        np.testing.assert_allclose(op.apply_adjoint(Y), (flat_Y @ matrix).reshape(X.shape), atol=1e-14)


@pytest.mark.parametrize("kind", INDEX_KEYS)
def test_every_kind_of_key(kind, rng):
    check(INDEX_KEYS[kind], INDEX_DIMS, rng)


@pytest.mark.parametrize("dims", [(4000, 3), (2, 3000, 2), (5000,), (70, 80)])
def test_large_scatters_take_the_fast_loops(dims, rng):
    axis = int(np.argmax(dims))
    indices = rng.integers(-dims[axis], dims[axis], 200)
    Y = rng.standard_normal((*dims[:axis], 200, *dims[axis + 1 :]))
    expected = np.zeros(dims)
    for k, i in enumerate(indices):
        expected[(slice(None),) * axis + (i,)] += Y[(slice(None),) * axis + (k,)]
    op = ops.Index((slice(None),) * axis + (indices,), dims)
    np.testing.assert_allclose(op.apply_adjoint(Y), expected, atol=1e-14)
    grid = np.broadcast_to(indices.reshape(20, 10), (20, 10))
    op = ops.Index((slice(None),) * axis + (grid,), dims)
    shape = (*dims[:axis], 20, 10, *dims[axis + 1 :])
    np.testing.assert_allclose(op.apply_adjoint(Y.reshape(shape)), expected, atol=1e-14)


def test_index_out_of_range_raises():
    with pytest.raises(IndexError):
        ops.Index(np.array([0, 5000]), (5000, 3)).apply_adjoint(np.ones((2, 3)))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_basic_key(data):
    dims = data.draw(array_shapes(min_dims=1, max_dims=3, max_side=4))
    key = data.draw(basic_indices(dims, allow_newaxis=True))
    key = key if isinstance(key, tuple) else (key,)
    assert is_basic(key)
    check(key, dims, np.random.default_rng(0))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_key_of_integer_arrays_and_slices(data):
    dims = data.draw(array_shapes(min_dims=2, max_dims=4, max_side=4))
    arrays = list(data.draw(integer_array_indices(dims)))
    for axis in range(len(dims)):
        kind = data.draw(st.sampled_from(["array", "slice", "integer"]))
        if kind == "slice":
            arrays[axis] = slice(None, None, data.draw(st.sampled_from([1, -1, 2])))
        elif kind == "integer":
            arrays[axis] = data.draw(st.integers(-dims[axis], dims[axis] - 1))
    if data.draw(st.booleans()):
        arrays.insert(data.draw(st.integers(0, len(arrays))), None)
    check(tuple(arrays), dims, np.random.default_rng(0))


def test_scatter_add_hands_over_to_a_traced_value():
    class Traced:
        def __opad_dispatch__(self, function, args, kwargs):
            return function, args

    value, key = Traced(), (np.array([1]),)
    function, args = scatter_add(value, key, (3,))
    assert function is scatter_add
    assert args == (value, key, (3,))
    index = Traced()
    assert scatter_add(np.ones(1), (slice(None), index), (3,))[0] is scatter_add
