"""python -m papers [NAME …] [--quick] [--output DIR]: run reproductions, print their tables, write the report."""

import argparse
import os
import sys
import time
import traceback
from pathlib import Path

from threadpoolctl import threadpool_limits
from tqdm import tqdm

import papers
from papers.findings import Findings
from papers.report import page_html, summary_text, table_text


def main(arguments=None):
    """Run the chosen reproductions; returns 0 if every claim agrees, else 1."""
    options = parse(arguments)
    sources = [(name, papers.load(name)) for name in options.names]
    with threadpool_limits(1):  # for matrices as small as these, threads of BLAS would only wait for each other
        found = run_all(sources, options)
    options.output.mkdir(parents=True, exist_ok=True)
    page = options.output / "index.html"
    page.write_text(page_html(found), encoding="utf-8")
    print(summary_text(found))
    print(f"{sum(findings.seconds for findings in found):.0f} s; the tables with figures: {page}")
    return 0 if all(claim.agrees for findings in found for claim in findings.claims) else 1


def run_all(sources, options):
    """Run every source and print its table as soon as it is done."""
    found = []
    total = sum(len(source.EXPERIMENTS) for _, source in sources)
    with tqdm(total=total, unit="experiment", leave=False, disable=None) as progress:
        for name, source in sources:
            findings = Findings(name, source.TITLE, source.SOURCE, options.output)
            run(source.EXPERIMENTS, findings, options.quick, progress)
            found.append(findings)
            with progress.external_write_mode(file=sys.stdout):
                print(table_text(findings, colour=wants_colour()), flush=True)
    return found


def run(experiments, findings, quick, progress):
    """Run the experiments of one source; one that fails counts as a claim that does not agree."""
    start = time.perf_counter()
    for experiment in experiments:
        title = experiment.__doc__.splitlines()[0].rstrip(".")
        progress.set_description(f"{findings.name}: {title}")
        findings.section(title)
        try:
            experiment(findings, quick)
        except Exception as error:
            tqdm.write(traceback.format_exc(), file=sys.stderr)
            findings.claim(
                f"{experiment.__name__} runs to its end", "", f"{type(error).__name__}: {error}", agrees=False
            )
        progress.update()
    findings.seconds = time.perf_counter() - start


def parse(arguments):
    names = papers.available()
    parser = argparse.ArgumentParser(
        prog="python -m papers", description="Reproduce the sources of opad.", epilog=f"Names: {', '.join(names)}."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="folders to run (all, unless given)")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer seeds, no timings")
    parser.add_argument("--output", type=Path, default=Path("report"), metavar="DIR", help="where to write (./report)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in names]
    if unknown:
        parser.error(f"unknown name {', '.join(map(repr, unknown))}; available: {', '.join(names)}")
    options.names = list(dict.fromkeys(options.names)) or names
    return options


def wants_colour():
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


if __name__ == "__main__":
    sys.exit(main())
