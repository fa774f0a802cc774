"""The universal functions of scipy.special: one partial derivative per argument; y is the function's value.

An argument in which a function is smooth but has no closed derivative (the order of a Bessel function, the shape of an
incomplete gamma function) says REFUSED: differentiating with respect to it raises.
"""

import numpy as np
import scipy.special as sp

from opad.errors import UnsupportedArgumentError
from opad.tracing.array import plain
from opad.tracing.elementwise import elementwise, singular_elementwise

ROOT_PI = float(np.sqrt(np.pi))
ROOT_2PI = float(np.sqrt(2 * np.pi))
LN10 = float(np.log(10.0))
DEGREE = float(np.pi / 180)
C = 2 / ROOT_PI


class Refused:
    """The partial derivative with respect to an argument for which there is no rule."""

    def __call__(self, y, *args):
        raise UnsupportedArgumentError(
            f"{self.function} was differentiated with respect to its argument {self.position}, for which opad has no "
            "Jacobian rule; expected a constant there. Use opad.stop_gradient on it, or state the derivative with "
            "opad.elementwise."
        )


REFUSED = object()


def _state(rule, function, *partials):
    stated = []
    for position, partial in enumerate(partials):
        if partial is REFUSED:
            partial = Refused()
            partial.function, partial.position = f"scipy.special.{function.__name__}", position
        stated.append(_in_precision_of_result(partial) if callable(partial) else partial)
    rule(function, *stated)


def _in_precision_of_result(partial):
    """Functions of constant parameters are float64, which must not widen float32."""

    def in_precision(y, *args):
        M = partial(y, *args)
        dtype = getattr(y, "dtype", None)
        return M.astype(dtype) if dtype is not None and M.dtype.kind == dtype.kind and M.dtype != dtype else M

    return in_precision


def smooth(function, *partials):
    """`elementwise` with REFUSED among the partials."""
    _state(elementwise, function, *partials)


def singular(function, *partials):
    """`singular_elementwise` with REFUSED among the partials."""
    _state(singular_elementwise, function, *partials)


def _real(function):
    """A partial that holds on the real axis only."""

    def partial(y, *args):
        if np.iscomplexobj(plain(args[-1])):
            raise UnsupportedArgumentError(
                "an exponentially scaled Bessel function was differentiated at complex numbers, where it is not "
                "holomorphic; expected real ones. Write it with the function that is not scaled."
            )
        return function(y, *args)

    return partial


def _where(condition, at_true, otherwise):
    """np.where by a plain condition, for partials with a removable singularity."""
    return np.where(plain(condition), at_true, otherwise)


def _away(x, bad, instead):
    """x, and a harmless number where the plain mask is true."""
    return np.where(plain(bad), instead, x)


def _ratio(x, z):
    """x / z, and 0 where both are 0."""
    both = (plain(x) == 0) & (plain(z) == 0)
    return np.where(both, 0, x / np.where(both, 1, z))


def _lower(n):
    """n - 1, and 0 for n = 0, where its factor vanishes."""
    return np.where(n == 0, n, n - 1)


def _exprel_partial(y, x):
    near = np.abs(plain(x)) < 0.02
    series = 1 / 2 + x * (1 / 3 + x * (1 / 8 + x * (1 / 30 + x * (1 / 144 + x * (1 / 840 + x / 5760)))))
    return np.where(near, series, (np.exp(x) - y) / _away(x, near, 1))


def _spence_partial(y, x):
    """log(x) / (1 - x)."""
    u = 1 - x
    near = np.abs(plain(u)) < 0.01
    series = -(1 + u * (1 / 2 + u * (1 / 3 + u * (1 / 4 + u * (1 / 5 + u * (1 / 6 + u * (1 / 7 + u / 8)))))))
    return np.where(near, series, np.log(x) / _away(u, near, 1))


def _power_series_gap(t):
    """(exp(t) (t - 1) + 1) / t^2 = 1/2 + t/3 + t^2/8 + …."""
    near = np.abs(plain(t)) < 0.05
    series = 1 / 2 + t * (1 / 3 + t * (1 / 8 + t * (1 / 30 + t * (1 / 144 + t * (1 / 840 + t / 5760)))))
    z = _away(t, near, 1)
    return np.where(near, series, (np.exp(z) * (z - 1) + 1) / (z * z))


def _inverse_gap(t):
    """(t / (1 + t) - log(1 + t)) / t^2 = -1/2 + 2 t/3 - 3 t^2/4 + …."""
    near = np.abs(plain(t)) < 0.01
    series = -1 / 2 + t * (2 / 3 - t * (3 / 4 - t * (4 / 5 - t * (5 / 6 - t * (6 / 7 - t * 7 / 8)))))
    z = _away(t, near, 1)
    return np.where(near, series, (z / (1 + z) - np.log1p(z)) / (z * z))


def _huber_in_delta(y, delta, r):
    size = np.abs(r)
    return np.where(plain(size) > plain(delta), size - delta, 0)


def _pseudo_huber(delta, r):
    return np.sqrt(1 + (r / delta) ** 2)


def _gamma_density(a, x):
    return np.exp((a - 1) * np.log(x) - x - sp.gammaln(a))


def _beta_density(a, b, x):
    return np.exp((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - sp.betaln(a, b))


def _student_density(df, t):
    scale = np.exp(sp.gammaln((df + 1) / 2) - sp.gammaln(df / 2)) / np.sqrt(df * np.pi)
    return scale * (1 + t * t / df) ** (-(df + 1) / 2)


def _normal_density(x):
    return np.exp(-x * x / 2) / ROOT_2PI


def _trigamma(x):
    return sp.zeta(2.0, x)


def _voigt_argument(x, sigma, gamma):
    z = (x + 1j * gamma) / (sigma * np.sqrt(2.0))
    return z, 2j / ROOT_PI - 2 * z * sp.wofz(z)


def _voigt_in_scale(y, x, sigma, gamma):
    z, slope = _voigt_argument(x, sigma, gamma)
    return -y / sigma - np.real(slope * z) / (sigma * sigma * ROOT_2PI)


def _elliprd_in_last(y, a, b, c):
    """By Euler's relation for a homogeneous function of degree -3/2."""
    in_a, in_b = (sp.elliprd(b, c, a) - y) / (2 * (a - c)), (sp.elliprd(a, c, b) - y) / (2 * (b - c))
    return -(1.5 * y + a * in_a + b * in_b) / c


def _ufunc_beneath(call):
    """The ufunc that a function of scipy.special calls."""
    found = []

    class Probe:
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            found.append(ufunc)
            return 0.0

    call(Probe())
    return found[0]


zeta_ufunc = _ufunc_beneath(lambda probe: sp.zeta(2.0, probe))
lambertw_ufunc = _ufunc_beneath(lambda probe: sp.lambertw(probe))

# fmt: off
# -- gamma and beta -------------------------------------------------------------------------------------------------
smooth(sp.gamma,        lambda y, x: y * sp.psi(x))
smooth(sp.gammaln,      lambda y, x: sp.psi(x))
smooth(sp.loggamma,     lambda y, x: sp.psi(x))
smooth(sp.rgamma,       lambda y, x: -y * sp.psi(x))
smooth(sp.psi,          lambda y, x: _trigamma(x))
smooth(zeta_ufunc,      REFUSED,                                      lambda y, s, q: -s * sp.zeta(s + 1, q))
smooth(sp.poch,         lambda y, z, m: y * (sp.psi(z + m) - sp.psi(z)), lambda y, z, m: y * sp.psi(z + m))
smooth(sp.beta,         lambda y, a, b: y * (sp.psi(a) - sp.psi(a + b)),
                        lambda y, a, b: y * (sp.psi(b) - sp.psi(a + b)))
smooth(sp.betaln,       lambda y, a, b: sp.psi(a) - sp.psi(a + b),    lambda y, a, b: sp.psi(b) - sp.psi(a + b))
smooth(sp.binom,        lambda y, n, k: y * (sp.psi(n + 1) - sp.psi(n - k + 1)),
                        lambda y, n, k: y * (sp.psi(n - k + 1) - sp.psi(k + 1)))
singular(sp.gammainc,   REFUSED,          lambda y, a, x: _gamma_density(a, x))
singular(sp.gammaincc,  REFUSED,          lambda y, a, x: -_gamma_density(a, x))
singular(sp.gammaincinv,  REFUSED,        lambda y, a, p: 1 / _gamma_density(a, y))
singular(sp.gammainccinv, REFUSED,        lambda y, a, p: -1 / _gamma_density(a, y))
singular(sp.betainc,    REFUSED, REFUSED, lambda y, a, b, x: _beta_density(a, b, x))
singular(sp.betaincc,   REFUSED, REFUSED, lambda y, a, b, x: -_beta_density(a, b, x))
singular(sp.betaincinv, REFUSED, REFUSED, lambda y, a, b, p: 1 / _beta_density(a, b, y))
singular(sp.betainccinv, REFUSED, REFUSED, lambda y, a, b, p: -1 / _beta_density(a, b, y))

# -- error functions and distributions ------------------------------------------------------------------------------
smooth(sp.erf,          lambda y, x: C * np.exp(-x * x))
smooth(sp.erfc,         lambda y, x: -C * np.exp(-x * x))
smooth(sp.erfcx,        lambda y, x: 2 * x * y - C)
smooth(sp.erfi,         lambda y, x: C * np.exp(x * x))
smooth(sp.dawsn,        lambda y, x: 1 - 2 * x * y)
smooth(sp.wofz,         lambda y, z: C * 1j - 2 * z * y)
smooth(sp.erfinv,       lambda y, x: np.exp(y * y) / C)
smooth(sp.erfcinv,      lambda y, x: -np.exp(y * y) / C)
smooth(sp.ndtr,         lambda y, x: _normal_density(x))
smooth(sp.log_ndtr,     lambda y, x: np.exp(-x * x / 2 - y) / ROOT_2PI)
smooth(sp.ndtri,        lambda y, p: 1 / _normal_density(y))
smooth(sp.ndtri_exp,    lambda y, x: np.exp(x + y * y / 2) * ROOT_2PI)
smooth(sp.expit,        lambda y, x: y * (1 - y))
smooth(sp.log_expit,    lambda y, x: sp.expit(-x))
smooth(sp.logit,        lambda y, x: 1 / (x * (1 - x)))
smooth(sp.owens_t,      lambda y, h, a: -np.exp(-h * h / 2) * sp.erf(a * h / np.sqrt(2.0)) / (2 * ROOT_2PI),
                        lambda y, h, a: np.exp(-h * h * (1 + a * a) / 2) / (2 * np.pi * (1 + a * a)))
smooth(sp.voigt_profile,
       lambda y, x, s, g: np.real(_voigt_argument(x, s, g)[1]) / (2 * s * s * ROOT_PI),
       _voigt_in_scale,
       lambda y, x, s, g: -np.imag(_voigt_argument(x, s, g)[1]) / (2 * s * s * ROOT_PI))
singular(sp.chdtr,      REFUSED,          lambda y, v, x: _gamma_density(v / 2, x / 2) / 2)
singular(sp.chdtrc,     REFUSED,          lambda y, v, x: -_gamma_density(v / 2, x / 2) / 2)
singular(sp.chdtri,     REFUSED,          lambda y, v, p: -2 / _gamma_density(v / 2, y / 2))
smooth(sp.stdtr,        REFUSED,          lambda y, df, t: _student_density(df, t))
smooth(sp.stdtrit,      REFUSED,          lambda y, df, p: 1 / _student_density(df, y))
singular(sp.gdtr,       lambda y, a, b, x: x * _gamma_density(b, a * x), REFUSED,
                        lambda y, a, b, x: a * _gamma_density(b, a * x))
singular(sp.gdtrc,      lambda y, a, b, x: -x * _gamma_density(b, a * x), REFUSED,
                        lambda y, a, b, x: -a * _gamma_density(b, a * x))

# -- exponentials, logarithms, trigonometry in degrees --------------------------------------------------------------
smooth(sp.exp2,         lambda y, x: np.log(2.0) * y)
smooth(sp.exp10,        lambda y, x: LN10 * y)
smooth(sp.expm1,        lambda y, x: y + 1)
smooth(sp.exprel,       _exprel_partial)
singular(sp.log1p,      lambda y, x: 1 / (1 + x))
singular(sp.cbrt,       lambda y, x: 1 / (3 * y * y))
smooth(sp.cosm1,        lambda y, x: -np.sin(x))
smooth(sp.sindg,        lambda y, x: DEGREE * sp.cosdg(x))
smooth(sp.cosdg,        lambda y, x: -DEGREE * sp.sindg(x))
smooth(sp.tandg,        lambda y, x: DEGREE * (1 + y * y))
smooth(sp.cotdg,        lambda y, x: -DEGREE * (1 + y * y))
smooth(sp.radian,       DEGREE, DEGREE / 60, DEGREE / 3600)
singular(sp.powm1,      lambda y, x, p: p * x ** (p - 1),             lambda y, x, p: (y + 1) * np.log(x))
singular(sp.xlogy,      lambda y, x, z: np.log(z),                    lambda y, x, z: _ratio(x, z))
singular(sp.xlog1py,    lambda y, x, z: np.log1p(z),                  lambda y, x, z: _ratio(x, 1 + z))
singular(sp.entr,       lambda y, x: -np.log(x) - 1)
singular(sp.rel_entr,   lambda y, a, b: np.log(a / b) + 1,            lambda y, a, b: -a / b)
singular(sp.kl_div,     lambda y, a, b: np.log(a / b),                lambda y, a, b: 1 - a / b)
smooth(sp.huber,        _huber_in_delta,                              lambda y, d, r: np.clip(r, -d, d))
smooth(sp.pseudo_huber, lambda y, d, r: 2 * d * (_pseudo_huber(d, r) - 1) - r * r / (d * _pseudo_huber(d, r)),
                        lambda y, d, r: r / _pseudo_huber(d, r))
smooth(sp.boxcox,       lambda y, x, k: x ** (k - 1),
                        lambda y, x, k: np.log(x) ** 2 * _power_series_gap(k * np.log(x)))
smooth(sp.boxcox1p,     lambda y, x, k: (1 + x) ** (k - 1),
                        lambda y, x, k: np.log1p(x) ** 2 * _power_series_gap(k * np.log1p(x)))
smooth(sp.inv_boxcox,   lambda y, x, k: y / (1 + k * x),              lambda y, x, k: y * x * x * _inverse_gap(k * x))
smooth(sp.inv_boxcox1p, lambda y, x, k: (1 + y) / (1 + k * x),
                        lambda y, x, k: (1 + y) * x * x * _inverse_gap(k * x))
smooth(sp.expi,         lambda y, x: np.exp(x) / x)
smooth(sp.exp1,         lambda y, x: -np.exp(-x) / x)
smooth(sp.expn,         REFUSED,                                      lambda y, n, x: -sp.expn(n - 1, x))
smooth(sp.spence,       _spence_partial)
smooth(sp.wrightomega,  lambda y, z: y / (1 + y))
smooth(lambertw_ufunc,  lambda y, z, k, tol: np.exp(-y) / (1 + y), None, None)
if hasattr(sp, "softplus"):
    smooth(sp.softplus, lambda y, x: sp.expit(x))

# -- Bessel, Kelvin and Struve functions ----------------------------------------------------------------------------
smooth(sp.j0,           lambda y, x: -sp.j1(x))
smooth(sp.j1,           lambda y, x: (sp.j0(x) - sp.jv(2, x)) / 2)
smooth(sp.jv,           REFUSED, lambda y, v, x: (sp.jv(v - 1, x) - sp.jv(v + 1, x)) / 2)
smooth(sp.jve,          REFUSED, _real(lambda y, v, x: (sp.jve(v - 1, x) - sp.jve(v + 1, x)) / 2))
smooth(sp.y0,           lambda y, x: -sp.y1(x))
smooth(sp.y1,           lambda y, x: (sp.y0(x) - sp.yv(2, x)) / 2)
smooth(sp.yn,           REFUSED, lambda y, n, x: (sp.yn(n - 1, x) - sp.yn(n + 1, x)) / 2)
smooth(sp.yv,           REFUSED, lambda y, v, x: (sp.yv(v - 1, x) - sp.yv(v + 1, x)) / 2)
smooth(sp.yve,          REFUSED, _real(lambda y, v, x: (sp.yve(v - 1, x) - sp.yve(v + 1, x)) / 2))
smooth(sp.i0,           lambda y, x: sp.i1(x))
smooth(np.i0,           lambda y, x: sp.i1(x))
smooth(sp.i0e,          lambda y, x: sp.i1e(x) - np.sign(plain(x)) * y)
smooth(sp.i1,           lambda y, x: (sp.i0(x) + sp.iv(2, x)) / 2)
smooth(sp.i1e,          lambda y, x: (sp.i0e(x) + sp.ive(2, x)) / 2 - np.sign(plain(x)) * y)
smooth(sp.iv,           REFUSED, lambda y, v, x: (sp.iv(v - 1, x) + sp.iv(v + 1, x)) / 2)
smooth(sp.ive,          REFUSED, _real(
                        lambda y, v, x: (sp.ive(v - 1, x) + sp.ive(v + 1, x)) / 2 - np.sign(plain(x)) * y))
smooth(sp.k0,           lambda y, x: -sp.k1(x))
smooth(sp.k0e,          lambda y, x: y - sp.k1e(x))
smooth(sp.k1,           lambda y, x: -(sp.k0(x) + sp.kv(2, x)) / 2)
smooth(sp.k1e,          lambda y, x: y - (sp.k0e(x) + sp.kve(2, x)) / 2)
smooth(sp.kn,           REFUSED, lambda y, n, x: -(sp.kn(n - 1, x) + sp.kn(n + 1, x)) / 2)
smooth(sp.kv,           REFUSED, lambda y, v, x: -(sp.kv(v - 1, x) + sp.kv(v + 1, x)) / 2)
smooth(sp.kve,          REFUSED, lambda y, v, x: y - (sp.kve(v - 1, x) + sp.kve(v + 1, x)) / 2)
smooth(sp.hankel1,      REFUSED, lambda y, v, x: (sp.hankel1(v - 1, x) - sp.hankel1(v + 1, x)) / 2)
smooth(sp.hankel2,      REFUSED, lambda y, v, x: (sp.hankel2(v - 1, x) - sp.hankel2(v + 1, x)) / 2)
smooth(sp.hankel1e,     REFUSED, lambda y, v, x: (sp.hankel1e(v - 1, x) - sp.hankel1e(v + 1, x)) / 2 - 1j * y)
smooth(sp.hankel2e,     REFUSED, lambda y, v, x: (sp.hankel2e(v - 1, x) - sp.hankel2e(v + 1, x)) / 2 + 1j * y)
smooth(sp.ber,          lambda y, x: sp.berp(x))
smooth(sp.bei,          lambda y, x: sp.beip(x))
smooth(sp.berp,         lambda y, x: -sp.bei(x) - y / x)
smooth(sp.beip,         lambda y, x: sp.ber(x) - y / x)
smooth(sp.ker,          lambda y, x: sp.kerp(x))
smooth(sp.kei,          lambda y, x: sp.keip(x))
smooth(sp.kerp,         lambda y, x: -sp.kei(x) - y / x)
smooth(sp.keip,         lambda y, x: sp.ker(x) - y / x)
smooth(sp.struve,       REFUSED, lambda y, v, x: sp.struve(v - 1, x) - v * y / x)
smooth(sp.modstruve,    REFUSED, lambda y, v, x: sp.modstruve(v - 1, x) - v * y / x)
smooth(sp.wright_bessel, REFUSED, REFUSED, lambda y, a, b, x: sp.wright_bessel(a, a + b, x))

# -- hypergeometric functions, elliptic integrals -------------------------------------------------------------------
smooth(sp.hyp0f1,       REFUSED, lambda y, v, z: sp.hyp0f1(v + 1, z) / v)
smooth(sp.hyp1f1,       REFUSED, REFUSED, lambda y, a, b, z: a / b * sp.hyp1f1(a + 1, b + 1, z))
smooth(sp.hyp2f1,       REFUSED, REFUSED, REFUSED, lambda y, a, b, c, z: a * b / c * sp.hyp2f1(a + 1, b + 1, c + 1, z))
smooth(sp.hyperu,       REFUSED, REFUSED, lambda y, a, b, x: -a * sp.hyperu(a + 1, b + 1, x))
smooth(sp.ellipk,       lambda y, m: (y - sp.elliprd(0.0, 1 - m, 1.0) / 3) / (2 * (1 - m)))
smooth(sp.ellipkm1,     lambda y, p: (sp.elliprd(0.0, p, 1.0) / 3 - y) / (2 * p))
smooth(sp.ellipe,       lambda y, m: -sp.elliprd(0.0, 1 - m, 1.0) / 6)
smooth(sp.ellipkinc,    lambda y, phi, m: 1 / np.sqrt(1 - m * np.sin(phi) ** 2), REFUSED)
smooth(sp.ellipeinc,    lambda y, phi, m: np.sqrt(1 - m * np.sin(phi) ** 2),     REFUSED)
smooth(sp.elliprf,      lambda y, a, b, c: -sp.elliprd(b, c, a) / 6,  lambda y, a, b, c: -sp.elliprd(c, a, b) / 6,
                        lambda y, a, b, c: -sp.elliprd(a, b, c) / 6)
smooth(sp.elliprd,      lambda y, a, b, c: (sp.elliprd(b, c, a) - y) / (2 * (a - c)),
                        lambda y, a, b, c: (sp.elliprd(a, c, b) - y) / (2 * (b - c)),
                        _elliprd_in_last)

# -- orthogonal polynomials of degree n -----------------------------------------------------------------------------
smooth(sp.eval_legendre,    REFUSED, lambda y, n, x: (n + 1) / 2 * (n != 0) * sp.eval_jacobi(_lower(n), 1, 1, x))
smooth(sp.eval_sh_legendre, REFUSED, lambda y, n, x: (n + 1) * (n != 0) * sp.eval_jacobi(_lower(n), 1, 1, 2 * x - 1))
smooth(sp.eval_jacobi,  REFUSED, REFUSED, REFUSED,
       lambda y, n, a, b, x: (n + a + b + 1) / 2 * (n != 0) * sp.eval_jacobi(_lower(n), a + 1, b + 1, x))
smooth(sp.eval_chebyt,      REFUSED, lambda y, n, x: n * sp.eval_chebyu(_lower(n), x))
smooth(sp.eval_chebyu,      REFUSED, lambda y, n, x: 2 * (n != 0) * sp.eval_gegenbauer(_lower(n), 2, x))
smooth(sp.eval_chebyc,      REFUSED, lambda y, n, x: n * sp.eval_chebys(_lower(n), x))
smooth(sp.eval_chebys,      REFUSED, lambda y, n, x: (n != 0) * sp.eval_gegenbauer(_lower(n), 2, x / 2))
smooth(sp.eval_sh_chebyt,   REFUSED, lambda y, n, x: 2 * n * sp.eval_sh_chebyu(_lower(n), x))
smooth(sp.eval_sh_chebyu,   REFUSED, lambda y, n, x: 4 * (n != 0) * sp.eval_gegenbauer(_lower(n), 2, 2 * x - 1))
smooth(sp.eval_gegenbauer,  REFUSED, REFUSED,
                        lambda y, n, a, x: 2 * a * (n != 0) * sp.eval_gegenbauer(_lower(n), a + 1, x))
smooth(sp.eval_hermite,     REFUSED, lambda y, n, x: 2 * n * sp.eval_hermite(_lower(n), x))
smooth(sp.eval_hermitenorm, REFUSED, lambda y, n, x: n * sp.eval_hermitenorm(_lower(n), x))
smooth(sp.eval_laguerre,    REFUSED, lambda y, n, x: -1.0 * (n != 0) * sp.eval_genlaguerre(_lower(n), 1, x))
smooth(sp.eval_genlaguerre, REFUSED, REFUSED,
                        lambda y, n, a, x: -1.0 * (n != 0) * sp.eval_genlaguerre(_lower(n), a + 1, x))
# fmt: on
