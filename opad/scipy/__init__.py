"""SciPy's functions on traced arrays, where NumPy's protocols do not reach: linalg, special, sparse, signal.

Every function of these modules can be called through its mirror; on plain arrays the mirror is the function itself.

Examples
--------
>>> import numpy as np, opad
>>> from opad.scipy import linalg
>>> A = np.array([[2.0, 1.0], [0.0, 2.0]])                         # not diagonalisable
>>> opad.grad(lambda A: np.trace(linalg.logm(A)))(A)
array([[ 0.5 ,  0.  ],
       [-0.25,  0.5 ]])
"""

import importlib


def __getattr__(name):
    if name in ("linalg", "signal", "sparse", "special"):
        return importlib.import_module(f"opad.scipy.{name}")
    raise AttributeError(f"module 'opad.scipy' has no attribute {name!r}; expected linalg, signal, sparse or special")
