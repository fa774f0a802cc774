"""Assignment while a program is recorded: in gradients, and in the recorded function itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opad
from opad.errors import TracingError
from tests.programs.equality import assert_same

X = np.linspace(0.2, 1.3, 6)


def fills(x):
    z = np.zeros_like(x)
    for k in range(6):
        z[k] = np.sin(x[k]) * x[k - 1]
    z[1:3] = x[:2] ** 2
    z[::2] += x[::2]
    z[-1] *= 3.0
    return z


def masks(x):
    z = np.ones_like(x) * x
    z[x > 0.7] = 0.5
    z[[0, 2]] = x[3]
    z[z < 0.4] = x[z < 0.4] ** 2
    return z


def assigns_to_what_it_computed(x):
    y = np.exp(x)
    w = y.copy()
    y[0] = x[1]
    y += x
    y[2:] -= w[2:] * y[0]
    return y * w


def matrices(x):
    A = np.zeros_like(x, shape=(3, 6))
    A[0] = x
    A[:, 1] = 2.0
    A[1:, ::2] = np.stack([x[:3], x[3:]])
    A[2, 2:4] = A[0, :2] * x[0]
    return A @ x


def keeps_constants(x):
    z, w = np.zeros_like(x), np.empty_like(x)
    w[:] = 4.0
    z[0] = 1.0
    return z, w, z * x + np.zeros_like(x)


def sorts(x):
    y, z = np.sin(3 * x), x * x[::-1]
    y.sort()
    z.partition(2)
    return y * z.flat[1] + z[2]


FUNCTIONS = (fills, masks, sorts, assigns_to_what_it_computed, matrices, keeps_constants)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_function_itself(function):
    compiled = opad.compile(function)
    for x in (X, X + 0.01, X[::-1].copy()):
        kept = compiled(x)
        assert_same(kept, function(x), exact=True)
        compiled(x + 1.0)
        assert_same(kept, function(x), exact=True)


@pytest.mark.parametrize("function", FUNCTIONS[:-1])
def test_derivatives(function):
    gradient = opad.grad(lambda x: np.sum(function(x) ** 2))
    tangent = lambda x: opad.jvp(function, (x,), (np.cos(x),))  # noqa: E731
    curvature = lambda x: opad.hvp(lambda x: np.sum(function(x) ** 3), (x,), (np.cos(x),))  # noqa: E731
    for derivative in (gradient, tangent, curvature):
        compiled = opad.compile(derivative)
        for x in (X, X + 0.01):
            assert_same(compiled(x), derivative(x))


def test_out_is_what_it_says():
    def f(x):
        y = np.sin(x)
        z = np.multiply(y, x, out=y)
        return y, z

    assert_same(opad.compile(f)(X), f(X), exact=True)


def test_a_loop_writes_in_place():
    """One array, written in place 200 times, no copies."""

    def f(x):
        z = np.zeros_like(x)
        for k in range(200):
            z[k] = np.sin(x[k])
        return np.sum(z)

    compiled = opad.compile(f)
    x = np.linspace(0, 1, 200)
    assert_same(compiled(x), f(x), exact=True)
    assert compiled.source.count("[...] = ") == 1


def test_what_would_reach_another_array_is_refused():
    def view(x):
        y = np.sin(x)
        v = y[1:3]
        v[0] = 1.0
        return np.sum(y)

    def viewed(x):
        y = np.sin(x)
        v = y[1:3]
        y[1] = 1.0
        return np.sum(v)

    def argument(x):
        x[0] = 1.0
        return np.sum(x)

    def another_name(x):
        y = np.sin(x)
        z = y.reshape(2, 3)
        z += 1.0
        return np.sum(y)

    for function, words in ((view, "shares"), (viewed, "shares"), (argument, "argument"), (another_name, "shares")):
        x = X.copy()
        with pytest.raises(TracingError, match=words):
            opad.compile(function)(x)
        np.testing.assert_array_equal(x, X)


def test_views_that_are_gone_do_not_matter():
    def f(x):
        y = np.sin(x)
        total = np.sum(y[1:3])
        y[1] = x[0]
        return np.sum(y) * total

    for function in (f, opad.grad(f)):
        assert_same(opad.compile(function)(X), function(X))


def test_traced_views_are_refused_while_recording():
    def f(x):
        z = np.zeros_like(x)
        z[0] = x[1]
        turned = z.reshape(2, 3)
        z[1] = x[0]
        return np.sum(turned)

    for function in (opad.grad(f), opad.compile(opad.grad(f))):
        with pytest.raises(TracingError, match="view"):
            function(X)


def test_a_traced_value_does_not_fit_into_an_array_from_outside():
    def f(x):
        z = np.zeros_like(x)

        def inner(y):
            z[0] = y[0]
            return np.sum(z * y)

        return opad.grad(inner)(x)

    with pytest.raises(TracingError):
        opad.compile(f)(X)


KEYS = st.one_of(
    st.integers(-6, 5),
    st.builds(slice, st.integers(-6, 6), st.integers(-6, 6), st.sampled_from([1, 2, -1])),
    st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True),
)


@given(
    st.lists(st.tuples(KEYS, KEYS, st.sampled_from(["set", "add", "mask", "number", "whole"])), min_size=1, max_size=8)
)
def test_random_assignments(steps):
    def f(x):
        z = np.zeros_like(x)
        y = np.sin(x)
        for key, other, kind in steps:
            if kind == "set":
                z[key] = np.sum(y[other])
            elif kind == "add":
                z[key] += y[key] * x[key]
            elif kind == "mask":
                z[x > 0.6] = y[x > 0.6] + z[x > 0.6]
            elif kind == "number":
                y[key] = 0.25
            else:
                z += y
        return z * y

    assert_same(opad.compile(f)(X), f(X))
    gradient = opad.grad(lambda x: np.sum(f(x)))
    assert_same(opad.compile(gradient)(X), gradient(X))


def test_who_makes_an_array_is_told_by_modules_not_folders():
    text = "def f(x):\n    z = np.zeros_like(x)\n    z[1:] = x[:-1]\n    return np.sum(z * x)\n"
    namespace = {"np": np, "__name__": "script"}
    exec(compile(text, "home/opad/numpy/script.py", "exec"), namespace)
    compiled, x = opad.compile(namespace["f"]), np.arange(4.0)
    assert [compiled(x), compiled(2 * x)] == [8.0, 32.0]  # 0 1 + 1 2 + 2 3


def test_positions_that_repeat_are_seen_in_a_replay():
    def f(x):
        z = np.zeros_like(x, shape=(6,))
        z[(2 * x).astype(int)] = x**2
        return z @ np.arange(6.0)

    compiled = opad.compile(opad.grad(f))
    for x in ([0.1, 0.7, 1.3], [2.2, 0.7, 1.3]):
        x = np.array(x)
        np.testing.assert_allclose(compiled(x), 2 * x * (2 * x).astype(int))
    with pytest.raises(TracingError, match="names an element twice"):
        compiled(np.array([0.1, 0.2, 1.3]))
