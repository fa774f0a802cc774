"""Functions of every kind that can be compiled, with their arguments: name -> (function, maker of arguments)."""

import numpy as np
import pylops
import scipy.sparse
import scipy.special

import opad

SMOOTH = pylops.Smoothing1D(3, 6)
SPARSE = scipy.sparse.random_array((4, 6), density=0.5, rng=np.random.default_rng(0), format="csr")


def vector(rng):
    return (rng.standard_normal(6),)


def two_vectors(rng):
    return rng.standard_normal(6), rng.standard_normal(6)


def matrix(rng):
    return (rng.standard_normal((4, 4)),)


def definite(rng):
    A = rng.standard_normal((4, 4))
    return (A @ A.T + 4 * np.eye(4),)


def network(rng):
    widths = [(3, 4), (4, 4), (4, 2)]
    parameters = [{"W": rng.standard_normal(s), "b": rng.standard_normal(s[1])} for s in widths]
    return parameters, rng.standard_normal((5, 3))


def number(rng):
    return (float(rng.standard_normal()),)


def layered(parameters, x):
    for layer in parameters:
        x = np.tanh(x @ layer["W"] + layer["b"])
    return np.sum(x**2)


def step(parameters, x, rate):
    gradient = opad.grad(layered)(parameters, x)
    return [{k: p[k] - rate * g[k] for k in p} for p, g in zip(parameters, gradient, strict=True)]


def conjugate_gradient(A):
    x, r = np.zeros(4), np.ones(4)
    p = r
    for _ in range(3):
        alpha = (r @ r) / (p @ A @ p)
        x, previous = x + alpha * p, r @ r
        r = r - alpha * (A @ p)
        p = r + (r @ r) / previous * p
    return x


@opad.primitive
def in_place(x):
    y = x.copy()
    y += 1
    return y


opad.elementwise(in_place, lambda y, x: 1)


def linearised(x):
    lin = opad.linearize(lambda x: np.outer(np.sin(x), x), x)
    return lin.value, lin.jvp(x), lin.vjp(lin.value)


def newton(x):
    g, H = opad.grad(bowl), opad.hessian(bowl)
    return x - np.linalg.solve(H(x), g(x))


def bowl(x):
    return np.sum(np.exp(x) + x**2) + x[0] * x[1]


def assigned(x, key, values):
    z = np.zeros_like(x)
    z[key] = values
    return z


def diagonal_twice(A):
    A[np.diag_indices_from(A)] *= 2.0
    return A[np.tril_indices_from(A)]


def along_a_path(*args):
    return np.einsum(*args, optimize=np.einsum_path(*args)[0])


def power_iteration(A, steps):
    x = np.ones(4)
    for _ in range(steps):
        x = A @ x
        x = x / np.linalg.norm(x)
    return x, x @ A @ x


CASES = {
    # values
    "polynomial": (lambda x: 3 * x**3 - x / 2 + 1, vector),
    "several_results": (lambda x: {"a": x + 1, "b": (x[0], [x.sum(), None, "label", 3])}, vector),
    "arguments_as_results": (lambda x, y: (x, x, y, x.T, x[1:], x.reshape(2, 3)), two_vectors),
    "constant_results": (lambda x: (np.arange(3.0), 2.0, True), vector),
    "views_of_temporaries": (lambda x: ((x * 2).reshape(2, 3).T, (x + 1)[::2]), vector),
    "same_result_twice": (lambda x: (y := np.sin(x), y, y[None]), vector),
    "reductions": (lambda x: [f(x) for f in (np.sum, np.mean, np.std, np.max, np.argmax, np.all, np.cumsum)], vector),
    "axes": (lambda A: (A.sum(0), A.sum(1, keepdims=True), A.mean(axis=(0, 1)), A.max(-1), np.prod(A, 0)), matrix),
    "scalars": (lambda x: (x[0] + x[1] * 2, x[2] / x[3], -x[4], abs(x[5]), x[0] ** 2, x.item(1) * 3), vector),
    "comparisons": (lambda x, y: (x > y, x == x, np.where(x > 0, x, y), np.sign(x), np.isfinite(x)), two_vectors),
    "sorting": (lambda x: (np.sort(x), np.argsort(x), x[np.argsort(x)[:3]], np.searchsorted(np.sort(x), 0.1)), vector),
    "casts": (lambda x: (x.astype(np.float32), x.astype(int), x.astype(complex), np.float32(2) * x), vector),
    "complex": (lambda x: (x * 1j, np.exp(1j * x).real, np.abs(x + 2j), np.conj(x * 1j), np.angle(x + 1j)), vector),
    "joining": (lambda x, y: (np.concatenate([x, y]), np.stack([x, y], 1), np.hstack((x, 1.0))), two_vectors),
    "einsum": (lambda A: (np.einsum("ij,jk->ik", A, A), np.einsum("ii->i", A), np.einsum("ij->ji", A)), matrix),
    "tuples": (lambda A: (np.linalg.svd(A).S, np.linalg.slogdet(A), np.linalg.qr(A).R, np.divmod(A, 0.7)), matrix),
    "fft": (lambda x: (np.fft.fft(x), np.fft.irfft(np.fft.rfft(x)), np.fft.fftshift(x)), vector),
    "special": (lambda x: (scipy.special.erf(x), scipy.special.expit(x), scipy.special.gammaln(np.abs(x))), vector),
    "ufunc_methods": (lambda x: (np.add.reduce(x), np.multiply.accumulate(x), np.subtract.outer(x, x)), vector),
    "ufunc_keywords": (lambda x: np.add(x, 1, dtype=np.float64), vector),
    "powers": (lambda x: (x**2, x**3, np.abs(x) ** 0.5, 2.0**x, x[0] ** 3, np.power(x, 2), x**-1.0), vector),
    "stacked_products": (lambda A: (np.stack([A, A]) @ A, A @ A[0], A[0] @ A, A[0] @ A[1], np.dot(A, 2.0)), matrix),
    "conjugate_gradient": (conjugate_gradient, definite),
    "power_iteration": (lambda A: power_iteration(A, 4), definite),
    "python_number": (lambda x: (x * 2 + 1, x**2, -x, abs(x), x > 0, np.sin(x), x / 3, 7 // x, 1.5 % x), number),
    # derivatives
    "gradient": (opad.grad(lambda x: np.sum(np.sin(x) * x)), vector),
    "gradient_of_number": (opad.grad(lambda x: np.sin(x) * x**2), number),
    "second_derivative": (opad.grad(opad.grad(lambda x: np.sin(x) * x)), number),
    "value_and_gradient": (opad.value_and_grad(lambda x, y: x @ y + np.max(x), argnums=(0, 1)), two_vectors),
    "auxiliary": (opad.grad(lambda x: (np.sum(x**2), {"twice": 2 * x}), has_aux=True), vector),
    "identity_gradient": (opad.grad(np.sum), vector),
    "network": (opad.value_and_grad(layered), network),
    "optimiser_step": (lambda p, x: step(p, x, 0.1), network),
    "newton_step": (newton, vector),
    "hessian": (opad.hessian(bowl), vector),
    "jacobian": (opad.jacobian(lambda x: np.cumsum(np.outer(x, x), axis=0)), vector),
    "jvp": (lambda x, y: opad.jvp(np.tanh, (x,), (y,)), two_vectors),
    "vjp": (lambda x, y: opad.vjp(lambda x: x * x[::-1], x)[1](y), two_vectors),
    "hvp": (lambda x, y: opad.hvp(lambda x: np.sum(np.tanh(x) ** 3), (x,), (y,)), two_vectors),
    "constant_tangent": (lambda x: opad.jvp(lambda x: (x[x > 0] ** 3, np.sort(x)), (x,), (np.arange(6.0),)), vector),
    "linearization": (linearised, vector),
    "operator_product": (lambda x, y: opad.hessian_operator(bowl, x) @ y, two_vectors),
    "dense_operator": (lambda x: opad.jacobian_operator(np.sin, x).todense(), vector),
    "checkpoint": (opad.grad(lambda x: np.sum(opad.checkpoint(lambda x: np.tanh(np.sin(x) * x))(x) ** 2)), vector),
    "user_primitive": (opad.value_and_grad(lambda x: np.sum(in_place(x) ** 2)), vector),
    "pylops_operator": (opad.grad(lambda x: np.sum(opad.apply(SMOOTH, x) ** 2)), vector),
    "sparse_operator": (opad.grad(lambda x: np.sum(opad.apply(SPARSE, x) ** 2)), vector),
    "indexing": (opad.grad(lambda x: np.sum(x[[0, 0, 2]] * x[1:4]) + x[-1] * x[np.argmax(x)]), vector),
    "mask": (opad.grad(lambda x: np.sum(x[x > 0] ** 2)), vector),
    "piecewise": (opad.grad(lambda x: np.sum(np.piecewise(x, [x < -0.5, x > 0.5], [np.sin, np.square, 1.0]))), vector),
    "choose": (opad.grad(lambda x: np.sum(np.choose((x > 0.5).astype(int), [x, x**2]))), vector),
    "assignment_in_order": (opad.grad(lambda x: assigned(x, np.argsort(x), x**2) @ np.arange(6.0)), vector),
    "diagonal": (opad.grad(lambda x: np.sum(diagonal_twice(np.outer(x, x)))), vector),
    "contraction_path": (opad.grad(lambda A: np.sum(along_a_path("ij,jk,kl", A, A, A))), matrix),
    "where": (opad.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), 0.0))), vector),
    "singular_partials": (opad.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x * (x > 0)), 0.0))), vector),
    "norm": (opad.grad(np.linalg.norm), vector),
    "solve": (opad.grad(lambda A: np.sum(np.linalg.solve(A, np.ones(4)) ** 2)), definite),
    "inverse": (opad.grad(lambda A: np.trace(np.linalg.inv(A))), definite),
    "cholesky": (opad.grad(lambda A: np.sum(np.log(np.diag(np.linalg.cholesky(A))))), definite),
    "slogdet": (opad.grad(lambda A: np.linalg.slogdet(A)[1]), definite),
    "singular_values": (opad.grad(lambda A: np.sum(np.linalg.svd(A)[1] ** 3)), matrix),
    "eigenvectors": (opad.grad(lambda A: np.sum(np.linalg.eigh(A)[1][0] ** 2 * np.arange(4.0))), definite),
    "spectrum": (opad.grad(lambda x: np.sum(np.abs(np.fft.fft(x)) ** 4)), vector),
    "complex_gradient": (opad.grad(lambda x: np.sum(np.abs(x * (1 + 2j)) ** 2)), vector),
}  # fmt: skip
