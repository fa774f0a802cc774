"""Expression swell: nodes of a symbolic derivative, with and without common subexpressions, beside the tape."""

import numpy as np
import sympy

import opad
from papers.pictures import diagram

x = sympy.Symbol("x")


def logistic(u, steps):
    """The logistic map u -> 4 u (1 - u), a standard example of swell."""
    for _ in range(steps):
        u = 4 * u * (1 - u)
    return u


def nodes(expression):
    """Nodes of the expression tree, shared subtrees counted as often as they are written."""
    return sum(1 for _ in sympy.preorder_traversal(expression))


def nodes_with_cse(expression):
    """Nodes after common subexpression elimination."""
    definitions, (rest,) = sympy.cse(expression)
    return nodes(rest) + sum(1 + nodes(value) for _, value in definitions)


def swell_of_sine(findings, quick):
    """The notes' example, d sin(eˣ)/dx = eˣ cos(eˣ)."""
    derivative = sympy.diff(sympy.sin(sympy.exp(x)), x)
    findings.equal("derivative", "exp(x)*cos(exp(x))", str(derivative))
    findings.equal("occurrences of eˣ", 2, derivative.count(sympy.exp(x)))
    definitions, (rest,) = sympy.cse(derivative)
    left = rest.count(sympy.exp(x)) + sum(value.count(sympy.exp(x)) for _, value in definitions)
    findings.equal("occurrences with common subexpressions eliminated", 1, left)
    L, _ = opad.linearize(lambda x: np.sin(np.exp(x)), 0.5).system
    findings.equal("evaluations of eˣ on opad's tape", 1, sum("exp" in name for name in L.row_names))


def swell_of_logistic_map(findings, quick):
    """Growth with the number of steps of u → 4 u (1 - u)."""
    depths = list(range(1, 7 if quick else 9))
    derivatives = [sympy.diff(logistic(x, n), x) for n in depths]
    naive = [nodes(derivative) for derivative in derivatives]
    shared = [nodes_with_cse(derivative) for derivative in derivatives]
    tape = [opad.linearize(lambda u, n=n: logistic(u, n), 0.3).system[0].shape[0] for n in depths]

    last, ratio = depths[-1], naive[-1] / naive[-2]
    swollen = f"{naive[-1]} after {last} steps, × {ratio:.1f} per step"
    findings.claim("nodes of the symbolic derivative", "expression swell", swollen, ratio > 2)
    small = f"{shared[-1]} after {last} steps"
    findings.claim("nodes with common subexpressions eliminated", "swell solved", small, shared[-1] < 60 * last)
    linear = f"{tape[-1]} after {last} steps, + 3 per step"
    findings.claim("rows of opad's tape", "linear", linear, tape == [3 * n for n in depths])
    value = float(derivatives[-1].subs(x, sympy.Rational(3, 10)))
    findings.close("the derivatives agree at 0.3", "symbolic", opad.grad(logistic)(0.3, last), value)
    caption = "Size of the derivative of the logistic map: symbolic, with common subexpressions shared, and taped."
    findings.figure("expression_swell", swell_figure(depths, naive, shared, tape), caption)


def swell_figure(depths, naive, shared, tape):
    axes = diagram("steps of the logistic map", "size")
    for counts, label, style in (
        (naive, "symbolic derivative, nodes", "o-"),
        (shared, "with common subexpressions eliminated, nodes", "s-"),
        (tape, "opad's tape, rows", "^-"),
    ):
        axes.semilogy(depths, counts, style, label=label)
    axes.legend(frameon=False)
    return axes.figure


EXPERIMENTS = [swell_of_sine, swell_of_logistic_map]
