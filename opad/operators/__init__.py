"""Entries of block matrices: linear operators between array spaces, given by `apply` and `apply_adjoint`."""

from opad.operators.algebra import Identity as Identity
from opad.operators.algebra import Operator as Operator
from opad.operators.algebra import Zero as Zero
