"""Complex arguments: the convention of `opad.grad`, against closed forms and, where it is installed, PyTorch."""

import numpy as np
import pytest

import opad
from opad.errors import EliminationOrderError, RealLinearError

Z = np.array([1.0 + 2.0j, -0.5 + 0.3j])
X = np.array([0.7, -1.3])

# loss(np-like module, z, x), its gradients in z and in x; g satisfies d loss = Re sum conj(g) dz
LOSSES = {
    "abs": (lambda m, z, x: (m.abs(z) * x).sum(), lambda z, x: (x * z / abs(z), abs(z))),
    "abs squared": (lambda m, z, x: (m.abs(z) ** 2 * x).sum(), lambda z, x: (2 * x * z, abs(z) ** 2)),
    "real": (lambda m, z, x: (m.real(z) ** 2 * x).sum(), lambda z, x: (2 * x * z.real + 0j, z.real**2)),
    "imag": (lambda m, z, x: (m.imag(z) ** 2 * x).sum(), lambda z, x: (2j * x * z.imag, z.imag**2)),
    "conj": (
        lambda m, z, x: m.real(m.conj(z) ** 2 * (1 + 3j) * x).sum(),
        lambda z, x: (2 * np.conj(z) * (1 + 3j) * x, (np.conj(z) ** 2 * (1 + 3j)).real),
    ),
    "angle": (lambda m, z, x: (m.angle(z) * x).sum(), lambda z, x: (1j * x * z / abs(z) ** 2, np.angle(z))),
    "holomorphic": (
        lambda m, z, x: m.real(m.exp(z) * x).sum(),
        lambda z, x: (np.conj(np.exp(z)) * x, np.exp(z).real),
    ),
    "mixed": (
        lambda m, z, x: m.real(m.sin(z * x)).sum(),
        lambda z, x: (np.conj(np.cos(z * x)) * x, (np.cos(z * x) * z).real),
    ),
    "real part of a real": (lambda m, z, x: (m.real(x * z) + x).sum(), lambda z, x: (x + 0j, z.real + 1)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_in_closed_form(name):
    loss, gradients = LOSSES[name]
    found = opad.grad(lambda z, x: loss(np, z, x), (0, 1))(Z, X)
    for g, expected, argument in zip(found, gradients(Z, X), (Z, X), strict=True):
        assert g.dtype == argument.dtype
        np.testing.assert_allclose(g, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_the_slope(name):
    """d loss(v, w) = Re <g_z, v> + <g_x, w>, by central differences and by the forward mode."""
    loss, f = LOSSES[name][0], lambda z, x: LOSSES[name][0](np, z, x)
    v, w, h = np.array([0.3 - 1.0j, 0.8 + 0.1j]), np.array([1.1, -0.4]), 1e-6
    gz, gx = opad.grad(f, (0, 1))(Z, X)
    slope = np.vdot(gz, v).real + gx @ w
    central = (loss(np, Z + h * v, X + h * w) - loss(np, Z - h * v, X - h * w)) / (2 * h)
    np.testing.assert_allclose(slope, central, rtol=1e-8)
    np.testing.assert_allclose(opad.jvp(f, (Z, X), (v, w))[1], slope, rtol=1e-13)
    fast = opad.compile(opad.grad(f, (0, 1)))
    for _ in range(2):
        np.testing.assert_allclose(fast(Z, X)[0], gz, rtol=1e-13)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_as_in_pytorch(name):
    torch = pytest.importorskip("torch", reason="a peer that continuous integration does not install")
    loss = LOSSES[name][0]
    z, x = (torch.tensor(a, requires_grad=True) for a in (Z, X))
    loss(torch, z, x).backward()
    found = opad.grad(lambda z, x: loss(np, z, x), (0, 1))(Z, X)
    for g, expected in zip(found, (z.grad, x.grad), strict=True):
        np.testing.assert_allclose(g, expected.resolve_conj().numpy(), rtol=1e-13, atol=1e-15)


def test_pullbacks_are_conjugate_transposes():
    J = np.array([[1 + 1j, 2.0], [0.5j, -1.0]])
    g, v = np.array([1.0 - 2j, 0.3j]), np.array([0.2, 1j])
    np.testing.assert_allclose(opad.vjp(lambda z: J @ z, Z)[1](g)[0], J.conj().T @ g)
    np.testing.assert_allclose(opad.jvp(lambda z: J @ z, (Z,), (v,))[1], J @ v)
    np.testing.assert_allclose(opad.vjp(lambda x: J @ x, X)[1](g)[0], (J.conj().T @ g).real)


def test_jacobians_of_holomorphic_functions():
    np.testing.assert_allclose(opad.jacobian(np.exp)(Z), np.diag(np.exp(Z)))
    for order in ("forward", "reverse", "markowitz"):
        np.testing.assert_allclose(opad.jacobian(lambda z: np.sin(z) ** 2, order=order)(Z), np.diag(np.sin(2 * Z)))


@pytest.mark.parametrize("order", ["auto", "forward"])
def test_jacobians_of_real_and_complex_arguments_together(order):
    """Columns of a complex argument: dF/dz; of a real one: the derivative in real directions."""
    in_z, in_x = opad.jacobian(lambda z, x: z * x, (0, 1), order=order)(Z, X)
    np.testing.assert_allclose(in_z, np.diag(X + 0j))
    np.testing.assert_allclose(in_x, np.diag(Z))
    p = opad.jacobian(lambda p: np.exp(p["z"]) * np.abs(p["x"]), order=order)({"z": Z, "x": X})
    np.testing.assert_allclose(p["z"], np.diag(np.exp(Z) * np.abs(X)))
    np.testing.assert_allclose(p["x"], np.diag(np.exp(Z) * np.sign(X)))
    np.testing.assert_allclose(opad.jacobian(lambda z, x: np.abs(z) * x, 1, order=order)(Z, X), np.diag(np.abs(Z)))
    matrix = opad.linearize(lambda z, x: z * x, Z, X).jacobian_matrix(order=order)
    np.testing.assert_allclose(matrix, np.hstack([np.diag(X + 0j), np.diag(Z)]))
    np.testing.assert_allclose(
        opad.linearize(lambda x: np.exp(1j * x), X).jacobian_matrix(order=order), np.diag(1j * np.exp(1j * X))
    )


def test_orders_that_give_no_matrix_are_refused():
    for order in ("reverse", "markowitz"):
        for f, arguments in ((lambda z, x: z * x, (Z, X)), (lambda x: 1j * x, (X,))):
            with pytest.raises(EliminationOrderError, match="'forward'"):
                opad.jacobian(f, tuple(range(len(arguments))), order=order)(*arguments)
            with pytest.raises(EliminationOrderError, match="'forward'"):
                opad.linearize(f, *arguments).jacobian_matrix(order=order)


@pytest.mark.parametrize("f", [np.abs, np.conj, np.real, np.imag, np.angle, lambda z: z * np.conj(z)])
def test_no_matrix_represents_a_real_linear_function(f):
    for make in (lambda: opad.jacobian(f)(Z), lambda: opad.linearize(f, Z).jacobian_matrix()):
        with pytest.raises(RealLinearError, match="only real-linear"):
            make()
    J = opad.jacobian_operator(f, Z).as_real().todense()  # acts on (real parts, imaginary parts)
    v = np.array([0.3 - 1.0j, 0.8 + 0.1j])
    tangent = opad.jvp(f, (Z,), (v,))[1]
    np.testing.assert_allclose(J @ np.concatenate([v.real, v.imag]), np.concatenate([tangent.real, tangent.imag]))
