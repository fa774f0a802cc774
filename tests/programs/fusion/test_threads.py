"""Loops of fused programs in parts, which threads share."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from opad.programs.fusion import kernels, selection
from opad.programs.fusion.threads import SMALLEST, thread_count
from tests.programs.equality import assert_same
from tests.programs.fusion.forced import fused, in_parts, needs_numba
from tests.programs.fusion.loops import INDEX, LOOPS, X


@pytest.mark.parametrize("name", LOOPS)
def test_loops_in_parts(plain, monkeypatch, name):
    monkeypatch.setattr(kernels, "SMALLEST", 1)
    monkeypatch.setattr(selection.Fusion, "_parts", in_parts)
    f, args = LOOPS[name]
    fused(f, *args)


def test_loops_that_read_elsewhere_are_not_divided(plain, monkeypatch):
    monkeypatch.setattr(kernels, "SMALLEST", 1)
    monkeypatch.setattr(selection.Fusion, "_parts", in_parts)
    for f in (lambda x, k: x[k] * 2 + 1, lambda x, k: np.concatenate([x[1:], x[:1]]) * 2 + 1):
        assert "parts" not in fused(f, X, INDEX).source
    assert "parts" in fused(lambda x, k: x * 2 + 1, X, INDEX).source


@needs_numba
def test_large_loops_run_in_threads(monkeypatch):
    monkeypatch.setattr(selection.Fusion, "_parts", in_parts)
    x, A = np.linspace(-1, 1, SMALLEST), np.linspace(-1, 1, 2 * SMALLEST).reshape(-1, 128)
    for f, args in ((lambda x: (x * x + 1) / 2 - x, (x,)), (lambda A: A[:1] * A - A[:, :1] * 0.5, (A,))):
        compiled = fused(f, *args)
        assert "in_3_parts" in compiled.source
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(compiled, [A] * 20):
            assert_same(result, A[:1] * A - A[:, :1] * 0.5, exact=True)


def test_thread_count(monkeypatch):
    for name in ("NUMBA", "OMP", "OPENBLAS"):
        monkeypatch.delenv(f"{name}_NUM_THREADS", raising=False)
    assert thread_count() >= 1
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert thread_count() == 1
