"""Gradients through solve and SVD, and products with Jacobians and Hessians that are never formed."""

import numpy as np

import opad
from papers.optimisation_course.cheap_gradient import rosenbrock
from papers.optimisation_course.counting import operations


def linear_system(findings, quick):
    """x = A⁻¹ b."""
    rng = np.random.default_rng(0)
    A, b, x_bar = rng.standard_normal((6, 6)) + 6 * np.eye(6), rng.standard_normal(6), rng.standard_normal(6)
    x, pullback = opad.vjp(np.linalg.solve, A, b)
    gA, gb = pullback(x_bar)
    formula = np.linalg.solve(A.T, x_bar)
    findings.close("∂L/∂A", "-A⁻ᵀ x̄ xᵀ", gA, -np.outer(formula, x))
    findings.close("∂L/∂b", "A⁻ᵀ x̄", gb, formula)
    dA, db = rng.standard_normal((6, 6)), rng.standard_normal(6)
    dx = opad.jvp(np.linalg.solve, (A, b), (dA, db))[1]
    findings.close("dx", "A⁻¹ (db - dA x)", dx, np.linalg.solve(A, db - dA @ x))


def singular_values(findings, quick):
    """L(Σ) of W = U Σ Vᵀ, W 6 × 4."""
    rng = np.random.default_rng(1)
    W, dW = rng.standard_normal((2, 6, 4))
    U, sigma, Vt = np.linalg.svd(W, full_matrices=False)

    def loss(W):
        return np.sum(np.log1p(np.linalg.svd(W, full_matrices=False)[1] ** 2))

    findings.close("∂L/∂W", "U diag(∂L/∂σ) Vᵀ", opad.grad(loss)(W), U @ np.diag(2 * sigma / (1 + sigma**2)) @ Vt)
    dsigma = opad.jvp(lambda W: np.linalg.svd(W, full_matrices=False)[1], (W,), (dW,))[1]
    findings.close("dσ", "diag(Uᵀ dW V)", dsigma, np.diag(U.T @ dW @ Vt.T))
    step = 1e-30j * dW
    findings.close("dL against the complex step of log det(I + WᵀW)", "the same", np.sum(opad.grad(loss)(W) * dW),
                   np.log(np.linalg.det(np.eye(4) + (W + step).T @ (W + step))).imag / 1e-30)  # fmt: skip


def jacobian_products(findings, quick):
    """Jacobian-vector products."""
    rng = np.random.default_rng(2)
    z, v = rng.standard_normal((2, 1000))
    linearization = opad.linearize(np.exp, z)
    block = linearization.system[1][0, 0]
    findings.close("y = exp z: z̄ = ȳ J", "ȳ exp(z)", linearization.vjp(v)[0], v * np.exp(z), 1e-15)
    findings.claim(
        "its Jacobian", "no n × n matrix", f"{block.label} of {block.M.size} numbers", block.M.size == z.size
    )

    x, y, g = rng.standard_normal((4, 1)), rng.standard_normal((4, 5)) + 3, rng.standard_normal((4, 5))
    table = [
        ("x + y", np.add, g, g),
        ("x y", np.multiply, y * g, x * g),
        ("x - y", np.subtract, g, -g),
        ("x / y", np.divide, g / y, -g * x / y**2),
    ]
    for text, f, gx, gy in table:
        found = opad.vjp(f, x, y)[1](g)
        findings.close(f"pullback of {text}, x broadcast", "summed over the broadcast axis",
                       found, (gx.sum(axis=1, keepdims=True), gy), 1e-14)  # fmt: skip


def chain_rules(findings, quick):
    """Chain rules: ∂f/∂t = J ∂x/∂t."""

    def x(t):
        return np.stack([np.cos(t), np.sin(t), t * t])

    def f(x):
        return np.stack([x[0] * x[1], np.exp(x[2]) - x[0]])

    J, dx = opad.jacobian(f)(x(0.7)), opad.jvp(x, (0.7,), (1.0,))[1]
    findings.close("∂f(x(t))/∂t", "J ∂x/∂t", opad.jvp(lambda t: f(x(t)), (0.7,), (1.0,))[1], J @ dx, 1e-14)


def hessian_products(findings, quick):
    """Hessian-vector products."""
    rng = np.random.default_rng(3)
    x, v = rng.standard_normal((2, 30))
    product = opad.hvp(rosenbrock, (x,), (v,))[0]
    findings.close("∂²f(x) v", "dense Hessian times v", product, opad.hessian(rosenbrock)(x) @ v)
    findings.close("∂²f(x) v", "grad(x ↦ ∇f(x)·v)", product, opad.grad(lambda x: opad.grad(rosenbrock)(x) @ v)(x))
    costs = []
    for n in (100, 100_000):
        x, v = rng.standard_normal((2, n))
        costs.append(operations(lambda x, v=v: opad.hvp(rosenbrock, (x,), (v,)), x) / operations(rosenbrock, x))
    here = f"{costs[0]:.1f} and {costs[1]:.1f} evaluations of f"
    flat = max(costs) < 10 and abs(costs[0] - costs[1]) < 0.5
    findings.claim("its cost for n = 100 and 100 000", "independent of n, no n × n matrix", here, flat)


EXPERIMENTS = [linear_system, singular_values, jacobian_products, chain_rules, hessian_products]
