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

from opad.scipy.mirrors import constant_mirrors, mirror_of, refuse
from opad.scipy.signal import convolution, filters, spectra  # noqa: F401  fill the register

constant_mirrors(scipy.signal, "argrelextrema", "argrelmax", "argrelmin", "choose_conv_method")
refuse(
    scipy.signal,
    istft="Use opad.scipy.signal.stft, or np.fft.irfft of windows that are added up.",
    decimate="Use opad.scipy.signal.filtfilt or sosfiltfilt, then x[::q].",
    medfilt="Use np.median of windows made by indexing.",
    deconvolve="Use opad.scipy.signal.lfilter.",
    hilbert2="Use np.fft.fft2.",
    find_peaks="Use opad.scipy.signal.argrelmax, whose positions are constant, and index with them.",
)


def __getattr__(name):
    return mirror_of(scipy.signal, name)


def __dir__():
    return dir(scipy.signal)
