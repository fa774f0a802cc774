"""Random programs: the derivatives that jax computes of the same source text, in double precision."""

import importlib
import warnings

import numpy as np
import pytest

import opad
from opad.errors import OpadError
from tests import templates
from tests.generated import draw, generator, values_of

jax = pytest.importorskip("jax", reason="jax is a peer, installed by the extra `bench`")

PROGRAMS = 20
GROUPS = (
    templates.ARITHMETIC, templates.REDUCTIONS, templates.SHAPING, templates.INDEXING, templates.PRODUCTS,
    templates.LINALG, templates.FOURIER, templates.CONTROL, templates.UFUNCS,
)  # fmt: skip
WRONG_IN_JAX = ("np.unique",)  # zero derivatives
SHARED = [t for group in GROUPS for t in group if not t.startswith(WRONG_IN_JAX)]


@pytest.fixture(scope="module")
def jax_names():
    """The names that programs use, bound to jax's modules."""
    modules = {"np": "jax.numpy", "fft": "jax.scipy.fft", "sp": "jax.scipy.special"}
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield {name: importlib.import_module(module) for name, module in modules.items()}
    jax.config.update("jax_enable_x64", before)


def derivatives(f, x, w, vjp, conjugate=lambda g: g):
    """The value and the gradients of Re <w, f(x)>."""
    value, pullback = vjp(f, *x)
    return [np.asarray(y) for y in value], [conjugate(np.asarray(g)) for g in pullback(tuple(map(conjugate, w)))]


def test_gradients_are_those_of_jax(jax_names):
    """jax's cotangents of complex numbers are the conjugates of those here; programs that jax lacks are left out."""
    compared = 0
    for seed in range(10 * PROGRAMS):
        if compared == PROGRAMS:
            break
        program = draw(generator(seed), SHARED, length=5, dtypes=(float, float, complex))
        f, x = program.compiled(), program.inputs
        rng = np.random.default_rng(seed)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            expected_value = values_of(f, x)
            w = [np.asarray(rng.standard_normal(np.shape(y))).astype(y.dtype) for y in expected_value]
            try:
                value, gradients = derivatives(f, x, w, opad.vjp)
            except (OpadError, TypeError):  # refused; the latter by NumPy, which has no transforms of objects
                continue
            peer = type(program)(program.inputs, program.lines, {**program.names, **jax_names, "S": None}).compiled()
            try:
                peer_value, peer_gradients = derivatives(peer, x, w, jax.vjp, np.conj)
            except Exception:  # not in jax.numpy, or not differentiable there
                continue
        same_functions = all(
            a.dtype == b.dtype and np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-9, atol=1e-9)
            for a, b in zip(value, peer_value, strict=True)
        )
        if not same_functions or not all(np.all(np.isfinite(g)) for g in (*peer_gradients, *gradients)):
            continue
        for ours, theirs in zip(gradients, peer_gradients, strict=True):
            scale = 1 + np.max(np.abs(theirs))
            np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-9, err_msg=f"seed {seed}\n{program}")
        compared += 1
    assert compared == PROGRAMS
