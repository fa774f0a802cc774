"""Back-propagation lecture notes.

What the notes claim: one-sided differences are already wrong in the first decimal in a small float32 example;
symbolic differentiation suffers from expression swell, which common subexpressions cure, and from control flow, which
they do not; back-propagation multiplies derivatives along the paths of a graph that is recorded while the program runs,
whatever branches it takes; recording scalars costs 8 n² bytes of overhead for one operation on n x n numbers; the
Jacobian of A X would take 4 TiB for n = 1024, but its product with a gradient G is A' G.

    differences.py       the 0.09509146
    graph_of_program.py  figures 1 and 2, paths, control flow
    expression_swell.py  SymPy with and without common subexpressions beside the tape
    memory.py            Jacobians stored against Jacobians applied
"""

from papers.bellani2024 import differences, expression_swell, graph_of_program, memory

TITLE = "Back-propagation Lecture Notes"
SOURCE = "Diego Bellani, 30 September 2024"
EXPERIMENTS = [
    *differences.EXPERIMENTS,
    *graph_of_program.EXPERIMENTS,
    *expression_swell.EXPERIMENTS,
    *memory.EXPERIMENTS,
]
