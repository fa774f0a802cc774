"""Programs of numbers, which become Python's arithmetic or tapes, and operations of which random ones are made."""

import numpy as np

import opad


def logistic_map(a):
    z = 0.5
    for _ in range(20):
        z = z + 0.1 * (a - z * z)
    return z


def newton(a):
    x = a
    for _ in range(6):
        x = x - (x * x * x - a) / (3 * x * x)
    return abs(x) if x > 0 else -x


# name: (function, arguments)
NUMBERS = {
    "function": (logistic_map, (1.3,)),
    "gradient": (opad.grad(logistic_map), (1.3,)),
    "second_derivative": (opad.grad(opad.grad(logistic_map)), (1.3,)),
    "numpy_number": (opad.value_and_grad(logistic_map), (np.float64(1.3),)),
    "elements": (lambda x: newton(x[0]) * x[1], (np.array([2.0, -1.0]),)),
    "division": (newton, (2.0,)),
    "branch": (newton, (-2.0,)),
    "signed_zero": (lambda x: -0.0 - logistic_map(x) * 0.0, (1.3,)),
}

ARITHMETIC = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (2 + b * b),
    lambda a, b: 1 - a * 0.3,
    lambda a, b: -a,
]
