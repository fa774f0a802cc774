"""JAX: the same program under `jax.jit(jax.grad(…))`; compilation is not timed."""

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

version = jax.__version__


def layered_tanh(W, b, x):
    W, b, x = jax.tree.map(jnp.asarray, (W, b, x))

    def loss(W, b):
        h = x
        for Wk, bk in zip(W, b, strict=True):
            h = jnp.tanh(Wk @ h + bk)
        return jnp.sum(h * h)

    @jax.jit
    def flat_gradient(W, b):
        dW, db = jax.grad(loss, argnums=(0, 1))(W, b)
        return dW + db

    forward = jax.jit(loss)
    return lambda: forward(W, b).block_until_ready(), lambda: jax.block_until_ready(flat_gradient(W, b))


def scalar_recurrence(a, b, x, steps):
    a, b, x = map(jnp.asarray, (a, b, x))

    def final(a, b):
        step = lambda z, _: (z + 0.1 * (jnp.sin(a * z) - b * z), None)  # noqa: E731
        return jax.lax.scan(step, x, length=steps)[0]

    forward = jax.jit(final)
    gradient = jax.jit(jax.grad(final, argnums=(0, 1)))
    return lambda: forward(a, b).block_until_ready(), lambda: jax.block_until_ready(gradient(a, b))
