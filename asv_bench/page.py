"""The web page of `asv_bench.report`: tables, plots and the machine in one file that needs no other."""

import io
import re
from html import escape
from itertools import groupby
from math import log2
from statistics import median

from asv_bench.benchmarks import workloads
from asv_bench.benchmarks.protocol import AA, BASELINE, COMPILED, FLOOR, FORWARD, FUSED, OPAD
from asv_bench.benchmarks.ratios import BEST, mean_ratio, ratio

COLOURS = {
    "numpy_by_hand": "#7f7f7f",
    "torch_eager": "#ee6c4d",
    "torch_compile": "#9b2226",
    "jax_jit": "#2a9d8f",
    "autograd_eager": "#b5838d",
    "opad_fused": "#7c3aed",
    "opad_eager": "#1d4ed8",
}
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; max-width: 84rem; margin: 2.5rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.6rem; }
p.lead { color: #4b5563; max-width: 52rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; font-size: .87rem; }
dt { color: #6b7280; } dd { margin: 0; }
.means { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.mean { border: 1px solid #e5e7eb; border-radius: .6rem; padding: .6rem .9rem; min-width: 6.2rem; }
.mean b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; } .mean span { color: #6b7280; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .22rem .6rem; text-align: right; border-bottom: 1px solid #f3f4f6; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 2px solid #d1d5db; font-weight: 600; }
tr.mean-row td { border-top: 2px solid #d1d5db; font-weight: 600; }
td.na { color: #9ca3af; cursor: help; } svg { max-width: 100%; height: auto; }
"""


def words(name):
    return name.replace("_", " ")


def size_label(size):
    return "×".join(map(str, size))


def write_page(path, machine, cells, columns):
    """Write the page; the path."""
    cells = sorted(cells, key=lambda cell: workloads.NAMES.index(cell["workload"]))
    sections = [
        "<h1>opad against other libraries</h1>",
        '<p class="lead">Time of one gradient by opad, divided by that of the library, on the same program: below 1 '
        "opad is faster. Every gradient agrees with opad’s before it is timed.</p>",
        *(_means(cells, baseline) for baseline in OPAD if _is_timed(cells, baseline)),
        _table(cells, COMPILED, columns[COMPILED]),
        "<h2>Over the size: time of opad compiled / time of the library</h2>",
        _plots(cells),
        *(_table(cells, baseline, columns[baseline]) for baseline in (FUSED, BASELINE) if _is_timed(cells, baseline)),
        _first_calls(cells),
        _programs(cells),
        "<h2>Machine and protocol</h2>",
        _definitions(machine | {"versions": _versions(cells)}),
    ]
    head = f"<meta charset='utf-8'><title>opad: benchmarks</title><style>{STYLE}</style>"
    path.write_text(f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(sections)}</body></html>")
    return path


def _definitions(lines):
    rows = "".join(f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in lines.items())
    return f"<dl>{rows}</dl>"


def _versions(cells):
    versions = {}
    for cell in cells:
        versions |= cell["measured"]["versions"]
    return ", ".join(f"{words(library)} {version}" for library, version in versions.items())


def _is_timed(cells, library):
    return any(library in cell["measured"]["seconds"] for cell in cells)


def _means(cells, baseline):
    """Geometric means as cards."""
    measurements = [(cell["workload"], cell["measured"]) for cell in cells]
    cards = ""
    for column in (BEST, *COLOURS):
        value = mean_ratio(measurements, baseline, column)
        if value == value and column != baseline:
            cards += f'<div class="mean"><b>{value:.2f}</b><span>{words(column)}</span></div>'
    return (
        f'<p><b>{words(baseline)}</b>, geometric mean over the workloads, against</p><div class="means">{cards}</div>'
    )


def _shade(value):
    """Green below 1, red above, stronger further away."""
    strength = min(abs(log2(value)) / 4, 1) * 0.5
    return f"rgba({'16,150,90' if value < 1 else '220,60,50'},{strength:.2f})"


def _table(cells, baseline, columns):
    head = "".join(f"<th>{words(column)}</th>" for column in columns)
    rows = ""
    for cell in cells:
        measured = cell["measured"]
        own = median(measured["seconds"][baseline]) if baseline in measured["seconds"] else float("nan")
        name = f"{words(cell['workload'])} {size_label(cell['size'])} {cell['dtype']}"
        rows += f"<tr><td>{name}</td><td>{time_label(own)}</td>"
        rows += "".join(_entry(measured, baseline, column) for column in columns) + "</tr>"
    measurements = [(cell["workload"], cell["measured"]) for cell in cells]
    rows += '<tr class="mean-row"><td>geometric mean over workloads</td><td></td>'
    rows += "".join(_ratio(mean_ratio(measurements, baseline, column), column) for column in columns)
    title = f"<h2>{words(baseline)}: its time, and divided by that of …</h2>"
    return f"{title}<table><thead><tr><th>gradient of</th><th>time</th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _entry(measured, baseline, column):
    value = ratio(measured, baseline, column)
    if value != value:
        reason = (measured["unavailable"] | measured["failed"]).get(column, "not measured")
        return f'<td class="na" title="{escape(reason)}">n/a</td>'
    title = f' title="{time_label(median(measured["seconds"][column]))}"' if column in measured["seconds"] else ""
    return _ratio(value, column, title)


def _ratio(value, column, title=""):
    if value != value:
        return '<td class="na">n/a</td>'
    if column in (AA, FORWARD):
        return f"<td{title}>{value:.2f}</td>"
    return f'<td{title} style="background:{_shade(value)}">{value:.2f}</td>'


def time_label(seconds):
    if seconds != seconds:
        return "n/a"
    factor, unit = (1, "s") if seconds >= 1 else (1e3, "ms") if seconds >= 1e-3 else (1e6, "µs")
    return f"{seconds * factor:.3g} {unit}"


def _first_calls(cells):
    """Seconds until the first gradient is there."""
    libraries = (*OPAD, "torch_compile", "jax_jit")
    rows = ""
    for workload, group in groupby(cells, key=lambda cell: cell["workload"]):
        cell = list(group)[-1]
        rows += f"<tr><td>{words(workload)} {size_label(cell['size'])} {cell['dtype']}</td>"
        for library in libraries:
            seconds = cell["measured"]["first"].get(library)
            rows += "<td class='na'>n/a</td>" if seconds is None else f"<td>{time_label(seconds)}</td>"
        rows += "</tr>"
    head = "".join(f"<th>{words(library)}</th>" for library in libraries)
    return (
        "<h2>The first call: recording or compilation, and one gradient</h2>"
        f"<table><thead><tr><th>gradient of</th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _loss(cell):
    """Why opad compiled is slower than the best library, if it is."""
    value = ratio(cell["measured"], COMPILED, BEST)
    remark = getattr(workloads.load(cell["workload"]), "REMARK", None)
    if not remark or not value > 1:
        return None
    floor = ratio(cell["measured"], COMPILED, FLOOR)
    calls = f"; {floor:.2g} times the same NumPy calls, eager, with an adjoint by hand" if floor == floor else ""
    return f"{value:.2g} times the best library: {remark}{calls}"


def _programs(cells):
    """What each workload is, where opad is slower and why, the reasons of n/a."""
    lines = {}
    for cell in cells:
        lines[words(cell["workload"])] = re.sub(r"\s+", " ", workloads.load(cell["workload"]).__doc__)
        if remark := _loss(cell):
            lines[f"{words(cell['workload'])} {size_label(cell['size'])} {cell['dtype']}"] = remark
        for library, reason in (cell["measured"]["unavailable"] | cell["measured"]["failed"]).items():
            lines[f"{words(cell['workload'])}, {words(library)}"] = f"n/a: {reason}"
    return "<h2>The programs</h2>" + _definitions(lines)


def _plots(cells):
    """One panel per workload, ratio over size, as SVG; float32 is dashed."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    panels = [(name, list(group)) for name, group in groupby(cells, key=lambda cell: cell["workload"])]
    rows = -(-len(panels) // 3)
    style = {"font.family": "sans-serif", "font.size": 9, "svg.fonttype": "none", "axes.spines.top": False,
             "axes.spines.right": False, "axes.edgecolor": "#9ca3af", "svg.hashsalt": "opad"}  # fmt: skip
    with plt.rc_context(style):
        figure, axes = plt.subplots(
            rows, 3, figsize=(13.5, 2.9 * rows), squeeze=False, sharey=True, layout="constrained"
        )
        for axis, (name, group) in zip(axes.flat, panels, strict=False):
            _panel(axis, name, group)
        shown = [ratio(cell["measured"], COMPILED, library) for cell in cells for library in COLOURS]
        shown = [value for value in shown if value == value]
        axes[0, 0].set_ylim(min(*shown, 1) / 1.5, max(*shown, 1) * 1.5)
        for axis in axes.flat[len(panels) :]:
            axis.axis("off")
        handles = [plt.Line2D([], [], color=colour, marker="o", ms=4) for colour in COLOURS.values()]
        figure.legend(handles, map(words, COLOURS), loc="outside upper center", ncols=len(COLOURS), frameon=False)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]


def _panel(axis, name, group):
    """The ratios of one workload."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    sizes = list(dict.fromkeys(size_label(cell["size"]) for cell in group))
    for library, colour in COLOURS.items():
        for dtype, line in (("float64", "-"), ("float32", "--")):
            points = [(sizes.index(size_label(cell["size"])), ratio(cell["measured"], COMPILED, library))
                      for cell in group if cell["dtype"] == dtype]  # fmt: skip
            points = [point for point in points if point[1] == point[1]]
            if points:
                axis.plot(*zip(*points, strict=True), line, marker="o", ms=4, lw=1.6, color=colour)
    axis.axhline(1, color="#111827", lw=0.8)
    axis.axhspan(1e-9, 1, color="#10965a", alpha=0.05, lw=0)
    axis.set(yscale="log", title=words(name), xticks=range(len(sizes)), xlim=(-0.3, len(sizes) - 0.7))
    axis.set_xticklabels(sizes, rotation=20 if len(sizes) > 3 else 0)
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(axis="y", color="#e5e7eb", lw=0.6)
