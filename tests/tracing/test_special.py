"""scipy.special: closed forms at special points, refused parameters, and every rule has an entry."""

import mpmath
import numpy as np
import pytest
import scipy.special as sp

import opad
from opad.errors import UnsupportedArgumentError
from opad.tracing.primitives import COMPOSITES, RULES
from tests.tracing import registry_special  # noqa: F401  adds its entries
from tests.tracing.registry import CASES


def special_ufuncs():
    ufuncs = [f for f in (*RULES, *COMPOSITES) if isinstance(f, np.ufunc)]
    return [f for f in ufuncs if getattr(np, f.__name__, None) is not f]


def test_every_ufunc_with_a_rule_has_an_entry():
    covered = {case.function for case in CASES}
    assert len(special_ufuncs()) >= 130
    assert [f.__name__ for f in special_ufuncs() if f not in covered] == []


MPMATH = {
    "gammaln": (sp.gammaln, mpmath.loggamma, 1.3),
    "psi": (sp.psi, mpmath.digamma, 0.7),
    "erfcx": (sp.erfcx, lambda x: mpmath.exp(x * x) * mpmath.erfc(x), 0.4),
    "jv": (lambda x: sp.jv(1.3, x), lambda x: mpmath.besselj(1.3, x), 1.1),
    "kv": (lambda x: sp.kv(0.3, x), lambda x: mpmath.besselk(0.3, x), 1.1),
    "hyp2f1": (lambda x: sp.hyp2f1(0.7, 1.1, 2.3, x), lambda x: mpmath.hyp2f1(0.7, 1.1, 2.3, x), 0.4),
    "ellipk": (sp.ellipk, mpmath.ellipk, 0.4),
    "ellipe": (sp.ellipe, mpmath.ellipe, 0.0),
    "exprel": (sp.exprel, lambda x: mpmath.expm1(x) / x, 0.0199),
    "spence": (sp.spence, lambda x: mpmath.polylog(2, 1 - x), 0.9901),
    "gammainc": (lambda x: sp.gammainc(1.7, x), lambda x: mpmath.gammainc(1.7, 0, x, regularized=True), 0.9),
    "zeta": (lambda x: sp.zeta(2.5, x), lambda x: mpmath.zeta(2.5, x), 0.9),
    "eval_legendre": (lambda x: sp.eval_legendre(4, x), lambda x: mpmath.legendre(4, x), 0.6),
    "lambertw": (lambda x: np.real(sp.lambertw(x)), mpmath.lambertw, 0.6),
}


@pytest.mark.parametrize("name", MPMATH)
def test_against_mpmath(name):
    f, exact, x = MPMATH[name]
    with mpmath.workdps(40):
        expected = float(mpmath.re(mpmath.diff(exact, mpmath.mpf(x))))
    assert opad.grad(f)(x) == pytest.approx(expected, rel=1e-11)


def test_special_points():
    assert opad.grad(sp.exprel)(0.0) == 0.5
    assert opad.grad(sp.spence)(1.0) == -1.0
    assert opad.grad(lambda x: np.real(sp.lambertw(x)))(0.0) == 1.0
    assert opad.grad(lambda x: sp.sici(x)[0])(0.0) == 1.0
    assert opad.grad(lambda k: sp.boxcox(2.0, k))(0.0) == pytest.approx(np.log(2) ** 2 / 2)
    assert opad.grad(lambda k: sp.inv_boxcox(2.0, k))(0.0) == pytest.approx(-2 * np.exp(2))
    assert opad.grad(lambda x: np.sum(np.where(x > 0, sp.xlogy(x, x), 0.0)))(np.array([0.0, 1.0])).tolist() == [0, 1]
    assert opad.grad(lambda x: sp.eval_legendre(0, x))(0.3) == 0.0
    assert opad.grad(lambda x: sp.ellipk(x))(0.0) == pytest.approx(np.pi / 8)


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("jv", lambda v: sp.jv(v, 1.0)),
        ("gammainc", lambda a: sp.gammainc(a, 1.0)),
        ("betainc", lambda b: sp.betainc(1.0, b, 0.5)),
        ("_zeta", lambda s: sp.zeta(s, 1.5)),
        ("ellipkinc", lambda m: sp.ellipkinc(0.5, m / 3)),
        ("hyp2f1", lambda a: sp.hyp2f1(a, 1.0, 2.0, 0.5)),
    ],
)
def test_parameters_without_a_derivative_are_refused(name, f):
    for derivative in (lambda: opad.grad(f)(1.5), lambda: opad.jvp(f, (1.5,), (1.0,))):
        with pytest.raises(UnsupportedArgumentError, match=rf"scipy\.special\.{name} .*stop_gradient"):
            derivative()
    f(1.5)
    assert opad.grad(lambda v: f(opad.stop_gradient(v)) * v)(1.5) == f(1.5)


def test_scaled_bessel_functions_are_not_holomorphic():
    with pytest.raises(UnsupportedArgumentError, match="holomorphic"):
        opad.grad(lambda z: np.abs(sp.jve(1.0, z)))(1.0 + 0.5j)
