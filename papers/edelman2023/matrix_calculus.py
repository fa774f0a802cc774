"""Derivatives of matrix functions from the authors' course: powers, LU, inverse, determinant, expm, eigenvalues."""

import time

import numpy as np
import scipy.linalg

import opad
from opad.operators import Kronecker
from papers.findings import relative_error


def derivative(f, X, dX):
    """df(X)[dX]."""
    return opad.jvp(f, (X,), (dX,))[1]


def powers(findings, quick):
    """Powers of a matrix."""
    rng = np.random.default_rng(4)
    X, dX = rng.standard_normal((2, 4, 4))
    eye = np.eye(4)
    square = opad.jacobian_operator(lambda X: X @ X, X)
    findings.close("d(X²)", "X dX + dX X", square @ dX, X @ dX + dX @ X, 1e-14)
    findings.close("its Kronecker form", "I ⊗ X + Xᵀ ⊗ I", square.todense(order="F"),
                   np.kron(eye, X) + np.kron(X.T, eye), 1e-14)  # fmt: skip
    findings.close("d(X³)", "dX X² + X dX X + X² dX", derivative(lambda X: X @ X @ X, X, dX),
                   dX @ X @ X + X @ dX @ X + X @ X @ dX, 1e-14)  # fmt: skip


def lu(A):
    """L and U of a 2 x 2 matrix, without pivoting."""
    p, q, r, s = A[0, 0], A[0, 1], A[1, 0], A[1, 1]
    zero = 0 * p
    L = np.stack([np.stack([zero + 1, zero]), np.stack([r / p, zero + 1])])
    U = np.stack([np.stack([p, q]), np.stack([zero, s - r * q / p])])
    return L, U


def lu_factors(findings, quick):
    """LU factors of a 2 × 2 matrix."""
    rng = np.random.default_rng(5)
    A, dA = rng.standard_normal((2, 2, 2)) + 2 * np.eye(2)
    (L, U), (dL, dU) = opad.jvp(lu, (A,), (dA,))
    findings.close("L U", "A", L @ U, A, 1e-15)
    findings.close("dL U + L dU", "dA", dL @ U + L @ dU, dA, 1e-14)
    strict = np.array_equal(dL, np.tril(dL, -1)) and np.array_equal(dU, np.triu(dU))
    findings.claim("shape of dL and dU", "strictly lower, upper", "as said" if strict else f"{dL}, {dU}", strict)


def inverse_and_determinant(findings, quick):
    """Inverse and determinant."""
    rng = np.random.default_rng(6)
    A, dA = rng.standard_normal((2, 5, 5))
    inverse = np.linalg.inv(A)
    findings.close("d(A⁻¹)", "-A⁻¹ dA A⁻¹", derivative(np.linalg.inv, A, dA), -inverse @ dA @ inverse)
    findings.close("its Kronecker form", "-A⁻ᵀ ⊗ A⁻¹", opad.jacobian_operator(np.linalg.inv, A).todense(order="F"),
                   -np.kron(inverse.T, inverse))  # fmt: skip
    findings.close("∇ det A", "det(A) A⁻ᵀ", opad.grad(np.linalg.det)(A), np.linalg.det(A) * inverse.T)


def kronecker_product(findings, quick):
    """(A ⊗ B) vec C = vec(B C Aᵀ) at 50 × 50."""
    rng = np.random.default_rng(7)
    A, B, C = rng.standard_normal((3, 50, 50))
    formed, operator, column = np.kron(A, B), Kronecker(B, A), C.reshape(-1, order="F")
    findings.close("(A ⊗ B) vec C", "vec(B C Aᵀ)", (operator @ C).reshape(-1, order="F"), formed @ column)
    if not quick:
        slow, fast = best_time(lambda: formed @ column), best_time(lambda: operator @ C)
        findings.claim("product with the formed matrix against the operator", "operator is faster",
                       f"{1e3 * slow:.1f} ms against {1e3 * fast:.3f} ms", slow > 3 * fast)  # fmt: skip


def best_time(f, repeats=5):
    """Seconds, the best of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return min(times)


@opad.primitive
def expm(A):
    """The matrix exponential, taught to opad in three lines."""
    return scipy.linalg.expm(A)


class ExpmDerivative(opad.Operator):
    """dA -> D expm(A)[dA]; its adjoint is the derivative at A^H."""

    def __init__(self, A):
        self.A = A
        self.dims = self.dimsd = A.shape

    def apply(self, X):
        return self.frechet(self.A, X)

    def apply_adjoint(self, Y):
        return self.frechet(self.A.conj().T, Y)

    def frechet(self, A, X):
        directions = X.reshape(-1, *self.dims)
        found = [scipy.linalg.expm_frechet(A, E, compute_expm=False) for E in directions]
        return np.stack(found).reshape(X.shape)


@opad.jacobian_rule(expm)
def _(y, A):
    return ExpmDerivative(A)


def block_triangular_identity(findings, quick):
    """Block-triangular identity, f([[A, E], [0, A]]), with f = expm taught to opad."""
    rng = np.random.default_rng(8)
    A, E = rng.standard_normal((2, 4, 4))
    zero = np.zeros((4, 4))
    whole = scipy.linalg.expm(np.block([[A, E], [zero, A]]))
    findings.close("Df(A)[E] by opad", "upper right block", derivative(expm, A, E), whole[:4, 4:])
    findings.close("f(A)", "both diagonal blocks", [expm(A), expm(A)], [whole[:4, :4], whole[4:, 4:]])
    findings.close("∇ trace(expm A)", "expm(A)ᵀ", opad.grad(lambda A: np.trace(expm(A)))(A), scipy.linalg.expm(A).T)


def eigenvalues(findings, quick):
    """Eigenvalues of a symmetric matrix."""
    rng = np.random.default_rng(9)
    S, dS = (M + M.T for M in rng.standard_normal((2, 6, 6)))
    _, Q = np.linalg.eigh(S)
    found = derivative(lambda S: np.linalg.eigh(S)[0], S, dS)
    findings.close("dλᵢ", "qᵢᵀ dS qᵢ", found, np.einsum("ji,jk,ki->i", Q, dS, Q))
    largest = opad.grad(lambda S: np.linalg.eigh(S)[0][-1])(S)
    symmetric = (largest + largest.T) / 2
    findings.close("∇ λ_max", "q qᵀ", symmetric, np.outer(Q[:, -1], Q[:, -1]))
    h = 1e-6
    difference = (np.linalg.eigvalsh(S + h * dS) - np.linalg.eigvalsh(S - h * dS)) / (2 * h)
    error = relative_error(found, difference)
    findings.claim("dλ against central differences", "to 1e-07", f"error {error:.1e}", error < 1e-7)


EXPERIMENTS = [
    powers,
    lu_factors,
    inverse_and_determinant,
    kronecker_product,
    block_triangular_identity,
    eigenvalues,
]
