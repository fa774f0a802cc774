"""Fused programs (numba) and programs of numbers: against unfused ones, and against the NumPy calls themselves."""

from functools import partial
from importlib.util import find_spec
from time import perf_counter

import numpy as np
import optree

import opad
from opad.programs.compiled import is_dynamic
from opad.programs.constants import Constants
from opad.programs.recorded import Ref
from opad.programs.recorder import Recording

from . import workloads
from .timing import ratio


def long_vectors():
    """A chain of arithmetic on two vectors of 10^6 numbers."""
    rng = np.random.default_rng(0)

    def loss(x, y):
        return np.sum((x * y + 1) ** 2 / (2 + x * x) - 0.5 * y * x + np.sqrt(1 + x * x))

    return loss, tuple(rng.standard_normal((2, 10**6)))


def pairs():
    """The potential of 1000 bodies."""

    def loss(X):
        D = X[:, None, :] - X[None, :, :]
        return -0.5 * np.sum(1 / np.sqrt(np.sum(D * D, axis=2) + 0.01))

    return loss, (np.random.default_rng(0).standard_normal((1000, 3)),)


WORKLOADS = {name: partial(workloads.loss_and_arguments, name) for name in workloads.WITH_LOSS}
FUSED = WORKLOADS | {f.__name__: f for f in (long_vectors, pairs)}


class Fused:
    """Gradients compiled with fuse=True over those compiled without; smaller is better."""

    params = (tuple(FUSED),)
    param_names = ("workload",)
    timeout = 300

    def setup(self, workload):
        if find_spec("numba") is None:
            raise NotImplementedError("numba is not installed; python -m pip install -e '.[fast]'")
        loss, self.arguments = FUSED[workload]()
        self.gradient = opad.grad(loss)
        self.plain, self.fused = opad.compile(self.gradient), opad.compile(self.gradient, fuse=True)
        for compiled in (self.plain, self.fused):
            compiled(*self.arguments)

    def track_fused_over_plain(self, workload):
        return ratio(lambda: self.fused(*self.arguments), lambda: self.plain(*self.arguments))

    def track_seconds_to_compile(self, workload):
        """The first call, in a process that has compiled these kernels before or has not."""
        start = perf_counter()
        opad.compile(self.gradient, fuse=True)(*self.arguments)
        return perf_counter() - start


class Floor:
    """Compiled gradients over the NumPy calls that the eager gradient makes, and nothing besides.

    For Burgers' equation at most 1.5 is wanted, at most 1 with numba.
    """

    params = (("burgers", "scalar_recurrence"), (False, True))
    param_names = ("workload", "fuse")
    timeout = 300

    def setup(self, workload, fuse):
        if fuse and find_spec("numba") is None:
            raise NotImplementedError("numba is not installed; python -m pip install -e '.[fast]'")
        loss, self.arguments = WORKLOADS[workload]()
        self.compiled, self.calls = (
            opad.compile(opad.grad(loss), fuse=fuse),
            numpy_calls(opad.grad(loss), self.arguments),
        )
        result, expected = optree.tree_leaves(self.compiled(*self.arguments)), self.calls()
        assert all(np.allclose(a, b, rtol=1e-12, atol=0) for a, b in zip(result, expected, strict=True))

    def track_over_floor(self, workload, fuse):
        return ratio(lambda: self.compiled(*self.arguments), self.calls)


def numpy_calls(function, arguments):
    """A function that makes the calls of `function(*arguments)`, one per line; it returns the leaves of the result."""
    recording, namespace = Recording(Constants()), {}
    leaves, structure = optree.tree_flatten(arguments)
    inputs = [recording.new(leaf) if is_dynamic(leaf) else leaf for leaf in leaves]
    results = optree.tree_leaves(function(*optree.tree_unflatten(structure, inputs)))

    def text(tree):
        if type(tree) is Ref:
            return f"v{int(tree)}"
        if type(tree) in (tuple, list):
            return f"({''.join(f'{text(part)}, ' for part in tree)})"
        name = f"c{len(namespace)}"
        namespace[name] = tree
        return name

    lines = ["def calls():"]
    lines += [f"    {text(leaf.ref)} = {text(leaf.value)}" for leaf in inputs if hasattr(leaf, "ref")]
    for step in recording.steps:
        keywords = "".join(f"{name}={text(value)}, " for name, value in step.kwargs.items())
        operands = "".join(f"{text(arg)}, " for arg in step.args)
        lines.append(f"    {text(step.out)} = {text(step.function)}({operands}{keywords})")
    exec("\n".join([*lines, f"    return {text([result.ref for result in results])}"]), namespace)
    return namespace["calls"]


def main():
    """Print what is measured here as a table: python -m benchmarks.fusion (in asv_bench/)."""
    print(f"{'gradient of':24}{'fused / plain':>16}{'seconds to compile':>20}")
    for workload in Fused.params[0]:
        case = Fused()
        case.setup(workload)
        print(
            f"{workload:24}{case.track_fused_over_plain(workload):16.2f}{case.track_seconds_to_compile(workload):20.2f}"
        )
    print(f"\n{'gradient of':24}{'compiled / calls':>18}{'fused / calls':>16}")
    for workload in Floor.params[0]:
        ratios = []
        for fuse in (False, True):
            case = Floor()
            case.setup(workload, fuse)
            ratios.append(case.track_over_floor(workload, fuse))
        print(f"{workload:24}{ratios[0]:18.2f}{ratios[1]:16.2f}", flush=True)


if __name__ == "__main__":
    main()
