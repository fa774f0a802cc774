"""Reductions of a row of numbers in the order in which NumPy adds: plain Python that numba compiles.

NumPy adds neighbouring elements pairwise, in blocks of at most 128 with eight partial sums.
"""

from functools import cache
from types import FunctionType

import numpy as np

BLOCK = 128
REDUCTIONS = {
    np.sum: "sum", np.add.reduce: "sum",
    np.max: "max", np.maximum.reduce: "max",
    np.min: "min", np.minimum.reduce: "min",
}  # fmt: skip


def row_sum(x, first, n):
    """The sum of x[first], ..., x[first + n - 1], bit by bit that of NumPy but for the sign of zero.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal(1000)
    >>> bool(row_sum(x, 0, 1000) == np.sum(x))
    True
    """
    if n <= BLOCK:
        return block_sum(x, first, n)
    half = n // 2
    half -= half % 8
    return row_sum(x, first, half) + row_sum(x, first + half, n - half)


def block_sum(x, first, n):
    """The sum of a block; not recursive, so that a compiler can insert it for the n that it knows."""
    if n < 8:
        total = x[first]
        for k in range(first + 1, first + n):
            total += x[k]
        return total
    s0, s1, s2, s3 = x[first], x[first + 1], x[first + 2], x[first + 3]
    s4, s5, s6, s7 = x[first + 4], x[first + 5], x[first + 6], x[first + 7]
    end = first + n - n % 8
    for k in range(first + 8, end, 8):
        s0 += x[k]
        s1 += x[k + 1]
        s2 += x[k + 2]
        s3 += x[k + 3]
        s4 += x[k + 4]
        s5 += x[k + 5]
        s6 += x[k + 6]
        s7 += x[k + 7]
    total = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    for k in range(end, first + n):
        total += x[k]
    return total


def larger(a, b):
    """np.maximum of two numbers."""
    return a if a >= b or a != a else b


def smaller(a, b):
    """np.minimum of two numbers."""
    return a if a <= b or a != a else b


def row_extremum(x, first, n, extremum):
    """The largest or smallest of x[first], ..., x[first + n - 1], as `extremum` of two says; NaN if there is one."""
    s0, s1, s2, s3 = x[first], x[first], x[first], x[first]
    end = first + n - n % 4
    for k in range(first, end, 4):
        s0 = extremum(s0, x[k])
        s1 = extremum(s1, x[k + 1])
        s2 = extremum(s2, x[k + 2])
        s3 = extremum(s3, x[k + 3])
    for k in range(end, first + n):
        s0 = extremum(s0, x[k])
    return extremum(extremum(s0, s1), extremum(s2, s3))


def is_reduction(step):
    """True for sums, inner products and extrema."""
    return step.function in REDUCTIONS or step.function is np.vdot


def operands_of(reduction):
    """The arrays of which a step adds up the elements, or the products."""
    return reduction.args if reduction.function is np.vdot else reduction.args[:1]


FUNCTIONS = {f.__name__: f for f in (block_sum, row_sum, larger, smaller, row_extremum)}


@cache
def compiled_functions():
    """dict name -> the function compiled by numba."""
    import numba

    namespace = {"BLOCK": BLOCK}
    for name, function in FUNCTIONS.items():
        copy = FunctionType(function.__code__, namespace, name)  # in which each name means the compiled function
        namespace[name] = numba.njit(error_model="numpy", nogil=True)(copy)
    return {name: namespace[name] for name in FUNCTIONS}
