"""Gradients of <W, f(A)> at degenerate A: opad's functions against closed forms; eigh and svd compositions beside."""

from dataclasses import dataclass

import numpy as np

import opad
from opad.manifolds import BuresWasserstein, PositiveDefinite, polar_factor, svfun, symfun


@dataclass
class Case:
    """A function, the points and weights at which its gradient is taken, and the gradients in closed form.

    `composed(xp, A)` is the function through eigh or svd, for a namespace that has both under `linalg`.
    """

    name: str
    function: object
    composed: object
    samples: list


def through_eigh(f):
    def composed(xp, A):
        w, V = xp.linalg.eigh(A)
        return (V * getattr(xp, f)(w)) @ V.T

    return composed


def polar_through_svd(xp, A):
    U, _, Vh = xp.linalg.svd(A, full_matrices=False)
    return U @ Vh


def inverse_through_svd(xp, A):
    U, s, Vh = xp.linalg.svd(A, full_matrices=False)
    return (U / s) @ Vh


def distance_through_eigh(xp, A):
    L = through_eigh("log")(xp, A)
    return (L * L).sum()


def wasserstein_through_eigh(xp, A):
    return 3.0 + A.diagonal().sum() - 2 * through_eigh("sqrt")(xp, A).diagonal().sum()


def sym(W):
    return (W + W.T) / 2


def cases(count):
    """All rows of the table."""
    rng = np.random.default_rng(0)
    one, S = np.eye(3), sym(rng.standard_normal((3, 3)))
    rotations = [np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(count)]
    weights = rng.standard_normal((count, 4, 4))
    polar = [(Q, V, (V - Q @ V.T @ Q) / 2) for Q, V in zip(rotations, weights, strict=True)]
    inverse = [(Q, V, -Q @ V.T @ Q) for Q, V in zip(rotations, weights, strict=True)]
    Q = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    w = np.array([1.0, 1.0 + 1e-11, 2.0])
    near = sym((Q * w) @ Q.T)
    root = Q @ ((Q.T @ S @ Q) / (np.sqrt(w)[:, None] + np.sqrt(w))) @ Q.T
    flat, scalar = np.zeros((3, 3)), np.array(1.0)
    affine, wasserstein = PositiveDefinite(3), BuresWasserstein(3)
    return [
        Case(f"polar factor at {count} random orthogonal 4 x 4", polar_factor, polar_through_svd, polar),
        Case(f"transposed inverse by singular values, {count} orthogonal 4 x 4",
             lambda A: svfun(A, np.reciprocal), inverse_through_svd, inverse),
        Case("exponential at I", lambda A: symfun(A, np.exp), through_eigh("exp"), [(one, S, np.e * S)]),
        Case("exponential at 0", lambda A: symfun(A, np.exp), through_eigh("exp"), [(flat, S, S)]),
        Case("logarithm at I", lambda A: symfun(A, np.log), through_eigh("log"), [(one, S, S)]),
        Case("logarithm at 2 I", lambda A: symfun(A, np.log), through_eigh("log"), [(2 * one, S, S / 2)]),
        Case("square root at I", lambda A: symfun(A, np.sqrt), through_eigh("sqrt"), [(one, S, S / 2)]),
        Case("square root, a gap of 1e-11", lambda A: symfun(A, np.sqrt), through_eigh("sqrt"), [(near, S, root)]),
        Case("squared affine-invariant distance to I at I", lambda A: affine.squared_dist(A, one),
             distance_through_eigh, [(one, scalar, flat)]),
        Case("squared Wasserstein distance to I at I", lambda A: wasserstein.squared_dist(A, one),
             wasserstein_through_eigh, [(one, scalar, flat)]),
    ]  # fmt: skip


def opad_gradient(case, A, W):
    return sym_like(opad.grad(lambda A: np.sum(W * case.function(A)))(A), case)


def torch_gradient(case, A, W):
    import torch

    x = torch.tensor(A, requires_grad=True)
    (torch.tensor(W) * case.composed(torch, x)).sum().backward()
    return sym_like(x.grad.numpy(), case)


def jax_gradient(case, A, W):
    import jax

    jax.config.update("jax_enable_x64", True)
    return sym_like(np.asarray(jax.grad(lambda x: (W * case.composed(jax.numpy, x)).sum())(A)), case)


def sym_like(G, case):
    """Functions of symmetric matrices: gradients count up to their skew part."""
    return G if "orthogonal" in case.name else sym(G)


def worst(gradient, case):
    """The largest error over the samples, relative to gradients of size one; NaN if there is one."""
    errors = [np.linalg.norm(gradient(case, A, W) - G) / max(1.0, np.linalg.norm(G)) for A, W, G in case.samples]
    return float(np.max(errors))


def installed():
    """{name: gradient function} of the peers that can be imported."""
    found = {}
    for name, gradient in (("torch", torch_gradient), ("jax", jax_gradient)):
        try:
            __import__(name)
        except ImportError:
            continue
        found[name] = gradient
    return found


def table(findings, quick):
    """Errors of gradients at degenerate points; the peers differentiate eigh or svd."""
    peers = {} if quick else installed()
    for case in cases(10 if quick else 200):
        error = worst(opad_gradient, case)
        others = [f"{name} {worst(gradient, case):.0e}" for name, gradient in peers.items()]
        findings.claim(case.name, "error ≤ 1e-12", "; ".join([f"opad {error:.0e}", *others]), error <= 1e-12)


EXPERIMENTS = [table]
