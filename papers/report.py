"""The findings as aligned text for the terminal and as one HTML page with the figures inside."""

import base64
import shutil
import unicodedata
from html import escape
from itertools import zip_longest
from textwrap import wrap

HEADINGS = ("claim", "paper", "here", "agrees")


# -- terminal -------------------------------------------------------------------------------------------------------


def table_text(findings, width=None, colour=False):
    """One source's table: a heading per experiment, columns wrapped to the width of the terminal."""
    width = min(width or shutil.get_terminal_size((110, 24)).columns, 130)
    widths = _column_widths(findings.claims, width)
    lines = [f"{findings.name}  {findings.title}", *wrap(findings.source, width), ""]
    lines += _row_lines(HEADINGS, widths)
    for section in findings.sections:
        lines += ["─" * (sum(widths) + 6), section.title]
        for claim in section.claims:
            row = _row_lines((f"  {claim.text}", claim.paper, claim.here, "yes" if claim.agrees else "NO"), widths)
            lines += [_coloured(line, claim.agrees) for line in row] if colour else row
    return "\n".join([*lines, ""])


def _column_widths(claims, width):
    """Paper and here get what they need up to a quarter of the width; the claim gets the rest."""

    def needed(column):
        return max((len(getattr(claim, column)) for claim in claims), default=0)

    quarter = max(width // 4, 14)
    paper, here = (max(5, min(needed(column), quarter)) for column in ("paper", "here"))
    return max(20, min(2 + needed("text"), width - paper - here - 12)), paper, here, 6


def _row_lines(cells, widths):
    indent = "  " if cells[0].startswith("  ") else ""
    columns = [wrap(cell, width, subsequent_indent=(indent + "  ") if k == 0 else "") or [""]
               for k, (cell, width) in enumerate(zip(cells, widths, strict=True))]  # fmt: skip
    columns[0] = [indent + line.strip() if k == 0 else line for k, line in enumerate(columns[0])]
    return ["  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in zip_longest(*columns, fillvalue="")]  # fmt: skip


def _padded(text, width):
    """Text with spaces up to a width; combining accents take no place."""
    return text + " " * (width - sum(not unicodedata.combining(character) for character in text))


def _coloured(line, agrees):
    if agrees:
        return f"{line[:-3]}\033[32myes\033[0m" if line.endswith("yes") else line
    return f"\033[31m{line}\033[0m"


def summary_text(all_findings):
    """The last lines: how many claims agree, and which do not."""
    claims = [(findings.name, claim) for findings in all_findings for claim in findings.claims]
    wrong = [(name, claim) for name, claim in claims if not claim.agrees]
    if not wrong:
        return f"{len(claims)} claims, all agree."
    return "\n".join(
        [f"{len(wrong)} of {len(claims)} claims do not agree:"]
        + [f"  {name}: {claim.text}: paper {claim.paper}, here {claim.here}" for name, claim in wrong]
    )


# -- HTML -----------------------------------------------------------------------------------------------------------

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { margin: 3rem 0 0; } .source { color: #666; margin: 0 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th { text-align: left; border-bottom: 2px solid #222; }
th, td { padding: 0.25rem 0.8rem 0.25rem 0; vertical-align: top; overflow-wrap: anywhere; }
td { border-bottom: 1px solid #e6e6e6; } th:last-child, td:last-child { width: 4rem; }
.section td { font-weight: 600; padding-top: 1rem; } .yes { color: #228833; } .no { color: #cc3311; font-weight: 700; }
figure { margin: 2rem 0; } figure img { max-width: 100%; } figcaption { color: #444; font-size: 0.92rem; }
"""


def page_html(all_findings):
    """The whole report as one self-contained page."""
    body = "".join(map(_paper_html, all_findings))
    summary = escape(summary_text(all_findings)).replace("\n", "<br>")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>opad: papers reproduced</title>'
        f"<style>{STYLE}</style></head><body><h1>Papers reproduced with opad</h1><p>{summary}</p>{body}</body></html>\n"
    )


def _paper_html(findings):
    rows = "".join(
        f'<tr class="section"><td colspan="4">{escape(section.title)}</td></tr>'
        + "".join(map(_claim_html, section.claims))
        for section in findings.sections
    )
    figures = "".join(_figure_html(figure) for section in findings.sections for figure in section.figures)
    head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    return (
        f'<h2 id="{findings.name}">{escape(findings.title)}</h2>'
        f'<p class="source">{escape(findings.source)} · papers/{findings.name} · {findings.seconds:.0f} s</p>'
        f"<table><tr>{head}</tr>{rows}</table>{figures}"
    )


def _claim_html(claim):
    verdict = '<td class="yes">yes</td>' if claim.agrees else '<td class="no">no</td>'
    return f"<tr><td>{escape(claim.text)}</td><td>{escape(claim.paper)}</td><td>{escape(claim.here)}</td>{verdict}</tr>"


def _figure_html(figure):
    picture = base64.b64encode(figure.path.with_suffix(".svg").read_bytes()).decode()
    caption = escape(figure.caption)
    return (
        f'<figure><img src="data:image/svg+xml;base64,{picture}" alt="{caption}" title="{figure.path.name}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )
