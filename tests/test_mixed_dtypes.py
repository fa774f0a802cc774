"""Operands of several dtypes: a derivative has the digits and the dtype of what it is the derivative of."""

from functools import partial

import numpy as np
import pytest
import scipy.signal

import opad
import opad.scipy
from opad.errors import SingularBlockError, TracingError, UnsupportedArgumentError
from opad.tracing.elementwise import Elementwise
from opad.tracing.primitives import RULES
from tests.scipy.test_mirrors import CASES as MIRRORS
from tests.tracing.test_rules import CASES, leaves
from tests.tracing.test_rules_linalg import CASES as LINALG

MIXED = [(case.name, getattr(case, "call", None) or case.f, case) for case in (*CASES, *LINALG, *MIRRORS)]
MIXED = [row for row in MIXED if len(row[2].shapes) > 1]
INTEGERS = [np.bool_, np.int8, np.uint8, np.int16, np.uint64]
BINARY = [f for f, rule in RULES.items() if isinstance(rule, Elementwise) and isinstance(f, np.ufunc) and f.nin == 2]


def gradients(call, args, numbers):
    """Of a weighted sum of all results."""

    def loss(*args):
        weights = np.random.default_rng(0)
        return sum(np.sum(np.real(weights.standard_normal(np.shape(y)) * y)) for y in leaves(call(*args)))

    return opad.grad(loss, argnums=numbers)(*args)


def same_results(call, args, others):
    """Whether NumPy and SciPy compute in double precision with both."""
    try:
        pairs = list(zip(leaves(call(*args)), leaves(call(*others)), strict=True))
    except (TypeError, np.linalg.LinAlgError):  # np.putmask writes no double precision into single
        return False
    return all(
        np.asarray(y).dtype == np.asarray(z).dtype and np.allclose(y, z, rtol=1e-12, atol=1e-12) for y, z in pairs
    )


over_mixed = pytest.mark.parametrize(("call", "case"), [row[1:] for row in MIXED], ids=[row[0] for row in MIXED])


@over_mixed
def test_an_operand_in_single_precision(call, case, rng):
    """Derivatives in the others are those at the same point in double precision; its own is rounded."""
    args = [x.astype(np.float32).astype(float) for x in case.args(rng)]
    numbers = tuple(range(len(args)))
    for k, x in enumerate(args):
        mixed = [x.astype(np.float32) if j == k else other.copy() for j, other in enumerate(args)]
        if same_results(call, [x.copy() for x in args], mixed):
            expected, found = gradients(call, args, numbers), gradients(call, mixed, numbers)
            for j in numbers:
                assert found[j].dtype == mixed[j].dtype
                tolerance = 1e-5 if j == k else 1e-11
                np.testing.assert_allclose(found[j], expected[j], rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("ignore")  # the integers are not in all domains
@over_mixed
def test_an_operand_of_small_integers(call, case, rng):
    """The others have the derivatives that they have where the same numbers are in double precision."""
    drawn = case.args(rng)
    for k in range(len(drawn)):
        args = [np.abs(np.round(x)) + 1 if j == k else x for j, x in enumerate(drawn)]
        mixed = [x.astype(np.uint8) if j == k else x.copy() for j, x in enumerate(args)]
        others = tuple(j for j in range(len(args)) if j != k)
        if same_results(call, [x.copy() for x in args], [x.copy() for x in mixed]):
            with np.errstate(all="ignore"):
                try:
                    expected, found = gradients(call, args, others), gradients(call, mixed, others)
                except (TracingError, SingularBlockError):  # writing into plain arrays, integers of lower rank
                    continue
            for j, g, e in zip(others, found, expected, strict=True):
                assert g.dtype == drawn[j].dtype
                np.testing.assert_allclose(g, e, rtol=1e-11, atol=1e-11)


@pytest.mark.filterwarnings("ignore:floating point number truncated", "ignore:invalid value")  # not in all domains
@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("f", BINARY, ids=[f.__name__ for f in BINARY])
def test_an_operand_of_integers(f, position):
    """Narrow or without a sign: -b, b * b and log(b) of a uint8 b are not those of its number."""
    x, integers = np.array([0.3, 0.7, 1.5, 1.2]), np.array([1, 2, 3, 20])

    def call(x, n):
        return f(n, x) if position == 0 else f(x, n)

    for n in map(integers.astype, INTEGERS):
        single, of_x = x.astype(np.float32), partial(call, n=n)
        try:
            y, expected = of_x(single), gradients(partial(call, n=n.astype(float)), (x,), 0)
        except (TypeError, UnsupportedArgumentError):  # no integers are wanted, or nothing else
            continue
        np.testing.assert_allclose(gradients(of_x, (x,), 0), expected, rtol=1e-12, err_msg=n.dtype.name)
        assert gradients(of_x, (single,), 0).dtype == single.dtype
        assert opad.jvp(of_x, (single,), (single,))[1].dtype == y.dtype


def test_powers_of_negative_numbers_with_complex_exponents():
    """d base^p / dp = base^p log(base), be the base of a real dtype."""
    p = np.array([0.3 + 0.2j])
    expected = np.exp(p * np.log(-2 + 0j)) * np.log(-2 + 0j)
    for base in (-2, -2.0, np.float64(-2), np.int8(-2), np.array([-2.0]), np.array([-2.0], np.float32)):
        np.testing.assert_allclose(opad.jacobian(lambda p, b=base: b**p)(p)[0], expected, rtol=1e-13)


def test_the_average_of_small_integers_is_in_double_precision():
    """As NumPy computes it, though the weights are float32."""
    numbers, weights = np.array([1, 2, 4], np.uint8), np.array([0.5, 0.25, 0.25], np.float32)
    value, pullback = opad.vjp(lambda w: np.average(numbers, weights=w), weights)
    assert value.dtype == np.average(numbers, weights=weights).dtype == np.float64
    np.testing.assert_array_equal(pullback(1.0)[0], [-1, 0, 2])  # (numbers - their average) / the sum of the weights


def test_spectra_of_integers_and_the_sampling_points_of_a_gradient():
    """Integers are not the dtype of a window, nor of a difference."""
    y, counts = np.random.default_rng(0).standard_normal(32), np.arange(32) % 5
    value = opad.linearize(lambda y: opad.scipy.signal.csd(counts, y, nperseg=16)[1], y).value
    np.testing.assert_allclose(value, scipy.signal.csd(counts, y, nperseg=16)[1], rtol=1e-13)
    points = np.array([3, 1, 0], np.uint8)
    np.testing.assert_allclose(opad.jacobian(lambda f: np.gradient(f, points))(y[:3])[0], [0.5, -0.5, 0], rtol=1e-15)
    assert opad.grad(lambda h: np.gradient([1, 2, 4], h)[0])(0.5) == -4.0
