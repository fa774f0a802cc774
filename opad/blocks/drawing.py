"""Block patterns as text for the terminal and as HTML for notebooks."""

from html import escape

from opad.blocks import entries
from opad.operators import Operator
from opad.operators.algebra import Multiple

MAX_CELLS = 60  # larger systems are drawn by cells that stand for several blocks
SHADES = " ·▪█"
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#994455", "#117733")
IDENTITY_COLOUR = "#c8c8c8"


def kind_of(entry):
    """What a picture calls an entry: an operator's label, or the kind of number or array."""
    if isinstance(entry, entries.Negative):
        return kind_of(entry.entry)
    if entries.is_identity(entry):
        return "identity"
    if isinstance(entry, Multiple) and entry.scalar == -1:
        return kind_of(entry.op)
    if isinstance(entry, Operator):
        return entry.label.lstrip("-")
    if entries.is_number(entry):
        return "symbol" if hasattr(entry, "free_symbols") else "number"
    return "sparse" if hasattr(entry, "toarray") else "dense"


def letters_for(kinds):
    """One letter per kind, its own initial where that is free."""
    reserved = {"identity": "I", "number": "s", "symbol": "x", "dense": "m", "sparse": "p"}
    letters = {}
    for kind in kinds:
        options = [reserved.get(kind, "")] + [c for c in kind if c.isalpha()] + [chr(c) for c in range(97, 123)]
        letters[kind] = next((c for c in options if c and c not in letters.values()), "?")
    return letters


def pattern_text(matrix):
    """The block pattern as lines of text, one letter per block, with a legend."""
    rows, columns = matrix.shape
    head = f"BlockMatrix: {rows} x {columns} blocks, {matrix.nnz} not zero"
    if max(rows, columns) > MAX_CELLS:
        return head + "\n" + _density_text(matrix)
    kinds = {key: kind_of(entry) for key, entry in sorted(matrix.blocks.items())}
    letters = letters_for(dict.fromkeys(kinds.values()))
    names = matrix.row_names or [""] * rows
    width = max(map(len, names), default=0)
    lines = [
        f"  {names[i]:>{width}}{' ' if width else ''}"
        + " ".join(letters[kinds[i, j]] if (i, j) in kinds else "." for j in range(columns))
        for i in range(rows)
    ]
    legend = "  " + "   ".join(f"{letter} {kind}" for kind, letter in letters.items())
    return "\n".join([head, *lines, legend])


def _density_text(matrix):
    rows, columns = matrix.shape
    step = -(-max(rows, columns) // MAX_CELLS)
    counts = {}
    for i, j in matrix.blocks:
        key = i // step, j // step
        counts[key] = counts.get(key, 0) + 1
    lines = [
        "  " + "".join(SHADES[min(3, -(-3 * counts.get((i, j), 0) // step))] for j in range(-(-columns // step)))
        for i in range(-(-rows // step))
    ]
    return "\n".join([*lines, f"  one cell: {step} x {step} blocks"])


def pattern_html(*matrices, titles=("BlockMatrix:",), cell=14):
    """Block patterns as small HTML pictures next to each other, with one legend; one coloured square per block."""
    if any(max(matrix.shape) > MAX_CELLS for matrix in matrices):
        return "".join(f"<pre>{escape(pattern_text(matrix))}</pre>" for matrix in matrices)
    kinds = [{key: kind_of(entry) for key, entry in sorted(matrix.blocks.items())} for matrix in matrices]
    found = dict.fromkeys(kind for part in kinds for kind in part.values() if kind != "identity")
    colours = {"identity": IDENTITY_COLOUR} | {kind: COLOURS[k % len(COLOURS)] for k, kind in enumerate(found)}
    pictures = "".join(
        f'<div style="margin-right:1em">{escape(title)} {matrix.shape[0]} &times; {matrix.shape[1]} blocks, '
        f"{matrix.nnz} not zero<br>{_pattern_svg(matrix, part, colours, cell)}</div>"
        for matrix, part, title in zip(matrices, kinds, titles, strict=True)
    )
    shown = {kind for part in kinds for kind in part.values()}
    legend = " ".join(
        f'<span style="color:{colour}">&#9632;</span> {escape(kind)}'
        for kind, colour in colours.items()
        if kind in shown
    )
    return f'<div><div style="display:flex">{pictures}</div><small>{legend}</small></div>'


def _pattern_svg(matrix, kinds, colours, cell):
    rows, columns = matrix.shape
    squares = "".join(
        f'<rect x="{j * cell}" y="{i * cell}" width="{cell - 1}" height="{cell - 1}" fill="{colours[kind]}">'
        f"<title>{escape(matrix._name(i, j))} {escape(kind)}</title></rect>"
        for (i, j), kind in kinds.items()
    )
    return f'<svg width="{columns * cell}" height="{rows * cell}" style="border:1px solid #999">{squares}</svg>'
