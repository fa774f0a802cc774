"""Lines of a program that repeat become loops, which compute the same."""

import random

import numpy as np
import pytest

import opad
from opad.programs import rerolling
from opad.programs.rerolling import rerolled, table, words
from tests.programs.equality import assert_same

TURNS = 40


@pytest.fixture
def loops_in_short_programs(monkeypatch):
    monkeypatch.setattr(rerolling, "FEWEST_LINES", 8)
    monkeypatch.setattr(rerolling, "FEWEST_SAVED", 7)


# -- functions --------------------------------------------------------------------------------------------------------

rng = np.random.default_rng(5)
FORCES = [rng.standard_normal(6) for _ in range(TURNS)]
PLACES = [rng.integers(0, 300, 300) for _ in range(TURNS)]


def recurrence(x):
    for _ in range(TURNS):
        x = x + 0.1 * np.sin(1.3 * x)
    return np.sum(x)


def two_steps_back(x):
    older, old = x, 1.1 * x
    for _ in range(TURNS):
        older, old = old, 2 * old - older - 0.01 * np.sin(old)
    return np.sum(old * older)


def results_of_all_turns(x):
    y = []
    for _ in range(TURNS):
        x = np.tanh(x) * 1.5
        y.append(x)
    return y


def layers(parameters):
    x = np.ones(6)
    for W, b in parameters:
        x = np.tanh(W @ x + b)
    return np.sum(x)


def closed_over(x):
    for force in FORCES:
        x = np.cos(x) * force + x[::-1]
    return np.sum(x)


def numbered(X):
    x = X[0]
    for k in range(TURNS):
        x = x * X[k] + k
        x = x / np.max(x)
    return np.sum(x)


def guarded(x):
    for _ in range(TURNS):
        x = 0.9 * x if np.sum(x) > 0 else 1.1 * x
        x = np.sin(x)
    return np.sum(x)


def gathered(x):
    total = 0.0
    for place in PLACES:
        x = np.exp(-x[place])
        total = total + np.sum(x)
    return total


def divided(x):
    for _ in range(TURNS):
        x = x + 0.1 * np.sqrt(1 + x) / x
    return np.sum(x)


def solved(A):
    x = np.ones(4)
    for _ in range(TURNS):
        x = np.linalg.solve(A, x) + np.sin(x)
    return np.sum(x)


VECTOR, MATRIX = rng.uniform(0.5, 1, 6), 9 * np.eye(4) + rng.uniform(0, 1, (4, 4))
LAYERS = [(rng.standard_normal((6, 6)) / 3, rng.standard_normal(6)) for _ in range(TURNS)]
FUNCTIONS = {
    "numbers": (opad.grad(recurrence), 0.7),
    "arrays": (opad.grad(recurrence), VECTOR),
    "second_derivative": (opad.grad(lambda x: np.sum(opad.grad(recurrence)(x))), VECTOR),
    "two_steps_back": (opad.grad(two_steps_back), VECTOR),
    "two_numbers_back": (opad.grad(two_steps_back), 0.7),
    "results_of_all_turns": (results_of_all_turns, VECTOR),
    "layers": (opad.grad(layers), LAYERS),
    "closed_over": (opad.grad(closed_over), VECTOR),
    "numbered": (opad.value_and_grad(numbered), rng.uniform(1, 2, (TURNS, 6))),
    "guarded": (opad.grad(guarded), VECTOR),
    "gathered": (opad.grad(gathered), rng.uniform(0, 1, 300)),
    "divided": (opad.grad(divided), VECTOR),
    "solved": (opad.grad(solved), MATRIX),
}


@pytest.mark.parametrize("options", [{}, {"donate": True}], ids=["new", "donate"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_loops_compute_the_same_bit_by_bit(name, options, monkeypatch, loops_in_short_programs):
    f, x = FUNCTIONS[name]
    compiled = opad.compile(f, **options)
    for _ in range(3):
        assert_same(compiled(x), f(x), exact=True)
    assert " for " in compiled.source
    monkeypatch.setattr(rerolling, "FEWEST_LINES", np.inf)
    straight = opad.compile(f, **options)
    straight(x)
    assert compiled.source.count("\n") < 0.75 * straight.source.count("\n")


def test_a_guard_in_a_loop_records_again(loops_in_short_programs):
    compiled = opad.compile(opad.grad(guarded))
    for x in (VECTOR, -VECTOR, VECTOR):
        assert_same(compiled(x), opad.grad(guarded)(x), exact=True)
    assert len(compiled.programs) == 2


def test_a_bound_part_has_loops_too(loops_in_short_programs):
    def f(x, y):
        for _ in range(TURNS):
            x = np.sin(x) + 0.5
            y = np.cos(x) * y
        return np.sum(y)

    bound = opad.compile(f).bind(VECTOR)
    for y in (VECTOR, -VECTOR):
        assert_same(bound(y), f(VECTOR, y), exact=True)
    assert " for " in bound.source


def test_an_error_in_a_loop_names_the_line(loops_in_short_programs):
    compiled = opad.compile(solved)
    compiled(MATRIX)
    with pytest.raises(np.linalg.LinAlgError) as caught:
        compiled(np.zeros((4, 4)))
    line = solved.__code__.co_firstlineno + 3
    assert any(f"test_rerolling.py:{line}" in note for note in caught.value.__notes__)


def test_long_programs_are_short_texts():
    def f(x):
        for _ in range(400):
            x = x + 0.1 * np.cos(x) * (np.roll(x, -1) - 2 * x + np.roll(x, 1))
        return np.sum(x**2)

    compiled, x = opad.compile(opad.grad(f)), np.cos(np.arange(50.0))
    assert_same(compiled(x), opad.grad(f)(x), exact=True)
    assert len(compiled.programs[0].whole.code.plan.steps) > 4000
    assert compiled.source.count("\n") < 120


# -- lines ------------------------------------------------------------------------------------------------------------

GIVEN = {f"c{k}": k + 0.5 for k in range(8)}


def random_lines(choose):
    """Lines in two or three repeated parts, of which later ones use results of earlier ones."""
    lines, names = [], ["p0", "p1"]
    for _ in range(choose.randrange(2, 4)):
        period, turns = choose.randrange(1, 5), choose.randrange(9, 14)
        before, here = list(names), len(names)
        pattern = [
            (choose.choice(["{} = {} + {}", "{} = ({} - {}) * 0.25", "{} = max({}, {}, 2)"]), choose_operands(choose))
            for _ in range(period)
        ]
        for turn in range(turns):
            for k, (text, operands) in enumerate(pattern):
                given = [operand(turn, k, period, names, here, before) for operand in operands]
                name = f"v{len(names)}"
                lines.append(text.format(name, *given))
                names.append(name)
        if choose.random() < 0.3:
            names.append(f"v{len(names)}")
            lines.append(f"{names[-1]} = {choose.choice(names[:-1])} - {choose.choice(names[:-1])}")
    return lines, names


def choose_operands(choose):
    """Two functions that say what an operand is called in a turn."""
    back, fixed, stride = choose.randrange(1, 9), choose.randrange(100), choose.choice([-2, -1, 1, 2])
    kinds = [
        lambda turn, k, period, names, here, before: names[max(len(names) - back, 0)],  # of this turn or one before
        lambda turn, k, period, names, here, before: before[fixed % len(before)],
        lambda turn, k, period, names, here, before: before[(fixed + stride * turn) % len(before)],
        lambda turn, k, period, names, here, before: f"c{(fixed + turn) % 8}",
        lambda turn, k, period, names, here, before: str(turn * 0.5) if fixed % 2 else str(turn),
    ]
    return [choose.choice(kinds) for _ in range(2)]


@pytest.mark.parametrize("first", range(0, 150, 30))
def test_lines_mean_the_same_in_loops(first, loops_in_short_programs):
    with_loops = 0
    for seed in range(first, first + 30):
        choose = random.Random(seed)
        lines, names = random_lines(choose)
        body = [(line, None, None) for line in (*lines, f"found = [{', '.join(choose.sample(names, 4))}]")]
        shorter, tables = rerolled(body, set(GIVEN))
        straight, looped = ({**GIVEN, "p0": 0.75, "p1": -0.5} for _ in range(2))
        looped.update({name: table(columns, GIVEN) for name, columns in tables.items()})
        for scope, program in ((straight, body), (looped, shorter)):
            exec("\n".join(text for text, *_ in program), scope)
        assert looped["found"] == straight["found"], f"seed {seed}"
        with_loops += any(text.startswith("for ") for text, *_ in shorter)
    assert with_loops >= 25


def test_words_are_names_numbers_and_strings():
    text = "f5 = foo(v12, 1e-05, -0.5, c3, key='v7 \\' 8', v4=2, exp2(x3), 12)"
    assert words(text) == ["f5", "v12", "1e-05", "0.5", "c3", "'v7 \\' 8'", "2", "12"]


def test_strings_and_blocks_are_in_no_loop(loops_in_short_programs):
    strings = [(f"v{k} = foo(p0, 'v{k}')", None, None) for k in range(40)]
    assert rerolled(strings, set()) == (strings, {})
    blocks = [(text, None, None) for k in range(40) for text in ("try:", f"    v{k} = p0", "except KeyError: pass")]
    assert rerolled(blocks, set()) == (blocks, {})


def test_names_that_are_bound_twice_are_left_alone(loops_in_short_programs):
    body = [("v1 = foo(v1)", None, None)] * 40
    assert rerolled(body, set()) == (body, {})


def test_what_a_loop_takes_from_a_list_is_not_deleted_in_it(loops_in_short_programs):
    first = [(f"v{k} = foo(p0, {k})", None, None) for k in range(20)]
    second = [(text, None, None) for k in range(20) for text in (f"v{k + 20} = foo(p0, v{19 - k})", f"del v{19 - k}")]
    body, _ = rerolled(first + second, set())
    texts = [text for text, *_ in body]
    assert "    v0 = foo(p0, x0)" in texts
    assert "s0[7] = None" in texts  # so that its memory is free from then on
