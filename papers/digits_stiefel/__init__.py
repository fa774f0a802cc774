"""Principal components of handwritten digits, as optimisation on manifolds.

What the book says: the dominant subspace maximises tr(X^T C X) over the Grassmann manifold, and the weighted trace
tr(X^T C X N) of Brockett over the Stiefel manifold has the principal vectors themselves as its maximiser; Newton-like
methods on the manifolds reach them to rounding, as a singular value decomposition does.

    components.py    load_digits, five components, trust regions against the SVD
"""

from papers.digits_stiefel import components

TITLE = "Principal components of digits on Stiefel and Grassmann manifolds"
SOURCE = "Absil, Mahony, Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, sections 4.8 and 6.4"
EXPERIMENTS = components.EXPERIMENTS
