"""Programs with solves from the authors' course: A(p)⁻¹ b with two solves, Newton's method, time stepping of an ODE."""

import numpy as np
import scipy.integrate
import scipy.linalg

import opad
from opad.operators import Identity, VectorOfMatrix
from opad.plotting import spy

# -- a gradient with exactly two solves -----------------------------------------------------------------------------

COUNT = {"factorisations": 0, "solves": 0}
FACTORS = []  # of the last matrix; both solves below share them


def lu_solve(A, b, adjoint):
    """A^-1 b or A^-H b, counted."""
    if not (FACTORS and np.array_equal(FACTORS[0], A)):
        FACTORS[:] = [A.copy(), scipy.linalg.lu_factor(A)]
        COUNT["factorisations"] += 1
    COUNT["solves"] += 1
    return scipy.linalg.lu_solve(FACTORS[1], b, trans=2 if adjoint else 0)


class Equation(opad.Operator):
    """dx -> A dx, with a solve of its own: a diagonal block that is not the identity."""

    def __init__(self, A):
        self.A = A
        self.dims = self.dimsd = A.shape[-1:]

    def apply(self, X):
        return X @ self.A.T

    def apply_adjoint(self, Y):
        return Y @ self.A

    def solve(self, Y):
        return lu_solve(self.A, Y, adjoint=False)

    def solve_adjoint(self, X):
        return lu_solve(self.A, X, adjoint=True)


@opad.primitive
def counted_solve(A, b):
    """x with A x = b."""
    return lu_solve(A, b, adjoint=False)


@opad.jacobian_rule(counted_solve)
def _(x, A, b):
    return opad.Row(Equation(A), [-VectorOfMatrix(x, A.shape[0]), Identity(b.shape)])  # A dx = -dA x + db


def two_solves(findings, quick):
    """g(p) = ‖A(p)⁻¹ b‖², A(p) = A₀ + p pᵀ, n = 5."""
    rng = np.random.default_rng(10)
    A0, b, p = rng.standard_normal((5, 5)) + 5 * np.eye(5), rng.standard_normal(5), rng.standard_normal(5)

    def g(p, solve):
        x = solve(A0 + np.outer(p, p), b)
        return x @ x

    FACTORS.clear()
    COUNT.update(factorisations=0, solves=0)
    gradient = opad.grad(g)(p, counted_solve)
    findings.equal("solves for g and ∇g", 2, COUNT["solves"])
    findings.equal("factorisations for g and ∇g", 1, COUNT["factorisations"])

    A = A0 + np.outer(p, p)
    x = np.linalg.solve(A, b)
    v = np.linalg.solve(A.T, 2 * x)
    formula = -(p @ x) * v - (p @ v) * x
    findings.close("∇g", "-(p·x) v - (p·v) x, Aᵀv = 2x", gradient, formula)
    findings.close("∇g through np.linalg.solve", "the same", opad.grad(g)(p, np.linalg.solve), formula)
    step = [g(p + 1e-30j * e, np.linalg.solve).imag / 1e-30 for e in np.eye(5)]
    findings.close("∇g against the complex step", "the same", gradient, np.array(step))


def newton(findings, quick):
    """Newton's method on det(zI - A), A = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]."""
    A = np.arange(1.0, 10.0).reshape(3, 3)

    def characteristic(z):
        return np.linalg.det(z * np.eye(3) - A)

    z = 15.0
    value, slope = opad.value_and_grad(characteristic)(z)
    resolvent = np.linalg.inv(z * np.eye(3) - A)
    findings.close("d det(zI - A)/dz at z = 15", "det(zI - A) trace((zI - A)⁻¹)", slope, value * np.trace(resolvent))
    for _ in range(6):
        value, slope = opad.value_and_grad(characteristic)(z)
        z -= value / slope
    eigenvalue = np.linalg.eigvals(A).real.max()
    findings.claim("6 steps from z = 15", f"eigenvalue {eigenvalue:.12f}", f"{z:.12f}", abs(z - eigenvalue) < 1e-11)


# -- time stepping --------------------------------------------------------------------------------------------------

X0, T = np.array([1.0, 0.5]), 4.0
P = np.array([1.1, 0.4, 0.4, 0.1])


def predator_prey(x, p):
    """Lotka and Volterra's x' = f(x, p)."""
    return np.stack([p[0] * x[0] - p[1] * x[0] * x[1], p[3] * x[0] * x[1] - p[2] * x[1]])


def step(x, p, h):
    """One step of the classical Runge-Kutta method."""
    k1 = predator_prey(x, p)
    k2 = predator_prey(x + h / 2 * k1, p)
    k3 = predator_prey(x + h / 2 * k2, p)
    k4 = predator_prey(x + h * k3, p)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def final_cost(p, steps):
    """‖x(T)‖² / 2."""
    x = X0
    for _ in range(steps):
        x = step(x, p, T / steps)
    return x @ x / 2


def stepping_system(steps):
    """L and D with one row per time step; entries are the Jacobians of one step; and the last x."""
    x, L, D, h = X0, {}, {}, T / steps
    for k in range(steps):
        J = opad.jacobian_operator(step, x, P, h, argnums=(0,))
        D[k, 0] = opad.jacobian_operator(step, x, P, h, argnums=(1,))
        if k > 0:
            L[k, k - 1] = J
        x = step(x, P, h)
    return opad.BlockMatrix(L, (steps, steps)), opad.BlockMatrix(D, (steps, 1)), x


def gradient_by_stepping(steps):
    """D^H ((I - L)^H \\ g) with g = (0, …, 0, x(T))."""
    L, D, x = stepping_system(steps)
    g = [np.zeros_like(x)] * (steps - 1) + [x]
    return (D.H @ opad.solve((opad.I - L).H, g))[0]


def gradient_by_adjoint_ode():
    """λ' = -f_xᵀ λ backward in time from λ(T) = x(T), and dG/dp = ∫ f_pᵀ λ dt, to the accuracy of the integrator."""
    tight = {"rtol": 1e-12, "atol": 1e-13, "method": "DOP853"}
    forward = scipy.integrate.solve_ivp(lambda t, x: predator_prey(x, P), (0, T), X0, dense_output=True, **tight)

    def backward(t, state):
        x, cotangent = forward.sol(t), state[:2]
        f_x = np.array([[P[0] - P[1] * x[1], -P[1] * x[0]], [P[3] * x[1], P[3] * x[0] - P[2]]])
        f_p = np.array([[x[0], -x[0] * x[1], 0, 0], [0, 0, -x[1], x[0] * x[1]]])
        return np.concatenate([-f_x.T @ cotangent, -f_p.T @ cotangent])

    start = np.concatenate([forward.y[:, -1], np.zeros(4)])
    return scipy.integrate.solve_ivp(backward, (T, 0), start, **tight).y[2:, -1]


def time_stepping(findings, quick):
    """Time stepping of an ODE: a block bidiagonal I - L, and its adjoint."""
    steps = 50
    L, D, _ = stepping_system(steps)
    bidiagonal = sorted((opad.I - L).blocks) == sorted(
        [(k, k) for k in range(steps)] + [(k, k - 1) for k in range(1, steps)]
    )
    findings.claim("pattern of I - L", "block bidiagonal", "block bidiagonal" if bidiagonal else "other", bidiagonal)
    found = gradient_by_stepping(steps)
    findings.close("gradient by back substitution", "grad through the loop", found, opad.grad(final_cost)(P, steps))

    exact = gradient_by_adjoint_ode()
    errors = [np.linalg.norm(gradient_by_stepping(n) - exact) / np.linalg.norm(exact) for n in (steps, 2 * steps)]
    order = np.log2(errors[0] / errors[1])
    findings.claim("against the ODE adjoint λ' = -f_xᵀ λ", "the same, at the order of the method: 4",
                   f"error {errors[1]:.1e}, order {order:.2f}", errors[1] < 1e-6 and 3.7 < order < 4.4)  # fmt: skip
    L, D, _ = stepping_system(12)
    axes = spy((L, D), scale="equal", labels=False)
    findings.figure("time_stepping", axes.figure, "Twelve Runge-Kutta steps: I - L is block bidiagonal, D one column.")


EXPERIMENTS = [two_solves, newton, time_stepping]
