"""Automatic differentiation, a chapter of a course on optimisation.

What the chapter claims: finite differences take 2 d evaluations and force a choice between accuracy and stability;
there is an algorithm that takes O(T) operations for all d derivatives; forward mode is exact, takes d O(T) and stores
nothing, reverse mode is exact, takes O(T) and stores every intermediate result, of which checkpoints trade a part for
recomputation; a linear solve is as cheap backward as forward; gradients pass through the SVD by U diag(.) Vᵀ; products
with Jacobians and Hessians need neither matrix.

    modes.py             finite differences, forward and reverse mode: error and cost
    cheap_gradient.py    cost of a gradient in operations, counted
    memory.py            forward against reverse, and checkpoints
    matrix_gradients.py  solve, SVD, Jacobian- and Hessian-vector products
    counting.py          how operations and memory are counted
"""

from papers.optimisation_course import cheap_gradient, matrix_gradients, memory, modes

TITLE = "Automatic differentiation (optimisation course)"
SOURCE = (
    "Lecture notes of an optimisation course, chapter on automatic differentiation; ideas from Griewank and Walther"
)
EXPERIMENTS = [
    *modes.EXPERIMENTS,
    *cheap_gradient.EXPERIMENTS,
    *memory.EXPERIMENTS,
    *matrix_gradients.EXPERIMENTS,
]
