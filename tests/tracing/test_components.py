"""Variables that are tuples of arrays: the algebra of their blocks, and rules with several arguments and results."""

import numpy as np
import pytest

import opad
from opad.operators import Adjoint
from opad.testing import check_derivative
from opad.tracing.components import Component, Pack

TEMPLATES = (np.zeros(2), np.zeros((3, 1)))


@pytest.mark.parametrize("make", [lambda op: 3 * op, lambda op: -op, lambda op: op + 2 * op, lambda op: op.T])
@pytest.mark.parametrize(
    "op", [Component(TEMPLATES, 0), Component(TEMPLATES, 1), Pack(TEMPLATES, 0), Pack(TEMPLATES, 1)]
)
def test_algebra_of_selections(op, make):
    """Multiples, sums and transposes, also on what the sweep has in place of tuples."""
    combined, matrix = make(op), make(op.todense())
    np.testing.assert_array_equal(combined.todense(), matrix)
    np.testing.assert_array_equal(Adjoint(combined).todense(), matrix.T)
    twice = Adjoint(combined) @ combined
    np.testing.assert_array_equal(twice.todense(), matrix.T @ matrix)


def make_primitive(operator):
    """(a, b) -> (a b, a + b, sum(a)), whose rule states blocks of the given kind."""

    @opad.primitive
    def both(a, b):
        return a * b, a + b, np.sum(a)

    @opad.jacobian_rule(both, multiple=True)
    def _(y, a, b):
        return operator(a, b, 1.0), operator(b, a, 0.0)

    return both


class Blocks(opad.Operator):
    """dx -> (other dx, dx, c sum(dx))."""

    def __init__(self, x, other, c):
        self.other, self.c = other, c
        self.dims, self.dimsd = x.shape, (x.shape, x.shape, ())

    def apply(self, X):
        return self.other * X, X, self.c * np.sum(X, axis=-1)

    def apply_adjoint(self, Y):
        first, second, total = Y
        return self.other * first + second + self.c * np.expand_dims(total, -1)


def functions(x, other, c):
    return opad.FunctionOperator(
        lambda X: (other * X, X, c * np.sum(X)),
        lambda Y: other * Y[0] + Y[1] + c * Y[2],
        dims=x.shape,
        dimsd=(x.shape, x.shape, ()),
    )


@pytest.mark.parametrize("operator", [Blocks, functions])
def test_a_rule_with_several_arguments_and_results(operator, rng):
    both = make_primitive(operator)
    a, b = rng.standard_normal((2, 4))

    def f(a, b):
        product, total, number = both(a, np.sin(b))
        return np.sum(product * total) * number

    def plain(a, b):
        return np.sum(a * np.sin(b) * (a + np.sin(b))) * np.sum(a)

    for found, expected in zip(opad.grad(f, (0, 1))(a, b), opad.grad(plain, (0, 1))(a, b), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    tangents = (np.ones(4), 2 * np.ones(4))
    np.testing.assert_allclose(opad.jvp(f, (a, b), tangents)[1], opad.jvp(plain, (a, b), tangents)[1], rtol=1e-12)
    for order in ("forward", "reverse", "markowitz"):
        table = opad.jacobian(lambda a, b: both(a, b), (0, 1), order=order)(a, b)
        expected = [[np.diag(b), np.diag(a)], [np.eye(4), np.eye(4)], [np.ones(4), np.zeros(4)]]
        for row, wanted in zip(table, expected, strict=True):
            for block, e in zip(row, wanted, strict=True):
                np.testing.assert_allclose(block, e, atol=1e-14)
    np.testing.assert_allclose(opad.grad(lambda a: f(a, a))(a), opad.grad(lambda a: plain(a, a))(a), rtol=1e-12)
    check_derivative(f, a, b, raise_on_failure=True)
