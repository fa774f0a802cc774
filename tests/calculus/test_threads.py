"""Threads: traces, nested traces and compiled programs of several threads do not meet."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.fft

import opad

THREADS, CALLS = 8, 1000


def cubic(x, c):
    return c * x * x * x


def in_threads(task):
    """The results of task(0), …, task(7), each in a thread of its own, all started at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(task, range(THREADS)))


@pytest.fixture(autouse=True)
def switch_often():
    """Threads take turns after a few microseconds, so that they interrupt each other within a gradient."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    yield
    sys.setswitchinterval(before)


def test_a_thousand_gradients_in_each_of_eight_threads():
    derivative = opad.grad(cubic)

    def task(k):
        return [derivative(1.0 + i / CALLS, float(k)) for i in range(CALLS)]

    x = 1.0 + np.arange(CALLS) / CALLS
    for k, found in enumerate(in_threads(task)):
        np.testing.assert_allclose(found, 3 * k * x * x, rtol=1e-14)


def test_threads_share_one_compiled_function():
    compiled = opad.compile(opad.grad(lambda x, c: np.sum(c * np.sin(x) ** 2)))

    def task(k):
        x = np.arange(4.0) + k
        return [compiled(x, float(k)) - k * np.sin(2 * x) for _ in range(CALLS)]

    assert max(np.max(np.abs(error)) for errors in in_threads(task) for error in errors) < 1e-13


def test_nested_traces_in_threads():
    second = opad.grad(opad.grad(cubic))

    def task(k):
        errors = [second(1.0 + i / CALLS, float(k)) - 6 * k * (1.0 + i / CALLS) for i in range(CALLS // 4)]
        x = np.arange(1.0, 4.0)
        H = opad.hessian(lambda x: np.prod(x) * k)(x)
        errors.append(np.max(np.abs(H - k * np.array([[0.0, 3, 2], [3, 0, 1], [2, 1, 0]]))))
        return max(map(abs, errors))

    assert max(in_threads(task)) < 1e-13


def test_a_trace_that_is_open_in_another_thread_is_right_inside_this_one():
    """A traced value handed to another thread is that of the trace it belongs to."""

    def f(x):
        with ThreadPoolExecutor(1) as pool:
            return np.sum(x * pool.submit(opad.grad(lambda y: np.sum(y**3)), x).result())

    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(opad.grad(f)(x), 9 * x * x, rtol=1e-14)


def test_large_constants_that_threads_share_stay_writeable():
    """A constant is locked while a trace that uses it is open; the last of all threads unlocks it."""
    w = np.ones(5000)

    def task(k):
        return [opad.grad(lambda x: np.sum(w * x * x))(np.full(5000, float(k)))[0] for _ in range(CALLS // 20)]

    assert [set(found) for found in in_threads(task)] == [{2.0 * k} for k in range(THREADS)]
    assert w.flags.writeable


def test_scipy_fft_and_special_functions_in_threads():
    def task(k):
        x = np.arange(4.0) + k
        f = lambda x: np.sum(scipy.fft.dct(x) ** 2)  # noqa: E731
        expected = 2 * scipy.fft.dct(np.eye(4)) @ scipy.fft.dct(x)
        return max(np.max(np.abs(opad.grad(f)(x) - expected)) for _ in range(CALLS // 20))

    assert max(in_threads(task)) < 1e-10


def test_assignment_in_threads():
    """Whether memory may be written in place is decided by reference counts, which other threads must not disturb."""

    def f(x):
        z = np.zeros_like(x)
        for i in range(3):
            z[i] = x[i] * z[i - 1] + 1
            z[i:] += x[i]
        return z @ z

    x = np.array([0.5, -1.0, 2.0])
    expected = opad.grad(f)(x)

    def task(k):
        return [opad.grad(f)(x) for _ in range(CALLS // 20)]

    assert all(np.array_equal(g, expected) for found in in_threads(task) for g in found)
