"""The coverage table is made from the registers of NumPy and SciPy; what it lists is tested, and the README says it."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy

from opad import coverage
from tests import covered

README = Path(__file__).parents[1] / "README.md"


def test_targets():
    assert [name for name, kind in coverage.table()["NumPy float ufuncs"].items() if not kind] == []
    counts = {group: differentiated for group, (differentiated, _) in coverage.totals().items()}
    assert counts["NumPy array functions"] >= 180
    assert counts["scipy.special ufuncs"] >= 70
    assert counts["scipy.fft transforms"] >= 26
    assert counts["opad.scipy.linalg"] >= 55
    assert counts["opad.scipy.special"] >= 14
    assert counts["opad.scipy.sparse.linalg"] >= 2
    assert counts["opad.scipy.signal"] >= 20


def test_every_function_that_is_covered_is_tested_to_second_order_at_least():
    orders, kinds = covered.orders(), coverage.table()
    untested = [
        name
        for group, members in coverage.functions().items()
        for name, function in members.items()
        if coverage.is_differentiated(kinds[group][name]) and orders.get(function, 0) < 2
    ]
    assert untested == []


def test_the_command_prints_totals(capsys):
    coverage.main([])
    assert capsys.readouterr().out.count("differentiated in both modes") == len(coverage.totals())


def test_the_command_prints_the_order_that_is_tested(capsys):
    coverage.main(["--tests", "tests.covered"])
    assert re.search(r"^  tanh +rule +tested to order 3$", capsys.readouterr().out, re.MULTILINE)


def test_the_readme_has_the_totals_of_the_versions_that_it_names():
    text = " ".join(README.read_text().split())
    versions = re.search(r"NumPy (\d+\.\d+) and SciPy (\d+\.\d+)", text).groups()
    installed = tuple(".".join(module.__version__.split(".")[:2]) for module in (np, scipy))
    if installed != versions:
        pytest.skip(f"the README counts the functions of NumPy {versions[0]} and SciPy {versions[1]}")
    ufuncs, arrays, special, transforms, *_ = coverage.totals().values()
    expected = (
        f"{ufuncs[0]} of the {ufuncs[1]} float ufuncs, {arrays[0]} of {arrays[1]} array functions, "
        f"{special[0]} of {special[1]} ufuncs of `scipy.special`, {transforms[0]} of {transforms[1]} transforms of "
        "`scipy.fft`"
    )
    assert expected in text
