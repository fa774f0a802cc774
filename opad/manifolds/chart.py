"""Sets given by a parametrisation X = phi(t): coordinates as a manifold, the differential traced or given."""

import numpy as np

from opad.calculus.products import jacobian_operator
from opad.errors import OptionError
from opad.manifolds.base import Manifold
from opad.manifolds.krylov import conjugate_gradients
from opad.manifolds.maps import add, euclidean_inner, gaussian
from opad.operators import Identity, Operator, is_compound, size_of

METRICS = ("flat", "pullback")


class Chart(Manifold):
    """The set {phi(t)}, with its coordinates t as points; functions on it receive X = phi(t).

    Parameters
    ----------
    phi : callable, array of shape `dims` -> array X, written with functions that opad differentiates
    dims : shape of t, or a tuple of shapes if t is a tuple of arrays (for the flat metric)
    differential : callable t -> Operator, the differential D of phi at t; traced by default
    metric : {"flat", "pullback"}
        The inner product of tangent vectors a, b: <a, b>, or <D a, D b>, that of the embedding space. The second
        needs D to have full rank.
    gram : callable (t, B) -> array, applies (D^H D)^-1 to B of shape (*batch, *dims); conjugate gradients by default
    dim : int, dimension of the set, where that is less than the number of coordinates
    linear : bool, True if phi is affine, so that it has no second derivative

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.manifolds import Chart
    >>> circle = Chart(lambda t: np.stack([np.cos(t[0]), np.sin(t[0])]), (1,))
    >>> opad.grad(lambda X: X[0], manifolds=circle)(np.array([np.pi / 2])).round(3)
    array([-1.])

    References
    ----------
    P.-A. Absil, R. Mahony, R. Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, chapter 3.
    M. Lezcano-Casado, Trivializations for gradient-based optimization on manifolds, NeurIPS 2019, arXiv:1909.09501.
    """

    retraction_order = 2

    def __init__(self, phi, dims, differential=None, *, metric="flat", gram=None, dim=None, linear=False, name=None):
        if metric not in METRICS:
            raise OptionError(
                f"Chart was given metric={metric!r}; expected one of {METRICS}. For another metric write a subclass "
                "with its own sharp."
            )
        self.phi = phi
        self.dims = dims
        self.dim = size_of(dims) if dim is None else dim
        self.metric = metric
        self.gram = gram
        self.linear = linear
        self.given_differential = differential
        self.label = name
        if metric == "pullback" and not linear:
            self.retraction_order = 1

    @property
    def name(self):
        return self.label or f"{type(self).__name__}{self.dims}"

    @property
    def is_euclidean(self):
        return self.metric == "flat"

    def embed(self, t):
        return self.phi(t)

    def differential(self, t):
        """D phi(t) as an Operator, coordinates -> embedding space."""
        return jacobian_operator(self.embed, t) if self.given_differential is None else self.given_differential(t)

    def tangent(self, t):
        return self.differential(t)

    def projection(self, t):
        return Identity(self.dims)

    def retraction(self, t, z):
        return add(t, z)

    def inner(self, t, a, b):
        if self.metric == "flat":
            return euclidean_inner(a, b, self.dims)
        D = self.differential(t)
        return euclidean_inner(D.apply(a), D.apply(b), D.dimsd)

    def sharp(self, t):
        """D^H, or its composition with the inverse of the Gram operator D^H D for the pulled back metric."""
        D = self.differential(t)
        return D.H if self.metric == "flat" else GramInverse(D, self.gram, t) @ D.H

    def curvature(self, t, G):
        """The second derivative of <G, phi>, with G's normal part in place of G for the pulled back metric."""
        if self.linear:
            return None
        if self.metric == "flat":
            return self._second(t, G)
        D = self.differential(t)
        inverse = GramInverse(D, self.gram, t)
        return inverse @ self._second(t, G - D.apply(inverse.apply(D.apply_adjoint(G))))

    def _second(self, t, G):
        """dt -> d(D phi(t)^H G) for fixed G."""
        return jacobian_operator(lambda t: self.differential(t).apply_adjoint(G), t)

    def random_point(self, rng=None):
        rng = np.random.default_rng(rng)
        if is_compound(self.dims):
            return tuple(gaussian(shape, self.dtype, rng) for shape in self.dims)
        return gaussian(self.dims, self.dtype, rng)


class GramInverse(Operator):
    """B -> (D^H D)^-1 B, self-adjoint.  Forward and adjoint: the given inverse, or conjugate gradients on D^H D.

    Parameters
    ----------
    D : Operator, injective
    inverse : callable (t, B) -> array, or None for conjugate gradients
    t : point that is handed to `inverse`
    """

    def __init__(self, D, inverse, t):
        self.D = D
        self.inverse = inverse
        self.t = t
        self.dims = self.dimsd = D.dims

    def apply(self, B):
        if self.inverse is not None:
            return self.inverse(self.t, B)
        rows = B.reshape((-1, *self.dims))
        if not len(rows):
            return B
        solutions = [conjugate_gradients(self._gram, row, "the Gram operator D^H D of a chart")[0] for row in rows]
        return np.stack(solutions).reshape(B.shape)

    def _gram(self, x):
        return self.D.apply_adjoint(self.D.apply(x))

    apply_adjoint = apply
