"""How the diagrams of the report look."""

from matplotlib.figure import Figure

from opad.blocks.drawing import COLOURS


def diagram(xlabel, ylabel, width=6.0, height=4.0):
    """Empty Axes of a new figure, without the upper and the right spine."""
    axes = Figure(figsize=(width, height), layout="constrained").subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_prop_cycle(color=COLOURS)
    axes.spines[["top", "right"]].set_visible(False)
    return axes
