"""Matrix completion with pymanopt's optimisers on opad's manifold of fixed rank."""

import numpy as np
import pymanopt
import scipy.sparse

import opad
from opad.interop.pymanopt import PymanoptManifold, Vector, opad_function
from opad.manifolds import FixedRank
from papers.pictures import diagram

ROWS, COLUMNS, RANK, FRACTION = 600, 500, 5, 0.1


def problem(seed=0):
    """(manifold, cost, start, true factors): a random matrix of rank 5, a tenth of whose entries are known."""
    rng = np.random.default_rng(seed)
    left, right = rng.standard_normal((ROWS, RANK)), rng.standard_normal((COLUMNS, RANK))
    rows, columns = np.nonzero(rng.random((ROWS, COLUMNS)) < FRACTION)
    known = np.sum(left[rows] * right[columns], axis=1)
    M = FixedRank(ROWS, COLUMNS, RANK)

    def cost(U, s, V):
        return 0.5 * np.sum((np.sum(U[rows] * s * V[columns], axis=1) - known) ** 2)

    start = M.truncate(scipy.sparse.csr_array((known / FRACTION, (rows, columns)), shape=(ROWS, COLUMNS)))
    return M, cost, start, (left, right), (rows, columns, known)


def optimise(optimiser, M, cost, start, **options):
    """The result and the costs at the iterates."""
    manifold = PymanoptManifold(M)
    run = pymanopt.Problem(manifold, opad_function(manifold)(cost))
    result = optimiser(verbosity=0, log_verbosity=1, min_gradient_norm=1e-9).run(
        run, initial_point=Vector(start), **options
    )
    return result, [float(value) for value in result.log["iterations"]["cost"]]


def derivatives(findings, quick):
    """Gradient and Hessian through thin matrices, against the formulas with the matrix."""
    M, cost, X, _, (rows, columns, known) = problem()
    U, s, V = X
    G = scipy.sparse.csr_array(
        (np.sum(U[rows] * s * V[columns], axis=1) - known, (rows, columns)), shape=(ROWS, COLUMNS)
    )
    P, E = M.projection(X), M.embedding(X)
    gradient = opad.grad(lambda x: cost(*x), manifolds=M)(X)
    findings.close("Riemannian gradient", "P(P_Ω(X − A))", gradient, P.apply(G), 1e-12)
    Z = M.random_tangent(X, 1)
    dense = E.apply(Z)
    H = scipy.sparse.csr_array((dense[rows, columns], (rows, columns)), shape=(ROWS, COLUMNS))
    bend = (G @ Z[2] - U @ (U.T @ (G @ Z[2]))) / s, np.zeros((RANK, RANK)), (G.T @ Z[0] - V @ (V.T @ (G.T @ Z[0]))) / s
    expected = tuple(a + b for a, b in zip(P.apply(H), bend, strict=True))
    found = M.hessian_operator(lambda x: cost(*x), X).apply(Z)
    findings.close("Riemannian Hessian", "proposition 2.3", found, expected, 1e-12)


def refusal(cost, start):
    """How pymanopt's trust regions take pymanopt's manifold of fixed rank, with opad's derivatives of the cost."""
    theirs = pymanopt.manifolds.FixedRankEmbedded(ROWS, COLUMNS, RANK)
    problem = pymanopt.Problem(theirs, opad_function(theirs)(lambda u, s, vt: cost(u, s, vt.T)))
    U, s, V = start
    point = type(theirs.random_point())(U, s, V.T)
    try:
        pymanopt.optimizers.TrustRegions(verbosity=0, max_iterations=2).run(problem, initial_point=point)
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return "not compatible"
    return "runs"


def completion(findings, quick):
    """A matrix of 600 x 500 and rank 5 from 10 % of its entries."""
    M, cost, start, (left, right), _ = problem()
    findings.equal("pymanopt's own FixedRankEmbedded under trust regions", "not compatible", refusal(cost, start))
    radius = float(np.linalg.norm(start[1]))
    newton, newton_costs = optimise(
        pymanopt.optimizers.TrustRegions, M, cost, start, Delta_bar=radius, Delta0=radius / 8
    )
    findings.claim("trust regions: outer iterations", "fewer than 12", str(newton.iterations), newton.iterations < 12)
    findings.claim("trust regions: half the sum of squares", "< 1e-20", f"{newton.cost:.1e}", newton.cost < 1e-20)
    error = np.linalg.norm(M.ambient(newton.point) - left @ right.T) / np.linalg.norm(left @ right.T)
    findings.claim("relative error of all entries", "recovers the matrix", f"{error:.1e}", error < 1e-10)
    cg, cg_costs = optimise(pymanopt.optimizers.ConjugateGradient, M, cost, start)
    findings.claim(
        "conjugate gradients: residual", "linear convergence", f"{cg.cost:.1e} in {cg.iterations}", cg.cost < 1e-14
    )
    axes = diagram("iteration", "half the sum of squared residuals")
    axes.semilogy(newton_costs, "o-", label="trust regions, opad's Hessian")
    axes.semilogy(cg_costs, ".-", label="conjugate gradients")
    axes.legend()
    findings.figure("completion", axes.figure, "Residual on the known entries, 600 x 500, rank 5, 10 % known.")


EXPERIMENTS = [derivatives, completion]
