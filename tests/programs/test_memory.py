"""Memory of a first call, which records, compiles and runs, and of the calls after it."""

import gc
import tracemalloc

import numpy as np
import optree
import pytest

import opad

rng = np.random.default_rng(11)


def transport(u):
    """Explicit central differences on a ring."""
    for _ in range(30):
        right, left = np.roll(u, -1), np.roll(u, 1)
        u = u - 0.005 * u * (right - left) + 0.02 * (right - 2 * u + left)
    return np.sum(u**2)


def memory_cells(W, X):
    """A long short-term memory cell over a sequence."""
    h = c = np.zeros((X.shape[1], len(W) // 4))
    n = h.shape[1]
    for x in X:
        gates = (x + h) @ W.T
        i, f, o = (1 / (1 + np.exp(-gates[:, n * k : n * (k + 1)])) for k in (0, 1, 3))
        c = f * c + i * np.tanh(gates[:, 2 * n : 3 * n])
        h = o * np.tanh(c)
    return np.sum(h**2)


def layers(Ws, x):
    for W in Ws:
        x = np.tanh(W @ x)
    return np.sum(x * x)


def attention(W, x):
    scores = x @ W @ x.T
    weights = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    return np.sum((weights / np.sum(weights, axis=1, keepdims=True)) @ x)


PROGRAMS = {
    "transport": (transport, (np.linspace(0, 1, 8000),)),
    "memory_cells": (memory_cells, (rng.standard_normal((256, 64)) / 8, rng.standard_normal((12, 64, 64)))),
    "layers": (layers, ([rng.standard_normal((64, 64)) / 8 for _ in range(20)], rng.standard_normal((64, 64)))),
    "attention": (attention, (rng.standard_normal((64, 64)) / 8, rng.standard_normal((256, 64)))),
}


def traced(function):
    """(bytes that are kept, bytes at the peak) of a call, above what there was before."""
    gc.collect()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_first_call_needs_its_buffers_and_results_and_little_per_step(name):
    f, arguments = PROGRAMS[name]
    gradient = opad.grad(f)
    opad.compile(gradient)(*arguments)  # trials and caches of the process
    compiled = opad.compile(gradient)
    kept, peak = traced(lambda: compiled(*arguments))
    (program,) = compiled.programs
    arrays = program.whole.code.plan.nbytes + sum(g.nbytes for g in optree.tree_leaves(compiled(*arguments)))
    assert peak < arrays + 300_000 + 3000 * program.recorded
    assert kept < arrays + 100_000 + 2000 * program.recorded


@pytest.mark.parametrize("name", PROGRAMS)
def test_later_calls_allocate_no_arrays(name):
    f, arguments = PROGRAMS[name]
    compiled = opad.compile(opad.grad(f), donate=True)
    for _ in range(2):
        compiled(*arguments)
    _, peak = traced(lambda: compiled(*arguments))
    assert peak < max(compiled.programs[0].whole.code.plan.sizes)
