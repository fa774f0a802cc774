"""What the experiments of one source found: claims, and figures beside them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Claim:
    """One row of the table *claim | paper | here | agrees*."""

    text: str
    paper: str
    here: str
    agrees: bool


@dataclass(frozen=True)
class Figure:
    """A picture that was written; `path` without its suffix, .png and .svg stand side by side."""

    path: Path
    caption: str


@dataclass
class Section:
    """Claims and figures of one experiment."""

    title: str
    claims: list = field(default_factory=list)
    figures: list = field(default_factory=list)


class Findings:
    """Collects what the experiments of one source state.

    Parameters
    ----------
    name : str, the folder's name
    title, source : str, what the source is called and where it appeared
    output : Path, where figures go
    """

    def __init__(self, name, title, source, output):
        self.name, self.title, self.source = name, title, source
        self.output = Path(output) / name
        self.sections = []
        self.seconds = 0.0

    @property
    def claims(self):
        return [claim for section in self.sections for claim in section.claims]

    def section(self, title):
        """Begin a new heading."""
        self.sections.append(Section(title))

    def claim(self, text, paper, here, agrees):
        """State one claim: what the source says, what was found, and whether they agree."""
        self.sections[-1].claims.append(Claim(text, str(paper), str(here), bool(agrees)))

    def equal(self, text, paper, here):
        """State a claim whose two sides must be the same."""
        self.claim(text, paper, here, paper == here)

    def close(self, text, formula, value, reference, tolerance=1e-12):
        """State that `value` equals `reference` up to a relative error; `formula` is what the source calls it."""
        error = relative_error(value, reference)
        self.claim(text, f"{formula}, to {tolerance:.0e}", f"error {error:.1e}", error <= tolerance)

    def figure(self, name, figure, caption):
        """Write a Matplotlib figure as PNG and SVG."""
        self.output.mkdir(parents=True, exist_ok=True)
        path = self.output / name
        for suffix in (".png", ".svg"):
            figure.savefig(path.with_suffix(suffix), dpi=150, metadata={"Date": None} if suffix == ".svg" else None)
        self.sections[-1].figures.append(Figure(path, caption))


def relative_error(value, reference):
    """||value - reference|| / ||reference||, the largest over the parts of a sequence of arrays; NaN for any NaN."""
    if isinstance(reference, list | tuple):
        return float(np.max([relative_error(a, b) for a, b in zip(value, reference, strict=True)]))
    value, reference = np.asarray(value), np.asarray(reference)
    if value.shape != reference.shape:
        return np.inf
    scale = np.linalg.norm(reference.reshape(-1))
    return float(np.linalg.norm((value - reference).reshape(-1)) / (scale if scale else 1.0))
