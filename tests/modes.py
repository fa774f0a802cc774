"""Directional derivatives of any order by every sequence of forward and reverse mode."""

from functools import reduce
from itertools import product

import numpy as np

import opad


def forward(f, v):
    """x -> f'(x) v, by forward mode."""
    return lambda x: opad.jvp(f, (x,), (v,))[1]


def reverse(f, v):
    """x -> f'(x) v of a real function f, by reverse mode."""
    return lambda x: np.real(np.sum(np.conj(opad.grad(f)(x)) * v))


def in_every_mode(f, x, v, order):
    """The derivatives of the given order of a real function f at x along v, by all 2^order sequences of modes."""
    return [reduce(lambda f, mode: mode(f, v), modes, f)(x) for modes in product((forward, reverse), repeat=order)]
