"""grad and value_and_grad: structure, dtypes, freshness, complex conventions, errors."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import optree
import pytest
import sympy

import opad
from opad.errors import DtypeError, NonScalarOutputError, OpadError, StructureError

X = np.array([[0.3, -0.7], [1.1, 0.4]])


def test_closed_forms():
    A = np.array([[2.0, 1.0], [0.5, 3.0]])
    np.testing.assert_allclose(opad.grad(lambda X: np.sum(X**2))(X), 2 * X)
    np.testing.assert_allclose(opad.grad(lambda X: np.trace(A @ X @ X))(X), A.T @ X.T + X.T @ A.T)
    x = np.array([1.0, -2.0])
    np.testing.assert_allclose(opad.grad(lambda x: x @ A @ x)(x), (A + A.T) @ x)
    np.testing.assert_allclose(opad.grad(lambda A: x @ A @ x)(A), np.outer(x, x))


def test_against_symbolic_derivatives():
    a, b = sympy.symbols("a b")
    f = sympy.log(a) + a * b - sympy.sin(b) + sympy.exp(a / b) / (1 + sympy.tanh(a * b) ** 2)
    point = {a: 2.0, b: 5.0}
    numeric = sympy.lambdify((a, b), f, "numpy")
    expected = [float(f.diff(v).subs(point)) for v in (a, b)]
    np.testing.assert_allclose(opad.grad(numeric, (0, 1))(2.0, 5.0), expected, rtol=1e-14)
    second = [float(f.diff(a).diff(v).subs(point)) for v in (a, b)]
    np.testing.assert_allclose(opad.grad(opad.grad(numeric), (0, 1))(2.0, 5.0), second, rtol=1e-13)
    third = float(f.diff(a).diff(b).diff(a).subs(point))
    nested = opad.grad(opad.grad(opad.grad(numeric, 0), 1), 0)
    np.testing.assert_allclose(nested(2.0, 5.0), third, rtol=1e-12)


def test_argnums():
    def f(x, y, z=2.0):
        return np.sum(x * y) * z

    x, y = np.ones(2), np.array([3.0, 4.0])
    np.testing.assert_array_equal(opad.grad(f)(x, y), 2 * y)
    np.testing.assert_array_equal(opad.grad(f, 1)(x, y, z=3.0), 3 * x)
    np.testing.assert_array_equal(opad.grad(f, -1)(x, y), 2 * x)
    np.testing.assert_array_equal(opad.grad(f, np.int64(1))(x, y), 2 * x)
    both = opad.grad(f, (1, 0))(x, y)
    assert type(both) is tuple
    np.testing.assert_array_equal(both[1], 2 * y)
    assert type(opad.grad(f, (0,))(x, y)) is tuple
    for wrong in (5, (0, 7), -4):
        with pytest.raises(StructureError, match=r"argnums.*called with 2 positional"):
            opad.grad(f, wrong)(x, y)
    with pytest.raises(StructureError, match="twice"):
        opad.grad(f, (0, -2))(x, y)


def test_value_and_grad_and_aux():
    def f(x):
        return np.sum(x**2), {"twice": 2 * x, "name": "f", "shape": x.shape}

    (value, aux), gradient = opad.value_and_grad(f, has_aux=True)(X)
    assert value == np.sum(X**2) and aux["name"] == "f" and type(aux["twice"]) is np.ndarray
    np.testing.assert_array_equal(gradient, 2 * X)
    gradient, aux = opad.grad(f, has_aux=True)(X)
    np.testing.assert_array_equal(aux["twice"], 2 * X)
    with pytest.raises(StructureError, match=r"has_aux=True.*pair"):
        opad.grad(np.sum, has_aux=True)(X)
    inner = opad.grad(lambda x: np.sum(opad.grad(f, has_aux=True)(x)[1]["twice"] * x))(X)
    np.testing.assert_array_equal(inner, 4 * X)


def test_pytrees():
    parameters = {"W": X, "b": [np.ones(2), 3.0], "c": (np.float32(2.0), None), "d": {}}

    def f(p):
        return np.sum(p["W"] @ p["b"][0]) * p["b"][1] + p["c"][0] ** 2

    gradient = opad.grad(f)(parameters)
    assert type(gradient["b"]) is list and type(gradient["c"]) is tuple and gradient["d"] == {}
    assert gradient["c"][1] is None
    assert type(gradient["b"][1]) is float and gradient["b"][1] == pytest.approx(np.sum(X))
    assert gradient["c"][0] == 4.0 and gradient["c"][0].dtype == np.float32
    np.testing.assert_allclose(gradient["W"], 3 * np.ones((2, 2)))


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (2.0, float), (1 + 2j, complex), (np.float64(2.0), np.float64), (np.float32(2.0), np.float32),
        (np.array(2.0), np.ndarray), (np.array(2.0, np.float32), np.ndarray), (np.array([2.0]), np.ndarray),
        (np.array([[2.0 + 1j]], np.complex64), np.ndarray),
    ],
)  # fmt: skip
def test_a_gradient_is_of_the_kind_of_its_argument(x, kind):
    functions = lambda x: np.sum(np.abs(x) ** 2), lambda x: 0.0, lambda x: np.sum(np.real(x)), lambda x: x.real.sum()
    for f in functions:
        gradient = opad.grad(f)(x)
        assert type(gradient) is kind, f
        assert np.shape(gradient) == np.shape(x)
        assert np.asarray(gradient).dtype == np.asarray(x).dtype


def test_mixed_precision_gives_each_argument_its_own():
    x, y = np.ones(3, np.float32), np.ones(3)
    gx, gy = opad.grad(lambda x, y: np.sum(x * y) + np.sum(x @ y), (0, 1))(x, y)
    assert gx.dtype == np.float32 and gy.dtype == np.float64
    z = np.ones(3, complex)
    gx, gz = opad.grad(lambda x, z: np.sum(np.abs(x * z) ** 2), (0, 1))(x, z)
    assert gx.dtype == np.float32 and gz.dtype == np.complex128


ALIASES = {
    "identity": lambda x, y: (x * 1.0)[0, 0] * 0 + np.sum(x) + np.sum(y),
    "shared cotangent": lambda x, y: np.sum(x + y),
    "reshaped": lambda x, y: np.sum(x.reshape(-1) * y.ravel()),
    "transposed": lambda x, y: np.sum(x.T) + np.sum(y[:, ::-1]),
    "product": lambda x, y: np.sum(x * y),
    "bilinear": lambda x, y: np.ravel(x) @ np.ravel(y),
    "unused": lambda x, y: 1.0,
    "one unused": lambda x, y: np.sum(x),
    "broadcast": lambda x, y: np.sum(np.broadcast_to(x, (3, 2, 2))) + y[0, 0],
    "subtract": lambda x, y: np.sum(-(x - y)),
}


@pytest.mark.parametrize("name", ALIASES)
def test_gradients_are_fresh(name):
    """Writable, no strides of 0, aliases neither of each other nor of arguments nor of later results."""
    f, x, y = ALIASES[name], X.copy(), X.copy() + 1
    lin = opad.linearize(f, x, y)
    sources = {
        "grad": opad.grad(f, (0, 1))(x, y),
        "vjp": opad.vjp(f, x, y)[1](1.0),
        "gradient": lin.gradient(),
        "again": lin.gradient(),
        "same twice": opad.grad(f, (0, 1))(x, x),
        "jvp": (np.atleast_1d(opad.jvp(lambda x, y: (x, y + 0, x), (x, y), (x, y))[1][0]),),
    }
    arrays = [g for gradients in sources.values() for g in gradients]
    for k, g in enumerate(arrays):
        assert g.flags.writeable and g.flags.owndata
        assert 0 not in g.strides
        for other in (x, y, *arrays[:k]):
            assert not np.shares_memory(g, other)
    expected = [g.copy() for g in lin.gradient()]
    for g in arrays:
        g += 100.0
    np.testing.assert_array_equal(lin.gradient()[0], expected[0])
    np.testing.assert_array_equal(lin.gradient()[1], expected[1])
    np.testing.assert_array_equal(x, X)


def test_the_cotangent_is_not_handed_back():
    g = np.ones((2, 2))
    for f in (lambda x: x, lambda x: x + 1, lambda x: x.T, lambda x: x.reshape(4).reshape(2, 2)):
        (result,) = opad.vjp(f, X)[1](g)
        assert not np.shares_memory(result, g) and result.flags.writeable
        tangent = opad.jvp(f, (X,), (g,))[1]
        assert not np.shares_memory(tangent, g) and tangent.flags.writeable
        tangent = opad.linearize(f, X).jvp(g)
        assert not np.shares_memory(tangent, g) and tangent.flags.writeable


# -- complex --------------------------------------------------------------------------------------------------------

COMPLEX = {
    "|z|^2": (lambda z: np.sum(np.abs(z) ** 2), lambda z: 2 * z),
    "Re z^2": (lambda z: np.sum(np.real(z**2)), lambda z: 2 * np.conj(z)),
    "Im z": (lambda z: np.sum(np.imag(z)), lambda z: 1j * np.ones_like(z)),
    "|z|": (lambda z: np.sum(np.abs(z)), lambda z: z / np.abs(z)),
    "Re(conj(z) w)": (lambda z: np.real(np.vdot(z, np.array([1j, 2.0]))), lambda z: np.array([1j, 2.0])),
    "Re exp(z)": (lambda z: np.sum(np.real(np.exp(z))), lambda z: np.conj(np.exp(z))),
    "angle": (lambda z: np.sum(np.angle(z)), lambda z: 1j * z / np.abs(z) ** 2),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_gradients_follow_rmatvec(name):
    """2 df/d(conj z), the direction of steepest ascent; the conjugate of what JAX and autograd return."""
    f, expected = COMPLEX[name]
    z = np.array([0.3 + 0.4j, -1.0 + 2.0j])
    np.testing.assert_allclose(opad.grad(f)(z), expected(z), rtol=1e-13)
    h = 1e-7
    for k in range(2):
        unit = np.eye(2)[k] * h
        along = (f(z + unit) - f(z - unit)) / (2 * h) + 1j * (f(z + 1j * unit) - f(z - 1j * unit)) / (2 * h)
        np.testing.assert_allclose(opad.grad(f)(z)[k], along, rtol=1e-6)


def test_real_arguments_of_complex_functions_have_real_gradients():
    g = opad.grad(lambda x: np.sum(np.abs(np.exp(1j * x) + x) ** 2))(np.array([0.3, 0.7]))
    x = np.array([0.3, 0.7])
    assert g.dtype == np.float64
    np.testing.assert_allclose(g, 2 * x + 2 * np.cos(x) - 2 * x * np.sin(x))


def test_complex_gradients_are_those_of_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    A, z = (rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3)) for _ in range(2))

    def ours(A, z):
        w = A @ np.conj(z) * np.sin(z)
        return np.sum(np.abs(w) ** 2) + np.sum(np.real(w**3))

    t = [torch.tensor(a, requires_grad=True) for a in (A, z)]
    w = t[0] @ torch.conj(t[1]) * torch.sin(t[1])
    (torch.sum(torch.abs(w) ** 2) + torch.sum(torch.real(w**3))).backward()
    for ours_, theirs in zip(opad.grad(ours, (0, 1))(A, z), t, strict=True):
        np.testing.assert_allclose(ours_, theirs.grad.numpy(), rtol=1e-12)


# -- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [3, True, np.arange(3), np.ones(2, bool), "text", None, np.array([1.0], dtype=object)])
def test_arguments_without_a_derivative_are_named(x):
    def loss(a, x):
        return np.sum(x)

    with pytest.raises(OpadError, match="loss") as caught:
        opad.grad(loss, 1)(1.0, x)
    if x is not None:  # None is an empty container
        assert caught.type is DtypeError and "argument 1 of loss" in str(caught.value)
        assert "astype(float)" in str(caught.value)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_arrays_with_an_arithmetic_of_their_own_are_refused():
    """Their * is not that of arrays, so that a Hadamard block would be wrong."""
    for x in (np.asmatrix(X), np.ma.array(X, mask=[[True, False]] * 2)):
        with pytest.raises(DtypeError, match=rf"{type(x).__name__}.*np\.asarray"):
            opad.grad(lambda x: np.sum(x * x))(x)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
def test_bytes_in_another_order_are_refused(dtype):
    """NumPy's results have the machine's order, so that a gradient would not have the argument's dtype."""
    x = np.ones(3, np.dtype(dtype).newbyteorder("S"))
    for derivative in (opad.grad(np.vdot, (0, 1)), lambda x, y: opad.vjp(np.vdot, x, y)):
        with pytest.raises(DtypeError, match=r"another order.*newbyteorder"):
            derivative(x, x)
    constant = np.arange(3.0).astype(">f8").astype(np.dtype(float).newbyteorder("S"))
    np.testing.assert_array_equal(opad.grad(lambda y: constant @ y)(np.ones(3)), [0.0, 1.0, 2.0])


def test_leaves_without_a_derivative_are_named():
    with pytest.raises(DtypeError, match=r"argument 0 of <lambda> \(leaf 1\).*int"):
        opad.grad(lambda p: p["a"] * p["b"])({"a": 1.0, "b": 2})


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: x, r"array of shape \(2, 2\)"),
        (lambda x: np.sum(x, keepdims=True), r"array of shape \(1, 1\)"),
        (lambda x: (np.sum(x), np.sum(x)), "container"),
        (lambda x: {"loss": np.sum(x)}, "container"),
        (lambda x: np.sum(x) * 1j, "a complex number"),
        (lambda x: None, "container|None"),
        (lambda x: "text", "str"),
    ],
)
def test_results_that_are_not_one_number_are_refused(f, what):
    with pytest.raises(NonScalarOutputError, match=rf"{what}.*expected one real number.*np\.sum"):
        opad.grad(f)(X)
    with pytest.raises(NonScalarOutputError):
        opad.value_and_grad(f)(X)


def test_integer_results_have_zero_gradients():
    np.testing.assert_array_equal(opad.grad(lambda x: np.argmax(x))(X), np.zeros((2, 2)))
    assert opad.grad(lambda x: 3)(2.0) == 0.0


def test_the_wrapped_function_keeps_its_name():
    def loss(x):
        """What it is."""
        return x

    assert opad.grad(loss).__name__ == "loss" and opad.grad(loss).__doc__ == "What it is."


def test_functions_without_a_name_are_wrapped():
    from functools import partial

    class Model:
        def __call__(self, x):
            return np.sum(x**2)

    np.testing.assert_array_equal(opad.grad(Model())(X), 2 * X)
    np.testing.assert_array_equal(opad.grad(partial(np.sum, axis=None))(X), np.ones((2, 2)))
    with pytest.raises(NonScalarOutputError):
        opad.grad(partial(np.sum, axis=0))(X)


def test_an_exception_of_the_function_passes_through():
    class Own(Exception):
        pass

    def f(x):
        raise Own

    with pytest.raises(Own):
        opad.grad(f)(X)


class Pair(NamedTuple):
    first: object
    second: object


@optree.dataclasses.dataclass(namespace="opad")
class Registered:
    first: object
    second: object


@dataclass
class Unregistered:
    first: object


CONTAINERS = {
    "bare": (lambda y: y, lambda r: r),
    "tuple": (lambda y: (y, 1.0), lambda r: r[0]),
    "named tuple": (lambda y: Pair(y, 1.0), lambda r: r.first),
    "OrderedDict": (lambda y: OrderedDict(y=y), lambda r: r["y"]),
    "deque": (lambda y: deque([y]), lambda r: r[0]),
    "registered dataclass": (lambda y: Registered(1.0, y), lambda r: r.second),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_arrays_of_traced_numbers_in_any_container(name):
    """np.array makes an array of objects of traced numbers; it is no constant, wherever it stands."""
    pack, unpack = CONTAINERS[name]
    x, dx = np.array([2.0, 3.0, 5.0]), np.array([1.0, 0.0, -1.0])
    numbers = lambda x: np.array([x[0] * x[1], x[2] ** 2])  # noqa: E731
    f = lambda x: pack(numbers(x))  # noqa: E731
    J = np.array([[3.0, 2.0, 0.0], [0.0, 0.0, 10.0]])
    H = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    total = lambda f: lambda x: np.sum(unpack(f(x)))  # noqa: E731
    np.testing.assert_array_equal(unpack(opad.jacobian(f)(x)), J)
    np.testing.assert_array_equal(unpack(opad.linearize(f, x).jvp(dx)), J @ dx)
    np.testing.assert_array_equal(opad.hessian(total(opad.checkpoint(f)))(x), H)
    np.testing.assert_array_equal(opad.grad(lambda x: unpack(opad.stop_gradient(f(x))) @ x[1:])(x), [0, 6, 25])
    inner = lambda p: np.sum(unpack(p) ** 2)  # noqa: E731
    np.testing.assert_array_equal(unpack(opad.grad(inner)(pack(numbers(x)))), [12, 50])
    of_inner = lambda x: np.sum(unpack(opad.grad(inner)(f(x))))  # noqa: E731
    np.testing.assert_array_equal(opad.grad(of_inner)(x), 2 * J.sum(0))
    aux = opad.grad(lambda x: (x[0], f(x)), has_aux=True)(x)[1]
    np.testing.assert_array_equal(unpack(aux), [6, 25])


def test_arrays_of_traced_numbers_as_tangents():
    x = np.array([2.0, 3.0])
    f = lambda x: opad.jvp(np.square, (np.ones(2),), (np.array([x[1], x[0]]),))[1] @ np.ones(2)  # noqa: E731
    np.testing.assert_array_equal(opad.grad(f)(x), [2, 2])
    f = lambda x: opad.vjp(np.square, np.ones(2))[1](np.array([x[1], x[0]]))[0] @ np.ones(2)  # noqa: E731
    np.testing.assert_array_equal(opad.grad(f)(x), [2, 2])


def test_objects_that_may_hide_arrays_are_refused():
    x = np.ones(2)
    f = lambda x: Unregistered(x**2)  # noqa: E731
    for call in (
        lambda: opad.jacobian(f)(x),
        lambda: opad.jvp(f, (x,), (x,)),
        lambda: opad.vjp(f, x),
        lambda: opad.compile(f)(x),
        lambda: opad.grad(lambda x: np.sum(opad.checkpoint(f)(x).first))(x),
        lambda: opad.grad(lambda x: np.sum(opad.stop_gradient(f(x)).first))(x),
        lambda: opad.grad(lambda p: np.sum(p.first))(Unregistered(x)),
    ):
        with pytest.raises(StructureError, match=r"an object of type Unregistered.*register_pytree_node"):
            call()


def test_registered_classes_are_containers():
    p = Registered(np.array([1.0, 2.0]), 3.0)
    energy = opad.compile(opad.grad(lambda p: np.sum(p.first**2) * p.second))
    for scale in (1.0, 2.0, 1.0):
        g = energy(Registered(scale * p.first, p.second))
        np.testing.assert_array_equal(g.first, 6 * scale * p.first)
        assert g.second == 5 * scale**2
    bound = opad.compile(lambda p, q: Registered(p.first * q.second, q.first)).bind(p)
    np.testing.assert_array_equal(bound(Registered(p.first + 1, 2.0)).first, 2 * p.first)
