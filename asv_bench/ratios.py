"""The table of ratios: opad's gradient, eager or compiled, against every library that is installed.

    python -m asv_bench.ratios [WORKLOAD …] [--compiled] [--threads N] [--rounds N] [--repeats N] [--quick]

Every cell is time of opad / time of the library, the median over the rounds; below 1 opad is faster. The column A/A
compares opad with itself in another process: what differs from 1 there is the machine.
"""

import argparse
import platform
from pathlib import Path
from statistics import median

from asv_bench.benchmarks import workloads
from asv_bench.benchmarks.protocol import AA, BASELINE, COMPILED, FORWARD, PEERS, REPEATS, ROUNDS, compare, is_installed


def machine():
    """One line that says where this ran."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    cpu = f"{len(names)} x {names[0]}" if names else platform.processor()
    return f"{platform.node()}, {cpu}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def _lines(path):
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def table(names, threads, rounds, repeats, quick, baseline=BASELINE):
    """Print one row per workload, size and dtype as they are measured; return the versions that were compared."""
    libraries = [library for library in PEERS if is_installed(library)]
    columns = [*libraries, AA, FORWARD]
    print(f"{baseline.replace('_', ' ') + ' /':40}" + "".join(f"{column.replace('_', ' '):>20}" for column in columns))
    versions = {}
    for name in names:
        for size in workloads.SIZES[name][: 1 if quick else None]:
            for dtype in workloads.DTYPES[name]:
                ratios = compare(name, size, dtype, libraries, threads, rounds, repeats, baseline)
                versions |= ratios["versions"]
                cells = "".join(f"{_cell(ratios[column]):>20}" for column in columns)
                print(f"{f'{name} {size} {dtype}':40}{cells}", flush=True)
    return versions


def _cell(values):
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def main():
    parser = argparse.ArgumentParser(prog="python -m asv_bench.ratios", description=__doc__.split("\n")[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(workloads.SIZES))
    parser.add_argument("--threads", type=int, default=1, help="for every library (default 1)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns per process")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="measurements per turn")
    parser.add_argument("--compiled", action="store_true", help="opad.compile in place of the eager gradient")
    parser.add_argument("--quick", action="store_true", help="only the smallest size of each workload")
    options = parser.parse_args()
    names = options.workloads or list(workloads.SIZES)
    unknown = set(names) - set(workloads.SIZES)
    if unknown:
        parser.error(f"unknown workload {', '.join(unknown)}; expected some of {', '.join(workloads.SIZES)}")
    print(machine())
    print(f"{options.threads} thread(s) for every library; median (smallest-largest) of {options.rounds} rounds, each")
    print(f"the median of {options.repeats} repeats; one process per library\n")
    baseline = COMPILED if options.compiled else BASELINE
    versions = table(names, options.threads, options.rounds, options.repeats, options.quick, baseline)
    print("\n" + ", ".join(f"{library} {version}" for library, version in versions.items()))


if __name__ == "__main__":
    main()
