"""Parametrisations entry by entry or column by column: unit columns, stochastic matrices, positive and bounded numbers.

Their differentials are traced; those of the first three are self-adjoint, being Hessians of convex potentials.
"""

import numpy as np

from opad.manifolds.chart import Chart
from opad.manifolds.information import sinkhorn


class Direction(Chart):
    """Unit vectors v / |v|, or matrices with unit columns, for any v without zero columns; D is self-adjoint.

    Parameters
    ----------
    *dims : (n,) for the sphere, (n, p) for the oblique manifold

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Direction
    >>> Direction(2).embed(np.array([3.0, 4.0]))
    array([0.6, 0.8])

    References
    ----------
    P.-A. Absil, R. Mahony, R. Sepulchre, Optimization Algorithms on Matrix Manifolds, 2008, section 4.1.
    """

    def __init__(self, *dims):
        super().__init__(None, dims, dim=(dims[0] - 1) * (dims[1] if len(dims) > 1 else 1))

    def embed(self, t):
        return t / np.sqrt(np.sum(t * t, axis=0, keepdims=True))


class Softmax(Chart):
    """Probability vectors, or column stochastic matrices, exp(t) / sum exp(t); D is self-adjoint.

    Parameters
    ----------
    *dims : (n,) or (n, p)

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Softmax
    >>> Softmax(2).embed(np.log([1.0, 3.0])).round(12)
    array([0.25, 0.75])

    References
    ----------
    S. Amari, Information Geometry and Its Applications, 2016, section 2.2.
    """

    def __init__(self, *dims):
        super().__init__(None, dims, dim=(dims[0] - 1) * (dims[1] if len(dims) > 1 else 1))

    def embed(self, t):
        y = np.exp(t - np.max(t, axis=0, keepdims=True))
        return y / np.sum(y, axis=0, keepdims=True)

    def degenerate_points(self):
        return {"uniform": np.zeros(self.dims)}


class SinkhornChart(Chart):
    """Doubly stochastic matrices, Sinkhorn's limit of exp(T); D is self-adjoint, by implicit differentiation.

    Parameters
    ----------
    n : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import SinkhornChart
    >>> SinkhornChart(2).embed(np.zeros((2, 2)))
    array([[0.5, 0.5],
           [0.5, 0.5]])

    References
    ----------
    M. Cuturi, Sinkhorn distances, NeurIPS 2013; G. Luise et al., Differential properties of Sinkhorn approximation for
    learning with Wasserstein distance, NeurIPS 2018.
    """

    def __init__(self, n):
        super().__init__(None, (n, n), dim=(n - 1) ** 2)

    def embed(self, t):
        return sinkhorn(np.exp(t))

    def degenerate_points(self):
        return {"uniform": np.zeros(self.dims)}


class Positive(Chart):
    """Positive arrays exp(t).

    Parameters
    ----------
    *dims : int

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Positive
    >>> Positive(2).embed(np.zeros(2))
    array([1., 1.])

    References
    ----------
    M. J. D. Powell, in R. Fletcher (ed.), Optimization, 1969 (elimination of bounds by transformation).
    """

    def __init__(self, *dims):
        super().__init__(None, dims)

    def embed(self, t):
        return np.exp(t)


class Box(Chart):
    """Arrays between two bounds, lower + (upper - lower) / (1 + exp(-t)).

    Parameters
    ----------
    lower, upper : floats or arrays that broadcast to `dims`
    dims : shape

    Examples
    --------
    >>> import numpy as np
    >>> from opad.manifolds import Box
    >>> Box(-1.0, 3.0, (2,)).embed(np.zeros(2))
    array([1., 1.])

    References
    ----------
    M. J. Box, A comparison of several current optimization methods, and the use of transformations in constrained
    problems, Comput. J. 9(1), 1966.
    """

    def __init__(self, lower, upper, dims):
        self.lower, self.upper = lower, upper
        super().__init__(None, dims)

    def embed(self, t):
        return self.lower + (self.upper - self.lower) * (0.5 + 0.5 * np.tanh(t / 2))
