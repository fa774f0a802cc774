"""Jacobian of the Roe flux by elimination, against forward and back substitution."""

from statistics import median
from time import perf_counter

import numpy as np

import opad
from opad.calculus.planning import Planner
from papers.lohoff2024.tasks import TASKS

FLUX, POINT, _, _ = TASKS["RoeFlux_1d"]
ARGUMENTS = tuple(range(len(POINT)))
PLANNER = Planner("auto", sparse=True)


def single_use_first(findings, quick):
    """Variables used once first."""
    counts = {
        order: opad.plan_elimination(FLUX, *POINT, order=order).multiplications
        for order in ("forward", "reverse", "single_use_first")
    }
    least = min(counts["forward"], counts["reverse"])
    text = ", ".join(f"{name} {count}" for name, count in counts.items())
    findings.claim("multiplications for the Roe flux", "fewer", text, counts["single_use_first"] < least)


def one_point(findings, quick):
    """The Jacobian at one point."""
    jacobians = {order: opad.jacobian(FLUX, ARGUMENTS, order=order) for order in ("auto", "forward", "reverse")}
    reference = np.array(jacobians["forward"](*POINT))
    findings.close("elimination against substitution", "equal", np.array(jacobians["auto"](*POINT)), reference)
    if quick:
        return
    times = timed({order: lambda J=J: J(*POINT) for order, J in jacobians.items()})
    text = ", ".join(f"{order} {1e6 * seconds:.0f} us" for order, seconds in times.items())
    fastest = min(times["forward"], times["reverse"])
    # Single numbers: Python's overhead per block, not the multiplications, is what this time measures.
    findings.claim("time, tracing included", "no slower than twice the better", text, times["auto"] < 2 * fastest)


def many_points(findings, quick):
    """The Jacobian at 10⁴ points, every block a diagonal."""
    n = 100 if quick else 10_000
    rng = np.random.default_rng(0)
    points = [np.full(n, value) * (1 + 0.1 * rng.random(n)) for value in POINT]
    linearization = opad.linearize(FLUX, *points)
    J = linearization.jacobian_matrix(sparse=True)
    pushed = np.stack([np.concatenate(column) for column in tangents(linearization)])
    summed = np.stack([J[:, k * n : (k + 1) * n].sum(axis=1) for k in ARGUMENTS])
    findings.close("elimination against six tangents", "equal", summed, pushed)
    if quick:
        return
    times = timed(
        {
            "elimination": lambda: linearization.jacobian_blocks(PLANNER),
            "six tangents": lambda: tangents(linearization),
        }
    )
    counts = {candidate.name: candidate.multiplications for candidate in PLANNER.last.candidates}
    least, forward = min(counts.values()), counts["forward elimination"]
    text = f"{least:.0f} against {forward:.0f}; " + ", ".join(f"{k} {1e3 * t:.1f} ms" for k, t in times.items())
    findings.claim(f"multiplications for {n} points; time once recorded", "fewer", text, least < forward)


def tangents(linearization):
    """All columns, one tangent per input."""
    ones = np.ones(np.shape(linearization.value[0]))
    return [linearization.push([ones if i == k else None for i in ARGUMENTS]) for k in ARGUMENTS]


def timed(functions, repeats=15):
    """Median seconds of each function, called in turns."""
    found = {name: [] for name in functions}
    for _ in range(repeats + 1):
        for name, function in functions.items():
            start = perf_counter()
            function()
            found[name].append(perf_counter() - start)
    return {name: median(times[1:]) for name, times in found.items()}


EXPERIMENTS = [single_use_first, one_point, many_points]
