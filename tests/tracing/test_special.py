"""scipy.special: closed forms at special points, refused parameters, and every rule has an entry."""

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
    for n in range(4):  # 1 / Gamma has zeros at 0, -1, -2, …; its derivative there is (-1)^n n!
        assert opad.grad(sp.rgamma)(-float(n)) == pytest.approx((-1) ** n * sp.factorial(n), rel=1e-14)


@pytest.mark.parametrize("f", [sp.gammaln, sp.k0, sp.expi, sp.y1, sp.logit, sp.erfinv, lambda x: sp.iv(0.5, x)])
def test_poles_behind_a_mask_leave_no_nan(f):
    x = np.array([1.0 if f is sp.erfinv else 0.0, 0.3])
    mask = np.array([False, True])
    with np.errstate(all="ignore"):
        gradient = opad.grad(lambda x: np.sum(np.where(mask, f(x), 0.0)))(x)
        assert gradient.tolist() == [0.0, opad.grad(f)(0.3)]


def test_gamma_functions_have_one_derivative_at_complex_numbers():
    z = np.complex128(1.5 + 0.5j)
    assert opad.jacobian(sp.gamma)(z) == pytest.approx(sp.gamma(z) * sp.psi(z))
    with pytest.raises(UnsupportedArgumentError, match="trigamma"):
        opad.jacobian(sp.psi)(z)


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
