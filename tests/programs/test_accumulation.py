"""Sums of adjoints in place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opad
from tests.programs.equality import assert_same

X = np.linspace(0.1, 1.2, 12)

PROGRAMS = {
    "differences": lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2 + x[:-1]),
    "one part": lambda x: np.sum(np.sin(x[2:5])),
    "one element": lambda x: x[3] * x[-1] + x[3],
    "every element": lambda x: sum(np.sin(x[k]) * x[k - 1] for k in range(12)),
    "steps": lambda x: np.sum(x[::2] * x[1::2]) + np.sum(x[::-1] * x),
    "new axes": lambda x: np.sum((x[:, None] - x[None, :]) ** 3 * x[None, :, None][0]),
    "parts of parts": lambda x: np.sum(x[2:][:5] * x[:5][::-1]) + np.sum(x[1:3]),
    "matrix": lambda x: np.sum(x.reshape(3, 4)[1] * x.reshape(3, 4)[:, 2:].sum() + x.reshape(3, 4)[..., 0, None][2]),
    "a list of positions among slices": lambda x: np.sum(x[[0, 0, 2]] * x[:3]) + np.sum(x[x > 0.5]),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("donate", [False, True])
def test_gradients_of_parts(name, donate):
    gradient = opad.grad(PROGRAMS[name])
    compiled = opad.compile(gradient, donate=donate)
    for x in (X, X[::-1].copy(), X**2):
        assert_same(compiled(x), gradient(x))
    kept = compiled(X)
    expected = gradient(X)
    if not donate:
        compiled(X**3)
    assert_same(kept, expected)
    twice = lambda x: opad.hvp(PROGRAMS[name], (x,), (np.cos(x),))  # noqa: E731
    assert_same(opad.compile(twice)(X), twice(X))


def test_parts_are_added_where_they_belong():
    """No zeros, no sums over the whole array, no temporaries of full length."""
    compiled = opad.compile(opad.grad(lambda x: np.sum((x[1:] - x[:-1]) ** 2) + np.sum(x[2:] ** 3)))
    compiled(X)
    source = compiled.source
    assert "scatter_add" not in source and "zeros" not in source
    assert source.count(".fill(0)") == 1


def test_a_total_that_is_used_again_keeps_its_value():
    def f(x, y):
        g = opad.grad(lambda x: np.sum(x[1:] * y[1:]) + np.sum(np.sin(x)))(x)
        h = opad.grad(lambda x: np.sum(x[1:] * y[:-1]) + np.sum(np.sin(x)))(x)
        return g, h, g * h

    assert_same(opad.compile(f)(X, X**2), f(X, X**2))


@given(
    st.lists(
        st.tuples(st.integers(-12, 12), st.integers(-12, 12), st.sampled_from([1, 2, -1, 3])), min_size=1, max_size=6
    )
)
def test_random_slices(slices):
    def f(x):
        total = np.sum(x)
        for start, stop, step in slices:
            part = x[start:stop:step]
            total = total * 0.5 + np.sum(part * part) + np.sum(np.sin(x)[stop:start:step])
        return total

    assert_same(opad.compile(opad.grad(f))(X), opad.grad(f)(X))
