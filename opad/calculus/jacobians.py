"""Dense Jacobians and Hessians: by elimination, or all columns or rows in one substitution, whichever is cheaper."""

from functools import wraps

import numpy as np

from opad.calculus import pytrees
from opad.calculus.engine import Run, positions
from opad.calculus.gradients import grad
from opad.calculus.linearization import Linearization
from opad.calculus.matrices import jacobian_table
from opad.calculus.planning import Planner


def jacobian(f, argnums=0, order="auto", max_bytes=None):
    """A function that returns the dense Jacobian of f.

    Parameters
    ----------
    f : callable
    argnums : int or tuple of ints
    order : str, EliminationPlan or sequence of int
        "forward", "reverse": substitution with all columns, or all rows, at once. "markowitz", "markowitz_last",
        "minimum_fill", "single_use_first", "exact", "annealing", a plan made by `opad.plan_elimination`, or a sequence
        of rows of the system: elimination of the inner variables in that order. "auto": what takes least time under
        the cost model, chosen once per program; the returned function's `report()` tells what that was.
    max_bytes : int, optional; what a single dense block may take during an elimination

    Returns
    -------
    callable; returns an array of shape (*result shape, *argument shape). Containers in the result or in the argument,
    or a tuple of argnums, give the corresponding containers of Jacobians.

    Raises
    ------
    EliminationOrderError
        For an unknown order, or a sequence that misses or repeats a variable.
    PlanMismatchError, AccumulationError, RealLinearError
        For a plan of another program, a block beyond max_bytes, a function that is not holomorphic in a complex
        argument.

    Notes
    -----
    Arrays that are not NumPy's (traced ones, when a Jacobian is itself differentiated; arrays on a device) are always
    differentiated by substitution, with the same result.

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    >>> J = opad.jacobian(lambda x: np.outer(x, x) @ x, order="markowitz")
    >>> J(np.array([1.0, 2.0]))
    array([[ 7.,  4.],
           [ 4., 13.]])

    References
    ----------
    A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed., SIAM, 2008, chapters 9 and 10.
    """
    planner = Planner(order)

    @wraps(f)
    def dense(*args, **kwargs):
        run = Run(f, args, kwargs, positions(argnums, args, f), kept=True)
        linearization = Linearization(run)
        table = jacobian_table(linearization, planner, max_bytes)
        per_output = [run.by_argument(blocks) for blocks in table]
        picked = [trees[0] if isinstance(argnums, int | np.integer) else tuple(trees) for trees in per_output]
        return pytrees.unflatten(run.structure, picked)

    dense.report = planner.report
    return dense


def hessian(f, argnums=0):
    """A function that returns the dense Hessian of a scalar function, shape (*argument shape, *argument shape).

    Parameters
    ----------
    f : callable returning one real number
    argnums : int

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.hessian(lambda x: x[0] * x[1])(np.array([1.0, 2.0]))
    array([[0., 1.],
           [1., 0.]])
    """
    return jacobian(grad(f, argnums), argnums, order="forward")
