"""Functions of matrices where eigenvalues or singular values repeat.

What is claimed: functions of a matrix written through eigh or svd are smooth where the spectrum is degenerate, but
their derivatives, taken through the decomposition, divide by differences of eigenvalues: reverse mode of torch and jax
gives NaN or loses digits. The Daleckii-Krein formula (Higham 2008, theorem 3.11), Sylvester equations and Noferini's
formula for singular values (2017) have no such differences.

    spectra.py    gradients at degenerate points, with torch and jax beside them where installed
"""

from papers.degenerate import spectra

TITLE = "Derivatives of matrix functions at degenerate spectra"
SOURCE = "Higham, Functions of Matrices, 2008; Noferini, SIAM J. Matrix Anal. Appl. 38(2), 2017"
EXPERIMENTS = spectra.EXPERIMENTS
