"""checkpoint and stop_gradient."""

import tracemalloc

import numpy as np
import pytest

import opad
from opad.errors import TracingError
from opad.testing import check_derivative


def step(x, w):
    return np.tanh(w @ x) + 0.1 * x


def test_value_gradient_and_second_order(rng):
    x, w = rng.standard_normal(3), rng.standard_normal((3, 3))
    checkpointed = opad.checkpoint(step)

    def run(x, w, step):
        for _ in range(3):
            x = step(x, w)
        return np.sum(x**2)

    np.testing.assert_array_equal(checkpointed(x, w), step(x, w))
    for mine, plain in zip(opad.grad(run, (0, 1))(x, w, checkpointed), opad.grad(run, (0, 1))(x, w, step), strict=True):
        np.testing.assert_allclose(mine, plain, rtol=1e-13)
    v, u = rng.standard_normal(3), rng.standard_normal((3, 3))
    for mine, plain in zip(
        opad.hvp(lambda x, w: run(x, w, checkpointed), (x, w), (v, u)),
        opad.hvp(lambda x, w: run(x, w, step), (x, w), (v, u)),
        strict=True,
    ):
        np.testing.assert_allclose(mine, plain, rtol=1e-12)
    check_derivative(lambda x, w: run(x, w, checkpointed), x, w, raise_on_failure=True)


def test_recomputation_happens_once_per_application(rng):
    calls = []

    def f(a, b):
        calls.append(1)
        return np.sin(a) * b, a + b

    g = opad.checkpoint(f)
    a, b = rng.standard_normal((2, 3))

    def count(action):
        calls.clear()
        action()
        return len(calls)

    def total(a, b):
        y, z = g(a, b)
        return np.sum(y * z)

    assert count(lambda: total(a, b)) == 1
    assert count(lambda: opad.grad(total, (0, 1))(a, b)) == 2
    assert count(lambda: opad.jvp(total, (a, b), (a, b))) == 2
    assert count(lambda: opad.jacobian(lambda a, b: g(a, b)[0], (0, 1), order="forward")(a, b)) == 3  # two columns
    assert count(lambda: opad.jacobian(lambda a, b: g(a, b), (0, 1), order="reverse")(a, b)) == 3
    lin = opad.linearize(total, a, b)
    assert count(lambda: lin.jvp(a, b)) == 1
    assert count(lambda: lin.vjp(1.0)) == 1
    assert count(lambda: lin.system) == 0


def test_pytrees_keywords_and_results_of_every_kind(rng):
    @opad.checkpoint
    def f(p, *, scale=1.0, mode="sum", nothing=None):
        y = p["a"] * scale + p["b"][0]
        return {"y": y, "count": 3, "text": mode, "none": nothing, "constant": np.ones(2), "number": 2.5}

    def loss(p, s):
        out = f(p, scale=s, mode="mean")
        assert out["text"] == "mean" and out["none"] is None and out["count"] == 3 and out["number"] == 2.5
        return np.sum(out["y"] ** 2) + np.sum(out["constant"])

    p = {"a": rng.standard_normal(2), "b": [np.array(0.5), np.ones(1)]}
    g, gs = opad.grad(loss, (0, 1))(p, 2.0)
    y = 2 * p["a"] + 0.5
    np.testing.assert_allclose(g["a"], 4 * y)
    np.testing.assert_allclose(g["b"][0], np.sum(2 * y))
    np.testing.assert_array_equal(g["b"][1], [0.0])
    assert gs == pytest.approx(np.sum(2 * y * p["a"]))


RESULTS = [
    lambda x: 3, lambda x: 2.0, lambda x: np.ones(2), lambda x: None, lambda x: (), lambda x: "text", lambda x: [x],
    lambda x: x, lambda x: x[0], lambda x: (x, 1), lambda x: {"a": 2 * x, "b": np.argmax(x)},
]  # fmt: skip


@pytest.mark.parametrize("result", RESULTS)
def test_results(result):
    x = np.array([1.0, 2.0])
    seen = []

    def f(x):
        seen.append(opad.checkpoint(result)(x))
        return np.sum(x)

    np.testing.assert_array_equal(opad.grad(f)(x), [1.0, 1.0])
    plain = result(x)
    assert type(plain) in (float, np.ndarray, np.float64) or type(seen[0]) is type(plain)


def test_some_arguments_are_constants(rng):
    x, w = rng.standard_normal(3), rng.standard_normal((3, 3))
    g = opad.checkpoint(step)
    np.testing.assert_allclose(opad.grad(lambda x: np.sum(g(x, w)))(x), opad.grad(lambda x: np.sum(step(x, w)))(x))
    np.testing.assert_allclose(opad.grad(lambda w: np.sum(g(x, w)))(w), opad.grad(lambda w: np.sum(step(x, w)))(w))
    same = opad.grad(lambda x: np.sum(opad.checkpoint(lambda a, b: a * b)(x, x)))(x)
    np.testing.assert_allclose(same, 2 * x)


def test_constants_that_change_before_the_recomputation():
    g = opad.checkpoint(lambda x, w: x * w)

    def f(x):
        w, y = np.zeros(3), 0 * x
        for i in range(3):
            w[:] = i
            y = y + g(x, w)
        return np.sum(y)

    np.testing.assert_array_equal(opad.grad(f)(np.ones(3)), np.full(3, 3.0))


def test_a_checkpointed_function_cannot_change_its_arguments():
    def f(x, w):
        x += w
        return x * x

    x, w = np.ones(3), np.full(3, 2.0)
    with pytest.raises((TracingError, ValueError), match="read-only"):
        opad.grad(lambda x: np.sum(opad.checkpoint(f)(x, w)))(x)
    with pytest.raises((TracingError, ValueError), match="read-only"):
        opad.grad(lambda x: np.sum(opad.checkpoint(lambda x, w: f(w, x))(x, w)))(x)
    assert x[0] == 1.0 and w[0] == 2.0 and x.flags.writeable and w.flags.writeable


def test_nested_checkpoints(rng):
    x = rng.standard_normal(3)
    inner = opad.checkpoint(np.sin)
    outer = opad.checkpoint(lambda x: inner(x) * inner(2 * x))

    def plain(x):
        return np.sum(np.sin(x) * np.sin(2 * x))

    np.testing.assert_allclose(opad.grad(lambda x: np.sum(outer(x)))(x), opad.grad(plain)(x))
    np.testing.assert_allclose(opad.hessian(lambda x: np.sum(outer(x)))(x), opad.hessian(plain)(x), atol=1e-14)


def test_gradients_inside_a_checkpoint(rng):
    x = rng.standard_normal(3)
    g = opad.checkpoint(opad.grad(lambda x: np.sum(np.sin(x) ** 2)))
    np.testing.assert_allclose(opad.grad(lambda x: np.sum(g(x)))(x), 2 * np.cos(2 * x))


def test_captured_arrays_are_refused():
    with pytest.raises(TracingError, match=r"not one of its arguments.*checkpoint\(f\)\(x, W\)"):
        opad.grad(lambda x: np.sum(opad.checkpoint(lambda y: y * x)(x)))(np.ones(2))
    with pytest.raises(TracingError, match="not one of its arguments"):
        opad.grad(lambda x: np.sum(opad.checkpoint(lambda y: x)(x)))(np.ones(2))


def test_captured_arrays_of_another_level_are_right_or_refused():
    """The checkpoint's argument belongs to the outer trace, the captured array to the inner one, and vice versa."""

    def inner_captured(x):
        return opad.grad(lambda z: np.sum(opad.checkpoint(lambda y: y * z**2)(x)))(x)

    def outer_captured(x):
        return opad.grad(lambda z: np.sum(opad.checkpoint(lambda y: y**2 * x)(z)))(x)

    x = np.array([1.0, 2.0])
    for f in (inner_captured, outer_captured):
        try:
            gradient = opad.grad(lambda x, f=f: np.sum(f(x)))(x)
        except TracingError:
            continue
        np.testing.assert_allclose(gradient, 4 * x)  # f = 2 x^2


def test_complex_and_single_precision(rng):
    z = rng.standard_normal(3) + 1j
    f = opad.checkpoint(lambda z: np.sum(np.abs(np.sin(z)) ** 2))
    np.testing.assert_allclose(opad.grad(f)(z), opad.grad(lambda z: np.sum(np.abs(np.sin(z)) ** 2))(z))
    assert opad.grad(f)(np.ones(3, np.float32)).dtype == np.float32


def test_the_block_of_a_checkpoint_is_an_operator(rng):
    x = rng.standard_normal((2, 2))
    lin = opad.linearize(opad.checkpoint(lambda x: np.sin(x) @ x), x)
    L, D = lin.system
    full = np.linalg.solve(np.eye(L.todense().shape[0]) - L.todense(), D.todense())
    np.testing.assert_allclose(full[-4:], opad.jacobian(lambda x: np.sin(x) @ x)(x).reshape(4, 4), atol=1e-13)
    assert "checkpoint" in str(L) or "Recomputed" in str(L)


def test_memory():
    """Ten checkpoints of ten steps each: the peak is that of about twenty arrays, not of a hundred."""
    size = 20_000

    def piece(x):
        for _ in range(10):
            x = np.sin(x)
        return x

    def peak(piece):
        def f(x):
            for _ in range(10):
                x = piece(x)
            return np.sum(x)

        tracemalloc.start()
        opad.grad(f)(np.ones(size))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found / (8 * size)

    assert peak(piece) > 95
    assert peak(opad.checkpoint(piece)) < 40


def test_stop_gradient():
    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(opad.grad(lambda x: np.sum(x * opad.stop_gradient(x)))(x), x)
    tree = opad.stop_gradient({"a": x, "b": (1.0, None)})
    assert tree["a"] is x and tree["b"] == (1.0, None)
    assert opad.grad(opad.grad(lambda x: x * opad.stop_gradient(x)))(3.0) == 0.0
    assert opad.jvp(lambda x: opad.stop_gradient(x), (3.0,), (1.0,)) == (3.0, 0.0)
    with pytest.raises(TracingError):
        opad.grad(lambda x: float(x))(1.0)
    assert opad.grad(lambda x: x * float(opad.stop_gradient(x)))(3.0) == 3.0
