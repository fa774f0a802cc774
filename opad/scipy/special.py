"""scipy.special: the functions that are not ufuncs, on traced arrays. The ufuncs need no mirror.

Examples
--------
>>> import numpy as np, opad, opad.scipy.special
>>> opad.grad(opad.scipy.special.logsumexp)(np.array([1000.0, 1000.0]))
array([0.5, 0.5])
"""

import types

import numpy as np
import scipy.special as sp

from opad.operators.algebra import Product
from opad.operators.elementwise import Hadamard
from opad.operators.shaping import SumAxes
from opad.scipy.mirrors import Mirror, mirror, mirror_of
from opad.tracing.array import plain
from opad.tracing.elementwise import singular_elementwise
from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import FunctionOperator, constant, operator_rule
from opad.tracing.rules.helpers import wants
from opad.tracing.rules.special import REFUSED, smooth

# Python functions made of ufuncs, which work on traced arrays as they are.
_MADE_OF_UFUNCS = ("assoc_laguerre", "h1vp", "h2vp", "ivp", "jvp", "kvp", "softplus", "yvp", "zeta")

# -- sums of exponentials -------------------------------------------------------------------------------------------


@UserPrimitive
def _log_of_sum(a, b, axis, keepdims):
    return sp.logsumexp(a, axis, b, keepdims, return_sign=True)[0]


@UserPrimitive
def _sign_of_sum(a, b, axis, keepdims):
    return sp.logsumexp(a, axis, b, keepdims, return_sign=True)[1]


constant(_sign_of_sum)


def _shares(a, y, axis):
    """exp(a - y), y along the axes that it was summed over; 0 where all of them are -inf, and equal ones at +inf."""
    y = np.reshape(y, SumAxes(a.shape, axis, keepdims=True).dimsd)
    with np.errstate(invalid="ignore"):
        shares = np.exp(np.where(np.isfinite(plain(y)), a - y, -np.inf))
    infinite = (plain(a) == np.inf) & (plain(y) == np.inf)
    return shares + infinite / np.maximum(np.sum(infinite, axis=axis, keepdims=True), 1).astype(shares.real.dtype)


@operator_rule(_log_of_sum)
def _(y, a, b, axis, keepdims):
    shares = _shares(a if b is None else np.where(plain(b) == 0, -np.inf, a), y, axis)
    total = SumAxes(a.shape, axis, keepdims)
    if b is None:
        return Product(total, Hadamard(shares)), None, None, None
    sign = np.reshape(_sign_of_sum(a, b, axis, True), SumAxes(a.shape, axis, keepdims=True).dimsd)
    of_b = _shares(a, y, axis) * sign
    return Product(total, Hadamard(shares * b * sign)), Product(total, Hadamard(of_b)), None, None


@mirror(sp.logsumexp, sp)
def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """The shares exp(a - y) are the gradient; 0 where every a is -inf."""
    if b is not None:
        shape = np.broadcast_shapes(np.shape(a), np.shape(b), (1,))
        a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    a = np.atleast_1d(a)
    if any(x is not None and x.dtype.kind == "c" for x in (a, b)):
        raise wants("scipy.special.logsumexp", "complex numbers", "real numbers; write np.log(np.sum(np.exp(a)))")
    axis = tuple(range(np.ndim(a))) if axis is None else axis
    y, sign = _log_of_sum(a, b, axis, keepdims), _sign_of_sum(a, b, axis, keepdims)
    if return_sign:
        return y, sign
    return y + np.where(sign < 0, np.nan, 0).astype(y.dtype) if b is not None else y


def _negative(axis, ndim):
    """Axes counted from the end, which leading batch axes do not change."""
    axes = range(ndim) if axis is None else np.atleast_1d(axis).tolist()
    return tuple(k % ndim - ndim for k in axes)


softmax = Mirror(sp.softmax, sp)


@operator_rule(softmax)
def _(y, x, axis=None):
    """y (dx - y . dx), self-adjoint where y is real."""
    axes = _negative(axis, y.ndim)

    def forward(E):
        return y * (E - np.sum(y * E, axis=axes, keepdims=True))

    def adjoint(G):
        return np.conj(y) * (G - np.sum(np.conj(y) * G, axis=axes, keepdims=True))

    return FunctionOperator(forward, adjoint, x.shape, y.shape, batched=True)


log_softmax = Mirror(sp.log_softmax, sp)


@operator_rule(log_softmax)
def _(y, x, axis=None):
    """dx - exp(y) . dx; the adjoint is g - exp(y) sum g."""
    axes, shares = _negative(axis, y.ndim), np.exp(y)

    def forward(E):
        return E - np.sum(shares * E, axis=axes, keepdims=True)

    def adjoint(G):
        return G - np.conj(shares) * np.sum(G, axis=axes, keepdims=True)

    return FunctionOperator(forward, adjoint, x.shape, y.shape, batched=True)


# -- gamma functions ------------------------------------------------------------------------------------------------


polygamma = Mirror(sp.polygamma, sp)
smooth(polygamma, REFUSED, lambda y, n, x: polygamma(np.asarray(n) + 1, x))


@mirror(sp.multigammaln, sp)
def multigammaln(a, d):
    """The sum of log gamma(a - j / 2), j = 0 … d - 1, but for a constant."""
    a = a.astype(np.result_type(a.dtype, np.float64))  # as SciPy
    if not np.all(plain(a) > (d - 1) / 2):
        raise ValueError(f"condition a ({a}) > 0.5 * (d-1) ({(d - 1) / 2}) not met")
    return sum(sp.gammaln(a - j / 2) for j in range(d)) + d * (d - 1) / 4 * np.log(np.pi)


@UserPrimitive
def _factorial(n):
    return sp.factorial(n)


smooth(_factorial, lambda y, n: y * sp.psi(np.where(plain(n) < 0, 0, n) + 1))


@mirror(sp.factorial, sp)
def factorial(n):
    """gamma(n + 1), 0 for negative n."""
    return _factorial(n)


def _where_defined(partial):
    """The partial derivative of a count of selections, which is 0 unless 0 <= k <= N."""

    def safe(y, N, k):
        inside = (plain(N) >= 0) & (plain(k) >= 0) & (plain(k) <= plain(N))
        return y * partial(np.where(inside, N, 1), np.where(inside, k, 0))

    return safe


@UserPrimitive
def _combinations(N, k):
    return sp.comb(N, k)


smooth(
    _combinations,
    _where_defined(lambda N, k: sp.psi(N + 1) - sp.psi(N - k + 1)),
    _where_defined(lambda N, k: sp.psi(N - k + 1) - sp.psi(k + 1)),
)


@mirror(sp.comb, sp)
def comb(N, k, *, repetition=False):
    """By gamma functions, for numbers that need not be integers."""
    return _combinations(N + k - 1 if repetition else N, k)


@UserPrimitive
def _permutations(N, k):
    return sp.perm(N, k)


smooth(
    _permutations,
    _where_defined(lambda N, k: sp.psi(N + 1) - sp.psi(N - k + 1)),
    _where_defined(lambda N, k: sp.psi(N - k + 1)),
)


@mirror(sp.perm, sp)
def perm(N, k):
    """By gamma functions, for numbers that need not be integers."""
    return _permutations(N, k)


# -- Lambert's W, spherical Bessel functions ------------------------------------------------------------------------


@UserPrimitive
def _lambertw(z, k):
    return sp.lambertw(z, k)


singular_elementwise(_lambertw, lambda w, z, k: np.exp(-w) / (1 + w), None)


@mirror(sp.lambertw, sp)
def lambertw(z, k=0):
    """w' = exp(-w) / (1 + w)."""
    return _lambertw(z, k)


def _spherical(function, before, after):
    """State f_n' = (before n f_(n-1) + after (n + 1) f_(n+1)) / (2n + 1), for f and for f'; it holds at z = 0, too."""

    @UserPrimitive
    def values(n, z):
        return function(n, z)

    @UserPrimitive
    def slopes(n, z):
        return function(n, z, derivative=True)

    def recurrence(f):
        def partial(y, n, z):
            n = np.asarray(n)
            return (before * n * f(np.maximum(n - 1, 0), z) + after * (n + 1) * f(n + 1, z)) / (2 * n + 1)

        return partial

    smooth(values, REFUSED, recurrence(values))
    smooth(slopes, REFUSED, recurrence(slopes))

    @mirror(function, sp)
    def either(n, z, derivative=False):
        return (slopes if derivative else values)(n, z)

    return either


spherical_jn = _spherical(sp.spherical_jn, 1.0, -1.0)
spherical_yn = _spherical(sp.spherical_yn, 1.0, -1.0)
spherical_in = _spherical(sp.spherical_in, 1.0, 1.0)
spherical_kn = _spherical(sp.spherical_kn, -1.0, -1.0)


for _name in _MADE_OF_UFUNCS:
    if isinstance(getattr(sp, _name, None), types.FunctionType):  # some are ufuncs, or missing, in other versions
        mirror(getattr(sp, _name), sp)(getattr(sp, _name))


def __getattr__(name):
    return mirror_of(sp, name)


def __dir__():
    return dir(sp)
