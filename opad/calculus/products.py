"""Products with Jacobians and Hessians: jvp, vjp, hvp, and the operators they come from."""

from opad.calculus import pytrees
from opad.calculus.compiled_jacobian import CompiledJacobian, derived, is_compiled
from opad.calculus.engine import Run, positions
from opad.calculus.gradients import grad
from opad.calculus.linearization import Linearization
from opad.operators import Operator
from opad.tracing.trace import push_forward


def jvp(f, primals, tangents):
    """The value of f and its directional derivative, by one forward substitution.

    Parameters
    ----------
    f : callable
    primals : tuple of arguments
    tangents : tuple of directions, structured and shaped like `primals`

    Returns
    -------
    (value, tangent of the value)

    Examples
    --------
    >>> import opad
    >>> opad.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (np.float64(6.0), np.float64(3.0))
    """
    run = Run(f, tuple(primals), {}, range(len(primals)))
    leaves = run.directions(tangents)
    x = [None] * len(run.records)
    x[: len(leaves)] = leaves
    push_forward(run.records, len(leaves), x, [index for _, index in run.outputs])
    tangents = [None if i is None else x[i] for _, i in run.outputs]
    out = pytrees.fresh_leaves(tangents, run.results, leaves)
    return run.value, pytrees.unflatten(run.structure, out)


def vjp(f, *primals):
    """The value of f and its pullback, a function from cotangents of the value to cotangents of the arguments.

    Parameters
    ----------
    f : callable
    *primals : arguments

    Returns
    -------
    (value, pullback); pullback(g) returns a tuple with one cotangent per primal and may be called any number of times

    Examples
    --------
    >>> import opad
    >>> value, pullback = opad.vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> pullback(1.0)
    (3.0, 2.0)
    """
    linearization = Linearization.at(f, *primals)
    return linearization.value, linearization.vjp


def hvp(f, primals, tangents):
    """The Hessian of a scalar function times a direction: forward substitution through back substitution.

    Parameters
    ----------
    f : callable returning one real number
    primals, tangents : tuples, one entry per argument

    Returns
    -------
    tuple with one array per argument

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """
    return jvp(grad(f, tuple(range(len(primals)))), primals, tangents)[1]


def jacobian_operator(f, *args, argnums=0):
    """The Jacobian of f at a point as an Operator, for SciPy's and PyLops' solvers.

    Parameters
    ----------
    f : callable
        If it is compiled (`opad.compile`), so are the products: each is recorded once for all points, what depends on
        the point alone is computed once for every point, and sums of scaled matrices are left to BLAS. They are as
        exact as products with the assembled matrix. The arguments are copied.
    *args : the point
    argnums : int or tuple of ints, the arguments that vary

    Returns
    -------
    Operator with dims = shape of the argument and dimsd = shape of the result (tuples of shapes for several), and with
    the result as `value`

    Examples
    --------
    >>> import numpy as np, opad
    >>> J = opad.jacobian_operator(np.cumsum, np.array([1.0, 2.0]))
    >>> J.todense()
    array([[1., 0.],
           [1., 1.]])
    >>> f = opad.compile(lambda x, A: np.tanh(A @ x))
    >>> J = opad.jacobian_operator(f, np.zeros(2), np.eye(2))
    >>> J @ np.array([1.0, 2.0]), J.value
    (array([1., 2.]), array([0., 0.]))
    """
    if is_compiled(f, args):
        return CompiledJacobian(f, args, positions(argnums, args, f))
    return Linearization(Run(f, args, {}, positions(argnums, args, f), kept=True)).jacobian


def gauss_newton_operator(residual, x):
    """J^H J, the Gauss-Newton approximation to the Hessian of ||residual(x)||^2 / 2, as an Operator.

    Parameters
    ----------
    residual : callable returning an array
    x : array

    Examples
    --------
    >>> import numpy as np, opad
    >>> opad.gauss_newton_operator(lambda x: 2 * x, np.ones(2)).todense()
    array([[4., 0.],
           [0., 4.]])
    """
    J = jacobian_operator(residual, x)
    return J.H @ J


class HessianOperator(Operator):
    """The Hessian of a scalar function at a point, self-adjoint.  Forward and adjoint: d grad f(x)[dX].

    Parameters
    ----------
    operator : the Jacobian of the gradient, as `jacobian_operator` returns it

    Attributes
    ----------
    gradient : the gradient at the point
    """

    def __init__(self, operator):
        self.operator = operator
        self.gradient = operator.value
        self.dims = self.dimsd = self.operator.dims
        self.dtype = self.operator.dtype

    def apply(self, X):
        return self.operator.apply(X)

    apply_adjoint = apply


def hessian_operator(f, x):
    """The Hessian of a scalar function at x as an Operator; each product costs a few evaluations of f.

    Parameters
    ----------
    f : callable returning one real number; for one of `opad.compile` see `jacobian_operator`
    x : array

    Returns
    -------
    Operator, with the gradient at x as `gradient`

    Examples
    --------
    >>> import numpy as np, opad
    >>> H = opad.hessian_operator(lambda x: np.sum(x**4) / 12, np.array([1.0, 2.0]))
    >>> H @ np.array([1.0, 1.0])
    array([1., 4.])
    """
    gradient = derived(f, "gradient", grad(f.function)) if is_compiled(f, (x,)) else grad(f)
    return HessianOperator(jacobian_operator(gradient, x))
