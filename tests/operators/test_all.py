"""Every operator class in the registry: the properties of `check_operator`, and arrays that are not NumPy's."""

import copy

import numpy as np
import pytest
from duck import DuckArray, duck, host

import opad.operators
from opad.operators import Operator
from opad.operators.base import is_compound
from opad.testing import check_operator
from opad.testing.spaces import difference, draw
from operators.registry import BUILDERS

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


@pytest.fixture(params=BUILDERS)
def build(request):
    return BUILDERS[request.param]


@pytest.mark.parametrize("dtype", DTYPES)
def test_properties(build, dtype, rng):
    check_operator(build(rng, dtype)).assert_ok()


@pytest.mark.parametrize("dtype", DTYPES)
def test_arguments_of_lists_and_integers(build, dtype, rng):
    """A flat list of integers is a vector, as for NumPy."""
    op = build(rng, dtype)
    x = list(range(op.shape[1]))
    np.testing.assert_allclose(op.matvec(x), op.matvec(np.array(x, float)), rtol=1e-5, atol=1e-5)


def test_repr_names_the_class_and_the_shapes(build, rng):
    op = build(rng, np.float64)
    assert str(op.dims) in repr(op)
    assert "x".join(map(str, op.shape)) in repr(op)


ON_THE_HOST = (
    "SparseMultiply",
    "RealTransform",
    "HankelTransform",
    "Foreign",
    "sparse",
)


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("name", [name for name in BUILDERS if not any(word in name for word in ON_THE_HOST)])
def test_stays_on_the_device(name, batch, rng):
    """With duck data and duck arguments the results are duck arrays, and the same numbers."""
    dtype = np.complex128 if "RFFT" not in name else np.float64
    op = BUILDERS[name](rng, dtype)
    domain = np.float64 if name == "Cast to complex" or name.startswith("RFFT") else np.complex128
    X = draw(op.dims, domain, rng, batch)
    Y = op.apply(X)
    on_device = move_data(op)
    Z = on_device.apply(duck(X))
    assert all(isinstance(part, DuckArray) for part in (Z if is_compound(op.dimsd) else (Z,)))
    assert difference(host(Z), Y) < 1e-13
    W = on_device.apply_adjoint(duck(Y))
    assert all(isinstance(part, DuckArray) for part in (W if is_compound(op.dims) else (W,)))
    assert difference(host(W), op.apply_adjoint(Y)) < 1e-13


def move_data(value):
    """A copy of an operator with its arrays, but not its index arrays, as duck arrays."""
    if isinstance(value, np.ndarray):
        return duck(value) if value.dtype.kind in "fc" else value
    if isinstance(value, list):
        return list(map(move_data, value))
    if isinstance(value, Operator):
        moved = copy.copy(value)
        for name, part in vars(value).items():
            setattr(moved, name, move_data(part)) if name != "_dtype" else None
        return moved
    return value


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def test_every_operator_class_is_in_the_registry():
    rng = np.random.default_rng(0)
    built = {type(build(rng, np.float64)) for build in BUILDERS.values()}
    public = {cls for cls in subclasses(Operator) if cls.__module__.startswith("opad.operators.")}
    public = {cls for cls in public if cls.apply is not Operator.apply}  # bases such as Wrapper aside
    missing = public - built
    assert not missing, f"no builder in tests/operators/registry.py for {missing}"
    assert all(hasattr(opad.operators, cls.__name__) for cls in public)


def test_stacked_apply_agrees_with_numpy_matmul(rng):
    """The batch axes of apply are those of a gufunc."""
    B, X = rng.standard_normal((3, 4)), rng.standard_normal((5, 1, 4, 2))
    np.testing.assert_allclose(opad.operators.LeftMultiply(B, 2).apply(X), np.matmul(B, X), rtol=1e-13)
