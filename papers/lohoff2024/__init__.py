"""Elimination orders learnt by reinforcement.

What the paper claims: Jacobians of small programs take far fewer multiplications if the inner variables are eliminated
in another order than forward or reverse, and an agent that learns by playing finds orders that beat both and the
Markowitz rule. Its table counts, for every task, the multiplications of forward, reverse, Markowitz and of the order
learnt.

The cost model under which the classical columns come out exactly: one vertex per operation as written, literals give
no edge, every partial counts, +-1 included; eliminating a vertex costs indegree times outdegree; all vertices that are
neither inputs nor outputs are eliminated. It holds for the four scalar tasks. The rows of the table that count
vertices with arrays as values follow a rule that is not known here, and are not reproduced.

    tasks.py   the four scalar tasks as plain NumPy functions
    counts.py  sizes of their graphs, the classical columns, and cheaper orders than those learnt
    stages.py  what is left of a system while it is eliminated in three orders
"""

from papers.lohoff2024 import counts, stages

TITLE = "Optimizing Automatic Differentiation with Deep Reinforcement Learning"
SOURCE = "Jamie Lohoff, Emre Neftci, NeurIPS 2024"
EXPERIMENTS = [*counts.EXPERIMENTS, *stages.EXPERIMENTS]
