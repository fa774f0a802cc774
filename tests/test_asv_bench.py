"""The derivatives by hand that benchmarks compare with: against finite differences, and against opad."""

import numpy as np
import optree
import pytest

from asv_bench.benchmarks import workloads
from asv_bench.benchmarks.worker import check, leaves, make

WITH_LOSS = [name for name in workloads.NAMES if hasattr(workloads.load(name), "loss")]


def smallest(name):
    return name, workloads.load(name).SIZES[0], "float64"


@pytest.mark.parametrize("name", WITH_LOSS)
def test_gradient_by_hand_agrees_with_finite_differences(name):
    workload = workloads.load(name)
    parameters, data = workload.inputs(*smallest(name)[1:])
    gradient = workload.numpy_by_hand(parameters, *data)[1]()
    rng, h = np.random.default_rng(1), 1e-6
    direction = optree.tree_map(lambda leaf: rng.standard_normal(np.shape(leaf)), parameters)
    ahead, behind = (
        workload.loss(optree.tree_map(lambda x, d, s=s: x + s * h * d, parameters, direction), *data) for s in (1, -1)
    )
    expected = (ahead - behind) / (2 * h)
    found = sum(map(np.vdot, leaves(gradient), leaves(direction)))
    scale = np.sqrt(sum(np.vdot(g, g) for g in leaves(gradient)) * sum(np.vdot(d, d) for d in leaves(direction)))
    assert abs(found - expected) < 1e-7 * scale


@pytest.mark.parametrize("name", WITH_LOSS)
def test_value_by_hand_is_the_loss(name):
    workload = workloads.load(name)
    parameters, data = workload.inputs(*smallest(name)[1:])
    forward = workload.numpy_by_hand(parameters, *data)[0]
    assert np.isclose(forward(), workload.loss(parameters, *data), rtol=1e-10)


@pytest.mark.parametrize("name", WITH_LOSS)
@pytest.mark.parametrize("library", ["opad_eager", "opad_compiled"])
def test_opad_agrees_with_the_gradient_by_hand(name, library):
    by_hand = leaves(make("numpy_by_hand", *smallest(name))[1]())
    gradient = make(library, *smallest(name))[1]
    for _ in range(2):  # a recording, and a replay
        check(leaves(gradient()), by_hand, 1e-10)


def test_eager_adjoint_of_burgers_agrees_with_the_one_by_hand():
    gradients = [leaves(make(library, *smallest("burgers"))[1]()) for library in ("numpy_eager", "numpy_by_hand")]
    check(*gradients, 1e-10)


@pytest.mark.parametrize("library", ["numpy_by_hand", "opad_eager", "opad_compiled"])
def test_gauss_newton_step_solves_the_dense_least_squares_problem(library):
    workload = workloads.load("gauss_newton")
    x, data = workload.inputs(*smallest("gauss_newton")[1:])
    h, unit = 1e-6, np.eye(len(x))
    columns = [(workload.residual(x + h * e, *data) - workload.residual(x - h * e, *data)) / (2 * h) for e in unit]
    rhs = np.concatenate([-workload.residual(x, *data), np.zeros(len(x))])
    expected = np.linalg.lstsq(np.vstack([np.transpose(columns), unit]), rhs)[0]
    step = make(library, *smallest("gauss_newton"))[1]()
    assert np.linalg.norm(step - expected) < 1e-6 * np.linalg.norm(expected)


def test_every_workload_states_sizes_and_dtypes():
    for name in workloads.NAMES:
        workload = workloads.load(name)
        assert len(workload.SIZES) > 1 and "float64" in workload.DTYPES
        assert set(workload.DTYPES) <= {"float32", "float64"}
        assert "Sizes are (" in workload.__doc__ or "sizes are (" in workload.__doc__


def test_check_refuses_another_gradient():
    with pytest.raises(AssertionError, match="derivative 0 is off by"):
        check([np.ones(3)], [np.ones(3) + 1e-6], 1e-10)
