"""Fusion wherever it is possible, faster or not; as loops in Python, which need no numba and compile nothing."""

import contextlib
import functools
import importlib.util

import numpy as np
import pytest

import opad
from opad.programs.fusion import kernels, native, rolling, selection, summation, tape
from opad.programs.groups import StepGroup
from tests.programs.equality import assert_same

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")


def interpreted(text, kernels=()):
    """A kernel as plain Python."""
    namespace = {"np": np, "isfinite": np.isfinite, "float64": np.float64, "float32": np.float32} | summation.FUNCTIONS
    namespace.update((f"k{k}", interpreted(kernel)) for k, kernel in enumerate(kernels))
    exec(text, namespace)
    loop = namespace.get("kernel") or namespace["tape"]

    @functools.wraps(loop)
    def call(*args):
        with np.errstate(all="ignore"):  # which each thread has for itself
            results = loop(*args)
        return results and tuple([x.item() if isinstance(x, np.generic) else x for x in results])  # as numba does

    return call


@contextlib.contextmanager
def every_group_fused():
    """Every group is fused, as a loop that numba compiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rolling, "_is_faster", lambda *_: True)
        patch.setattr(selection.Fusion, "_parts", lambda *_: 1)
        yield


@contextlib.contextmanager
def plain_loops():
    """Every group is fused, as a loop in Python."""
    with every_group_fused(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "compiled", kernels.lru_cache(interpreted))
        patch.setattr(tape, "work_off", lambda: interpreted(tape.interpreter_text()))
        patch.setattr(opad.programs.compiled, "require_numba", lambda: None)
        patch.setattr(native, "compiled", kernels.compiled)
        with np.errstate(all="ignore"):
            yield


def fused(f, *args, **options):
    """The compiled function after one call, which has been compared."""
    compiled = opad.compile(f, fuse=True, **options)
    assert_same(compiled(*args), f(*args), exact=True)
    assert_same(compiled(*args), f(*args), exact=True)
    return compiled


def groups(compiled):
    """Names of the steps of each kernel."""
    steps = compiled.programs[0].whole.code.fusion.steps
    kinds = [step.function for step in steps if isinstance(step.function, StepGroup)]
    return [[step.function.__name__ for step in kernel.steps] for kernel in kinds]


def in_parts(self, step, kernel):
    """In place of `Fusion._parts`: three parts wherever a loop can be divided."""
    return 3 if isinstance(kernel, kernels.Kernel) and kernel.is_divisible(3) else 1
