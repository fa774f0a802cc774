"""Programs of arrays that only NumPy's protocols can reach, as CuPy's."""

import numpy as np
import pytest

import opad
from tests.duck import DuckArray, duck, host
from tests.programs.equality import close


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2 + np.sin(x),
        opad.grad(lambda x: np.sum(np.tanh(x) ** 2)),
        opad.value_and_grad(lambda x: np.sum(x @ x.T)),
        lambda x: (x, x.T, x[1:]),
        opad.grad(lambda x: np.sum(np.sin(x[0]) * x[1] * x[2])),  # sums of parts
    ],
)
def test_duck_arrays(f, rng):
    compiled = opad.compile(f)
    for _ in range(3):
        x = rng.standard_normal((3, 3))
        result = compiled(duck(x))
        for part in result if isinstance(result, tuple) else (result,):
            assert isinstance(part, DuckArray)
        expected = f(x)
        parts = zip(result, expected, strict=True) if isinstance(result, tuple) else [(result, expected)]
        for found, value in parts:
            assert close(host(found), value)
    assert len(compiled.programs) == 1


def test_bound_arrays_stay_on_their_device(rng):
    def f(x, t):
        w, b = x
        return np.tanh(t[:, None] * w) @ b

    x, t = rng.standard_normal((2, 3)), rng.standard_normal(5)
    compiled = opad.compile(f)
    assert close(host(compiled.bind(duck(x))(duck(t))), f(x, t))
    J, expected = opad.jacobian_operator(compiled, duck(x), duck(t)), opad.jacobian_operator(f, x, t)
    assert close(host(J.value), f(x, t))
    assert close(host(J.apply(duck(x))), expected.apply(x))
    assert close(host(J.apply_adjoint(duck(t))), expected.apply_adjoint(t))
