"""The table of multiplications: its classical columns exactly, and orders found by annealing beside those learnt."""

import time

import numpy as np

import opad
from opad.calculus.elimination import JacobianSystem
from papers.lohoff2024.tasks import TASKS
from papers.pictures import diagram

WANTED = {"RoeFlux_1d": 295, "RobotArm_6DOF": 221, "HumanHeartDipole": 148, "PropaneCombustion": 88}
ALLOWED = 120.0  # seconds for the whole table on one core
COLUMNS = ("forward", "reverse", "markowitz")


def graph_of(f, point):
    """The elimination graph of a program, from opad's trace of it."""
    return JacobianSystem(opad.linearize(f, *point)).graph


def classical_columns(findings, quick):
    """Inputs, operations, inner vertices, edges; forward, reverse, Markowitz."""
    for name, (f, point, sizes, published) in TASKS.items():
        graph = graph_of(f, point)
        found = graph.inputs, graph.rows, len(graph.inner), graph.edges
        findings.equal(f"{name}: inputs, operations, inner, edges", _row(sizes), _row(found))
        counts = [opad.plan_elimination(f, *point, order=order).multiplications for order in COLUMNS]
        findings.equal(f"{name}: {', '.join(COLUMNS)}", _row(published[:3]), _row(counts))


def cheaper_orders(findings, quick):
    """Orders found here against those learnt."""
    start, plans = time.perf_counter(), {}
    for name, (f, point, _, published) in TASKS.items():
        plan = plans[name] = opad.plan_elimination(f, *point, seconds=3 if quick else 20)
        findings.claim(
            f"{name}: multiplications of the order learnt, and of ours ({plan.name})",
            published[3],
            plan.multiplications,
            plan.multiplications <= min(WANTED[name], published[3]),
        )
    seconds = time.perf_counter() - start
    findings.claim("seconds for all four on one core", "", f"{seconds:.0f}", seconds < ALLOWED)
    caption = "Multiplications for one Jacobian in several elimination orders; × marks the order learnt in the paper."
    findings.figure("orders", orders_figure(plans), caption)


def same_jacobians(findings, quick):
    """The order changes the cost, not the Jacobian."""
    for name, (f, point, _, _) in TASKS.items():
        argnums = tuple(range(len(point)))
        reference = np.array(opad.jacobian(f, argnums, order="forward")(*point))
        orders = ("reverse", "markowitz", "markowitz_last", "minimum_fill", "single_use_first")
        found = [np.array(opad.jacobian(f, argnums, order=order)(*point)) for order in orders]
        findings.close(f"{name}: all orders", "one Jacobian", found, [reference] * len(orders))


def orders_figure(plans):
    axes = diagram("", "multiplications", width=8.0)
    names = list(next(iter(plans.values())).costs)
    width = 0.8 / len(names)
    for k, order in enumerate(names):
        heights = [plan.costs[order] for plan in plans.values()]
        axes.bar(np.arange(len(plans)) + (k - (len(names) - 1) / 2) * width, heights, width, label=order)
    axes.plot(range(len(plans)), [TASKS[name][3][3] for name in plans], "kx", label="learnt (paper)")
    axes.set_xticks(range(len(plans)), list(plans))
    axes.legend(frameon=False, ncols=2)
    return axes.figure


def _row(numbers):
    return " / ".join(map(str, numbers))


EXPERIMENTS = [classical_columns, cheaper_orders, same_jacobians]
