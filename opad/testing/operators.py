"""Is an operator linear, is its adjoint its adjoint, and does it keep the promises that the rest of opad relies on?"""

import copy
import math
import pickle

import numpy as np

from opad.errors import ConversionError
from opad.operators import Operator
from opad.operators.base import flatten, is_compound, size_of, unflatten
from opad.testing.interop import interop_checks
from opad.testing.report import Check, OperatorReport
from opad.testing.spaces import (
    all_arrays,
    difference,
    draw,
    inner_product,
    parts_of,
    precision_of,
    shape_of,
    stack_of,
)


def check_operator(op, *, seed=0, dtypes=None, interop=True, tolerance=None, raise_on_failure=False):
    """Verify an operator: linearity, adjoint, batch axes, dtypes, layout, and its life with SciPy and PyLops.

    Parameters
    ----------
    op : Operator
    seed : int, for the random arguments
    dtypes : sequence of dtype, optional
        Of the arguments. By default the precision of the data that the operator holds, or single and double precision
        if it holds none; real and complex, where the operator takes them.
    interop : bool
        Whether to run the checks with SciPy and PyLops too (0.8 s for the import of PyLops).
    tolerance : float, optional
        Relative; 500 eps sqrt(size) by default.
    raise_on_failure : bool
        Raise AssertionError with the numbers instead of returning a report that is not ok.

    Returns
    -------
    OperatorReport

    Examples
    --------
    >>> import numpy as np, opad, opad.testing
    >>> report = opad.testing.check_operator(opad.operators.LeftMultiply(np.eye(2), 3))
    >>> report.ok
    True
    >>> class Wrong(opad.Operator):
    ...     dims = dimsd = (3,)
    ...     def apply(self, X):
    ...         return np.cumsum(X, axis=-1)
    ...     def apply_adjoint(self, Y):
    ...         return Y
    >>> report = opad.testing.check_operator(Wrong(), dtypes=[float])
    >>> report.ok, report["dot test [float64]"].ok, report["linearity [float64]"].ok
    (False, False, True)
    """
    if not isinstance(op, Operator):
        raise ConversionError(
            f"check_operator was given {type(op).__name__}; expected an opad.Operator. Convert it with as_operator."
        )
    report = OperatorReport(repr(op))
    domains, refused = find_domains(op, dtypes, seed)
    report.checks += refused
    for dtype in domains:
        trial = Trial(op, dtype, np.random.default_rng(seed), tolerance)
        report.checks += [trial.run(name, method) for name, method in PROPERTIES]
    if interop:
        report.checks += interop_checks(op, seed, tolerance)
    return report.assert_ok() if raise_on_failure else report


def find_domains(op, dtypes, seed):
    """The dtypes of arguments that the operator maps and its adjoint returns, and a check for those it does not."""
    rng = np.random.default_rng(seed)
    asked = dtypes is not None
    if not asked:
        held = op.data_dtype
        precisions = [np.float32, np.float64] if held is None else [precision_of(held)]
        dtypes = [dtype for p in precisions for dtype in (p, np.result_type(p, np.complex64))]
    domains, checks = [], []
    for dtype in map(np.dtype, dtypes):
        try:
            returned = np.result_type(*parts_of(op.apply_adjoint(op.apply(draw(op.dims, dtype, rng)))))
        except Exception as error:
            checks.append(Check(f"domain [{dtype}]", None, note=f"{type(error).__name__}: {error}".split("\n")[0]))
            continue
        if returned.kind != dtype.kind:
            note = f"the adjoint returns {returned}: not a dtype of this operator's domain"
            checks.append(Check(f"domain [{dtype}]", None, note=note))
        elif returned not in domains:
            domains.append(returned)
    if not domains:
        reasons = "; ".join(dict.fromkeys(check.note for check in checks))
        checks.append(Check("domain", math.inf, note=f"apply_adjoint(apply(X)) works for no dtype: {reasons}"))
    return domains, checks


class Trial:
    """One operator with random arguments of one dtype."""

    def __init__(self, op, dtype, rng, tolerance):
        self.op = op
        self.dtype = dtype
        self.rng = rng
        self.X = draw(op.dims, dtype, rng)
        self.out_dtype = np.result_type(*parts_of(op.apply(self.X)))
        self.Y = draw(op.dimsd, self.out_dtype, rng)
        eps = max(np.finfo(dtype).eps, np.finfo(self.out_dtype).eps)
        self.tolerance = 500 * eps * math.sqrt(max(*op.shape, 1)) if tolerance is None else tolerance

    def run(self, name, method):
        name = f"{name} [{self.dtype}]"
        try:
            error, tolerance = method(self)
        except NotApplicable as reason:
            return Check(name, None, note=str(reason))
        except Exception as failure:
            return Check(name, math.inf, self.tolerance, note=f"{type(failure).__name__}: {failure}".split("\n")[0])
        return Check(name, float(error), self.tolerance if tolerance is None else tolerance)

    # -- the properties; each returns (error, tolerance), None for the usual one ------------------------------------

    def shapes(self):
        op = self.op
        wrong = shape_of(op.apply(self.X), op.dimsd) != op.dimsd
        wrong += shape_of(op.apply_adjoint(self.Y), op.dims) != op.dims
        wrong += op.shape != (size_of(op.dimsd), size_of(op.dims))
        return wrong, 0

    def linearity(self):
        errors = []
        field = "c" if self.op.clinear and self.dtype.kind == "c" else "f"
        scalar = self.dtype.type(0.7 - 0.4j) if field == "c" else precision_of(self.dtype).type(-1.3)
        for function, X, dims, dtype in (
            (self.op.apply, self.X, self.op.dims, self.dtype),
            (self.op.apply_adjoint, self.Y, self.op.dimsd, self.out_dtype),
        ):
            Z = draw(dims, dtype, self.rng)
            combination = tuple(x + scalar * z for x, z in zip(parts_of(X), parts_of(Z), strict=True))
            left = function(combination if is_compound(dims) else combination[0])
            right = [y + scalar * z for y, z in zip(parts_of(function(X)), parts_of(function(Z)), strict=True)]
            errors.append(difference(left, tuple(right)))
        return max(errors), None

    def dot_test(self):
        left = inner_product(self.Y, self.op.apply(self.X))
        right = inner_product(self.op.apply_adjoint(self.Y), self.X)
        if not self.op.clinear:
            left, right = left.real, right.real
        scale = math.sqrt(abs(inner_product(self.Y, self.Y)) * max(self._squared_norm(self.op.apply(self.X)), 1e-30))
        return abs(left - right) / scale if scale else abs(left - right), None

    def _squared_norm(self, X):
        return abs(inner_product(X, X))

    def dense(self):
        op = self._with_matrix()
        basis = np.eye(op.shape[1], dtype=self._matrix_dtype())
        columns = [flatten(op.apply(unflatten(e, op.dims)), op.dimsd) for e in basis]
        return difference(op.todense(), np.reshape(columns, op.shape[::-1]).T), None

    def dense_adjoint(self):
        op = self._with_matrix()
        basis = np.eye(op.shape[0], dtype=self._matrix_dtype())
        rows = [flatten(op.apply_adjoint(unflatten(e, op.dimsd)), op.dims) for e in basis]
        return difference(np.conj(np.reshape(rows, op.shape)), op.todense()), None

    def dense_columns_stacked(self):
        op = self._with_matrix()
        if is_compound(op.dims) or is_compound(op.dimsd):
            raise NotApplicable("several inputs or outputs")
        x = draw((op.shape[1],), self._matrix_dtype(), self.rng)
        X = x.reshape(op.dims, order="F")
        return difference(op.todense(order="F") @ x, op.apply(X).reshape(-1, order="F")), None

    def _with_matrix(self):
        """The operator, or its real form if it is only real-linear."""
        if self.op.clinear:
            return self.op
        if is_compound(self.op.dims) or is_compound(self.op.dimsd):
            raise NotApplicable("real-linear with several inputs or outputs: no matrix")
        return self.op.as_real()

    def _matrix_dtype(self):
        return self.dtype if self.op.clinear else precision_of(self.dtype)

    def batch_axes(self):
        errors = [self._batch_error(batch, *way) for batch in ((3,), (2, 1), (2, 3)) for way in self._ways()]
        return max(errors), None

    def empty_batch(self):
        wrong = 0
        for function, dims, dimsd, dtype in self._ways():
            result = function(draw(dims, dtype, self.rng, batch=(0,)))
            wrong += shape_of(result, dimsd) != stack_of(dimsd, (0,))
        return wrong, 0

    def _ways(self):
        op = self.op
        yield op.apply, op.dims, op.dimsd, self.dtype
        yield op.apply_adjoint, op.dimsd, op.dims, self.out_dtype

    def _batch_error(self, batch, function, dims, dimsd, dtype):
        X = draw(dims, dtype, self.rng, batch=batch)
        result = function(X)
        if shape_of(result, dimsd) != stack_of(dimsd, batch):
            return math.inf
        errors = []
        for index in np.ndindex(*batch):
            one = tuple(x[index] for x in parts_of(X))
            expected = function(one if is_compound(dims) else one[0])
            errors.append(difference(tuple(y[index] for y in parts_of(result)), expected))
        return max(errors)

    def dtypes(self):
        expected = precision_of(self.dtype if self.op.data_dtype is None else self.op.data_dtype)
        wrong = precision_of(self.out_dtype) != np.result_type(expected, precision_of(self.dtype))
        wrong += np.result_type(*parts_of(self.op.apply_adjoint(self.Y))) != self.dtype
        wrong += self.dtype.kind == "c" and self.op.clinear and self.out_dtype.kind != "c"
        return wrong, 0

    def arguments_unchanged(self):
        before = copy.deepcopy((self.X, self.Y))
        self.op.apply(self.X)
        self.op.apply_adjoint(self.Y)
        return max(difference(self.X, before[0]), difference(self.Y, before[1])), 0

    def no_aliasing(self):
        held = all_arrays(self.op)
        results = parts_of(self.op.apply(self.X)) + parts_of(self.op.apply_adjoint(self.Y))
        return sum(np.may_share_memory(r, h) for r in results if isinstance(r, np.ndarray) for h in held), 0

    def pickles(self):
        again = pickle.loads(pickle.dumps(self.op))
        again_and_again = copy.deepcopy(copy.copy(again))
        return difference(again_and_again.apply(self.X), self.op.apply(self.X)), 0

    def vectors(self):
        op, errors = self.op, []
        for on, x, dims, Y, product in (
            (op, flatten(self.X, op.dims), op.dimsd, op.apply(self.X), op.matvec),
            (op.H, flatten(self.Y, op.dimsd), op.dims, op.apply_adjoint(self.Y), op.rmatvec),
        ):
            y = flatten(Y, dims)
            errors += [difference(product(x), y), difference(product(x.reshape(-1, 1)), y.reshape(-1, 1))]
            for argument in (x, x.reshape(-1, 1)):
                if argument.shape != on.dims:  # else the result is shaped
                    expected = y if argument.ndim == 1 else y.reshape(-1, 1)
                    errors += [difference(on @ argument, expected), difference(on.dot(argument), expected)]
        return max(errors), None

    def shaped(self):
        errors = [difference(self.op @ self.X, self.op.apply(self.X))]
        errors += [difference(self.op.H @ self.Y, self.op.apply_adjoint(self.Y))]
        return max(errors), None

    def columns(self):
        errors = []
        for product, vector_product, n, dtype in (
            (self.op.matmat, self.op.matvec, self.op.shape[1], self.dtype),
            (self.op.rmatmat, self.op.rmatvec, self.op.shape[0], self.out_dtype),
        ):
            X = draw((n, 4), dtype, self.rng)
            errors.append(difference(product(X), np.stack([vector_product(x) for x in X.T], axis=-1)))
        return max(errors), None


class NotApplicable(Exception):
    """Raised by a property that does not make sense for an operator; the message says why."""


PROPERTIES = [
    ("shapes", Trial.shapes),
    ("linearity", Trial.linearity),
    ("dot test", Trial.dot_test),
    ("dense", Trial.dense),
    ("dense adjoint", Trial.dense_adjoint),
    ("dense, columns stacked", Trial.dense_columns_stacked),
    ("batch axes", Trial.batch_axes),
    ("empty batch", Trial.empty_batch),
    ("dtypes", Trial.dtypes),
    ("arguments unchanged", Trial.arguments_unchanged),
    ("results alias no data", Trial.no_aliasing),
    ("pickle and copy", Trial.pickles),
    ("flat and column vectors", Trial.vectors),
    ("shaped products", Trial.shaped),
    ("columns in one product", Trial.columns),
]
