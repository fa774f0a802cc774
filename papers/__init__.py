"""Reproductions: one folder per source, which says what the source claims and shows it with opad.

    python -m papers [NAME …] [--quick] [--output DIR]

A folder is a package with `TITLE`, `SOURCE` and `EXPERIMENTS`, a list of functions `experiment(findings, quick)`. The
first line of an experiment's docstring is its heading; it states claims and hands over figures:

    findings.claim("multiplications, backward", paper="3", here="3", agrees=True)
    findings.figure("figure1", figure, "The path weights.")
"""

from importlib import import_module
from pathlib import Path


def available():
    """Names of the folders, in alphabetical order."""
    return sorted(folder.parent.name for folder in Path(__file__).parent.glob("*/__init__.py"))


def load(name):
    """The package of one source."""
    return import_module(f"papers.{name}")
