"""What a block matrix needs to know of its entries: how each kind is multiplied, negated, turned round and solved.

Entries may be operators, NumPy or SciPy sparse matrices, numbers of any kind (floats, Fractions, SymPy symbols), traced
arrays, or the structural identity `I`. The substitutions see none of this; they are handed bound actions.
"""

from fractions import Fraction
from functools import partial
from math import prod
from numbers import Number
from operator import matmul

import numpy as np
import scipy.linalg
import scipy.sparse
from scipy.sparse.linalg import LinearOperator, gmres, splu

from opad.errors import ConvergenceError, RealLinearError, ShapeError, SingularBlockError
from opad.operators import Identity, Operator
from opad.operators.algebra import Multiple
from opad.operators.base import flatten, size_of, unflatten
from opad.operators.convert import as_operator
from opad.operators.dispatch import plain
from opad.operators.foreign import Foreign, opaque_product
from opad.operators.solve import Solve
from opad.operators.structural import IdentityMinus

DENSE_LIMIT = 512  # a diagonal block without a solve of its own is factorised up to this size, then GMRES
TOLERANCE = 1e-12  # relative residual of that GMRES; 100 eps in single precision


class StructuralIdentity:
    """The identity of any space. `I - L` is the block matrix; `I` times anything is that thing, at no cost."""

    def __mul__(self, other):
        return other

    __rmul__ = __matmul__ = __rmatmul__ = __mul__
    __array_ufunc__ = None

    def conjugate(self):
        return self

    @property
    def H(self):
        return self

    T = H

    def __repr__(self):
        return "I"


I = StructuralIdentity()  # noqa: E741


class Negative:
    """-A for a matrix A, without the copy."""

    __array_ufunc__ = None

    def __init__(self, entry):
        self.entry = entry

    def __matmul__(self, other):
        return -(self.entry @ other)

    @property
    def shape(self):
        return self.entry.shape

    def evaluate(self):
        return -self.entry if not isinstance(self.entry, StructuralIdentity) else -1


def is_number(entry):
    """True for entries that multiply with `*`: numbers, symbols, 0-d arrays."""
    if isinstance(entry, Number):
        return True
    shape = getattr(entry, "shape", None)
    return shape == () or (shape is None and hasattr(entry, "free_symbols"))


def is_identity(entry):
    """True for the structural identity and for Identity operators."""
    return entry is I or isinstance(entry, Identity)


def normalise(entry):
    """An entry as block matrices keep it: foreign operators become opad's, everything else stays what it is."""
    if isinstance(entry, Operator | StructuralIdentity | Negative) or is_number(entry):
        return entry
    return entry if hasattr(entry, "ndim") and not isinstance(entry, LinearOperator) else as_operator(entry)


def spaces(entry):
    """(dimsd, dims) of an entry, None for an entry that acts on arrays of any shape."""
    if isinstance(entry, Operator):
        return entry.dimsd, entry.dims
    if is_number(entry) or isinstance(entry, StructuralIdentity):
        return None
    if isinstance(entry, Negative):
        return spaces(entry.entry)
    M, N = entry.shape
    return (M,), (N,)


def negate(entry):
    """-entry; negating twice gives back the very same entry, so that I - L costs nothing in a substitution."""
    if isinstance(entry, Negative):
        return entry.entry
    if isinstance(entry, Operator) or is_number(entry):
        return -entry
    return Negative(entry)


def adjoint(entry):
    """The conjugate transpose of an entry."""
    if isinstance(entry, Operator | StructuralIdentity):
        return entry.H
    if isinstance(entry, Negative):
        return Negative(adjoint(entry.entry))
    if is_number(entry):
        return entry.conjugate()
    return entry.conj().T


def add(a, b):
    """Sum of two entries in the same place; a number c stands for c I."""
    if a is I:
        a, b = b, a
    if b is I and isinstance(a, Multiple) and a.scalar == -1 and isinstance(a.op, IdentityMinus):
        return a.op.op  # I - (I - S) = S, with S's own solve
    a, b = _evaluated(a), _evaluated(b)
    if is_number(a):
        a, b = b, a
    if is_number(a):
        return a + b
    if is_number(b):
        return a + _multiple_of_identity(b, a)
    if isinstance(a, Operator) != isinstance(b, Operator):
        return as_operator(a, *_reversed_spaces(b)) + as_operator(b, *_reversed_spaces(a))
    return a + b


def _evaluated(entry):
    """A matrix in place of its structural negative, the number 1 in place of the structural identity."""
    entry = entry.evaluate() if isinstance(entry, Negative) else entry
    return 1 if entry is I else entry


def _multiple_of_identity(number, like):
    """number * I as an entry of the kind of `like`."""
    dimsd, dims = spaces(like)
    if tuple(dimsd) != tuple(dims):
        raise ShapeError(f"{number} I was added to a block {dims} -> {dimsd}; expected a square block.")
    if isinstance(like, Operator):
        return Identity(dims) if isinstance(number, int) and number == 1 else as_operator(number, dims)
    if scipy.sparse.issparse(like):
        return number * scipy.sparse.eye_array(*like.shape, format=like.format)
    dtype = object if like.dtype == object or np.asarray(plain(number)).dtype == object else like.dtype
    return number * np.eye(len(like), dtype=dtype)


def _reversed_spaces(entry):
    dimsd, dims = spaces(entry)
    return dims, dimsd


def multiply(a, b):
    """Product of two entries."""
    if a is I:
        return b
    if b is I:
        return a
    if isinstance(a, Negative):
        return negate(multiply(a.entry, b))
    if isinstance(b, Negative):
        return negate(multiply(a, b.entry))
    if is_number(a) or is_number(b):
        return a * b
    if isinstance(b, Operator) and not isinstance(a, Operator):
        a = as_operator(a)
    elif isinstance(a, Operator) and not isinstance(b, Operator):
        b = as_operator(b)
    return a @ b


def action(entry):
    """What an entry does to a block of a vector, as a callable; None for the identity."""
    if is_identity(entry):
        return None
    if isinstance(entry, Operator):
        return entry.apply
    if is_number(entry):
        return lambda x: x if x is None else entry * x
    return partial(matmul, entry)


# -- diagonal blocks ------------------------------------------------------------------------------------------------


def solve_action(entry, name):
    """The solve of a diagonal block as a callable, None for the identity; `name` is what errors call the block."""
    if is_identity(entry):
        return None
    if is_number(entry):
        if entry == 0:
            raise _singular(name, "it is zero")
        inverse = 1 / (Fraction(entry) if isinstance(entry, int) else entry)
        return lambda x: inverse * x if x is not I else inverse
    if isinstance(entry, Negative):
        inner = solve_action(entry.entry, name)
        return (lambda x: -x) if inner is None else lambda x: -inner(x)
    if isinstance(entry, Operator):
        return _operator_solve(entry, name)
    if scipy.sparse.issparse(entry):
        return _sparse_solve(entry, name)
    if type(entry) is not np.ndarray:  # traced arrays, CuPy arrays: the library's own solve
        return lambda x: np.linalg.solve(entry, x)
    return _dense_solve(entry, name)


class Inverse(Operator):
    """A^-1.  Forward: solve A Y = X.  Adjoint: solve A^H X = Y."""

    def __init__(self, entry, name="(0, 0)"):
        self.entry = as_operator(entry)
        self.block_name = name
        self._solve = self._solve_adjoint = None

    dims = property(lambda self: self.entry.dimsd)
    dimsd = property(lambda self: self.entry.dims)
    data_dtype = property(lambda self: self.entry.data_dtype)
    label = property(lambda self: f"({self.entry.label})^-1")

    def apply(self, X):
        if self._solve is None:
            self._solve = solve_action(self.entry, self.block_name)
        return X if self._solve is None else self._solve(X)

    def apply_adjoint(self, Y):
        if self._solve_adjoint is None:
            self._solve_adjoint = solve_action(self.entry.H, self.block_name)
        return Y if self._solve_adjoint is None else self._solve_adjoint(Y)


class Implicit(Operator):
    """The diagonal block S of an equation S dx = …, given as a matrix or as an operator without a solve of its own.

    Forward:  dY = S dX          Adjoint:  X~ = S^H Y~          `solve` and `solve_adjoint` as of any diagonal block

    Parameters
    ----------
    S : whatever `as_operator` takes
    shape : of the variable, whose elements are taken in C order
    name : str, what errors call the block
    """

    def __init__(self, S, shape, name):
        self.op = as_operator(S, shape, shape)
        self.dims = self.dimsd = shape
        small = type(self.op) is not Foreign and self.op.clinear and size_of(shape) <= DENSE_LIMIT
        is_dense = hasattr(S, "__array_function__") or (isinstance(S, Operator) and small)
        self.inverse = Solve(self.op.todense()) if is_dense else _OpaqueInverse(self.op, name)

    data_dtype = property(lambda self: self.op.data_dtype)
    clinear = property(lambda self: self.op.clinear)

    def apply(self, X):
        return self.op.apply(X)

    def apply_adjoint(self, Y):
        return self.op.apply_adjoint(Y)

    def solve(self, Y):
        """S^-1 Y."""
        return self._flattened(self.inverse.apply, Y)

    def solve_adjoint(self, X):
        """S^-H X."""
        return self._flattened(self.inverse.apply_adjoint, X)

    def _flattened(self, solve, X):
        return unflatten(solve(flatten(X, self.dims)), self.dims) if type(self.inverse) is Solve else solve(X)


class _OpaqueInverse(Inverse):
    """The inverse of an operator that knows plain arrays only."""

    def apply(self, X):
        return opaque_product(X, self)

    def apply_adjoint(self, Y):
        return opaque_product(Y, self, adjoint=True)

    def plain_product(self, X, adjoint):
        """The solve itself."""
        return super().apply_adjoint(X) if adjoint else super().apply(X)


def _singular(name, why):
    return SingularBlockError(
        f"the diagonal block {name} cannot be solved: {why}. Expected an invertible diagonal block; check the equation "
        "of that variable, or solve the system in the least-squares sense with aslinearoperator() and lsqr."
    )


def _dense_solve(A, name):
    if A.shape[0] != A.shape[1]:
        raise _singular(name, f"it is {A.shape[0]} x {A.shape[1]}, not square")
    lu, pivots, info = scipy.linalg.get_lapack_funcs("getrf", (A,))(A)
    if info > 0:
        raise _singular(name, "its LU factorisation has a zero pivot")
    # of its own pivots each: SciPy changes them while LAPACK runs, and other threads would see that
    return lambda x: scipy.linalg.lu_solve((lu, pivots.copy()), x, check_finite=False)


def _sparse_solve(A, name):
    if A.shape[0] != A.shape[1]:
        raise _singular(name, f"it is {A.shape[0]} x {A.shape[1]}, not square")
    A = A.tocsc()
    factors = {}

    def solve(x):
        dtype = np.result_type(A.dtype, x.dtype, np.float32)
        if dtype not in factors:  # SuperLU solves in the dtype of its factors only
            try:
                factors[dtype] = splu(A.astype(dtype))
            except RuntimeError as error:
                raise _singular(name, str(error).lower()) from error
        return factors[dtype].solve(x.astype(dtype, copy=False))

    solve(np.zeros(A.shape[0], A.dtype))  # so that a singular block is found before the substitution starts
    return solve


def _operator_solve(op, name):
    """The operator's own `solve`, else a dense factorisation up to DENSE_LIMIT, else GMRES."""
    own = getattr(op, "solve", None)
    if own is not None:
        return own
    M, N = op.shape
    if M != N:
        raise _singular(name, f"it is {M} x {N}, not square")
    dims, dimsd = op.dims, op.dimsd
    if N <= DENSE_LIMIT and op.clinear:
        matrix_solve = _dense_solve(op.todense(), name)
        return lambda X: _solve_stack(matrix_solve, X, dims, dimsd)
    return lambda X: _krylov_solve(op, X, name)


def _solve_stack(matrix_solve, X, dims, dimsd):
    """Solve for X, (*batch, *dimsd), with all batches as columns."""
    flat = flatten(X, dimsd)
    if flat.ndim == 1:
        return unflatten(matrix_solve(flat), dims)
    columns = flat.reshape((prod(flat.shape[:-1]), flat.shape[-1])).T
    return unflatten(matrix_solve(columns).T.reshape(flat.shape), dims)


def _krylov_solve(op, X, name):
    if not op.clinear:
        raise RealLinearError(
            f"the diagonal block {name} ({op!r}) is real-linear but not complex-linear; expected a complex-linear "
            "block or one with a `solve` method of its own. Use .as_real(), the equivalent real operator."
        )
    flat = flatten(X, op.dimsd)
    rows = flat.reshape(-1, flat.shape[-1])
    solutions = []
    tolerance = max(TOLERANCE, 100 * float(np.finfo(flat.dtype).eps))
    for row in rows:
        solution, info = gmres(op, row, rtol=tolerance, atol=0.0, restart=min(size_of(op.dims), 100), maxiter=50)
        if info:
            residual = np.linalg.norm(op.matvec(solution) - row) / np.linalg.norm(row)
            raise ConvergenceError(
                f"GMRES on the diagonal block {name} stopped at relative residual {residual:.1e}; expected "
                f"{tolerance:.0e}. Give the operator a `solve` method, or precondition the equation."
            )
        solutions.append(solution)
    return unflatten(np.stack(solutions).reshape((*flat.shape[:-1], -1)), op.dims)
