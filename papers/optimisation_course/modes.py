"""Finite differences, forward mode and reverse mode: errors over the step, costs over the number of parameters."""

import time

import numpy as np

import opad
from opad.plotting import graph
from papers.findings import relative_error
from papers.optimisation_course.counting import counted_calls
from papers.pictures import diagram


def loss(w1, w2):
    """The chapter's L(w1, w2) = w2 log w1 + sqrt(w2 log w1)."""
    v1 = np.log(w1)
    v2 = w2 * v1
    v3 = np.sqrt(v2)
    return v2 + v3


def gradient_of_loss(w1, w2):
    """Its gradient by hand."""
    v2 = w2 * np.log(w1)
    outer = 1 + 0.5 / np.sqrt(v2)
    return np.array([outer * w2 / w1, outer * np.log(w1)])


def by_forward_mode(f, w):
    """The gradient by one forward substitution per parameter."""
    return np.array([opad.jvp(f, (w,), (e,))[1] for e in np.eye(w.size)])


def by_differences(f, w, h):
    """The gradient by central differences, two evaluations per parameter."""
    return np.array([(f(w + h * e) - f(w - h * e)) / (2 * h) for e in np.eye(w.size)])


def one_sided(f, w, h):
    """The chapter's scheme, (L(w + h e_k) - L(w)) / h."""
    return np.array([(f(w + h * e) - f(w)) / h for e in np.eye(w.size)])


W = np.array([3.0, 2.0])


def of_vector(w):
    return loss(w[0], w[1])


def both_modes(findings, quick):
    """L(w₁, w₂) = w₂ log w₁ + √(w₂ log w₁), forward and reverse."""
    exact = gradient_of_loss(*W)
    forward = [opad.jvp(loss, tuple(W), direction)[1] for direction in ((1.0, 0.0), (0.0, 1.0))]
    findings.close("forward mode, one sweep per parameter", "closed form", np.array(forward), exact, 1e-15)
    findings.close("reverse mode, one sweep", "closed form", np.array(opad.grad(loss, (0, 1))(*W)), exact, 1e-15)
    L, D = opad.linearize(loss, *W).system
    D.column_names = ["w1", "w2"]
    L.row_names = ["v1 log", "v2 multiply", "v3 sqrt", "L add"]
    findings.equal("edges of the graph", 6, L.nnz + D.nnz)
    findings.figure(
        "graph", graph((L, D)).figure, "The graph of L(w1, w2) at (3, 2), with the derivative on every edge."
    )


def error_over_step(findings, quick):
    """Finite differences: accuracy or stability."""
    exact, steps = gradient_of_loss(*W), np.logspace(-15, -1, 57)
    schemes = {"one-sided difference": one_sided, "central difference": by_differences}
    errors = {name: [relative_error(scheme(of_vector, W, h), exact) for h in steps] for name, scheme in schemes.items()}
    modes = {"forward mode": by_forward_mode(of_vector, W), "reverse mode": opad.grad(of_vector)(W)}
    exact_modes = {name: relative_error(gradient, exact) for name, gradient in modes.items()}
    for name, found in errors.items():
        best = int(np.argmin(found))
        worse = found[-1] > 100 * found[best] and found[0] > 100 * found[best]
        here = f"{found[0]:.0e} at h = 1e-15, {found[best]:.0e} at {steps[best]:.0e}, {found[-1]:.0e} at 0.1"
        findings.claim(f"error of the {name}", "large for small and for large h", here, worse)
    for name, error in exact_modes.items():
        findings.claim(f"error of {name}", "exact", f"{error:.0e}", error < 1e-15)
    axes = diagram("step h", "relative error of the gradient")
    for name, found in errors.items():
        axes.loglog(steps, found, label=name)
    for (name, error), style in zip(exact_modes.items(), ("--", ":"), strict=True):
        axes.axhline(max(error, 1e-17), linestyle=style, color="#303030", label=f"{name} (opad)")
    axes.legend(frameon=False)
    findings.figure("error_over_step", axes.figure, "Error of the gradient of L over the step of finite differences.")


def network(width=100, layers=10):
    """f(w) of about the same cost for every number of parameters."""
    rng = np.random.default_rng(0)
    M, P, S = (
        rng.standard_normal((width, width)) / 10,
        rng.standard_normal((width, 64)),
        rng.standard_normal((width, 50)),
    )

    def f(w):
        X = S * np.reshape(P[:, : w.size] @ w, (-1, 1))
        for _ in range(layers):
            X = np.tanh(M @ X)
        return np.sum(X)

    return f


def cost_over_parameters(findings, quick):
    """Costs over the number of parameters d."""
    rng, f = np.random.default_rng(1), network()
    d = 64
    w = rng.standard_normal(d)
    counts, gradients = {}, {}
    for name, method in METHODS.items():
        counting, calls = counted_calls(f)
        gradients[name] = method(counting, w)
        counts[name] = len(calls)
    findings.equal(f"evaluations, finite differences, d = {d}", 2 * d, counts["finite differences"])
    findings.equal("sweeps, forward mode", d, counts["forward mode"])
    findings.equal("sweeps, reverse mode", 1, counts["reverse mode"])
    findings.close(
        "forward and reverse mode", "the same gradient", gradients["forward mode"], gradients["reverse mode"]
    )
    if not quick:
        time_over_parameters(findings, f, rng)


METHODS = {
    "finite differences": lambda f, w: by_differences(f, w, 1e-5),
    "forward mode": by_forward_mode,
    "reverse mode": lambda f, w: opad.grad(f)(w),
}


def time_over_parameters(findings, f, rng):
    sizes = [1, 2, 4, 8, 16, 32, 64]
    ratios = {name: [] for name in METHODS}
    for d in sizes:
        w = rng.standard_normal(d)
        unit = median_time(lambda w=w: f(w), 15)
        for name, method in METHODS.items():
            ratios[name].append(median_time(lambda w=w, m=method: m(f, w), 3) / unit)
    largest = {name: found[-1] for name, found in ratios.items()}
    reverse = largest["reverse mode"]
    for name, cost in (("finite differences", "2 d T"), ("forward mode", "d O(T)")):
        findings.claim(f"time, {name}, d = 64", cost, f"{largest[name]:.0f} T", largest[name] > 3 * reverse)
    flat = reverse / ratios["reverse mode"][0]
    findings.claim(
        "time, reverse mode", "O(T) for every d", f"{reverse:.1f} T, {flat:.1f} times that of d = 1", flat < 3
    )
    axes = diagram("parameters d", "time of a gradient / time T of the function")
    for (name, found), style in zip(ratios.items(), ("o-", "s-", "^-"), strict=True):
        axes.loglog(sizes, found, style, base=2, label=name)
    axes.legend(frameon=False)
    findings.figure("cost_over_parameters", axes.figure, "Time of a gradient over the number of parameters.")


def median_time(f, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


EXPERIMENTS = [both_modes, error_over_step, cost_over_parameters]
