"""Automatic differentiation as sparse linear algebra: (I - L) dx = D dp, with matrix-free operators as entries."""

from opad.operators import Operator as Operator
