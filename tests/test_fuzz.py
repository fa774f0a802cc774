"""The fuzzer tells wrong rules from points where there is no derivative to compare with."""

import numpy as np
import pytest

from opad.tracing.elementwise import Elementwise
from opad.tracing.primitives import RULES
from tests.fuzz import outcome
from tests.generated import Program

X = np.array([0.7, 1.3, -0.4])


def kind(line):
    return outcome(Program([X], [f"v0 = {line}"], {"np": np}))[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("np.sin(x0) * x0", "right"),
        ("np.fmod(x0 + 2, 1e-11 * (x0 + 2) ** 3)", "kink"),  # jumps more often than differences have steps
        ("(x0 > 0.7) * x0", "unstable"),
        ("np.sqrt(x0 - x0)", "singular"),
        ("np.frompyfunc(abs, 1, 1)(x0).astype(float)", "refused"),
    ],
)
def test_programs_are_told_apart(line, expected):
    assert kind(line) == expected


@pytest.mark.parametrize("line", ["np.sin(x0) * x0", "np.sin(np.fmod(x0 + 2, 3.0))"])
def test_a_wrong_rule_is_found(line, monkeypatch):
    monkeypatch.setitem(RULES, np.sin, Elementwise(np.sin, (lambda y, x: 1.01 * np.cos(x),)))
    assert kind(line) == "wrong"
