"""Polynomials with coefficients from the highest power down: np.poly1d's functions, and the Vandermonde matrix."""

import numpy as np

from opad.tracing.array import plain
from opad.tracing.primitives import composite
from opad.tracing.rules.helpers import as_array, in_double_precision, wants


def _coefficients(p):
    return np.atleast_1d(as_array(p))


@composite(np.polyval)
def polyval(p, x):
    """Horner's scheme."""
    y = np.zeros_like(plain(x))
    for k in range(np.shape(p)[0]):
        y = y * x + p[k]
    return y


@composite(np.vander)
def vander(x, N=None, increasing=False):
    """The matrix of powers of x."""
    x = in_double_precision(x)
    powers = [np.ones_like(plain(x))]
    for _ in range((len(x) if N is None else N) - 1):
        powers.append(powers[-1] * x)
    return np.stack(powers if increasing else powers[::-1], axis=1)


@composite(np.polyfit)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """Least squares on the scaled Vandermonde matrix."""
    if full or cov:
        raise wants("np.polyfit", "full=True or cov=True", "the coefficients alone")
    left, right = np.vander(in_double_precision(x), deg + 1), in_double_precision(y)
    if w is not None:
        left, right = w[:, None] * left, w[:, None] * y if np.ndim(y) == 2 else w * y
    scale = np.sqrt(np.sum(left * left, axis=0))
    rcond = len(x) * np.finfo(plain(left).dtype).eps if rcond is None else rcond
    solution = np.linalg.lstsq(left / scale, right, rcond)[0]
    return (solution.T / scale).T


def _aligned(a1, a2):
    a1, a2 = _coefficients(a1), _coefficients(a2)
    n = max(len(a1), len(a2))
    return np.pad(a1, (n - len(a1), 0)), np.pad(a2, (n - len(a2), 0))


@composite(np.polyadd)
def polyadd(a1, a2):
    """The sum of two polynomials."""
    a1, a2 = _aligned(a1, a2)
    return a1 + a2


@composite(np.polysub)
def polysub(a1, a2):
    """The difference of two polynomials."""
    a1, a2 = _aligned(a1, a2)
    return a1 - a2


@composite(np.polymul)
def polymul(a1, a2):
    """The product of two polynomials."""
    return np.convolve(_without_leading_zeros(a1), _without_leading_zeros(a2))


def _without_leading_zeros(p):
    """The coefficients that np.poly1d keeps: from the first that is not zero, or the last one."""
    p = _coefficients(p)
    return p[min([*np.flatnonzero(plain(p)), len(p) - 1]) :]


@composite(np.polyder)
def polyder(p, m=1):
    """The m-th derivative of a polynomial."""
    p = in_double_precision(_coefficients(p))
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1).astype(p.dtype)
    return p


@composite(np.polyint)
def polyint(p, m=1, k=None):
    """The m-th antiderivative of a polynomial with constants k."""
    p = in_double_precision(_coefficients(p))
    constants = np.broadcast_to(np.zeros(m) if k is None else np.asarray(k, float), (m,))
    for constant in constants:
        p = np.append(p / np.arange(len(p), 0, -1).astype(p.dtype), np.reshape(constant, 1).astype(p.dtype))
    return p


@composite(np.poly)
def poly(seq_of_zeros):
    """The monic polynomial with given roots."""
    if np.ndim(seq_of_zeros) != 1 or plain(seq_of_zeros).dtype.kind == "c":
        raise wants("np.poly", "a matrix or complex roots", "a vector of real roots")
    a = np.ones(1, dtype=plain(seq_of_zeros).dtype)
    for zero in seq_of_zeros:
        a = np.convolve(a, np.stack([np.ones_like(plain(zero)), -zero]))
    return a


@composite(np.roots)
def roots(p):
    """Eigenvalues of the companion matrix; not differentiable at multiple roots."""
    p = _coefficients(p)
    occupied = np.flatnonzero(plain(p))
    if np.ndim(p) != 1 or not len(occupied) or occupied[0] != 0 or occupied[-1] != len(p) - 1:
        raise wants("np.roots", "a leading or a last coefficient of zero", "a vector with both different from zero")
    if len(p) < 2:
        return np.zeros(0)
    below = np.eye(len(p) - 2, len(p) - 1, dtype=p.dtype)
    found = np.linalg.eigvals(np.concatenate([np.reshape(-p[1:] / p[0], (1, -1)), below]))
    return found if np.iscomplexobj(np.roots(plain(p))) else np.real(found)
