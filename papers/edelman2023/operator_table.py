"""The table of operators: each against the explicit matrix that acts on vec(X), and the algebra of transpose dot."""

import numpy as np

from opad.operators import Hadamard, InnerProduct, Kronecker, LeftMultiply, RightMultiply
from papers.findings import relative_error

M, N, M1, N1 = 4, 3, 5, 2  # X is m x n; B is m1 x m, A is n1 x n or n x n1


def vec(X):
    """Columns stacked."""
    return X.reshape(-1, order="F")


def sizes(*shape):
    return f"{shape[0]} × {shape[1]}"


def operator_table(findings, quick):
    """The table of operators, as matrices on vec(X)."""
    rng = np.random.default_rng(0)
    B, A, right, mask, G = (rng.standard_normal(s) for s in ((M1, M), (N1, N), (N, N1), (M, N), (M, N)))
    rows = [
        ("Kronecker product, A ⊗ B: X → B X Aᵀ", "A ⊗ B", Kronecker(B, A), np.kron(A, B), (M1 * N1, M * N)),
        ("left multiplication, B_L: X → B X", "I ⊗ B", LeftMultiply(B, cols=N), np.kron(np.eye(N), B), (M1 * N, M * N)),
        ("right multiplication, A_R: X → X A", "Aᵀ ⊗ I", RightMultiply(right, rows=M), np.kron(right.T, np.eye(M)),
         (M * N1, M * N)),
        ("Hadamard product, M_H: X → M .* X", "Diag(vec M)", Hadamard(mask), np.diag(vec(mask)), (M * N, M * N)),
        ("inner product, G^T·: X → trace(Gᵀ X)", "vec(G)ᵀ", InnerProduct(G), vec(G)[None, :], (1, M * N)),
    ]  # fmt: skip
    for text, formula, operator, matrix, size in rows:
        error = relative_error(operator.todense(order="F"), matrix)
        agrees = error == 0 and operator.shape == size
        findings.claim(text, f"{formula}, {sizes(*size)}", f"{sizes(*operator.shape)}, error {error:.0e}", agrees)


def transpose_dot(findings, quick):
    """Transpose-dot algebra: a row of operators turned round into one matrix."""
    rng = np.random.default_rng(1)
    B, A, mask = rng.standard_normal((M1, M)), rng.standard_normal((N, N1)), rng.standard_normal((M, N))
    G_B, G_A, G_M = (rng.standard_normal(shape) for shape in ((M1, N), (M, N1), (M, N)))
    rows = [
        ("G^T· B_L", "(Bᵀ G)^T·", LeftMultiply(B, cols=N), G_B, B.T @ G_B),
        ("G^T· A_R", "(G Aᵀ)^T·", RightMultiply(A, rows=M), G_A, G_A @ A.T),
        ("G^T· M_H", "(M .* G)^T·", Hadamard(mask), G_M, mask * G_M),
    ]
    for text, formula, operator, G, turned in rows:
        row = InnerProduct(G) @ operator
        findings.close(text, formula, row.todense(order="F"), vec(turned)[None, :], tolerance=1e-14)
        findings.close(f"{text}, by opad's adjoint", "(𝒜ᵀ G)^T·", operator.H @ G, turned, tolerance=1e-14)

    chain = Hadamard(mask) @ RightMultiply(A.T, rows=M) @ LeftMultiply(B.T, cols=N1)
    X = rng.standard_normal((M1, N1))
    findings.close("G^T· M_H A_R B_L X, turned round", "trace((𝒜ᵀ G)ᵀ X)", InnerProduct(chain.H @ G_M) @ X,
                   np.trace(G_M.T @ (mask * (B.T @ X @ A.T))), tolerance=1e-13)  # fmt: skip


EXPERIMENTS = [operator_table, transpose_dot]
