"""Derivatives of elementwise functions against mpmath with 50 digits: over the domain, and to third order inside it."""

from functools import partial

import mpmath
import numpy as np
import pytest
import scipy.special as sp

import opad
from opad.errors import UnsupportedArgumentError
from opad.tracing.elementwise import Elementwise
from opad.tracing.primitives import RULES
from opad.tracing.rules.special import lambertw_ufunc, zeta_ufunc

mp = mpmath

# Points at which orders 1, 2, 3 are compared, then points at which the first order is.
REAL = [-1.7, -0.4, 0.3, 1.9], [-1e8, -300.0, -20.0, -1e-5, 1e-9, 1e-12, 7.0, 40.0, 1e5]
ANY = [-1.7, -0.4, 0.3, 1.9], [-30.0, -6.0, -1e-5, 1e-9, 1e-12, 7.0, 40.0]
SMALL = [-1.7, -0.4, 0.3, 1.9], [-4.0, -1e-5, 1e-9, 1e-12, 4.0]
POSITIVE = [0.4, 1.3, 2.6], [1e-20, 1e-9, 1e-3, 12.0, 1e4, 1e10]
MODERATE = [0.4, 1.3, 2.6], [1e-9, 1e-3, 12.0, 90.0]
UNIT = [-0.8, -0.2, 0.1, 0.7], [-0.9999, -1e-9, 1e-12, 0.9999, 1 - 1e-12]
OPEN = [0.1, 0.4, 0.8], [1e-9, 1e-3, 0.99, 1 - 1e-9]
DEGREES = [20.0, 50.0, 130.0], [1e-9, -400.0, 1234.0]
OVER_ONE = [1.2, 3.0], [1 + 1e-9, 40.0, 1e9]


def log2(x):
    return mp.log(x, 2)


def degrees(f):
    return lambda x: f(mp.radians(x))


def erfcx(x):
    return mp.hyperu(0.5, 0.5, x * x) / mp.sqrt(mp.pi) if x > 5 else mp.exp(x * x) * mp.erfc(x)


def dawsn(x):
    return x * mp.hyp1f1(1, 1.5, -x * x)


def ndtr(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def root(f, start):
    """The inverse function of f."""
    return lambda p: mp.findroot(lambda x: f(x) - p, start(p) if callable(start) else start)


def logit(p):
    return mp.log(p / (1 - p))


UNARY = {
    np.negative: (lambda x: -x, REAL), np.positive: (lambda x: +x, REAL), np.square: (lambda x: x * x, REAL),
    np.exp: (mp.exp, SMALL), np.exp2: (lambda x: mp.mpf(2) ** x, SMALL), np.expm1: (mp.expm1, SMALL),
    np.sin: (mp.sin, REAL), np.cos: (mp.cos, REAL), np.tan: (mp.tan, REAL), np.arctan: (mp.atan, REAL),
    np.sinh: (mp.sinh, ANY), np.cosh: (mp.cosh, ANY), np.tanh: (mp.tanh, SMALL), np.arcsinh: (mp.asinh, REAL),
    np.sinc: (mp.sincpi, REAL), np.deg2rad: (mp.radians, REAL), np.radians: (mp.radians, REAL),
    np.rad2deg: (mp.degrees, REAL), np.degrees: (mp.degrees, REAL), np.reciprocal: (lambda x: 1 / x, REAL),
    np.sqrt: (mp.sqrt, POSITIVE), np.cbrt: (mp.cbrt, POSITIVE), np.log: (mp.log, POSITIVE), np.log2: (log2, POSITIVE),
    np.log10: (mp.log10, POSITIVE), np.log1p: (mp.log1p, POSITIVE), np.arcsin: (mp.asin, UNIT),
    np.arccos: (mp.acos, UNIT), np.arccosh: (mp.acosh, OVER_ONE), np.arctanh: (mp.atanh, UNIT),
    sp.gamma: (mp.gamma, MODERATE), sp.gammaln: (mp.loggamma, POSITIVE), sp.loggamma: (mp.loggamma, POSITIVE),
    sp.rgamma: (mp.rgamma, MODERATE), sp.psi: (mp.digamma, POSITIVE),
    sp.erf: (mp.erf, SMALL), sp.erfc: (mp.erfc, SMALL), sp.erfi: (mp.erfi, SMALL),
    sp.erfcx: (erfcx, ([-1.7, 0.3, 2.6], [-4.0, 1e-12, 24.0, 26.0, 1e3, 1e9])),
    sp.dawsn: (dawsn, ([-1.7, 0.3, 2.6], [-26.0, 24.0, 1e-12, 40.0])),
    sp.erfinv: (mp.erfinv, UNIT), sp.erfcinv: (lambda p: mp.erfinv(1 - p), OPEN), sp.ndtr: (ndtr, SMALL),
    sp.log_ndtr: (lambda x: mp.log(ndtr(x)), ANY), sp.ndtri: (lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), OPEN),
    sp.ndtri_exp: (lambda y: mp.sqrt(2) * mp.erfinv(2 * mp.exp(y) - 1), ([-2.0, -1.1, -0.3], [-8.0, -1e-5])),
    sp.expit: (lambda x: 1 / (1 + mp.exp(-x)), ANY),
    sp.log_expit: (lambda x: -mp.log1p(mp.exp(-x)), ANY), sp.logit: (logit, OPEN),
    sp.exp2: (lambda x: mp.mpf(2) ** x, SMALL), sp.exp10: (lambda x: mp.mpf(10) ** x, SMALL),
    sp.expm1: (mp.expm1, SMALL), sp.log1p: (mp.log1p, POSITIVE), sp.cbrt: (mp.cbrt, POSITIVE),
    sp.exprel: (lambda x: mp.expm1(x) / x, SMALL), sp.cosm1: (lambda x: mp.cos(x) - 1, REAL),
    sp.sindg: (degrees(mp.sin), DEGREES), sp.cosdg: (degrees(mp.cos), DEGREES), sp.tandg: (degrees(mp.tan), DEGREES),
    sp.cotdg: (degrees(mp.cot), ([20.0, 50.0, 130.0], [1.0, 1234.0])), sp.entr: (lambda x: -x * mp.log(x), POSITIVE),
    sp.expi: (mp.ei, MODERATE), sp.exp1: (mp.e1, MODERATE),
    sp.spence: (lambda x: mp.re(mp.polylog(2, 1 - x)), ([0.4, 0.99, 1.004, 1.7], [1e-9, 30.0, 1e5])),
    sp.wrightomega: (lambda x: mp.re(mp.lambertw(mp.exp(x))), SMALL),
    sp.j0: (mp.j0, MODERATE), sp.j1: (mp.j1, MODERATE), sp.y0: (lambda x: mp.bessely(0, x), MODERATE),
    sp.y1: (lambda x: mp.bessely(1, x), ([0.4, 1.3], [12.0])), sp.i0: (lambda x: mp.besseli(0, x), ANY),
    np.i0: (lambda x: mp.besseli(0, x), ANY), sp.i1: (lambda x: mp.besseli(1, x), ANY),
    sp.i0e: (lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), MODERATE),
    sp.i1e: (lambda x: mp.exp(-abs(x)) * mp.besseli(1, x), MODERATE),
    sp.k0: (lambda x: mp.besselk(0, x), MODERATE), sp.k1: (lambda x: mp.besselk(1, x), ([0.4, 1.3], [12.0])),
    sp.k0e: (lambda x: mp.exp(x) * mp.besselk(0, x), MODERATE),
    sp.k1e: (lambda x: mp.exp(x) * mp.besselk(1, x), ([0.4, 1.3], [12.0])),
    sp.ber: (lambda x: mp.ber(0, x), SMALL), sp.bei: (lambda x: mp.bei(0, x), SMALL),
    sp.ker: (lambda x: mp.ker(0, x), MODERATE), sp.kei: (lambda x: mp.kei(0, x), MODERATE),
    sp.ellipk: (mp.ellipk, ([-1.5, 0.0, 0.3, 0.9], [-1e4, -20.0, 1e-9, 1 - 1e-9])),
    sp.ellipe: (mp.ellipe, ([-1.5, 0.0, 0.3, 0.9], [-1e4, -20.0, 1e-9, 1 - 1e-9])),
    sp.ellipkm1: (lambda p: mp.ellipk(1 - p), ([0.1, 0.8, 1.0, 1.5], [1e-9, 20.0])),
}  # fmt: skip

a, b, c = 1.7, 2.3, 0.7  # parameters that stay fixed


def gammainc(x):
    return mp.gammainc(a, 0, x, regularized=True)


def betainc(x):
    return mp.betainc(a, b, 0, x, regularized=True)


def chdtr(x):
    return mp.gammainc(a / 2, 0, x / 2, regularized=True)


def stdtr(t):
    x = a / (t * t + a)
    return 1 - mp.betainc(a / 2, 0.5, 0, x, regularized=True) / 2


def gdtr(x):
    return mp.gammainc(b, 0, a * x, regularized=True)


def owens_t(h, k):
    return mp.quad(lambda x: mp.exp(-h * h * (1 + x * x) / 2) / (1 + x * x), [0, k]) / (2 * mp.pi)


def wright_bessel(x):
    return mp.nsum(lambda k: x**k * mp.rgamma(k + 1) * mp.rgamma(a * k + b), [0, 40])


def voigt(x, s, g):
    z = mp.mpc(x, g) / (s * mp.sqrt(2))
    return mp.re(mp.exp(-z * z) * mp.erfc(-1j * z)) / (s * mp.sqrt(2 * mp.pi))


POLYNOMIAL = [-0.8, 0.1, 0.7], [-1.0, 0.4, 1.0]
# (SciPy function, its other arguments before and after x, the same in mpmath, points)
IN_ONE = [
    (np.add, (a,), (), lambda x: a + x, REAL), (np.subtract, (a,), (), lambda x: a - x, REAL),
    (np.subtract, (), (a,), lambda x: x - a, REAL), (np.multiply, (a,), (), lambda x: a * x, REAL),
    (np.divide, (a,), (), lambda x: a / x, REAL), (np.divide, (), (a,), lambda x: x / a, REAL),
    (np.power, (), (a,), lambda x: x**a, POSITIVE), (np.power, (a,), (), lambda x: mp.mpf(a) ** x, SMALL),
    (np.power, (), (-3,), lambda x: x**-3, ([-1.7, 0.3, 1.9], [-300.0, 1e-5, 1e9])),
    (np.float_power, (), (a,), lambda x: x**a, POSITIVE), (np.float_power, (a,), (), lambda x: mp.mpf(a) ** x, SMALL),
    (np.logaddexp, (a,), (), lambda x: mp.log(mp.exp(a) + mp.exp(x)), ANY),
    (np.logaddexp, (), (a,), lambda x: mp.log(mp.exp(a) + mp.exp(x)), ANY),
    (np.logaddexp2, (a,), (), lambda x: log2(mp.mpf(2) ** a + mp.mpf(2) ** x), ANY),
    (np.logaddexp2, (), (a,), lambda x: log2(mp.mpf(2) ** a + mp.mpf(2) ** x), ANY),
    (np.arctan2, (a,), (), lambda x: mp.atan2(a, x), ANY), (np.arctan2, (), (a,), lambda x: mp.atan2(x, a), REAL),
    (np.hypot, (a,), (), lambda x: mp.hypot(a, x), ANY), (np.hypot, (), (a,), lambda x: mp.hypot(a, x), ANY),
    (np.copysign, (), (-a,), lambda x: -abs(x), ([-1.7, 0.3], [-1e9, 1e-12])),
    (np.remainder, (), (a,), lambda x: x - 2 * a, ([3.5, 4.9], [])),
    (np.remainder, (9.0,), (), lambda x: 9 - 4 * x, ([1.9, 2.2], [])),
    (np.fmod, (-9.0,), (), lambda x: -9 + 4 * x, ([1.9, 2.2], [])),
    (np.ldexp, (), (3,), lambda x: 8 * x, REAL),
    (sp.beta, (a,), (), lambda x: mp.beta(a, x), MODERATE), (sp.beta, (), (a,), lambda x: mp.beta(a, x), MODERATE),
    (sp.betaln, (a,), (), lambda x: mp.log(mp.beta(a, x)), MODERATE),
    (sp.betaln, (), (a,), lambda x: mp.log(mp.beta(a, x)), MODERATE),
    (sp.binom, (5.2,), (), lambda x: mp.binomial(5.2, x), ([0.4, 1.3, 2.6], [1e-9, 5.0])),
    (sp.binom, (), (a,), lambda x: mp.binomial(x, a), ([2.4, 3.3], [1.75, 30.0])),
    (sp.poch, (a,), (), lambda x: mp.rf(a, x), ([0.4, 1.3, 2.6], [1e-9, 12.0])),
    (sp.poch, (), (a,), lambda x: mp.rf(x, a), MODERATE),
    (sp.xlogy, (a,), (), lambda x: a * mp.log(x), POSITIVE), (sp.xlogy, (), (a,), lambda x: x * mp.log(a), REAL),
    (sp.xlog1py, (a,), (), lambda x: a * mp.log1p(x), POSITIVE),
    (sp.xlog1py, (), (a,), lambda x: x * mp.log1p(a), REAL),
    (sp.rel_entr, (a,), (), lambda x: a * mp.log(a / x), POSITIVE),
    (sp.rel_entr, (), (a,), lambda x: x * mp.log(x / a), POSITIVE),
    (sp.kl_div, (a,), (), lambda x: a * mp.log(a / x) - a + x, POSITIVE),
    (sp.kl_div, (), (a,), lambda x: x * mp.log(x / a) - x + a, POSITIVE),
    (sp.huber, (a,), (), lambda x: x * x / 2, ([-1.2, 0.4], [1e-12])),
    (sp.huber, (a,), (), lambda x: a * (abs(x) - mp.mpf(a) / 2), ([-2.2, 3.1], [1e9])),
    (sp.huber, (), (a,), lambda x: x * (a - x / 2), ([0.2, 1.1], [1e-9])),
    (sp.pseudo_huber, (a,), (), lambda x: mp.mpf(a) ** 2 * (mp.sqrt(1 + (x / a) ** 2) - 1), ANY),
    (sp.pseudo_huber, (), (a,), lambda x: x * x * (mp.sqrt(1 + (a / x) ** 2) - 1), ([0.4, 1.3, 2.6], [1e-3, 12.0])),
    (sp.powm1, (), (a,), lambda x: x**a - 1, MODERATE), (sp.powm1, (a,), (), lambda x: mp.mpf(a) ** x - 1, SMALL),
    (sp.boxcox, (), (a,), lambda x: (x**a - 1) / a, MODERATE),
    (sp.boxcox, (a,), (), lambda x: (mp.mpf(a) ** x - 1) / x, SMALL),
    (sp.boxcox1p, (), (a,), lambda x: ((1 + x) ** a - 1) / a, MODERATE),
    (sp.boxcox1p, (a,), (), lambda x: (mp.mpf(1 + a) ** x - 1) / x, SMALL),
    (sp.inv_boxcox, (), (a,), lambda x: (1 + a * x) ** (1 / mp.mpf(a)), MODERATE),
    (sp.inv_boxcox, (a,), (), lambda x: (1 + a * x) ** (1 / x), ([-0.4, 0.3, 1.9], [-1e-5, 1e-9, 1e-12, 7.0])),
    (sp.inv_boxcox1p, (), (a,), lambda x: (1 + a * x) ** (1 / mp.mpf(a)) - 1, MODERATE),
    (sp.inv_boxcox1p, (a,), (), lambda x: (1 + a * x) ** (1 / x) - 1, ([-0.4, 0.3, 1.9], [-1e-5, 1e-9, 1e-12, 7.0])),
    (sp.owens_t, (a,), (), lambda x: owens_t(a, x), ([0.4], [-1.2])),
    (sp.owens_t, (), (a,), lambda x: owens_t(x, a), ([0.4], [-1.2])),
    (sp.voigt_profile, (), (a, c), lambda x: voigt(x, a, c), ([-1.7, 0.3], [1e-9, 12.0, 90.0])),
    (sp.voigt_profile, (a,), (c,), lambda x: voigt(a, x, c), ([0.9, 1.3], [6.0])),
    (sp.voigt_profile, (a, c), (), lambda x: voigt(a, c, x), ([0.4, 1.3], [6.0])),
    (sp.elliprf, (), (a, b), lambda x: mp.elliprf(x, a, b), MODERATE),
    (sp.elliprf, (a,), (b,), lambda x: mp.elliprf(x, a, b), MODERATE),
    (sp.elliprf, (a, b), (), lambda x: mp.elliprf(x, a, b), MODERATE),
    (sp.elliprd, (), (a, b), lambda x: mp.elliprd(x, a, b), MODERATE),
    (sp.elliprd, (a,), (b,), lambda x: mp.elliprd(x, a, b), MODERATE),
    (sp.elliprd, (a, b), (), lambda x: mp.elliprd(a, b, x), MODERATE),
    (sp.elliprd, (0.0, b), (), lambda x: mp.elliprd(0, b, x), MODERATE),
    (sp.gdtr, (a, b), (), gdtr, MODERATE), (sp.gdtr, (), (b, a), gdtr, MODERATE),
    (sp.gdtrc, (a, b), (), lambda x: 1 - gdtr(x), MODERATE), (sp.gdtrc, (), (b, a), lambda x: 1 - gdtr(x), MODERATE),
    (sp.gammainc, (a,), (), gammainc, MODERATE), (sp.gammaincc, (a,), (), lambda x: 1 - gammainc(x), MODERATE),
    (sp.gammaincinv, (a,), (), root(gammainc, lambda p: sp.gammaincinv(a, float(p))), OPEN),
    (sp.gammainccinv, (a,), (), root(lambda x: 1 - gammainc(x), lambda p: sp.gammainccinv(a, float(p))), OPEN),
    (sp.betainc, (a, b), (), betainc, OPEN), (sp.betaincc, (a, b), (), lambda x: 1 - betainc(x), OPEN),
    (sp.betaincinv, (a, b), (), root(betainc, lambda p: sp.betaincinv(a, b, float(p))), OPEN),
    (sp.betainccinv, (a, b), (), root(lambda x: 1 - betainc(x), lambda p: sp.betainccinv(a, b, float(p))), OPEN),
    (sp.chdtr, (a,), (), chdtr, MODERATE), (sp.chdtrc, (a,), (), lambda x: 1 - chdtr(x), MODERATE),
    (sp.chdtri, (a,), (), root(lambda x: 1 - chdtr(x), lambda p: sp.chdtri(a, float(p))), OPEN),
    (sp.stdtr, (a,), (), stdtr, ([0.4, 1.9], [1e-9, 12.0])),
    (sp.stdtrit, (a,), (), root(stdtr, lambda p: sp.stdtrit(a, float(p))), ([0.6, 0.9], [0.99])),
    (sp.zeta, (b,), (), lambda x: mp.zeta(b, x), MODERATE), (sp.expn, (2,), (), lambda x: mp.expint(2, x), MODERATE),
    (sp.expn, (0,), (), lambda x: mp.expint(0, x), MODERATE),
    (sp.jv, (a,), (), lambda x: mp.besselj(a, x), MODERATE), (sp.jve, (a,), (), lambda x: mp.besselj(a, x), MODERATE),
    (sp.yn, (2,), (), lambda x: mp.bessely(2, x), ([0.4], [12.0])),
    (sp.yv, (a,), (), lambda x: mp.bessely(a, x), MODERATE), (sp.yve, (a,), (), lambda x: mp.bessely(a, x), MODERATE),
    (sp.iv, (a,), (), lambda x: mp.besseli(a, x), MODERATE),
    (sp.ive, (a,), (), lambda x: mp.exp(-x) * mp.besseli(a, x), MODERATE),
    (sp.kn, (2,), (), lambda x: mp.besselk(2, x), ([0.4], [12.0])),
    (sp.kv, (a,), (), lambda x: mp.besselk(a, x), MODERATE),
    (sp.kve, (a,), (), lambda x: mp.exp(x) * mp.besselk(a, x), MODERATE),
    (sp.struve, (a,), (), lambda x: mp.struveh(a, x), MODERATE),
    (sp.modstruve, (a,), (), lambda x: mp.struvel(a, x), MODERATE),
    (sp.wright_bessel, (a, b), (), wright_bessel, ([0.4, 1.3], [1e-3, 6.0])),
    (sp.hyp0f1, (a,), (), lambda x: mp.hyp0f1(a, x), SMALL),
    (sp.hyp1f1, (c, a), (), lambda x: mp.hyp1f1(c, a, x), ANY),
    (sp.hyp2f1, (c, a, b), (), lambda x: mp.hyp2f1(c, a, b, x), UNIT),
    (sp.hyperu, (c, a), (), lambda x: mp.hyperu(c, a, x), ([0.4, 1.3], [1e-3, 3.0])),
    (sp.ellipkinc, (), (c,), lambda x: mp.ellipf(x, c), ([-1.7, 0.3], [1e-9])),
    (sp.ellipeinc, (), (c,), lambda x: mp.ellipe(x, c), ([-1.7, 0.3], [1e-9])),
    (sp.eval_legendre, (4,), (), lambda x: mp.legendre(4, x), POLYNOMIAL),
    (sp.eval_legendre, (a,), (), lambda x: mp.legendre(a, x), UNIT),
    (sp.eval_sh_legendre, (4,), (), lambda x: mp.legendre(4, 2 * x - 1), OPEN),
    (sp.eval_jacobi, (4, a, b), (), lambda x: mp.jacobi(4, a, b, x), POLYNOMIAL),
    (sp.eval_chebyt, (5,), (), lambda x: mp.chebyt(5, x), POLYNOMIAL),
    (sp.eval_chebyu, (5,), (), lambda x: mp.chebyu(5, x), POLYNOMIAL),
    (sp.eval_chebyc, (5,), (), lambda x: 2 * mp.chebyt(5, x / 2), POLYNOMIAL),
    (sp.eval_chebys, (5,), (), lambda x: mp.chebyu(5, x / 2), POLYNOMIAL),
    (sp.eval_sh_chebyt, (5,), (), lambda x: mp.chebyt(5, 2 * x - 1), OPEN),
    (sp.eval_sh_chebyu, (5,), (), lambda x: mp.chebyu(5, 2 * x - 1), OPEN),
    (sp.eval_gegenbauer, (4, c), (), lambda x: mp.gegenbauer(4, c, x), POLYNOMIAL),
    (sp.eval_hermite, (5,), (), lambda x: mp.hermite(5, x), SMALL),
    (sp.eval_hermitenorm, (5,), (), lambda x: mp.hermite(5, x / mp.sqrt(2)) / mp.mpf(2) ** 2.5, SMALL),
    (sp.eval_laguerre, (4,), (), lambda x: mp.laguerre(4, 0, x), MODERATE),
    (sp.eval_genlaguerre, (4, c), (), lambda x: mp.laguerre(4, c, x), MODERATE),
    (sp.lambertw, (), (), lambda x: mp.re(mp.lambertw(x)), MODERATE),
    (sp.lambertw, (), (-1,), lambda x: mp.re(mp.lambertw(x, -1)), ([-0.3, -0.1], [-1e-3])),
]  # fmt: skip

# several results: (which one, the same in mpmath, points)
PARTS = [
    *[(sp.airy, (), k, lambda x, k=k: (mp.airyai if k < 2 else mp.airybi)(x, derivative=k % 2), SMALL)
      for k in range(4)],
    (sp.sici, (), 0, mp.si, ([-1.7, 0.3], [1e-9, 90.0])), (sp.sici, (), 1, mp.ci, MODERATE),
    (sp.shichi, (), 0, mp.shi, ([-1.7, 0.3], [1e-9, 30.0])), (sp.shichi, (), 1, mp.chi, MODERATE),
    (sp.fresnel, (), 0, mp.fresnels, SMALL), (sp.fresnel, (), 1, mp.fresnelc, SMALL),
    *[(sp.ellipj, (c,), k, lambda x, n=n: mp.ellipfun(n, x, m=c), ([-1.7, 0.3], [1e-9])) for k, n in
      enumerate(["sn", "cn", "dn"])],
]  # fmt: skip

# holomorphic functions, at complex points
COMPLEX = [
    (sp.wofz, lambda z: mp.exp(-z * z) * mp.erfc(-1j * z), [0.3 + 0.8j, -1.2 - 0.4j, 5.0 + 30j, -40 + 1j]),
    (sp.erfcx, lambda z: mp.exp(z * z) * mp.erfc(z), [0.3 + 0.8j, -1.2 - 0.4j, 30.0 - 5j, 1.0 + 40j]),
    (sp.dawsn, dawsn, [0.3 + 0.8j, -1.2 - 0.4j, 30.0 - 2j, -3.0 + 26j]),
    (lambda z: sp.hankel1(a, z), lambda z: mp.hankel1(a, z), [0.3 + 0.8j, 3.0 - 0.4j]),
    (lambda z: sp.hankel2(a, z), lambda z: mp.hankel2(a, z), [0.3 + 0.8j, 3.0 - 0.4j]),
    (lambda z: sp.hankel1e(a, z), lambda z: mp.exp(-1j * z) * mp.hankel1(a, z), [0.3 + 0.8j, 3.0 - 0.4j]),
    (lambda z: sp.hankel2e(a, z), lambda z: mp.exp(1j * z) * mp.hankel2(a, z), [0.3 + 0.8j, 3.0 - 0.4j]),
    (np.log, mp.log, [-1.2 + 0.4j]), (np.sqrt, mp.sqrt, [-1.2 - 0.4j]), (np.arcsin, mp.asin, [1.2 - 0.4j]),
    (np.arccosh, mp.acosh, [-1.2 + 0.4j]), (np.arctanh, mp.atanh, [2.0 + 0.4j]), (np.tan, mp.tan, [0.3 + 0.8j]),
    (lambda z: np.power(z, a + 1j), lambda z: z ** mp.mpc(a, 1), [-1.2 + 0.4j]),
]  # fmt: skip

# Ufuncs that are not smooth, or linear (test_rules.py, test_kinks.py), and those that are above at complex points or as
# derivatives: of ber is berp, whose derivative is the second one of ber.
ELSEWHERE = {
    "maximum", "minimum", "fmax", "fmin", "nextafter", "radian", "wofz", "hankel1", "hankel2", "hankel1e", "hankel2e",
    "berp", "beip", "kerp", "keip",
}  # fmt: skip


def along(f, before, after):
    return lambda x: f(*before, x, *after)


FUNCTIONS = [
    *[(f.__name__, f, exact, points) for f, (exact, points) in UNARY.items()],
    *[(f"{f.__name__}{(*p, 'x', *q)}", along(f, p, q), exact, points) for f, p, q, exact, points in IN_ONE],
    *[(f"{f.__name__}[{k}]", lambda x, f=f, q=q, k=k: f(x, *q)[k], exact, points) for f, q, k, exact, points in PARTS],
]


def test_every_elementwise_rule_has_a_closed_form():
    ufuncs = {f for f, primitive in RULES.items() if isinstance(primitive, Elementwise) and isinstance(f, np.ufunc)}
    compared = {*UNARY, *(f for f, *_ in IN_ONE), zeta_ufunc, lambertw_ufunc}
    assert {f.__name__ for f in ufuncs - compared} == ELSEWHERE & {f.__name__ for f in ufuncs}


def derivative(f, x, order):
    """Of an mpmath function; in relative steps, as functions may vary on the scale of x."""
    if x == 0:
        return mp.re(mp.diff(f, 0, order))
    return mp.re(mp.diff(lambda u: f(x * (1 + u)), 0, order)) / mp.mpf(x) ** order


@pytest.mark.parametrize(("f", "exact", "points"), [row[1:] for row in FUNCTIONS], ids=[row[0] for row in FUNCTIONS])
def test_against_mpmath(f, exact, points):
    inside, over_domain = points
    with mp.workdps(40):
        for x in (*inside, *over_domain):
            g = lambda x: np.real(f(x))  # noqa: E731
            for order in (1, 2, 3) if x in inside else (1,):
                g = opad.grad(g)
                expected = float(derivative(exact, x, order))
                assert g(x) == pytest.approx(expected, rel=1e-10, abs=1e-15), (x, order)


# Quotients of two functions with a common zero, at x = 0, among them or in their derivatives.
REMOVABLE = {
    "sinc": (np.sinc, mp.sincpi),
    "exprel": (sp.exprel, lambda x: mp.expm1(x) / x),
    "spence": (lambda x: sp.spence(1 + x), lambda x: mp.polylog(2, -x)),
    "boxcox": (lambda k: sp.boxcox(b, k), lambda k: mp.expm1(k * mp.log(b)) / k),
    "boxcox1p": (lambda k: sp.boxcox1p(b, k), lambda k: mp.expm1(k * mp.log1p(b)) / k),
    "inv_boxcox": (lambda k: sp.inv_boxcox(b, k), lambda k: mp.exp(mp.log1p(k * b) / k)),
    "inv_boxcox1p": (lambda k: sp.inv_boxcox1p(b, k), lambda k: mp.exp(mp.log1p(k * b) / k)),
    "sici": (lambda x: sp.sici(x)[0], mp.si),
    "shichi": (lambda x: sp.shichi(x)[0], mp.shi),
    "ber": (sp.ber, lambda x: mp.ber(0, x)),
    "bei": (sp.bei, lambda x: mp.bei(0, x)),
    "struve 0": (lambda x: sp.struve(0, x), lambda x: mp.struveh(0, x)),
    "struve 2": (lambda x: sp.struve(2, x), lambda x: mp.struveh(2, x)),
    "modstruve 1": (lambda x: sp.modstruve(1, x), lambda x: mp.struvel(1, x)),
}


@pytest.mark.parametrize("name", REMOVABLE)
def test_removable_singularities_to_fifth_order(name):
    f, exact = REMOVABLE[name]
    for x in (0.0, 1e-9, -1e-3, 0.3, 1.4):
        g = f
        for order in range(1, 6):
            g = opad.grad(g)
            with mp.workdps(80):
                expected = float(mp.diff(exact, mp.mpf(x) + mp.mpf(10) ** -30, order, h=mp.mpf(10) ** -9))
            assert g(x) == pytest.approx(expected, rel=1e-10, abs=1e-15), (x, order)


def test_elliprd_does_not_divide_by_zero():
    for f in (sp.elliprd, lambda a, b, c: opad.grad(sp.elliprf)(a, b, c)):
        with pytest.raises(UnsupportedArgumentError, match="elliprd"):
            opad.grad(f)(1.0, 2.0, 1.0 + 1e-9)


@pytest.mark.parametrize(("f", "exact", "points"), COMPLEX)
def test_complex_derivatives_against_mpmath(f, exact, points):
    with mp.workdps(40):
        for z in points:
            expected = complex(mp.diff(exact, mp.mpmathify(z)))
            assert opad.jacobian(f)(np.complex128(z)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, float])
@pytest.mark.parametrize("tiny", [False, True])
def test_squares_that_overflow_or_vanish(dtype, tiny):
    """Derivatives at the scale s, where s^2 is 0 or infinite, in closed form."""
    s = dtype(({False: 1e25, True: 1e-25} if dtype is np.float32 else {False: 1e200, True: 1e-200})[tiny])
    point, close = (3 * s, 4 * s), partial(pytest.approx, rel=1e-6 if dtype is np.float32 else 1e-13, abs=0)
    assert opad.grad(np.arctan2, (0, 1))(*point) == close((4 / 25 / s, -3 / 25 / s))
    assert opad.grad(np.hypot, (0, 1))(*point) == close((0.6, 0.8))
    assert opad.hvp(np.hypot, point, (dtype(1), dtype(0))) == close((16 / 125 / s, -12 / 125 / s))
    if not tiny:
        for f in (np.arcsinh, np.arccosh):
            assert opad.grad(f)(s) == close(1 / s)
            assert opad.grad(f)(2 * s) == close(1 / (2 * s))


@pytest.mark.parametrize(("scale", "dtype"), [(1e-12, np.float32), (1e-90, float), (1e90, float)])
def test_second_derivatives_of_the_angle(scale, dtype):
    """Those of arctan2(a, b): -2ab, a^2 - b^2 and 2ab over (a^2 + b^2)^2, of which the square overflows or vanishes."""
    s = dtype(scale)
    (aa, ab), (ba, bb) = opad.jacobian(lambda a, b: opad.grad(np.arctan2, (0, 1))(a, b), (0, 1))(3 * s, 4 * s)
    expected = np.array([-24, -7, -7, 24]) / 625 / s / s
    np.testing.assert_allclose([aa, ab, ba, bb], expected, rtol=1e-6 if dtype is np.float32 else 1e-13)


@pytest.mark.parametrize("f", [np.arcsin, np.arccos, np.arctanh])
def test_full_precision_next_to_one(f):
    x = 1 - 2.0**-40
    exact = UNARY[f][0]
    with mp.workdps(40):
        assert opad.grad(f)(x) == pytest.approx(float(mp.diff(exact, mp.mpf(x), h=mp.mpf(2) ** -80)), rel=1e-14)
