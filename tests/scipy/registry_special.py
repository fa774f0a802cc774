"""Entries for scipy.special."""

import numpy as np
import scipy.special

import opad.scipy.special as sp
from tests.scipy.registry import case

for _axis in (None, 0, -1, (0, 1)):
    case(sp.logsumexp, lambda a, k=_axis: sp.logsumexp(a, axis=k), (3, 4), complex=False, name=f"axis={_axis}")
case(sp.logsumexp, lambda a: sp.logsumexp(a, axis=1, keepdims=True), (3, 4), complex=False, name="keepdims")
case(sp.logsumexp, lambda a, b: sp.logsumexp(a, axis=0, b=b), (3, 4), (3, 1), kinds=("any", "above zero"),
     complex=False, name="b")  # fmt: skip
case(sp.logsumexp, lambda a, b: sp.logsumexp(a, b=b, return_sign=True)[0], (5,), (5,), complex=False, name="sign")
case(sp.logsumexp, lambda a, b: sp.logsumexp(a, b=b), (), (), kinds=("any", "above zero"), complex=False, name="0-d")
for _f in (sp.softmax, sp.log_softmax):
    case(_f, _f, (3, 4), complex=False)
    case(_f, lambda x, f=_f: f(x, axis=0), (3, 4), complex=False, name="axis")
case(sp.polygamma, lambda x: sp.polygamma(1, x), (4,), kinds="above zero", complex=False)
case(sp.polygamma, lambda x: sp.polygamma(np.array([0, 1, 2, 3]), x), (4,), kinds="above zero", complex=False)
case(sp.multigammaln, lambda a: sp.multigammaln(a + 2.0, 3), (4,), kinds="above zero", complex=False)
case(sp.factorial, sp.factorial, (4,), kinds="above zero", complex=False)
case(sp.comb, lambda N, k: sp.comb(N + k + 1.0, k), (4,), (4,), kinds="above zero", complex=False)
case(sp.comb, lambda N: sp.comb(N + 2.0, 2, repetition=True), (4,), kinds="above zero", complex=False)
case(sp.perm, lambda N, k: sp.perm(N + k + 1.0, k), (4,), (4,), kinds="above zero", complex=False)
case(sp.lambertw, lambda z: np.real(sp.lambertw(z)), (4,), kinds="above zero")
case(sp.lambertw, lambda z: np.abs(sp.lambertw(z, -1)), (4,), kinds="above zero")
for _f in (sp.spherical_jn, sp.spherical_yn, sp.spherical_in, sp.spherical_kn):
    for _n in (0, 1, 3):
        case(_f, lambda z, f=_f, n=_n: f(n, z), (4,), kinds="above zero", name=f"n={_n}", complex=False)
    case(_f, lambda z, f=_f: f(2, z, derivative=True), (4,), kinds="above zero", name="derivative", complex=False)

# Python functions made of ufuncs, where SciPy has no ufunc of that name
for _name in ("h1vp", "h2vp", "ivp", "jvp", "kvp", "yvp"):
    _f = getattr(sp, _name)
    case(_f, lambda z, f=_f: np.real(f(1, z)), (4,), kinds="above zero", complex=False)
case(sp.assoc_laguerre, lambda x: sp.assoc_laguerre(x, 2, 1), (4,), kinds="above zero", complex=False)
case(sp.softplus, sp.softplus, (4,), complex=False) if hasattr(scipy.special, "softplus") else None
case(sp.zeta, lambda q: sp.zeta(2.5, q), (4,), kinds="above zero", complex=False)
