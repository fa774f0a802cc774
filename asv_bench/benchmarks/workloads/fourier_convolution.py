"""A periodic convolution by FFT: sum((kernel * image - target)**2); gradient with respect to the kernel.

Sizes are (n, k): images of n x n pixels, a kernel of k x k.
"""

import numpy as np
import scipy.fft

SIZES = [(32, 8), (256, 64)]
DTYPES = ["float64"]


def inputs(size, dtype):
    n, k = size
    rng = np.random.default_rng(0)
    image, target = rng.standard_normal((2, n, n)).astype(dtype)
    return (rng.standard_normal((k, k)) / k).astype(dtype), (image, target)


def loss(kernel, image, target, np=np):
    shape = image.shape
    product = np.fft.rfft2(kernel, s=shape) * np.fft.rfft2(image)
    return np.sum((np.fft.irfft2(product, s=shape) - target) ** 2)


def numpy_by_hand(kernel, image, target):
    shape, k = image.shape, len(kernel)
    result = np.empty_like(kernel)

    def residual():
        spectrum = scipy.fft.rfft2(image)
        product = scipy.fft.rfft2(kernel, s=shape)
        np.multiply(product, spectrum, product)
        R = scipy.fft.irfft2(product, s=shape, overwrite_x=True)
        return spectrum, np.subtract(R, target, R)

    def forward():
        R = residual()[1]
        return np.vdot(R, R)

    def gradient():
        spectrum, R = residual()
        np.add(R, R, R)
        product = scipy.fft.rfft2(R, overwrite_x=True)
        np.multiply(product, np.conj(spectrum, spectrum), product)
        rows = scipy.fft.ifft(product, axis=0, overwrite_x=True)[:k]  # only k rows are asked for
        result[:] = scipy.fft.irfft(rows, n=shape[1], axis=1)[:, :k]
        return result

    return forward, gradient
