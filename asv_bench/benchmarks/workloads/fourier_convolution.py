"""A periodic convolution by FFT: sum((kernel * image - target)**2); gradient with respect to the kernel.

Sizes are (n, k): images of n x n pixels, a kernel of k x k.
"""

import numpy as np

SIZES = [(32, 8), (256, 64)]
DTYPES = ["float64"]
REMARK = "the FFT is NumPy’s, that of jax is faster"


def inputs(size, dtype):
    n, k = size
    rng = np.random.default_rng(0)
    image, target = rng.standard_normal((2, n, n)).astype(dtype)
    return (rng.standard_normal((k, k)) / k).astype(dtype), (image, target)


def loss(kernel, image, target, np=np):
    shape = image.shape
    product = np.fft.rfft2(kernel, s=shape) * np.fft.rfft2(image)
    return np.sum((np.fft.irfft2(product, s=shape) - target) ** 2)


def numpy_by_hand(kernel, image, target, fft=np.fft):
    (n, m), k = image.shape, len(kernel)
    half = m // 2 + 1
    spectrum, product = np.empty((2, n, half), complex)
    rows, cropped = np.empty((k, half), complex), np.empty((k, m))
    R, result = np.empty_like(image), np.empty_like(kernel)

    def residual():
        fft.rfft(image, axis=1, out=spectrum)
        fft.fft(spectrum, axis=0, out=spectrum)
        fft.rfft(kernel, m, axis=1, out=rows)
        fft.fft(rows, n, axis=0, out=product)
        np.multiply(product, spectrum, product)
        fft.ifft(product, axis=0, out=product)
        fft.irfft(product, m, axis=1, out=R)
        np.subtract(R, target, R)

    def forward():
        residual()
        return np.vdot(R, R)

    def gradient():
        residual()
        np.add(R, R, R)
        fft.rfft(R, axis=1, out=product)
        fft.fft(product, axis=0, out=product)
        np.multiply(product, np.conj(spectrum, spectrum), product)
        fft.ifft(product, axis=0, out=product)
        fft.irfft(product[:k], m, axis=1, out=cropped)  # only k rows and columns are asked for
        result[:] = cropped[:, :k]
        return result

    return forward, gradient
