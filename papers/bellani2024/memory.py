"""What a Jacobian costs stored, and what it costs as an operator that is applied."""

import tracemalloc

import numpy as np

import opad

N = 1024
KIB, MIB, TIB = 2**10, 2**20, 2**40


def held_bytes(operator):
    """Bytes of the arrays that an operator holds."""
    return sum(value.nbytes for value in vars(operator).values() if isinstance(value, np.ndarray))


def jacobian_of_product(findings, quick):
    """The Jacobian of F(X) = A X, n = 1024, float32."""
    rng = np.random.default_rng(0)
    A, X, G = rng.standard_normal((3, N, N), dtype=np.float32)
    linearization = opad.linearize(lambda X: A @ X, X)
    block = linearization.system[1][0, 0]
    stored = block.shape[0] * block.shape[1] * block.dtype.itemsize
    findings.equal("stored: n⁴ numbers", "4 TiB", f"{stored / TIB:g} TiB")
    findings.claim("applied: what the block holds", "only A", f"{held_bytes(block) / MIB:g} MiB ({block.label})",
                   held_bytes(block) == A.nbytes == 4 * MIB)  # fmt: skip
    findings.close("its product with G", "A'G", linearization.vjp(G)[0], A.T @ G, 1e-6)
    X, G = X[:, :8].astype(float), G[:, :8].astype(float)
    by_inner_product = opad.grad(lambda X: np.sum((A.astype(float) @ X) * G))(X)
    findings.close("∂⟨A X, G⟩/∂X", "A'G", by_inner_product, A.astype(float).T @ G)


def jacobian_of_hadamard(findings, quick):
    """The Jacobian of f(x) = a ⊙ x, sparse by being diagonal."""
    rng = np.random.default_rng(1)
    a, x, g = rng.standard_normal((3, N))
    linearization = opad.linearize(lambda x: a * x, x)
    block = linearization.system[1][0, 0]
    findings.claim("what the block holds", "a, not n² numbers", f"{held_bytes(block) / KIB:g} KiB ({block.label})",
                   held_bytes(block) == a.nbytes)  # fmt: skip
    findings.close("J g", "a ⊙ g", linearization.vjp(g)[0], a * g, 1e-15)
    findings.close("J as a matrix", "diag(a)", block.todense(), np.diag(a), 1e-15)


def scalar_tape(findings, quick):
    """Overhead of a tape: per scalar, and per array operation."""
    findings.claim(
        "one scalar record per number, 8 bytes each: n²", "8 MiB", f"{8 * N * N / MIB:g} MiB", 8 * N * N == 8 * MIB
    )
    L, _ = opad.linearize(lambda A, X: A @ X, np.ones((N, 4)).T, np.ones((N, 4))).system
    findings.equal("opad's records for one product of matrices", 1, L.shape[0])
    overhead = bytes_per_record(1000)
    findings.claim("opad's overhead for one record", "a few more bytes", f"{overhead:.0f} bytes", overhead < KIB)


def bytes_per_record(count):
    """Memory that a recorded operation takes above its array."""

    def repeated_sine(x):
        for _ in range(count):
            x = np.sin(x)
        return x

    x = np.ones(N)
    opad.linearize(repeated_sine, x)
    tracemalloc.start()
    kept = opad.linearize(repeated_sine, x)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return held / count - x.nbytes


EXPERIMENTS = [jacobian_of_product, jacobian_of_hadamard, scalar_tape]
