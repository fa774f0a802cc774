"""The table of ratios: opad's gradients, compiled and eager, against every library; printed, and written as a web page.

    python -m asv_bench.report [WORKLOAD …] [--quick | --standard] [--threads N] [--device cuda] [--output FOLDER] …

Every cell is time of opad / time of the library, the median over the rounds; below 1 opad is faster. The column A/A
compares opad with itself in another process: what differs from 1 there is the machine. The folder gets `index.html`,
one file with plots and tables, and `measurements.json`, from which `--load` makes the page again.
"""

import argparse
import json
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from asv_bench.benchmarks import workloads
from asv_bench.benchmarks.machine import describe
from asv_bench.benchmarks.protocol import (
    AA,
    BASELINE,
    COMPILED,
    FLOOR,
    FORWARD,
    FUSED,
    PEERS,
    REPEATS,
    ROUNDS,
    libraries,
    measure,
)
from asv_bench.benchmarks.ratios import BEST, mean_ratio, ratio
from asv_bench.page import write_page
from asv_bench.picture import draw

OUTPUT = Path(__file__).parent / "html"
COLUMNS = {
    COMPILED: (*PEERS, BEST, BASELINE),
    FUSED: (*PEERS, BEST, COMPILED),
    BASELINE: (*PEERS, BEST, AA, FORWARD),
}


def words(name):
    return name.replace("_", " ")


def label(cell):
    return f"{words(cell['workload'])} {'x'.join(map(str, cell['size']))} {cell['dtype']}"


def print_header(baseline):
    print(f"\n{words(baseline) + ' /':46}" + "".join(f"{words(column):>20}" for column in COLUMNS[baseline]))


def print_line(name, values, write=print):
    write(f"{name:46}" + "".join(f"{'n/a':>20}" if value != value else f"{value:20.2f}" for value in values))


def print_row(cell, baseline, write=print):
    print_line(label(cell), [ratio(cell["measured"], baseline, column) for column in COLUMNS[baseline]], write)


def print_means(cells, baseline):
    measurements = [(cell["workload"], cell["measured"]) for cell in cells]
    means = [mean_ratio(measurements, baseline, column) for column in COLUMNS[baseline]]
    print_line("geometric mean over workloads", means)


def save(cells, machine, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "measurements.json").write_text(json.dumps({"machine": machine, "cells": cells}, indent=1))


def run(names, machine, options):
    """Measure and print one row after another; the list of cells."""
    settings = {name: getattr(options, name) for name in ("threads", "rounds", "repeats", "keep_pins", "device")}
    todo = list(map(workloads.standard, names) if options.standard else workloads.cells(names, options.quick))
    progress, write = todo, print
    if find_spec("tqdm"):
        from tqdm import tqdm

        progress, write = tqdm(todo, unit="cell", leave=False, disable=None), tqdm.write
    cells = []
    print_header(COMPILED)
    for workload, size, dtype in progress:
        measured = measure(workload, size, dtype, libraries(workload), **settings)
        cells.append({"workload": workload, "size": size, "dtype": dtype, "measured": measured})
        save(cells, machine, options.output)  # a run that is interrupted is not lost
        print_row(cells[-1], COMPILED, write)
    return cells


def refuse_cuda():
    """What is missing for --device cuda, or None."""
    if not find_spec("cupy"):
        return "cupy is not installed; --device cuda times opad on CuPy arrays: python -m pip install -e '.[gpu]'"
    import cupy

    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"CuPy finds no device ({error}); --device cuda needs an NVIDIA GPU and its driver"
    return None


def arguments():
    parser = argparse.ArgumentParser(prog="python -m asv_bench.report", description=__doc__.split("\n")[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(workloads.NAMES))
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="only the smallest size of each workload")
    sizes.add_argument("--standard", action="store_true", help="only the second size, in double precision")
    parser.add_argument("--threads", type=int, default=1, help="for every library (default 1)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"turns per process (default {ROUNDS})")
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"measurements per turn (default {REPEATS})")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda: opad on CuPy, torch, jax")
    parser.add_argument("--keep-pins", action="store_true", help="keep OPENBLAS_CORETYPE and its likes as they are")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER", help="default asv_bench/html")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw a picture of all times, too")
    parser.add_argument("--load", nargs="+", type=Path, metavar="JSON", help="earlier measurements, instead of a run")
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(workloads.NAMES):
        parser.error(f"unknown workload {', '.join(unknown)}; expected some of {', '.join(workloads.NAMES)}")
    if options.device == "cuda" and (reason := refuse_cuda()):
        parser.error(reason)
    return options


def main():
    options = arguments()
    if options.load:
        runs = [json.loads(path.read_text()) for path in options.load]
        machine, cells = runs[-1]["machine"], list(chain(*(run["cells"] for run in runs)))
    else:
        machine = describe(options.threads, options.keep_pins, options.device)
        machine["protocol"] = (
            f"{options.rounds} rounds, each the median of up to {options.repeats} repeats; one process per library, "
            "in turns"
        )
    for name, value in machine.items():
        print(f"{name:26}{value}")
    if options.load:
        print_header(COMPILED)
        for cell in cells:
            print_row(cell, COMPILED)
    else:
        cells = run(options.workloads or workloads.NAMES, machine, options)
    print_means(cells, COMPILED)
    for baseline in (FUSED, BASELINE):
        if any(baseline in cell["measured"]["seconds"] for cell in cells):
            print_header(baseline)
            for cell in cells:
                print_row(cell, baseline)
            print_means(cells, baseline)
    print("\n" + "\n".join(notes(cells)))
    save(cells, machine, options.output)
    print(f"\nwritten to {write_page(options.output / 'index.html', machine, cells, COLUMNS)}")
    if options.picture:
        print(f"drawn in {draw(options.picture, cells, machine)}")
    if any(cell["measured"]["failed"] for cell in cells):
        raise SystemExit(1)


def notes(cells):
    """Versions, the floor of eager NumPy calls, and the reasons of n/a, as lines of text."""
    versions, reasons = {}, {}
    for cell in cells:
        measured = cell["measured"]
        versions |= measured["versions"]
        for library, reason in (measured["unavailable"] | measured["failed"]).items():
            reasons.setdefault((library, reason), {})[words(cell["workload"])] = None
    yield ", ".join(f"{words(library)} {version}" for library, version in versions.items())
    for cell in cells:
        if FLOOR in cell["measured"]["seconds"]:
            floor = ratio(cell["measured"], COMPILED, FLOOR)
            yield f"{label(cell)}: opad compiled / eager NumPy calls, the adjoint by hand, without out=: {floor:.2f}"
    for (library, reason), where in reasons.items():
        yield f"n/a: {words(library)} on {', '.join(where)}: {reason}"


if __name__ == "__main__":
    main()
