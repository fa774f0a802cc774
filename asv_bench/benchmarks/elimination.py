"""Jacobians by elimination: sparse without colouring, the automatic choice, scalar tasks at many points, and jax."""

from importlib.util import find_spec
from statistics import median

import numpy as np

import opad
from opad.calculus.planning import Planner

from . import jacobian_problems as problems
from .protocol import ROUNDS, Worker, environment, times_in_turns
from .timing import microseconds, ratio

COMPARED = dict.fromkeys(problems.SPARSE, 1000) | {name: size for name, (_, size) in problems.DENSE.items()}


def numpy_problem(name, size):
    """(function of one array, point, colours)."""
    builder = problems.SPARSE.get(name) or problems.DENSE[name][0]
    f, x, colours = builder(size)
    return (lambda x: f(np, x)), x, colours


class Sparse:
    """Sparse Jacobians; n = 10⁵ of burgers_2d is to take less than 2 s and 500 MB.

    The speed-ups are time of coloured compression (one tangent per colour, the colours being known) / time of the
    elimination, and, for n = 1000, time of the better substitution, which is dense / time of the elimination; nan where
    there is nothing to compare with.
    """

    params = (tuple(problems.SPARSE), (1000, 100_000))
    param_names = ("problem", "n")
    timeout = 300

    def setup(self, problem, n):
        self.f, self.x, self.colours = numpy_problem(problem, n)
        self.jacobian = opad.sparse_jacobian(self.f)
        self.jacobian(self.x)

    def time_jacobian(self, problem, n):
        self.jacobian(self.x)

    def peakmem_jacobian(self, problem, n):
        self.jacobian(self.x)

    def track_speedup_over_colouring(self, problem, n):
        if self.colours is None:
            return np.nan  # every column needs a colour of its own
        seeds = (np.arange(self.colours.max() + 1)[:, None] == self.colours).astype(float)
        return ratio(lambda: opad.linearize(self.f, self.x).jacobian.apply(seeds), lambda: self.jacobian(self.x))

    def track_speedup_over_substitution(self, problem, n):
        if n > 1000:
            return np.nan  # the dense Jacobian has 80 GB
        sweeps = [opad.jacobian(self.f, order=order) for order in ("forward", "reverse")]
        return min(ratio(lambda J=J: J(self.x), lambda: self.jacobian(self.x), 5) for J in sweeps)


class Auto:
    """The automatic choice for dense Jacobians: time over that of the better substitution, at most 1.05 is wanted."""

    params = (tuple(problems.DENSE),)
    param_names = ("problem",)

    def setup(self, problem):
        self.f, self.x, _ = numpy_problem(problem, problems.DENSE[problem][1])
        self.jacobian = opad.jacobian(self.f)
        self.jacobian(self.x)
        self.sweeps = [opad.jacobian(self.f, order=order) for order in ("forward", "reverse")]

    def time_jacobian(self, problem):
        self.jacobian(self.x)

    def track_ratio_to_better_substitution(self, problem):
        return max(ratio(lambda: self.jacobian(self.x), lambda J=J: J(self.x)) for J in self.sweeps)

    def track_planning_microseconds(self, problem):
        linearization = opad.linearize(self.f, self.x)
        linearization.jacobian_matrix()
        return microseconds(lambda: Planner().decide(linearization), 3)


class ScalarTasks:
    """The Roe flux at 10⁴ points, every block a diagonal: elimination over six tangents from one linearisation."""

    def setup(self):
        from papers.forth2004 import speed

        rng = np.random.default_rng(0)
        self.tasks = speed
        points = [np.full(10_000, value) * (1 + 0.1 * rng.random(10_000)) for value in speed.POINT]
        self.linearization = opad.linearize(speed.FLUX, *points)
        self.planner = Planner("auto", sparse=True)
        self.time_elimination()

    def time_elimination(self):
        self.linearization.jacobian_blocks(self.planner)

    def track_ratio_to_tangents(self):
        return ratio(self.time_elimination, lambda: self.tasks.tangents(self.linearization))


class LongScalarProgram:
    """A gradient of 10⁶ recorded operations on numbers; at most 20 ms with numba, 200 bytes per operation."""

    timeout = 300

    def setup(self):
        def f(x):
            for _ in range(250_000):
                x = 0.9 * x + np.sin(x) * 0.1
            return x

        self.system = opad.linearize(f, 0.3).scalar_system()
        self.cotangent = np.ones(1)
        self.system.vjp(self.cotangent)

    def time_gradient(self):
        self.system.vjp(self.cotangent)

    def track_bytes_per_operation(self):
        return self.system.nbytes / self.system.L.shape[0]


class _JacobianWorker(Worker):
    """A process for `jacobian_worker`."""

    module = "benchmarks.jacobian_worker"


def against_jax(problem, size, rounds=ROUNDS):
    """Medians over rounds: (opad / better mode of jax, opad / opad), processes taking turns."""
    workers = []
    try:
        for library in ("opad", "jax_forward", "jax_reverse", "opad"):
            workers.append(_JacobianWorker([library, problem, str(size)], environment(1)))  # noqa: PERF401  to be closed
        times = times_in_turns(workers, rounds)
    finally:
        for worker in workers:
            worker.close()
    better = np.median(times, axis=0)[1:3].argmin() + 1
    return median(times[:, 0] / times[:, better]), median(times[:, 0] / times[:, 3])


class Jax:
    """Time of opad over that of the better one of jax's jacfwd and jacrev under jit, dense; A/A is opad with itself."""

    params = (tuple(COMPARED),)
    param_names = ("problem",)
    timeout = 600

    def setup(self, problem):
        if find_spec("jax") is None:
            raise NotImplementedError("jax is not installed; python -m pip install -e '.[bench]'")

    def track_ratio(self, problem):
        return against_jax(problem, COMPARED[problem])[0]

    def track_a_over_a(self, problem):
        return against_jax(problem, COMPARED[problem])[1]
