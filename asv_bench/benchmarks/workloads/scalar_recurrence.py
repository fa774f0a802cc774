"""x <- x + 0.1 (sin(a x) - b x) on numbers, six operations a step; gradient with respect to a and b.

Sizes are (steps,); the last has 10⁵ operations.
"""

from math import cos, sin

import numpy as np

SIZES = [(10,), (100,), (1000,), (16_667,)]
DTYPES = ["float64"]
REMARK = "a program of calls pays for every call; jax has one machine loop"
UNAVAILABLE = {"torch_compile": "unrolls the loop; 100 steps were not compiled after 150 seconds"}


def inputs(size, dtype):
    a, b, x = map(np.dtype(dtype).type, (1.3, 0.4, 0.7))
    return (a, b), (x, *size)


def loss(parameters, x, steps, np=np):
    a, b = parameters
    for _ in range(steps):
        x = x + 0.1 * (np.sin(a * x) - b * x)
    return x


def jax_loss(parameters, x, steps):
    import jax
    import jax.numpy as jnp

    a, b = parameters
    return jax.lax.scan(lambda x, _: (x + 0.1 * (jnp.sin(a * x) - b * x), None), x, length=steps)[0]


def numpy_by_hand(parameters, x, steps):
    a, b, x = map(float, (*parameters, x))

    def forward():
        z = x
        for _ in range(steps):
            z += 0.1 * (sin(a * z) - b * z)
        return z

    def gradient():
        z, states = x, []
        for _ in range(steps):
            states.append(z)
            z += 0.1 * (sin(a * z) - b * z)
        g, da, db = 0.1, 0.0, 0.0  # g is 0.1 times the cotangent of the state
        for z in reversed(states):
            c = cos(a * z)
            da += g * c * z
            db -= g * z
            g += 0.1 * g * (a * c - b)
        return da, db

    return forward, gradient
