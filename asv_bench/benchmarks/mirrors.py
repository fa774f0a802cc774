"""opad.scipy: gradients through SciPy's functions, in seconds and as multiples of the function itself."""

import numpy as np
import scipy.linalg
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg

import opad
from opad.scipy import linalg, signal, sparse

from .timing import ratio


class StoredValues:
    """S @ X with n = 20 000, 200 000 stored values and 8 columns: the gradient in X and in the stored values."""

    def setup(self):
        rng = np.random.default_rng(0)
        n = 20_000
        S = scipy.sparse.random_array((n, n), density=10 / n, rng=rng, format="csr")
        X = rng.standard_normal((n, 8))

        def loss(data, X):
            return np.sum((sparse.csr_array((data, S.indices, S.indptr), shape=S.shape) @ X) ** 2)

        self.gradient, self.point = opad.grad(loss, argnums=(0, 1)), (S.data, X)
        self.plain, self.S = loss, S

    def time_gradient(self):
        self.gradient(*self.point)

    def peakmem_gradient(self):
        self.gradient(*self.point)

    def track_gradient_over_value(self):
        return ratio(lambda: self.gradient(*self.point), lambda: self.plain(*self.point))


class SparseSolve:
    """spsolve with the five-point Laplacian on 100 x 100 points: value and gradient in stored values and load."""

    def setup(self):
        n = 100
        T = scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
        eye = scipy.sparse.eye_array(n)
        A = (scipy.sparse.kron(T, eye) + scipy.sparse.kron(eye, T)).tocsr()

        def loss(data, b):
            return np.sum(sparse.linalg.spsolve(sparse.csr_array((data, A.indices, A.indptr), shape=A.shape), b) ** 2)

        self.gradient, self.plain, self.point = opad.grad(loss, argnums=(0, 1)), loss, (A.data, np.ones(n * n))

    def time_gradient(self):
        self.gradient(*self.point)

    def track_gradient_over_value(self):
        return ratio(lambda: self.gradient(*self.point), lambda: self.plain(*self.point))


FUNCTIONS = {
    "expm": (linalg.expm, scipy.linalg.expm),
    "logm": (linalg.logm, scipy.linalg.logm),
    "sqrtm": (linalg.sqrtm, scipy.linalg.sqrtm),
    "solve_sylvester": (lambda A: linalg.solve_sylvester(A, A, A), lambda A: scipy.linalg.solve_sylvester(A, A, A)),
    "lu": (lambda A: linalg.lu(A)[2], lambda A: scipy.linalg.lu(A)[2]),
    "lfilter": (
        lambda A: signal.lfilter(A[0, :3], A[0, :1] * np.array([1.0, 0.1, 0.2]), A),
        lambda A: scipy.signal.lfilter(A[0, :3], A[0, :1] * np.array([1.0, 0.1, 0.2]), A),
    ),
}


class Mirrors:
    """The gradient of the sum of a function of a 100 x 100 matrix, as a multiple of the function."""

    params = tuple(FUNCTIONS)
    param_names = ("function",)

    def setup(self, name):
        mirror, self.plain = FUNCTIONS[name]
        self.A = np.random.default_rng(0).standard_normal((100, 100)) / 10 + 3 * np.eye(100)
        self.gradient = opad.grad(lambda A: np.sum(mirror(A)))

    def track_gradient_over_value(self, name):
        return ratio(lambda: self.gradient(self.A), lambda: self.plain(self.A))
