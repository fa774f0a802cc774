"""The registry of functions where arrays are empty, under opad.compile, and on arrays that only protocols can reach."""

import re
import warnings

import numpy as np
import pytest

import opad
from tests.duck import KNOWN, DuckArray, LeavesDevice, duck, host
from tests.programs.equality import assert_same
from tests.tracing.registry import name_of
from tests.tracing.test_rules import CASES, leaves, over_cases

MADE_UP = {
    np.vander,
    np.polymul,
    np.poly,
    np.resize,
    (np.logaddexp, "reduce"),
    np.fill_diagonal,
}  # of nothing, by NumPy
NOT_ON_DEVICES = {
    **dict.fromkeys([np.power, np.cumprod, np.concatenate], "mixes duck arrays with a NumPy array"),
    **dict.fromkeys([np.sum, np.mean, np.max, np.min], "has no keywords .*'where'"),
    np.prod: "mixes duck arrays with a NumPy array|has no keywords .*'where'",
}  # in some of their entries: what the call itself asks for
ON_THE_HOST = {np.where, np.tril, np.triu, np.stack, np.diff, np.linspace}  # masks and numbers that meet duck arrays


def weighted(call, weights):
    """The gradients of the sum of all results, with weights."""

    def gradients(*args):
        value, pullback = opad.vjp(call, *args)
        return pullback(type(value)(weights) if isinstance(value, tuple | list) else weights[0])

    return gradients


def plainly(call, args):
    """What plain NumPy gives, or None."""
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        try:
            return call(*args)
        except Exception:
            return None


@pytest.mark.parametrize("case", [c for c in CASES if c.function not in MADE_UP], ids=lambda c: c.name)
def test_empty_arrays(case, rng):
    """With all axes of one length made empty, where NumPy can do that: shapes and dtypes of all derivatives."""
    taken = 0
    for length in {n for shape in case.shapes for n in shape}:
        empty = type(case)(case.function, case.call, [tuple(0 if n == length else n for n in s) for s in case.shapes],
            case.domains)  # fmt: skip
        args = empty.args(rng)
        expected = plainly(case.call, args)
        if expected is None:
            continue
        taken += 1
        value, pullback = opad.vjp(case.call, *args)
        tangent = opad.jvp(case.call, tuple(args), tuple(args))[1]
        for y, t, e in zip(leaves(value), leaves(tangent), leaves(expected), strict=True):
            assert np.shape(y) == np.shape(t) == np.shape(e)
            assert y.dtype == t.dtype == e.dtype
        for g, x in zip(pullback(tangent), args, strict=True):
            assert (g.shape, g.dtype) == (x.shape, x.dtype)
    if not taken:
        pytest.skip("NumPy does not take empty arrays there, or there is no axis")


@over_cases
def test_compiled_gradients(case, rng):
    """Recorded once and replayed at another point: the bits of the eager gradient."""
    args, others = case.args(rng), case.args(rng)
    weights = [rng.standard_normal(np.shape(y)) for y in leaves(case.call(*args))]
    gradients = weighted(case.call, weights)
    compiled = opad.compile(gradients)
    for point in (args, others):
        assert_same(compiled(*point), gradients(*point))


@pytest.mark.parametrize(
    "case", [c for c in CASES if name_of(c.function) in KNOWN and c.function not in ON_THE_HOST], ids=lambda c: c.name
)
def test_duck_arrays(case, rng):
    """As on a GPU: nothing leaves the device in value and gradient, of what CuPy has."""
    args = case.args(rng)
    weights = [rng.standard_normal(np.shape(y)) for y in leaves(case.call(*args))]
    try:
        case.call(*duck(args))
    except LeavesDevice as refusal:
        assert re.search(NOT_ON_DEVICES[case.function], str(refusal))
        return
    found = weighted(case.call, duck(weights))(*duck(args))
    for g, expected in zip(found, weighted(case.call, weights)(*args), strict=True):
        assert isinstance(g, DuckArray)
        np.testing.assert_allclose(host(g), expected, rtol=1e-12, atol=1e-13)
