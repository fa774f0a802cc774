"""What elimination loses on ill-scaled programs, measured against the same program in rational arithmetic.

Every float is a rational number. The entries of a random ill-scaled system are therefore eliminated twice, as floats
and as Fractions, and the difference is what rounding did. Every variable depends on the two before it, and half of the
direct dependences nearly cancel the path through the variable between; the pivots are all one, so that only such sums
lose digits. Which sums are formed, and when, is what the orders differ in.
"""

from fractions import Fraction

import numpy as np

import opad
from papers.pictures import diagram

ORDERS = ("forward", "reverse", "markowitz", "markowitz_last", "minimum_fill", "single_use_first")
EPSILON = np.finfo(float).eps


def ill_scaled_chain(rng, length, decades):
    """Entries of L and D: sizes 10^(+-decades/2), and sums that cancel up to a share of 10^-decades."""
    entries = {}
    for i in range(1, length):
        entries[i, i - 1] = float(rng.choice([-1, 1]) * 10 ** rng.uniform(-decades / 2, decades / 2))
        if i > 1:
            through = entries[i, i - 1] * entries[i - 1, i - 2]
            left = rng.uniform(0.5, 1.5) * 10 ** -rng.uniform(0, decades) - 1 if rng.random() < 0.5 else rng.normal()
            entries[i, i - 2] = float(left * through)
    return entries, {(0, 0): 1.0, (1, 1): 1.0}


def entrywise_loss(entries, right, length, order):
    """Largest error of an entry of the Jacobian, in units of eps times the sum of the sizes of its paths."""

    def jacobian(kind, size=lambda x: x):
        L = opad.BlockMatrix({key: kind(size(value)) for key, value in entries.items()}, (length, length))
        D = opad.BlockMatrix({key: kind(value) for key, value in right.items()}, (length, 2))
        return opad.eliminate(L, D, [length - 2, length - 1], order if size is not abs else "forward")

    found, exact, scale = jacobian(float), jacobian(Fraction), jacobian(Fraction, abs)
    keys = [key for key in scale.blocks if scale[key]]
    backward = max(float(abs(Fraction(found[key]) - exact[key]) / scale[key]) for key in keys) / EPSILON
    forward = max(float(abs(Fraction(found[key]) - exact[key]) / abs(exact[key])) for key in keys if exact[key])
    return backward, forward


def losses(length, decades, samples, seed=0):
    """{order: (worst backward error in eps, worst relative error)} over random chains."""
    rng = np.random.default_rng(seed)
    chains = [ill_scaled_chain(rng, length, decades) for _ in range(samples)]
    found = {}
    for order in ORDERS:
        errors = np.array([entrywise_loss(*chain, length, order) for chain in chains])
        found[order] = tuple(errors.max(axis=0))
    return found


def ill_scaled_chains(findings, quick):
    """Ill-scaled chains in rational arithmetic."""
    samples, length = (5, 12) if quick else (60, 30)
    decades = (0, 4, 8, 12)
    table = {d: losses(length, d, samples) for d in decades}
    for d, found in table.items():
        bound = 4 * length
        worst = max(found, key=lambda order: found[order][0])
        findings.claim(
            f"entries over {d} decades: worst error of any order over the sum of the sizes of all paths",
            f"within {bound} eps",
            f"{found[worst][0]:.1g} eps ({worst})",
            found[worst][0] <= bound,
        )
    lost = {order: table[decades[-1]][order][1] for order in ORDERS}
    text = ", ".join(f"{order} {error:.0e}" for order, error in lost.items())
    findings.claim(
        "worst relative error of an entry, 12 decades", "orders can lose digits", text, len(set(lost.values())) > 1
    )
    axes = diagram("decades between the entries", "worst relative error of an entry")
    for order in ORDERS:
        axes.semilogy(decades, [max(table[d][order][1], EPSILON / 2) for d in decades], ".-", label=order)
    axes.legend(frameon=False)
    caption = f"Ill-scaled random chains of {length} variables: worst relative error of an entry of the Jacobian."
    findings.figure("accuracy", axes.figure, caption)


EXPERIMENTS = [ill_scaled_chains]
