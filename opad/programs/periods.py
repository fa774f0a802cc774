"""Where a sequence of steps repeats: runs whose operands move by the same distance from one period to the next."""

import numpy as np

FEWEST = 8  # periods of a run
LONGEST = 200  # steps of a period
CANDIDATES = 12  # periods that are tried
_FACTORS = (0x2545F4914F6CDD1D, 0x369DEA0F31A53F85, 0x27BB2EE687B0B0FD)  # of a hash
_WINDOW = 3  # steps that are looked at together


class Run:
    """A part of a sequence that consists of equal periods.

    Attributes
    ----------
    start, period, count : int
    regular : int, the first period whose operands are where those of the later ones let expect; in earlier ones,
        operands that are results of the period before may be others
    """

    __slots__ = ("count", "period", "regular", "start")

    def __init__(self, start, period, count, regular=0):
        self.start, self.period, self.count, self.regular = start, period, count, regular

    stop = property(lambda self: self.start + self.period * self.count)
    saved = property(lambda self: self.period * (self.count - 1))

    def __repr__(self):
        return f"Run({self.start}, {self.period}, {self.count}, {self.regular})"


def runs(codes, columns, first=0):
    """The runs of a sequence, longest first chosen, in order.

    Parameters
    ----------
    codes : (n,) int array, equal for steps that do the same
    columns : (n, m) int array, of each step where its operands are: positions of steps in the sequence, other numbers
        that may grow or fall linearly, or negative numbers, which have to stay the same
    first : int, the position of the first step

    Examples
    --------
    >>> codes = np.array([7] + [1, 2] * 20 + [3])
    >>> columns = np.arange(42)[:, None] - 1  # each step reads the one before
    >>> runs(codes, columns)
    [Run(1, 2, 20, 0)]
    """
    found = [run for period in _candidates(codes, columns, first) for run in _runs_of(codes, columns, period)]
    found.sort(key=lambda run: -run.saved)
    free, chosen = np.ones(len(codes), bool), []
    for run in found:
        taken = ~free[run.start : run.stop]
        if taken.any():  # what is left between runs that were chosen before
            edges = np.flatnonzero(np.diff(np.concatenate([[True], taken, [True]])))
            start, stop = max(edges.reshape(-1, 2), key=lambda part: part[1] - part[0], default=(0, 0))
            run.start, run.count = run.start + start, (stop - start) // run.period
        if run.count < FEWEST:
            continue
        _extend_to_the_front(run, codes, columns, free, first)
        free[run.start : run.stop] = False
        chosen.append(run)
    return sorted(chosen, key=lambda run: run.start)


def _candidates(codes, columns, first):
    """The most frequent distances between steps that look alike."""
    if len(codes) < FEWEST:
        return []
    distance = first + np.arange(len(codes))[:, None] - columns
    near = np.where((columns >= 0) & (distance <= 2 * LONGEST), distance, np.minimum(columns, 0))
    single = codes.astype(np.int64)
    with np.errstate(over="ignore"):
        for column in near.T:
            single = single * np.int64(_FACTORS[0]) + column
        combined = single.copy()
        for shift in range(1, _WINDOW):
            combined[shift:] = combined[shift:] * np.int64(_FACTORS[1]) + single[:-shift]
    order = np.argsort(combined, kind="stable")
    gaps = np.diff(order)[np.diff(combined[order]) == 0]
    counts = np.bincount(gaps[gaps <= LONGEST], minlength=1)
    best = np.argsort(-counts, kind="stable")[:CANDIDATES]
    return sorted(int(period) for period in best if counts[period])


def _runs_of(codes, columns, period):
    """All runs of one period."""
    if len(codes) < FEWEST * period:
        return []
    early, late = columns[:-period], columns[period:]
    alike = (codes[:-period] == codes[period:]) & ((early == late) | (np.minimum(early, late) >= 0)).all(1)
    step = late - early
    linear = (step[:-period] == step[period:]).all(1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], alike[:-period] & alike[period:] & linear, [False]])))
    lengths = edges[1::2] - edges[::2] + 2 * period
    long = lengths >= FEWEST * period
    return [
        Run(start, period, length // period)
        for start, length in zip(edges[::2][long].tolist(), lengths[long].tolist(), strict=True)
    ]


def _extend_to_the_front(run, codes, columns, free, first):
    """Let a run begin earlier, with steps that differ in operands which later steps take from the period before."""
    start, period, stop, limit = run.start, run.period, run.stop, -1
    while start > 0 and start - 1 > limit and free[start - 1]:
        step = start - 1
        here, there, further = columns[step], columns[step + period], columns[step + 2 * period]
        if codes[step] != codes[step + period]:
            break
        expected = 2 * there - further
        differing = here != expected
        if not (further - there == period)[differing].all() or (expected[differing] - first >= step).any():
            break
        limit = max([limit, *(expected[differing] - first)])
        start -= 1
    run.regular = -(-(run.start - start) // period)
    run.start, run.count = start, (stop - start) // period
