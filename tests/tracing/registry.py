"""One entry per use of a NumPy function: which function, the call, shapes and domain of its arguments.

The generic tests in test_rules.py run over all entries; test_rules.py fails if a function that opad covers has none.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Case:
    """A call of a NumPy function on arrays of given shapes, at points away from kinks."""

    function: object
    call: object
    shapes: tuple
    domains: list
    complex: bool = False  # whether it is differentiable at complex arguments
    name: str = ""

    def args(self, rng, dtype=float):
        """Random arguments in the domains."""
        arguments = []
        for shape, (low, high) in zip(self.shapes, self.domains, strict=True):
            x = rng.uniform(low, high, shape)
            if np.dtype(dtype).kind == "c":
                x = x + 1j * rng.uniform(0.2, 0.8, shape)
            arguments.append(np.asarray(x).astype(dtype))
        return arguments


CASES = []


def case(function, call, *shapes, domain=(-2.0, 2.0), complex=False, name=""):
    """Register one call; `domain` is (low, high), or one such pair per argument."""
    domains = list(domain) if isinstance(domain[0], tuple) else [domain] * len(shapes)
    called = name_of(function)
    label = f"{called} {name}".strip() + f" {len(CASES)}"
    CASES.append(Case(function, call, shapes, domains, complex, label))


def name_of(function):
    """A function's name; those of ufunc methods are (ufunc, method)."""
    return f"{function[0].__name__}.{function[1]}" if isinstance(function, tuple) else function.__name__


# -- ufuncs ---------------------------------------------------------------------------------------------------------

REAL, POSITIVE, UNIT = (-2.0, 2.0), (0.3, 2.5), (-0.8, 0.8)
HOLOMORPHIC = [
    (np.negative, REAL), (np.positive, REAL), (np.square, REAL), (np.exp, REAL), (np.exp2, REAL), (np.expm1, REAL),
    (np.sin, REAL), (np.cos, REAL), (np.tan, UNIT), (np.arctan, UNIT), (np.sinh, REAL), (np.cosh, REAL),
    (np.tanh, UNIT), (np.arcsinh, UNIT), (np.arcsin, UNIT), (np.arccos, UNIT), (np.arctanh, UNIT), (np.sqrt, POSITIVE),
    (np.log, POSITIVE), (np.log2, POSITIVE), (np.log10, POSITIVE), (np.log1p, POSITIVE), (np.reciprocal, POSITIVE),
    (np.arccosh, (1.2, 3.0)), (np.sinc, (0.1, 1.4)), (np.absolute, POSITIVE), (np.conjugate, REAL), (np.real, REAL),
]  # fmt: skip
UNARY = [
    (np.cbrt, POSITIVE), (np.deg2rad, REAL), (np.radians, REAL), (np.rad2deg, REAL), (np.degrees, REAL),
    (np.fabs, POSITIVE),
]  # fmt: skip
if hasattr(np, "exp2"):
    HOLOMORPHIC = [entry for entry in HOLOMORPHIC if entry[0] is not np.exp2] + [(np.exp2, REAL)]
for _f, _domain in HOLOMORPHIC + UNARY:
    _complex = (_f, _domain) in HOLOMORPHIC
    case(_f, _f, (2, 3), domain=_domain, complex=_complex)
    case(_f, _f, (), domain=_domain, complex=_complex, name="0-d")
case(np.absolute, np.absolute, (4,), domain=(-2.0, -0.3), name="negative")
case(np.imag, np.imag, (3,), complex=True)
case(np.angle, np.angle, (3,), complex=True)
case(np.angle, lambda z: np.angle(z, deg=True), (3,), complex=True, name="deg")

BINARY = [
    (np.add, REAL, REAL, True), (np.subtract, REAL, REAL, True), (np.multiply, REAL, REAL, True),
    (np.divide, REAL, POSITIVE, True), (np.power, POSITIVE, REAL, True), (np.logaddexp, REAL, REAL, False),
    (np.logaddexp2, REAL, REAL, False), (np.arctan2, POSITIVE, REAL, False), (np.hypot, POSITIVE, REAL, False),
    (np.maximum, (0.0, 1.0), (1.3, 2.0), False), (np.maximum, (1.3, 2.0), (0.0, 1.0), False),
    (np.minimum, (0.0, 1.0), (1.3, 2.0), False), (np.minimum, (1.3, 2.0), (0.0, 1.0), False),
    (np.fmax, (0.0, 1.0), (1.3, 2.0), False), (np.fmin, (0.0, 1.0), (1.3, 2.0), False),
    (np.fmax, (1.3, 2.0), (0.0, 1.0), False), (np.fmin, (1.3, 2.0), (0.0, 1.0), False),
    (np.remainder, (2.45, 2.55), (1.45, 1.55), False), (np.fmod, (-2.55, -2.45), (1.45, 1.55), False),
    (np.copysign, (0.3, 2.0), (-2.0, -0.3), False), (np.copysign, (-2.0, -0.3), (-2.0, -0.3), False),
    (np.copysign, (-2.0, -0.3), (0.3, 2.0), False),
]  # fmt: skip
for _f, _a, _b, _complex in BINARY:
    for _shapes in [((3,), (3,)), ((2, 1), (3,)), ((), (2, 3)), ((2, 3), (1,)), ((), ())]:
        case(_f, _f, *_shapes, domain=(_a, _b), complex=_complex, name=f"{_shapes}")
    case(_f, lambda a, f=_f, b=_b: f(a, 0.3 * b[0] + 0.7 * b[1]), (3,), domain=(_a,), complex=_complex, name="float")
    case(_f, lambda b, f=_f, a=_a: f(0.3 * a[0] + 0.7 * a[1], b), (3,), domain=(_b,), complex=_complex, name="float")
case(np.float_power, np.float_power, (2, 1), (3,), domain=(POSITIVE, REAL), complex=True)
case(np.nextafter, lambda x: np.nextafter(x, 9.0), (3,))
case(np.ldexp, lambda x: np.ldexp(x, np.array([1, -2, 0])), (3,))
case(np.ldexp, lambda x: np.ldexp(x, np.array([[1], [2]])), (3,), name="broadcast")
for _p in (0, 1, 2, 3, -1, 0.5, 2.0, np.float32(2.0)):
    case(np.power, lambda x, p=_p: x**p, (3,), domain=POSITIVE, complex=True, name=f"** {_p!r}")
case(np.power, lambda x: x ** np.array([0, 1, 2, 3]), (4,), name="negative base", complex=True)
case(np.power, lambda x: 1.7**x, (3,), complex=True, name="number ** x")
case(np.clip, lambda x: np.clip(x, -1.0, 1.0), (5,), domain=(1.2, 2.0))
case(np.clip, lambda x: np.clip(x, None, 2.5), (5,), domain=(1.2, 2.0))
case(np.clip, lambda x, a: np.clip(x, min=a, max=9.0), (5,), (5,), domain=((0.0, 1.0), (1.2, 2.0)), name="traced bound")
case(np.clip, np.clip, (3,), (3,), (), domain=((0.0, 1.0), (1.2, 2.0), (3.0, 4.0)), name="lower bound decides")
case(np.clip, np.clip, (3,), (), (3,), domain=((5.0, 6.0), (1.2, 2.0), (3.0, 4.0)), name="upper bound decides")
case(np.divmod, lambda a, b: np.divmod(a, b)[1], (3,), (3,), domain=((2.2, 2.8), (1.2, 1.8)))
case(np.modf, lambda x: np.modf(x)[0], (3,), domain=(1.1, 1.8))
case(np.where, lambda a, b: np.where(a > 0, a * b, np.exp(b)), (2, 3), (3,), domain=POSITIVE)
case(np.where, lambda a: np.where([True, False, True], a, 0.0), (3,), complex=True)
case(np.where, lambda a, b: np.where(np.eye(2, dtype=bool), a, b), (2,), (2, 1), complex=True, name="broadcast")

# -- products -------------------------------------------------------------------------------------------------------

MATMUL = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)),
    ((4, 2, 3), (4, 3, 2)), ((4, 1, 2, 3), (5, 3, 2)), ((3,), (4, 3, 2)), ((4, 2, 3), (3,)), ((1, 2, 3), (4, 3, 2)),
]  # fmt: skip
for _shapes in MATMUL:
    case(np.matmul, np.matmul, *_shapes, complex=True, name=f"{_shapes}")
for _shapes in [((3,), (3,)), ((2, 3), (3,)), ((), (3,)), ((2, 3), (3, 2)), ((2, 2, 3), (4, 3, 2)), ((3,), (4, 3, 2))]:
    case(np.dot, np.dot, *_shapes, complex=True, name=f"{_shapes}")
for _shapes in [((3,), (3,)), ((2, 3), (4, 3)), ((), (3,)), ((2, 3), (3,))]:
    case(np.inner, np.inner, *_shapes, complex=True, name=f"{_shapes}")
case(np.vdot, np.vdot, (2, 3), (3, 2), complex=True)
case(np.vecdot, np.vecdot, (2, 3), (3,), complex=True)
case(np.vecdot, lambda a, b: np.vecdot(a, b, axis=0), (3, 2), (3, 2), complex=True, name="axis")
case(np.outer, np.outer, (2,), (3, 2), complex=True)
case((np.multiply, "outer"), np.multiply.outer, (2, 2), (3,), complex=True)
case((np.add, "outer"), np.add.outer, (2,), (3, 2), complex=True)
case((np.subtract, "outer"), np.subtract.outer, (2,), (3,), complex=True)
for _shapes in [((2,), (3,)), ((2, 3), (3, 2)), ((2,), (3, 2)), ((2, 2, 1), (1, 3))]:
    case(np.kron, np.kron, *_shapes, complex=True, name=f"{_shapes}")
TENSORDOT = [
    (2, ((2, 3, 4), (3, 4, 2))), (0, ((2,), (3,))), (([0], [1]), ((3, 2), (2, 3))), ((-1, 0), ((2, 3), (3,))),
]  # fmt: skip
for _axes, _shapes in TENSORDOT:
    case(np.tensordot, lambda a, b, k=_axes: np.tensordot(a, b, axes=k), *_shapes, complex=True, name=f"axes={_axes}")
EINSUM = [
    ("ij,jk->ik", (2, 3), (3, 2)), ("i,i->", (3,), (3,)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ij->ji", (2, 3)),
    ("ij->", (2, 3)), ("...ij,...jk->...ik", (4, 2, 3), (3, 2)), ("i,j,k->ijk", (2,), (3,), (2,)),
    ("ij,ij->i", (2, 3), (2, 3)), ("ij,jk", (2, 3), (3, 2)), ("bij,b->ij", (2, 3, 2), (2,)),
    ("ij,kj->j", (2, 3), (4, 3)),
    ("iij->j", (2, 2, 3)), ("i,ij->j", (1,), (2, 3)), ("...,...->...", (2, 1), (3,)),
]  # fmt: skip
for _text, *_shapes in EINSUM:
    case(np.einsum, lambda *a, s=_text: np.einsum(s, *a), *_shapes, complex=True, name=_text)
case(np.einsum, lambda a, b: np.einsum("ij,jk,kl->il", a, b, a, optimize=True), (2, 2), (2, 2), complex=True)
case(np.cross, np.cross, (3,), (3,), complex=True)
case(np.cross, lambda a, b: np.cross(a, b, axis=0), (3, 2), (3, 2), complex=True, name="axis")
case(np.cross, np.cross, (2, 3), (3,), complex=True, name="broadcast")
case(np.full_like, lambda a: np.full_like(a, a[0] * a[1]), (3,), complex=True)
