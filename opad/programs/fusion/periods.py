"""Where a sequence of steps repeats: runs whose operands move by the same distance from one period to the next."""

import numpy as np

FEWEST = 8  # periods of a run
LONGEST = 200  # steps of a period
CANDIDATES = 8  # periods that are tried, in each of two ways
_FACTORS = (0x2545F4914F6CDD1D, 0x369DEA0F31A53F85)  # of a hash
_WINDOW = 3  # steps that are looked at together


class Run:
    """A part of a sequence that consists of equal periods, the last of which may be incomplete.

    Attributes
    ----------
    start, end, period : int
    regular : int, the first step from which on operands are where those of later periods let expect; of earlier steps,
        operands that are results of the period before may be others
    """

    __slots__ = ("end", "period", "regular", "start")

    def __init__(self, start, end, period, regular=None):
        self.start, self.end, self.period = start, end, period
        self.regular = start if regular is None else regular

    count = property(lambda self: (self.end - self.start) // self.period)

    def __repr__(self):
        return f"Run({self.start}, {self.end}, period={self.period})"


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
    [Run(1, 41, period=2)]
    """
    found = [run for period in _candidates(codes, columns, first) for run in _runs_of(codes, columns, period)]
    found.sort(key=lambda run: run.period - (run.end - run.start))
    free, chosen = np.ones(len(codes), bool), []
    for run in found:
        taken = ~free[run.start : run.end]
        if taken.any():  # what is left beside runs that were chosen before
            edges = np.flatnonzero(np.diff(np.concatenate([[True], taken, [True]]))) + run.start
            run.start, run.end = max(edges.reshape(-1, 2), key=lambda part: part[1] - part[0], default=(0, 0))
            run.regular = run.start
        if run.count >= FEWEST:
            _extend_to_the_front(run, codes, columns, free, first)
            free[run.start : run.end] = False
            chosen.append(run)
    return sorted(chosen, key=lambda run: run.start)


def _candidates(codes, columns, first):
    """The most frequent distances between steps that look alike, with the distances of their operands or without."""
    if len(codes) < FEWEST:
        return []
    distance = first + np.arange(len(codes))[:, None] - columns
    is_near = (columns >= 0) & (distance > 0) & (distance <= 2 * LONGEST)
    outside = np.minimum(columns, 0)
    return sorted({*_frequent_gaps(codes, outside), *_frequent_gaps(codes, np.where(is_near, distance, outside))})


def _frequent_gaps(codes, columns):
    """The most frequent distances between a few equal rows and the next ones."""
    single = codes.astype(np.int64)
    with np.errstate(over="ignore"):
        for column in columns.T:
            single = single * np.int64(_FACTORS[0]) + column
        combined = single.copy()
        for shift in range(1, _WINDOW):
            combined[shift:] = combined[shift:] * np.int64(_FACTORS[1]) + single[:-shift]
    order = np.argsort(combined, kind="stable")
    gaps = np.diff(order)[np.diff(combined[order]) == 0]
    counts = np.bincount(gaps[gaps <= LONGEST], minlength=1)
    best = np.argsort(-counts, kind="stable")[:CANDIDATES]
    return [int(period) for period in best if counts[period]]


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
    starts, lengths = edges[::2].tolist(), lengths.tolist()
    found = zip(starts, lengths, strict=True)
    return [Run(start, start + length, period) for start, length in found if length >= FEWEST * period]


def _extend_to_the_front(run, codes, columns, free, first):
    """Let a run begin earlier, with steps that differ in operands which later steps take from the period before."""
    period, limit = run.period, -1
    while run.start > 0 and run.start - 1 > limit and free[run.start - 1]:
        step = run.start - 1
        here, there, further = columns[step], columns[step + period], columns[step + 2 * period]
        if codes[step] != codes[step + period]:
            break
        expected = 2 * there - further
        differing = here != expected
        limit = max([limit, *(expected[differing] - first)])
        if limit >= step or not (further - there == period)[differing].all():
            break
        run.start = step
