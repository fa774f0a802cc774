"""Costs of a program: multiply-adds, counted by an array type, and peak memory."""

import tracemalloc
from contextlib import contextmanager

import numpy as np


class CountedArray(np.ndarray):
    """An array that counts the arithmetic done with it: m n p for a product of matrices, 1 per element otherwise.

    opad runs on it as on any NumPy array, so that derivatives are counted by what they do, not by a formula.
    """

    operations = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **keywords):
        if any(hasattr(x, "__array_ufunc__") and not isinstance(x, np.ndarray | np.generic) for x in inputs):
            return NotImplemented  # a traced array records the operation, and does it on counted ones
        if out is not None:
            keywords["out"] = tuple(map(_plain, out))
        plain = tuple(map(_plain, inputs))
        result = getattr(ufunc, method)(*plain, **keywords)
        if ufunc is np.matmul:
            CountedArray.operations += np.size(result) * plain[0].shape[-1]
        else:
            CountedArray.operations += np.size(plain[0] if method == "reduce" else result)
        return _counted(result)

    def __array_function__(self, function, types, args, kwargs):
        if function is not np.dot:
            return _counted(super().__array_function__(function, types, args, kwargs))
        result = np.dot(*map(_plain, args), **kwargs)
        CountedArray.operations += np.size(result) * args[0].shape[-1]
        return _counted(result)

    def __getitem__(self, key):
        return _counted(super().__getitem__(key))


def _plain(x):
    return x.view(np.ndarray) if isinstance(x, CountedArray) else x


def _counted(x):
    return np.asarray(x).view(CountedArray) if isinstance(x, np.ndarray | np.floating) else x


def operations(f, *arguments):
    """Multiply-adds of f(*arguments); arguments are arrays or lists of arrays."""
    counted = [[a.view(CountedArray) for a in x] if isinstance(x, list) else x.view(CountedArray) for x in arguments]
    CountedArray.operations = 0
    f(*counted)
    return CountedArray.operations


def peak_memory(f):
    """Bytes allocated at most, at one time, while f runs."""
    with tracing_memory():
        before = tracemalloc.get_traced_memory()[0]
        f()
        return tracemalloc.get_traced_memory()[1] - before


@contextmanager
def tracing_memory():
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def counted_calls(f):
    """f, and a list whose length is the number of its calls."""
    calls = []

    def counting(*arguments):
        calls.append(None)
        return f(*arguments)

    return counting, calls
