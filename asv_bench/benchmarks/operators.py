"""Operators: apply and adjoint of every class against the NumPy call itself, and what it costs to make one."""

import numpy as np

import opad.operators as ops

from .operator_cases import CASES
from .timing import microseconds, ratio

SHAPES = {"8 x 8": ((), 8), "16 of 64 x 64": ((16,), 64)}  # overhead, and many right-hand sides
COMPLEX_INPUT = {"RealPart", "ImaginaryPart", "Conjugate", "FFT", "IRFFT"}
COMPLEX_OUTPUT = {"Conjugate", "FFT", "RFFT"}
FLOAT32_INPUT = {"Cast"}


class ApplyAndAdjoint:
    """One application in each direction, to one array and to a batch; track_ is the ratio to the NumPy call."""

    params = (tuple(CASES), tuple(SHAPES))
    param_names = ("operator", "shape")

    def setup(self, name, shape):
        batch, n = SHAPES[shape]
        rng = np.random.default_rng(0)
        self.op, self.forward, self.adjoint = CASES[name](rng, n)
        self.X = _random(rng, batch, self.op.dims, name in COMPLEX_INPUT)
        if name in FLOAT32_INPUT:
            self.X = self.X.astype(np.float32)
        self.Y = _random(rng, batch, self.op.dimsd, name in COMPLEX_OUTPUT)
        _require_equal(self.op.apply(self.X), self.forward(self.X))
        _require_equal(self.op.apply_adjoint(self.Y), self.adjoint(self.Y))

    def time_apply(self, name, shape):
        self.op.apply(self.X)

    def time_adjoint(self, name, shape):
        self.op.apply_adjoint(self.Y)

    def track_apply_ratio(self, name, shape):
        return ratio(lambda: self.op.apply(self.X), lambda: self.forward(self.X), repeats=7)

    def track_adjoint_ratio(self, name, shape):
        return ratio(lambda: self.op.apply_adjoint(self.Y), lambda: self.adjoint(self.Y), repeats=7)


def _random(rng, batch, dims, is_complex):
    if ops.is_compound(dims):
        return tuple(_random(rng, batch, shape, is_complex) for shape in dims)
    X = rng.standard_normal(batch + tuple(dims))
    return X + 1j * rng.standard_normal(X.shape) if is_complex else X


def _require_equal(found, expected):
    if isinstance(found, tuple):
        for a, b in zip(found, expected, strict=True):
            _require_equal(a, b)
    elif found.shape != expected.shape or not np.allclose(found, expected, rtol=1e-6, atol=1e-8):
        raise AssertionError("the operator and the NumPy call that it is compared with do not agree")


_A = np.ones((8, 8))
CONSTRUCTORS = {
    "LeftMultiply": lambda: ops.LeftMultiply(_A, 1).apply_adjoint,
    "RightMultiply": lambda: ops.RightMultiply(_A, 1).apply_adjoint,
    "MatrixVector": lambda: ops.MatrixVector(_A).apply_adjoint,
    "InnerProduct": lambda: ops.InnerProduct(_A).apply_adjoint,
    "Kronecker": lambda: ops.Kronecker(_A, _A).apply_adjoint,
    "StackedLeftMultiply": lambda: ops.StackedLeftMultiply(_A, (8, 8)).apply_adjoint,
    "EinsumOperand": lambda: ops.EinsumOperand("ij,jk->ik", (_A, _A), 1).apply_adjoint,
    "Hadamard": lambda: ops.Hadamard(_A, (8, 8)).apply_adjoint,
    "BroadcastHadamard": lambda: ops.BroadcastHadamard(_A, (8, 1), (8, 8)).apply_adjoint,
    "Scaling": lambda: ops.Scaling(2.0, (8, 8)).apply_adjoint,
    "Cast": lambda: ops.Cast((8, 8), _A.dtype, _A.dtype).apply_adjoint,
    "Permute": lambda: ops.Permute((1, 0), (8, 8)).apply_adjoint,
    "Reshape": lambda: ops.Reshape((8, 8), (64,)).apply_adjoint,
    "Broadcast": lambda: ops.Broadcast((8, 1), (8, 8)).apply_adjoint,
    "SumAxes": lambda: ops.SumAxes((8, 8)).apply_adjoint,
    "Index": lambda: ops.Index(0, (8, 8)).apply_adjoint,
    "Embed": lambda: ops.Embed((8, 8), (16, 8), (0, 0)).apply_adjoint,
    "FFT": lambda: ops.FFT((8, 8)).apply_adjoint,
    "Solve": lambda: ops.Solve(_A, 1).apply_adjoint,
}


class Construction:
    """Making an operator and binding one of its methods, as the sweep of a gradient does: at most 0.5 us is wanted."""

    params = tuple(CONSTRUCTORS)
    param_names = ("operator",)

    def time_construct(self, name):
        CONSTRUCTORS[name]()

    def track_microseconds(self, name):
        return microseconds(CONSTRUCTORS[name])

    track_microseconds.unit = "us"


class ManyColumns:
    """`matmat` with 512 columns against the one matrix product that it amounts to: at most 1.5 is wanted.

    Linearization is the Jacobian of x -> W @ x, x a vector; columns of X is the number of columns of the variable.
    """

    params = (
        ("MatrixVector", "LeftMultiply", "RightMultiply", "Linearization"),
        (1, 8),
        (64, 256),
        ("float32", "float64"),
    )
    param_names = ("operator", "columns of X", "n", "dtype")

    def setup(self, kind, cols, n, dtype):
        import opad

        if cols > 1 and kind in ("MatrixVector", "Linearization"):
            raise NotImplementedError(f"{kind} acts on one vector")
        rng = np.random.default_rng(0)
        self.B = rng.standard_normal((n, n)).astype(dtype)
        self.op = {
            "MatrixVector": lambda: ops.MatrixVector(self.B),
            "LeftMultiply": lambda: ops.LeftMultiply(self.B, cols),
            "RightMultiply": lambda: ops.RightMultiply(self.B, cols),
            "Linearization": lambda: opad.linearize(lambda x: self.B @ x, self.B[0]).jacobian,
        }[kind]()
        self.X = rng.standard_normal((n * cols, 512)).astype(dtype)
        self.columns = rng.standard_normal((n, 512 * cols)).astype(dtype)

    def time_matmat(self, *parameters):
        self.op.matmat(self.X)

    def track_matmat_ratio(self, *parameters):
        return ratio(lambda: self.op.matmat(self.X), lambda: self.B @ self.columns)

    def track_rmatmat_ratio(self, *parameters):
        return ratio(lambda: self.op.rmatmat(self.X), lambda: self.B.T @ self.columns)
