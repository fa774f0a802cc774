"""The cheap gradient principle: operations of a gradient, counted while opad computes it."""

from itertools import pairwise

import numpy as np

import opad
from papers.optimisation_course.counting import CountedArray, operations
from papers.pictures import diagram


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def log_sum_exp(x):
    return np.log(np.sum(np.exp(x)))


def quotients(x):
    return np.sum(x[1:] / x[:-1])


def nested_waves(x):
    return np.sum(np.sin(x * np.exp(x)) * x)


def mean_of_softmax(x):
    weights = np.exp(x)
    return np.sum(weights / np.sum(weights) * x)


def product_of_scalars(xs):
    """Speelpenning's product."""
    product = xs[0]
    for x in xs[1:]:
        product = product * x
    return product


def counted_costs(quick):
    """{name: (operations of f, operations of value and gradient)}."""
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, size=50)
    programs = {f.__name__: (f, x) for f in (rosenbrock, log_sum_exp, quotients, nested_waves, mean_of_softmax)}
    programs["product_of_scalars"] = product_of_scalars, [np.array(value) for value in x]
    return {
        name.replace("_", " "): (operations(f, x), operations(opad.value_and_grad(f), x))
        for name, (f, x) in programs.items()
    }


def deep_network(layers, width=64, samples=100):
    """Operations of a perceptron of equal layers, and of its gradient."""
    rng = np.random.default_rng(1)
    weights = list(rng.standard_normal((layers, width, width)) / 8)
    biases = list(rng.standard_normal((layers, width, 1)))
    X0 = rng.standard_normal((width, samples))

    def loss(W, B):
        X = X0
        for W_i, B_i in zip(W, B, strict=True):
            X = np.tanh(W_i @ X + B_i)
        return np.sum(X * X) / 2

    return operations(loss, weights, biases), operations(opad.value_and_grad(loss, (0, 1)), weights, biases)


def cheap_gradients(findings, quick):
    """Cheap gradient principle: cost(gradient) / cost(function), in counted operations."""
    for name, (function, gradient) in counted_costs(quick).items():
        ratio = gradient / function
        findings.claim(name, "at most 5", f"{gradient} / {function} = {ratio:.2f}", ratio <= 5)
    depths = [1, 2, 4, 8, 16, 32]
    ratios = [gradient / function for function, gradient in map(deep_network, depths)]
    rising = all(a < b for a, b in pairwise(ratios))
    here = f"{ratios[0]:.2f} … {ratios[-1]:.2f} for 1 … 32 layers"
    findings.claim("perceptron of equal layers", "limit 3", here, rising and abs(ratios[-1] - 3) < 0.1)
    axes = diagram("layers", "operations of the gradient / of the function")
    axes.semilogx(depths, ratios, "o-", base=2)
    axes.axhline(3, linestyle="--", color="#303030", label="limit 3")
    axes.legend(frameon=False)
    findings.figure("cheap_gradient", axes.figure, "The relative cost of a perceptron's gradient tends to 3.")


def which_mode(findings, quick):
    """Which mode for a Jacobian of m outputs and n inputs."""
    rng = np.random.default_rng(2)
    for m, n, better in ((40, 4, "forward"), (4, 40, "reverse")):
        A, B = (rng.standard_normal(shape).view(CountedArray) for shape in ((m, 20), (20, n)))
        x = rng.standard_normal(n)

        def f(x, A=A, B=B):
            return A @ np.tanh(B @ x)

        costs = {order: operations(opad.jacobian(f, order=order), x) for order in ("forward", "reverse", "auto")}
        here = f"forward {costs['forward']}, reverse {costs['reverse']} operations"
        worse = "reverse" if better == "forward" else "forward"
        findings.claim(f"m = {m}, n = {n}", better, here, 3 * costs[better] < costs[worse])
        findings.equal("what order='auto' takes", costs[better], costs["auto"])


EXPERIMENTS = [cheap_gradients, which_mode]
