"""What a manifold is: points, tangent spaces given by a projection, and a retraction."""

from math import sqrt

import numpy as np

from opad.calculus.products import jacobian_operator
from opad.calculus.tangents import euclidean_derivatives
from opad.errors import ManifoldError, NotOnManifoldError, NotTangentError
from opad.manifolds.maps import add, combine, euclidean_inner, gaussian, scale
from opad.operators import Operator, flatten, is_compound, unflatten
from opad.tracing.array import plain


class Manifold:
    """A set with a tangent space at every point, to optimise over and to differentiate on.

    A subclass sets `dims` and `dim`, and writes `projection` and `retraction`. The rest has defaults: the Euclidean
    metric, Riemannian gradients by projection, Riemannian Hessians by differentiating the projection. A point is an
    array of shape `dims`, or a tuple of arrays if `dims` is a tuple of shapes; a tangent vector likewise with
    `tangent_dims`. Formulas that broadcast accept stacks of points, (*stack, *dims).

    Attributes
    ----------
    dims : shape of a point, or a tuple of shapes
    tangent_dims : shape of a tangent vector, `dims` unless it is represented in another way
    dim : int, dimension of the manifold
    dtype : dtype of random points, float64 unless set
    retraction_order : 1 or 2, the order to which the retraction agrees with the exponential map
    stacks : bool, whether the methods take stacks of points

    Examples
    --------
    >>> import numpy as np, opad
    >>> from opad.manifolds import Manifold, SelfAdjoint
    >>> def project(x, w):
    ...     return w - x * np.sum(x * w, axis=-1, keepdims=True)
    >>> class Sphere(Manifold):
    ...     def __init__(self, n):
    ...         self.dims, self.dim = (n,), n - 1
    ...     def projection(self, x):
    ...         return SelfAdjoint(project, x)
    ...     def retraction(self, x, z):
    ...         return (x + z) / np.sqrt(np.sum((x + z) ** 2, axis=-1, keepdims=True))
    >>> f = lambda x: x @ np.diag([1.0, 2.0, 3.0]) @ x
    >>> M, x = Sphere(3), np.array([0.0, 0.6, 0.8])
    >>> opad.grad(f, manifolds=M)(x).round(3)
    array([ 0.   , -0.768,  0.576])
    >>> M.hessian_operator(f, x).apply(np.array([1.0, 0.0, 0.0])).round(3)
    array([-3.28,  0.  ,  0.  ])

    References
    ----------
    P.-A. Absil, R. Mahony, R. Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008.
    N. Boumal, An Introduction to Optimization on Smooth Manifolds, 2023.
    """

    dtype = np.dtype(float)
    retraction_order = 1
    stacks = False

    @property
    def tangent_dims(self):
        return self.dims

    @property
    def name(self):
        return f"{type(self).__name__}{self.dims}"

    def __repr__(self):
        return f"<{self.name}, dim {self.dim}>"

    # -- what a subclass writes -------------------------------------------------------------------------------------

    def projection(self, X):
        """The projector onto the tangent space at X, orthogonal in the metric: Operator, ambient -> tangent."""
        raise NotImplementedError(f"{type(self).__name__} must define projection(X) -> Operator")

    def retraction(self, X, Z):
        """The point reached from X in the direction of the tangent vector Z, X + Z to first order at least."""
        raise NotImplementedError(f"{type(self).__name__} must define retraction(X, Z)")

    # -- what it may write as well ----------------------------------------------------------------------------------

    def tangent(self, X):
        """The tangent map at X: Operator, tangent vectors -> changes of what a function on the manifold receives."""
        return self.projection(X)

    def embed(self, X):
        """What a function on the manifold receives when it is evaluated at X: X itself, unless X is a parameter."""
        return X

    def ambient_of(self, x):
        """An array that identifies the point from what a function receives, where several x represent the same one."""
        return x

    def ambient(self, X):
        """`ambient_of` of `embed(X)`: an array that is the same for all X that represent the same point."""
        return self.ambient_of(self.embed(X))

    def inner(self, X, U, V):
        """The metric at X: a real number for two tangent vectors, (*stack,) for stacks of them."""
        return euclidean_inner(U, V, self.tangent_dims)

    def sharp(self, X):
        """Euclidean gradient -> Riemannian gradient, an Operator; the projection unless the metric is another."""
        return self.tangent(X).H

    def curvature(self, X, G):
        """What the Riemannian Hessian has besides sharp(X) H: Operator on tangent vectors, or None for nothing.

        G is the Euclidean gradient. By default the derivative of the projection is traced, P d(P_X G)[Z], which is
        right for the Euclidean metric and any projection written with functions that opad differentiates: the
        Weingarten map of Absil, Mahony, Trumpf, An extrinsic look at the Riemannian Hessian, GSI 2013.
        """
        if not self.is_euclidean:
            raise NotImplementedError(
                f"{type(self).__name__} has a metric of its own and no curvature(X, G); expected the operator "
                "Z -> rhess[Z] - sharp(X) H[Z]. Without it the manifold has gradients but no Hessians."
            )
        P = self.projection(X)
        return P @ jacobian_operator(lambda X: self.projection(X).apply(G), X) @ P

    def constraint(self, X):
        """h(X), an array that vanishes on the manifold (to first order nowhere else); None if there is none."""
        return None

    def random_point(self, rng=None):
        """A random point; rng is a NumPy Generator."""
        raise NotImplementedError(f"{type(self).__name__} must define random_point(rng) to be checked or sampled")

    def exp(self, X, Z):
        """The geodesic from X in the direction Z, at time one, where there is a formula."""
        raise NotImplementedError(f"{type(self).__name__} has no exponential map; use retraction(X, Z)")

    def degenerate_points(self):
        """{name: point}, points at which formulas tend to break: repeated or zero spectra, the identity."""
        return {}

    # -- what follows -----------------------------------------------------------------------------------------------

    @property
    def is_euclidean(self):
        """Whether the metric is that of the embedding space."""
        return type(self).inner is Manifold.inner

    @property
    def has_exp(self):
        """Whether there is a formula for the exponential map."""
        return type(self).exp is not Manifold.exp

    def random_tangent(self, X, rng=None):
        """A random tangent vector of length one at X."""
        rng = np.random.default_rng(rng)
        P = self.projection(X)
        Z = P.apply(combine(lambda x: gaussian(x.shape, x.dtype, rng), _zeros(P.dims, X)))
        return scale(float(1 / np.max(self.norm(X, Z))), Z)

    def zero_tangent(self, X):
        """The zero vector of the tangent space at X."""
        return _zeros(self.tangent_dims, X)

    def norm(self, X, Z):
        """The length of a tangent vector."""
        return np.sqrt(np.maximum(self.inner(X, Z, Z), 0))

    def gradient(self, X, G):
        """The Riemannian gradient at X of a function with the Euclidean gradient G."""
        return self.sharp(X).apply(G)

    def hessian(self, X, G, H):
        """The Riemannian Hessian at X as an Operator on tangent vectors.

        Parameters
        ----------
        X : point
        G : Euclidean gradient
        H : Operator, the Euclidean Hessian

        Returns
        -------
        Operator, Z -> sharp(X) H[T Z] + curvature(X, G)[Z], self-adjoint in the metric on tangent vectors
        """
        return RiemannianHessian(self, X, G, H)

    def hessian_conversion(self, X, G):
        """A callable (H[T Z], Z) -> rhess[Z] for Euclidean Hessians H at X, made once per point."""
        return HessianConversion(self.sharp(X), self.curvature(X, G))

    def hessian_operator(self, f, X):
        """The Riemannian Hessian of the function f at X, its Euclidean derivatives being traced.

        Parameters
        ----------
        f : callable returning one real number for `embed(X)`
        X : point

        Returns
        -------
        Operator on tangent vectors

        Raises
        ------
        NotOnManifoldError
        """
        self.check_point(X)
        return self.hessian(X, *euclidean_derivatives(f, self.embed(X)))

    def transport(self, X, Y, Z):
        """A tangent vector at X carried to the point Y: by default the projection onto the tangent space at Y."""
        return self.projection(Y).apply(self.embedding(X).apply(Z))

    def embedding(self, X):
        """Operator, tangent vectors -> the space that `projection` maps from; the identity unless they differ."""
        return _Same(self.tangent_dims)

    # -- checks -----------------------------------------------------------------------------------------------------

    def residual(self, X):
        """max |h(X)|, how far X is from the manifold; 0 for a manifold without constraint."""
        h = self.constraint(X)
        return 0.0 if h is None else float(np.max(np.abs(h), initial=0.0))

    def check_point(self, X, tolerance=None):
        """Raise `ManifoldError` for a wrong shape and `NotOnManifoldError` if the residual exceeds the tolerance."""
        shapes = combine(np.shape, X) if isinstance(X, tuple) else np.shape(X)
        if not _fits(shapes, self.dims, self.stacks):
            raise ManifoldError(
                f"a point of {self!r} was given with shape {shapes}; expected {self.dims}. Reshape it, or make the "
                "manifold for this size."
            )
        residual = self.residual(_plain(X))
        tolerance = _default_tolerance(X) if tolerance is None else tolerance
        if not residual <= tolerance:
            raise NotOnManifoldError(
                f"a point of {self!r} violates its constraint by {residual:.3g}; expected at most {tolerance:.3g}. "
                "Use a point that random_point or retraction returned, or correct it first.",
                residual,
            )
        return X

    def check_tangent(self, X, Z, tolerance=None):
        """Raise `NotTangentError` if the projection changes Z by more than the tolerance, relative to its length."""
        shapes = combine(np.shape, Z) if isinstance(Z, tuple) else np.shape(Z)
        if not _fits(shapes, self.tangent_dims, self.stacks):
            raise ManifoldError(
                f"a tangent vector of {self!r} was given with shape {shapes}; expected {self.tangent_dims}. Reshape "
                "it; embedding(X) maps tangent vectors to the space of the points."
            )
        E = self.embedding(X).apply(Z)
        change = combine(np.subtract, self.embedding(X).apply(self.projection(X).apply(E)), E)
        residual = _length(change) / max(_length(E), 1e-300)
        tolerance = _default_tolerance(X) if tolerance is None else tolerance
        if not residual <= tolerance:
            raise NotTangentError(
                f"a vector is not tangent to {self!r}: its normal part is {residual:.3g} of its length; expected at "
                f"most {tolerance:.3g}. Project it: projection(X).apply(Z).",
                residual,
            )
        return Z


class HessianConversion:
    """(H[T Z], Z) -> sharp(X) H[T Z] + C[Z].

    Parameters
    ----------
    sharp : Operator
    curvature : Operator, or None for zero
    """

    def __init__(self, sharp, curvature):
        self.sharp = sharp
        self.curvature = curvature

    def __call__(self, HZ, Z):
        result = self.sharp.apply(HZ)
        return result if self.curvature is None else add(result, self.curvature.apply(Z))


class RiemannianHessian(Operator):
    """Z -> sharp(X) H[T Z] + C[Z], the Riemannian Hessian; self-adjoint in the metric on tangent vectors.

    Forward: as above.  Adjoint: T^H H sharp(X)^H + C^H, in the Euclidean inner product.

    Parameters
    ----------
    M : Manifold
    X : point
    G : Euclidean gradient
    H : Operator, Euclidean Hessian
    """

    def __init__(self, M, X, G, H):
        self.M, self.X, self.G = M, X, G
        self.tangent = M.tangent(X)
        self.convert = M.hessian_conversion(X, G)
        self.euclidean = H
        self.dims = self.dimsd = M.tangent_dims if is_compound(M.tangent_dims) else self.tangent.dims

    clinear = property(lambda self: self.tangent.clinear)
    data_dtype = property(lambda self: self.tangent.data_dtype)

    def apply(self, Z):
        return self.convert(self.euclidean.apply(self.tangent.apply(Z)), Z)

    def apply_adjoint(self, Y):
        sharp, curvature = self.M.sharp(self.X), self.M.curvature(self.X, self.G)
        result = self.tangent.apply_adjoint(self.euclidean.apply_adjoint(sharp.apply_adjoint(Y)))
        return result if curvature is None else add(result, curvature.apply_adjoint(Y))


class _Same(Operator):
    """X -> X, not copied; an Identity that may have any data type."""

    def __init__(self, dims):
        self.dims = self.dimsd = dims

    def apply(self, X):
        return X

    apply_adjoint = apply


def _zeros(dims, X):
    """Zeros of the space `dims` in the dtype and with the stack axes of the point X."""
    if is_compound(dims):
        first = X[0] if isinstance(X, tuple) else X
        return tuple(np.zeros_like(first, shape=shape) for shape in dims)
    if isinstance(X, tuple):
        return np.zeros_like(X[0], shape=dims)
    stack = X.shape[: max(X.ndim - len(dims), 0)]
    return np.zeros_like(X, shape=stack + tuple(dims))


def _fits(shapes, dims, stacks):
    if is_compound(dims):
        return tuple(shapes) == tuple(dims)
    return shapes == tuple(dims) or (stacks and shapes[-len(dims) :] == tuple(dims))


def _plain(X):
    return combine(plain, X)


def _length(Z):
    parts = Z if isinstance(Z, tuple) else (Z,)
    return sqrt(sum(float(np.sum(np.abs(_plain(part)) ** 2)) for part in parts))


def _default_tolerance(X):
    parts = X if isinstance(X, tuple) else (X,)
    eps = max(float(np.finfo(part.dtype).eps) for part in parts)
    size = max(1.0, *(float(np.max(np.abs(_plain(part)), initial=0.0)) for part in parts))
    return size * sqrt(eps)


def as_columns(op, dtype):
    """The real matrix of an operator on arrays of the given dtype: columns are images of the basis."""
    n = op.shape[1]
    if np.dtype(dtype).kind != "c":
        return flatten(op.apply(unflatten(np.eye(n, dtype=dtype), op.dims)), op.dimsd).T
    basis = np.concatenate([np.eye(n), 1j * np.eye(n)]).astype(dtype)
    Y = flatten(op.apply(unflatten(basis, op.dims)), op.dimsd)
    return np.concatenate([Y.real, Y.imag], axis=-1).T
