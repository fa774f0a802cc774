"""Sweeps that follow each other reuse memory."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np, opad

gradient = opad.grad(lambda W, x: np.sum(np.tanh(W @ np.tanh(W @ np.tanh(W @ x))) ** 2))
W, x = np.eye(256), np.ones((256, 256))
for _ in range(5):
    gradient(W, x)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    gradient(W, x)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries manage memory in their own way")
def test_a_gradient_that_is_repeated_takes_no_fresh_memory():
    """Ten arrays of 512 KB would be 1280 page faults."""
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert float(result.stdout) < 40
