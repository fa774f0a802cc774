"""Fused programs (numba) against unfused ones, and both against the NumPy calls that one would write."""

from importlib.util import find_spec
from time import perf_counter

import numpy as np

import opad

from . import workloads
from .timing import ratio


def long_vectors():
    """The gradient of a chain of arithmetic on two vectors of 10^6 numbers."""
    rng = np.random.default_rng(0)

    def loss(x, y):
        return np.sum((x * y + 1) ** 2 / (2 + x * x) - 0.5 * y * x + np.sqrt(1 + x * x))

    return loss, tuple(rng.standard_normal((2, 10**6)))


def gathered_burgers():
    """Burgers' equation with neighbours that arrays of indices name, as on unstructured meshes."""
    points = np.arange(200)

    def loss(u, right, left):
        for _ in range(500):
            r, lft = u[right], u[left]
            u = u - 0.005 * u * (r - lft) + 0.02 * (r - 2 * u + lft)
        return np.sum(u**2)

    return loss, (1 + 0.5 * np.sin(0.01 * np.pi * points), np.roll(points, -1), np.roll(points, 1))


OWN = {f.__name__: f for f in (long_vectors, gathered_burgers)}
WORKLOADS = (*workloads.WITH_LOSS, *OWN)


def gradient_and_arguments(name):
    """A gradient and what it is taken at: the second size of a workload, in double precision."""
    loss, arguments = OWN[name]() if name in OWN else workloads.loss_and_arguments(name)
    return opad.grad(loss), arguments


def require_numba():
    """Raise NotImplementedError, asv's "n/a", if numba is not installed."""
    if find_spec("numba") is None:
        raise NotImplementedError("numba is not installed; python -m pip install -e '.[fast]'")


class Fused:
    """Gradients compiled with fuse=True."""

    params = (WORKLOADS,)
    param_names = ("workload",)
    timeout = 300

    def setup(self, workload):
        require_numba()
        gradient, self.arguments = gradient_and_arguments(workload)
        self.plain, self.fused = opad.compile(gradient), opad.compile(gradient, fuse=True)
        start = perf_counter()
        self.fused(*self.arguments)
        self.seconds = perf_counter() - start
        self.plain(*self.arguments)

    def track_fused_over_plain(self, workload):
        """Smaller is better for fusion."""
        return ratio(lambda: self.fused(*self.arguments), lambda: self.plain(*self.arguments))

    def track_seconds_of_first_call(self, workload):
        """Recording, compiling loops and measuring them."""
        return self.seconds


class CallFloor:
    """The compiled gradient of Burgers' equation over the eager NumPy calls of an adjoint written by hand.

    At most 1.5 is wanted, at most 1 with numba.
    """

    params = ([False, True],)
    param_names = ("fuse",)
    timeout = 300

    def setup(self, fuse):
        if fuse:
            require_numba()
        gradient, self.arguments = gradient_and_arguments("burgers")
        self.compiled = opad.compile(gradient, fuse=fuse)
        self.by_hand = workloads.load("burgers").numpy_eager(*self.arguments)[1]
        assert np.allclose(self.compiled(*self.arguments), self.by_hand(), rtol=1e-10)

    def track_over_floor(self, fuse):
        return ratio(lambda: self.compiled(*self.arguments), self.by_hand)


def main():
    """Print what is measured here as a table: python -m benchmarks.fusion (in asv_bench/)."""
    print(f"{'gradient of':24}{'fused / plain':>16}{'seconds of first call':>24}")
    for workload in WORKLOADS:
        case = Fused()
        case.setup(workload)
        print(f"{workload:24}{case.track_fused_over_plain(workload):16.2f}{case.seconds:24.2f}", flush=True)
    for fuse in (False, True):
        case = CallFloor()
        case.setup(fuse)
        print(f"burgers over NumPy's calls, fuse={fuse}: {case.track_over_floor(fuse):.2f}")


if __name__ == "__main__":
    main()
