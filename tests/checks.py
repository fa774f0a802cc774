"""Every check of derivatives that the registries define, one by one, for tests of the tests."""

import warnings
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse.linalg

import opad
from opad.testing import check_derivative
from opad.tracing.rules.scipy_fft import TRANSFORMS
from tests.scipy import test_mirrors, test_sparse_values
from tests.tracing import test_rules, test_rules_fft, test_rules_linalg, test_scipy_fft, test_sparse

SEED = 20230328  # of the fixture `rng`


@dataclass
class Check:
    """One test of one entry of a registry; `reached` is filled when it has run under observation."""

    name: str
    run: object  # callable of a random generator
    function: object = None  # the function that the entry is about
    reached: set = field(default_factory=set)


def checks():
    """All checks of first and second order derivatives that the registries of tests/tracing and tests/scipy define."""
    for case in test_rules.CASES:
        yield Check(case.name, lambda rng, c=case: check_derivative(c.call, *c.args(rng), raise_on_failure=True),
            case.function)  # fmt: skip
        if case.complex:
            yield Check(f"complex {case.name}", lambda rng, c=case: test_rules.test_complex_derivatives(c, rng),
                case.function)  # fmt: skip
    for case in test_rules_linalg.CASES:
        for dtype in test_rules_linalg.DTYPES:
            yield Check(f"linalg {case.name}", lambda rng, c=case, d=dtype: _both_modes(c, d, rng))
            yield Check(f"linalg {case.name}, Taylor", lambda rng, c=case, d=dtype: _taylor(c, d, rng))
    for name, f, shape, takes_complex in test_rules_fft.CASES:
        yield Check(f"fft {name}", lambda rng, a=(f, shape, takes_complex): test_rules_fft.test_both_modes(*a, rng))
    for f in TRANSFORMS.keys() - test_scipy_fft.HANKEL:
        for norm in (None, "ortho"):
            name = f.__name__
            yield Check(f"scipy.fft.{name}", lambda rng, n=name, m=norm: test_scipy_fft.test_transforms(n, m, rng), f)
    for format in test_sparse.FORMATS:
        yield Check(f"sparse {format}", lambda rng, f=format: test_sparse.products_are_differentiated(f, rng))
    yield Check("sparse complex", test_sparse.test_complex_matrices)
    for case in test_mirrors.CASES:
        yield Check(case.name, lambda rng, c=case: test_mirrors.test_derivatives(c, rng), case.mirror)
        if case.complex:
            yield Check(f"complex {case.name}", lambda rng, c=case: test_mirrors.test_complex_derivatives(c, rng),
                case.mirror)  # fmt: skip
    for format in test_sparse_values.FORMATS:
        for dtype in (float, complex):
            yield Check(f"scipy.sparse {format}", lambda rng, f=format, d=dtype: test_sparse_values.test_products(
                f, d, rng))  # fmt: skip
    for f in test_scipy_fft.HANKEL:
        yield Check(f"scipy.fft.{f.__name__}", lambda rng, f=f: test_scipy_fft.test_hankel_transforms(f, 8, rng), f)
    singular = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    yield Check("linalg det, singular", lambda rng: check_derivative(
        np.linalg.det, singular, raise_on_failure=True))  # fmt: skip
    yield Check(
        "opad.apply", lambda rng: check_derivative(_applied, rng.normal(size=3), order=3, raise_on_failure=True)
    )
    yield Check("opad.checkpoint", lambda rng: check_derivative(
        opad.checkpoint(lambda a, b: (a * b, np.sin(a))), *rng.normal(size=(2, 3)), raise_on_failure=True))  # fmt: skip


def _taylor(case, dtype, rng):
    test_rules_linalg.test_taylor_remainders_to_third_order(case, dtype, rng)


def _applied(x):
    return x * np.sin(opad.apply(scipy.sparse.linalg.aslinearoperator(np.arange(9.0).reshape(3, 3)), x))


def _both_modes(case, dtype, rng):
    test_rules_linalg.test_forward_is_the_finite_difference(case, dtype, rng)
    test_rules_linalg.test_reverse_is_the_adjoint_of_forward(case, dtype, rng)


def passes(check):
    """Whether a check passes; a check that cannot run does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check.run(np.random.default_rng(SEED))
    except Exception:
        return False
    return True
