"""scipy.signal on traced arrays: convolutions, filters and spectra, differentiated or refused by name.

Examples
--------
>>> import numpy as np, opad
>>> from opad.scipy import signal
>>> def last(pole):                                       # y[n] = pole y[n - 1] + x[n], x = 1, 1, 1
...     return signal.lfilter([1.0], [1.0, -pole], np.ones(3))[-1]
>>> opad.grad(last)(0.5) == 1 + 2 * 0.5
True
"""

import scipy.signal

from opad.scipy.mirrors import mirror_of, refuse
from opad.scipy.signal import convolution, filters, spectra  # noqa: F401  fill the register

_SHORT_TIME = "Use opad.scipy.signal.welch, or np.fft.rfft of windows made by indexing."

refuse(
    scipy.signal,
    stft=_SHORT_TIME,
    istft=_SHORT_TIME,
    spectrogram=_SHORT_TIME,
    coherence="Use opad.scipy.signal.csd and welch.",
    decimate="Use opad.scipy.signal.filtfilt or sosfiltfilt, then x[::q].",
    resample_poly="Use opad.scipy.signal.upfirdn.",
    convolve2d="Use opad.scipy.signal.convolve, after np.pad for other boundaries.",
    correlate2d="Use opad.scipy.signal.correlate, after np.pad for other boundaries.",
    medfilt="Use np.median of windows made by indexing.",
    deconvolve="Use opad.scipy.signal.lfilter.",
    hilbert2="Use np.fft.fft2.",
    freqz="Use np.polyval(b[::-1], np.exp(-1j * w)) / np.polyval(a[::-1], np.exp(-1j * w)).",
)


def __getattr__(name):
    return mirror_of(scipy.signal, name)


def __dir__():
    return dir(scipy.signal)
