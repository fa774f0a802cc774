"""Linearisation of functions, on vector spaces and on manifolds."""

from opad.calculus.linearization import Linearization
from opad.calculus.tangents import TangentLinearization


def linearize(f, *args, manifolds=None):
    """Run f at a point and keep its Jacobian as a block system.

    Parameters
    ----------
    f : callable on arrays, scalars, or nested containers of them
    *args : the point; every argument is differentiated
    manifolds : manifold, or a tuple of one (or None) per argument, on which the arguments lie; the system then has
        their tangent maps as its columns, and products take and give tangent vectors

    Returns
    -------
    Linearization, or TangentLinearization where manifolds are given

    Examples
    --------
    >>> import numpy as np, opad
    >>> lin = opad.linearize(lambda x: np.tanh(x) * x, np.array([0.0, 1.0]))
    >>> lin.jvp(np.array([1.0, 1.0])).round(4)
    array([0.    , 1.1816])
    >>> L, D = lin.system
    >>> print(opad.I - L)
    BlockMatrix: 2 x 2 blocks, 3 not zero
          x1 tanh I .
      x2 multiply H I
      I identity   H Hadamard
    """
    return Linearization.at(f, *args) if manifolds is None else TangentLinearization(f, args, manifolds)
