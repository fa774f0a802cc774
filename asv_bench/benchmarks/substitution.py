"""Substitution: linear in the number of blocks, and what one block costs."""

import numpy as np

import opad
from opad.operators import Hadamard

from .timing import microseconds

COUNTS = (10, 100, 1_000, 10_000, 100_000)


def chain(count):
    """I - L with Hadamard blocks of 4 elements on the first subdiagonal, and a right-hand side."""
    M = np.full(4, 0.5)
    L = opad.BlockMatrix({(i, i - 1): Hadamard(M) for i in range(1, count)}, shape=(count, count), dims=[(4,)] * count)
    b = [None] * count
    b[0] = np.ones(4)
    return opad.I - L, opad.BlockVector(b)


def recurrence(x, steps):
    """One record per step."""
    for _ in range(steps):
        x = np.sin(x)
    return x


class HandBuilt:
    """`opad.solve` of a bidiagonal system of `blocks` block rows, forward and with the adjoint matrix."""

    params = COUNTS
    param_names = ("blocks",)
    timeout = 300

    def setup(self, count):
        self.A, self.b = chain(count)
        self.A_adjoint = self.A.H
        self.last = opad.BlockVector([*[None] * (count - 1), np.ones(4)])

    def time_solve(self, count):
        opad.solve(self.A, self.b)

    def time_solve_adjoint(self, count):
        opad.solve(self.A_adjoint, self.last)

    def track_solve_us_per_block(self, count):
        return microseconds(lambda: opad.solve(self.A, self.b)) / count

    def track_solve_adjoint_us_per_block(self, count):
        return microseconds(lambda: opad.solve(self.A_adjoint, self.last)) / count

    track_solve_us_per_block.unit = track_solve_adjoint_us_per_block.unit = "us"


class Traced:
    """The system of a traced program with `blocks` records on 4 elements: tracing, one sweep each way, a gradient.

    The NumPy calls themselves (one product of 4 elements per block, about 0.2 us) are part of these times.
    """

    params = COUNTS
    param_names = ("blocks",)
    timeout = 300

    def setup(self, count):
        self.x = np.ones(4)
        self.linearization = opad.linearize(lambda x: recurrence(x, count), self.x)
        self.gradient = opad.grad(lambda x: np.sum(recurrence(x, count)))

    def time_sweep_forward(self, count):
        self.linearization.jvp(self.x)

    def time_sweep_back(self, count):
        self.linearization.vjp(self.x)

    def time_gradient(self, count):
        self.gradient(self.x)

    def track_sweep_forward_us_per_block(self, count):
        return microseconds(lambda: self.linearization.jvp(self.x)) / count

    def track_sweep_back_us_per_block(self, count):
        return microseconds(lambda: self.linearization.vjp(self.x)) / count

    def track_gradient_us_per_block(self, count):
        return microseconds(lambda: self.gradient(self.x)) / count

    track_sweep_forward_us_per_block.unit = track_sweep_back_us_per_block.unit = "us"
    track_gradient_us_per_block.unit = "us"
