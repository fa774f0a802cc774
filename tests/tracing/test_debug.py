"""opad.debug names the first operation that makes a NaN or an infinity, and its line."""

import sys
import threading

import numpy as np
import pytest

import opad
from opad.errors import NonFiniteError

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

X = np.array([0.0, 1.0])


def here(offset=0):
    return rf"\(.*test_debug\.py:{sys._getframe(1).f_lineno + offset}\)"


def negative_root(x):
    y = x - 0.5
    return np.sum(np.sqrt(y) * x)  # NaN


ROOT = here(-3)


def root_of_a_square(x):
    return np.sum(np.sqrt(x * x))  # NaN in the derivative alone


SQUARE = here(-3)
MODES = {
    "grad": lambda f, x: opad.grad(f)(x),
    "vjp": lambda f, x: opad.vjp(f, x)[1](1.0),
    "jvp": lambda f, x: opad.jvp(f, (x,), (np.ones_like(x),)),
    "jacobian": lambda f, x: opad.jacobian(f)(x),
    "hessian": lambda f, x: opad.hessian(f)(x),
    "grad of grad": lambda f, x: opad.grad(lambda x: np.sum(opad.grad(f)(x)))(x),
    "checkpoint": lambda f, x: opad.grad(opad.checkpoint(f))(x),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [1, 100_000])  # large results take other ways through the tape
def test_an_operation_of_the_program(mode, n):
    if "jac" in mode or "hess" in mode:
        n = 1
    name = r"checkpoint\(negative_root\) .*" if mode == "checkpoint" else r"numpy\.sqrt " + ROOT
    with opad.debug(), pytest.raises(NonFiniteError, match="^" + name + " has NaN in its result;"):
        MODES[mode](negative_root, np.tile(X, n))


@pytest.mark.parametrize("mode", ["grad", "vjp", "jacobian", "checkpoint"])
def test_a_block_of_the_back_substitution(mode):
    message = (
        r"the back substitution through numpy\.multiply "
        + SQUARE
        + " has NaN in its result, having received an infinity"
    )
    with opad.debug(), pytest.raises(NonFiniteError, match=message):
        MODES[mode](root_of_a_square, X)
    with (
        opad.debug(infs=True),
        pytest.raises(NonFiniteError, match=r"through numpy\.sqrt " + SQUARE + " has an infinity"),
    ):
        MODES[mode](root_of_a_square, X)


def test_a_block_of_the_forward_substitution():
    f, line = lambda x: np.sqrt(x), here()
    message = r"the forward substitution through numpy\.sqrt " + line + " has an infinity"
    with opad.debug(infs=True), pytest.raises(NonFiniteError, match=message):
        opad.jvp(f, (X,), (np.ones(2),))


@pytest.mark.parametrize("mode", ["hessian", "grad of grad"])
def test_a_block_that_is_differentiated_again(mode):
    """What the inner substitution computes belongs to the operation of the program."""
    message = r"numpy\.multiply, a part of numpy\.multiply, " + SQUARE
    with opad.debug(), pytest.raises(NonFiniteError, match=message):
        MODES[mode](root_of_a_square, X)


def test_the_solve_of_a_diagonal_block():
    def f(x):
        return np.sum(np.linalg.solve(np.diag(x), np.ones(2)))

    tiny = np.array([1e-200, 1.0])
    with opad.debug(infs=True), pytest.raises(NonFiniteError, match=r"back substitution through numpy\.linalg\.solve"):
        opad.grad(f)(tiny)


def test_nothing_is_raised_where_nothing_is_wrong():
    def f(x):
        z = np.zeros_like(x)
        z[0] = x[1]
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0)) + np.sum(np.where([True, False], x, -np.inf)[:1]) + z @ x

    with opad.debug(infs=True):
        found = [opad.grad(f)(X), opad.linearize(f, X).gradient()]
    with opad.debug():
        found.append(opad.jacobian(opad.grad(f))(X))
    for g, e in zip(found, (opad.grad(f)(X), opad.grad(f)(X), opad.jacobian(opad.grad(f))(X)), strict=True):
        np.testing.assert_array_equal(g, e)


def test_arguments_that_are_nan():
    with opad.debug(), pytest.raises(NonFiniteError, match=r"numpy\.multiply.*received NaN"):
        opad.grad(lambda x: np.sum(x * np.array([1.0, np.nan])))(X)
    with opad.debug(), pytest.raises(NonFiniteError, match=r"getitem.*NaN"):
        opad.grad(lambda x: x[0])(np.array([np.nan]))


def test_views_and_scalar_systems():
    def f(x):
        z = 1.0 * x
        row = z[:1]
        z[1] = 2.0
        return np.sum(row)

    with opad.debug(), pytest.raises(opad.OpadError, match="view"):
        opad.grad(f)(X)
    with opad.debug():
        system = opad.linearize(lambda x, y: np.sin(x) * y, 0.0, 3.0).scalar_system()
    np.testing.assert_array_equal(system.vjp(np.ones(1)), [3.0, 0.0])


def test_it_is_a_decorator_and_can_be_switched_off_inside():
    @opad.debug(infs=True)
    def checked(x):
        with opad.debug(nans=False):
            opad.grad(negative_root)(x)
        return opad.grad(negative_root)(x)

    with pytest.raises(NonFiniteError):
        checked(X)
    assert np.isnan(opad.grad(negative_root)(X)).any()


def test_other_threads_are_not_concerned():
    results = []
    with opad.debug():
        thread = threading.Thread(target=lambda: results.append(opad.grad(negative_root)(X)))
        thread.start()
        thread.join()
    assert np.isnan(results[0]).any()
