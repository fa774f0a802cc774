"""pymanopt: opad's derivatives for its problems, and opad's manifolds for its optimisers.

from opad.interop.pymanopt import PymanoptManifold, opad_function

manifold = PymanoptManifold(opad.manifolds.Stiefel(10, 3))      # or a manifold of pymanopt's own
@opad_function(manifold)
def cost(X):
    return ...
pymanopt.optimizers.TrustRegions().run(pymanopt.Problem(manifold, cost))
"""

import numpy as np
from pymanopt.autodiff import Function
from pymanopt.autodiff.backends._backend import Backend
from pymanopt.manifolds.manifold import Manifold as _PymanoptBase

from opad.calculus.tangents import euclidean_derivatives
from opad.errors import ConversionError
from opad.manifolds import Manifold
from opad.operators import is_compound


class Vector(tuple):
    """A point or tangent vector that is a tuple of arrays, with the arithmetic that pymanopt's optimisers use."""

    __array_ufunc__ = None  # so that NumPy scalars leave products to __rmul__

    def __add__(self, other):
        return Vector(x + y for x, y in zip(self, other, strict=True))

    def __sub__(self, other):
        return Vector(x - y for x, y in zip(self, other, strict=True))

    def __mul__(self, scalar):
        return Vector(scalar * x for x in self)

    __rmul__ = __mul__

    def __truediv__(self, scalar):
        return Vector(x / scalar for x in self)

    def __neg__(self):
        return Vector(-x for x in self)


def _vector(Z):
    return Vector(Z) if isinstance(Z, tuple) else Z


def _tuple(G):
    return tuple(G) if isinstance(G, tuple | list) else G


def _parts(X):
    return list(X) if isinstance(X, tuple | list) else [X]


class _Latest:
    """What was computed for the last arrays, kept until others come: optimisers ask many times at one point."""

    def __init__(self):
        self.key = None

    def __call__(self, key, compute):
        if self.key is None or not all(map(np.array_equal, key, self.key)):
            self.value = compute()
            self.key = [np.array(part) for part in key]
        return self.value


class PymanoptManifold(_PymanoptBase):
    """An opad manifold as a pymanopt manifold.

    Gradients and Hessians are applied through the manifold's operators, which are made once per point.

    Parameters
    ----------
    manifold : opad.manifolds.Manifold
    rng : seed or NumPy Generator for random points and vectors

    Examples
    --------
    >>> import numpy as np, pymanopt
    >>> from opad.manifolds import Sphere
    >>> M = PymanoptManifold(Sphere(3), rng=0)
    >>> @opad_function(M)
    ... def cost(x):
    ...     return x @ np.diag([3.0, 1.0, 2.0]) @ x
    >>> result = pymanopt.optimizers.TrustRegions(verbosity=0).run(pymanopt.Problem(M, cost))
    >>> np.abs(result.point).round(5) + 0.0
    array([0., 1., 0.])

    References
    ----------
    J. Townsend, N. Koep, S. Weichwald, Pymanopt: a Python toolbox for optimization on manifolds using automatic
    differentiation, JMLR 17, 2016.
    """

    def __init__(self, manifold, rng=None):
        layout = len(manifold.dims) if is_compound(manifold.dims) else 1
        super().__init__(manifold.name, manifold.dim, layout)
        self.manifold = manifold
        self.rng = np.random.default_rng(rng)
        self._conversion = _Latest()

    def inner_product(self, point, tangent_vector_a, tangent_vector_b):
        return float(self.manifold.inner(point, tangent_vector_a, tangent_vector_b))

    def norm(self, point, tangent_vector):
        return float(self.manifold.norm(point, tangent_vector))

    def projection(self, point, vector):
        return _vector(self.manifold.projection(point).apply(vector))

    def to_tangent_space(self, point, vector):
        return self.projection(point, self.manifold.embedding(point).apply(vector))

    def embedding(self, point, tangent_vector):
        """The change of what a cost function receives; pymanopt asks for Hessians along it."""
        if type(self.manifold).tangent is Manifold.tangent:
            return tangent_vector
        return _vector(self.manifold.tangent(point).apply(tangent_vector))

    def random_point(self):
        return _vector(self.manifold.random_point(self.rng))

    def random_tangent_vector(self, point):
        return _vector(self.manifold.random_tangent(point, self.rng))

    def zero_vector(self, point):
        return _vector(self.manifold.zero_tangent(point))

    def retraction(self, point, tangent_vector):
        return _vector(self.manifold.retraction(point, tangent_vector))

    def exp(self, point, tangent_vector):
        return _vector(self.manifold.exp(point, tangent_vector))

    def log(self, point_a, point_b):
        return _vector(self._optional("log")(point_a, point_b))

    def dist(self, point_a, point_b):
        return float(self._optional("dist")(point_a, point_b))

    def _optional(self, name):
        method = getattr(self.manifold, name, None)
        if method is None:
            raise NotImplementedError(
                f"{self.manifold!r} has no method {name}, which an algorithm of pymanopt called; expected a manifold "
                "with one. Use another algorithm, or define the method in a subclass."
            )
        return method

    def transport(self, point_a, point_b, tangent_vector_a):
        return _vector(self.manifold.transport(point_a, point_b, tangent_vector_a))

    def euclidean_to_riemannian_gradient(self, point, euclidean_gradient):
        return _vector(self.manifold.gradient(point, _tuple(euclidean_gradient)))

    def euclidean_to_riemannian_hessian(self, point, euclidean_gradient, euclidean_hessian, tangent_vector):
        G = _tuple(euclidean_gradient)
        key = [*_parts(point), *_parts(G)]
        convert = self._conversion(key, lambda: self.manifold.hessian_conversion(point, G))
        return _vector(convert(_tuple(euclidean_hessian), tangent_vector))


class OpadBackend(Backend):
    """Gradients and Hessian-vector products of cost functions by opad, from one linearisation per point.

    Parameters
    ----------
    manifold : opad manifold on which the function is defined, or None if it receives the points themselves
    """

    def __init__(self, manifold=None):
        super().__init__("opad")
        self.manifold = manifold
        self._latest = _Latest()

    @staticmethod
    def is_available():
        return True

    def prepare_function(self, function):
        def cost(*args):
            return _call(function, self._received(args))

        return cost

    def generate_gradient_operator(self, function, num_arguments):
        def gradient(*args):
            return self._derivatives(function, args)[0]

        return gradient

    def generate_hessian_operator(self, function, num_arguments):
        def hessian_vector_product(*args):
            point, vector = args[:num_arguments], args[num_arguments:]
            return self._derivatives(function, point)[1].apply(vector[0] if len(vector) == 1 else tuple(vector))

        return hessian_vector_product

    def _received(self, args):
        """What the function receives at a point: an array, or a tuple of arrays."""
        X = args[0] if len(args) == 1 else tuple(args)
        return X if self.manifold is None else self.manifold.embed(X)

    def _derivatives(self, function, args):
        """(gradient, Hessian operator) at the point."""

        def compute():
            return euclidean_derivatives(lambda x: _call(function, x), self._received(args))

        return self._latest(list(args), compute)


def _call(function, x):
    return function(*x) if isinstance(x, tuple) else function(x)


def opad_function(manifold):
    """Decorator for cost functions of pymanopt problems, as `pymanopt.function.autograd` is.

    Parameters
    ----------
    manifold : PymanoptManifold, any manifold of pymanopt, or an opad manifold

    Returns
    -------
    decorator; the function receives one argument per array of a point and returns one real number

    Raises
    ------
    ConversionError
        If `manifold` is none of these.

    Examples
    --------
    >>> import numpy as np, pymanopt
    >>> M = pymanopt.manifolds.Sphere(2)
    >>> @opad_function(M)
    ... def cost(x):
    ...     return x[0] * x[1]
    >>> pymanopt.Problem(M, cost).riemannian_gradient(np.array([1.0, 0.0]))
    array([0., 1.])
    """
    if isinstance(manifold, Manifold):
        manifold = PymanoptManifold(manifold)
    if not isinstance(manifold, _PymanoptBase):
        raise ConversionError(
            f"opad_function was given {manifold!r}; expected a manifold, as in @opad_function(manifold). Name the "
            "manifold on which the function lives."
        )
    own = manifold.manifold if isinstance(manifold, PymanoptManifold) else None
    return lambda function: Function(function=function, manifold=manifold, backend=OpadBackend(own))


def preconditioner(manifold, build):
    """A preconditioner for `pymanopt.Problem` from operators.

    Parameters
    ----------
    manifold : PymanoptManifold
    build : callable, point -> Operator on tangent vectors that approximates the inverse of the Hessian there; called
        once per point

    Returns
    -------
    callable (point, tangent vector) -> tangent vector, the projection of the operator's result
    """
    latest = _Latest()

    def apply(point, tangent_vector):
        operator = latest(_parts(point), lambda: build(point))
        return manifold.to_tangent_space(point, operator.apply(tangent_vector))

    return apply
