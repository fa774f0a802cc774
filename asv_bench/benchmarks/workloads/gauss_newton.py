"""A damped Gauss-Newton step of a curve fit: min over s of |J s + r|**2 + |s|**2 by LSMR, products with J alone.

The model is c @ tanh(w t + b); sizes are (samples, units), the parameters one vector of 3 units. The products of every
library go to `scipy.sparse.linalg.lsmr`; each keeps of the linearisation what it can. `forward` is the residual.
"""

from functools import partial

import numpy as np
from scipy.sparse.linalg import LinearOperator, lsmr

SIZES = [(500, 20), (5000, 50)]
DTYPES = ["float64"]
REMARK = "compiled products keep of the model what they need; jax.jit gets the linearisation as an argument"
TOLERANCE = {"float64": 1e-7}  # all stop by LSMR's own criterion


def inputs(size, dtype):
    samples, units = size
    rng = np.random.default_rng(0)
    t = np.linspace(-1, 1, samples)
    y = np.sin(4 * t) + 0.1 * rng.standard_normal(samples)
    return rng.standard_normal(3 * units).astype(dtype), (t.astype(dtype), y.astype(dtype))


def residual(x, t, y, np=np):
    w, b, c = np.reshape(x, (3, -1))
    return np.tanh(t[:, None] * w + b) @ c - y


def step(J, r):
    return lsmr(J, -r, damp=1.0, atol=1e-10, btol=1e-10)[0]


def operator(shape, matvec, rmatvec):
    return LinearOperator(shape, matvec=matvec, rmatvec=rmatvec, dtype=float)


def opad_eager(x, t, y):
    import opad

    def gauss_newton():
        linearization = opad.linearize(lambda x: residual(x, t, y), x)
        return step(linearization.jacobian, linearization.value)

    return lambda: residual(x, t, y), gauss_newton


def opad_compiled(x, t, y, fuse=False):
    import opad

    f = opad.compile(residual, fuse=fuse)

    def gauss_newton():
        J = opad.jacobian_operator(f, x, t, y)
        return step(J, J.value)

    return lambda: f(x, t, y), gauss_newton


opad_fused = partial(opad_compiled, fuse=True)


def autograd_eager(x, t, y):
    import autograd.numpy as anp
    from autograd import make_jvp, make_vjp

    def f(x):
        return residual(x, t, y, anp)

    def gauss_newton():
        jvp, (vjp, r) = make_jvp(f)(x), make_vjp(f)(x)
        return step(operator((len(t), len(x)), lambda dx: jvp(dx)[1], vjp), r)

    return lambda: f(x), gauss_newton


def jax_jit(x, t, y):
    import jax
    import jax.numpy as jnp

    x, t, y = map(jnp.asarray, (x, t, y))
    forward = jax.jit(lambda x, t, y: residual(x, t, y, jnp))
    linearize = jax.jit(lambda x, t, y: jax.linearize(lambda x: residual(x, t, y, jnp), x))
    transpose = jax.jit(lambda x, t, y: jax.vjp(lambda x: residual(x, t, y, jnp), x)[1])
    product = jax.jit(lambda f, v: f(v))

    def gauss_newton():
        (r, jvp), vjp = linearize(x, t, y), transpose(x, t, y)
        J = operator(
            (len(t), len(x)),
            lambda dx: np.asarray(product(jvp, dx)),
            lambda dr: np.asarray(product(vjp, dr)[0]),
        )
        return step(J, np.asarray(r))

    return lambda: forward(x, t, y).block_until_ready(), gauss_newton


def torch_eager(x, t, y):
    import torch

    x, t, y = map(torch.from_numpy, (x, t, y))

    def f(x):
        w, b, c = torch.reshape(x, (3, -1))
        return torch.tanh(t[:, None] * w + b) @ c - y

    def gauss_newton():
        r, vjp = torch.func.vjp(f, x)
        J = operator(
            (len(t), len(x)),
            lambda dx: torch.func.jvp(f, (x,), (torch.from_numpy(dx),))[1].numpy(),
            lambda dr: vjp(torch.from_numpy(dr))[0].numpy(),
        )
        return step(J, r.detach().numpy())

    return lambda: f(x), gauss_newton


def torch_compile(x, t, y):
    import torch

    x, t, y = map(torch.from_numpy, (x, t, y))

    def f(x):
        w, b, c = torch.reshape(x, (3, -1))
        return torch.tanh(t[:, None] * w + b) @ c - y

    forward = torch.compile(f)
    jvp = torch.compile(lambda x, dx: torch.func.jvp(f, (x,), (dx,))[1])
    vjp = torch.compile(lambda x, dr: torch.func.vjp(f, x)[1](dr)[0])

    def gauss_newton():
        J = operator(
            (len(t), len(x)),
            lambda dx: jvp(x, torch.from_numpy(dx)).numpy(),
            lambda dr: vjp(x, torch.from_numpy(dr)).numpy(),
        )
        return step(J, forward(x).numpy())

    return lambda: forward(x), gauss_newton


def numpy_by_hand(x, t, y):
    w, b, c = x.reshape(3, -1)
    (m,), (units,) = t.shape, w.shape
    H, S = np.empty((m, units)), np.empty((m, units))
    column, r, Jv, JTu = t[:, None], np.empty(m), np.empty(m), np.empty((3, units))
    part = np.empty(m)

    def forward():
        np.multiply(column, w, H)
        np.add(H, b, H)
        np.tanh(H, H)
        np.dot(H, c, r)
        return np.subtract(r, y, r)

    def matvec(dx):
        dw, db, dc = dx.reshape(3, -1)
        np.dot(S, dw, part)  # S = (1 - tanh**2) c: J = [t S, S, H]
        np.multiply(t, part, part)
        np.dot(S, db, Jv)
        np.add(Jv, part, Jv)
        np.dot(H, dc, part)
        return np.add(Jv, part, Jv)

    def rmatvec(dr):
        np.multiply(t, dr, part)
        np.dot(part, S, JTu[0])
        np.dot(dr, S, JTu[1])
        np.dot(dr, H, JTu[2])
        return JTu.reshape(-1)

    def gauss_newton():
        forward()
        np.multiply(H, H, S)
        np.subtract(1, S, S)
        np.multiply(S, c, S)
        return step(operator((m, 3 * units), matvec, rmatvec), r)

    return forward, gauss_newton
