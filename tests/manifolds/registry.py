"""One builder per manifold of the catalogue: name -> builder(). The generic tests run over all of them.

A new manifold needs one entry here and gets the whole of `opad.testing.check_manifold`.
"""

import numpy as np

import opad.manifolds as m

MASK = np.array([[1, 0, 1, 0], [0, 1, 1, 1], [1, 0, 0, 1]], bool)
QUADRATICS = np.random.default_rng(5).standard_normal((12, 20, 20))
START = np.random.default_rng(6).standard_normal((20, 6))
LEVELS = np.einsum("kij,ia,ja->k", QUADRATICS, START, START)


def orthonormal(X):
    return X.T @ X - np.eye(3)


def unit_rows(Y):
    return np.sum(Y * Y, axis=1) - 1


def burer_monteiro(Y):
    return np.einsum("kij,ia,ja->k", QUADRATICS, Y, Y) - LEVELS


def spiral(t):
    return np.stack([np.cos(t[0]) * t[1], np.sin(t[0]) * t[1], t[0] + t[1] ** 2])


BUILDERS = {
    # charts and level sets of the user's own
    "Chart": lambda: m.Chart(spiral, (2,)),
    "Chart, pulled back": lambda: m.Chart(spiral, (2,), metric="pullback"),
    "LevelSet, Stiefel": lambda: m.LevelSet(orthonormal, (6, 3)),
    "LevelSet, correlation": lambda: m.LevelSet(unit_rows, (5, 2)),
    "LevelSet, Burer-Monteiro": lambda: m.LevelSet(burer_monteiro, (20, 6), start=START),
    # linear sets
    "Symmetric": lambda: m.Symmetric(3),
    "Skew": lambda: m.Skew(4),
    "Pattern": lambda: m.Pattern(MASK),
    "Triangular": lambda: m.Triangular(3),
    "Triangular, upper": lambda: m.Triangular(3, lower=False),
    "Banded": lambda: m.Banded(4, 1, 2),
    "Diagonal": lambda: m.Diagonal(3),
    "Toeplitz, wide": lambda: m.Toeplitz(3, 5),
    "Toeplitz, tall": lambda: m.Toeplitz(4, 2),
    "Toeplitz, one column": lambda: m.Toeplitz(3, 1),
    "Circulant": lambda: m.Circulant(5),
    "Hankel": lambda: m.Hankel(4, 3),
    "Blocks": lambda: m.Blocks([[m.Symmetric(2), None], [m.Toeplitz(3, 2), m.Diagonal(3)]]),
    "Companion": lambda: m.Companion(4),
    "Hamiltonian": lambda: m.Hamiltonian(2),
    "Centred": lambda: m.Centred(3, 4),
    # factored sets
    "LowRank": lambda: m.LowRank(5, 4, 2),
    "LowRankPSD": lambda: m.LowRankPSD(5, 2),
    "DiagonalPlusLowRank": lambda: m.DiagonalPlusLowRank(6, 2),
    "Kronecker": lambda: m.Kronecker(2, 3, 3, 2),
    "KroneckerSum": lambda: m.KroneckerSum(2, 3),
    "Householder": lambda: m.Householder(4),
    # nonlinear charts
    "LogEuclidean": lambda: m.LogEuclidean(3),
    "LogCholesky": lambda: m.LogCholesky(3),
    "CorrelationChart": lambda: m.CorrelationChart(4),
    "RotationExponential": lambda: m.RotationExponential(3),
    "RotationCayley": lambda: m.RotationCayley(4),
    "StiefelQR": lambda: m.StiefelQR(5, 2),
    "StiefelPolar": lambda: m.StiefelPolar(5, 2),
    "ProjectorChart": lambda: m.ProjectorChart(4, 2),
    "Direction, vector": lambda: m.Direction(4),
    "Direction, columns": lambda: m.Direction(3, 2),
    "Softmax, vector": lambda: m.Softmax(4),
    "Softmax, columns": lambda: m.Softmax(3, 2),
    "SinkhornChart": lambda: m.SinkhornChart(3),
    "Positive": lambda: m.Positive(2, 2),
    "Box": lambda: m.Box(-1.0, 2.0, (3,)),
    # classical manifolds
    "Sphere": lambda: m.Sphere(4),
    "Sphere, complex": lambda: m.Sphere(3, complex),
    "Oblique": lambda: m.Oblique(3, 4),
    "Stiefel, polar": lambda: m.Stiefel(5, 3),
    "Stiefel, QR": lambda: m.Stiefel(5, 3, "qr"),
    "Stiefel, Cayley": lambda: m.Stiefel(5, 3, "cayley"),
    "Stiefel, complex": lambda: m.Stiefel(4, 2, dtype=complex),
    "Grassmann": lambda: m.Grassmann(5, 2),
    "Grassmann, complex": lambda: m.Grassmann(4, 2, complex),
    "Orthogonal": lambda: m.Orthogonal(3),
    "Orthogonal, exp": lambda: m.Orthogonal(3, "exp"),
    "SpecialOrthogonal, Cayley": lambda: m.SpecialOrthogonal(4, "cayley"),
    "Unitary": lambda: m.Unitary(3),
    "FixedRank": lambda: m.FixedRank(6, 5, 2),
    "PSDFixedRank": lambda: m.PSDFixedRank(5, 2),
    "PositiveDefinite": lambda: m.PositiveDefinite(4),
    "PositiveDefinite, Hermitian": lambda: m.PositiveDefinite(3, complex),
    "BuresWasserstein": lambda: m.BuresWasserstein(4),
    "BuresWasserstein, Hermitian": lambda: m.BuresWasserstein(3, complex),
    "Simplex": lambda: m.Simplex(4),
    "DoublyStochastic": lambda: m.DoublyStochastic(4),
    "Hyperboloid": lambda: m.Hyperboloid(3),
    "Symplectic": lambda: m.Symplectic(2),
    "SpecialLinear": lambda: m.SpecialLinear(3),
    "Product": lambda: m.Product(m.FixedRank(5, 4, 2), m.Sphere(3), m.PositiveDefinite(2)),
}
