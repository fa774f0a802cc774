"""Rules of numpy.linalg: finite differences, both modes, second order, dtypes, batch axes; closed forms and torch."""

from dataclasses import dataclass

import numpy as np
import pytest

import opad
from opad.testing import check_derivative

LA = np.linalg
ORDER = 3
H = LA.matrix_transpose


def adjoint(A):
    return np.conj(H(A))


@dataclass
class Case:
    """A function of matrices that is smooth and, for decompositions, independent of signs and phases."""

    name: str
    f: object
    shapes: tuple
    kind: str = "general"  # or "positive": Hermitian positive definite
    complex: bool = True

    def args(self, rng, dtype=float):
        arrays = []
        for shape in self.shapes:
            X = rng.standard_normal(shape)
            if np.dtype(dtype).kind == "c":
                X = X + 1j * rng.standard_normal(shape)
            if self.kind == "positive":
                X = X @ adjoint(X) / 2 + np.diag(np.arange(1.0, shape[-1] + 1))
            elif shape[-1:] == shape[-2:-1]:
                X = X + 1.5 * np.diag(np.arange(1.0, shape[-1] + 1))
            arrays.append(X.astype(dtype))
        return arrays

    def directions(self, rng, args):
        steps = [direction(rng, a) for a in args]
        return [(E + adjoint(E)) / 2 for E in steps] if self.kind == "positive" else steps


def direction(rng, a):
    E = rng.standard_normal(a.shape)
    return (E + 1j * rng.standard_normal(a.shape) if a.dtype.kind == "c" else E).astype(a.dtype)


def svd_invariants(A):
    """The spectral projectors and values of a thin SVD, made of U, s and V together."""
    U, s, Vh = LA.svd(A, full_matrices=False)
    weights = np.arange(1.0, s.shape[-1] + 1).astype(s.dtype)
    return (U * weights) @ Vh, (U * s[..., None, :] ** 2) @ adjoint(U), (adjoint(Vh) * weights) @ Vh


def eigh_invariants(A, UPLO="L"):
    w, V = LA.eigh(A, UPLO)
    weights = np.arange(1.0, w.shape[-1] + 1).astype(w.dtype)
    return (V * weights) @ adjoint(V), (V * np.sin(w)[..., None, :]) @ adjoint(V), w


def eig_invariants(A):
    w, V = LA.eig(A)
    return np.abs(w) ** 2, np.sum(np.abs(V) ** 4, axis=-2)


SQUARE, STACK, TALL, WIDE = (3, 3), (2, 3, 3), (5, 3), (3, 5)
CASES = [
    Case("solve vector", LA.solve, (SQUARE, (3,))),
    Case("solve matrix", LA.solve, (SQUARE, (3, 2))),
    Case("solve stack, one vector", LA.solve, (STACK, (3,))),
    Case("solve stack", LA.solve, (STACK, (2, 3, 2))),
    Case("solve one matrix, stacked right-hand sides", LA.solve, (SQUARE, (2, 3, 2))),
    Case("solve stacks that broadcast", LA.solve, ((2, 1, 3, 3), (4, 3, 2))),
    Case("solve stack, one right-hand side", LA.solve, (STACK, (3, 2))),
    Case("inv", LA.inv, (SQUARE,)),
    Case("inv stack", LA.inv, (STACK,)),
    Case("det", LA.det, (SQUARE,)),
    Case("det stack", LA.det, (STACK,)),
    Case("det 1x1", LA.det, ((1, 1),)),
    Case("slogdet", lambda A: tuple(LA.slogdet(A)), (SQUARE,)),
    Case("slogdet stack", lambda A: tuple(LA.slogdet(A)), (STACK,)),
    Case("logdet", lambda A: LA.slogdet(A).logabsdet, (SQUARE,)),
    Case("cholesky", LA.cholesky, (SQUARE,), "positive"),
    Case("cholesky stack", LA.cholesky, (STACK,), "positive"),
    Case("cholesky upper", lambda A: LA.cholesky(A, upper=True), (SQUARE,), "positive"),
    Case("qr square", lambda A: tuple(LA.qr(A)), (SQUARE,)),
    Case("qr tall", lambda A: tuple(LA.qr(A)), (TALL,)),
    Case("qr wide", lambda A: tuple(LA.qr(A)), (WIDE,)),
    Case("qr stack", lambda A: tuple(LA.qr(A)), ((2, 4, 3),)),
    Case("qr r", lambda A: LA.qr(A, "r"), (TALL,)),
    Case("qr complete", lambda A: tuple(LA.qr(A, mode="complete")), (WIDE,)),
    Case("svd square", svd_invariants, (SQUARE,)),
    Case("svd tall", svd_invariants, (TALL,)),
    Case("svd wide", svd_invariants, (WIDE,)),
    Case("svd stack", svd_invariants, ((2, 2, 4, 3),)),
    Case("svd left vectors", lambda A: np.abs(LA.svd(A, full_matrices=False).U) ** 2, (TALL,)),
    Case("svd right vectors", lambda A: np.abs(LA.svd(A, full_matrices=False).Vh) ** 2, (WIDE,)),
    Case("svd values", lambda A: LA.svd(A, compute_uv=False), (TALL,)),
    Case("svdvals", LA.svdvals, (WIDE,)),
    Case("svdvals stack", LA.svdvals, (STACK,)),
    Case("eigh", eigh_invariants, (SQUARE,), "positive"),
    Case("eigh upper", lambda A: eigh_invariants(A, "U"), (SQUARE,), "positive"),
    Case("eigh stack", eigh_invariants, (STACK,), "positive"),
    Case("eigvalsh", LA.eigvalsh, (STACK,), "positive"),
    Case("eig", eig_invariants, (SQUARE,)),
    Case("eig stack", eig_invariants, (STACK,)),
    Case("eigvals", lambda A: np.abs(LA.eigvals(A)), (SQUARE,)),
    Case("pinv square", LA.pinv, (SQUARE,)),
    Case("pinv tall", LA.pinv, (TALL,)),
    Case("pinv wide", LA.pinv, (WIDE,)),
    Case("pinv stack", LA.pinv, ((2, 4, 3),)),
    Case("lstsq vector", lambda A, b: LA.lstsq(A, b)[:2], (TALL, (5,))),
    Case("lstsq matrix", lambda A, b: LA.lstsq(A, b)[0], (TALL, (5, 2))),
    Case("lstsq wide", lambda A, b: LA.lstsq(A, b)[0], (WIDE, (3,))),
    Case("matrix_power 3", lambda A: LA.matrix_power(A, 3), (STACK,)),
    Case("matrix_power -2", lambda A: LA.matrix_power(A, -2), (SQUARE,)),
    Case("matrix_power 0", lambda A: LA.matrix_power(A, 0) + A, (SQUARE,)),
    Case("multi_dot", lambda *a: LA.multi_dot(a), ((2, 3), (3, 4), (4, 2))),
    Case("multi_dot vectors", lambda *a: LA.multi_dot(a), ((3,), (3, 4), (4, 2), (2,))),
    Case("multi_dot first vector", lambda *a: LA.multi_dot(a), ((3,), (3, 4), (4, 2))),
    Case("tensorsolve", LA.tensorsolve, ((2, 3, 6), (2, 3))),
    Case("tensorsolve of more axes", lambda a, b: LA.tensorsolve(a, b[None, :, None]), ((3, 3), (3,))),
    Case("tensorsolve axes", lambda a, b: LA.tensorsolve(a, b, axes=(0, 2)), ((2, 4, 2, 2, 2), (4, 2))),
    Case("tensorinv", lambda a: LA.tensorinv(a, ind=1), ((4, 2, 2),)),
    Case("trace", LA.trace, (STACK,)),
    Case("trace offset", lambda A: LA.trace(A, offset=1), (STACK,)),
    Case("diagonal", lambda A: LA.diagonal(A, offset=-1), (STACK,)),
    Case("outer", LA.outer, ((3,), (2,))),
    Case("matmul", LA.matmul, (STACK, (3, 2))),
    Case("cross", LA.cross, ((2, 3), (2, 3))),
    Case("vecdot", LA.vecdot, ((2, 3), (3,))),
    Case("tensordot", lambda a, b: LA.tensordot(a, b, axes=((0,), (1,))), ((3, 2), (4, 3))),
    Case("matrix_transpose", LA.matrix_transpose, (STACK,)),
    Case("norm", LA.norm, ((2, 3, 4),)),
    Case("norm fro", lambda x: LA.norm(x, "fro", axis=(2, 0), keepdims=True), ((2, 3, 4),)),
    Case("norm nuc", lambda x: LA.norm(x, "nuc", axis=(2, 0)), ((2, 3, 4),)),
    Case("norm nuc wide", lambda x: LA.norm(x, "nuc"), (WIDE,)),
    Case("norm nuc square", lambda x: LA.norm(x, "nuc"), (SQUARE,)),
    Case("matrix_norm", lambda x: LA.matrix_norm(x, ord=2, keepdims=True), (STACK,)),
    Case("vector_norm axes", lambda x: LA.vector_norm(x, axis=(0, 2), keepdims=True), ((2, 3, 4),)),
    Case("vector_norm all", lambda x: LA.vector_norm(x, ord=3), ((2, 3),)),
    *[Case(f"norm matrix {p}", lambda x, p=p: LA.norm(x, p, (0, 2)), ((2, 3, 4),)) for p in (1, -1, 2, -2, np.inf)],
    *[Case(f"norm vector {p}", lambda x, p=p: LA.norm(x, p, 1), ((2, 3),)) for p in (1, 2, 3, 1.5, -1)],
    *[Case(f"norm vector {p}", lambda x, p=p: LA.norm(x, p, 1), ((2, 3),)) for p in (np.inf, -np.inf)],
    *[Case(f"cond {p}", lambda x, p=p: LA.cond(x, p), (STACK,)) for p in (None, -2, 1, "fro")],
]  # fmt: skip
IDS = [case.name for case in CASES]
DTYPES = [float, complex]
all_cases = pytest.mark.parametrize("case", CASES, ids=IDS)
all_dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=["real", "complex"])


def parts(value):
    return value if isinstance(value, tuple) else (value,)


def moved(args, steps, h):
    return [a + h * E for a, E in zip(args, steps, strict=True)]


def differences(f, args, steps, h=1e-5):
    """Central differences of fourth order of every part of f."""
    near = [parts(f(*moved(args, steps, k * h))) for k in (-2, -1, 1, 2)]
    return [(a - 8 * b + 8 * c - d) / (12 * h) for a, b, c, d in zip(*near, strict=True)]


def inner(a, b):
    return sum(float(np.sum(np.real(np.conj(x) * y))) for x, y in zip(a, b, strict=True))


@all_cases
@all_dtypes
def test_forward_is_the_finite_difference(case, dtype, rng):
    args = case.args(rng, dtype)
    steps = case.directions(rng, args)
    _, tangent = opad.jvp(case.f, tuple(args), tuple(steps))
    for computed, expected in zip(parts(tangent), differences(case.f, args, steps), strict=True):
        assert computed.dtype == expected.dtype
        assert np.max(np.abs(computed - expected)) <= 2e-8 * (1 + np.max(np.abs(expected)))


@all_cases
@all_dtypes
def test_reverse_is_the_adjoint_of_forward(case, dtype, rng):
    args = case.args(rng, dtype)
    steps = case.directions(rng, args)
    value, pullback = opad.vjp(case.f, *args)
    cotangents = tuple(direction(rng, np.asarray(part)) for part in parts(value))
    gradients = pullback(cotangents if isinstance(value, tuple) else cotangents[0])
    _, tangent = opad.jvp(case.f, tuple(args), tuple(steps))
    forward, reverse = inner(parts(tangent), cotangents), inner(steps, gradients)
    assert abs(forward - reverse) <= 1e-10 * (1 + abs(forward))
    assert [g.dtype for g in gradients] == [a.dtype for a in args]


def scalar_of(f, value, rng):
    weights = [direction(rng, np.asarray(part)) for part in parts(value)]

    def scalar(*args):
        return sum(np.sum(np.real(np.conj(w) * part**2)) for w, part in zip(weights, parts(f(*args)), strict=True))

    return scalar


@all_cases
@all_dtypes
def test_second_order(case, dtype, rng):
    args = case.args(rng, dtype)
    steps = case.directions(rng, args)
    f = scalar_of(case.f, case.f(*args), rng)
    gradient = opad.grad(f, argnums=tuple(range(len(args))))
    products = opad.hvp(f, tuple(args), tuple(steps))
    for computed, expected in zip(products, differences(gradient, args, steps), strict=True):
        assert np.max(np.abs(computed - expected)) <= 1e-6 * (1 + np.max(np.abs(expected)))


@all_cases
@all_dtypes
def test_taylor_remainders_to_third_order(case, dtype, rng):
    """In both modes: reverse over reverse over reverse, too."""

    def f(*args):
        return case.f(*((A + adjoint(A)) / 2 for A in args) if case.kind == "positive" else args)

    check_derivative(f, *case.args(rng, dtype), order=ORDER, tolerance=1e-9, raise_on_failure=True)


@all_cases
def test_batch_axes(case, rng):
    """A dense Jacobian solves for all its columns, or rows, at once; one at a time gives the same numbers."""
    args = case.args(rng)
    steps = case.directions(rng, args)
    if any(np.size(part) != np.size(np.real(part)) or np.iscomplexobj(part) for part in parts(case.f(*args))):
        pytest.skip("complex results of real arguments")
    _, tangent = opad.jvp(case.f, (*args,), (steps[0], *(0 * E for E in steps[1:])))
    for order in ("forward", "reverse"):
        for J, expected in zip(parts(opad.jacobian(case.f, order=order)(*args)), parts(tangent), strict=True):
            computed = np.tensordot(J, steps[0], axes=steps[0].ndim)
            assert np.max(np.abs(computed - expected)) <= 1e-9 * (1 + np.max(np.abs(expected)))


@all_cases
def test_single_precision_stays(case, rng):
    args = case.args(rng, np.float32)
    f = scalar_of(case.f, case.f(*args), rng)
    double = opad.grad(f)(*(a.astype(float) for a in args))
    single = opad.grad(f)(*args)
    assert single.dtype == np.float32
    assert np.max(np.abs(single - double)) <= 1e-2 * (1 + np.max(np.abs(double)))


# -- closed forms ---------------------------------------------------------------------------------------------------


def test_closed_forms(rng):
    A, E = rng.standard_normal((2, 4, 4))
    S = A + A.T
    B = LA.inv(A)
    V = LA.eigh(S).eigenvectors
    np.testing.assert_allclose(opad.jvp(LA.inv, (A,), (E,))[1], -B @ E @ B, rtol=1e-10)
    np.testing.assert_allclose(opad.grad(LA.det)(A), LA.det(A) * B.T, rtol=1e-10)
    np.testing.assert_allclose(opad.grad(lambda A: LA.slogdet(A)[1])(A), B.T, rtol=1e-10)
    for i in range(4):
        gradient = opad.grad(lambda S, i=i: LA.eigvalsh(S)[i])(S)
        np.testing.assert_allclose(gradient, np.outer(V[:, i], V[:, i]), atol=1e-12)
    U, _, Vh = LA.svd(A)
    np.testing.assert_allclose(opad.grad(lambda A: LA.norm(A, "nuc"))(A), U @ Vh, atol=1e-12)
    np.testing.assert_allclose(opad.grad(lambda A: LA.norm(A, 2))(A), np.outer(U[:, 0], Vh[0]), atol=1e-12)
    np.testing.assert_allclose(opad.grad(LA.norm)(A), A / np.sqrt(np.sum(A * A)), rtol=1e-12)


def test_hessian_of_logdet(rng):
    """D^2 log det A [E, E] = -trace(A^-1 E A^-1 E)."""
    A, E = rng.standard_normal((2, 4, 4))
    B = LA.inv(A)
    (product,) = opad.hvp(lambda A: LA.slogdet(A)[1], (A,), (E,))
    np.testing.assert_allclose(product, -(B @ E @ B).T, rtol=1e-9, atol=1e-12)


def test_row_of_a_solve_is_one_equation(rng):
    A, b = rng.standard_normal((3, 3)), rng.standard_normal(3)
    lin = opad.linearize(LA.solve, A, b)
    L, _ = lin.system
    diagonal = (opad.I - L)[0, 0]
    np.testing.assert_allclose(diagonal @ b, A @ b, rtol=1e-12)
    np.testing.assert_allclose(lin.jvp(0 * A, b), LA.solve(A, b), rtol=1e-12)


def test_complex_jacobians_of_the_holomorphic_functions_only(rng):
    A = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    S = A @ adjoint(A)
    B = LA.inv(A)
    np.testing.assert_allclose(opad.jacobian(LA.inv)(A), -np.einsum("ik,lj->ijkl", B, B), rtol=1e-9)
    np.testing.assert_allclose(opad.jacobian(LA.det)(A), LA.det(A) * B.T, rtol=1e-9)
    real_linear = [LA.cholesky, LA.eigvalsh, LA.svdvals, LA.pinv, LA.norm, lambda A: LA.slogdet(A)[0]]
    for f in [*real_linear, lambda A: LA.qr(A).R]:
        with pytest.raises(opad.errors.RealLinearError):
            opad.jacobian(f)(S)


def test_named_results(rng):
    A = rng.standard_normal((3, 3))
    seen = {}

    def f(A):
        seen.update(svd=LA.svd(A), eigh=LA.eigh(A + A.T), qr=LA.qr(A), slogdet=LA.slogdet(A), eig=LA.eig(A))
        return np.sum(seen["svd"].S) + np.sum(seen["eigh"].eigenvalues) + seen["slogdet"].logabsdet + seen["qr"].R[0, 0]

    opad.grad(f)(A)
    for name, result in seen.items():
        assert type(result) is type(getattr(LA, name)(A))


# -- a peer ---------------------------------------------------------------------------------------------------------

TORCH = {
    "inv": (LA.inv, "inv"),
    "det": (LA.det, "det"),
    "svdvals": (LA.svdvals, "svdvals"),
    "cholesky": (lambda A: LA.cholesky(A @ adjoint(A)), lambda t: lambda A: t.linalg.cholesky(A @ A.mH)),
    "eigvalsh": (lambda A: LA.eigvalsh(A + adjoint(A)), lambda t: lambda A: t.linalg.eigvalsh(A + A.mH)),
    "slogdet": (lambda A: LA.slogdet(A)[1], lambda t: lambda A: t.linalg.slogdet(A)[1]),
    "sign": (lambda A: LA.slogdet(A)[0], lambda t: lambda A: t.linalg.slogdet(A)[0]),
    "qr": (lambda A: LA.qr(A)[1], lambda t: lambda A: t.linalg.qr(A)[1]),
    "nuc": (lambda A: LA.norm(A, "nuc"), lambda t: lambda A: t.linalg.matrix_norm(A, "nuc")),
    "svd": (
        lambda A: (lambda U, s, Vh: (U[:, :1] @ Vh[:1], s))(*LA.svd(A))[0],
        lambda t: lambda A: (lambda U, s, Vh: U[:, :1] @ Vh[:1])(*t.linalg.svd(A)),
    ),
    "eigh": (
        lambda A: np.abs(LA.eigh(A + adjoint(A))[1]) ** 2,
        lambda t: lambda A: t.linalg.eigh(A + A.mH)[1].abs() ** 2,
    ),
    "eig": (lambda A: np.abs(LA.eig(A)[1]) ** 4, lambda t: lambda A: t.linalg.eig(A)[1].abs() ** 4),
}


@pytest.mark.parametrize("name", TORCH)
@all_dtypes
def test_gradients_are_those_of_torch(name, dtype, rng):
    torch = pytest.importorskip("torch")
    f, peer = TORCH[name]
    g = getattr(torch.linalg, peer) if isinstance(peer, str) else peer(torch)
    A = rng.standard_normal((4, 4)).astype(dtype)
    A = A + 1j * rng.standard_normal((4, 4)) if dtype is complex else A
    value, pullback = opad.vjp(f, A)
    W = direction(rng, np.asarray(value))
    tensor = torch.tensor(A, requires_grad=True)
    result = g(tensor)
    weights = torch.tensor(W, dtype=result.dtype)
    torch.real(torch.conj(weights) * result).sum().backward()
    expected = (
        np.zeros_like(A) if tensor.grad is None else tensor.grad.resolve_conj().numpy()
    )  # the sign of a real determinant
    np.testing.assert_allclose(pullback(W)[0], expected, atol=1e-10 * (1 + np.max(np.abs(expected))))
