"""Low-rank matrix completion by Riemannian optimisation.

What the paper claims: a matrix of low rank is recovered from a small part of its entries by optimising over the
manifold of matrices of that rank; gradient, Hessian and retraction need products with thin matrices only, and never the
matrix. The paper uses conjugate gradients and gives the Hessian; pymanopt has conjugate gradients for its
`FixedRankEmbedded`, but no Hessian, so that its trust regions do not run. Here the Hessian is an operator: opad's
second derivative of the cost in the factors, and the curvature of a second-order retraction.

    completion.py    600 x 500, rank 5, 10 % of the entries; trust regions and conjugate gradients
"""

from papers.vandereycken2013 import completion

TITLE = "Low-rank matrix completion by Riemannian optimization"
SOURCE = "Vandereycken, SIAM J. Optim. 23(2):1214-1236, 2013 (arXiv 1209.3834)"
EXPERIMENTS = completion.EXPERIMENTS
