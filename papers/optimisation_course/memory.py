"""Memory: forward mode needs one step at a time, reverse mode all of them, checkpoints something in between."""

from math import isqrt

import numpy as np

import opad
from papers.optimisation_course.counting import counted_calls, peak_memory
from papers.pictures import diagram

N = 20_000  # numbers in a state
MB = 1e6


def step(x):
    return x + 0.1 * np.sin(x)


def loss_of_steps(steps, step=step):
    """f(x) = the sum after a number of steps."""

    def f(x):
        for _ in range(steps):
            x = step(x)
        return np.sum(x)

    return f


def loss_of_segments(steps, step=step):
    """The same with √N checkpoints of √N steps."""
    length = isqrt(steps)

    @opad.checkpoint
    def segment(x):
        for _ in range(length):
            x = step(x)
        return x

    def f(x):
        for _ in range(steps // length):
            x = segment(x)
        return np.sum(x)

    return f


def tangent_step_by_step(x, dx, steps):
    """Forward mode that forgets: value and tangent go through one step after another."""
    for _ in range(steps):
        x, dx = opad.jvp(step, (x,), (dx,))
    return np.sum(dx)


def forward_against_reverse(findings, quick):
    """Memory over the number of steps."""
    x, counts = np.linspace(0, 1, N), [16, 64, 144] if quick else [16, 64, 144, 256, 400]
    peaks = {
        "reverse mode": [peak_memory(lambda n=n: opad.grad(loss_of_steps(n))(x)) / MB for n in counts],
        "reverse mode, √N checkpoints": [
            peak_memory(lambda n=n: opad.grad(loss_of_segments(n))(x)) / MB for n in counts
        ],
        "forward mode, step by step": [peak_memory(lambda n=n: tangent_step_by_step(x, x, n)) / MB for n in counts],
    }
    growth = {name: found[-1] / found[0] for name, found in peaks.items()}
    steps = counts[-1] / counts[0]
    describe = {
        name: f"{found[0]:.1f} MB → {found[-1]:.1f} MB for {steps:g} × the steps" for name, found in peaks.items()
    }
    name = "reverse mode"
    findings.claim(f"{name} stores all results", "grows with the steps", describe[name], growth[name] > 0.6 * steps)
    name = "forward mode, step by step"
    findings.claim(f"{name}, stores none", "constant", describe[name], growth[name] < 1.5)
    name = "reverse mode, √N checkpoints"
    findings.claim(name, f"grows with the root, {steps**0.5:.1f} ×", describe[name], growth[name] < 1.6 * steps**0.5)

    tangent = tangent_step_by_step(x, x, counts[-1])
    findings.close("both modes agree", "⟨∇f, dx⟩ = df", opad.grad(loss_of_steps(counts[-1]))(x) @ x, tangent)
    axes = diagram("steps", "peak memory / MB")
    for (name, found), style in zip(peaks.items(), ("o-", "s-", "^-"), strict=True):
        axes.loglog(counts, found, style, label=name)
    axes.set_xticks(counts, counts)
    axes.minorticks_off()
    axes.legend(frameon=False)
    findings.figure(
        "memory_over_steps", axes.figure, f"Peak memory of a derivative over the number of steps, {N} numbers each."
    )


def checkpointing(findings, quick):
    """Checkpoints trade recomputation for memory."""
    x, steps = np.linspace(0, 1, N), 100
    plain_step, plain_calls = counted_calls(step)
    gradient = opad.grad(loss_of_steps(steps, plain_step))(x)
    again_step, again_calls = counted_calls(step)
    findings.close("the gradient", "the same", opad.grad(loss_of_segments(steps, again_step))(x), gradient, 1e-15)
    findings.equal("evaluations of a step, without and with", (steps, 2 * steps), (len(plain_calls), len(again_calls)))
    plain, less = (peak_memory(lambda f=f: opad.grad(f(steps))(x)) / MB for f in (loss_of_steps, loss_of_segments))
    findings.claim("peak memory", "reduced", f"{plain:.1f} MB → {less:.1f} MB", less < plain / 2)


EXPERIMENTS = [forward_against_reverse, checkpointing]
