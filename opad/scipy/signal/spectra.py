"""scipy.signal: trends, resampling and spectra."""

import warnings
from itertools import pairwise

import numpy as np
import scipy.signal

from opad.scipy.mirrors import mirror
from opad.tracing.rules.helpers import as_dtype, wants


@mirror(scipy.signal.hilbert, scipy.signal)
def hilbert(x, N=None, axis=-1):
    """The transform without its negative frequencies."""
    if x.dtype.kind == "c":
        raise ValueError("x must be real.")
    n = np.shape(x)[axis] if N is None else N
    weights = np.zeros(n, x.dtype)
    weights[0], weights[1 : (n + 1) // 2] = 1, 2
    weights[n // 2] = 1 if n % 2 == 0 or n == 1 else weights[n // 2]
    spectrum = np.moveaxis(np.fft.fft(x, n, axis=axis), axis, -1)
    return np.moveaxis(np.fft.ifft(spectrum * weights), -1, axis)


@mirror(scipy.signal.detrend, scipy.signal)
def detrend(data, axis=-1, type="linear", bp=0):
    """What is orthogonal to the polynomials of degree 0 or 1, between break points."""
    if type in ("constant", "c"):
        return data - np.mean(data, axis, keepdims=True)
    x = np.moveaxis(data, axis, -1)
    breaks = np.unique([0, *np.atleast_1d(bp).tolist(), np.shape(x)[-1]]).tolist()
    pieces = []
    for start, stop in pairwise(breaks):
        steps = np.arange(1, stop - start + 1)
        Q = np.linalg.qr(np.stack([np.ones(len(steps)), steps / len(steps)], axis=1))[0].astype(x.dtype)
        piece = x[..., start:stop]
        pieces.append(piece - (piece @ Q) @ Q.T if len(steps) > 1 else piece - piece)
    return np.moveaxis(np.concatenate(pieces, axis=-1), -1, axis)


def _without_trend(pieces, type):
    return detrend(pieces, type=type)


@mirror(scipy.signal.resample, scipy.signal)
def resample(x, num, axis=0):
    """By the discrete Fourier transform; the unpaired frequency of an even length is split or joined."""
    if x.dtype.kind == "c":
        return resample(np.real(x), num, axis=axis) + 1j * resample(np.imag(x), num, axis=axis)
    x = np.moveaxis(x, axis, -1)
    n = np.shape(x)[-1]
    kept = min(n, num)
    weights = np.full(kept // 2 + 1, num / n).astype(x.dtype)
    if kept % 2 == 0 and n != num:
        weights[-1] *= 2 if num < n else 0.5
    return np.moveaxis(np.fft.irfft(np.fft.rfft(x)[..., : kept // 2 + 1] * weights, num), -1, axis)


def _window_of(window, nperseg, n):
    """(window, its length), as SciPy's spectral functions choose them."""
    if isinstance(window, str | tuple):
        length = 256 if nperseg is None else int(nperseg)
        if length > n:
            warnings.warn(f"nperseg = {length} is greater than input length {n}, using nperseg = {n}", stacklevel=2)
            length = n
        return scipy.signal.get_window(window, length), length
    window = np.asarray(window)
    if nperseg not in (None, len(window)):
        raise ValueError("value specified for nperseg is different from length of window")
    return window, len(window)


def _segments(x, length, step):
    """Overlapping windows along the last axis."""
    return x[..., np.arange(0, np.shape(x)[-1] - length + 1, step)[:, None] + np.arange(length)]


def _cross_spectra(name, x, y, fs, window, nperseg, noverlap, nfft, trend, return_onesided, scaling, axis):
    """(frequencies, cross spectrum of every segment, with frequency as the last axis and segments before it)."""
    x = np.moveaxis(x, axis, -1)
    y = x if y is None else np.moveaxis(y, axis, -1)
    n = np.shape(x)[-1]
    if np.shape(y)[-1] != n:
        raise wants(name, f"signals of lengths {n} and {np.shape(y)[-1]}", "equal lengths; use np.pad")
    if scaling not in ("density", "spectrum"):
        raise wants(name, f"scaling={scaling!r}", "'density' or 'spectrum'")
    window, length = _window_of(window, nperseg, n)
    nfft = length if nfft is None else int(nfft)
    step = length - (length // 2 if noverlap is None else int(noverlap))
    real = x.dtype.kind != "c" and y.dtype.kind != "c" and return_onesided
    precision = np.finfo(np.result_type(x.dtype, y.dtype, np.complex64)).dtype  # as SciPy
    weights = window.astype(precision)
    transform, frequencies = (np.fft.rfft, np.fft.rfftfreq) if real else (np.fft.fft, np.fft.fftfreq)

    def spectra(signal):
        pieces = _segments(as_dtype(signal, np.result_type(signal.dtype, precision), name), length, step)
        return transform((_without_trend(pieces, trend) if trend else pieces) * weights, nfft)

    X = spectra(x)
    scale = 1 / (fs * np.sum(window**2)) if scaling == "density" else 1 / np.sum(window) ** 2
    factors = np.full(nfft // 2 + 1 if real else nfft, scale)
    if real:
        factors[1 : len(factors) if nfft % 2 else -1] *= 2
    S = np.conj(X) * (X if y is x else spectra(y)) * factors.astype(precision)
    return frequencies(nfft, 1 / fs), S


def _mean_spectrum(name, *arguments):
    """(frequencies, the mean over segments), frequency along the axis of the signal."""
    frequencies, S = _cross_spectra(name, *arguments)
    return frequencies, np.moveaxis(np.mean(S, axis=-2), -1, arguments[-1])


@mirror(scipy.signal.csd, scipy.signal)
def csd(
    x, y, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant", return_onesided=True,
    scaling="density", axis=-1,
):  # fmt: skip
    """The mean over segments."""
    return _mean_spectrum(
        "scipy.signal.csd", x, y, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis
    )


@mirror(scipy.signal.welch, scipy.signal)
def welch(
    x, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant", return_onesided=True,
    scaling="density", axis=-1,
):  # fmt: skip
    """The mean over segments."""
    frequencies, S = _mean_spectrum(
        "scipy.signal.welch", x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis
    )
    return frequencies, np.real(S)


@mirror(scipy.signal.coherence, scipy.signal)
def coherence(x, y, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant", axis=-1):
    """|Pxy|^2 / (Pxx Pyy)."""
    options = (fs, window, nperseg, noverlap, nfft, detrend, True, "density", axis)
    frequencies, Pxy = _mean_spectrum("scipy.signal.coherence", x, y, *options)
    Pxx, Pyy = (np.real(_mean_spectrum("scipy.signal.coherence", z, None, *options)[1]) for z in (x, y))
    return frequencies, np.abs(Pxy) ** 2 / Pxx / Pyy


@mirror(scipy.signal.periodogram, scipy.signal)
def periodogram(
    x, fs=1.0, window="boxcar", nfft=None, detrend="constant", return_onesided=True, scaling="density", axis=-1
):
    """One segment."""
    n = np.shape(x)[axis]
    if nfft is not None and nfft < n:
        x, n = np.moveaxis(np.moveaxis(x, axis, -1)[..., :nfft], -1, axis), nfft
    frequencies, S = _mean_spectrum(
        "scipy.signal.periodogram", x, None, fs, window, n, 0, nfft, detrend, return_onesided, scaling, axis
    )
    return frequencies, np.real(S)


@mirror(scipy.signal.spectrogram, scipy.signal)
def spectrogram(
    x, fs=1.0, window=("tukey", 0.25), nperseg=None, noverlap=None, nfft=None, detrend="constant",
    return_onesided=True, scaling="density", axis=-1,
):  # fmt: skip
    """Power spectra (mode 'psd'); time is the last axis."""
    n = np.shape(x)[axis]
    length = _window_of(window, nperseg, n)[1]
    noverlap = length // 8 if noverlap is None else int(noverlap)
    frequencies, S = _cross_spectra(
        "scipy.signal.spectrogram",
        x,
        None,
        fs,
        window,
        nperseg,
        noverlap,
        nfft,
        detrend,
        return_onesided,
        scaling,
        axis,
    )
    times = np.arange(length / 2, n - length / 2 + 1, length - noverlap) / fs
    S = np.real(S)
    return frequencies, times, np.moveaxis(np.swapaxes(S, -1, -2), -2, axis - 1 if axis < 0 else axis)


@mirror(scipy.signal.stft, scipy.signal)
def stft(
    x, fs=1.0, window="hann", nperseg=256, noverlap=None, nfft=None, detrend=False, return_onesided=True,
    boundary="zeros", padded=True, axis=-1, scaling="spectrum",
):  # fmt: skip
    """Transforms of overlapping windows of the signal, with zeros outside; time is the last axis."""
    if boundary not in ("zeros", None):
        raise wants("scipy.signal.stft", f"boundary={boundary!r}", "'zeros' or None")
    x = np.moveaxis(x, axis, -1)
    window, length = _window_of(window, nperseg, np.shape(x)[-1])
    nfft = length if nfft is None else int(nfft)
    step = length - (length // 2 if noverlap is None else int(noverlap))
    edge = length // 2 if boundary else 0
    n = np.shape(x)[-1] + 2 * edge
    rest = (-(n - length) % step) % length if padded else 0
    x = np.pad(x, [(0, 0)] * (np.ndim(x) - 1) + [(edge, edge + rest)])
    pieces = _segments(x, length, step)
    scale = 1 / np.sum(window) if scaling == "spectrum" else 1 / np.sqrt(fs * np.sum(window**2))
    real = x.dtype.kind != "c" and return_onesided
    transform, frequencies = (np.fft.rfft, np.fft.rfftfreq) if real else (np.fft.fft, np.fft.fftfreq)
    weights = (window * scale).astype(x.real.dtype)
    Z = transform((_without_trend(pieces, detrend) if detrend else pieces) * weights, nfft)
    times = (np.arange(length / 2, n + rest - length / 2 + 1, step) - edge) / fs
    return frequencies(nfft, 1 / fs), times, np.moveaxis(np.swapaxes(Z, -1, -2), -2, axis - 1 if axis < 0 else axis)
