"""Measuring: whether a kernel is faster than the NumPy calls that it replaces, on example values of their shapes."""

from functools import partial
from time import perf_counter

import numpy as np

from opad.programs.generate import Source
from opad.programs.plan import Plan

REPEATS = 9
LIMIT = 0.8  # of the time of the NumPy calls, up to which a kernel replaces them


def on_examples(steps, outs, specs):
    """Steps as a function without arguments, to be measured."""
    inputs = list(dict.fromkeys(ref for step in steps for ref in step.inputs))
    produced = {out for step in steps for out in step.outs}
    inputs = [ref for ref in inputs if ref not in produced]
    source = Source(Plan(steps, outs, specs, donate=False), inputs, [])
    smallest = min(min(specs[ref].shape, default=1) for ref in (*inputs, *outs))
    return partial(source.compile("<opad measurement>")(), *[_example(specs[ref], smallest) for ref in inputs])


def _example(spec, smallest):
    """A value of a kind: numbers near one, positions that exist along every axis."""
    if spec.type is float:
        return 0.75
    if spec.dtype.kind == "f":
        values = np.linspace(0.5, 1.5, spec.size, dtype=spec.dtype).reshape(spec.shape)
        return values if spec.is_ndarray else values[()]
    values = (np.arange(spec.size) % smallest).astype(spec.dtype).reshape(spec.shape)
    return values if spec.is_ndarray else values[()]


def seconds(*functions):
    """Times of one call of each, the smallest of several; they take turns, so that all see the same machine."""
    calls = []
    for function in functions:
        function()
        calls.append(max(1, int(1e-4 / _mean_seconds(function, 1))))
    rounds = [list(map(_mean_seconds, functions, calls)) for _ in range(REPEATS)]
    return [min(times) for times in zip(*rounds, strict=True)]


def _mean_seconds(function, calls):
    start = perf_counter()
    for _ in range(calls):
        function()
    return (perf_counter() - start) / calls
