"""Differentials of the eigenvalue and singular value decompositions.

Where eigenvalues or singular values coincide (to rounding) a decomposition is not differentiable: the vectors are
arbitrary within the invariant subspace. What is still well defined is computed: the values alone, functions of the
vectors alone that do not depend on that choice, such as the projector onto the subspace (by adjoints; forward mode
cannot see the function), and tangents along directions in which the vectors stay as they are. Everything else raises
`DegenerateSpectrumError`; nothing is ever divided by zero or silently dropped.
"""

import numpy as np

from opad.errors import DegenerateSpectrumError
from opad.operators.algebra import Operator
from opad.operators.dispatch import plain
from opad.operators.elementwise import conjugate
from opad.operators.products import adjoint_matrix, left_product, right_product


class Deferred(tuple):
    """A tuple whose parts are computed when they are first asked for."""

    def __new__(cls, *makers):
        return tuple.__new__(cls, [None] * len(makers))

    def __init__(self, *makers):
        self.makers = makers
        self.made = {}

    def __getitem__(self, k):
        if k not in self.made:
            self.made[k] = self.makers[k]()
        return self.made[k]

    def __iter__(self):
        return (self[k] for k in range(len(self)))


def present_parts(Y):
    """{position: array} of the parts of a tuple that are not structurally zero."""
    present = getattr(Y, "present", None)
    return dict(enumerate(Y)) if present is None else present


def times(A, X):
    """A X for stacks of matrices, X with leading batch axes."""
    return left_product(A, X) if A.ndim == 2 else A @ X


def times_right(X, A):
    """X A for stacks of matrices, X with leading batch axes."""
    return right_product(X, A) if A.ndim == 2 else X @ A


def mirror(X, data):
    """X^H; X^T if the data of the operator are real, so that it is the complex-linear extension of a real map."""
    return adjoint_matrix(X) if data.dtype.kind == "c" else X.swapaxes(-1, -2)


def hermitian_part(X, data):
    """(X + X^H) / 2, as `mirror`."""
    return (X + mirror(X, data)) * 0.5


def skew_part(X, data):
    """(X - X^H) / 2, as `mirror`."""
    return (X - mirror(X, data)) * 0.5


def real_part(X, data):
    """Re X; X itself if the data are real."""
    return np.real(X) if data.dtype.kind == "c" else X


def off_diagonal(X):
    """The matrices without their diagonals."""
    return np.tril(X, -1) + np.triu(X, 1)


def diagonal(X):
    """The diagonals of stacked matrices."""
    return np.diagonal(X, axis1=-2, axis2=-1)


def times_identity(d):
    """Diagonal matrices with the given diagonals."""
    return np.tril(np.triu(np.broadcast_to(d[..., None], (*d.shape, d.shape[-1]))))


def rounding_level(values):
    """What counts as zero next to the largest of `values` along the last axis: 10 n eps max |values|."""
    values = np.abs(plain(values))
    largest = np.max(values, axis=-1, keepdims=True) if values.shape[-1] else 0 * values
    return 10 * values.shape[-1] * np.finfo(values.dtype).eps * largest


def reciprocal_where(gaps, close):
    """1 / gaps, and 0 where gaps are `close` to zero."""
    return np.where(close, 0, 1 / np.where(close, 1, gaps)).astype(gaps.dtype)


def _max_abs(X):
    largest = np.max if X.shape[-1] and X.shape[-2] else np.sum
    return largest(np.abs(plain(X)), axis=(-2, -1), keepdims=True)


def require_zero(numerator, close, size, what):
    """Raise unless `numerator` vanishes at the positions `close`, to rounding when compared with `size`."""
    numerator = np.abs(plain(numerator)) * close
    tolerance = 100 * max(numerator.shape[-2:]) * np.finfo(numerator.dtype).eps
    if np.any(numerator > tolerance * size):
        raise DegenerateSpectrumError(what)


_EIGENVECTORS = (
    "the derivative of eigenvectors (numpy.linalg.eigh) was asked for at a matrix with repeated eigenvalues, where "
    "they are not differentiable. Expected distinct eigenvalues, or a function that depends on the eigenvalues alone "
    "(numpy.linalg.eigvalsh) or, in reverse mode, on invariant subspaces alone. Write functions of the matrix without "
    "a decomposition (products, inv, solve, slogdet), or perturb the matrix."
)
_SINGULAR_VECTORS = _EIGENVECTORS.replace("eigenvectors", "singular vectors").replace("eigenvalues", "singular values")
_SINGULAR_VECTORS = _SINGULAR_VECTORS.replace("eigvalsh", "svdvals").replace("linalg.eigh", "linalg.svd")
_DEFECTIVE = (
    "the derivative of numpy.linalg.eig or eigvals was asked for at a defective matrix (its eigenvectors are linearly "
    "dependent to rounding), where eigenvalues are not differentiable. Expected a diagonalisable matrix; write the "
    "function without a decomposition, or perturb the matrix."
)
_PHASE = (
    "a function was differentiated that depends on the phases of complex {0} vectors, which are arbitrary (every "
    "vector may be multiplied by exp(i phi)). Expected a function of the decomposition that does not change with "
    "them, such as a projector v v^H or |v|."
)


class HermitianEigen(Operator):
    """A -> (w, V) with A V = V diag(w), A Hermitian.

    With C = V^H sym(dA) V and F_ij = 1 / (w_j - w_i), F_ii = 0:

    Forward:  dw = diag C, dV = V (F .* C)          Adjoint:  A~ = V (diag w~ + F .* skew(V^H V~)) V^H

    sym(X) = (X + X^H) / 2: the gradient is the Hermitian one, although only one triangle of A is read. Complex
    eigenvectors move with V^H dV having a zero diagonal. Where w_i and w_j agree to rounding, F_ij = 0 if the adjoint
    can tell that the function does not depend on how V is chosen within the eigenspace: its numerator skew(V^H V~)_ij
    vanishes and the eigenvalues of this eigenspace do not occur in the function, or if, in forward mode, the vectors of
    this eigenspace are eigenvectors of dA, too (C_ij = 0 is not enough: dA may couple i and j by way of another k).
    Otherwise it raises.

    Parameters
    ----------
    w : (*stack, n) array
    V : (*stack, n, n) array

    References
    ----------
    J. R. Magnus, On differentiating eigenvalues and eigenvectors, Econometric Theory 1, 1985.
    M. Giles, Collected matrix derivative results for forward and reverse mode AD, 2008.
    """

    clinear = property(lambda self: self.V.dtype.kind != "c")

    def __init__(self, w, V):
        self.w = w
        self.V = V
        self.dims = V.shape
        self.dimsd = (w.shape, V.shape)

    def apply(self, X):
        V = self.V
        C = hermitian_part(times(adjoint_matrix(V), times_right(X, V)), V)
        return Deferred(lambda: real_part(diagonal(C), V), lambda: self._vectors(C))

    def _vectors(self, C):
        F, close = reciprocal_gaps(self.w)
        require_zero(off_diagonal(plain(C)), repeated(close)[..., None, :], _max_abs(C), _EIGENVECTORS)
        return times(self.V, F * C)

    def apply_adjoint(self, Y):
        V, parts = self.V, present_parts(Y)
        if 1 not in parts:
            return times_right(V * parts[0][..., None, :], adjoint_matrix(V))
        P = times(adjoint_matrix(V), parts[1])
        skew = skew_part(P, V)
        F, close = reciprocal_gaps(self.w)
        require_zero(off_diagonal(plain(skew)), close, _max_abs(P), _EIGENVECTORS)
        if V.dtype.kind == "c":
            require_zero(times_identity(diagonal(plain(skew))), True, _max_abs(P), _PHASE.format("eigen"))
        inner = F * skew
        if 0 in parts:
            refuse_mixture(repeated(close), close, parts[0], plain(P), _EIGENVECTORS)
            inner = inner + times_identity(parts[0])
        return times(V, times_right(inner, adjoint_matrix(V)))


def reciprocal_gaps(w):
    """(F, close): F_ij = 1 / (w_j - w_i), 0 where they are close to each other, to rounding; the diagonal is close."""
    gaps = w[..., None, :] - w[..., :, None]
    close = np.abs(plain(gaps)) <= rounding_level(w)[..., None]
    return reciprocal_where(gaps, close), close


def repeated(close):
    """Which values are close to another one."""
    return np.sum(close, axis=-1) > 1


def refuse_mixture(degenerate, close, values, products, what):
    """Raise if a function depends both on degenerate values and on their vectors.

    For V f(w) V^H the missing term f'(w_i) (V^H A~ V)_ij cannot be told from the one of f'(w_i) delta_ij of a function
    that is a sum of a function of w and a function of V.
    """
    if np.any(degenerate * np.abs(plain(values)) > 0) or np.any(degenerate[..., None] * close * np.abs(products) > 0):
        raise DegenerateSpectrumError(what)


class SingularValueDecomposition(Operator):
    """A -> (U, s, V^H), the thin decomposition A = U diag(s) V^H.

    With C = U^H dA V, H = (C + C^H)/2, K = (C - C^H)/2, G-_ij = 1/(s_j - s_i), G-_ii = 0, G+_ij = 1/(s_j + s_i):

    Forward:  ds = Re diag C, dU = U (H .* G- + K .* G+) + (dA V - U C) / s,
    dV = V (H .* G- - K .* G+) + (dA^H U - V C^H) / s          Adjoint, with P = U^H U~, Q = V^H V~:
    A~ = U (diag s~ + skew(P + Q) .* G- + skew(P - Q) .* G+) V^H + (U~ - U P) / s V^H + U ((V~ - V Q) / s)^H

    The split into H and K keeps apart what is singular at repeated values (G-) from what is singular at zero (G+ and
    1/s): the polar factor U V^H is differentiated right at repeated singular values. Degenerate cases are treated as
    by `HermitianEigen`, and so is a complex A with one zero singular value: along A + t E its vectors turn by the phase
    of u^H E v, of which the values know the real part alone. The phases of other complex vectors move symmetrically.

    Parameters
    ----------
    U : (*stack, m, k) array
    s : (*stack, k) array
    Vh : (*stack, k, n) array, k = min(m, n)

    References
    ----------
    J. Townsend, Differentiating the singular value decomposition, 2016.
    Z.-Q. Wan, S.-X. Zhang, Automatic differentiation for complex valued SVD, arXiv:1909.02659.
    """

    clinear = property(lambda self: self.U.dtype.kind != "c")

    def __init__(self, U, s, Vh):
        self.U = U
        self.s = s
        self.Vh = Vh
        self.dims = (*U.shape[:-1], Vh.shape[-1])
        self.dimsd = (U.shape, s.shape, Vh.shape)

    def apply(self, X):
        U, V = self.U, adjoint_matrix(self.Vh)
        XV = times_right(X, V)
        C = times(adjoint_matrix(U), XV)
        return Deferred(
            lambda: self._left(C, X, XV),
            lambda: real_part(diagonal(C), U),
            lambda: mirror(self._right(C, X, XV), U),
        )

    def _left(self, C, X, XV):
        U = self.U
        even, odd = self._rotations(C, X, XV)
        dU = times(U, even + odd)
        return dU if U.shape[-2] == U.shape[-1] else dU + self._over_s(XV - times(U, C), X)

    def _right(self, C, X, XV):
        V = adjoint_matrix(self.Vh)
        even, odd = self._rotations(C, X, XV)
        dV = times(V, even - odd)
        if V.shape[-2] == V.shape[-1]:
            return dV
        return dV + self._over_s(times(mirror(X, V), self.U) - times(V, mirror(C, V)), X)

    def _rotations(self, C, X, XV):
        H, K = hermitian_part(C, self.U), skew_part(C, self.U)
        minus, _, plus, null, degenerate = self._gaps()
        if np.any(degenerate):  # what dA adds to A V = U S and A^H U = V S besides dS
            U, V, d = plain(self.U), adjoint_matrix(plain(self.Vh)), diagonal(plain(C))[..., None, :]
            for moved in (plain(XV) - U * d, times(mirror(plain(X), V), U) - V * conjugate(d)):
                require_zero(moved, degenerate[..., None, :], _max_abs(X), _SINGULAR_VECTORS)
        require_zero(K, null, _max_abs(C), _SINGULAR_VECTORS)
        return H * minus, K * plus

    def _gaps(self):
        """G-, where its denominators vanish, G+, where these vanish; which values do not determine their vectors."""
        s = self.s
        sums = s[..., None, :] + s[..., :, None]
        null = plain(sums) <= rounding_level(s)[..., None]
        minus, close = reciprocal_gaps(s)
        shared = repeated(close)
        shared = np.logical_or(shared, diagonal(null)) if self.U.dtype.kind == "c" else shared
        return minus, close, reciprocal_where(sums, null), null, shared

    def _over_s(self, N, X):
        """N diag(1/s), N made of X; raises where that is not defined."""
        null = plain(self.s) <= rounding_level(self.s)
        require_zero(N, null[..., None, :], _max_abs(X), _SINGULAR_VECTORS)
        return N * reciprocal_where(self.s, null)[..., None, :]

    def apply_adjoint(self, Y):
        U, Vh, parts = self.U, self.Vh, present_parts(Y)
        if set(parts) == {1}:
            return times_right(U * parts[1][..., None, :], Vh)
        V = adjoint_matrix(Vh)
        P = times(adjoint_matrix(U), parts[0]) if 0 in parts else 0
        Q = mirror(times_right(parts[2], V), V) if 2 in parts else 0
        inner, degenerate, close, products = self._inner(P, Q)
        if 1 in parts:
            refuse_mixture(degenerate, close, parts[1], products, _SINGULAR_VECTORS)
            inner = inner + times_identity(parts[1])
        X = times_right(times(U, inner), Vh)
        if 0 in parts and U.shape[-2] > U.shape[-1]:
            X = X + times_right(self._over_s(parts[0] - times(U, P), parts[0]), Vh)
        if 2 in parts and Vh.shape[-1] > Vh.shape[-2]:
            X = X + times(U, mirror(self._over_s(mirror(parts[2], V) - times(V, Q), parts[2]), V))
        return X

    def _inner(self, P, Q):
        total = P + Q
        even, odd = skew_part(total, self.U), skew_part(P - Q, self.U)
        size = _max_abs(total) + _max_abs(odd)
        minus, close, plus, null, degenerate = self._gaps()
        require_zero(off_diagonal(plain(even)), close, size, _SINGULAR_VECTORS)
        require_zero(odd, null, size, _SINGULAR_VECTORS)
        if self.U.dtype.kind == "c":
            require_zero(times_identity(diagonal(plain(even))), True, size, _PHASE.format("singular"))
        products = np.abs(plain(total)) + np.abs(plain(odd))
        return even * minus + odd * plus, degenerate, close, products


class GeneralEigen(Operator):
    """A -> (w, V) with A V = V diag(w), columns of V of length one; A has distinct eigenvalues.

    With C = V^-1 dA V, F_ij = 1 / (w_j - w_i), F_ii = 0, Z = V (F .* C):

    Forward:  dw = diag C, dV = Z - V Re diag(V^H Z)          Adjoint, with P = V^H V~:
    A~ = V^-H (diag w~ + conj(F) .* (P - V^H V Re diag P)) V^H, its real part where A is real

    Parameters
    ----------
    A : (*stack, n, n) array, of which only the dtype is used
    w : (*stack, n) array
    V : (*stack, n, n) array

    References
    ----------
    C. Boeddeker et al., On the computation of complex-valued gradients, arXiv:1701.00392.
    """

    clinear = property(lambda self: self.V.dtype.kind != "c")

    def __init__(self, A, w, V):
        # Real eigenvectors stay real, and their phase fixed, also where NumPy (from 2.5 on) stores them as complex.
        is_real = A.dtype.kind != "c" and V.dtype.kind == "c" and not np.any(plain(np.imag(V)))
        self.w = np.real(w) if is_real else w
        self.V = np.real(V) if is_real else V
        self.source = A.dtype
        self.dims = V.shape
        self.dimsd = (w.shape, V.shape)

    def _require_basis(self):
        V = plain(self.V)
        s = np.linalg.svd(V, compute_uv=False)
        if np.any(s[..., -1:] < 100 * np.finfo(V.dtype).eps * s[..., :1]):
            raise DegenerateSpectrumError(_DEFECTIVE)

    def apply(self, X):
        self._require_basis()
        C = np.linalg.solve(self.V, times_right(X, self.V))
        return Deferred(lambda: diagonal(C), lambda: self._vectors(C))

    def _vectors(self, C):
        F, close = reciprocal_gaps(self.w)
        shared = repeated(close)
        mixed = np.logical_or(shared[..., None, :], shared[..., :, None])
        require_zero(off_diagonal(plain(C)), mixed, _max_abs(C), _EIGENVECTORS)
        Z = times(self.V, F * C)
        return Z - self.V * real_part(np.sum(np.conj(self.V) * Z, axis=-2, keepdims=True), self.V)

    def apply_adjoint(self, Y):
        self._require_basis()
        V = self.V
        parts = {k: part if V.dtype.kind == "c" else np.real(part) for k, part in present_parts(Y).items()}
        Vh = adjoint_matrix(V)
        inner = times_identity(parts[0]) if 0 in parts else 0
        if 1 in parts:
            P = times(Vh, parts[1])
            if V.dtype.kind == "c":
                phases = times_identity(np.imag(diagonal(plain(P))))
                require_zero(phases, True, _max_abs(P), _PHASE.format("eigen"))
            N = P - (Vh @ V) * real_part(diagonal(P), V)[..., None, :]
            F, close = reciprocal_gaps(self.w)
            require_zero(off_diagonal(plain(N)), close, _max_abs(P), _EIGENVECTORS)
            if 0 in parts:
                refuse_mixture(repeated(close), close, parts[0], plain(P), _EIGENVECTORS)
            inner = inner + np.conj(F) * N
        X = np.linalg.solve(Vh, times_right(inner, Vh))
        return np.real(X) if self.source.kind != "c" and V.dtype.kind == "c" else X
