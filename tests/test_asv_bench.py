"""Benchmarks: derivatives by hand against finite differences and opad; ratios, protocol, page."""

import numpy as np
import optree
import pytest

from asv_bench.benchmarks import workloads
from asv_bench.benchmarks.protocol import AA, FORWARD, environment, measure
from asv_bench.benchmarks.ratios import BEST, best_library, mean_ratio, ratio
from asv_bench.benchmarks.worker import check, leaves, make
from asv_bench.page import write_page
from asv_bench.picture import draw, over_best
from asv_bench.report import COLUMNS


def smallest(name):
    return name, workloads.load(name).SIZES[0], "float64"


@pytest.mark.parametrize("name", workloads.WITH_LOSS)
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


@pytest.mark.parametrize("name", workloads.WITH_LOSS)
def test_value_by_hand_is_the_loss(name):
    workload = workloads.load(name)
    parameters, data = workload.inputs(*smallest(name)[1:])
    forward = workload.numpy_by_hand(parameters, *data)[0]
    assert np.isclose(forward(), workload.loss(parameters, *data), rtol=1e-10)


@pytest.mark.parametrize("name", workloads.WITH_LOSS)
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


def measurement(**seconds):
    """What `protocol.measure` returns, with these times."""
    times = {"opad_eager": [4.0, 4.0], AA: [4.0, 5.0], FORWARD: [1.0, 1.0]} | seconds
    nothing = {"torch_compile": "unrolls the loop"}
    return {"seconds": times, "first": dict.fromkeys(times, 0.5), "versions": {}, "unavailable": nothing, "failed": {}}


def test_ratios_are_medians_over_rounds_and_the_best_library_differentiates():
    measured = measurement(
        opad_compiled=[1.0, 3.0], numpy_by_hand=[0.5, 0.5], torch_eager=[4.0, 4.0], jax_jit=[1.0, 2.0]
    )
    assert best_library(measured) == "jax_jit"
    assert ratio(measured, "opad_compiled", "torch_eager") == 0.5
    assert ratio(measured, "opad_compiled", BEST) == ratio(measured, "opad_compiled", "jax_jit") == 1.25
    assert ratio(measured, "opad_eager", FORWARD) == 4
    assert np.isnan(ratio(measured, "opad_compiled", "torch_compile"))


def test_mean_ratio_counts_every_workload_once():
    slow, fast = measurement(jax_jit=[1.0, 1.0]), measurement(jax_jit=[16.0, 16.0])
    assert mean_ratio([("lstm", slow), ("lstm", slow), ("burgers", fast)], "opad_eager", "jax_jit") == pytest.approx(1)


def test_page_has_tables_plots_and_reasons(tmp_path):
    measured = measurement(opad_compiled=[1.0, 1.0], jax_jit=[0.5, 0.5])
    cells = [{"workload": "burgers", "size": [200, 50], "dtype": "float64", "measured": measured}]
    text = write_page(tmp_path / "index.html", {"machine": "1 x CPU"}, cells, COLUMNS).read_text()
    assert text.count("<svg") == 1 and "http-equiv" not in text and "<script" not in text
    assert ">2.00</td>" in text and "unrolls the loop" in text and "1 x CPU" in text
    assert "2 times the best library" in text


def test_picture_shows_times_over_the_best_other_library(tmp_path):
    measured = measurement(opad_compiled=[1.0, 1.0], jax_jit=[0.5, 0.5], torch_eager=[2.0, 2.0])
    assert [over_best(measured, name) for name in ("jax_jit", "opad_compiled", "torch_eager")] == [1, 2, 4]
    assert np.isnan(over_best(measured, "autograd_eager"))
    cells = [{"workload": "burgers", "size": [200, 50], "dtype": "float64", "measured": measured}]
    assert draw(tmp_path / "speed.png", cells, {"machine": "1 x CPU, Linux"}).read_bytes().startswith(b"\x89PNG")


def test_libraries_choose_their_kernels_unless_pins_are_kept(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert "OPENBLAS_CORETYPE" not in environment(1)
    assert environment(2, keep_pins=True)["OPENBLAS_CORETYPE"] == "Haswell"
    assert environment(2)["OPENBLAS_NUM_THREADS"] == environment(2)["OMP_NUM_THREADS"] == "2"


def test_measure_times_every_process_and_reports_what_is_unavailable():
    measured = measure("scalar_recurrence", (10,), "float64", ["opad_eager", "numpy_by_hand"], rounds=2, repeats=1)
    assert set(measured["seconds"]) == {"opad_eager", "numpy_by_hand", AA, FORWARD}
    assert all(len(times) == 2 and min(times) > 0 for times in measured["seconds"].values())
    assert measured["failed"] == {} and measured["versions"]["numpy_by_hand"] == np.__version__
