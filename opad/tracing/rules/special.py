"""The universal functions of scipy.special: one partial derivative per argument; y is the function's value.

An argument in which a function is smooth but has no closed derivative (the order of a Bessel function, the shape of an
incomplete gamma function) says REFUSED: differentiating with respect to it raises.
"""

import numpy as np
import scipy.special as sp

from opad.errors import UnsupportedArgumentError
from opad.tracing.array import plain
from opad.tracing.elementwise import singular_elementwise
from opad.tracing.rules.special_partials import (
    ROOT_2PI,
    ROOT_PI,
    C,
    beip_partial,
    berp_partial,
    beta_density,
    dawsn_partial,
    ellipk_in_m,
    elliprd_in_first,
    elliprd_in_last,
    erfcx_partial,
    expn_partial,
    exprel_partial,
    gamma_density,
    huber_in_delta,
    inverse_gap,
    lower,
    normal_density,
    pseudo_huber,
    ratio,
    rgamma_partial,
    spence_partial,
    struve_partial,
    student_density,
    trigamma,
    voigt_argument,
    voigt_in_scale,
    wofz_partial,
)

LN10 = float(np.log(10.0))
DEGREE = float(np.pi / 180)


REFUSED = object()  # in place of a partial derivative for which there is no rule


def _refusal(function, position):
    """The partial derivative that raises."""

    def partial(y, *args):
        raise UnsupportedArgumentError(
            f"scipy.special.{function.__name__} was differentiated with respect to its argument {position}, for which "
            "opad has no Jacobian rule; expected a constant there. Use opad.stop_gradient on it, or state the "
            "derivative with opad.elementwise."
        )

    return partial


def _in_precision_of_result(partial):
    """Functions of constant parameters are float64, which must not widen float32."""

    def in_precision(y, *args):
        M = partial(y, *args)
        dtype, given = getattr(y, "dtype", None), getattr(M, "dtype", None)
        if dtype is None or given is None:  # Python numbers, which widen nothing
            return M
        return M.astype(dtype) if given.kind == dtype.kind and given != dtype else M

    return in_precision


def smooth(function, *partials):
    """`singular_elementwise` with REFUSED among the partials: a masked branch gives no NaN at a pole either."""
    stated = []
    for position, partial in enumerate(partials):
        if partial is REFUSED:
            partial = _refusal(function, position)
        stated.append(_in_precision_of_result(partial) if callable(partial) else partial)
    singular_elementwise(function, *stated)


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
smooth(sp.rgamma,       rgamma_partial)
smooth(sp.psi,          lambda y, x: trigamma(x))
smooth(zeta_ufunc,      REFUSED,                                      lambda y, s, q: -s * sp.zeta(s + 1, q))
smooth(sp.poch,         lambda y, z, m: y * (sp.psi(z + m) - sp.psi(z)), lambda y, z, m: y * sp.psi(z + m))
smooth(sp.beta,         lambda y, a, b: y * (sp.psi(a) - sp.psi(a + b)),
                        lambda y, a, b: y * (sp.psi(b) - sp.psi(a + b)))
smooth(sp.betaln,       lambda y, a, b: sp.psi(a) - sp.psi(a + b),    lambda y, a, b: sp.psi(b) - sp.psi(a + b))
smooth(sp.binom,        lambda y, n, k: y * (sp.psi(n + 1) - sp.psi(n - k + 1)),
                        lambda y, n, k: y * (sp.psi(n - k + 1) - sp.psi(k + 1)))
smooth(sp.gammainc,     REFUSED,          lambda y, a, x: gamma_density(a, x))
smooth(sp.gammaincc,    REFUSED,          lambda y, a, x: -gamma_density(a, x))
smooth(sp.gammaincinv,    REFUSED,        lambda y, a, p: 1 / gamma_density(a, y))
smooth(sp.gammainccinv,   REFUSED,        lambda y, a, p: -1 / gamma_density(a, y))
smooth(sp.betainc,      REFUSED, REFUSED, lambda y, a, b, x: beta_density(a, b, x))
smooth(sp.betaincc,     REFUSED, REFUSED, lambda y, a, b, x: -beta_density(a, b, x))
smooth(sp.betaincinv,   REFUSED, REFUSED, lambda y, a, b, p: 1 / beta_density(a, b, y))
smooth(sp.betainccinv,   REFUSED, REFUSED, lambda y, a, b, p: -1 / beta_density(a, b, y))

# -- error functions and distributions ------------------------------------------------------------------------------
smooth(sp.erf,          lambda y, x: C * np.exp(-x * x))
smooth(sp.erfc,         lambda y, x: -C * np.exp(-x * x))
smooth(sp.erfcx,        erfcx_partial)
smooth(sp.erfi,         lambda y, x: C * np.exp(x * x))
smooth(sp.dawsn,        dawsn_partial)
smooth(sp.wofz,         wofz_partial)
smooth(sp.erfinv,       lambda y, x: np.exp(y * y) / C)
smooth(sp.erfcinv,      lambda y, x: -np.exp(y * y) / C)
smooth(sp.ndtr,         lambda y, x: normal_density(x))
smooth(sp.log_ndtr,     lambda y, x: np.exp(-x * x / 2 - y) / ROOT_2PI)
smooth(sp.ndtri,        lambda y, p: 1 / normal_density(y))
smooth(sp.ndtri_exp,    lambda y, x: np.exp(x + y * y / 2) * ROOT_2PI)
smooth(sp.expit,        lambda y, x: y * sp.expit(-x))
smooth(sp.log_expit,    lambda y, x: sp.expit(-x))
smooth(sp.logit,        lambda y, x: 1 / (x * (1 - x)))
smooth(sp.owens_t,      lambda y, h, a: -np.exp(-h * h / 2) * sp.erf(a * h / np.sqrt(2.0)) / (2 * ROOT_2PI),
                        lambda y, h, a: np.exp(-h * h * (1 + a * a) / 2) / (2 * np.pi * (1 + a * a)))
smooth(sp.voigt_profile,
       lambda y, x, s, g: np.real(voigt_argument(x, s, g)[1]) / (2 * s * s * ROOT_PI),
       voigt_in_scale,
       lambda y, x, s, g: -np.imag(voigt_argument(x, s, g)[1]) / (2 * s * s * ROOT_PI))
smooth(sp.chdtr,        REFUSED,          lambda y, v, x: gamma_density(v / 2, x / 2) / 2)
smooth(sp.chdtrc,       REFUSED,          lambda y, v, x: -gamma_density(v / 2, x / 2) / 2)
smooth(sp.chdtri,       REFUSED,          lambda y, v, p: -2 / gamma_density(v / 2, y / 2))
smooth(sp.stdtr,        REFUSED,          lambda y, df, t: student_density(df, t))
smooth(sp.stdtrit,      REFUSED,          lambda y, df, p: 1 / student_density(df, y))
smooth(sp.gdtr,         lambda y, a, b, x: x * gamma_density(b, a * x), REFUSED,
                        lambda y, a, b, x: a * gamma_density(b, a * x))
smooth(sp.gdtrc,        lambda y, a, b, x: -x * gamma_density(b, a * x), REFUSED,
                        lambda y, a, b, x: -a * gamma_density(b, a * x))

# -- exponentials, logarithms, trigonometry in degrees --------------------------------------------------------------
smooth(sp.exp2,         lambda y, x: np.log(2.0) * y)
smooth(sp.exp10,        lambda y, x: LN10 * y)
smooth(sp.expm1,        lambda y, x: y + 1)
smooth(sp.exprel,       lambda y, x: exprel_partial(x))
smooth(sp.log1p,        lambda y, x: 1 / (1 + x))
smooth(sp.cbrt,         lambda y, x: 1 / (3 * y * y))
smooth(sp.cosm1,        lambda y, x: -np.sin(x))
smooth(sp.sindg,        lambda y, x: DEGREE * sp.cosdg(x))
smooth(sp.cosdg,        lambda y, x: -DEGREE * sp.sindg(x))
smooth(sp.tandg,        lambda y, x: DEGREE * (1 + y * y))
smooth(sp.cotdg,        lambda y, x: -DEGREE * (1 + y * y))
smooth(sp.radian,       DEGREE, DEGREE / 60, DEGREE / 3600)
smooth(sp.powm1,        lambda y, x, p: p * x ** (p - 1),             lambda y, x, p: (y + 1) * np.log(x))
smooth(sp.xlogy,        lambda y, x, z: np.log(z),                    lambda y, x, z: ratio(x, z))
smooth(sp.xlog1py,      lambda y, x, z: np.log1p(z),                  lambda y, x, z: ratio(x, 1 + z))
smooth(sp.entr,         lambda y, x: -np.log(x) - 1)
smooth(sp.rel_entr,     lambda y, a, b: np.log(a / b) + 1,            lambda y, a, b: -a / b)
smooth(sp.kl_div,       lambda y, a, b: np.log(a / b),                lambda y, a, b: 1 - a / b)
smooth(sp.huber,        huber_in_delta,                              lambda y, d, r: np.clip(r, -d, d))
smooth(sp.pseudo_huber, lambda y, d, r: 2 * d * (pseudo_huber(d, r) - 1) - r * r / (d * pseudo_huber(d, r)),
                        lambda y, d, r: r / pseudo_huber(d, r))
smooth(sp.boxcox,       lambda y, x, k: x ** (k - 1),
                        lambda y, x, k: np.log(x) ** 2 * exprel_partial(k * np.log(x)))
smooth(sp.boxcox1p,     lambda y, x, k: (1 + x) ** (k - 1),
                        lambda y, x, k: np.log1p(x) ** 2 * exprel_partial(k * np.log1p(x)))
smooth(sp.inv_boxcox,   lambda y, x, k: y / (1 + k * x),              lambda y, x, k: y * x * x * inverse_gap(k * x))
smooth(sp.inv_boxcox1p, lambda y, x, k: (1 + y) / (1 + k * x),
                        lambda y, x, k: (1 + y) * x * x * inverse_gap(k * x))
smooth(sp.expi,         lambda y, x: np.exp(x) / x)
smooth(sp.exp1,         lambda y, x: -np.exp(-x) / x)
smooth(sp.expn,         REFUSED,                                      expn_partial)
smooth(sp.spence,       spence_partial)
smooth(sp.wrightomega,  lambda y, z: y / (1 + y))
smooth(lambertw_ufunc,  lambda y, z, k, tol: np.exp(-y) / (1 + y), None, None)

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
smooth(sp.berp,         lambda y, x: berp_partial(x))
smooth(sp.beip,         lambda y, x: beip_partial(x))
smooth(sp.ker,          lambda y, x: sp.kerp(x))
smooth(sp.kei,          lambda y, x: sp.keip(x))
smooth(sp.kerp,         lambda y, x: -sp.kei(x) - y / x)
smooth(sp.keip,         lambda y, x: sp.ker(x) - y / x)
smooth(sp.struve,       REFUSED, lambda y, v, x: struve_partial(sp.struve, -1, v, x))
smooth(sp.modstruve,    REFUSED, lambda y, v, x: struve_partial(sp.modstruve, 1, v, x))
smooth(sp.wright_bessel, REFUSED, REFUSED, lambda y, a, b, x: sp.wright_bessel(a, a + b, x))

# -- hypergeometric functions, elliptic integrals -------------------------------------------------------------------
smooth(sp.hyp0f1,       REFUSED, lambda y, v, z: sp.hyp0f1(v + 1, z) / v)
smooth(sp.hyp1f1,       REFUSED, REFUSED, lambda y, a, b, z: a / b * sp.hyp1f1(a + 1, b + 1, z))
smooth(sp.hyp2f1,       REFUSED, REFUSED, REFUSED, lambda y, a, b, c, z: a * b / c * sp.hyp2f1(a + 1, b + 1, c + 1, z))
smooth(sp.hyperu,       REFUSED, REFUSED, lambda y, a, b, x: -a * sp.hyperu(a + 1, b + 1, x))
smooth(sp.ellipk,       lambda y, m: ellipk_in_m(y, m, 1 - m))
smooth(sp.ellipkm1,     lambda y, p: -ellipk_in_m(y, 1 - p, p))
smooth(sp.ellipe,       lambda y, m: -np.pi / 8 * sp.hyp2f1(0.5, 1.5, 2.0, m))
smooth(sp.ellipkinc,    lambda y, phi, m: 1 / np.sqrt(1 - m * np.sin(phi) ** 2), REFUSED)
smooth(sp.ellipeinc,    lambda y, phi, m: np.sqrt(1 - m * np.sin(phi) ** 2),     REFUSED)
smooth(sp.elliprf,      lambda y, a, b, c: -sp.elliprd(b, c, a) / 6,  lambda y, a, b, c: -sp.elliprd(c, a, b) / 6,
                        lambda y, a, b, c: -sp.elliprd(a, b, c) / 6)
smooth(sp.elliprd,      elliprd_in_first, lambda y, a, b, c: elliprd_in_first(y, b, a, c), elliprd_in_last)

# -- orthogonal polynomials of degree n -----------------------------------------------------------------------------
smooth(sp.eval_legendre,    REFUSED, lambda y, n, x: (n + 1) / 2 * (n != 0) * sp.eval_jacobi(lower(n), 1, 1, x))
smooth(sp.eval_sh_legendre, REFUSED, lambda y, n, x: (n + 1) * (n != 0) * sp.eval_jacobi(lower(n), 1, 1, 2 * x - 1))
smooth(sp.eval_jacobi,  REFUSED, REFUSED, REFUSED,
       lambda y, n, a, b, x: (n + a + b + 1) / 2 * (n != 0) * sp.eval_jacobi(lower(n), a + 1, b + 1, x))
smooth(sp.eval_chebyt,      REFUSED, lambda y, n, x: n * sp.eval_chebyu(lower(n), x))
smooth(sp.eval_chebyu,      REFUSED, lambda y, n, x: 2 * (n != 0) * sp.eval_gegenbauer(lower(n), 2, x))
smooth(sp.eval_chebyc,      REFUSED, lambda y, n, x: n * sp.eval_chebys(lower(n), x))
smooth(sp.eval_chebys,      REFUSED, lambda y, n, x: (n != 0) * sp.eval_gegenbauer(lower(n), 2, x / 2))
smooth(sp.eval_sh_chebyt,   REFUSED, lambda y, n, x: 2 * n * sp.eval_sh_chebyu(lower(n), x))
smooth(sp.eval_sh_chebyu,   REFUSED, lambda y, n, x: 4 * (n != 0) * sp.eval_gegenbauer(lower(n), 2, 2 * x - 1))
smooth(sp.eval_gegenbauer,  REFUSED, REFUSED,
                        lambda y, n, a, x: 2 * a * (n != 0) * sp.eval_gegenbauer(lower(n), a + 1, x))
smooth(sp.eval_hermite,     REFUSED, lambda y, n, x: 2 * n * sp.eval_hermite(lower(n), x))
smooth(sp.eval_hermitenorm, REFUSED, lambda y, n, x: n * sp.eval_hermitenorm(lower(n), x))
smooth(sp.eval_laguerre,    REFUSED, lambda y, n, x: -1.0 * (n != 0) * sp.eval_genlaguerre(lower(n), 1, x))
smooth(sp.eval_genlaguerre, REFUSED, REFUSED,
                        lambda y, n, a, x: -1.0 * (n != 0) * sp.eval_genlaguerre(lower(n), a + 1, x))
# fmt: on
