"""Random programs: compiled = eager, bit by bit, over several calls; their gradients also agree with differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opad
from opad.errors import OpadError
from tests.programs.equality import assert_same

# Every operation takes values that broadcast to (3, 3) and returns such a value.
SMOOTH = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (2 + np.cos(b)),
    lambda a, b: np.tanh(a),
    lambda a, b: np.sin(a) * 2,
    lambda a, b: 1 - a * a,
    lambda a, b: -a,
    lambda a, b: a * 1,
    lambda a, b: np.exp(-(a**2)),
    lambda a, b: np.sqrt(1 + a**2),
    lambda a, b: a.T if a.ndim == 2 else a,
    lambda a, b: a[::-1] if a.ndim and a.shape[0] == 3 else a,
    lambda a, b: a[..., :1] if a.ndim else a,
    lambda a, b: np.sum(a, axis=-1) if a.ndim == 2 and a.shape == (3, 3) else a,
    lambda a, b: np.sum(a, axis=0, keepdims=True) if a.ndim else a,
    lambda a, b: np.mean(a) + b,
    lambda a, b: a @ b if a.shape == b.shape == (3, 3) else a,
    lambda a, b: a.reshape(9)[[0, 4, 4]] if a.shape == (3, 3) else a,
    lambda a, b: np.concatenate([a, b])[:3] if a.ndim == b.ndim == 1 and a.shape == (3,) else b,
    lambda a, b: np.broadcast_to(a, (3, 3)) * 0.5,
    lambda a, b: np.cumsum(a, axis=0) / 3 if a.ndim else a,
    lambda a, b: a.copy(),
    lambda a, b: b,
]
KINKED = [
    lambda a, b: np.maximum(a, b),
    lambda a, b: np.where(a > 0, a, 2 * b),
    lambda a, b: np.abs(a),
    lambda a, b: a + 1 if np.sum(a) > 0 else a * 2,
    lambda a, b: np.sort(a, axis=None)[:3],
    lambda a, b: a[np.argmax(a)] if a.ndim == 1 and a.shape == (3,) else a,
    lambda a, b: np.max(a) - b,
    lambda a, b: np.clip(a, -0.5, 0.5),
]
SHAPES = [(3, 3), (3,), (3, 1), (1, 3), ()]


def programs(operations):
    """A list of (operation, position of the first operand, of the second), and which values are returned."""
    step = st.tuples(st.integers(0, len(operations) - 1), st.integers(0, 50), st.integers(0, 50))
    return st.tuples(st.lists(step, min_size=5, max_size=40), st.lists(st.integers(0, 50), min_size=1, max_size=4))


def run(program, operations, inputs):
    steps, results = program
    values = list(inputs)
    for number, first, second in steps:
        a, b = values[-1 - first % len(values)], values[-1 - second % len(values)]
        values.append(operations[number](a, b))
    return [values[-1 - k % len(values)] for k in results]


def arguments(seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES]


@settings(max_examples=150, deadline=None)
@given(programs(SMOOTH + KINKED), st.sampled_from([np.float64, np.float32]), st.booleans())
def test_compiled_equals_eager(program, dtype, donate):
    f = lambda *inputs: run(program, SMOOTH + KINKED, inputs)  # noqa: E731
    compiled = opad.compile(f, donate=donate)
    x, y = arguments(0, dtype), arguments(1, dtype)
    same = [x[0], x[1], x[0][:, :1], x[0][:1], x[0][0, 0:1].reshape(())]  # views of one array
    with np.errstate(all="ignore"):
        for inputs in (x, y, x, same, y):
            before = [a.copy() for a in inputs]
            result, expected = compiled(*inputs), f(*inputs)
            assert_same(result, expected, exact=True)
            assert_same(list(inputs), before, exact=True)
            for array in result:
                if isinstance(array, np.ndarray):
                    array[...] = np.nan  # the caller may do what he likes with results


@settings(max_examples=60, deadline=None)
@given(programs(SMOOTH + KINKED))
def test_compiled_gradients_equal_eager_ones(program):
    def loss(*inputs):
        return sum(np.sum(np.tanh(part)) for part in run(program, SMOOTH + KINKED, inputs))

    f = opad.value_and_grad(loss, argnums=tuple(range(len(SHAPES))))
    compiled = opad.compile(f)
    with np.errstate(all="ignore"):
        for inputs in (arguments(0), arguments(1), arguments(0)):
            try:
                expected = f(*inputs)
            except OpadError as error:
                with pytest.raises(type(error)):
                    compiled(*inputs)
                continue
            assert_same(compiled(*inputs), expected)


@settings(max_examples=40, deadline=None)
@given(programs(SMOOTH))
def test_compiled_gradients_equal_differences(program):
    def loss(*inputs):
        return sum(np.sum(np.tanh(part)) for part in run(program, SMOOTH, inputs))

    compiled = opad.compile(opad.grad(loss, argnums=tuple(range(len(SHAPES)))))
    point, direction = arguments(2), arguments(3)
    with np.errstate(all="ignore"):
        slope = sum(np.vdot(g, d) for g, d in zip(compiled(*point), direction, strict=True))

        def along(h):
            return loss(*[p + h * d for p, d in zip(point, direction, strict=True)])

        h = 1e-4
        coarse, fine = ((along(s) - along(-s)) / (2 * s) for s in (2 * h, h))
    difference = (4 * fine - coarse) / 3
    if np.isfinite(slope) and abs(coarse - fine) < 1e-4 * (1 + abs(fine)):  # the differences have converged
        assert abs(slope - difference) <= 1e-5 * (1 + abs(difference))
