"""The picture at the head of the README; `python -m papers.overview` draws it again."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import opad
from opad.plotting import graph, spy


def network(W1, b1, W2, b2, X):
    """Two layers on a batch of columns."""
    return W2 @ np.tanh(W1 @ X + b1) + b2


def draw(path):
    """Write the block pattern above the graph of `network`."""
    rng = np.random.default_rng(0)
    point = [rng.standard_normal(shape) for shape in ((4, 3), (4, 1), (3, 4), (3, 1), (3, 5))]
    linearization = opad.linearize(network, *point)
    figure = Figure(figsize=(9.5, 8), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[1.9, 1])
    spy(linearization, ax=above)
    graph(linearization, ax=below)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    draw(Path(__file__).with_name("overview.png"))
