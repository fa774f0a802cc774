"""The universal functions of scipy.special that return several arrays: each result is a record of its own."""

import numpy as np
import scipy.special as sp

from opad.tracing.functions import UserPrimitive
from opad.tracing.primitives import composite
from opad.tracing.rules.special import REFUSED, smooth
from opad.tracing.rules.special_partials import sine_quotient, sinh_quotient


def _parts(ufunc, *partials):
    """State the derivatives of the results of `ufunc` in its arguments; partials[k] belong to result k."""
    singles = []
    for k, stated in enumerate(partials):

        def single(*args, k=k):
            return ufunc(*args)[k]

        single.__name__ = f"{ufunc.__name__}[{k}]"
        singles.append(UserPrimitive(single))
        smooth(singles[-1], *stated)

    @composite(ufunc)
    def all_parts(*args):
        return tuple(single(*args) for single in singles)

    return singles


def _above(z):
    """z with +0 for an imaginary part -0, with which SciPy's airy gives other numbers on the negative real axis."""
    return z + 0 if np.iscomplexobj(z) else z


_airy = _parts(
    sp.airy,
    [lambda y, z: _airy[1](_above(z))],
    [lambda y, z: z * _airy[0](_above(z))],
    [lambda y, z: _airy[3](_above(z))],
    [lambda y, z: z * _airy[2](_above(z))],
)
_jacobi = _parts(
    sp.ellipj,
    [lambda y, u, m: _jacobi[1](u, m) * _jacobi[2](u, m), REFUSED],
    [lambda y, u, m: -_jacobi[0](u, m) * _jacobi[2](u, m), REFUSED],
    [lambda y, u, m: -m * _jacobi[0](u, m) * _jacobi[1](u, m), REFUSED],
    [lambda y, u, m: _jacobi[2](u, m), REFUSED],
)
_parts(sp.sici, [lambda y, x: sine_quotient(x)], [lambda y, x: np.cos(x) / x])
_parts(sp.shichi, [lambda y, x: sinh_quotient(x)], [lambda y, x: np.cosh(x) / x])
_parts(
    sp.fresnel,
    [lambda y, x: np.sin(np.pi / 2 * x * x)],
    [lambda y, x: np.cos(np.pi / 2 * x * x)],
)
_parts(sp.itj0y0, [lambda y, x: sp.j0(x)], [lambda y, x: sp.y0(x)])
_parts(sp.iti0k0, [lambda y, x: sp.i0(x)], [lambda y, x: sp.k0(x)])
