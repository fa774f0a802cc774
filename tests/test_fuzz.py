"""The fuzzers tell wrong rules from points where there is no derivative to compare with, and find wrong programs."""

import numpy as np
import pytest

from opad.programs.fusion import elementwise
from opad.tracing.elementwise import Elementwise
from opad.tracing.primitives import RULES
from tests import fuzz_compiled
from tests.fuzz import outcome
from tests.generated import Program, generator

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


@pytest.mark.parametrize("distance", [1.0, 1.1, 1.2, 1.3])
def test_second_derivatives_that_cancel_are_not_wrong(distance):
    """The angle of (v, -v) is constant: 0 exactly in one order of the modes, rounding errors in the other."""
    x = (0.7 + 1e-4 * distance * np.array([1, 1.7, 2.3])).astype(np.float32)
    lines = ["v0 = x0 - np.float32(0.7)", "v1 = np.arctan2(v0, -v0)"]
    assert outcome(Program([x], lines, {"np": np}))[0] in ("kink", "right")


def test_kinks_that_cancel_are_not_wrong():
    """min(|x|, x) is x, but a derivative of |x| at 0 is a choice."""
    lines = ["v0 = x0 - 0.7", "v1 = np.fabs(v0)", "v2 = np.fmin(v0, v1)", "v3 = np.sin(v2)", "v4 = v3 * v2"]
    assert outcome(Program([X], lines, {"np": np}))[0] == "kink"


RECURRENCE = fuzz_compiled.Repeating(
    [X, X * 2, X - 1, np.eye(3)], ["v0 = 0.5 * (v0 + v1) - x2", "v1 = v0 * x2"], {}, 20
)


@pytest.mark.parametrize("mode", fuzz_compiled.MODES)
def test_compiled_programs_are_right(mode):
    for kind in ("value", "gradient"):
        assert fuzz_compiled.outcome(RECURRENCE, kind, mode, 0) == ("right", "")


def test_a_wrong_loop_is_found(monkeypatch):
    monkeypatch.setitem(elementwise.ARITHMETIC, np.multiply, "{0} * {1} * 1.0000000001")
    assert fuzz_compiled.outcome(RECURRENCE, "value", "plain", 0)[0] == "right"
    assert fuzz_compiled.outcome(RECURRENCE, "value", "fuse", 0)[0] == "wrong"


@pytest.mark.parametrize("draw", fuzz_compiled.GENERATORS.values())
def test_programs_are_drawn_alike(draw):
    programs = [draw(generator(3)) for _ in range(2)]
    assert programs[0].source == programs[1].source
