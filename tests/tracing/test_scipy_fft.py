"""scipy.fft inside differentiated functions: the 28 transforms that SciPy hands to backends, and the shifts."""

import numpy as np
import pytest
import scipy.fft

import opad
from opad.testing import check_derivative
from opad.tracing.rules.scipy_fft import TRANSFORMS

ORDER = 3
REAL_ONLY = {"rfft", "rfft2", "rfftn", "ihfft", "ihfft2", "ihfftn"}

HANKEL = {scipy.fft.fht, scipy.fft.ifht}


def test_all_transforms_are_covered():
    assert len(TRANSFORMS) == 28


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", [f.__name__ for f in TRANSFORMS if f not in HANKEL])
def test_transforms(name, norm, rng):
    transform, x = getattr(scipy.fft, name), rng.normal(size=(4, 5))
    for argument in [x] if name in REAL_ONLY else [x, x + 1j * rng.normal(size=x.shape)]:
        np.testing.assert_allclose(
            opad.linearize(lambda x: transform(x, norm=norm), argument).value,
            transform(argument, norm=norm),
            atol=1e-13,
        )
        f = lambda x: np.abs(transform(x, norm=norm)) ** 2  # noqa: E731
        check_derivative(f, argument, order=ORDER, raise_on_failure=True)


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


@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("orthogonalize", [None, True, False])
@pytest.mark.parametrize("name", ["dct", "idct", "dst", "idst"])
def test_cosine_and_sine_transforms_of_another_length(name, orthogonalize, n, rng):
    transform, x = getattr(scipy.fft, name), rng.normal(size=(4, 3))
    for type in (1, 2, 3, 4):
        for norm in (None, "ortho", "forward"):

            def f(x, type=type, norm=norm):
                return transform(x, type=type, n=n, axis=0, norm=norm, orthogonalize=orthogonalize)

            np.testing.assert_allclose(opad.linearize(f, x).value, f(x), atol=1e-13)
            check_derivative(f, x, order=1, raise_on_failure=True)


@pytest.mark.parametrize("name", ["dctn", "idctn", "dstn", "idstn"])
def test_many_axes_of_another_length(name, rng):
    transform, x = getattr(scipy.fft, name), rng.normal(size=(2, 4, 3))
    for arguments in ({"s": (3, 5)}, {"s": 6, "axes": 1}, {"axes": (0, 2)}):
        f = lambda x, k=arguments: transform(x, **k)  # noqa: E731
        np.testing.assert_allclose(opad.linearize(f, x).value, f(x), atol=1e-13)
        check_derivative(f, x, order=1, raise_on_failure=True)


@pytest.mark.parametrize("transform", HANKEL, ids=lambda f: f.__name__)
@pytest.mark.parametrize("n", [7, 8])
def test_hankel_transforms(transform, n, rng):
    x = rng.normal(size=(2, n))
    for parameters in ((0.1, 0.5), (0.2, 1.5, 0.3, -0.4)):
        f = lambda x, p=parameters: transform(x, *p)  # noqa: E731
        np.testing.assert_array_equal(opad.linearize(f, x).value, f(x))
        check_derivative(lambda x, f=f: f(x) ** 2, x, raise_on_failure=True)
        np.testing.assert_allclose(
            opad.jacobian(f, order="reverse")(x), opad.jacobian(f, order="forward")(x), atol=1e-12
        )


def test_shifts(rng):
    x = rng.normal(size=(4, 5))
    for shift in (scipy.fft.fftshift, scipy.fft.ifftshift):
        for axes in (None, 0, (1, 0)):
            f = lambda x, s=shift, a=axes: s(x, axes=a) ** 2  # noqa: E731
            np.testing.assert_array_equal(opad.linearize(f, x).value, f(x))
            check_derivative(f, x, raise_on_failure=True)


@pytest.mark.parametrize("name", ["hfftn", "hfft2", "irfftn", "irfft2"])
def test_a_single_coefficient_is_a_transform_of_length_one(name):
    """Where SciPy does not double, unlike NumPy: 2 (m - 1) would be no element at all."""
    transform = getattr(scipy.fft, name)
    for x in (np.array([[2.0 + 1.0j]]), np.array([[2.0], [1.5]]), np.ones((3, 2, 1)) * (1 - 2j)):
        np.testing.assert_allclose(opad.linearize(transform, x).value, transform(x), atol=1e-14)
        check_derivative(transform, x, order=ORDER, raise_on_failure=True)
