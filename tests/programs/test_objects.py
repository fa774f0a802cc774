"""Arrays that np.array makes of recorded numbers: objects at first, stacked when they are used or returned."""

from collections import deque

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import opad
from tests.programs.equality import assert_same

X = np.linspace(0.2, 1.3, 6)


def history(x):
    """One number of each step of an iteration."""
    found = []
    for _ in range(4):
        x = np.cos(x) * x
        found.append(x[2])
    return np.array(found)


CASES = {
    "numbers": lambda x: np.array([x[0] * x[1], 1.0, x[2]]),
    "with an integer": lambda x: (np.array([x[0], 1]), np.array([np.sum(x), 2, 3]) * 2.0),
    "rows": lambda x: np.array([[x[0], 2.0], [x[1], x[2]]]) @ x[:2],
    "vectors": lambda x: np.array([x[:3], x[3:]]),
    "np.r_, np.c_": lambda x: (np.r_[x, x[0]], np.c_[x, x**2]),
    "functions": lambda x: np.exp(np.array([x[0], x[1]])) * 2 + np.arctan2(np.array([x[2], x[3]]), 1.0),
    "beside an array": lambda x: np.concatenate([np.array([x[0], x[1]]) + x[:2], np.array([x[2]])]),
    "condition": lambda x: np.where(np.array([x[0], x[1]]) > 0.3, 1.0, x[:2]),
    "assigned": lambda x: (z := np.zeros_like(x), z.__setitem__(slice(2), np.array([x[5], x[4]])))[0],
    "in containers": lambda x: {"a": (np.array([x[0]]), deque([np.array([x[1], x[2]])]))},
    "np.vectorize": np.vectorize(lambda a: a**2 if a > 0.5 else np.sin(a)),
    "np.norm": lambda x: np.linalg.norm(np.array([x[0], x[1]])),
    "SciPy": lambda x: (scipy.optimize.rosen(x), scipy.integrate.simpson(x.astype(float))),
    "iteration": history,
    "gradient": opad.grad(lambda x: np.sum(history(x) ** 2)),
    "checkpoint": opad.grad(lambda x: np.sum(opad.checkpoint(history)(x) ** 2)),
    "Jacobian": opad.jacobian(history),
    "of a gradient": opad.grad(lambda x: np.sum(opad.grad(lambda y: np.sum(y**3))(np.array([x[0], x[1]])))),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_function(name, dtype):
    f, x = CASES[name], X.astype(dtype)
    compiled = opad.compile(f)
    for scale in (1.0, 1.0, 0.5, 1.0):
        assert_same(compiled(dtype(scale) * x), f(dtype(scale) * x))


def test_python_numbers():
    f = lambda a, b: np.array([a, b * 2, 1]) * a  # noqa: E731
    compiled = opad.compile(f)
    for b in (2.0, 3.0):
        assert_same(compiled(1.5, b), f(1.5, b))


@pytest.mark.parametrize("f", [lambda x: np.array([x[0] * 1j, x[1]]), lambda x: np.array([np.argmax(x), 1])])
def test_other_numbers_are_refused(f):
    """As in a trace: of an array of objects np.real is the array itself."""
    with pytest.raises(opad.errors.TracingError, match="to become a plain NumPy array while a program was being rec"):
        opad.compile(f)(X)
