"""NumPy's universal functions: one partial derivative per argument; y is the function's value.

At kinks the derivative is the mean of the one-sided ones (maximum, minimum, clip, absolute); hypot and complex
absolute values have derivative 0 at 0, to any order. Where a partial is infinite (sqrt at 0, log at 0) a cotangent that
is exactly zero stays zero, so that masked branches give no NaN. Where a function jumps and is constant otherwise (sign,
floor, 0**x at 0) the derivative is 0; the angle arctan2(0, 0), and powers of negative bases as functions of the
exponent, have none, NaN. logaddexp is maximum where it is infinite. Complex inverse functions take their branch from y,
so that they are right on branch cuts.
"""

from math import factorial

import numpy as np

from opad.operators.algebra import Identity, Multiple, Product
from opad.operators.elementwise import BroadcastHadamard, Conjugate, Hadamard, ImaginaryPart, RealPart
from opad.tracing.array import plain
from opad.tracing.elementwise import (
    Elementwise,
    SingularElementwise,
    elementwise,
    is_finite,
    masked_product,
    singular_elementwise,
)
from opad.tracing.primitives import RULES, composite, constant, operator_rule, with_cast

LN2 = float(np.log(2.0))
LN10 = float(np.log(10.0))
RADIANS = float(np.pi / 180)


def _share(above, at_least, y):
    """1 where the argument decides, 1/2 at ties, 0 elsewhere, in y's dtype."""
    half = y.dtype.type(0.5)
    return half * above + half * at_least


def _power_in_base(y, x, p):
    if isinstance(p, int | float | np.number):
        return None if p == 0 else 1.0 if p == 1 else 2 * x if p == 2 else p * x ** (p - 1)
    return _times(p, x ** np.where((plain(p) == 0) & (plain(x) == 0), 1, p - 1))


def _power_in_exponent(y, x, p):
    if isinstance(x, int | float | complex) and not isinstance(x, np.generic):
        base = complex(x) if y.dtype.kind == "c" else x
        return y * np.log(base).item() if x != 0 else 0 * y  # a Python number, which does not widen float32
    return _times(np.log(np.where(plain(x) == 0, y.dtype.type(1), x)), y)  # complex for complex exponents


def _times(a, power):
    """a * power, where the power may be infinite; then derivatives of what has no influence stay 0."""
    return masked_product(a, power) if hasattr(a, "tape") or hasattr(power, "tape") else a * power


class Power(SingularElementwise):
    """a ** p, which is regular for the exponents 1, 2, 3, …"""

    def blocks(self, y, args, kwargs, parents):
        regular = type(args[1]) is int and args[1] >= 1
        return (Elementwise if regular else SingularElementwise).blocks(self, y, args, kwargs, parents)


class Quotient(SingularElementwise):
    """a / b; where b is broadcast, db is multiplied by -1 / b before it is, and cotangents after they are summed."""

    def blocks(self, y, args, kwargs, parents):
        found = []
        for slot, column in parents:
            block = self._in_divisor(y, args) if slot == 1 else None
            found += [(column, block)] if block else super().blocks(y, args, kwargs, [(slot, column)])
        return found

    def _in_divisor(self, y, args):
        """y .* (-db / b) for a divisor that is broadcast to y; None for others, and where that is not finite."""
        b = args[1]
        if getattr(b, "shape", None) in (None, y.shape):
            return None
        with np.errstate(all="ignore"):
            reciprocal = Hadamard(1 / self.operands(y, args)[1], b.shape)
        factor = BroadcastHadamard(y, b.shape, y.shape)
        if not is_finite(reciprocal) or not is_finite(factor):
            return None
        return with_cast(Product(factor, Multiple(-1, reciprocal)), b, y)


# fmt: off
elementwise(np.add,          1, 1)
elementwise(np.subtract,     1, -1)
elementwise(np.multiply,     lambda _y, _a, b: b,                     lambda _y, a, _b: a)
elementwise(np.negative,     -1)
elementwise(np.positive,     1)
elementwise(np.square,       lambda _, x: 2 * x)

elementwise(np.exp,          lambda y, _: y)
elementwise(np.exp2,         lambda y, _: LN2 * y)
elementwise(np.expm1,        lambda y, _: y + 1)
elementwise(np.logaddexp,    lambda y, a, b: _weight(np.exp, a, b, y),  lambda y, a, b: _weight(np.exp, b, a, y))
elementwise(np.logaddexp2,   lambda y, a, b: _weight(np.exp2, a, b, y), lambda y, a, b: _weight(np.exp2, b, a, y))

elementwise(np.sin,          lambda _, x: np.cos(x))
elementwise(np.cos,          lambda _, x: -np.sin(x))
elementwise(np.tan,          lambda y, _: 1 + y * y)
elementwise(np.arctan,       lambda _, x: 1 / (1 + x * x))
elementwise(np.sinh,         lambda _, x: np.cosh(x))
elementwise(np.cosh,         lambda _, x: np.sinh(x))
elementwise(np.tanh,         lambda y, _: 1.0 - y * y)
elementwise(np.arcsinh,      lambda y, x: 1 / (np.cosh(y) if np.iscomplexobj(y) else np.hypot(1, x)))
elementwise(np.sinc,         lambda _, x: _sinc_partial(x))
elementwise(np.deg2rad,      RADIANS)
elementwise(np.radians,      RADIANS)
elementwise(np.rad2deg,      1 / RADIANS)
elementwise(np.degrees,      1 / RADIANS)

elementwise(np.maximum,      lambda y, a, b: _share(a > b, a >= b, y), lambda y, a, b: _share(b > a, b >= a, y))
elementwise(np.minimum,      lambda y, a, b: _share(a < b, a <= b, y), lambda y, a, b: _share(b < a, b <= a, y))
elementwise(np.fmax,         lambda y, a, b: _picked(a, b, a > b, y),  lambda y, a, b: _picked(b, a, b > a, y))
elementwise(np.fmin,         lambda y, a, b: _picked(a, b, a < b, y),  lambda y, a, b: _picked(b, a, b < a, y))
elementwise(np.remainder,    1, lambda y, a, b: -np.floor(plain(a) / plain(b)))
elementwise(np.fmod,         1, lambda y, a, b: -np.trunc(plain(a) / plain(b)))
elementwise(np.copysign,     lambda y, a, b: np.copysign(np.sign(plain(a)), plain(a) * plain(y)), None)
elementwise(np.ldexp,        lambda y, a, n: np.ldexp(np.ones_like(plain(y)), n), None)
elementwise(np.nextafter,    1, None)

RULES[np.divide] = Quotient(np.divide, (lambda _y, _a, b: 1 / b,       lambda y, _a, b: -y / b))
singular_elementwise(np.reciprocal,  lambda y, x: -y / x)
RULES[np.power] = Power(np.power,    (_power_in_base, _power_in_exponent))
singular_elementwise(np.float_power, _power_in_base, _power_in_exponent)
singular_elementwise(np.sqrt,        lambda y, _: 0.5 / y)
singular_elementwise(np.cbrt,        lambda y, _: 1 / (3 * y * y))
singular_elementwise(np.log,         lambda _, x: 1 / x)
singular_elementwise(np.log2,        lambda _, x: 1 / (LN2 * x))
singular_elementwise(np.log10,       lambda _, x: 1 / (LN10 * x))
singular_elementwise(np.log1p,       lambda _, x: 1 / (1 + x))
singular_elementwise(np.arcsin,      lambda y, x: 1 / (np.cos(y) if np.iscomplexobj(y) else _cosine(x)))
singular_elementwise(np.arccos,      lambda y, x: -1 / (np.sin(y) if np.iscomplexobj(y) else _cosine(x)))
singular_elementwise(np.arccosh,
                     lambda y, x: 1 / (np.sinh(y) if np.iscomplexobj(y) else np.sqrt(x - 1) * np.sqrt(x + 1)))
singular_elementwise(np.arctanh,     lambda _, x: 1 / ((1 - x) * (1 + x)))
singular_elementwise(np.arctan2,     lambda _y, a, b: _over_square(b, np.hypot(a, b)),
                                     lambda _y, a, b: -_over_square(a, np.hypot(a, b)))
# fmt: on


def _cosine(x):
    """sqrt(1 - x^2), to full precision near 1."""
    return np.sqrt((1 - x) * (1 + x))


def _over_square(a, r):
    """a / r^2 where the square would overflow, or vanish."""
    return a / r / r


def _picked(a, b, wins, y):
    """The share of `a` in fmax or fmin of a and b, which ignore NaN."""
    a, b = plain(a), plain(b)
    half = y.dtype.type(0.5)
    return half * (wins | np.isnan(b)) + half * ((wins | (a == b) | np.isnan(b)) & ~np.isnan(a))


_SINC_SERIES = [(-1) ** k * 2 * k * np.pi ** (2 * k) / factorial(2 * k + 1) for k in range(16, 0, -1)]


def _sinc_partial(x):
    """(cos(pi x) - sinc(x)) / x; near 0 by a series that is long enough for derivatives of high order."""
    near = np.abs(plain(x)) < 0.5
    square, series = np.where(near, x, 0) ** 2, 0
    for coefficient in _SINC_SERIES:
        series = series * square + coefficient
    z = np.where(near, 1, x)
    return np.where(near, x * series, (np.cos(np.pi * z) - np.sinc(z)) / z)


def _unit(z, r):
    """z / r, and 0 where r is 0."""
    zero = plain(r) == 0
    return np.where(zero, 0, z / np.where(zero, 1, r))


def _weight(exp, a, b, y):
    """exp(a) / (exp(a) + exp(b)); the share of `a` in the maximum where that is infinite."""
    infinite = np.isinf(plain(y))
    if not np.any(infinite):
        return exp(a - y)
    share = _share(plain(a) > plain(b), plain(a) >= plain(b), y)
    return np.where(infinite, share, exp(np.where(infinite, 0, a) - np.where(infinite, 0, y)))


@operator_rule(np.absolute, casts=False)
def _(y, x):
    if x.dtype.kind != "c":
        return Hadamard(np.sign(plain(x)), y.shape)
    return Product(RealPart(y.shape), Hadamard(np.conj(_unit(x, y)), y.shape))


@operator_rule(np.fabs)
def _(y, x):
    return Hadamard(np.sign(plain(x)), y.shape)


# |(a, b)|; at the origin the gradient of least norm, 0
elementwise(np.hypot, lambda y, a, b: _unit(a, y), lambda y, a, b: _unit(b, y))


@operator_rule(np.conjugate, casts=False)
def _(y, x):
    return Conjugate(y.shape) if x.dtype.kind == "c" else Identity(y.shape)


@operator_rule(np.real, casts=False)
def _(y, val):
    return RealPart(y.shape) if val.dtype.kind == "c" else Identity(y.shape)


@operator_rule(np.imag, casts=False)
def _(y, val):
    return ImaginaryPart(y.shape) if val.dtype.kind == "c" else None


@composite(np.angle)
def angle(z, deg=False):
    """The argument of z; for real arrays it is locally constant."""
    phase = np.arctan2(np.imag(z), np.real(z))
    return np.rad2deg(phase) if deg else phase


@composite(np.clip)
def clip(a, a_min=None, a_max=None, out=None, *, min=None, max=None):
    """min(max(a, a_min), a_max)."""
    lower, upper = (a_min if min is None else min), (a_max if max is None else max)
    if lower is not None:
        a = np.maximum(a, lower)
    return a if upper is None else np.minimum(a, upper)


@composite(np.divmod)
def divmod_(a, b):
    """(floor(a / b), a mod b)."""
    return np.floor_divide(a, b), np.remainder(a, b)


@composite(np.modf)
def modf(x):
    """(fractional part, integral part)."""
    whole = np.trunc(x)
    return x - whole, whole


@composite(np.frexp)
def frexp(x):
    """(mantissa, exponent); the exponent is locally constant."""
    exponent = np.frexp(plain(x))[1]
    return np.ldexp(x, -exponent), exponent


constant(
    np.sign, np.signbit, np.floor, np.ceil, np.rint, np.trunc, np.fix, np.round, np.around, np.floor_divide,
    np.heaviside, np.spacing,
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal,
    np.isnan, np.isinf, np.isfinite, np.isposinf, np.isneginf, np.isclose, np.allclose, np.array_equal,
    np.array_equiv, np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.iscomplexobj, np.isrealobj,
    np.iscomplex, np.isreal, np.any, np.all,
)  # fmt: skip
