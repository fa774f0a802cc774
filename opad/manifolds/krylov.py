"""SciPy's Krylov methods for maps of arrays, with an error that carries the residual."""

import numpy as np
from scipy.sparse.linalg import LinearOperator, cg, gmres

from opad.errors import ConvergenceError, IrregularConstraintError


def conjugate_gradients(apply, b, what, like=None):
    """(x, number of steps) with A x = b, for a self-adjoint positive semi-definite map of arrays and b in its range.

    The precision is that of the array `like`, if it is lower than that of b.

    Raises
    ------
    ConvergenceError
    """
    steps = []
    x = _solve(cg, apply, b, what, ConvergenceError, steps, like, maxiter=4 * b.size + 20)
    return x, len(steps)


def normal_equations(apply, b, like=None):
    """As `conjugate_gradients`, for D D^H of a constraint; raises `IrregularConstraintError`."""
    steps = []
    x = _solve(cg, apply, b, "D D^H of a constraint", IrregularConstraintError, steps, like, maxiter=4 * b.size + 20)
    return x, len(steps)


def general_minimal_residual(apply, b, like=None):
    """x with A x = b for a map close to a self-adjoint one, as in the steps of a Newton retraction."""
    restart = min(b.size, 60)
    return _solve(gmres, apply, b, "D(Y) D(X)^H of a retraction", IrregularConstraintError, None, like, restart=restart)


def _solve(method, apply, b, what, error, steps, like, **options):
    b = b if like is None or b.dtype.itemsize <= like.dtype.itemsize else b.astype(_precision(like, b))
    size = float(np.linalg.norm(b))
    if size == 0:
        return np.zeros_like(b)
    eps = float(np.finfo(b.dtype).eps)

    def flat(x):
        return apply(x.astype(b.dtype).reshape(b.shape)).reshape(-1)

    A = LinearOperator((b.size, b.size), matvec=flat, dtype=b.dtype)
    callback = None if steps is None else steps.append
    x, _ = method(A, b.reshape(-1) / b.dtype.type(size), rtol=4 * eps, atol=0.0, callback=callback, **options)
    residual = float(np.linalg.norm(flat(x) - b.reshape(-1) / size))
    if not residual < eps**0.6:
        message = (
            f"the Krylov iteration for {what} stopped at the relative residual {residual:.3g}; expected "
            f"{eps**0.6:.1g} or less. The operator is singular: the derivative loses rank at this point."
        )
        raise error(message, residual) if error is IrregularConstraintError else error(message)
    return (x * size).astype(b.dtype).reshape(b.shape)


def _precision(like, b):
    """The dtype of b in the precision of `like`: what the operator computes in, whatever constants it holds."""
    single = np.finfo(like.dtype).dtype == np.float32
    return np.dtype({"f": np.float32, "c": np.complex64}[b.dtype.kind]) if single else b.dtype
