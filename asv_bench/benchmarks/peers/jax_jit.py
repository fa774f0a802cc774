"""JAX: the same program under `jax.jit(jax.grad(…))`; compilation is not timed."""

from functools import partial

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

version = jax.__version__


def make(workload, parameters, data, device):
    loss = getattr(workload, "jax_loss", None) or partial(workload.loss, np=jnp)
    static = tuple(k for k, argument in enumerate(data, 1) if isinstance(argument, int))
    parameters = jax.tree.map(jnp.asarray, parameters)
    data = [argument if isinstance(argument, int) else jnp.asarray(argument) for argument in data]
    forward, gradient = jax.jit(loss, static_argnums=static), jax.jit(jax.grad(loss), static_argnums=static)
    return (
        lambda: forward(parameters, *data).block_until_ready(),
        lambda: jax.block_until_ready(gradient(parameters, *data)),
    )
