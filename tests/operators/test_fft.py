"""Transforms against the matrix of their definition, w^(j k), and every combination of length and norm."""

import numpy as np
import pytest

import opad.operators as ops

SCALE = {"backward": lambda n: 1.0, "ortho": lambda n: n**-0.5, "forward": lambda n: 1.0 / n}
NORMS = list(SCALE)


def fourier_matrix(n, length):
    """exp(-2 pi i j k / n) for j < n and the first `length` of k, cut or padded as NumPy does."""
    j, k = np.arange(n)[:, None], np.arange(length)
    return np.where(k < n, np.exp(-2j * np.pi * j * k / n), 0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 1, 4, 5, 6, 7])
def test_fft(n, norm):
    size = n or 5
    F = SCALE[norm](size) * fourier_matrix(size, 5)
    op = ops.FFT((5,), n=n, norm=norm)
    np.testing.assert_allclose(op.todense(), F, atol=1e-13)
    np.testing.assert_allclose(op.H.todense(), F.conj().T, atol=1e-13)
    inverse_scale = {"backward": 1 / size, "ortho": size**-0.5, "forward": 1.0}[norm]
    op = ops.FFT((5,), n=n, norm=norm, inverse=True)
    np.testing.assert_allclose(op.todense(), inverse_scale * fourier_matrix(size, 5).conj(), atol=1e-13)
    np.testing.assert_allclose(op.H.todense(), inverse_scale * fourier_matrix(size, 5).T, atol=1e-13)


def test_fft_of_several_axes():
    op = ops.FFT((3, 4))
    matrix = np.kron(fourier_matrix(3, 3), fourier_matrix(4, 4))
    np.testing.assert_allclose(op.todense(), matrix, atol=1e-13)
    op = ops.FFT((3, 4), n=(5, 2), axes=(1, 0))
    matrix = np.kron(fourier_matrix(2, 3), fourier_matrix(5, 4))
    np.testing.assert_allclose(op.todense(), matrix, atol=1e-13)
    np.testing.assert_allclose(op.H.todense(), matrix.conj().T, atol=1e-13)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 1, 2, 4, 5, 6, 7])
def test_rfft(n, norm):
    size = n or 5
    F = SCALE[norm](size) * fourier_matrix(size, 5)[: size // 2 + 1]
    matrix = np.vstack([F.real, F.imag])
    op = ops.RFFT((5,), n=n, norm=norm)
    applied = np.array([op.apply(e) for e in np.eye(5)]).T
    np.testing.assert_allclose(applied, F, atol=1e-13)
    half = matrix.shape[0] // 2
    pulled = [op.apply_adjoint(e[:half] + 1j * e[half:]) for e in np.eye(2 * half)]
    np.testing.assert_allclose(pulled, matrix, atol=1e-13)
    assert pulled[0].dtype == float


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 1, 2, 4, 5, 6, 7, 8, 9])
def test_irfft(n, norm):
    m, size = 4, n or 6
    basis = [*np.eye(m), *(1j * np.eye(m))]
    matrix = np.array([np.fft.irfft(e, n, norm=norm) for e in basis]).T
    op = ops.IRFFT((m,), n=n, norm=norm)
    assert op.dimsd == (size,)
    pulled = np.array([op.apply_adjoint(e) for e in np.eye(size)])
    np.testing.assert_allclose(np.hstack([pulled.real, pulled.imag]), matrix, atol=1e-13)


def test_single_precision_is_kept():
    x = np.ones(4, np.complex64)
    assert ops.FFT((4,)).apply(x).dtype == np.complex64
    assert ops.RFFT((4,)).apply_adjoint(np.ones(3, np.complex64)).dtype == np.float32
