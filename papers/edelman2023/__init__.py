"""Backpropagation through Back Substitution with a Backslash.

What the paper claims: automatic differentiation is the solution of one triangular system, dx = (I - L)^-1 D dp, whose
entries are linear operators; forward mode is forward substitution, backpropagation is back substitution, and both are
the same generically written backslash, whatever the entries are: symbols, numbers, matrices or operators. Figure 1
shows it on a graph of five nodes, where going backward saves one multiplication; a table lists the operators that
matrix programs need and how they are turned round ("transpose dot"); scalar and matrix perceptrons are the examples.
To these are added the worked cases of the same authors' course on matrix calculus.

    figure_one.py       path weights with symbols, multiplications counted
    operator_table.py   every operator against its explicit matrix; transpose-dot algebra
    perceptrons.py      scalar and matrix perceptron, the system by hand, traced, and as a gradient
    matrix_calculus.py  the course's derivatives of matrix functions
    linear_solves.py    the course's cases with solves: A(p)^-1 b, Newton on det, time stepping of an ODE
"""

from papers.edelman2023 import figure_one, linear_solves, matrix_calculus, operator_table, perceptrons

TITLE = "Backpropagation through Back Substitution with a Backslash"
SOURCE = "Edelman, Akyürek, Wang, SIAM J. Matrix Anal. Appl. 45(1):429-449, 2024 (arXiv 2303.15449)"
EXPERIMENTS = [
    *figure_one.EXPERIMENTS,
    *operator_table.EXPERIMENTS,
    *perceptrons.EXPERIMENTS,
    *matrix_calculus.EXPERIMENTS,
    *linear_solves.EXPERIMENTS,
]
