"""scipy.linalg on traced arrays: every function under its own name, differentiated or refused.

Examples
--------
>>> import numpy as np, opad, opad.scipy.linalg
>>> c = np.array([2.0, 1.0, 0.0])
>>> opad.grad(lambda c: opad.scipy.linalg.solve_toeplitz(c, np.ones(3)) @ np.ones(3))(c)
array([-0.5,  0. , -0.5])
"""

import scipy.linalg

from opad.scipy.linalg import decompositions, equations, functions, matrices, solving  # noqa: F401  fill the register
from opad.scipy.mirrors import constant_mirrors, mirror_of, refuse

_BASIS = "Its basis is arbitrary; use the projector onto the space, made with opad.scipy.linalg.pinv."
_FACTORS = "Its factors are not unique; use functions of the matrix (sqrtm, logm, solve_sylvester), qr or svd."

constant_mirrors(scipy.linalg, "bandwidth", "ishermitian", "issymmetric")
refuse(
    scipy.linalg,
    null_space=_BASIS,
    orth=_BASIS,
    schur=_FACTORS,
    hessenberg=_FACTORS,
    qz=_FACTORS,
    ordqz=_FACTORS,
    cossin=_FACTORS,
    ldl="Use opad.scipy.linalg.cholesky or lu.",
    rq="Use opad.scipy.linalg.qr of the rows in reversed order.",
    qr_multiply="Use opad.scipy.linalg.qr.",
    cholesky_banded="Use opad.scipy.linalg.solveh_banded.",
    eig_banded="Use opad.scipy.linalg.eigh of the matrix.",
    eigvals_banded="Use opad.scipy.linalg.eigvalsh of the matrix.",
    funm="Use expm, logm, sqrtm, signm, fractional_matrix_power, or opad.manifolds.symfun for Hermitian matrices.",
    subspace_angles="Use opad.scipy.linalg.svdvals of Q_A^H Q_B, with opad.scipy.linalg.qr.",
)


def __getattr__(name):
    return mirror_of(scipy.linalg, name)


def __dir__():
    return dir(scipy.linalg)
