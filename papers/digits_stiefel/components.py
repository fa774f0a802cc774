"""PCA by Riemannian trust regions, against the singular value decomposition."""

import numpy as np
import pymanopt
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from opad.interop.pymanopt import PymanoptManifold, opad_function
from opad.manifolds import Grassmann, Stiefel

COMPONENTS = 5


def data():
    """(centred images scaled to spectral norm one, their first right singular vectors)."""
    A, _ = load_digits(return_X_y=True)
    A = A - A.mean(axis=0)
    A = A / np.linalg.norm(A, 2)
    return A, np.linalg.svd(A, full_matrices=False)[2][:COMPONENTS].T


def maximise(M, cost):
    manifold = PymanoptManifold(M, rng=0)
    problem = pymanopt.Problem(manifold, opad_function(manifold)(cost))
    return pymanopt.optimizers.TrustRegions(verbosity=0, min_gradient_norm=1e-12, max_iterations=60).run(problem)


def subspace(findings, quick):
    """The dominant subspace, on the Grassmann manifold."""
    A, V = data()
    result = maximise(Grassmann(A.shape[1], COMPONENTS), lambda X: -np.sum((A @ X) ** 2))
    X = result.point
    findings.close("projector onto the subspace", "that of the SVD", X @ X.T, V @ V.T, 1e-10)
    findings.close("explained variance", "that of the SVD", -result.cost, np.sum((A @ V) ** 2), 1e-10)


def vectors(findings, quick):
    """The principal vectors, on the Stiefel manifold with Brockett's weights."""
    A, V = data()
    N = np.arange(COMPONENTS, 0, -1.0)
    result = maximise(Stiefel(A.shape[1], COMPONENTS), lambda X: -np.sum((A @ X) ** 2 * N))
    X = result.point * np.sign(np.sum(result.point * V, axis=0))
    findings.close("principal vectors up to sign", "those of the SVD", X, V, 1e-10)
    figure = Figure(figsize=(8, 2), layout="constrained")
    for k, ax in enumerate(figure.subplots(1, COMPONENTS)):
        ax.imshow(X[:, k].reshape(8, 8), cmap="RdBu")
        ax.axis("off")
    findings.figure("components", figure, "Five principal components of the digits, found on the Stiefel manifold.")


EXPERIMENTS = [subspace, vectors]
