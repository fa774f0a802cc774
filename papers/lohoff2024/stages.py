"""The pattern of one system while its inner variables are eliminated in three orders."""

import numpy as np
from matplotlib.figure import Figure

import opad
from opad.blocks.elimination import Elimination
from papers.lohoff2024.tasks import TASKS

ORDERS = ("forward", "reverse", "markowitz_last")
STAGES = (0.0, 0.35, 0.7, 1.0)


def elimination_of(name):
    """The block system of a task, ready to be eliminated."""
    f, point, _, _ = TASKS[name]
    linearization = opad.linearize(f, *point)
    return Elimination(*linearization.system, linearization.output_rows)


def pattern(elimination):
    """(row, column) of every block of (I - L | D) that is left, inputs to the left of the rows."""
    L, D = elimination.system
    return np.array([(i, j - D.shape[1]) for i, j in D.blocks] + list(L.blocks))


def elimination_in_stages(findings, quick):
    """Fill-in while the system of the propane task is eliminated."""
    name = "PropaneCombustion"
    axes = Figure(figsize=(9.0, 7.5), layout="constrained").subplots(len(ORDERS), len(STAGES), sharex=True, sharey=True)
    left, products = set(), []
    for row, order in enumerate(ORDERS):
        elimination = elimination_of(name)
        rows = elimination.order(order)
        done = 0
        for column, stage in enumerate(STAGES):
            for variable in rows[done : round(stage * len(rows))]:
                elimination.eliminate(variable)
            done = round(stage * len(rows))
            blocks = pattern(elimination)
            draw(axes[row, column], blocks, elimination)
            axes[row, column].set_title(f"{len(rows) - done} left, {elimination.multiplications} products", fontsize=9)
        axes[row, 0].set_ylabel(order)
        left.add(tuple(map(tuple, sorted(blocks.tolist()))))
        products.append(elimination.multiplications)
    findings.claim(f"{name}: what is left in the end", "the Jacobian", f"{len(left)} pattern", len(left) == 1)
    findings.equal(f"products of blocks, {' / '.join(ORDERS)}", "151 / 90 / 88", " / ".join(map(str, products)))
    caption = f"The blocks of {name} while it is eliminated in three orders: inputs to the left, then variables."
    findings.figure("stages", axes[0, 0].figure, caption)


def draw(axes, blocks, elimination):
    inputs = elimination.graph.inputs
    from_inputs = blocks[:, 1] < 0
    axes.plot(*blocks[~from_inputs, ::-1].T, "s", color="#4477aa", markersize=2)
    axes.plot(*blocks[from_inputs, ::-1].T, "s", color="#ee6677", markersize=2)
    axes.set(xlim=(-inputs - 1, elimination.graph.rows), ylim=(elimination.graph.rows, -1), aspect="equal")
    axes.axvline(-0.5, color="#bbbbbb", linewidth=0.8)


EXPERIMENTS = [elimination_in_stages]
