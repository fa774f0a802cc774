"""Every function that opad covers: value, both modes, three orders, dtypes, batch axes, empty arrays."""

import numpy as np
import pytest

import opad
from opad.testing import check_derivative
from opad.tracing.primitives import COMPOSITES, RULES
from tests.tracing import registry_arrays, registry_functions, registry_special  # noqa: F401  add their entries
from tests.tracing.registry import CASES, name_of

ORDER = 3
CASES = list(CASES)
IDS = [case.name for case in CASES]
over_cases = pytest.mark.parametrize("case", CASES, ids=IDS)
over_complex_cases = pytest.mark.parametrize(
    "case", [c for c in CASES if c.complex], ids=[c.name for c in CASES if c.complex]
)


def leaves(value):
    return list(value) if isinstance(value, tuple | list) else [value]


def is_numpy(function):
    function = function[0] if isinstance(function, tuple) else function
    if isinstance(function, np.ufunc):  # those of scipy.special are tested with SciPy
        return getattr(np, function.__name__, None) is function
    module = getattr(function, "__module__", None) or ""
    return module.startswith("numpy")


def in_scope(function):
    module = getattr(function, "__module__", None) or ""
    return is_numpy(function) and not module.startswith(("numpy.linalg", "numpy.fft"))


def test_every_numpy_function_with_a_rule_has_an_entry():
    covered = {case.function for case in CASES}
    assert [name_of(f) for f in (*RULES, *COMPOSITES) if in_scope(f) and f not in covered] == []


@over_cases
def test_value_and_kind_are_those_of_numpy(case, rng):
    args = case.args(rng)
    expected = case.call(*args)
    value = opad.linearize(case.call, *args).value
    assert type(value) is type(expected)
    for y, e in zip(leaves(value), leaves(expected), strict=True):
        np.testing.assert_allclose(y, e, rtol=1e-14, atol=1e-14)
        assert np.shape(y) == np.shape(e)
        assert np.asarray(y).dtype == np.asarray(e).dtype


@over_cases
def test_derivatives(case, rng):
    """To third order: the remainder of the Taylor polynomial of order k falls like h^(k + 1), in both modes."""
    check_derivative(case.call, *case.args(rng), order=ORDER, raise_on_failure=True)


@over_complex_cases
def test_complex_derivatives(case, rng):
    check_derivative(case.call, *case.args(rng, complex), order=ORDER, raise_on_failure=True)


@over_cases
def test_single_precision_stays_single(case, rng):
    args = case.args(rng, np.float32)
    value, pullback = opad.vjp(case.call, *args)
    assert [np.asarray(y).dtype for y in leaves(value)] == [np.asarray(y).dtype for y in leaves(case.call(*args))]
    cotangents = [np.ones_like(y) for y in leaves(value)]
    for g in pullback(type(value)(cotangents) if isinstance(value, tuple | list) else cotangents[0]):
        assert g.dtype == np.float32
    _, tangent = opad.jvp(case.call, tuple(args), tuple(np.ones_like(x) for x in args))
    for t, y in zip(leaves(tangent), leaves(value), strict=True):
        assert t.dtype == np.asarray(y).dtype
    check_derivative(case.call, *args, order=1, step=0.02, raise_on_failure=True)


@over_cases
def test_batch_axes(case, rng):
    """All columns in one forward sweep = all rows in one back substitution = one column at a time."""
    args = case.args(rng)
    numbers = tuple(range(len(args)))
    by_columns = opad.jacobian(case.call, numbers, order="forward")(*args)
    by_rows = opad.jacobian(case.call, numbers, order="reverse")(*args)
    value = case.call(*args)
    if not isinstance(value, tuple | list):
        by_columns, by_rows, value = [by_columns], [by_rows], [value]
    for m, y in enumerate(value):
        for n, x in enumerate(args):
            np.testing.assert_allclose(by_columns[m][n], by_rows[m][n], rtol=1e-12, atol=1e-12)
            assert by_rows[m][n].shape == np.shape(y) + x.shape
    for n, x in enumerate(args):
        for index in list(np.ndindex(x.shape))[:4]:
            tangents = [np.zeros_like(a) for a in args]
            tangents[n][index] = 1.0
            column = leaves(opad.jvp(case.call, tuple(args), tuple(tangents))[1])
            for m, part in enumerate(column):
                np.testing.assert_allclose(by_columns[m][n][(..., *index)], part, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        np.sum, np.prod, np.exp, np.sqrt, np.cumsum, np.diff, np.sort, np.transpose, np.ravel, np.abs,
        lambda x: np.sum(x, axis=0), lambda x: x @ np.ones((3, 2)), lambda x: np.concatenate([x, np.ones((1, 3))]),
        lambda x: np.where(x > 0, x, 0.0), lambda x: x[:, [0, 1]], lambda x: x[x > 0], lambda x: np.reshape(x, (3, 0)),
        lambda x: np.einsum("ij,ij->j", x, x), lambda x: np.max(x, axis=1), lambda x: np.pad(x, 1), lambda x: x * 2.0,
        lambda x: np.broadcast_to(x, (2, 0, 3)), lambda x: np.stack([x, x]), lambda x: np.mean(x, axis=1),
        lambda x: x**2,
        lambda x: np.tile(x, 2), lambda x: np.roll(x, 1), lambda x: x - 1.0,
    ],
)  # fmt: skip
def test_empty_arrays(f):
    x = np.zeros((0, 3))
    value, pullback = opad.vjp(f, x)
    assert np.shape(value) == np.shape(f(x))
    (gradient,) = pullback(np.ones_like(value))
    assert gradient.shape == (0, 3)
    assert opad.jvp(f, (x,), (x,))[1].shape == np.shape(value)
    assert opad.jacobian(f)(x).shape == (*np.shape(value), 0, 3)
