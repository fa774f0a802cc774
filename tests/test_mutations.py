"""A sample of what `python -m tests.mutations` does: tests notice rules that are broken, and pass when they are not."""

import random
from contextlib import nullcontext

import pytest

from tests.checks import checks, passes
from tests.mutations import HARMLESS, altered_rule, describe, is_about, is_caught, observe


def samples(count):
    """Functions drawn from the registry, each with the checks about it."""
    about = {}
    for check in checks():
        if check.function is not None:
            about.setdefault(check.function, []).append(check)
    return random.Random(0).sample(list(about.items()), count)


@pytest.mark.parametrize(("function", "candidates"), samples(30))
def test_broken_rules_are_noticed(function, candidates):
    for check in candidates:
        observe(check)
    mutants = {m for check in candidates for m in check.reached if is_about(m, function)}
    if mutants:
        mutant = random.Random(0).choice(sorted(mutants, key=describe))
        assert is_caught(mutant, candidates), describe(mutant)
        kind, subject, slot, *_ = mutant
        with altered_rule(subject, slot, HARMLESS) if kind == "rule" else nullcontext():
            assert all(map(passes, candidates))
