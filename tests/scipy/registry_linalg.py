"""Entries for scipy.linalg."""

import numpy as np

import opad.scipy.linalg as sl
from tests.scipy.registry import adjoint, case

S, V = (4, 4), (4,)


def hermitian(a):
    return (a + adjoint(a)) / 2


def weighted(vectors):
    """Sum of k v_k v_k^H: free of signs, phases and the order of nothing but the columns."""
    k = np.arange(1.0, np.shape(vectors)[1] + 1).astype(vectors.real.dtype)
    return (vectors * k) @ adjoint(vectors)


# -- solving --------------------------------------------------------------------------------------------------------

case(sl.solve, sl.solve, S, V, kinds=("general", "any"))
case(sl.solve, sl.solve, S, (4, 3), kinds=("general", "any"))
case(sl.solve, lambda a, b: sl.solve(a, b, transposed=True), S, V, kinds=("general", "any"), complex=False)
for _kind, _lower in [("pos", False), ("pos", True), ("her", False)]:
    case(sl.solve, lambda a, b, k=_kind, lo=_lower: sl.solve(hermitian(a), b, assume_a=k, lower=lo), S, (4, 2),
         kinds=("positive", "any"), name=_kind)  # fmt: skip
case(sl.solve, lambda a, b: sl.solve(hermitian(a), b, assume_a="sym"), S, V, kinds=("positive", "any"), complex=False)
case(sl.solve, lambda a, b: sl.solve(a * np.eye(4), b, assume_a="diagonal"), S, (4, 2), kinds=("general", "any"))
case(sl.solve, lambda a, b: sl.solve(np.tril(a), b, assume_a="lower triangular"), S, V, kinds=("general", "any"))
for _trans in (0, 1, "C"):
    for _lower in (False, True):
        case(sl.solve_triangular, lambda a, b, t=_trans, lo=_lower: sl.solve_triangular(a, b, trans=t, lower=lo), S,
             (4, 2), kinds=("general", "any"), name=f"{_trans} {_lower}")  # fmt: skip
case(sl.solve_triangular, lambda a, b: sl.solve_triangular(a, b, unit_diagonal=True), S, V, kinds=("small", "any"))
case(sl.inv, sl.inv, S, kinds="general")
case(sl.det, sl.det, S, kinds="general")
case(sl.pinv, sl.pinv, (5, 3))
case(sl.pinv, lambda a: sl.pinv(a, rtol=1e-5), (3, 5))
case(sl.pinvh, lambda a: sl.pinvh(hermitian(a)), S, kinds="positive")
case(sl.lstsq, lambda a, b: sl.lstsq(a, b)[0], (5, 3), (5,))
case(sl.lstsq, lambda a, b: (sl.lstsq(a, b)[0], np.real(sl.lstsq(a, b)[1])), (5, 3), (5, 2))
case(sl.lstsq, lambda a, b: (sl.lstsq(a, b)[0], sl.lstsq(a, b)[3]), (3, 5), (3,))
for _lower in (False, True):
    case(sl.cho_solve, lambda a, b, lo=_lower: sl.cho_solve(sl.cho_factor(hermitian(a), lower=lo), b), S, (4, 2),
         kinds=("positive", "any"))  # fmt: skip
    case(sl.cho_factor, lambda a, lo=_lower: (np.tril if lo else np.triu)(sl.cho_factor(hermitian(a), lower=lo)[0]), S,
         kinds="positive")  # fmt: skip
    case(sl.cholesky, lambda a, lo=_lower: sl.cholesky(hermitian(a), lower=lo), S, kinds="positive")
    case(sl.cho_solve_banded, lambda cb, b, lo=_lower: sl.cho_solve_banded((cb, lo), b), (3, 5), (5, 2),
         kinds=("lower bands" if _lower else "upper bands", "any"))  # fmt: skip
    case(sl.solveh_banded, lambda ab, b, lo=_lower: sl.solveh_banded(np.real(ab[:1]) * 0 + ab, b, lower=lo), (3, 5),
         (5,), kinds=("lower bands" if _lower else "upper bands", "any"), complex=False)  # fmt: skip
case(sl.solveh_banded, lambda ab, b: sl.solveh_banded(np.concatenate([ab, 5 + np.abs(ab) ** 2]), b), (1, 5), (5, 2))
for _trans in (0, 1, 2):
    case(sl.lu_solve, lambda a, b, t=_trans: sl.lu_solve(sl.lu_factor(a[::-1]), b, trans=t), S, (4, 2),
         kinds=("general", "any"), single=False)  # fmt: skip
case(sl.solve_banded, lambda ab, b: sl.solve_banded((1, 1), ab, b), (3, 5), (5,), kinds=("bands", "any"))
case(sl.solve_banded, lambda ab, b: sl.solve_banded((2, 0), ab, b), (3, 5), (5, 2), kinds=("lower bands", "any"))
case(sl.solve_banded, lambda ab, b: sl.solve_banded((0, 2), ab, b), (3, 5), (5, 2), kinds=("upper bands", "any"))
case(sl.solve_toeplitz, sl.solve_toeplitz, V, V, kinds=("dominant", "any"))
case(sl.solve_toeplitz, lambda c, r, b: sl.solve_toeplitz((c, r), b), V, V, (4, 2), kinds=("dominant", "any", "any"))
case(sl.solve_circulant, sl.solve_circulant, V, V, kinds=("dominant", "any"))
case(sl.solve_circulant, sl.solve_circulant, (5,), (5, 2), kinds=("dominant", "any"))
case(sl.matmul_toeplitz, sl.matmul_toeplitz, V, V)
case(sl.matmul_toeplitz, lambda c, r, x: sl.matmul_toeplitz((c, r), x), (3,), (5,), (5, 2))

# -- matrix equations -----------------------------------------------------------------------------------------------

case(sl.solve_sylvester, sl.solve_sylvester, S, (3, 3), (4, 3), kinds=("general", "general", "any"))
case(sl.solve_continuous_lyapunov, sl.solve_continuous_lyapunov, S, S, kinds=("general", "any"))
case(sl.solve_discrete_lyapunov, sl.solve_discrete_lyapunov, (3, 3), (3, 3), kinds=("small", "any"))
case(sl.solve_discrete_lyapunov, lambda a, q: sl.solve_discrete_lyapunov(a, q, method="bilinear"), (3, 3), (3, 3),
     kinds=("small", "any"))  # fmt: skip
for _are in (sl.solve_continuous_are, sl.solve_discrete_are):
    case(_are, lambda a, b, q, r, f=_are: f(a, b, hermitian(q), hermitian(r)), (3, 3), (3, 2), (3, 3), (2, 2),
         kinds=("general", "any", "positive", "positive"), single=False)  # fmt: skip

# -- factorisations -------------------------------------------------------------------------------------------------

for _shape in [(4, 4), (5, 3), (3, 5)]:
    case(sl.lu, lambda a: sl.lu(a)[1:], _shape)
    case(sl.lu, lambda a: sl.lu(a, permute_l=True), _shape)
    case(sl.lu_factor, lambda a: sl.lu_factor(a)[0], _shape)
    case(sl.qr, lambda a: sl.qr(a, mode="economic"), _shape)
    case(sl.qr, lambda a: sl.qr(a, mode="r")[0], _shape)
    case(sl.qr, lambda a: sl.qr(a, mode="economic", pivoting=True)[:2], _shape)
    case(sl.polar, sl.polar, _shape)
    case(sl.polar, lambda a: sl.polar(a, side="left"), _shape)
    case(sl.svdvals, sl.svdvals, _shape)
    case(sl.svd, lambda a: weighted(sl.svd(a, full_matrices=False)[0]), _shape)
    case(sl.svd, lambda a: sl.svd(a, compute_uv=False), _shape)
case(sl.eigh, lambda a: (weighted(sl.eigh(hermitian(a))[1]), sl.eigh(hermitian(a), lower=False)[0]), S)
case(sl.eigh, lambda a: weighted(sl.eigh(hermitian(a), subset_by_index=[1, 2])[1]), S)
case(sl.eigh, lambda a, b: (weighted(sl.eigh(hermitian(a), hermitian(b))[1]), sl.eigh(hermitian(a), hermitian(b))[0]),
     S, S, kinds=("any", "positive"))  # fmt: skip
case(sl.eigh_tridiagonal, lambda d, e: weighted(sl.eigh_tridiagonal(d, e)[1]), (4,), (3,), complex=False)
case(sl.eigh_tridiagonal, lambda d, e: sl.eigh_tridiagonal(d, e, eigvals_only=True), (4,), (3,), complex=False)
case(sl.eigvalsh_tridiagonal, sl.eigvalsh_tridiagonal, (4,), (3,), complex=False)
case(sl.eigvalsh, lambda a: sl.eigvalsh(hermitian(a)), S)
case(sl.eigvalsh, lambda a, b: sl.eigvalsh(hermitian(a), hermitian(b)), S, S, kinds=("any", "positive"))
case(sl.eig, lambda a: (np.abs(sl.eig(a)[0]) ** 2, np.sum(np.abs(sl.eig(a)[1]) ** 4, axis=0)), S, kinds="general")
case(sl.eigvals, lambda a: np.real(sl.eigvals(a)), S, kinds="general")
case(sl.orthogonal_procrustes, sl.orthogonal_procrustes, (5, 3), (5, 3))

# -- functions of matrices ------------------------------------------------------------------------------------------

for _f in (sl.expm, sl.cosm, sl.sinm, sl.tanm, sl.coshm, sl.sinhm, sl.tanhm):
    case(_f, lambda a, f=_f: f(a / 4), (3, 3))
case(sl.expm, sl.expm, (2, 3, 3), name="stack")
case(sl.expm_frechet, lambda a, e: sl.expm_frechet(a / 2, e), (3, 3), (3, 3))
for _f in (sl.logm, sl.sqrtm):
    case(_f, _f, (3, 3), kinds="general", single=False)
case(sl.signm, lambda a: sl.signm(a - 2.3 * np.eye(3)), (3, 3), kinds="general", single=False)
for _t in (0.3, -1.5, 2):
    case(sl.fractional_matrix_power, lambda a, t=_t: sl.fractional_matrix_power(a, t), (3, 3), kinds="general",
         single=False, name=f"{_t}")  # fmt: skip

# -- matrices made of a few numbers ---------------------------------------------------------------------------------

case(sl.norm, sl.norm, (3, 4))
case(sl.norm, lambda a: sl.norm(a, 2), (3, 4))
case(sl.norm, lambda a: sl.norm(a, axis=1, keepdims=True), (3, 4))
case(sl.toeplitz, sl.toeplitz, V)
case(sl.toeplitz, sl.toeplitz, (3,), (5,))
case(sl.hankel, sl.hankel, V)
case(sl.hankel, sl.hankel, (3,), (5,))
case(sl.circulant, sl.circulant, V)
case(sl.companion, sl.companion, V, kinds="dominant")
case(sl.leslie, sl.leslie, V, (3,))
for _mode in ("full", "same", "valid"):
    case(sl.convolution_matrix, lambda a, m=_mode: sl.convolution_matrix(a, 5, m), (3,))
    case(sl.convolution_matrix, lambda a, m=_mode: sl.convolution_matrix(a, 3, m), (4,))
case(sl.block_diag, sl.block_diag, (2, 3), (2,), (1, 1))
case(sl.khatri_rao, sl.khatri_rao, (2, 3), (4, 3))
case(sl.diagsvd, lambda s: sl.diagsvd(s, 3, 5), (3,))
