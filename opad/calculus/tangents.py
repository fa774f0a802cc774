"""Linearisation on manifolds: a parameter on a manifold is one more column block, the tangent map T.

    (I - L) dx = D dp,  dp = T dz          so that the system in tangent vectors z is  (I - L, D T)

A manifold is anything with `embed`, `tangent`, `gradient`, `check_point` and `check_tangent`; this layer knows no more.
"""

import numpy as np

from opad.blocks import BlockMatrix
from opad.calculus.linearization import Linearization
from opad.calculus.on_manifolds import on_manifolds, one_per_argument
from opad.calculus.products import hessian_operator
from opad.errors import ShapeError
from opad.operators import Identity, is_compound
from opad.tracing.components import Component


def euclidean_derivatives(f, X):
    """(gradient, Hessian operator) of a scalar function at X, an array or a tuple of arrays."""
    H = hessian_operator(f, X)
    return H.gradient, H


class TangentLinearization:
    """The Jacobian of a function of points on manifolds; it acts on tangent vectors. From `opad.linearize`.

    Attributes
    ----------
    value : the function's result
    euclidean : Linearization of the function on the embedding spaces

    Examples
    --------
    >>> import numpy as np, opad
    >>> lin = opad.linearize(lambda x: 3 * x, np.array([0.0, 1.0]), manifolds=opad.manifolds.Sphere(2))
    >>> lin.jvp(np.array([1.0, 0.0]))
    array([3., 0.])
    >>> L, D = lin.system
    >>> D[0, 0].todense()                                     # 3 I times the tangent map I - x x^T
    array([[3., 0.],
           [0., 0.]])

    References
    ----------
    P.-A. Absil, R. Mahony, R. Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, section 3.5.
    """

    def __init__(self, f, args, manifolds):
        numbers = range(len(args))
        self.manifolds = one_per_argument(manifolds, len(args))
        self.points = args
        self.euclidean = Linearization.at(f, *on_manifolds(self.manifolds, numbers, args))
        self.value = self.euclidean.value
        self.tangents = [
            Identity(np.shape(x)) if M is None else M.tangent(x) for M, x in zip(self.manifolds, args, strict=True)
        ]

    def jvp(self, *dz):
        """The derivative along tangent vectors, one per argument; raises `NotTangentError` for others."""
        if len(dz) != len(self.points):
            raise ShapeError(
                f"{len(dz)} tangent vectors were given for {len(self.points)} points; expected one for each. A point "
                "that stays where it is has the tangent vector 0."
            )
        for M, x, z in zip(self.manifolds, self.points, dz, strict=True):
            if M is not None:
                M.check_tangent(x, z)
        return self.euclidean.jvp(*(T.apply(z) for T, z in zip(self.tangents, dz, strict=True)))

    def vjp(self, g):
        """The adjoint: one covector on the tangent space per argument, T^H times the Euclidean cotangent."""
        return tuple(T.apply_adjoint(c) for T, c in zip(self.tangents, self.euclidean.vjp(g), strict=True))

    def gradient(self):
        """The Riemannian gradient of a scalar result: bare for one argument, a tuple for several."""
        G = self.euclidean.gradient()
        G = G if len(self.points) > 1 else (G,)
        gradients = tuple(
            g if M is None else M.gradient(x, g) for M, x, g in zip(self.manifolds, self.points, G, strict=True)
        )
        return gradients if len(gradients) > 1 else gradients[0]

    @property
    def jacobian(self):
        """J T as an Operator from tangent vectors to the result, for one argument."""
        if len(self.points) != 1:
            raise ShapeError(
                f"the Jacobian of a function of {len(self.points)} points was asked for as one operator; expected one "
                "point. Use .system, or a product of manifolds."
            )
        return self.euclidean.jacobian @ self.tangents[0]

    @property
    def system(self):
        """(L, D T): block matrices with one column of D T per argument, its block the tangent map."""
        L, D = self.euclidean.system
        return L, D @ self._tangent_columns(D.dims)

    def _tangent_columns(self, rows):
        blocks, row = {}, 0
        for k, T in enumerate(self.tangents):
            parts = _parts(T)
            blocks.update({(row + i, k): part for i, part in enumerate(parts)})
            row += len(parts)
        columns = [T.dims for T in self.tangents]
        names = [f"z{k}" for k in range(len(columns))]
        return BlockMatrix(blocks, (row, len(columns)), rows, columns, None, names)


def _parts(T):
    """The rows of a tangent map, one per array of what the function receives."""
    if not is_compound(T.dimsd):
        return [T]
    templates = tuple(np.broadcast_to(np.zeros((), T.dtype), shape) for shape in T.dimsd)
    return [Component(templates, k) @ T for k in range(len(T.dimsd))]
