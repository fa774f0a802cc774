"""Operands of several dtypes: a derivative has the digits and the dtype of what it is the derivative of."""

from functools import partial

import numpy as np
import pytest

import opad
from opad.errors import UnsupportedArgumentError
from opad.tracing.elementwise import Elementwise
from opad.tracing.primitives import RULES
from tests.tracing.test_rules import CASES, leaves

MIXED = [case for case in CASES if len(case.shapes) > 1]
INTEGERS = [np.bool_, np.int8, np.uint8, np.int16, np.uint64]
BINARY = [f for f, rule in RULES.items() if isinstance(rule, Elementwise) and isinstance(f, np.ufunc) and f.nin == 2]


def gradients(call, args, numbers):
    """Of a weighted sum of all results."""

    def loss(*args):
        weights = np.random.default_rng(0)
        return sum(np.sum(np.real(weights.standard_normal(np.shape(y)) * y)) for y in leaves(call(*args)))

    return opad.grad(loss, argnums=numbers)(*args)


def same_results(call, args, others):
    """Whether NumPy computes in double precision with both."""
    try:
        pairs = list(zip(leaves(call(*args)), leaves(call(*others)), strict=True))
    except TypeError:  # np.putmask writes no double precision into single
        return False
    return all(np.asarray(y).dtype == np.asarray(z).dtype and np.allclose(y, z, rtol=1e-14, atol=0) for y, z in pairs)


@pytest.mark.parametrize("case", MIXED, ids=[case.name for case in MIXED])
def test_an_operand_in_single_precision(case, rng):
    """Derivatives in the others are those at the same point in double precision; its own is rounded."""
    args = [x.astype(np.float32).astype(float) for x in case.args(rng)]
    for k, x in enumerate(args):
        mixed = [x.astype(np.float32) if j == k else other.copy() for j, other in enumerate(args)]
        if same_results(case.call, [x.copy() for x in args], mixed):
            numbers = tuple(range(len(args)))
            expected, found = gradients(case.call, args, numbers), gradients(case.call, mixed, numbers)
            for j in numbers:
                assert found[j].dtype == mixed[j].dtype
                tolerance = 1e-6 if j == k else 1e-13
                np.testing.assert_allclose(found[j], expected[j], rtol=tolerance, atol=tolerance)


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
