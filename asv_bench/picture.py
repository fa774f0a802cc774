"""One picture of a run of `asv_bench.report`: a line per workload, a mark per library."""

from math import isnan
from statistics import median

from asv_bench.benchmarks.protocol import BASELINE, COMPILED, FUSED
from asv_bench.benchmarks.ratios import BEST, BY_HAND, best_library, ratio
from asv_bench.page import COLOURS, size_label, time_label, words

BLUE = COLOURS[BASELINE]
MARKS = {  # marker, size, colour, filled or not; what comes later lies above
    BY_HAND: ("|", 14, COLOURS[BY_HAND], True),
    "autograd_eager": ("X", 6, COLOURS["autograd_eager"], True),
    "torch_eager": ("s", 5, COLOURS["torch_eager"], True),
    "torch_compile": ("s", 5, COLOURS["torch_compile"], False),
    "jax_jit": ("D", 5, COLOURS["jax_jit"], True),
    BASELINE: ("o", 7, BLUE, False),
    COMPILED: ("o", 7, BLUE, True),
    FUSED: ("o", 7, COLOURS[FUSED], True),
}


def over_best(measured, library):
    """Time of a library over that of the best one besides opad; nan where there is none."""
    return 1.0 if library == best_library(measured) else ratio(measured, library, BEST)


def draw(path, cells, machine):
    """Write the picture; the path.

    Parameters
    ----------
    path : of a PNG file
    cells, machine : what `asv_bench.report` has measured
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullFormatter

    cells = [cell for cell in cells if best_library(cell["measured"])][::-1]
    style = {"font.family": "sans-serif", "font.size": 9.5, "axes.edgecolor": "#9ca3af"}
    style |= {f"axes.spines.{side}": False for side in ("top", "right", "left")}
    with plt.rc_context(style):
        figure, axis = plt.subplots(figsize=(9, 1.5 + 0.33 * len(cells)), layout="constrained")
        axis.axvspan(1e-9, 1, color="#10965a", alpha=0.06, lw=0)
        axis.axvline(1, color="#111827", lw=0.8)
        for library, (marker, size, colour, is_filled) in MARKS.items():
            values = [over_best(cell["measured"], library) for cell in cells]
            if all(map(isnan, values)):
                continue
            face = colour if is_filled else "white"
            axis.plot(values, range(len(cells)), marker, ms=size, mec=colour, mfc=face, mew=1.6, label=words(library))
        axis.grid(axis="y", color="#e5e7eb", lw=0.7)
        axis.set_axisbelow(True)
        values = [over_best(cell["measured"], library) for cell in cells for library in MARKS]
        values = [value for value in values if not isnan(value)]
        names = [f"{words(cell['workload'])}  {size_label(cell['size'])}" for cell in cells]
        axis.set(xscale="log", xlim=(min(values) / 1.3, max(values) * 1.3), ylim=(-0.7, len(cells) - 0.3))
        axis.set_yticks(range(len(cells)), names)
        axis.tick_params(axis="y", length=0)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        times = axis.secondary_yaxis("right")
        times.set_yticks(range(len(cells)), [_best_time(cell["measured"]) for cell in cells])
        times.spines["right"].set_visible(False)
        times.tick_params(axis="y", length=0, labelcolor="#6b7280")
        processor = machine["machine"].partition(",")[0]
        axis.set_xlabel(f"time of one gradient / time of the best other library (on the right).  {processor}")
        figure.legend(loc="outside upper center", ncols=4, frameon=False, handletextpad=0.2)
        figure.savefig(path, dpi=110)
        plt.close(figure)
    return path


def _best_time(measured):
    best = best_library(measured)
    return f"{time_label(median(measured['seconds'][best]))} {words(best)}"
