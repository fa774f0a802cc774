"""The published instances, and the gain over the better homogeneous mode on random chains."""

from itertools import pairwise

import numpy as np

import opad
from papers.pictures import diagram

INSTANCES = {  # (m, n, E) per factor, right to left: optimum, all tangent, all adjoint, preaccumulate all
    ((3, 3, 29), (1, 3, 14), (2, 1, 7)): (56, 150, 100, 123),
    ((4, 2, 100), (8, 4, 100)): (400, 400, 1600, 664),
    ((2, 4, 100), (32, 2, 100)): (600, 800, 6400, 656),
    ((4, 8, 100), (2, 4, 100)): (400, 1600, 400, 664),
    ((2, 32, 100), (4, 2, 100)): (600, 6400, 800, 656),
    ((2, 4, 100), (4, 2, 100)): (432, 800, 800, 432),
}
LENGTHS = (3, 5, 10, 20, 50, 100)


def published_instances(findings, quick):
    """Optimum, all tangent, all adjoint, preaccumulate all."""
    for factors, published in INSTANCES.items():
        plan = opad.plan_chain(factors)
        found = plan.cost, plan.tangent, plan.adjoint, plan.preaccumulate
        chain = ", ".join(f"{m}x{n} E={cost}" for m, n, cost in factors)
        findings.equal(f"{chain}: {plan.bracketing}", _row(published), _row(found))


def random_chain(rng, length):
    """Sizes from 1 to `length`, products of a factor with a vector at up to the price of its dense matrix."""
    sizes = rng.integers(1, length + 1, length + 1)
    return [(int(m), int(n), int(rng.integers(1, max(m * n, 2)))) for n, m in pairwise(sizes)]


def gain(plan):
    """Cost of the better homogeneous mode over the optimum."""
    return min(plan.tangent, plan.adjoint) / plan.cost


def random_chains(findings, quick):
    """Random chains: gain over the better homogeneous mode."""
    rng, samples = np.random.default_rng(0), 3 if quick else 15
    lengths = LENGTHS[:-2] if quick else LENGTHS
    gains = [[gain(opad.plan_chain(random_chain(rng, q))) for _ in range(samples)] for q in lengths]
    worst = min(map(min, gains))
    findings.claim("the optimum is never dearer", ">= 1", f"{worst:.2f}", worst >= 1)
    medians = [float(np.median(found)) for found in gains]
    text = f"{medians[0]:.1f} at {lengths[0]} factors, {medians[-1]:.1f} at {lengths[-1]}"
    findings.claim("median gain grows with the length", "1.9 to 122, 10 to 500 factors", text, medians[-1] > medians[0])
    axes = diagram("factors", "better homogeneous mode / optimum")
    for k in range(samples):
        axes.loglog(lengths, [found[k] for found in gains], ".", color="#bbbbbb")
    axes.loglog(lengths, medians, "o-", label="median")
    axes.legend(frameon=False)
    caption = "Random Jacobian chains: how many times cheaper the optimum is than the better homogeneous mode."
    findings.figure("gain", axes.figure, caption)


def _row(numbers):
    return " / ".join(map(str, numbers))


EXPERIMENTS = [published_instances, random_chains]
