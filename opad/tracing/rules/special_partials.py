"""Partial derivatives of special functions that take more than a line: removable singularities, cancellation.

A removable singularity is a hypergeometric function, whose derivatives are such functions again: a number or a short
series put in there would have the derivatives of a number or a polynomial.
"""

import numpy as np
import scipy.special as sp

from opad.errors import UnsupportedArgumentError
from opad.tracing.array import plain

ROOT_PI = float(np.sqrt(np.pi))
ROOT_2PI = float(np.sqrt(2 * np.pi))
C = 2 / ROOT_PI


def _away(x, bad, instead):
    """x, and a harmless number where the plain mask is true."""
    return np.where(plain(bad), instead, x)


def ratio(x, z):
    """x / z, and 0 where both are 0."""
    both = (plain(x) == 0) & (plain(z) == 0)
    return np.where(both, 0, x / np.where(both, 1, z))


def lower(n):
    """n - 1, and 0 for n = 0, where its factor vanishes."""
    return np.where(n == 0, n, n - 1)


def exprel_partial(x):
    """(exp(x) (x - 1) + 1) / x^2 = 1/2 + x/3 + x^2/8 + …."""
    return sp.hyp1f1(2.0, 3.0, x) / 2


def spence_partial(y, x):
    """log(x) / (1 - x)."""
    u = 1 - x
    near = np.abs(plain(u)) < 0.5
    return np.where(near, -sp.hyp2f1(1.0, 1.0, 2.0, _away(u, ~near, 0)), np.log(x) / _away(u, near, 1))


def inverse_gap(t):
    """(t / (1 + t) - log(1 + t)) / t^2 = -1/2 + 2 t/3 - 3 t^2/4 + …."""
    near = np.abs(plain(t)) < 0.5
    z = _away(t, near, 1)
    at_zero = sp.hyp2f1(2.0, 2.0, 3.0, -_away(t, ~near, 0)) / -2
    return np.where(near, at_zero, (z / (1 + z) - np.log1p(z)) / (z * z))


def _by_series(x, series, otherwise):
    """series(x) for |x| < 1, and otherwise(x), in which something is divided by x."""
    near = np.abs(plain(x)) < 1
    return np.where(near, series(_away(x, ~near, 0.5)), otherwise(_away(x, near, 1)))


def sine_quotient(x):
    """sin(x) / x."""
    return _by_series(x, lambda x: sp.hyp0f1(1.5, x * x / -4), lambda x: np.sin(x) / x)


def sinh_quotient(x):
    """sinh(x) / x."""
    return _by_series(x, lambda x: sp.hyp0f1(1.5, x * x / 4), lambda x: np.sinh(x) / x)


def _kelvin(x):
    """The second derivative of ber x + i bei x = 0F1(1; i x^2 / 4)."""
    w = 1j * x * x / 4
    return 0.5j * sp.hyp0f1(2.0, w) + w * 0.5j * sp.hyp0f1(3.0, w)


def berp_partial(x):
    """-bei(x) - berp(x) / x."""
    return _by_series(x, lambda x: np.real(_kelvin(x)), lambda x: -sp.bei(x) - sp.berp(x) / x)


def beip_partial(x):
    """ber(x) - beip(x) / x."""
    return _by_series(x, lambda x: np.imag(_kelvin(x)), lambda x: sp.ber(x) - sp.beip(x) / x)


def struve_partial(function, sign, v, x):
    """f_(v-1)(x) - v f_v(x) / x for Struve functions, the terms of whose series in x^2 have the given sign."""

    def series(x):
        total = 0
        for k in range(20, -1, -1):
            total = total * (sign * x * x / 4) + (2 * k + v + 1) / 2 * sp.rgamma(k + 1.5) * sp.rgamma(k + v + 1.5)
        return (x / 2) ** v * total

    return _by_series(x, series, lambda x: function(v - 1, x) - v * function(v, x) / x)


def expn_partial(y, n, x):
    """-E_{n-1}(x); for n = 0 by the recurrence, since SciPy has no negative orders."""
    return -np.where(n == 0, (np.exp(-x) + y) / x, sp.expn(lower(n), x))


def _tail(w):
    """w/2 + 3 w^2/4 + 15 w^3/8 + …, the asymptotic series of 2 x dawsn(x) - 1 in w = 1 / x^2."""
    return w / 2 * (1 + 3 / 2 * w * (1 + 5 / 2 * w * (1 + 7 / 2 * w * (1 + 9 / 2 * w * (1 + 11 / 2 * w)))))


def _by_tail(z, far, at_far, otherwise):
    """at_far(1 / z^2) for large z, where `otherwise` cancels."""
    return np.where(far, at_far(_away(z, np.logical_not(far), 25) ** -2), otherwise)


def dawsn_partial(y, x):
    """1 - 2 x y, for large x by its asymptotic series."""
    far = np.abs(np.real(plain(x))) > 25
    if np.iscomplexobj(plain(x)):
        far = far & (np.abs(np.imag(plain(x))) < 12)  # exp(-x^2) is negligible
    return _by_tail(x, far, lambda w: -_tail(w), 1 - 2 * x * y)


def erfcx_partial(y, x):
    """2 x y - 2 / sqrt(pi), for large x by its asymptotic series."""
    far = (np.abs(plain(x)) > 25) & (np.real(plain(x)) >= 0)
    return _by_tail(x, far, lambda w: C * _tail(-w), 2 * x * y - C)


def wofz_partial(y, z):
    """2 i / sqrt(pi) - 2 z y, for large z of the upper half plane by its asymptotic series."""
    far = (np.abs(plain(z)) > 25) & (np.imag(plain(z)) >= 0)
    return _by_tail(z, far, lambda w: -1j * C * _tail(w), 1j * C - 2 * z * y)


def huber_in_delta(y, delta, r):
    """|r| - delta beyond delta, 0 within."""
    size = np.abs(r)
    return np.where(plain(size) > plain(delta), size - delta, 0)


def pseudo_huber(delta, r):
    """sqrt(1 + (r / delta)^2)."""
    return np.sqrt(1 + (r / delta) ** 2)


def gamma_density(a, x):
    """x^(a-1) exp(-x) / Gamma(a)."""
    return np.exp((a - 1) * np.log(x) - x - sp.gammaln(a))


def beta_density(a, b, x):
    """x^(a-1) (1 - x)^(b-1) / B(a, b)."""
    return np.exp((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - sp.betaln(a, b))


def student_density(df, t):
    """The density of Student's t distribution."""
    scale = np.exp(sp.gammaln((df + 1) / 2) - sp.gammaln(df / 2)) / np.sqrt(df * np.pi)
    return scale * (1 + t * t / df) ** (-(df + 1) / 2)


def normal_density(x):
    """The density of the standard normal distribution."""
    return np.exp(-x * x / 2) / ROOT_2PI


def trigamma(x):
    """The derivative of psi, on the real axis only."""
    if np.iscomplexobj(plain(x)):
        raise UnsupportedArgumentError(
            "scipy.special.psi was differentiated at complex numbers, where SciPy has no trigamma function; expected "
            "real ones. Functions of the gamma family have one derivative less there."
        )
    return sp.zeta(2.0, x)


def rgamma_partial(y, x):
    """-y psi(x), on the left by reflection, which has no poles."""
    left = np.real(plain(x)) < 0.5
    z = _away(x, np.logical_not(left), -0.5)
    at_left = sp.gamma(1 - z) * (np.cos(np.pi * z) - np.sin(np.pi * z) * sp.psi(1 - z) / np.pi)
    return np.where(left, at_left, -y * sp.psi(_away(x, left, 1.0)))


def voigt_argument(x, sigma, gamma):
    """z and w'(z), where the Voigt profile is Re w(z) / (sigma sqrt(2 pi))."""
    z = (x + 1j * gamma) / (sigma * np.sqrt(2.0))
    return z, wofz_partial(sp.wofz(z), z)


def voigt_in_scale(y, x, sigma, gamma):
    """The derivative of the Voigt profile in sigma."""
    z, slope = voigt_argument(x, sigma, gamma)
    return -y / sigma - np.real(slope * z) / (sigma * sigma * ROOT_2PI)


def elliprd_in_first(y, a, b, c):
    """By a difference, which has no digits where a and c nearly coincide, and no derivatives where they do."""
    if np.any(np.abs(plain(a - c)) < 1e-3 * np.abs(plain(c))):
        raise UnsupportedArgumentError(
            "scipy.special.elliprd (for derivatives of elliprf, those of the second order) was differentiated where an "
            "argument is within 0.1 % of the last one; expected them further apart, as its rule divides by their "
            "difference. State the derivative with opad.elementwise."
        )
    return (sp.elliprd(b, c, a) - y) / (2 * (a - c))


def elliprd_in_last(y, a, b, c):
    """By Euler's relation for a homogeneous function of degree -3/2."""

    def weighted(a, b):  # a times the partial in a, which vanishes with a
        zero = plain(a) == 0
        return np.where(zero, 0, a * elliprd_in_first(y, _away(a, zero, 2 * plain(c)), b, c))

    return -(1.5 * y + weighted(a, b) + weighted(b, a)) / c


def ellipk_in_m(y, m, p):
    """dK/dm with p = 1 - m, by E where K and E / p do not cancel."""
    near = np.abs(plain(m)) < 0.5
    z = _away(m, near, -1)
    at_zero = np.pi / 8 * sp.hyp2f1(1.5, 1.5, 2.0, np.where(near, m, 0))
    return np.where(near, at_zero, (sp.ellipe(z) - p * y) / (2 * z * p))
