"""Registry entries for scipy.special: domains away from kinks and branch points."""

import numpy as np
import scipy.special as sp

from opad.tracing.rules.special import lambertw_ufunc, zeta_ufunc
from tests.tracing.registry import case

REAL, POSITIVE, UNIT, OPEN = (-2.0, 2.0), (0.4, 2.5), (-0.8, 0.8), (0.2, 0.8)

# (function, domain, whether complex arguments are tested too)
UNARY = [
    (sp.gamma, POSITIVE, False), (sp.gammaln, POSITIVE, False), (sp.loggamma, POSITIVE, False),
    (sp.rgamma, POSITIVE, False), (sp.psi, POSITIVE, False), (sp.psi, (-1.8, -1.2), False),
    (sp.erf, REAL, True), (sp.erfc, REAL, True), (sp.erfcx, REAL, True), (sp.erfi, UNIT, True), (sp.dawsn, REAL, True),
    (sp.wofz, REAL, True), (sp.erfinv, UNIT, False), (sp.erfcinv, OPEN, False), (sp.ndtr, REAL, False),
    (sp.log_ndtr, REAL, False), (sp.ndtri, OPEN, False), (sp.ndtri_exp, (-2.0, -0.3), False), (sp.expit, REAL, False),
    (sp.log_expit, REAL, False), (sp.logit, OPEN, False), (sp.exp2, REAL, False), (sp.exp10, UNIT, False),
    (sp.expm1, REAL, True), (sp.exprel, REAL, False), (sp.log1p, POSITIVE, True), (sp.cbrt, POSITIVE, False),
    (sp.cosm1, REAL, False), (sp.sindg, (10.0, 80.0), False), (sp.cosdg, (10.0, 80.0), False),
    (sp.tandg, (10.0, 60.0), False), (sp.cotdg, (30.0, 80.0), False), (sp.entr, POSITIVE, False),
    (sp.expi, POSITIVE, True), (sp.exp1, POSITIVE, True), (sp.spence, POSITIVE, True), (sp.wrightomega, REAL, True),
    (sp.j0, POSITIVE, False), (sp.j1, POSITIVE, False), (sp.y0, POSITIVE, False), (sp.y1, POSITIVE, False),
    (sp.i0, REAL, False), (sp.i0e, POSITIVE, False), (sp.i1, REAL, False), (sp.i1e, POSITIVE, False),
    (sp.k0, POSITIVE, False), (sp.k0e, POSITIVE, False), (sp.k1, POSITIVE, False), (sp.k1e, POSITIVE, False),
    (sp.ber, POSITIVE, False), (sp.bei, POSITIVE, False), (sp.berp, POSITIVE, False), (sp.beip, POSITIVE, False),
    (sp.ker, POSITIVE, False), (sp.kei, POSITIVE, False), (sp.kerp, POSITIVE, False), (sp.keip, POSITIVE, False),
    (sp.ellipk, OPEN, False), (sp.ellipkm1, OPEN, False), (sp.ellipe, OPEN, False),
    (sp.airy, REAL, True), (sp.sici, POSITIVE, True), (sp.shichi, POSITIVE, False), (sp.fresnel, UNIT, True),
    (sp.itj0y0, POSITIVE, False), (sp.iti0k0, POSITIVE, False),
]  # fmt: skip
if hasattr(sp, "softplus"):
    UNARY.append((sp.softplus, REAL, False))


def parts(call):
    """Real and imaginary part: results that are complex at real arguments have no dense Jacobian by rows."""

    def real_and_imaginary(x):
        z = call(x)
        return np.real(z), np.imag(z)

    return real_and_imaginary


for _f, _domain, _complex in UNARY:
    case(_f, parts(_f) if _f is sp.wofz else _f, (2, 3), domain=_domain, complex=_complex)
case(sp.exprel, sp.exprel, (4,), domain=(-0.01, 0.01), name="near 0")
case(sp.spence, sp.spence, (4,), domain=(0.995, 1.005), name="near 1")

BINARY = [
    (sp.beta, POSITIVE, POSITIVE), (sp.betaln, POSITIVE, POSITIVE), (sp.binom, (3.2, 4.5), (0.5, 2.0)),
    (sp.poch, POSITIVE, POSITIVE), (sp.xlogy, REAL, POSITIVE), (sp.xlog1py, REAL, POSITIVE),
    (sp.rel_entr, POSITIVE, POSITIVE), (sp.kl_div, POSITIVE, POSITIVE), (sp.huber, (0.3, 0.6), (1.0, 2.0)),
    (sp.huber, (1.5, 2.0), (-1.0, 1.0)), (sp.pseudo_huber, POSITIVE, REAL), (sp.powm1, POSITIVE, REAL),
    (sp.boxcox, POSITIVE, REAL), (sp.boxcox, POSITIVE, (-0.02, 0.02)), (sp.boxcox1p, POSITIVE, REAL),
    (sp.inv_boxcox, POSITIVE, POSITIVE), (sp.inv_boxcox, POSITIVE, (1e-3, 4e-3)), (sp.inv_boxcox1p, POSITIVE, POSITIVE),
    (sp.owens_t, REAL, REAL),
]  # fmt: skip
for _f, _a, _b in BINARY:
    case(_f, _f, (2, 1), (3,), domain=(_a, _b))
case(sp.radian, sp.radian, (3,), (3,), (2, 1))
case(sp.voigt_profile, sp.voigt_profile, (3,), (3,), (2, 1), domain=(REAL, POSITIVE, POSITIVE))
case(sp.elliprf, sp.elliprf, (3,), (3,), (3,), domain=((0.3, 0.6), (1.0, 1.4), (2.0, 2.4)))
case(sp.elliprd, sp.elliprd, (3,), (3,), (3,), domain=((0.3, 0.6), (1.0, 1.4), (2.0, 2.4)))
case(sp.gdtr, lambda a, x: sp.gdtr(a, 1.7, x), (3,), (3,), domain=(POSITIVE, POSITIVE))
case(sp.gdtrc, lambda a, x: sp.gdtrc(a, 1.7, x), (3,), (3,), domain=(POSITIVE, POSITIVE))

# differentiable in the last argument only
LAST = [
    (sp.gammainc, (1.7,), POSITIVE), (sp.gammaincc, (1.7,), POSITIVE), (sp.gammaincinv, (1.7,), OPEN),
    (sp.gammainccinv, (1.7,), OPEN), (sp.betainc, (1.7, 2.3), OPEN), (sp.betaincc, (1.7, 2.3), OPEN),
    (sp.betaincinv, (1.7, 2.3), OPEN), (sp.betainccinv, (1.7, 2.3), OPEN), (sp.chdtr, (3.5,), POSITIVE),
    (sp.chdtrc, (3.5,), POSITIVE), (sp.chdtri, (3.5,), OPEN), (sp.stdtr, (3.5,), REAL), (sp.stdtrit, (3.5,), OPEN),
    (zeta_ufunc, (2.5,), POSITIVE), (sp.expn, (2,), POSITIVE), (sp.jv, (1.3,), POSITIVE), (sp.jve, (1.3,), POSITIVE),
    (sp.yn, (2,), POSITIVE), (sp.yv, (1.3,), POSITIVE), (sp.yve, (1.3,), POSITIVE), (sp.iv, (1.3,), POSITIVE),
    (sp.ive, (1.3,), POSITIVE), (sp.kn, (2,), POSITIVE), (sp.kv, (1.3,), POSITIVE), (sp.kve, (1.3,), POSITIVE),
    (sp.hankel1, (1.3,), POSITIVE), (sp.hankel2, (1.3,), POSITIVE), (sp.hankel1e, (1.3,), POSITIVE),
    (sp.hankel2e, (1.3,), POSITIVE), (sp.struve, (1.3,), POSITIVE), (sp.modstruve, (1.3,), POSITIVE),
    (sp.wright_bessel, (0.7, 1.2), POSITIVE), (sp.hyp0f1, (1.3,), REAL), (sp.hyp1f1, (0.7, 1.3), REAL),
    (sp.hyp2f1, (0.7, 1.1, 2.3), UNIT), (sp.hyperu, (0.7, 1.3), POSITIVE),
    (sp.eval_legendre, (3,), UNIT), (sp.eval_legendre, (2.5,), UNIT), (sp.eval_legendre, (0,), UNIT),
    (sp.eval_sh_legendre, (3,), OPEN), (sp.eval_jacobi, (3, 0.5, 1.5), UNIT), (sp.eval_chebyt, (3,), UNIT),
    (sp.eval_chebyt, (0,), UNIT), (sp.eval_chebyu, (3,), UNIT), (sp.eval_chebyc, (3,), UNIT),
    (sp.eval_chebys, (3,), UNIT), (sp.eval_sh_chebyt, (3,), OPEN), (sp.eval_sh_chebyu, (3,), OPEN),
    (sp.eval_gegenbauer, (3, 0.7), UNIT), (sp.eval_hermite, (3,), UNIT), (sp.eval_hermitenorm, (3,), UNIT),
    (sp.eval_laguerre, (3,), POSITIVE), (sp.eval_genlaguerre, (3, 0.7), POSITIVE),
]  # fmt: skip
HOLOMORPHIC = {"jv", "yv", "iv", "kv", "kve", "hankel1", "hankel2", "hyp0f1", "hyp1f1", "eval_jacobi"}
for _f, _fixed, _domain in LAST:
    _call = (lambda x, fixed=_fixed: sp.zeta(*fixed, x)) if _f is zeta_ufunc else (lambda x, f=_f, k=_fixed: f(*k, x))
    _call = parts(_call) if "hankel" in _f.__name__ else _call
    case(_f, _call, (2, 3), domain=_domain, complex=_f.__name__ in HOLOMORPHIC)
case(lambertw_ufunc, parts(sp.lambertw), (3,), domain=POSITIVE, complex=True)
case(lambertw_ufunc, parts(lambda z: sp.lambertw(z, -1)), (3,), domain=(-0.3, -0.1), name="branch -1")
case(sp.ellipkinc, lambda phi: sp.ellipkinc(phi, 0.3), (3,), domain=REAL)
case(sp.ellipeinc, lambda phi: sp.ellipeinc(phi, 0.3), (3,), domain=REAL)
case(sp.ellipj, lambda u: sp.ellipj(u, 0.3), (3,), domain=REAL)
case(sp.eval_legendre, lambda x: sp.eval_legendre(np.arange(4)[:, None], x), (3,), domain=UNIT, name="degrees")
