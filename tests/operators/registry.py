"""One builder per kind of operator: name -> builder(rng, dtype). The generic tests run over all of them.

A new operator class needs one entry here and gets the whole suite: tests/operators/test_all.py.
"""

import numpy as np
import pylops
import scipy.linalg
import scipy.sparse
from scipy.sparse import csr_array

import opad.operators as ops


def array(rng, dtype, *shape):
    """A random array of the given dtype."""
    x = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    return np.asarray(x).astype(dtype)


def invertible(rng, dtype, *shape):
    """A random well-conditioned matrix, or a stack of them."""
    return array(rng, dtype, *shape) + 2 * shape[-1] * np.eye(shape[-1], dtype=dtype)


def pseudoinverse(A):
    return ops.PseudoinverseDifferential(A, np.linalg.pinv(A))


def least_squares(operator, A, B, rank):
    """Of a matrix of the given rank."""
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    A = (U[:, :rank] * s[:rank]) @ Vh[:rank]
    x, residuals, found, s = np.linalg.lstsq(A, B, 1e-3)
    assert found == rank
    return operator(A, B, (x, residuals, np.array(found), s), np.linalg.pinv(A, 1e-3))


def eigen_of_symmetric(A):
    return ops.HermitianEigen(*np.linalg.eigh(A + A.swapaxes(-1, -2)))


def general_eigen(A):
    """Of a matrix near diag(0, 4, 8), whose eigenvalues are real and apart."""
    A = A / 4 + np.diag(np.arange(0, 12, 4)).astype(A.dtype)
    return ops.GeneralEigen(A, *np.linalg.eig(A))


def log_determinant(A):
    return ops.LogDeterminant(A, np.linalg.slogdet(A)[0])


def cholesky(A):
    return ops.CholeskyDifferential(np.linalg.cholesky(A @ A.conj().swapaxes(-1, -2)))


def lu(A):
    return ops.LUDifferential(*scipy.linalg.lu(A, p_indices=True))


def real_dtype(dtype):
    return np.dtype(np.finfo(dtype).dtype)


def with_dtype(op, dtype):
    """An operator that holds no data, told its precision."""
    op.dtype = np.result_type(dtype, np.complex64)
    return op


BUILDERS = {}


def builder(name):
    def register(function):
        assert name not in BUILDERS, name
        BUILDERS[name] = function
        return function

    return register


def add(name, function):
    builder(name)(function)


# -- algebra -------------------------------------------------------------------

add("Identity", lambda r, d: ops.Identity((2, 3)))
add("IdentityMinus", lambda r, d: ops.IdentityMinus(ops.LeftMultiply(array(r, d, 3, 3), 2)))
add("Zero", lambda r, d: ops.Zero((2, 3), (4,)))
add("Zero, compound", lambda r, d: ops.Zero(((2,), (3, 1)), ((4,), ())))
add("Adjoint", lambda r, d: ops.LeftMultiply(array(r, d, 3, 2), 4).H)
add("Adjoint, compound", lambda r, d: ops.Concatenate(((2, 1), (2, 3)), 1).H)
add("Transposed", lambda r, d: ops.Transposed(ops.LeftMultiply(array(r, d, 3, 2), 4)))
add("Sum", lambda r, d: ops.LeftMultiply(array(r, d, 3, 2), 4) + ops.LeftMultiply(array(r, d, 3, 2), 4))
add("Product", lambda r, d: ops.Hadamard(array(r, d, 3, 4)) @ ops.LeftMultiply(array(r, d, 3, 2), 4))
add("Product, compound", lambda r, d: ops.Hadamard(array(r, d, 2, 4)) @ ops.Concatenate(((2, 1), (2, 3)), 1))
add("Multiple", lambda r, d: np.dtype(d).type(1.5) * ops.LeftMultiply(array(r, d, 3, 2), 4))
add("Multiple, complex", lambda r, d: (1 - 2j) * ops.LeftMultiply(array(r, d, 3, 2), 4))
add("Relabelled", lambda r, d: ops.Relabelled(ops.LeftMultiply(array(r, d, 3, 2), 4), (8,), (2, 6)))
add("AsReal", lambda r, d: ops.LeftMultiply(array(r, d, 3, 2), 4).as_real())
add("AsReal of a real-linear map", lambda r, d: ops.ImaginaryPart((3,)).as_real())
add("Foreign, SciPy", lambda r, d: ops.Foreign(scipy.sparse.linalg.aslinearoperator(array(r, d, 6, 4)), (2, 2), (6,)))
add("Foreign, PyLops", lambda r, d: ops.Foreign(pylops.MatrixMult(array(r, d, 3, 4), dtype=np.dtype(d))))

# -- elementwise -------------------------------------------------------------------

add("Scaling", lambda r, d: ops.Scaling(np.dtype(d).type(2.5), (2, 3)))
add("Scaling, complex", lambda r, d: ops.Scaling(2 + 1j, (2, 3)))
add("Hadamard", lambda r, d: ops.Hadamard(array(r, d, 2, 3)))
add("Hadamard, broadcast M", lambda r, d: ops.Hadamard(array(r, d, 3), (2, 3)))
add("BroadcastHadamard", lambda r, d: ops.BroadcastHadamard(array(r, d, 4, 2, 3), (2, 1), (4, 2, 3)))
add("BroadcastHadamard, smaller M", lambda r, d: ops.BroadcastHadamard(array(r, d, 3), (2, 1), (4, 2, 3)))
add("Cast to double", lambda r, d: ops.Cast((2, 3), np.dtype(d), np.result_type(d, np.float64)))
add("Cast to complex", lambda r, d: ops.Cast((2, 3), real_dtype(d), np.result_type(d, np.complex64)))
add("RealPart", lambda r, d: ops.RealPart((2, 3)))
add("ImaginaryPart", lambda r, d: ops.ImaginaryPart((2, 3)))
add("Conjugate", lambda r, d: ops.Conjugate((2, 3)))

# -- products -------------------------------------------------------------------

add("LeftMultiply", lambda r, d: ops.LeftMultiply(array(r, d, 3, 2), 4))
add("LeftMultiply, one column", lambda r, d: ops.LeftMultiply(array(r, d, 3, 2), 1))
add("RightMultiply", lambda r, d: ops.RightMultiply(array(r, d, 3, 2), 4))
add("Kronecker", lambda r, d: ops.Kronecker(array(r, d, 3, 2), array(r, d, 2, 4)))
add("Kronecker, right first", lambda r, d: ops.Kronecker(array(r, d, 2, 4), array(r, d, 3, 2)))
add("InnerProduct", lambda r, d: ops.InnerProduct(array(r, d, 3, 2)))
add("InnerProduct, scalar", lambda r, d: ops.InnerProduct(array(r, d)))
add("MatrixVector", lambda r, d: ops.MatrixVector(array(r, d, 3, 2)))
add("VectorOfMatrix", lambda r, d: ops.VectorOfMatrix(array(r, d, 4), 3))
add("VectorTimesMatrix", lambda r, d: ops.VectorTimesMatrix(array(r, d, 4), 3))
for name, stack, dims in [
    ("one matrix", (), (2, 3, 4)),
    ("one X", (2, 2), (3, 4)),
    ("equal stacks", (2,), (2, 3, 4)),
    ("broadcast both", (2, 1), (3, 3, 4)),
    ("X broadcast", (2, 3), (1, 3, 4)),
]:
    add(
        f"StackedLeftMultiply, {name}",
        lambda r, d, stack=stack, dims=dims: ops.StackedLeftMultiply(array(r, d, *stack, 2, dims[-2]), dims),
    )
    add(
        f"StackedRightMultiply, {name}",
        lambda r, d, stack=stack, dims=dims: ops.StackedRightMultiply(array(r, d, *stack, dims[-1], 2), dims),
    )

# -- shaping -------------------------------------------------------------------

add("Permute", lambda r, d: ops.Permute((2, 0, 1), (2, 3, 4)))
add("Permute, reversed", lambda r, d: ops.Permute(None, (2, 3, 4)))
add("Reshape", lambda r, d: ops.Reshape((2, 6), (3, 4)))
add("Broadcast", lambda r, d: ops.Broadcast((2, 1), (3, 2, 4)))
add("Broadcast, scalar", lambda r, d: ops.Broadcast((), (3,)))
add("SumAxes", lambda r, d: ops.SumAxes((2, 3, 4), (0, 2)))
add("SumAxes, keepdims", lambda r, d: ops.SumAxes((2, 3, 4), 1, keepdims=True))
add("SumAxes, all", lambda r, d: ops.SumAxes((2, 3)))
add("Flip", lambda r, d: ops.Flip((2, 3)))
add("Flip, one axis", lambda r, d: ops.Flip((2, 3), 0))
add("Roll", lambda r, d: ops.Roll((2, 3), (1, -1), (0, 1)))
add("Roll, flattened", lambda r, d: ops.Roll((2, 3), 2))

# -- indexing, joining, cumulative -------------------------------------------------------------------

INDEX_DIMS = (3, 4, 2)
INDEX_KEYS = {
    "integer": 1,
    "negative integer": (Ellipsis, -1),
    "slices": (slice(None, None, -1), slice(1, 4, 2)),
    "newaxis": (None, slice(None), None, 1),
    "integer array, repeated": np.array([0, 2, 2, -1, 0]),
    "list": [1, 1],
    "empty list": [],
    "2-D integer array": (slice(None), np.array([[0, 1], [3, 3]])),
    "0-d integer array": np.array(1),
    "mask": np.array([True, False, True]),
    "mask in the middle": (slice(None), np.array([True, False, True, True])),
    "2-D mask": np.array([[True, False, True, True], [False] * 4, [True, True, False, False]]),
    "two arrays": (np.array([0, 1, 0]), np.array([3, 3, 3])),
    "array and integer": (1, slice(None), np.array([0, 1, 1])),
    "adjacent, not first": (slice(None), np.array([0, 3, 0]), np.array([1, 1, 1])),
    "separated by a slice": (np.array([0, 1, 0]), slice(None), np.array([1, 1, 1])),
    "separated by an ellipsis": (np.array([[0], [1]]), Ellipsis, np.array([1, 0, 0])),
    "separated by newaxis": (slice(None), np.array([0, 3, 0]), None, np.array([1, 1, 1])),
    "separated, leading ellipsis": (Ellipsis, [0, 1], slice(None), [0, 1]),
    "mask and array": (np.array([True, False, True]), slice(None), np.array([1, 1])),
    "array, broadcast": (np.array([[0], [2]]), np.array([1, 1, 3])),
    "boolean scalar": (True, slice(None), 1),
}
INDEX_KEYS["separated, leading ellipsis"] = (Ellipsis, None, [0, 1], slice(None), [0, 1])
for name, key in INDEX_KEYS.items():
    add(f"Index, {name}", lambda r, d, key=key: ops.Index(key, INDEX_DIMS))
add("Index, many slices", lambda r, d: ops.Index((slice(None), np.array([0, 5, 5, -1])), (2, 6, 3)))
add("Embed", lambda r, d: ops.Embed((2, 2), (3, 4), (1, 0)))
add("Concatenate", lambda r, d: ops.Concatenate(((2, 1), (2, 3)), 1))
add("Concatenate, one array", lambda r, d: ops.Concatenate(((2, 1),), -1))
for mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
    add(f"Pad, {mode}", lambda r, d, mode=mode: ops.Pad(((1, 2), (0, 2)), (3, 4), mode))
add("CumulativeSum", lambda r, d: ops.CumulativeSum((2, 3), 0))
add("CumulativeSum, flattened", lambda r, d: ops.CumulativeSum((2, 3)))
for _axis in (0, 1, None):
    add(
        f"CumulativeProduct, {_axis}",
        lambda r, d, k=_axis: (lambda a: ops.CumulativeProduct(a, np.cumprod(a, k), k))(array(r, d, 3, 2)),
    )
for _name, _key, _dims in [("slice", (slice(1, 3),), (2, 4)), ("broadcast", (0,), (1, 1)), ("array", ([2, 0], 1), ())]:
    add(f"Clear, {_name}", lambda r, d, k=_key: ops.Clear(k, (3, 4)))
    add(f"Place, {_name}", lambda r, d, k=_key, n=_dims: ops.Place(k, n, (3, 4)))
for _dims in ((4, 2), (3, 4, 1)):
    add(f"SparseMultiply, {_dims}", lambda r, d, n=_dims: ops.SparseMultiply(csr_array(array(r, d, 3, 4)), n))
for _kind in ("dct", "dst"):
    for _type in (1, 2, 3, 4):
        for _norm in (False, True):
            add(
                f"RealTransform, {_kind} {_type} {_norm}",
                lambda r, d, k=(_kind, _type), o=_norm: ops.RealTransform(*k, -2, (4, 2), o),
            )
for _inverse, _n in ((False, 4), (True, 5)):
    add(f"HankelTransform, {_n}", lambda r, d, k=_inverse, n=_n: ops.HankelTransform(k, 0.2, 0.5, 0.1, 0.3, (2, n)))
add("Difference", lambda r, d: ops.Difference((4, 3), 0))
add("Difference, to nothing", lambda r, d: ops.Difference((2, 1)))

# -- einsum, solve, fft, convert -------------------------------------------------------------------

EINSUMS = {
    "product, left": ("ij,jk->ik", [(2, 3), (3, 4)], 0),
    "product, right, implicit": ("ij,jk", [(2, 3), (3, 4)], 1),
    "implicit order": ("kj,ji", [(2, 3), (3, 4)], 0),
    "trace": ("ii", [(3, 3)], 0),
    "diagonal": ("ii->i", [(3, 3)], 0),
    "diagonal of three axes": ("iij->ji", [(3, 3, 2)], 0),
    "two traces": ("iijj", [(2, 2, 3, 3)], 0),
    "diagonal times vector": ("iji,j->i", [(2, 3, 2), (3,)], 0),
    "own label summed": ("ij,k->k", [(3, 2), (4,)], 0),
    "ellipsis": ("...ij,...jk->...ik", [(2, 3, 4), (5, 2, 4, 3)], 0),
    "ellipsis, broadcast": ("...ij,...jk", [(2, 3, 4), (5, 1, 4, 3)], 1),
    "ellipsis, alone": ("i...->...", [(2, 3)], 0),
    "three operands": ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)], 1),
    "broadcast label": ("ij,ij->ij", [(1, 3), (2, 3)], 0),
    "broadcast other": ("ij,ij->j", [(1, 3), (2, 3)], 1),
    "outer": ("i,j->ij", [(2,), (3,)], 1),
}
for name, (subscripts, shapes, position) in EINSUMS.items():
    add(
        f"EinsumOperand, {name}",
        lambda r, d, s=subscripts, shapes=shapes, p=position: ops.EinsumOperand(
            s, [array(r, d, *shape) for shape in shapes], p
        ),
    )
add("Solve", lambda r, d: ops.Solve(invertible(r, d, 4, 4)))
add("Solve, columns", lambda r, d: ops.Solve(invertible(r, d, 4, 4), cols=3))
add("Solve, stack", lambda r, d: ops.Solve(invertible(r, d, 2, 3, 3)))
add("Solve, stack of columns", lambda r, d: ops.Solve(invertible(r, d, 2, 3, 3), cols=2))
add("Solve, broadcast", lambda r, d: ops.Solve(invertible(r, d, 2, 3, 3), dims=(3, 2)))
add("Solve, broadcast both", lambda r, d: ops.Solve(invertible(r, d, 2, 3, 3), dims=(2, 1, 3, 2)))
add("Solve, stacked X", lambda r, d: ops.Solve(invertible(r, d, 3, 3), dims=(2, 3, 2)))
add("LinearSystem", lambda r, d: ops.LinearSystem(invertible(r, d, 3, 3), (3,), True))
add("LinearSystem, columns", lambda r, d: ops.LinearSystem(invertible(r, d, 3, 3), (3, 2), False))
add("LinearSystem, stack", lambda r, d: ops.LinearSystem(invertible(r, d, 2, 3, 3), (2, 3), True))
add("LinearSystem, stack of columns", lambda r, d: ops.LinearSystem(invertible(r, d, 2, 3, 3), (2, 3, 2), False))
add("TriangularSolve", lambda r, d: ops.TriangularSolve(invertible(r, d, 4, 4)))
add("TriangularSolve, upper", lambda r, d: ops.TriangularSolve(invertible(r, d, 4, 4), lower=False, cols=3))
add("TriangularSolve, F order", lambda r, d: ops.TriangularSolve(invertible(r, d, 4, 4).T, cols=2))
add("TriangularSolve, stack", lambda r, d: ops.TriangularSolve(invertible(r, d, 2, 3, 3), cols=2))
for stack in ((), (2,)):
    add(
        f"CofactorDifferential, {stack}",
        lambda r, d, s=stack: ops.CofactorDifferential(*np.linalg.svd(array(r, d, *s, 3, 3))),
    )
    add(
        f"PolarDifferential, {stack}",
        lambda r, d, s=stack: ops.PolarDifferential(*np.linalg.svd(array(r, d, *s, 4, 3), full_matrices=False)),
    )
    add(f"PseudoinverseDifferential, {stack}", lambda r, d, s=stack: pseudoinverse(array(r, d, *s, 4, 3)))
    # Complex eigenvectors refuse cotangents that depend on their phases, as random ones do: real data for every dtype.
    add(f"HermitianEigen, {stack}", lambda r, d, s=stack: eigen_of_symmetric(array(r, real_dtype(d), *s, 3, 3)))
    add(f"GeneralEigen, {stack}", lambda r, d, s=stack: general_eigen(array(r, real_dtype(d), *s, 3, 3)))
    add(
        f"SingularValueDecomposition, {stack}",
        lambda r, d, s=stack: ops.SingularValueDecomposition(
            *np.linalg.svd(array(r, real_dtype(d), *s, 4, 3), full_matrices=False)
        ),
    )
    add(f"LogDeterminant, {stack}", lambda r, d, s=stack: log_determinant(invertible(r, d, *s, 3, 3)))
    add(f"CholeskyDifferential, {stack}", lambda r, d, s=stack: cholesky(invertible(r, d, *s, 3, 3)))
    for rows in (4, 3):
        add(f"QRDifferential, {(*stack, rows, 3)}", lambda r, d, s=(*stack, rows, 3): ops.QRDifferential(*np.linalg.qr(
            array(r, d, *s))))  # fmt: skip
for rank in (3, 2):
    for operator in (ops.LeastSquaresInMatrix, ops.LeastSquaresInRightHandSide):
        add(f"{operator.__name__}, {rank}", lambda r, d, o=operator, k=rank: least_squares(o, array(r, d, 4, 3), array(
            r, d, 4, 2), k))  # fmt: skip
add("FFT", lambda r, d: with_dtype(ops.FFT((3, 4)), d))
add("FFT, cut", lambda r, d: with_dtype(ops.FFT((3, 4), n=3, norm="forward"), d))
add("FFT, padded and cut", lambda r, d: with_dtype(ops.FFT((3, 4), n=(5, 3), axes=(0, 1), norm="ortho"), d))
add("FFT, inverse", lambda r, d: with_dtype(ops.FFT((3, 4), axes=0, inverse=True), d))
for n in (1, 4, 5, 6, 7):
    for norm in ("backward", "ortho", "forward"):
        add(f"RFFT, {n}, {norm}", lambda r, d, n=n, norm=norm: ops.RFFT((5, 2), n=n, axis=0, norm=norm))
        add(f"IRFFT, {n}, {norm}", lambda r, d, n=n, norm=norm: with_dtype(ops.IRFFT((2, 4), n=n, norm=norm), d))
add("RFFT, default", lambda r, d: ops.RFFT((2, 4)))
add("IRFFT, default", lambda r, d: with_dtype(ops.IRFFT((2, 4)), d))
add("Matrix", lambda r, d: ops.Matrix(array(r, d, 6, 4), (2, 2), (3, 2)))
add("Matrix, sparse", lambda r, d: ops.Matrix(scipy.sparse.csr_array(array(r, d, 6, 4)), (2, 2)))
for _shape in [(3, 3), (4, 3), (3, 4)]:
    add(f"LUDifferential, {_shape}", lambda r, d, s=_shape: lu(array(r, d, *s)))
