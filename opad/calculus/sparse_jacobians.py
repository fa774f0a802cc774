"""Sparse Jacobians and Hessians: structured blocks multiplied as sparse matrices, without colouring."""

from functools import wraps

from opad.calculus.engine import Run, positions
from opad.calculus.gradients import grad
from opad.calculus.linearization import Linearization
from opad.calculus.planning import Planner


def sparse_jacobian(f, argnums=0, order="auto", max_bytes=None):
    """A function that returns the Jacobian of f as a scipy.sparse array.

    The blocks of elementwise functions are diagonal, those of indexing, shifting, padding and summing are sparse with
    a few elements per row; the elimination multiplies them as such. Neither a dense intermediate nor a colouring of
    columns takes part, and the sparsity pattern need not be known. Elements that happen to be zero may be stored.

    Parameters
    ----------
    f : callable
    argnums : int or tuple of ints
    order : as for `opad.jacobian`; "forward" and "reverse" are orders of elimination here
    max_bytes : int, optional
        What a single dense block may take: blocks without a sparse form (solves, transforms, functions of the user's
        own without a `structure()`) are accumulated densely.

    Returns
    -------
    callable; returns a scipy.sparse.csr_array of shape (M, N), all elements of the result (C order, one leaf after
    another) by all elements of the arguments

    Raises
    ------
    AccumulationError, RealLinearError, EliminationOrderError, PlanMismatchError

    Examples
    --------
    >>> import numpy as np, opad
    >>> def residual(u):
    ...     padded = np.pad(u, 1)
    ...     return padded[2:] - 2 * u + padded[:-2] + np.exp(u)
    >>> opad.sparse_jacobian(residual)(np.zeros(4)).toarray()
    array([[-1.,  1.,  0.,  0.],
           [ 1., -1.,  1.,  0.],
           [ 0.,  1., -1.,  1.],
           [ 0.,  0.,  1., -1.]])

    References
    ----------
    A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed., SIAM, 2008, chapter 9.
    """
    planner = Planner(order, sparse=True)

    @wraps(f)
    def sparse(*args, **kwargs):
        linearization = Linearization(Run(f, args, kwargs, positions(argnums, args, f), kept=True))
        return linearization.jacobian_matrix(planner, sparse=True, max_bytes=max_bytes)

    sparse.report = planner.report
    return sparse


def sparse_hessian(f, argnums=0, order="auto", max_bytes=None):
    """A function that returns the Hessian of a scalar function as a scipy.sparse array.

    It is the sparse Jacobian of the gradient; f is best written as a sum of terms of few variables each.

    Parameters
    ----------
    f : callable returning one real number
    argnums : int
    order, max_bytes : as for `sparse_jacobian`

    Returns
    -------
    callable; returns a scipy.sparse.csr_array of shape (N, N)

    Examples
    --------
    >>> import numpy as np, opad
    >>> def rosenbrock(x):
    ...     return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> opad.sparse_hessian(rosenbrock)(np.zeros(3)).toarray()
    array([[  2.,   0.,   0.],
           [  0., 202.,   0.],
           [  0.,   0., 200.]])
    """
    return sparse_jacobian(grad(f, argnums), argnums, order, max_bytes)
