"""One way to a dense Jacobian in a process of its own, timed when asked; see `protocol` for why.

    python -m benchmarks.jacobian_worker {opad,jax_forward,jax_reverse} PROBLEM SIZE        (in asv_bench/)

The process writes one line of JSON when it is ready, then one with seconds per call for every line that it reads.
"""

import json
import sys

import numpy as np

from . import jacobian_problems as problems
from .worker import calls_per_repeat, seconds_per_call

REPEATS = 15


def make(library, problem, size):
    """A callable without arguments that computes the Jacobian."""
    builder = problems.SPARSE.get(problem) or problems.DENSE[problem][0]
    f, x, _ = builder(size)
    if library == "opad":
        import opad

        if problem in problems.SPARSE:
            J = opad.sparse_jacobian(lambda x: f(np, x))
        else:
            J = opad.jacobian(lambda x: f(np, x))
        return lambda: J(x)
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    mode = {"jax_forward": jax.jacfwd, "jax_reverse": jax.jacrev}[library]
    J, x = jax.jit(mode(lambda x: f(jnp, x))), jnp.asarray(x)
    return lambda: J(x).block_until_ready()


def main():
    library, problem, size = sys.argv[1:]
    function = make(library, problem, int(size))
    calls = calls_per_repeat(function)
    print(json.dumps({"calls": calls}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"seconds": seconds_per_call(function, calls, REPEATS)}), flush=True)


if __name__ == "__main__":
    main()
