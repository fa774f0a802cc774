"""The text of a program: functions of the user's own keep their meaning, whatever they are called."""

import numpy as np
import pytest

import opad
from tests.programs.equality import assert_same


@pytest.mark.parametrize("name", ["p0", "v1", "c1", "f3", "make", "program", "abs", "type", "slice", "softplus"])
def test_names_of_primitives_are_not_those_of_the_program(name):
    def function(x):
        return np.logaddexp(0.0, x)

    function.__name__ = name
    softplus = opad.primitive(function)

    def arrays(x, w):
        y = softplus(x * w)
        return np.where(y > w, y * 1.5, -y)[::-1] + np.abs(x)

    def numbers(x):
        y = softplus(x)
        for _ in range(12):  # enough to be Python's arithmetic
            y = abs(y) - 0.1 * y * y
        return y

    for f, args in ((arrays, (np.linspace(-1, 2, 5), np.ones(5))), (numbers, (np.float64(1.3),)), (numbers, (1.3,))):
        compiled = opad.compile(f)
        for scale in (1.0, 0.5):
            given = [scale * a for a in args]
            assert_same(compiled(*given), f(*given), exact=True)
        assert ("softplus(" in compiled.source) == (name == "softplus")
