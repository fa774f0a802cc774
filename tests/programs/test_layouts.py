"""Values with a short last axis, computed with that axis first: what is moved, what is not, and that results agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from tests.programs.equality import assert_same
from tests.programs.test_random_programs import programs, run

RNG = np.random.default_rng(0)
X, W, LABELS = RNG.standard_normal((400, 5)), RNG.standard_normal((5, 3)), RNG.integers(0, 3, 400)


def energies(x, masses):
    d = x[:, None, :] - x
    return np.sum(masses / np.sqrt(np.sum(d * d, axis=2) + 0.1))


def cross_entropy(W, X, labels):
    Z = X @ W
    Z = Z - np.max(Z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(Z), axis=1)) - Z[np.arange(len(Z)), labels])


def softmax(X):
    E = np.exp(X * 2 - np.max(X, axis=-1, keepdims=True))
    return E / np.sum(E, axis=-1, keepdims=True)


CASES = {
    "distances": (opad.value_and_grad(energies), (X[:40, :3], np.ones((40, 40)))),
    "distances_masses": (opad.grad(energies, argnums=(0, 1)), (X[:40, :3], np.ones((40, 1)))),
    "second_derivative": (lambda x, v: opad.hvp(lambda x: energies(x, 1.0), (x,), (v,)), (X[:40, :3], X[40:80, :3])),
    "cross_entropy": (opad.value_and_grad(cross_entropy), (W, X, LABELS)),
    "softmax": (lambda X: np.sum(softmax(X) ** 2, axis=0), (X,)),
    "result_in_c_order": (lambda X: softmax(X) + 1, (X,)),
    "masks": (lambda X: np.sum(np.where(X - X[:1] > 0, X, 0) * (X > 0), axis=1), (X,)),
    "views": (lambda X: (np.sum(softmax(X), axis=0), softmax(X).T[1] + softmax(X)[:, 2]), (X,)),
    "constants": (lambda X: np.sum((X - np.arange(5)) * np.ones((400, 5)), axis=1), (X,)),
    "all_axes": (lambda X: (np.sum(softmax(X)), np.max(softmax(X), keepdims=True)), (X,)),
    "added_to_a_part": (opad.grad(lambda x: np.sum(np.sum((x[1:] - x[0]) ** 2, axis=1) ** 2)), (X,)),
}


def shapes(compiled):
    """Shapes of what the program computes element by element."""
    plan = compiled.programs[0].whole.code.plan
    return [plan.specs[step.out].shape for step in plan.steps if isinstance(step.function, np.ufunc)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_function(name, dtype):
    f, args = CASES[name]
    args = [a.astype(dtype) if a.dtype.kind == "f" else a for a in args]
    compiled = opad.compile(f)
    for _ in range(2):
        assert_same(compiled(*args), f(*args))
        args = [2 * a if a.dtype.kind == "f" else a for a in args]
    assert any(shape and shape[0] <= 5 < shape[-1] for shape in shapes(compiled))


def test_results_are_in_c_order():
    result = opad.compile(CASES["result_in_c_order"][0])(X)
    assert result.flags.c_contiguous


@pytest.mark.parametrize("name", ["distances_masses", "cross_entropy"])
def test_parts_round_as_the_whole(name):
    f, args = CASES[name]
    compiled = opad.compile(f)
    for count in range(1, len(args)):
        assert_same(compiled.bind(*args[:count])(*args[count:]), compiled(*args), exact=True)


@pytest.mark.parametrize(
    "f",
    [
        lambda X: np.sum(np.sin(X)),  # nothing is broadcast
        lambda X: np.sum(X * 2 - X[0]),  # an argument would be read across
        lambda X: np.sum(np.sort(np.sin(X) * X[0], axis=0), axis=1),  # a function that is handed the array
        lambda X: np.sum(np.sin(X[:, :1]) * X[0, 0], axis=1),  # an axis of one
        lambda X: np.sum(np.sin(X[:20]) - X[0], axis=1),  # few elements
        lambda X: np.sum(np.sin(np.reshape(X, (-1, 40))) - X[0, 0], axis=1),  # a long axis
    ],
)
def test_what_is_left_alone(f):
    compiled = opad.compile(f)
    assert_same(compiled(X), f(X))
    assert not any(shape and shape[0] in (5, 40) for shape in shapes(compiled))


OPERATIONS = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: 1 - a,
    lambda a, b: np.exp(-(a**2)),
    lambda a, b: np.maximum(a, b * 0.5),
    lambda a, b: a - np.max(a, axis=-1, keepdims=True) if a.ndim else a,
    lambda a, b: a / (1 + np.sum(a * a, axis=-1, keepdims=True)) if a.ndim else a,
    lambda a, b: np.where(a > b, a, 2 * b),
    lambda a, b: a - np.mean(a, axis=0) if a.ndim else a,
    lambda a, b: np.sum(a, axis=0, keepdims=True) if a.ndim else a,
    lambda a, b: np.sum(a, axis=1)[:, None] if a.ndim == 2 else a,
    lambda a, b: a @ W[:3, :3] if a.shape == (400, 3) else a,
    lambda a, b: a[::-1] if a.shape == (400, 3) else a,
    lambda a, b: a.T @ a if a.shape == (400, 3) else a[:1],
]
SHAPES = [(400, 3), (3,), (400, 1), (1, 3), (400, 3)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(programs(OPERATIONS), st.booleans())
def test_random_programs(program, of_gradients):
    def f(*inputs):
        shaped = [np.reshape(x, shape) for x, shape in zip(inputs, SHAPES, strict=True)]
        parts = run(program, OPERATIONS, [x[:, :3] if x.shape[0] == 400 else x for x in shaped])
        return sum(np.sum(np.tanh(part)) for part in parts) if of_gradients else parts

    f = opad.grad(f, argnums=(0, 1, 2)) if of_gradients else f
    compiled = opad.compile(f)
    for seed in range(2):
        inputs = [np.random.default_rng(seed).standard_normal(shape) for shape in SHAPES]
        with np.errstate(all="ignore"):
            assert_same(compiled(*inputs), f(*inputs))
