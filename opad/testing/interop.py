"""The 26 checks that an operator lives with SciPy and PyLops: products, sums, stacks and solvers, both ways round."""

import copy
import math
import pickle

import numpy as np
import scipy.sparse.linalg as spla

from opad.operators import Identity, Relabelled
from opad.operators.base import is_compound
from opad.testing.report import Check
from opad.testing.spaces import difference, draw, precision_of


def interop_checks(op, seed=0, tolerance=None):
    """The list of `Check`s; a real-linear operator is checked in its real form, `op.as_real()`."""
    note = ""
    if not op.clinear:
        if is_compound(op.dims) or is_compound(op.dimsd):
            reason = "real-linear with several inputs or outputs: SciPy and PyLops have nothing to hold it"
            return [Check(f"interop: {name}", None, note=reason) for name in CHECKS]
        op, note = op.as_real(), "of as_real()"
    elif is_compound(op.dims) or is_compound(op.dimsd):  # PyLops knows no products of spaces
        M, N = op.shape
        op, note = Relabelled(op, (N,), (M,)), "of the flattened operator"
    if 0 in op.shape:
        return [Check(f"interop: {name}", None, note="no elements") for name in CHECKS]
    trial = Interop(op, np.random.default_rng(seed), tolerance)
    return [trial.run(name, method, note) for name, method in CHECKS.items()]


class Interop:
    """An operator next to its matrix, and operators of SciPy and PyLops next to theirs."""

    def __init__(self, op, rng, tolerance):
        import pylops

        self.pylops = pylops
        self.op = op
        self.rng = rng
        self.A = op.todense()
        self.dtype = self.A.dtype
        M, N = self.A.shape
        self.B = draw((N, M), self.dtype, rng)
        self.C = draw((M, N), self.dtype, rng)
        self.x = draw((N,), self.dtype, rng)
        self.y = draw((M,), self.dtype, rng)
        back = op.apply_adjoint(op.apply(self.x.reshape(op.dims)))  # coarser than A, if the operator is a cast
        self.eps = max(np.finfo(self.dtype).eps, np.finfo(back.dtype).eps)
        self.tolerance = 500 * self.eps * math.sqrt(max(M, N)) if tolerance is None else tolerance

    def run(self, name, method, note):
        name = f"interop: {name}"
        try:
            error = method(self)
        except Exception as failure:
            return Check(name, math.inf, self.tolerance, note=f"{type(failure).__name__}: {failure}".split("\n")[0])
        # A Krylov method stops at its own tolerance, and multiplies rounding errors by the condition number.
        loosened = math.sqrt(self.tolerance) if name.split()[-1] in KRYLOV else self.tolerance
        return Check(name, float(error), loosened, note=note)

    def pylops_matrix(self, B):
        return self.pylops.MatrixMult(B, dtype=B.dtype)

    def agrees(self, combined, matrix):
        """Error of products of `combined` and of its adjoint with a vector."""
        x = draw((matrix.shape[1],), self.dtype, self.rng)
        y = draw((matrix.shape[0],), self.dtype, self.rng)
        return max(
            difference(np.asarray(combined.matvec(x)).reshape(-1), matrix @ x),
            difference(np.asarray(combined.rmatvec(y)).reshape(-1), matrix.conj().T @ y),
        )

    def dottest(self):
        kind = 3 if self.dtype.kind == "c" else 0
        rtol = self.tolerance * 10
        atol = rtol * float(np.linalg.norm(self.A))  # its vectors are random, and so may be nearly orthogonal
        ok = self.pylops.utils.dottest(self.op, *self.A.shape, rtol=rtol, atol=atol, complexflag=kind)
        return 0 if ok else math.inf

    # -- products and sums ------------------------------------------------------------------------------------------

    def times_pylops(self):
        return self.agrees(self.op @ self.pylops_matrix(self.B), self.A @ self.B)

    def pylops_times(self):
        return self.agrees(self.pylops_matrix(self.B) @ self.op, self.B @ self.A)

    def plus_pylops(self):
        return self.agrees(self.op + self.pylops_matrix(self.C), self.A + self.C)

    def pylops_plus(self):
        return self.agrees(self.pylops_matrix(self.C) + self.op, self.C + self.A)

    def times_scipy(self):
        return self.agrees(self.op @ spla.aslinearoperator(self.B), self.A @ self.B)

    def scipy_times(self):
        return self.agrees(spla.aslinearoperator(self.B) @ self.op, self.B @ self.A)

    def plus_scipy(self):
        return self.agrees(self.op + spla.aslinearoperator(self.C), self.A + self.C)

    def scipy_plus(self):
        return self.agrees(spla.aslinearoperator(self.C) + self.op, self.C + self.A)

    def array_times(self):
        rows = draw((3, self.A.shape[0]), self.dtype, self.rng)
        row = np.asarray(rows[0] @ self.op).reshape(-1)  # of shape dims, where dimsd is (M,)
        return max(difference(rows @ self.op, rows @ self.A), difference(row, rows[0] @ self.A))

    # -- stacks of PyLops -------------------------------------------------------------------------------------------

    def block_diag(self):
        zero = np.zeros_like(self.A)
        return self.agrees(self.pylops.BlockDiag([self.op, self.op]), np.block([[self.A, zero], [zero, self.A]]))

    def vstack(self):
        return self.agrees(self.pylops.VStack([self.op, self.pylops_matrix(self.C)]), np.vstack([self.A, self.C]))

    def hstack(self):
        return self.agrees(self.pylops.HStack([self.op, self.pylops_matrix(self.C)]), np.hstack([self.A, self.C]))

    def block(self):
        C = self.pylops_matrix(self.C)
        return self.agrees(self.pylops.Block([[self.op, C], [C, self.op]]), self._block_matrix())

    def block_adjoint(self):
        C = self.pylops_matrix(self.C)
        return self.agrees(self.pylops.Block([[self.op, C], [C, self.op]]).H, self._block_matrix().conj().T)

    def _block_matrix(self):
        return np.block([[self.A, self.C], [self.C, self.A]])

    def kronecker(self):
        E = draw((2, 3), self.dtype, self.rng)
        return self.agrees(self.pylops.Kronecker(self.op, self.pylops_matrix(E)), np.kron(self.A, E))

    # -- solvers, on the positive definite A^H A + c I -----------------------------------------------------------------

    def _normal(self):
        shift = max(1.0, float(np.linalg.norm(self.A)) ** 2 / max(self.A.shape[1], 1))
        shift = precision_of(self.dtype).type(shift)
        op = self.op.H @ self.op + shift * Identity(self.op.dims)
        return op, self.A.conj().T @ self.A + shift * np.eye(self.A.shape[1], dtype=precision_of(self.dtype))

    def gmres(self):
        op, matrix = self._normal()
        x, info = spla.gmres(op, self.x, rtol=self.tolerance, restart=len(self.x), maxiter=20)
        return difference(x, np.linalg.solve(matrix, self.x)) if info == 0 else math.inf

    def lsqr(self):
        op, matrix = self._normal()
        x = spla.lsqr(op, self.x, atol=self.tolerance, btol=self.tolerance)[0]
        return difference(x, np.linalg.solve(matrix, self.x))

    def lsmr(self):
        op, matrix = self._normal()
        with np.errstate(over="ignore"):  # SciPy's lsmr starts with 1e100, also in single precision
            x = spla.lsmr(op, self.x, atol=self.tolerance, btol=self.tolerance)[0]
        return difference(x, np.linalg.solve(matrix, self.x))

    def expm_multiply(self):
        op, matrix = self._normal()
        scale = precision_of(self.dtype).type(1 / float(np.linalg.norm(matrix, 1)))
        values, vectors = np.linalg.eigh(matrix)
        exact = vectors @ (np.exp(-scale * values) * (vectors.conj().T @ self.x))
        trace = -float(scale) * float(np.trace(matrix).real)
        return difference(spla.expm_multiply(-scale * op, self.x, traceA=trace), exact)

    def cgls(self):
        rows = self.pylops_matrix(np.eye(self.A.shape[1], dtype=self.dtype))
        stacked = self.pylops.VStack([self.op, rows], dtype=self.dtype)
        matrix = np.vstack([self.A, np.eye(self.A.shape[1], dtype=self.dtype)])
        b = draw((matrix.shape[0],), self.dtype, self.rng)
        stop = (10 * self.eps * np.linalg.norm(matrix) * np.linalg.norm(b)) ** 2
        x = self.pylops.optimization.basic.cgls(stacked, b, niter=3 * len(self.x) + 10, tol=stop)[0]
        return difference(np.asarray(x).reshape(-1), np.linalg.lstsq(matrix, b)[0])

    # -- what the operator itself offers ----------------------------------------------------------------------------

    def multiples(self):
        c = self.dtype.type(2.5 - 1.5j) if self.dtype.kind == "c" else self.dtype.type(-2.5)
        errors = [self.agrees(c * self.op, c * self.A), self.agrees(self.op * c, self.A * c)]
        return max(*errors, self.agrees(-self.op / 2, -self.A / 2))

    def adjoint(self):
        return max(self.agrees(self.op.H, self.A.conj().T), self.agrees(self.op.adjoint().H, self.A))

    def transpose(self):
        return max(self.agrees(self.op.T, self.A.T), self.agrees(self.op.T.H, self.A.conj()))

    def pickled(self):
        return self.agrees(pickle.loads(pickle.dumps(self.op)), self.A)

    def copied(self):
        return max(self.agrees(copy.copy(self.op), self.A), self.agrees(copy.deepcopy(self.op), self.A))

    def layouts(self):
        X = draw((self.A.shape[1], 3), self.dtype, self.rng)
        column = self.x.reshape(-1, 1)
        arguments = [x for x in (self.x, column, X) if x.shape != self.op.dims]  # those are shaped, see apply
        return max([difference(self.op @ x, self.A @ x) for x in arguments], default=0)


KRYLOV = {"gmres", "lsqr", "lsmr", "cgls", "expm_multiply"}

CHECKS = {
    "pylops dottest": Interop.dottest,
    "opad @ pylops": Interop.times_pylops,
    "pylops @ opad": Interop.pylops_times,
    "opad + pylops": Interop.plus_pylops,
    "pylops + opad": Interop.pylops_plus,
    "opad @ scipy": Interop.times_scipy,
    "scipy @ opad": Interop.scipy_times,
    "opad + scipy": Interop.plus_scipy,
    "scipy + opad": Interop.scipy_plus,
    "array @ opad": Interop.array_times,
    "pylops BlockDiag": Interop.block_diag,
    "pylops VStack": Interop.vstack,
    "pylops HStack": Interop.hstack,
    "pylops Block": Interop.block,
    "pylops Block.H": Interop.block_adjoint,
    "pylops Kronecker": Interop.kronecker,
    "scipy gmres": Interop.gmres,
    "scipy lsqr": Interop.lsqr,
    "scipy lsmr": Interop.lsmr,
    "scipy expm_multiply": Interop.expm_multiply,
    "pylops cgls": Interop.cgls,
    "scalar multiples": Interop.multiples,
    ".H": Interop.adjoint,
    ".T": Interop.transpose,
    "pickle and copy": lambda trial: max(trial.pickled(), trial.copied()),
    "flat, column and matrix arguments": Interop.layouts,
}
