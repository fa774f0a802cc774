"""Rules of numpy.fft: the matrix of the transform, both modes, second order, dtypes and batch axes."""

import numpy as np
import pytest

import opad
from opad.errors import TracingError

FT = np.fft
ORDER = 2  # a transform is linear
NORMS = [None, "backward", "ortho", "forward"]


def cases():
    """(name, function, shape, whether the argument may be real, whether it may be complex)."""
    for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
        f = getattr(FT, name)
        takes_complex = name not in ("rfft", "ihfft")
        for n in (None, 3, 4, 7, 8):
            for shape, axis in [((5,), -1), ((4, 3), 0), ((2, 6), 1)]:
                yield f"{name} n={n} {shape}", lambda x, f=f, n=n, a=axis: f(x, n, a), shape, takes_complex
        for norm in NORMS:
            yield f"{name} norm={norm}", lambda x, f=f, norm=norm: f(x, norm=norm), (5,), takes_complex
        yield f"{name} n=1", lambda x, f=f: f(x, 1), (4,), takes_complex
    for name in ("fftn", "ifftn", "rfftn", "irfftn"):
        f = getattr(FT, name)
        takes_complex = name != "rfftn"
        for kwargs in ({}, {"axes": (0, 2)}, {"axes": (1,)}, {"s": (3, 5), "axes": (2, 1)}, {"axes": (-1, 0)}):
            yield f"{name} {kwargs}", lambda x, f=f, k=kwargs: f(x, **k), (2, 3, 4), takes_complex
        for norm in NORMS:
            yield f"{name} norm={norm}", lambda x, f=f, norm=norm: f(x, norm=norm), (3, 4), takes_complex
    for name in ("fft2", "ifft2", "rfft2", "irfft2"):
        f = getattr(FT, name)
        takes_complex = name != "rfft2"
        for kwargs in ({}, {"s": (4, 5)}, {"axes": (0, 1)}, {"norm": "ortho"}, {"s": (-1, 6)}):
            yield f"{name} {kwargs}", lambda x, f=f, k=kwargs: f(x, **k), (2, 3, 4), takes_complex
    for name in ("fftshift", "ifftshift"):
        f = getattr(FT, name)
        for axes in (None, 0, -1, (0, 1)):
            yield f"{name} {axes}", lambda x, f=f, a=axes: f(x, axes=a), (3, 4), True


CASES = list(cases())
all_cases = pytest.mark.parametrize("f, shape, takes_complex", [c[1:] for c in CASES], ids=[c[0] for c in CASES])


def points(rng, shape, takes_complex):
    x = rng.standard_normal(shape)
    yield x
    if takes_complex:
        yield x + 1j * rng.standard_normal(shape)


def direction(rng, a):
    E = rng.standard_normal(a.shape)
    return E + 1j * rng.standard_normal(a.shape) if a.dtype.kind == "c" else E


def inner(a, b):
    return float(np.sum(np.real(np.conj(a) * b)))


@all_cases
def test_both_modes(f, shape, takes_complex, rng):
    """A transform is its own differential: f(E); the pullback is checked against it by the dot test."""
    for x in points(rng, shape, takes_complex):
        E = direction(rng, x)
        value, tangent = opad.jvp(f, (x,), (E,))
        np.testing.assert_array_equal(value, f(x))
        np.testing.assert_allclose(tangent, f(E), atol=1e-12)
        assert tangent.dtype == f(x).dtype
        W = direction(rng, f(x))
        (gradient,) = opad.vjp(f, x)[1](W)
        assert gradient.dtype == x.dtype
        assert abs(inner(tangent, W) - inner(E, gradient)) <= 1e-11 * (1 + abs(inner(tangent, W)))


@all_cases
def test_second_order_and_batches(f, shape, takes_complex, rng):
    """Of sum |f(x)|^2 / 2 the gradient at E is the Hessian times E, as f is real-linear; hessian() solves batches."""

    def energy(x):
        return np.sum(np.abs(f(x) + 1.0) ** 2) / 2

    x, E = rng.standard_normal((2, *shape))
    expected = opad.grad(energy)(x + E) - opad.grad(energy)(x)
    np.testing.assert_allclose(opad.hvp(energy, (x,), (E,))[0], expected, atol=1e-10)
    H = opad.hessian(energy)(x)
    np.testing.assert_allclose(np.tensordot(H, E, axes=E.ndim), expected, atol=1e-10)


@all_cases
def test_single_precision_stays(f, shape, takes_complex, rng):
    for x in points(rng, shape, takes_complex):
        x = x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)
        assert opad.grad(lambda x: np.sum(np.abs(f(x)) ** 2))(x).dtype == x.dtype
        assert opad.jvp(f, (x,), (x,))[1].dtype == f(x).dtype


@pytest.mark.parametrize("norm", NORMS)
def test_the_jacobian_is_the_fourier_matrix(norm, rng):
    n = 6
    k = np.arange(n)
    scale = {None: 1, "backward": 1, "ortho": np.sqrt(n), "forward": n}[norm]
    F = np.exp(-2j * np.pi * np.outer(k, k) / n) / scale
    z = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    for order in ("forward", "reverse"):
        np.testing.assert_allclose(opad.jacobian(lambda z: FT.fft(z, norm=norm), order=order)(z), F, atol=1e-13)
    np.testing.assert_allclose(opad.jacobian(lambda x: FT.rfft(x, norm=norm))(z.real), F[: n // 2 + 1], atol=1e-13)
    np.testing.assert_allclose(opad.vjp(lambda z: FT.fft(z, norm=norm), z)[1](z)[0], F.conj().T @ z, atol=1e-13)


def test_gradient_through_a_real_transform_counts_inner_frequencies_once(rng):
    """Parseval for the half spectrum: x^T x n = |X_0|^2 + 2 sum |X_k|^2 + |X_{n/2}|^2."""
    x = rng.standard_normal(8)
    weights = np.array([1.0, 2, 2, 2, 1])
    gradient = opad.grad(lambda x: np.sum(weights * np.abs(FT.rfft(x)) ** 2))(x)
    np.testing.assert_allclose(gradient, 2 * 8 * x, rtol=1e-12)


def test_convolution_theorem(rng):
    a, b = rng.standard_normal((2, 7))
    W = rng.standard_normal(13)

    def by_transform(a, b):
        return np.sum(W * FT.irfft(FT.rfft(a, 13) * FT.rfft(b, 13), 13))

    expected = np.correlate(W, b, "valid"), np.correlate(W, a, "valid")
    for computed, reference in zip(opad.grad(by_transform, (0, 1))(a, b), expected, strict=True):
        np.testing.assert_allclose(computed, reference, atol=1e-12)


def test_frequencies_are_constant():
    x = np.ones(5)
    gradient = opad.grad(lambda x: np.sum(FT.fftfreq(x.size) * x) + np.sum(FT.rfftfreq(x.size) * x[:3]))(x)
    np.testing.assert_allclose(gradient, FT.fftfreq(5) + np.r_[FT.rfftfreq(5), 0, 0])


def test_writing_into_an_array_is_refused():
    with pytest.raises(TracingError, match="out"):
        opad.grad(lambda x: np.sum(np.abs(FT.fft(x, out=np.zeros(3, complex)))))(np.ones(3))


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "irfft2", "rfftn", "fftn"])
def test_gradients_are_those_of_torch(name, rng):
    torch = pytest.importorskip("torch")
    f, g = getattr(FT, name), getattr(torch.fft, name)
    for x in points(rng, (4, 5), name not in ("rfft", "rfftn", "ihfft")):
        W = direction(rng, f(x))
        tensor = torch.tensor(x, requires_grad=True)
        torch.real(torch.conj(torch.tensor(W)) * g(tensor)).sum().backward()
        np.testing.assert_allclose(opad.vjp(f, x)[1](W)[0], tensor.grad.resolve_conj().numpy(), atol=1e-12)
