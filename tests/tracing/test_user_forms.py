"""elementwise, linear, bilinear, jacobian_rule, Row, primitive and apply: functions and operators of the user's own."""

import math

import numpy as np
import pylops
import pytest
import scipy.sparse
import scipy.sparse.linalg

import opad
from opad.errors import ShapeError, TracingError, UnsupportedArgumentError
from opad.testing import check_derivative
from tests.tracing.test_rules import test_batch_axes as check_batch_axes


def check(f, *args, order=2):
    """Both modes, second order, and batch axes."""
    check_derivative(f, *args, order=order, raise_on_failure=True)

    class Fixed:
        call = staticmethod(f)

        @staticmethod
        def args(rng):
            return list(args)

    check_batch_axes(Fixed, None)


def test_elementwise(rng):
    @opad.primitive
    def softplus(x):
        out = np.empty_like(x)
        np.logaddexp(0.0, x, out=out)  # what a traced array would refuse
        return out

    opad.elementwise(softplus, lambda y, x: -np.expm1(-y))
    check(lambda x: softplus(2.0 * x), rng.standard_normal((2, 3)))
    assert opad.has_rule(softplus)


def test_elementwise_of_two_arguments_broadcasts(rng):
    @opad.primitive
    def scaled_sine(x, a):
        return a * np.sin(x)

    opad.elementwise(scaled_sine, lambda y, x, a: a * np.cos(x), lambda y, x, a: np.sin(x))
    check(scaled_sine, rng.standard_normal((2, 1)), rng.standard_normal(3))
    np.testing.assert_allclose(opad.grad(lambda x: np.sum(scaled_sine(x, 2.0)))(np.zeros(2)), [2.0, 2.0])


def test_elementwise_on_python_floats():
    @opad.primitive
    def area(radius):
        return math.pi * radius**2

    opad.elementwise(area, lambda y, r: 2 * math.pi * r)
    assert opad.grad(area)(1.0) == 2 * math.pi
    assert opad.grad(opad.grad(area))(1.0) == 2 * math.pi
    assert area(1.0) == math.pi


@pytest.mark.parametrize("batched", [False, True])
def test_linear(rng, batched):
    @opad.primitive
    def every(x, step=2):
        return x[..., ::step]

    def spread(g, x, step=2):
        z = np.zeros(g.shape[: g.ndim - 1] + x.shape)
        z[..., ::step] = g
        return z

    opad.linear(every, adjoint=spread, batched=batched)
    check(lambda x: every(x**2), rng.standard_normal(5), order=1)
    check(lambda x: every(x**2, step=3), rng.standard_normal(5), order=1)


@pytest.mark.parametrize("batched", [False, True])
def test_bilinear(rng, batched):
    @opad.primitive
    def weigh(a, b):
        return a * b

    opad.bilinear(weigh, left=lambda g, a, b: g * b, right=lambda g, a, b: g * a, batched=batched)
    check(weigh, rng.standard_normal(4), rng.standard_normal(4))
    check(lambda x: weigh(x, x), rng.standard_normal(4))


def test_jacobian_rule_accepts_whatever_is_an_operator(rng):
    matrix = rng.standard_normal((3, 4))
    forms = [
        matrix,
        scipy.sparse.csr_array(matrix),
        scipy.sparse.linalg.aslinearoperator(matrix),
        pylops.MatrixMult(matrix),
        opad.operators.LeftMultiply(matrix, 1),
    ]
    for form in forms:

        @opad.primitive
        def product(x):
            return matrix @ x

        @opad.jacobian_rule(product)
        def _(y, x, form=form):
            return opad.as_operator(form, (4,), (3,)) if isinstance(form, opad.Operator) else form

        x = rng.standard_normal(4)
        np.testing.assert_allclose(opad.jacobian(product, order="forward")(x), matrix)
        np.testing.assert_allclose(opad.jacobian(product, order="reverse")(x), matrix)
        check_derivative(lambda x, product=product: product(np.sin(x)), x, raise_on_failure=True)


def test_jacobian_rule_with_keywords_and_arguments_without_influence(rng):
    @opad.primitive
    def shifted(x, unused, *, power=2):
        return x**power

    @opad.jacobian_rule(shifted)
    def _(y, x, unused, *, power=2):
        return opad.operators.Hadamard(power * x ** (power - 1)), None

    x = rng.standard_normal(3)
    check(lambda x: shifted(x, x, power=3), x)
    np.testing.assert_allclose(opad.grad(lambda x: np.sum(shifted(x, x)))(x), 2 * x)
    with pytest.raises(UnsupportedArgumentError, match="bogus"):
        opad.grad(lambda x: np.sum(shifted(x, x, bogus=1)))(x)
    with pytest.raises(UnsupportedArgumentError, match="3 positional"):
        opad.grad(lambda x: np.sum(shifted(x, x, 3)))(x)


def test_jacobian_rule_of_a_function_with_several_results(rng):
    @opad.primitive
    def sine_and_cosine(x):
        return np.sin(x), np.cos(x)

    class Both(opad.Operator):
        def __init__(self, x):
            self.x = x
            self.dims = x.shape
            self.dimsd = (x.shape, x.shape)

        def apply(self, X):
            return np.cos(self.x) * X, -np.sin(self.x) * X

        def apply_adjoint(self, Y):
            return np.cos(self.x) * Y[0] - np.sin(self.x) * Y[1]

    opad.jacobian_rule(sine_and_cosine, multiple=True)(lambda y, x: Both(x))
    x = rng.standard_normal(3)
    check(lambda x: sine_and_cosine(x)[0] * sine_and_cosine(x)[1], x)
    np.testing.assert_allclose(opad.grad(lambda x: np.sum(sine_and_cosine(2 * x)[1]))(x), -2 * np.sin(2 * x))


def test_a_row_with_a_diagonal_block(rng):
    """x^3 + x = p, solved by Newton's method: (3 x^2 + 1) dx = dp, whatever the iteration was."""
    calls = []

    @opad.primitive
    def root(p):
        calls.append(1)
        x = np.zeros_like(p)
        for _ in range(60):
            x = x - (x**3 + x - p) / (3 * x**2 + 1)
        return x

    class Diagonal(opad.operators.Hadamard):
        def solve(self, Y):
            return Y / self.M

        solve_adjoint = solve

    opad.jacobian_rule(root)(lambda x, p: opad.Row(Diagonal(3 * x**2 + 1), (opad.operators.Identity(p.shape),)))
    p = rng.standard_normal(4)
    x = root(p)
    np.testing.assert_allclose(opad.grad(lambda p: np.sum(root(p)))(p), 1 / (3 * x**2 + 1))
    check(lambda p: np.sin(root(p) * 2.0), p)
    L, D = opad.linearize(lambda p: root(2.0 * p), p).system
    dx = opad.solve(opad.I - L, D @ [np.ones(4)])
    np.testing.assert_allclose(dx[-1], 2 / (3 * root(2 * p) ** 2 + 1))


DIAGONALS = {
    "dense": lambda S: S,
    "sparse": scipy.sparse.csr_array,
    "SciPy": scipy.sparse.linalg.aslinearoperator,
    "operator": lambda S: opad.as_operator(S) + 0.0 * opad.as_operator(S),
}


@pytest.mark.parametrize("kind", DIAGONALS)
@pytest.mark.parametrize("shape", [(4,), (2, 2)])
def test_a_diagonal_block_without_a_solve_of_its_own(kind, shape, rng):
    """x = tanh(W x + p): (I - diag(s) W) dx = s dp with s = 1 - x^2, S dense, sparse, or an operator."""
    W = rng.standard_normal((4, 4)) / 5

    def iterate(p, steps=60):
        x = p * 0
        for _ in range(steps):
            x = np.tanh((W @ x.reshape(4)).reshape(shape) + p)
        return x

    @opad.primitive
    def fixed_point(p):
        return iterate(p)

    @opad.jacobian_rule(fixed_point)
    def _(x, p):
        s = 1 - x**2
        S = np.eye(4) - s.reshape(4, 1) * W
        return opad.Row(S if kind == "dense" else DIAGONALS[kind](S), [opad.operators.Hadamard(s)])

    p = rng.standard_normal(shape)
    np.testing.assert_allclose(opad.jacobian(fixed_point)(p), opad.jacobian(iterate)(p), rtol=1e-10, atol=1e-12)
    L, D = opad.linearize(fixed_point, p).system
    dx = opad.solve(opad.I - L, D @ [np.ones(shape)])[-1]
    np.testing.assert_allclose(dx, opad.jvp(iterate, (p,), (np.ones(shape),))[1], rtol=1e-10)
    if kind in ("dense", "operator"):  # the others hold plain numbers only
        check(fixed_point, p)
        compiled = opad.compile(opad.jacobian(fixed_point))
        for q in (p, p + 0.1):
            np.testing.assert_allclose(compiled(q), opad.jacobian(fixed_point)(q), rtol=1e-12, atol=1e-14)


def test_a_singular_diagonal_block_is_named():
    @opad.primitive
    def stuck(p):
        return p

    opad.jacobian_rule(stuck)(lambda x, p: opad.Row(scipy.sparse.csr_array((2, 2)), [np.eye(2)]))
    with pytest.raises(opad.errors.SingularBlockError, match="the diagonal block of stuck cannot be solved"):
        opad.grad(lambda p: np.sum(stuck(p)))(np.ones(2))


class Reverse(opad.Operator):
    """A user-defined operator in ten lines."""

    def __init__(self, n):
        self.dims = self.dimsd = (n,)

    def apply(self, X):
        return X[..., ::-1]

    apply_adjoint = apply


class Doubling(pylops.LinearOperator):
    """A user-defined PyLops operator."""

    def __init__(self, n):
        super().__init__(dtype=np.dtype(float), shape=(2 * n, n))

    def _matvec(self, x):
        return np.concatenate([x, 3 * x])

    def _rmatvec(self, y):
        n = len(y) // 2
        return y[:n] + 3 * y[n:]


OPERATORS = {
    "own": lambda: Reverse(6),
    "user-defined PyLops": lambda: Doubling(6),
    "PyLops": lambda: pylops.Smoothing1D(3, 6),
    "PyLops with two axes": lambda: pylops.FirstDerivative((2, 3), axis=1),
    "SciPy": lambda: scipy.sparse.linalg.aslinearoperator(np.arange(12.0).reshape(2, 6)),
    "dense": lambda: np.arange(12.0).reshape(2, 6),
    "sparse": lambda: scipy.sparse.random_array((4, 6), density=0.5, rng=np.random.default_rng(0)),
    "splu(A).solve": lambda: (
        scipy.sparse.linalg.splu(scipy.sparse.csc_array(np.diag(np.arange(2.0, 8)) + np.eye(6, k=2))).solve
    ),
    "adjoint": lambda: Doubling(3).H,
    "sum": lambda: Reverse(6) + 2 * Reverse(6) @ Reverse(6),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("shape", [(6,), (2, 3)])
def test_apply(name, shape, rng):
    op = OPERATORS[name]()
    dims = tuple(opad.as_operator(op).dims)
    x = rng.standard_normal(dims if len(dims) == len(shape) else 6)
    matrix = opad.as_operator(op).todense()

    def f(x):
        return opad.apply(op, np.sin(x))

    np.testing.assert_allclose(np.ravel(f(x)), matrix @ np.ravel(np.sin(x)))
    expected = matrix * np.cos(np.ravel(x))
    for order in ("forward", "reverse"):
        jacobian = opad.jacobian(f, order=order)(x)
        np.testing.assert_allclose(jacobian.reshape(expected.shape), expected, atol=1e-14)
    check_derivative(f, x, raise_on_failure=True)


def test_apply_names_wrong_shapes():
    with pytest.raises(ShapeError, match=r"6.*5|5.*6"):
        opad.grad(lambda x: np.sum(opad.apply(Reverse(6), x)))(np.ones(5))


def test_apply_of_an_operator_that_holds_traced_arrays(rng):
    x, A = rng.standard_normal((3, 2)), rng.standard_normal((2, 3))

    def f(A, x):
        return np.sum(opad.apply(opad.operators.LeftMultiply(A, 2), x) ** 2)

    for g, e in zip(
        opad.grad(f, (0, 1))(A, x), opad.grad(lambda A, x: np.sum((A @ x) ** 2), (0, 1))(A, x), strict=True
    ):
        np.testing.assert_allclose(g, e)
    check_derivative(f, A, x, raise_on_failure=True)


def test_a_primitive_that_reaches_for_a_traced_array_is_refused():
    def f(x):
        @opad.primitive
        def captures(y):
            return x * y

        opad.elementwise(captures, lambda z, y: y)
        return captures(x)

    with pytest.raises(TracingError, match=r"captures used a traced array.*argument"):
        opad.grad(f)(2.0)


class Twice(opad.Operator):
    """x -> (s x, 2 s x)."""

    def __init__(self, s, n):
        self.s = s
        self.dims, self.dimsd = (n,), ((n,), (n,))

    def apply(self, X):
        return self.s * X, 2 * self.s * X

    def apply_adjoint(self, Y):
        return self.s * Y[0] + 2 * self.s * Y[1]


@opad.primitive
def combined(a, b):
    return a + 3 * b, 2 * a + 6 * b


@opad.jacobian_rule(combined, multiple=True)
def _(y, a, b):
    return Twice(1.0, a.size), Twice(3.0, b.size)


def test_several_results_of_several_arguments():
    """Tangents of both arguments add up in every part of the result."""

    def f(a, b):
        first, second = combined(np.sin(a), b)
        return first * second

    a, b = np.array([0.3, 0.4]), np.array([0.5, 0.6])
    check_derivative(f, a, b, raise_on_failure=True)
    for order in ("forward", "reverse", "markowitz"):
        of_a, of_b = opad.jacobian(f, (0, 1), order=order)(a, b)
        np.testing.assert_allclose(of_a, np.diag(4 * (np.sin(a) + 3 * b) * np.cos(a)))
        np.testing.assert_allclose(of_b, np.diag(12 * (np.sin(a) + 3 * b)))
    np.testing.assert_allclose(opad.linearize(f, a, b).jacobian.todense()[:, 2:], of_b)
