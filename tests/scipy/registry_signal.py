"""Entries for scipy.signal."""

import numpy as np

import opad.scipy.signal as ss
from tests.scipy.registry import case

for _f in (ss.convolve, ss.fftconvolve, ss.oaconvolve, ss.correlate):
    for _mode in ("full", "same", "valid"):
        for _shapes in [((6,), (3,)), ((3,), (6,)), ((4, 5), (2, 3))]:
            case(_f, lambda a, b, f=_f, m=_mode: f(a, b, mode=m), *_shapes, name=f"{_mode} {_shapes}")
for _method in ("direct", "fft"):
    case(ss.convolve, lambda a, b, m=_method: ss.convolve(a, b, method=m), (6,), (3,), name=_method)
    case(ss.correlate, lambda a, b, m=_method: ss.correlate(a, b, "same", m), (6,), (4,), name=_method)
for _f in (ss.fftconvolve, ss.oaconvolve):
    case(_f, lambda a, b, f=_f: f(a, b, mode="same", axes=-1), (2, 6), (1, 3), name="axes")
    case(_f, lambda a, b, f=_f: f(a, b, axes=[0, 2]), (3, 2, 4), (2, 2, 3), name="axes")

A = "dominant"  # coefficients with zeros inside the unit circle
case(ss.lfilter, ss.lfilter, (3,), (3,), (8,), kinds=("any", A, "any"))
case(ss.lfilter, ss.lfilter, (4,), (2,), (2, 7), kinds=("any", A, "any"))
case(ss.lfilter, ss.lfilter, (5,), (1,), (3,), kinds=("any", A, "any"), name="longer than the signal")
case(ss.lfilter, lambda b, a, x: ss.lfilter(b, a, x, axis=0), (2,), (3,), (7, 2), kinds=("any", A, "any"))
for _n in (8, 2):
    case(ss.lfilter, lambda b, a, x, z: ss.lfilter(b, a, x, zi=z), (2,), (4,), (_n,), (3,),
         kinds=("any", A, "any", "any"), name="state")  # fmt: skip
case(ss.lfilter, lambda b, a, x, z: ss.lfilter(b, a, x, axis=0, zi=z), (3,), (2,), (6, 2), (2, 1),
     kinds=("any", A, "any", "any"), name="state, axis")  # fmt: skip
case(ss.lfilter_zi, ss.lfilter_zi, (2,), (3,), kinds=("any", A))
for _pad in ("odd", "even", "constant", None):
    case(ss.filtfilt, lambda b, a, x, p=_pad: ss.filtfilt(b, a, x, padtype=p), (3,), (3,), (2, 12),
         kinds=("any", A, "any"), name=f"{_pad}", complex=False)  # fmt: skip
case(ss.filtfilt, lambda b, a, x: ss.filtfilt(b, a, x, axis=0, padlen=2), (2,), (3,), (8, 2), kinds=("any", A, "any"),
     complex=False)  # fmt: skip


def sections(b, a):
    """Second-order sections with leading coefficient one."""
    return np.concatenate([b, np.ones((2, 1), b.dtype), a / 4], axis=1)


case(ss.sosfilt, lambda b, a, x: ss.sosfilt(sections(b, a), x), (2, 3), (2, 2), (2, 7), complex=False)
case(ss.sosfilt, lambda b, a, x: ss.sosfilt(sections(b, a), x, axis=0), (2, 3), (2, 2), (7, 2), complex=False)
case(ss.sosfiltfilt, lambda b, a, x: ss.sosfiltfilt(sections(b, a), x), (2, 3), (2, 2), (20,), complex=False)
for _mode in ("interp", "mirror", "nearest", "wrap", "constant"):
    case(ss.savgol_filter, lambda x, m=_mode: ss.savgol_filter(x, 5, 2, mode=m, cval=0.5), (2, 9), complex=False)
case(ss.savgol_filter, lambda x: ss.savgol_filter(x, 5, 3, deriv=1, delta=0.5, axis=0), (9, 2), complex=False)
case(ss.upfirdn, lambda h, x: ss.upfirdn(h, x, 3, 2), (4,), (2, 5))
case(ss.upfirdn, lambda h, x: ss.upfirdn(h, x, axis=0), (2,), (5, 2))

for _n in (None, 5, 12):
    case(ss.hilbert, lambda x, n=_n: np.imag(ss.hilbert(x, n)), (2, 8), complex=False)
case(ss.hilbert, lambda x: np.abs(ss.hilbert(x, axis=0)), (7, 2), complex=False)
case(ss.detrend, ss.detrend, (2, 7))
case(ss.detrend, lambda x: ss.detrend(x, axis=0, bp=[3]), (8, 2))
case(ss.detrend, lambda x: ss.detrend(x, type="constant"), (2, 7))
for _n, _num in [(8, 12), (8, 5), (8, 6), (7, 12), (7, 4), (6, 6)]:
    case(ss.resample, lambda x, k=_num: ss.resample(x, k), (_n, 2), name=f"{_n} to {_num}")
case(ss.resample, lambda x: ss.resample(x, 5, axis=1), (2, 8))
case(ss.welch, lambda x: ss.welch(x, nperseg=6)[1], (2, 15))
case(ss.welch, lambda x: ss.welch(x, 10.0, "hamming", 5, 2, 8, "linear", scaling="spectrum", axis=0)[1], (15, 2))
case(ss.welch, lambda x: ss.welch(x, nperseg=6, detrend=False, return_onesided=False)[1], (15,))
case(ss.csd, lambda x, y: np.real(ss.csd(x, y, nperseg=6)[1]), (2, 15), (2, 15))
case(ss.periodogram, lambda x: ss.periodogram(x)[1], (2, 9))
case(ss.periodogram, lambda x: ss.periodogram(x, 2.0, "hann", 6, scaling="spectrum")[1], (9,))
case(ss.sosfilt_zi, lambda b, a: ss.sosfilt_zi(sections(b, a)), (2, 3), (2, 2), complex=False)
for _n, _up, _down in [(12, 3, 2), (11, 2, 3), (9, 1, 4), (7, 5, 1), (5, 2, 4), (6, 2, 2)]:
    case(ss.resample_poly, lambda x, u=_up, d=_down: ss.resample_poly(x, u, d), (_n, 2), name=f"{_n} {_up}/{_down}")
case(ss.resample_poly, lambda x: ss.resample_poly(x, 2, 1, axis=1, window=np.array([0.5, 1.0, 0.5])), (2, 6),
     single=False)  # fmt: skip
for _f in (ss.convolve2d, ss.correlate2d):
    for _mode in ("full", "same", "valid"):
        for _shapes in [((4, 5), (2, 3)), ((5, 5), (2, 2))]:
            case(_f, lambda a, b, f=_f, m=_mode: f(a, b, m), *_shapes, name=f"{_mode} {_shapes}")
case(ss.freqz, lambda b, a: np.abs(ss.freqz(b, a, 8)[1]), (3,), (3,), kinds=("any", A), single=False)
case(ss.freqz, lambda b: np.real(ss.freqz(b, worN=[0.1, 0.3], fs=2.0)[1]), (4,), single=False)
case(ss.coherence, lambda x, y: ss.coherence(x, y, nperseg=6)[1], (2, 15), (2, 15), complex=False)
case(ss.spectrogram, lambda x: ss.spectrogram(x, 2.0, nperseg=6)[2], (2, 15), complex=False)
case(
    ss.spectrogram, lambda x: ss.spectrogram(x, window="hann", nperseg=6, noverlap=3, axis=0)[2], (15, 2), complex=False
)
for _options in [{}, {"padded": False}, {"boundary": None, "nfft": 8}, {"detrend": "constant", "scaling": "psd"}]:
    case(
        ss.stft,
        lambda x, o=_options: np.real(ss.stft(x, nperseg=6, **o)[2]),
        (2, 16),
        complex=False,
        name=f"{_options}",
    )
case(ss.stft, lambda x: np.imag(ss.stft(x, nperseg=5, axis=0, return_onesided=False)[2]), (16, 2))
