"""The README's code runs as it stands, from top to bottom, and gives what it says."""

import contextlib
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What is defined after running all Python blocks of the README."""
    module = types.ModuleType("readme")  # a real module, so that its classes can be pickled
    sys.modules["readme"] = module
    with contextlib.chdir(tmp_path_factory.mktemp("readme")):  # it writes a file
        _run_blocks(module)
    yield vars(module)
    del sys.modules["readme"]


def _run_blocks(module):
    for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL):
        exec(block, vars(module))


def test_backpropagation_by_hand_equals_the_gradients(names):
    opad, network, point = names["opad"], names["network"], (names["W1"], names["W2"], names["x"])
    gradients = opad.grad(lambda *p: np.sum(network(*p)), argnums=(0, 1, 2))(*point)
    for block, gradient in zip(names["dp"], gradients, strict=True):
        np.testing.assert_allclose(block, gradient, rtol=1e-14, atol=1e-15)


def test_gradient_against_central_differences(names):
    W1, W2, x = names["W1"], names["W2"], names["x"]
    E = np.random.default_rng(1).standard_normal(W1.shape)

    def loss(t):
        return np.sum((W2 @ np.tanh((W1 + t * E) @ x)) ** 2)

    slope = (loss(1e-6) - loss(-1e-6)) / 2e-6
    assert np.vdot(names["gradient"], E) == pytest.approx(slope, rel=1e-8)


def test_operators_of_the_user(names):
    opad = names["opad"]
    opad.testing.check_operator(names["Blur"](4)).assert_ok()
    S = np.tri(3)
    J = opad.jacobian(lambda x: opad.apply(names["RunningSum"](3), x))(np.ones(3))
    np.testing.assert_array_equal(J, S)


def test_expm_against_the_block_triangular_identity(names):
    A, E = np.random.default_rng(2).standard_normal((2, 3, 3))
    block = names["scipy"].linalg.expm(np.block([[A, E], [np.zeros((3, 3)), A]]))
    np.testing.assert_allclose(names["opad"].jvp(names["expm"], (A,), (E,))[1], block[:3, 3:], rtol=1e-11)


def test_path_weights(names):
    opad, a, b, c, d = (names[k] for k in ("opad", "a", "b", "c", "d"))
    weights = opad.solve((opad.I - names["L"]).H, [0, 0, 0, 0, opad.I])
    assert list(weights)[:4] == [a * c * d, b * c * d, c * d, d]


def test_every_order_gives_the_same_jacobian(names):
    opad, f = names["opad"], names["bottleneck"]
    x = np.random.default_rng(3).standard_normal(500)
    reverse = opad.jacobian(f, order="reverse")(x)
    np.testing.assert_allclose(names["J"](x), reverse, rtol=1e-10, atol=1e-13 * abs(reverse).max())
    assert names["sparse"].nnz == 299_998


def test_compiled_gradient_equals_the_eager_one(names):
    opad, W, b, x = names["opad"], names["Ws"], names["bs"], np.ones((8, 1))
    eager = opad.grad(names["loss"], argnums=(0, 1))(W, b, x)
    for block, expected in zip(names["dW"] + names["db"], eager[0] + eager[1], strict=True):
        np.testing.assert_allclose(block, expected, rtol=1e-13, atol=1e-300)


def test_assignment_and_sparse_products(names):
    f, x, h = names["f"], np.array([1.0, 2.0, 3.0]), 1e-6
    columns = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(names["opad"].jacobian(f)(x), np.stack(columns, axis=1), atol=1e-8)


def test_gradient_of_a_flow_by_its_closed_form(names):
    """sum u = b^T A^-1 b with A = D^T diag(k) D has the gradient -(D u)^2 in k; u_i = i (n - i) / 2 at k = 1."""
    n = len(names["dflow"])
    u = np.arange(n + 1.0) * np.arange(n, -1.0, -1.0) / 2
    np.testing.assert_allclose(names["dflow"], -(np.diff(u) ** 2), rtol=1e-9, atol=1e-9 * n**2)


def test_logarithm_of_a_jordan_block(names):
    opad, jordan = names["opad"], names["jordan"]
    gradient = opad.grad(lambda A: np.trace(names["linalg"].logm(A)))(jordan)
    np.testing.assert_allclose(gradient, np.linalg.inv(jordan).T, atol=1e-14)
