"""Least squares on the diabetes data with a Jacobian that is never formed."""

import numpy as np
from scipy.optimize import least_squares
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.datasets import load_diabetes

import opad

TIGHT = {"ftol": 1e-14, "xtol": 1e-14, "gtol": 1e-12}
LSMR = {"tr_solver": "lsmr", "tr_options": {"atol": 1e-14, "btol": 1e-14}}  # its own 1e-6 would limit the fit


def problem():
    """Features with a column of ones, and the target in units of its deviation."""
    features, target = load_diabetes(return_X_y=True)
    features = features / features.std(axis=0)
    return np.column_stack([np.ones(target.size), features]), (target - target.mean()) / target.std()


def linear_fit(findings, quick):
    """A linear fit of the diabetes data, 442 patients."""
    A, y = problem()
    exact = np.linalg.lstsq(A, y, rcond=None)[0]

    def residual(p):
        return A @ p - y

    def jacobian(p):
        return opad.jacobian_operator(residual, p)

    start = np.zeros(A.shape[1])
    J = jacobian(start)
    findings.claim(
        "what jac returns", "a LinearOperator", f"{type(J).__name__} {J.shape}", isinstance(J, LinearOperator)
    )
    found = least_squares(residual, start, jac=jacobian, **TIGHT, **LSMR)
    findings.close("least_squares with jac = jacobian_operator", "closed form", found.x, exact, 1e-8)
    step, _ = cg(opad.gauss_newton_operator(residual, start), J.H @ -residual(start), rtol=1e-14)
    findings.close("one Gauss-Newton step, CG on JᴴJ", "closed form", start + step, exact, 1e-10)


def saturating_fit(findings, quick):
    """A saturating fit, y ≈ p₀ + p₁ tanh(A q)."""
    A, y = problem()
    A = A[:, 1:]

    def residual(p):
        return p[0] + p[1] * np.tanh(A @ p[2:]) - y

    start = np.concatenate([[0.0, 1.0], np.full(A.shape[1], 0.1)])
    found = least_squares(residual, start, jac=lambda p: opad.jacobian_operator(residual, p), **TIGHT, **LSMR)
    reference = least_squares(residual, start, jac="2-point", method="lm", **TIGHT)
    findings.close("sum of squares", "MINPACK's lm, 2-point Jacobian", found.cost, reference.cost, 1e-9)
    findings.close("parameters", "MINPACK's lm, 2-point Jacobian", found.x, reference.x, 1e-4)
    slopes = [np.linalg.norm(opad.jacobian_operator(residual, p).H @ residual(p)) for p in (start, found.x)]
    here = f"{slopes[0]:.0e} → {slopes[1]:.0e}"
    findings.claim("‖Jᴴ r‖ from the start to the solution", "0", here, slopes[1] < 1e-6 * slopes[0])


EXPERIMENTS = [linear_fit, saturating_fit]
