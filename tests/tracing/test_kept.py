"""What the tape keeps of large arrays, and that a sweep computes in no memory that anybody else can see."""

import pickle
import weakref

import numpy as np
import pytest

import opad
from opad.tracing.kept import KEEP_LIMIT

rng = np.random.default_rng(3)
X = rng.uniform(0.2, 0.8, (64, 64))
C = rng.standard_normal((64, 64))
assert X.nbytes > KEEP_LIMIT

UNARY = (
    np.negative, np.square, np.exp, np.exp2, np.expm1, np.sin, np.cos, np.tan, np.arctan, np.sinh, np.cosh, np.tanh,
    np.arcsinh, np.arcsin, np.arccos, np.arctanh, np.sqrt, np.log, np.log2, np.log10, np.log1p, np.reciprocal,
)  # fmt: skip


@pytest.mark.parametrize("f", UNARY, ids=lambda f: f.__name__)
def test_derivatives_of_large_arrays(f):
    step = 1e-30j
    expected = C * np.imag(f(X + step)) / step.imag
    np.testing.assert_allclose(opad.grad(lambda x: np.sum(C * f(x)))(X), expected, rtol=1e-12)
    np.testing.assert_allclose(opad.linearize(f, X).vjp(C)[0], expected, rtol=1e-12)
    np.testing.assert_allclose(opad.jvp(f, (X,), (C,))[1], expected, rtol=1e-12)


@pytest.mark.parametrize("second", [X + 0.5, X[:1] + 0.5, X[:, :1].astype("f4") + 1], ids=["equal", "row", "float32"])
@pytest.mark.parametrize(
    ("f", "da", "db"),
    [
        (np.add, lambda a, b: 1 + 0 * b, lambda a, b: 1 + 0 * a),
        (np.subtract, lambda a, b: 1 + 0 * b, lambda a, b: -1 + 0 * a),
        (np.multiply, lambda a, b: b, lambda a, b: a),
        (np.divide, lambda a, b: 1 / b, lambda a, b: -a / b**2),
    ],
)
def test_derivatives_of_two_large_arrays(f, da, db, second):
    def reduced(g):
        return g.sum(axis=tuple(k for k in range(2) if second.shape[k] == 1), keepdims=True).reshape(second.shape)

    ga, gb = opad.grad(lambda a, b: np.sum(C * f(a, b)), (0, 1))(X, second)
    np.testing.assert_allclose(ga, C * da(X, second.astype(float)), rtol=1e-12)
    np.testing.assert_allclose(gb, reduced(C * db(X, second)), rtol=1e-5 if second.dtype == "f4" else 1e-11)
    assert gb.dtype == second.dtype


def test_values_that_no_rule_uses_are_not_kept():
    seen = {}

    def f(W, b):
        product = W @ X
        total = product + b
        result = np.tanh(total)
        seen.update({name: weakref.ref(a.value) for name, a in locals().items() if name in ("product", "total")})
        seen["result"] = weakref.ref(result.value)
        return result

    lin = opad.linearize(f, C, X[:, :1])
    assert seen["product"]() is None
    assert seen["total"]() is None
    assert seen["result"]() is not None  # 1 - y**2
    S = C * (1 - np.tanh(C @ X + X[:, :1]) ** 2)
    for _ in range(2):  # blocks that are kept are not used up
        dW, db = lin.vjp(C)
        np.testing.assert_allclose(dW, S @ X.T, rtol=1e-10)
        np.testing.assert_allclose(db, S.sum(axis=1, keepdims=True), rtol=1e-10, atol=1e-13)


MOVING = {
    "roll": lambda a: np.roll(a, 3, axis=1), "roll flat": lambda a: np.roll(a, 3), "pad": lambda a: np.pad(a, 1),
    "copy": np.copy, "cumsum": lambda a: np.cumsum(a, axis=0), "concatenate": lambda a: np.concatenate([a, a]),
    "astype": lambda a: a.astype(complex), "slice": lambda a: -a[8:],
}  # fmt: skip
REDUCING = {"sum": lambda a: np.sum(a, axis=0), "mean": lambda a: np.mean(a, axis=0)}


@pytest.mark.parametrize(
    ("f", "compiled"),
    [(f, compiled) for compiled in (False, True) for f in {**MOVING, **(REDUCING if compiled else {})}.values()],
    ids=[*MOVING, *(f"compiled {name}" for name in (*MOVING, *REDUCING))],
)
def test_functions_that_move_elements_keep_none(f, compiled):
    def total(x):
        y = x * 2.0
        moved = f(y)
        value = y.value
        while not isinstance(value, np.ndarray):
            value = value.value
        alive = weakref.ref(value)
        del y, value
        assert alive() is None
        return np.sum(np.real(moved))

    gradient = opad.compile(opad.grad(total)) if compiled else opad.grad(total)
    np.testing.assert_allclose(np.vdot(gradient(X), C), np.sum(f(2 * C)).real, rtol=1e-12)  # they are linear


def test_a_recording_keeps_small_values_only_if_a_rule_uses_them():
    small, seen = X[:4, :4], {}

    def inner(x):
        product = x @ x
        total = product + 1.0
        result = np.exp(total)
        values = {"product": product, "total": total, "result": result}
        seen.update({name: weakref.ref(a.value.value) for name, a in values.items()})
        return result

    def f(x):
        y = inner(x)
        seen["alive"] = {name for name, value in seen.items() if value() is not None}
        return np.sum(y)

    gradient = opad.compile(opad.grad(f))(small)
    assert seen["alive"] == {"result"}
    y = np.exp(small @ small + 1.0)
    np.testing.assert_allclose(gradient, y @ small.T + small.T @ y, rtol=1e-13)


def test_a_gradient_leaves_results_that_are_still_referred_to():
    kept = []

    def f(x):
        y = np.exp(x)
        kept.append(opad.stop_gradient(y))
        return np.sum(y * y), y

    g, aux = opad.grad(f, has_aux=True)(X)
    np.testing.assert_allclose(g, 2 * np.exp(2 * X), rtol=1e-13)
    np.testing.assert_array_equal(kept[0], np.exp(X))
    np.testing.assert_array_equal(aux, np.exp(X))


def test_a_gradient_leaves_the_arrays_of_a_rule():
    table = np.cos(X)

    @opad.primitive
    def sine(x):
        return np.sin(x)

    opad.elementwise(sine, lambda _y, _x: table)
    for _ in range(2):
        np.testing.assert_array_equal(opad.grad(lambda x: np.sum(C * sine(x)))(X), C * np.cos(X))
    opad.elementwise(sine, lambda _y, _x: table[...])  # a view, to which nothing else refers
    for _ in range(2):
        np.testing.assert_array_equal(opad.grad(lambda x: np.sum(C * sine(x)))(X), C * np.cos(X))


def test_parameters_with_an_underscore_have_no_value():
    @opad.primitive
    def cube(x):
        return x**3

    opad.elementwise(cube, lambda _y, _x: 3 * _x**2)
    with pytest.raises(TypeError, match="Space"):
        opad.grad(lambda x: np.sum(cube(x)))(X)


def test_partials_without_names_get_all_values():
    @opad.primitive
    def bell(x):
        return np.exp(x * x / 2)

    for partial in (np.multiply, lambda *values: values[0] * values[1]):
        opad.elementwise(bell, partial)
        np.testing.assert_allclose(opad.grad(lambda x: np.sum(bell(x)))(X), X * np.exp(X * X / 2), rtol=1e-13)


def test_nested_gradients_of_large_arrays():
    second = opad.grad(lambda x: np.sum(C * opad.grad(lambda z: np.sum(np.exp(z) * np.tanh(z)))(x)))(X)
    y, t = np.exp(X), np.tanh(X)
    s = 1 - t * t
    np.testing.assert_allclose(second, C * y * (t + 2 * s - 2 * t * s), rtol=1e-12)


def test_a_linearization_with_views_of_large_arrays_can_be_pickled():
    lin = pickle.loads(pickle.dumps(opad.linearize(lambda x: 2.0 * x[8:], X)))
    expected = np.zeros_like(X)
    expected[8:] = 2 * C[8:]
    np.testing.assert_array_equal(lin.vjp(C[8:])[0], expected)


def test_views_of_large_arrays_are_still_known():
    def f(x):
        z = x * 2.0
        row = z[3]
        z[3] = 0.0
        return np.sum(row) + np.sum(z)

    with pytest.raises(opad.OpadError, match="view"):
        opad.grad(f)(X)
