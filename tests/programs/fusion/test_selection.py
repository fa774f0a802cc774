"""Fused programs: which steps become one loop, and which loops are used."""

import sys

import numpy as np
import pytest

import opad
from opad.errors import MissingPackageError
from opad.programs.fusion import selection
from opad.programs.fusion.kernels import Kernel
from tests.programs.equality import assert_same
from tests.programs.fusion.forced import fused, groups, needs_numba
from tests.programs.fusion.loops import INDEX, A, X, Y


def test_a_chain_is_one_loop(plain):
    compiled = fused(lambda x, y: (x * y + 1) / (2 - x) - y, X, Y)
    assert groups(compiled) == [["multiply", "add", "subtract", "divide", "subtract"]]
    assert "fused" in compiled.report()


def test_what_stands_between_divides(plain):
    compiled = fused(lambda A: ((A + 1) * A) @ (A * 2 + 1).T - 1, A)
    assert sorted(map(sorted, groups(compiled))) == [["add", "add", "multiply", "multiply"]]
    compiled = fused(lambda A: np.cumsum((A + 1) * A) * 2 + 1, A)
    assert groups(compiled) == [["add", "multiply"], ["multiply", "add"]]


def test_what_waits_for_a_group_does_not_end_it(plain):
    def f(x):
        y = x * x
        totals = np.cumsum(y)
        return (y + x) * y, totals

    assert groups(fused(f, X)) == [["multiply", "add", "multiply"]]


def test_results_are_only_what_is_used(plain):
    compiled = fused(lambda x: [y := x * x + 1, np.sum((y - 1) * x)], X)
    (kernel,) = [s for s in compiled.programs[0].whole.code.fusion.steps if isinstance(s.function, Kernel)]
    assert len(kernel.out) == 2
    assert len(kernel.args) == 1


def test_repeated_parts_share_a_kernel(plain):
    def steps(u):
        for k in range(7):
            u = u - (0.13 * k + 0.01) * u * (u[INDEX] - u)
        return u

    # the first, the last, and all between; the first product of a step needs no neighbours and is one loop ahead
    assert "35 steps in 7 calls of 3 kernels" in fused(steps, X).report()


def test_long_chains_are_cut(plain):
    def f(x):
        for k in range(1, 25):  # k operations each time: nothing repeats
            x = sum(x * j for j in range(k // 2 + 1)) + k
        return x

    lengths = [len(group) for group in groups(fused(f, X))]
    assert lengths == [60] * (len(lengths) - 1) + lengths[-1:]
    assert len(lengths) > 2


def test_unknown_functions_keep_their_place(plain):
    seen = []

    @opad.primitive
    def note(x):
        seen.append(x.copy())
        return x

    def f(x):
        a = note(x * 2 + 1)
        b = note(x - 1)
        return a * b + a

    with pytest.warns(RuntimeWarning, match="changes"):
        compiled = opad.compile(f, fuse=True)
        compiled(X)
    assert_same(compiled(X), (X * 2 + 1) * (X - 1) + (X * 2 + 1), exact=True)
    assert_same(seen[-2:], [X * 2 + 1, X - 1], exact=True)


def test_errstate_that_raises_is_not_fused(plain):
    def f(x):
        with np.errstate(divide="raise"):
            return (1 / x + 1) * 2

    compiled = fused(f, X)
    with pytest.raises(FloatingPointError):
        compiled(X - X[0])


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(MissingPackageError, match=r"opad\[fast\]"):
        opad.compile(np.sin, fuse=True)
    assert opad.compile(np.sin)(0.5) == np.sin(0.5)


@needs_numba
def test_a_kernel_is_used_only_where_it_is_faster(monkeypatch):
    f = lambda x: (x * x + 1) * 2  # noqa: E731
    for times, count in (([2.0, 1.0], 1), ([1.0, 2.0], 0), ([1.0, 0.9], 0)):
        monkeypatch.setattr(selection, "seconds", lambda *_: times)  # noqa: B023  used within this turn
        assert len(groups(fused(f, X))) == count


@needs_numba
def test_measured_with_positions(rng):
    A, labels = rng.standard_normal((500, 4)), rng.integers(0, 4, 500)
    rows = np.arange(500)
    fused(opad.grad(lambda A, labels: np.sum((A * 2)[rows, labels] ** 2 + A[labels, labels])), A, labels)


@needs_numba
def test_measured(rng):
    u = rng.standard_normal(2000)
    step = lambda u: u[1:-1] - 0.1 * u[1:-1] * (u[2:] - u[:-2]) + 0.02 * (u[2:] - 2 * u[1:-1] + u[:-2])  # noqa: E731
    compiled = fused(opad.grad(lambda u: np.sum(step(step(u)) ** 2)), u)
    assert "kernels, made in" in compiled.report()
