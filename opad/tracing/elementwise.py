"""Rules for functions that act element by element: one partial derivative per argument, one Hadamard block each."""

import inspect
from cmath import isfinite
from sys import getrefcount

import numpy as np

from opad.operators.algebra import Operator, Product, Wrapper
from opad.operators.dispatch import dispatchable
from opad.operators.elementwise import BroadcastHadamard, Hadamard, Scaling, expand_dims_to, sum_to_shape
from opad.operators.shaping import Broadcast
from opad.tracing.kept import KEEP_LIMIT, Space
from opad.tracing.primitives import RULES, Primitive, as_numpy_scalar, with_cast

_ndarray = np.ndarray
_PYTHON_NUMBERS = (float, int, complex, bool)


class Elementwise(Primitive):
    """y_i = f(a_i, b_i, …) with broadcasting: each block is a Hadamard product with a partial derivative."""

    takes_operands = True

    def __init__(self, function, partials):
        super().__init__(function)
        self.partials = partials
        self.used_by = [_used(partial) for partial in partials]

    def used(self, slots):
        used = [self.used_by[slot] for slot in slots]
        return None if None in used else frozenset().union(*used)

    def blocks(self, y, args, kwargs, parents, operands=None):
        """`operands`: what the partials are functions of, if not the arguments themselves."""
        found, operands = [], operands or args
        for slot, column in parents:
            partial = self.partials[slot]
            M = partial(y, *operands) if callable(partial) else partial
            if M is not None:
                found.append((column, _block(M, args[slot], y)))
        return found

    def adjoints(self, y, args, kwargs, parents):
        found, shape = [], getattr(y, "shape", None)
        for slot, column in parents:
            M, x = self.partials[slot], args[slot]
            dims = getattr(x, "shape", None)
            alike = shape is not None and dims is not None and x.dtype is y.dtype
            if alike and type(M) is int and M == 1:
                found.append((column, None if dims == shape else _sum_to(dims, len(shape))))
                continue
            alike = alike and dims == shape
            if callable(M):
                M = M(y, x) if len(args) == 1 else M(y, *args)
            if alike and type(M) is _ndarray and M.dtype.kind != "c":
                found.append((column, M.__mul__ if M.nbytes <= KEEP_LIMIT else LastProduct(M)))
            elif M is not None:
                block = _block(M, x, y)
                found.append((column, block and block.apply_adjoint))
        return None, found


def _sum_to(dims, ndim):
    return lambda Y: sum_to_shape(Y, dims, ndim)


def _used(partial):
    """Positions of a partial's parameters, the first being -1, whose names begin with no underscore; None for all."""
    if not callable(partial):
        return frozenset()
    try:
        parameters = inspect.signature(partial).parameters.values()
    except (TypeError, ValueError):  # no signature: some compiled functions
        return None
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return None
    return frozenset(k for k, p in enumerate(parameters, -1) if not p.name.startswith("_"))


def _block(M, x, y):
    """The block of the argument x where the partial is M; None for the identity."""
    number = type(M) in _PYTHON_NUMBERS
    try:
        if x.shape == y.shape and x.dtype is y.dtype:
            return Hadamard(M, y.shape) if not number else None if M == 1 else Scaling(M, y.shape)
    except AttributeError:  # a Python number
        x, y = as_numpy_scalar(x), as_numpy_scalar(y)
    if x.shape != y.shape:
        block = Broadcast(x.shape, y.shape) if number and M == 1 else BroadcastHadamard(M, x.shape, y.shape)
    elif number:
        block = None if M == 1 else Scaling(M, y.shape)
    else:
        block = Hadamard(M, y.shape)
    return with_cast(block, x, y)


class LastProduct:
    """Y -> M .* Y, once: the product with a large M takes the memory of M if nothing else refers to it."""

    __slots__ = ("M",)

    def __init__(self, M):
        self.M = M

    def __call__(self, Y):
        M, references = self.release()
        alone = references == _ALONE and M.base is None and M.flags.writeable
        fits = type(Y) is _ndarray and Y.shape == M.shape and Y.dtype is M.dtype
        return np.multiply(M, Y, out=M) if alone and fits else M * Y

    def release(self):
        """(M, how many refer to it), M being given away."""
        M, self.M = self.M, None
        return M, getrefcount(M)


_ALONE = LastProduct(np.empty(0)).release()[1]


_ARRAYS = frozenset({_ndarray})


def _is_pythons(a):
    """Whether a is a Python float, or stands for one while a program is recorded."""
    return type(a) is float or (type(getattr(a, "value", None)) is float and not hasattr(a, "tape"))


def _as_numpys(a, y, varies):
    """A Python float as NumPy's, if it varies or is 0, where Python's raises (1 / 0.0) or turns complex."""
    if varies:
        return np.positive(a)
    return np.positive(a, dtype=np.finfo(getattr(y, "dtype", float)).dtype) if a == 0 else a


class SingularElementwise(Elementwise):
    """An elementwise function whose partials may be infinite; there a zero (co)tangent stays zero."""

    adjoints = Primitive.adjoints

    def __init__(self, function, partials):
        super().__init__(function, partials)
        loops = getattr(function, "types", ())  # of NumPy's ufuncs: with "ld->d" alone, an order has to be an integer
        self.may_be_float = [any(loop[k] in "efd" for loop in loops) for k in range(len(partials))]

    def blocks(self, y, args, kwargs, parents):
        if not _ARRAYS.issuperset(map(type, args)):
            slots = [slot for slot, _ in parents]
            args = [_as_numpys(a, y, k in slots) if _is_pythons(a) else a for k, a in enumerate(args)]
        with np.errstate(all="ignore"):
            blocks = super().blocks(y, args, kwargs, parents, self.operands(y, args))
        return [(column, block if is_finite(block) else Masked(block)) for column, block in blocks]

    def operands(self, y, args):
        """The arguments in the precision of y: 1 / b of a float32 b has half of its digits, -b of a uint8 b is > 0."""
        dtype = getattr(y, "dtype", None)
        for a in args:
            if getattr(a, "dtype", dtype) is not dtype:
                return [self._widened(k, a, dtype) for k, a in enumerate(args)]
        return args

    def _widened(self, k, a, dtype):
        given = getattr(a, "dtype", None)
        if given is None or dtype is None or type(a) is Space or (given.kind not in "fc" and not self.may_be_float[k]):
            return a
        wide = np.result_type(given, np.finfo(dtype).dtype)
        return a if wide == given else a.astype(wide)


def is_finite(block):
    """True if no partial of an elementwise block is infinite or undefined."""
    M = getattr(block.left if type(block) is Product else block, "M", None)
    if M is None:
        return True
    while hasattr(M, "tape"):
        M = M.value
    if not getattr(M, "ndim", 0):
        return isfinite(M) if isinstance(M, float | complex) else bool(np.isfinite(M))
    square = np.vdot(M, M)  # at the speed of BLAS; overflow only sends a finite block the careful way
    return isfinite(square) if isinstance(square, float | complex) else bool(np.isfinite(square))


class Masked(Wrapper):
    """An elementwise block with infinite partials.  Forward and adjoint as `op`, but 0 where the argument is 0.

    A branch that np.where did not take sends back exact zeros; 0 * inf must not make them NaN. Partials are masked
    before the product, so that derivatives of the block are free of NaN, too. Tangents that are zero may still vary, as
    that of x**2 at 0 in (x**2)**0.75, so that derivatives in them are infinite.

    Parameters
    ----------
    op : Hadamard or BroadcastHadamard, or the product of one with a Cast
    """

    def __init__(self, op):
        self.op = op
        self.M, self.cast = (op.left.M, op.right) if type(op) is Product else (op.M, None)
        self.dims = op.dims
        self.dimsd = op.dimsd

    def apply(self, X):
        shape = X.shape[: X.ndim - len(self.dims)] + self.dimsd
        X = expand_dims_to(X if self.cast is None else self.cast.apply(X), self.dims, len(self.dimsd))
        with np.errstate(all="ignore"):
            Y = self._tangent(self.M, X)
        return Y if Y.shape == shape else np.broadcast_to(Y, shape)

    def apply_adjoint(self, Y):
        with np.errstate(all="ignore"):
            X = sum_to_shape(self._cotangent(np.conj(self.M), Y), self.dims, len(self.dimsd))
        return X if self.cast is None else self.cast.apply_adjoint(X)

    def _tangent(self, M, X):
        return masked_product(M, X)

    def _cotangent(self, M, Y):
        return masked_product(np.where(Y != 0, M, 0), Y)


@dispatchable
def masked_product(M, X):
    """M * X, but 0 where the (co)tangent X is 0, and so for its own derivatives: that in X is M, infinite or not."""
    return np.where(X != 0, M, 0) * X


class Select(Operator):
    """X -> X where a mask is true, 0 elsewhere: the block of one branch of np.where; X is broadcast.

    Forward:  dY = dX[mask]          Adjoint:  X~ = sum of Y~[mask] over the broadcast axes

    An infinite derivative of the branch that is not taken disappears here, which a product with 0 would make NaN.

    Parameters
    ----------
    mask : boolean array that broadcasts to dimsd
    dims, dimsd : shapes of X and of the result
    """

    def __init__(self, mask, dims, dimsd):
        self.mask = mask
        self.dims = dims
        self.dimsd = dimsd

    def apply(self, X):
        shape = X.shape[: X.ndim - len(self.dims)] + self.dimsd
        Y = np.where(self.mask, expand_dims_to(X, self.dims, len(self.dimsd)), 0)
        return Y if Y.shape == shape else np.broadcast_to(Y, shape)

    def apply_adjoint(self, Y):
        return sum_to_shape(np.where(self.mask, Y, 0), self.dims, len(self.dimsd))


def elementwise(function, *partials):
    """State the partial derivatives of a function that acts element by element, with broadcasting.

    Parameters
    ----------
    function : NumPy or SciPy ufunc, or any function decorated with `opad.primitive`
    *partials : one per argument, each a callable (y, *arguments) -> array, y being the function's value, or a number.
        A partial that is not needed is never computed. One callable that returns a tuple is not accepted.
        Parameters whose names begin with an underscore are not used: the tape keeps only their shapes and dtypes.

    Examples
    --------
    >>> import numpy as np, opad
    >>> @opad.primitive
    ... def softplus(x):
    ...     return np.logaddexp(0.0, x)
    >>> opad.elementwise(softplus, lambda y, x: -np.expm1(-y))
    >>> opad.grad(softplus)(0.0)
    0.5
    """
    RULES[function] = Elementwise(function, partials)


def singular_elementwise(function, *partials):
    """`elementwise` for functions with infinite partials: a zero (co)tangent stays zero where a partial is infinite."""
    RULES[function] = SingularElementwise(function, partials)


class MaskedByFactor(Masked):
    """`Masked`, and 0 also where the factor M is 0, be the argument infinite: what has no influence keeps none."""

    def _tangent(self, M, X):
        return masked_product(M, np.where(M != 0, X, 0))

    def _cotangent(self, M, Y):
        return self._tangent(M, Y)


class MaskedProduct(SingularElementwise):
    """The rule of `masked_product`: dY = M dX where dX is not 0, + X dM where X is not 0."""

    def blocks(self, y, args, kwargs, parents):
        blocks = super().blocks(y, args, kwargs, parents)
        slots = [slot for slot, _ in parents]
        return [
            (column, MaskedByFactor(block.op if type(block) is Masked else block) if slot == 0 else block)
            for slot, (column, block) in zip(slots, blocks, strict=True)
        ]


RULES[masked_product] = MaskedProduct(masked_product, (lambda _y, _M, X: X, lambda _y, M, _X: M))
