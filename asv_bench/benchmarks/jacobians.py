"""Jacobians, Hessian-vector products, and products from one linearisation against tracing again."""

import numpy as np

import opad

from .timing import ratio
from .workloads import layered_tanh

SIZES = layered_tanh.SIZES
DTYPES = ("float32", "float64")


def inputs(size, dtype):
    """W, b, x."""
    (W, b), (x,) = layered_tanh.inputs(size, dtype)
    return W, b, x


def network(W, b, x):
    """The layers of the workload, without the loss."""
    for Wk, bk in zip(W, b, strict=True):
        x = np.tanh(Wk @ x + bk)
    return x


class Linearization:
    """Products with the Jacobian of the layered network, blocks kept, against tracing it again for each.

    The speed-up is time of tracing again / time of the product: at least 3 is wanted at (8, 1, 50), 1 everywhere.
    """

    params = (SIZES, DTYPES)
    param_names = ("size", "dtype")

    def setup(self, size, dtype):
        self.point = self.tangent = inputs(size, dtype)
        self.cotangent = np.ones_like(self.point[2])
        self.linearization = opad.linearize(network, *self.point)

    def _jvp_again(self):
        return opad.jvp(network, self.point, self.tangent)

    def _vjp_again(self):
        return opad.vjp(network, *self.point)[1](self.cotangent)

    def time_linearize(self, size, dtype):
        opad.linearize(network, *self.point)

    def time_jvp(self, size, dtype):
        self.linearization.jvp(*self.tangent)

    def time_vjp(self, size, dtype):
        self.linearization.vjp(self.cotangent)

    def track_jvp_speedup(self, size, dtype):
        return ratio(self._jvp_again, lambda: self.linearization.jvp(*self.tangent))

    def track_vjp_speedup(self, size, dtype):
        return ratio(self._vjp_again, lambda: self.linearization.vjp(self.cotangent))


class Jacobian:
    """The dense Jacobian of the layered network's output with respect to its input: one sweep with batch axes."""

    params = ([(8, 1, 50), (32, 1, 8), (128, 1, 8), (32, 8, 8)], ("forward", "reverse"))
    param_names = ("size", "order")

    def setup(self, size, order):
        W, b, self.x = inputs(size, "float64")
        self.jacobian = opad.jacobian(lambda x: network(W, b, x), order=order)
        self.matrices = W

    def time_jacobian(self, size, order):
        self.jacobian(self.x)

    def track_ratio_to_products(self, size, order):
        """Against the products of matrices alone, W_k times all columns at once."""
        columns = np.eye(self.x.size)[: self.x.shape[0]]

        def products():
            for W in self.matrices:
                W @ columns

        return ratio(lambda: self.jacobian(self.x), products)


class HessianVectorProduct:
    """One product with the Hessian of the loss of the layered network; as a ratio to one gradient."""

    params = (SIZES[:3],)
    param_names = ("size",)

    def setup(self, size):
        W, b, x = inputs(size, "float64")

        def loss(W, b):
            h = network(W, b, x)
            return np.sum(h * h)

        self.loss, self.point = loss, (W, b)
        self.gradient = opad.grad(loss, argnums=(0, 1))

    def time_hvp(self, size):
        opad.hvp(self.loss, self.point, self.point)

    def track_ratio_to_gradient(self, size):
        return ratio(lambda: opad.hvp(self.loss, self.point, self.point), lambda: self.gradient(*self.point))
