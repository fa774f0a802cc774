"""Every mirror that is differentiated: value, both modes, second order, dtypes, batch axes, compiled programs."""

import numpy as np
import pytest

import opad
import opad.scipy
from opad.scipy.mirrors import MIRRORS
from opad.testing import check_derivative
from opad.tracing.primitives import COMPOSITES, RULES
from tests.scipy import registry_linalg, registry_signal, registry_sparse, registry_special  # noqa: F401  add entries
from tests.scipy.registry import CASES

# SciPy's own estimate of the error, in single precision.
pytestmark = pytest.mark.filterwarnings("ignore:logm result may be inaccurate")
over_cases = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
COMPLEX = [case for case in CASES if case.complex]


def leaves(value):
    return list(value) if isinstance(value, tuple | list) else [value]


def test_every_mirror_with_a_derivative_has_an_entry():
    covered = {case.mirror for case in CASES}
    mirrors = [mirror for module in MIRRORS.values() for mirror in module.values()]
    missing = [m.__name__ for m in mirrors if (m in RULES or m in COMPOSITES) and m not in covered]
    assert missing == []


@over_cases
def test_value_and_kind_are_those_of_scipy(case, rng):
    for dtype in (float, np.float32, complex) if case.complex else (float, np.float32):
        args = case.args(rng, dtype)
        value, expected = opad.linearize(case.call, *args).value, case.call(*args)
        assert type(value) is type(expected)
        eps = np.finfo(dtype).eps
        for y, e in zip(leaves(value), leaves(expected), strict=True):
            assert np.shape(y) == np.shape(e)
            assert np.asarray(y).dtype == np.asarray(e).dtype
            np.testing.assert_allclose(y, e, rtol=1e3 * eps, atol=1e3 * eps)


@over_cases
def test_derivatives(case, rng):
    check_derivative(case.call, *case.args(rng), raise_on_failure=True)


@pytest.mark.parametrize("case", COMPLEX, ids=[case.name for case in COMPLEX])
def test_complex_derivatives(case, rng):
    check_derivative(case.call, *case.args(rng, complex), raise_on_failure=True)


@over_cases
def test_single_precision(case, rng):
    args = case.args(rng, np.float32)
    value, pullback = opad.vjp(case.call, *args)
    cotangents = [np.ones_like(y) for y in leaves(value)]
    gradients = pullback(type(value)(cotangents) if isinstance(value, tuple) else cotangents[0])
    assert [g.dtype for g in gradients] == [np.float32] * len(args)
    _, tangent = opad.jvp(case.call, tuple(args), tuple(np.ones_like(x) for x in args))
    assert [np.asarray(t).dtype for t in leaves(tangent)] == [np.asarray(y).dtype for y in leaves(value)]
    if case.single:
        check_derivative(case.call, *args, order=1, step=0.02, raise_on_failure=True)


@over_cases
def test_all_columns_are_all_rows(case, rng):
    args = case.args(rng)
    numbers = tuple(range(len(args)))
    by_columns = opad.jacobian(case.call, numbers, order="forward")(*args)
    by_rows = opad.jacobian(case.call, numbers, order="reverse")(*args)
    value = case.call(*args)
    for m in range(len(leaves(value))):
        for n in numbers:
            a, b = (J[m][n] if isinstance(value, tuple) else J[n] for J in (by_columns, by_rows))
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@over_cases
def test_compiled_gradients(case, rng):
    args, others = case.args(rng), case.args(rng)

    def loss(*args):
        return sum(np.sum(np.abs(y) ** 2) for y in leaves(case.call(*args)))

    gradient = opad.grad(loss, argnums=tuple(range(len(args))))
    compiled = opad.compile(gradient)
    for point in (args, others):
        for g, expected in zip(compiled(*point), gradient(*point), strict=True):
            np.testing.assert_allclose(g, expected, rtol=1e-9, atol=1e-9)
