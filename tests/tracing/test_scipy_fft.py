"""scipy.fft inside differentiated functions: the 26 transforms that SciPy hands to backends."""

import numpy as np
import pytest
import scipy.fft

import opad
from opad.testing import check_derivative
from opad.tracing.rules.scipy_fft import TRANSFORMS

REAL_ONLY = {"rfft", "rfft2", "rfftn", "ihfft", "ihfft2", "ihfftn"}


def test_all_transforms_are_covered():
    assert len(TRANSFORMS) == 26


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", [f.__name__ for f in TRANSFORMS])
def test_transforms(name, norm, rng):
    transform, x = getattr(scipy.fft, name), rng.normal(size=(4, 5))
    for argument in [x] if name in REAL_ONLY else [x, x + 1j * rng.normal(size=x.shape)]:
        np.testing.assert_allclose(
            opad.linearize(lambda x: transform(x, norm=norm), argument).value,
            transform(argument, norm=norm),
            atol=1e-13,
        )
        check_derivative(lambda x: np.abs(transform(x, norm=norm)) ** 2, argument, raise_on_failure=True)


@pytest.mark.parametrize("type", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["dct", "idct", "dst", "idst"])
def test_types_of_cosine_and_sine_transforms(name, type, rng):
    transform, x = getattr(scipy.fft, name), rng.normal(size=(4, 3))
    for norm in (None, "ortho", "forward"):
        f = lambda x, n=norm: transform(x, type=type, axis=0, norm=n)  # noqa: E731
        np.testing.assert_allclose(opad.linearize(f, x).value, f(x), atol=1e-13)
        by_rows = opad.jacobian(f, order="reverse")(x)
        np.testing.assert_allclose(by_rows, opad.jacobian(f, order="forward")(x), atol=1e-12)
        unit = np.zeros((4, 3))
        unit[2, 1] = 1.0
        np.testing.assert_allclose(by_rows[:, :, 2, 1], f(unit), atol=1e-12)
