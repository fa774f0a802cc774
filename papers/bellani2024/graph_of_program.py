"""Figures 1 and 2: the graph of an expression, adjoints along it, and control flow that changes it."""

import numpy as np

import opad
from opad.plotting import graph

NAMES = ["v1 log", "v2 multiply", "v3 sin", "v4 add", "v5 subtract"]
INPUTS = ["v-1", "v0"]


def program(x1, x2):
    """f in the elementary operations of the notes' figure 1."""
    v1 = np.log(x1)
    v2 = x1 * x2
    v3 = np.sin(x2)
    v4 = v1 + v2
    return v4 - v3


def traced_system(x1, x2):
    """L and D of the program, under the notes' names."""
    L, D = opad.linearize(program, x1, x2).system
    L.row_names = L.column_names = D.row_names = NAMES
    D.column_names = INPUTS
    return L, D


def edges_of(L, D):
    """The graph's edges as pairs of names."""
    short = [name.split()[0] for name in NAMES]
    return {(short[j], short[i]) for i, j in L.blocks} | {(INPUTS[k], short[i]) for i, k in D.blocks}


def figure_two(findings, quick):
    """Figure 2: the graph of the expression, from the trace."""
    L, D = traced_system(2.0, 5.0)
    drawn = {
        ("v-1", "v1"), ("v-1", "v2"), ("v0", "v2"), ("v0", "v3"),
        ("v1", "v4"), ("v2", "v4"), ("v4", "v5"), ("v3", "v5"),
    }  # fmt: skip
    found = edges_of(L, D)
    findings.claim("edges of the graph", f"{len(drawn)} edges", f"{len(found & drawn)} of them", found == drawn)

    ones = opad.BlockMatrix(dict.fromkeys(L.blocks, 1), L.shape), opad.BlockMatrix(dict.fromkeys(D.blocks, 1), D.shape)
    paths = list(ones[1].T @ opad.solve(opad.I - ones[0].T, [0, 0, 0, 0, 1]))
    findings.equal("addends of ∂f/∂x₁ and ∂f/∂x₂: paths from v5 to v-1 and v0", [2, 2], [int(n) for n in paths])
    axes = graph((L, D))
    findings.figure(
        "figure2", axes.figure, "Figure 2 of the notes, drawn from the trace at (2, 5): edges carry ∂vᵢ/∂vⱼ."
    )


def figure_one(findings, quick):
    """Figure 1: adjoints, by back substitution in the traced system."""
    x1, x2 = 2.0, 5.0
    L, D = traced_system(x1, x2)
    adjoints = opad.solve((opad.I - L).H, [np.zeros(())] * 4 + [np.ones(())])
    findings.close("v̄1, …, v̄5", "1, 1, -1, 1, 1", [np.asarray(v) for v in adjoints], [1, 1, -1, 1, 1], 1e-15)
    v_minus1, v0 = D.H @ adjoints
    findings.close("v̄-1 = v̄2 ∂v2/∂v-1 + v̄1 ∂v1/∂v-1", "x₂ + 1/x₁", v_minus1, x2 + 1 / x1, 1e-15)
    findings.close("v̄0 = v̄3 ∂v3/∂v0 + v̄2 ∂v2/∂v0", "x₁ - cos x₂", v0, x1 - np.cos(x2), 1e-15)


def branch(a, b, c):
    return a + b if a > 0 else a + c


def halve_until_small(x):
    """A loop whose length the value decides, left by an exception."""
    try:
        while True:
            x = x / 2
            if x < 1:
                raise StopIteration
    except StopIteration:
        return x


def control_flow(findings, quick):
    """Control flow: x = a + b if a > 0 else a + c."""
    for a, expected in ((1.0, (1.0, 1.0, 0.0)), (-1.0, (1.0, 0.0, 1.0))):
        gradient = opad.grad(branch, argnums=(0, 1, 2))(a, 2.0, 3.0)
        findings.equal(f"gradient in (a, b, c) at a = {a:g}", expected, gradient)
    graphs = [sorted(opad.linearize(branch, a, 2.0, 3.0).system[1].blocks) for a in (1.0, -1.0)]
    different = graphs == [[(0, 0), (0, 1)], [(0, 0), (0, 2)]]
    here = " and ".join(map(columns, graphs))
    findings.claim("what the sum depends on, a > 0 and a < 0", "another graph", here, different)
    slopes = [opad.grad(halve_until_small)(x) for x in (3.0, 100.0)]
    findings.equal("a while loop left by an exception, at x = 3 and 100", [1 / 4, 1 / 128], slopes)


def columns(keys):
    return "{" + ", ".join("abc"[k] for _, k in keys) + "}"


EXPERIMENTS = [figure_two, figure_one, control_flow]
