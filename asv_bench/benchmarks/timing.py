"""Ratios of two calls within one process, for comparisons in which everything is NumPy."""

from statistics import median

from .worker import calls_per_repeat, seconds_per_call

REPEATS = 15


def ratio(function, baseline, repeats=REPEATS):
    """Time of `function` over time of `baseline`; the two take turns, so that both see the same machine."""
    calls, baseline_calls = calls_per_repeat(function), calls_per_repeat(baseline)
    pairs = [
        (seconds_per_call(function, calls, 1), seconds_per_call(baseline, baseline_calls, 1)) for _ in range(repeats)
    ]
    return median(a / b for a, b in pairs)


def microseconds(function, repeats=REPEATS):
    """Median time of one call."""
    return 1e6 * seconds_per_call(function, calls_per_repeat(function), repeats)
