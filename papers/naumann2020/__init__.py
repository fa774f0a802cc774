"""Chains of Jacobians that are known only by their products with vectors.

What the paper claims: for a chain F_q … F_1 of elemental Jacobians of which tangents and adjoints can be computed, but
which are not stored, dynamic programming finds the cheapest mixture of accumulating factors, multiplying accumulated
matrices, pushing tangents and pulling adjoints; on random chains of 10 to 500 factors it is up to two orders of
magnitude cheaper than the better one of all tangents and all adjoints.

    chains.py  the published instances; random chains of growing length
"""

from papers.naumann2020 import chains

TITLE = "Optimization of Generalized Jacobian Chain Products without Memory Constraints"
SOURCE = "Uwe Naumann, arXiv:2003.05755, 2020"
EXPERIMENTS = chains.EXPERIMENTS
