"""Pictures of a block system: `spy` shows its blocks to scale, `graph` its computational graph.

Matplotlib is imported when a picture is drawn, and only its object-oriented part: a picture that is given no Axes makes
a figure of its own, which pyplot never learns of.
"""

import re
from itertools import pairwise

import numpy as np

from opad.blocks import BlockMatrix, I
from opad.blocks.drawing import COLOURS, IDENTITY_COLOUR, kind_of
from opad.blocks.entries import is_number
from opad.blocks.layout import layered_layout
from opad.errors import ConversionError, OptionError, ShapeError
from opad.operators import Operator
from opad.operators.base import size_of

INK = "#303030"
SCALES = {"linear": lambda n: max(n, 1), "log": lambda n: 1 + np.log2(max(n, 1)), "equal": lambda n: 1}
MAX_NAMES = 40  # beyond, the names of rows and columns would overlap
FONT_SIZES = (9, 8, 7, 6, 5)


def spy(system, ax=None, *, scale="linear", labels=True, legend=True):
    """Draw the blocks of a system: coloured by kind, sizes to scale, labelled where there is room.

    Parameters
    ----------
    system : BlockMatrix, Linearization, or pair (L, D)
        Of a pair, and of a linearisation, the two sides of (I - L) dx = D dp are drawn next to each other.
    ax : matplotlib Axes, optional
        Where to draw. Without it a new `matplotlib.figure.Figure` is made; pyplot is not involved.
    scale : {"linear", "log", "equal"}
        Widths and heights proportional to the numbers of elements, to 1 + their binary logarithm, or all the same.
    labels, legend : bool

    Returns
    -------
    matplotlib Axes; `ax.figure.savefig(...)` writes the picture

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.plotting import spy
    >>> L = opad.BlockMatrix({(1, 0): np.ones((3, 2))}, dimsd=[(2,), (3,)], dims=[(2,), (3,)])
    >>> ax = spy(opad.I - L)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['identity', 'dense']
    """
    if scale not in SCALES:
        raise OptionError(
            f"scale={scale!r}; expected one of {list(SCALES)}. 'log' keeps small blocks visible next to large ones."
        )
    parts = _sides(system)
    colours = _colours(kind_of(entry) for _, matrix in parts for _, entry in sorted(matrix.blocks.items()))
    rows = np.cumsum([0, *(SCALES[scale](size_of(space)) for space in _row_spaces(parts))])
    columns = _column_edges(parts, SCALES[scale])
    total = columns[-1][-1], rows[-1]
    ax = ax if ax is not None else _new_axes(*_figure_size(*total))

    places = []
    for (title, matrix), edges in zip(parts, columns, strict=True):
        _draw_frame(ax, rows, edges, title)
        places += _draw_blocks(ax, matrix, rows, edges, colours)
    _name_axes(ax, parts, rows, columns)
    _frame_axes(ax, *total)
    if legend:
        _add_legend(ax, colours)
    ax.figure.draw_without_rendering()  # the layout decides how large the blocks are, and with it what has room
    _thin_out_names(ax)
    if labels:
        _label_blocks(ax, places, colours)
    return ax


def graph(system, ax=None, *, labels=True):
    """Draw the computational graph: variables in layers by depth, one edge per block, named by its operator.

    Parameters
    ----------
    system : BlockMatrix (I - L, or L alone), Linearization, or pair (L, D)
        Variables are called by the row and column names of the matrices, where they have any.
    ax : matplotlib Axes, optional
        Where to draw. Without it a new `matplotlib.figure.Figure` is made; pyplot is not involved.
    labels : bool, whether edges carry the names of their operators

    Returns
    -------
    matplotlib Axes; inputs stand at the left, and each variable to the right of everything that it depends on

    Raises
    ------
    CyclicSystemError
        If variables depend on each other in a circle.

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.plotting import graph
    >>> ax = graph(opad.linearize(lambda x: np.tanh(x) * x, np.ones(2)))
    >>> sorted(text.get_text() for text in ax.texts if text.get_gid() == "node")
    ['x', 'x1\\ntanh', 'x2\\nmultiply']
    """
    names, edges = _nodes_and_edges(system)
    positions, routes = layered_layout(names, list(edges))
    xs, ys = np.array(list(positions.values()), float).reshape(-1, 2).T
    ax = ax if ax is not None else _new_axes(1.0 + 1.5 * np.ptp(xs) + 0.8, 0.9 * np.ptp(ys) + 1.4)
    colours = _colours(map(kind_of, edges.values()))
    for edge, entry in edges.items():
        _draw_edge(ax, routes[edge], colours[kind_of(entry)], _edge_name(entry) if labels else "")
    for node, name in names.items():
        _draw_node(ax, positions[node], name, is_input=node[0] == "input")
    ax.set_axis_off()
    ax.set_xlim(xs.min() - 0.5, xs.max() + 0.5)
    ax.set_ylim(ys.min() - 0.6, ys.max() + 0.6)
    return ax


# -- what is drawn --------------------------------------------------------------------------------------------------


def _sides(system):
    """[(title, BlockMatrix), …] of whatever was given."""
    if isinstance(system, BlockMatrix):
        return [(None, system)]
    L, D = _pair(system)
    return [("$I - L$", I - L), ("$D$", D)]


def _pair(system):
    pair = getattr(system, "system", system)
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(part, BlockMatrix) for part in pair)):
        raise ConversionError(
            f"a picture of {type(system).__name__} was asked for; expected a BlockMatrix, a Linearization or a pair "
            "(L, D) of block matrices. Make a BlockMatrix of it, or use matplotlib's spy for a single matrix."
        )
    if pair[0].shape[0] != pair[1].shape[0]:
        raise ShapeError(
            f"L has {pair[0].shape[0]} block rows and D {pair[1].shape[0]}; expected equal numbers. Take both from one "
            "linearisation."
        )
    return pair


def _nodes_and_edges(system):
    """{node: name} and {(from, to): block}; a node is ("input" or "row", index)."""
    if isinstance(system, BlockMatrix) and system.shape[0] == system.shape[1]:
        L, D = system, None
    elif isinstance(system, BlockMatrix):
        L, D = BlockMatrix({}, (system.shape[0],) * 2, row_names=system.row_names), system
    else:
        L, D = _pair(system)
    inputs = (D.column_names or [f"p{k}" for k in range(D.shape[1])]) if D is not None else []
    rows = L.row_names or [f"x{i + 1}" for i in range(L.shape[0])]
    names = {("input", k): name for k, name in enumerate(inputs)} | {("row", i): name for i, name in enumerate(rows)}
    # In the order of `spy`, so that both pictures give a kind the same colour.
    edges = {(("row", j), ("row", i)): entry for (i, j), entry in sorted(L.blocks.items()) if i != j}
    if D is not None:
        edges |= {(("input", k), ("row", i)): entry for (i, k), entry in sorted(D.blocks.items())}
    return names, edges


def _edge_name(entry):
    """The value of a 1 x 1 block, the kind of any other."""
    entry = entry.evaluate() if hasattr(entry, "evaluate") else entry
    if kind_of(entry) == "symbol":
        return str(entry)
    if is_number(entry):
        return f"{entry:.3g}" if isinstance(entry, float) else str(entry)
    return f"{entry.todense()[0, 0]:.3g}" if isinstance(entry, Operator) and entry.shape == (1, 1) else kind_of(entry)


def _row_spaces(parts):
    found = [matrix.dimsd for _, matrix in parts] + [parts[0][1].known_spaces()[0]]
    return [next(space for space in spaces if space is not None) for spaces in zip(*found, strict=True)]


def _column_edges(parts, scale):
    widths = [[scale(size_of(space)) for space in matrix.known_spaces()[1]] for _, matrix in parts]
    gap = 0.05 * sum(map(sum, widths))
    edges, left = [], 0
    for width in widths:
        edges.append(left + np.cumsum([0, *width]))
        left = edges[-1][-1] + gap
    return edges


def _colours(kinds):
    """One colour per kind, in order of appearance; the identity is grey in every picture."""
    colours, fresh = {}, 0
    for kind in kinds:
        if kind == "identity":
            colours[kind] = IDENTITY_COLOUR
        elif kind not in colours:
            colours[kind], fresh = COLOURS[fresh % len(COLOURS)], fresh + 1
    return colours


# -- spy ------------------------------------------------------------------------------------------------------------


def _new_axes(width, height):
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").subplots()


def _figure_size(width, height, largest=8.0):
    ratio = np.clip(width / height, 0.4, 3)
    return (largest, largest / ratio + 1) if ratio > 1 else (max(largest * ratio, 3.5), largest)


def _draw_frame(ax, rows, columns, title):
    from matplotlib.collections import LineCollection

    ends = np.array([columns[0], columns[-1]]), np.array([rows[0], rows[-1]])
    if max(len(rows), len(columns)) <= 2 * MAX_NAMES:
        lines = [[(x, ends[1][0]), (x, ends[1][1])] for x in columns]
        lines += [[(ends[0][0], y), (ends[0][1], y)] for y in rows]
        ax.add_collection(LineCollection(lines, colors="#e4e4e4", linewidths=0.5, zorder=0), autolim=False)
    corners = [(ends[0][a], ends[1][b]) for a, b in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
    ax.add_collection(LineCollection([corners], colors=INK, linewidths=0.8), autolim=False)
    if title:
        offset = {"xytext": (0, -6), "textcoords": "offset points"}
        ax.annotate(
            title, (ends[0].mean(), rows[-1]), **offset, ha="center", va="top", color=INK, annotation_clip=False
        )


def _draw_blocks(ax, matrix, rows, columns, colours):
    """One collection of rectangles per kind; returns (x, y, width, height, kind) of every block."""
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    places = {}
    for (i, j), entry in sorted(matrix.blocks.items()):
        place = columns[j], rows[i], columns[j + 1] - columns[j], rows[i + 1] - rows[i]
        places.setdefault(kind_of(entry), []).append(place)
    for kind, rectangles in places.items():
        patches = [Rectangle((x, y), width, height) for x, y, width, height in rectangles]
        edge = tuple(0.8 * c for c in to_rgb(colours[kind]))
        blocks = PatchCollection(patches, facecolor=colours[kind], edgecolor=edge, linewidth=0.6, gid=f"blocks {kind}")
        ax.add_collection(blocks, autolim=False)
    return [(*place, kind) for kind, rectangles in places.items() for place in rectangles]


def _name_axes(ax, parts, rows, columns):
    """Names of block rows at the left and of block columns on top, where they are few enough to be read."""

    def centres_and_names(edges, names):
        return list(zip((edges[:-1] + edges[1:]) / 2, names, strict=True)) if names and len(names) <= MAX_NAMES else []

    named = centres_and_names(rows, parts[0][1].row_names)
    ax.set_yticks([y for y, _ in named], [name for _, name in named])
    named = [
        pair
        for (_, matrix), edges in zip(parts, columns, strict=True)
        for pair in centres_and_names(edges, matrix.column_names)
    ]
    ax.set_xticks([x for x, _ in named], [name for _, name in named], rotation=90)
    ax.tick_params(length=0, labelsize=7, labelcolor=INK, bottom=False, labelbottom=False, labeltop=True)


def _frame_axes(ax, width, height):
    ax.set_xlim(-0.005 * width, 1.005 * width)
    ax.set_ylim(1.005 * height, -0.005 * height)
    ax.set_aspect("equal" if 1 / 3 < width / height < 3 else "auto")
    for spine in ax.spines.values():
        spine.set_visible(False)


def _add_legend(ax, colours):
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=colour, label=kind) for kind, colour in colours.items()]
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.06),
        ncols=min(len(handles), 3),
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        handlelength=1,
        handleheight=1,
    )


def _thin_out_names(ax):
    """Blank the names of rows and columns that are too thin for a line of text."""
    for axis, edge in ((ax.xaxis, 0), (ax.yaxis, 1)):
        places, names = axis.get_ticklocs(), [label.get_text() for label in axis.get_ticklabels()]
        last = -np.inf
        for k, place in enumerate(places):
            position = abs(ax.transData.transform((place, place))[edge] - ax.bbox.p0[edge]) * 72 / ax.figure.dpi
            position = -position if edge else position
            names[k], last = (names[k], position) if position - last >= 8 else ("", last)
        axis.set_ticks(places, names)


def _label_blocks(ax, places, colours):
    """Write the kind into every block that has room for it, upright or on its side."""
    points = 72 / ax.figure.dpi
    for x, y, width, height, kind in places:
        corners = ax.transData.transform([(x, y), (x + width, y + height)])
        room = np.abs(corners[1] - corners[0]) * points - 4
        for text, size, rotation in _ways_to_write(kind):
            if np.all(_extent(text, size)[:: -1 if rotation else 1] <= room):
                ax.text(x + width / 2, y + height / 2, text, size=size, rotation=rotation, ha="center", va="center",
                        color=_readable_on(colours[kind]), linespacing=1.0, gid="block label")  # fmt: skip
                break


def _ways_to_write(kind):
    """(text, size, rotation), the most readable first: in one line, a word per line, CamelCase words broken too."""
    texts = dict.fromkeys((kind, kind.replace(" ", "\n"), re.sub(r" |(?<=[a-z])(?=[A-Z])", "\n", kind)))
    return [(text, size, turn) for size in FONT_SIZES for turn in (0, 90) for text in texts]


def _extent(text, size):
    """Width and height of a text in points."""
    from matplotlib.textpath import TextPath

    lines = text.split("\n")
    return np.array(
        [max(TextPath((0, 0), line, size=size).get_extents().width for line in lines), 1.2 * size * len(lines)]
    )


def _readable_on(colour):
    from matplotlib.colors import to_rgb

    return "white" if np.dot(to_rgb(colour), (0.3, 0.59, 0.11)) < 0.6 else INK


# -- graph ----------------------------------------------------------------------------------------------------------


def _draw_node(ax, position, name, is_input):
    from matplotlib.patches import FancyBboxPatch

    x, y = position
    face = "#fff3d6" if is_input else "#eef2f7"
    box = FancyBboxPatch((x - 0.22, y - 0.2), 0.44, 0.4, boxstyle="round,pad=0,rounding_size=0.08", gid="node",
                         facecolor=face, edgecolor=INK, linewidth=0.8, mutation_aspect=1.0, zorder=3)  # fmt: skip
    ax.add_patch(box)
    ax.text(x, y, name.replace(" ", "\n"), ha="center", va="center", size=7, color=INK, zorder=4, gid="node")


def _draw_edge(ax, points, colour, name):
    """A smooth curve from the right side of one node to the left side of another, named in the middle."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    points = [(points[0][0] + 0.22, points[0][1]), *points[1:-1], (points[-1][0] - 0.22, points[-1][1])]
    vertices, codes = [points[0]], [Path.MOVETO]
    for (x0, y0), (x1, y1) in pairwise(points):
        middle = (x0 + x1) / 2
        vertices += [(middle, y0), (middle, y1), (x1, y1)]
        codes += [Path.CURVE4] * 3
    ax.add_patch(FancyArrowPatch(path=Path(vertices, codes), arrowstyle="-|>", mutation_scale=8, color=colour,
                                 linewidth=1.2, shrinkA=0, shrinkB=0, zorder=1, gid="edge"))  # fmt: skip
    if name:  # nearer to the start, where edges that share their end are still apart
        (x0, y0), (x1, y1) = points[:2]
        t = 0.4 if y0 != y1 else 0.5
        x, y = x0 + (x1 - x0) * (1.5 * t * (1 - t) + t**3), y0 + (y1 - y0) * (3 - 2 * t) * t**2
        ax.text(x, y, name.replace(" ", "\n"), ha="center", va="center", size=6, linespacing=1.0,
                color="#909090" if colour == IDENTITY_COLOUR else colour,
                bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"},
                zorder=2, gid="edge label")  # fmt: skip
