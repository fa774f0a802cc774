"""Templates of statements for random programs: $a, $b, $c are earlier values, $o the new one; see generated.py."""

import numpy as np
import scipy.special

from opad.tracing.primitives import RULES

_SKIPPED = {
    "ldexp",
    "nextafter",
    "power",
    "float_power",
    "hankel1",
    "hankel2",
    "hankel1e",
    "hankel2e",
    "lambertw",
    "_lambertw",
    "_zeta",
}


def _ufuncs(namespace, prefix, nin):
    names = sorted({f.__name__ for f in RULES if isinstance(f, np.ufunc) and f.nin == nin and f.signature is None})
    names = [n for n in names if isinstance(getattr(namespace, n, None), np.ufunc) and n not in _SKIPPED]
    return [f"{prefix}.{n}({', '.join(['$a', '$b', '$c'][:nin])})" for n in names]


UFUNCS = _ufuncs(np, "np", 1) + _ufuncs(np, "np", 2)
_special = [f"{n}" for n in _ufuncs(scipy.special, "sp", 1) if n not in {f"sp{u[2:]}" for u in UFUNCS}]
SPECIAL = [t for t in _special if not hasattr(np, t.split("(")[0][3:])] + [
    "sp.xlogy($a, np.abs($b))", "sp.xlog1py($a, np.abs($b))", "sp.rel_entr(np.abs($a), np.abs($b) + 0.1)",
    "sp.beta(np.abs($a) + 0.1, np.abs($b) + 0.2)", "sp.huber(1.0, $a)", "sp.pseudo_huber(1.5, $a)",
    "sp.boxcox(np.abs($a) + 0.2, $b)", "sp.jv(1.5, np.abs($a))", "sp.iv(0.5, np.abs($a))", "sp.kv(1, np.abs($a) + 0.3)",
    "sp.gammainc(1.5, np.abs($a))", "sp.betainc(1.5, 2.0, sp.expit($a))", "sp.eval_legendre(3, $a)",
    "sp.eval_hermite(2, $a)", "sp.hyp2f1(0.5, 1.0, 1.5, np.tanh($a) / 2)", "sp.airy($a)[$int]",
    "sp.sici(np.abs($a) + 0.1)[0]",
    "sp.fresnel($a)[1]", "sp.owens_t($a, $b)", "sp.ellipkinc($a, 0.3)", "sp.zeta(2.5, np.abs($a) + 0.5)",
    "sp.binom(4.5, np.abs($a))",
    "sp.expn(2, np.abs($a) + 0.2)", "sp.voigt_profile($a, 1.0, 0.5)",
]  # fmt: skip

ARITHMETIC = [
    "$a + $b", "$a - $b", "$a * $b", "$a / (1.5 + np.cos($b))", "$a * $num", "$num - $a", "$num / (2.5 + np.sin($a))",
    "-$a", "+$a", "abs($a)", "$a ** 2", "$a ** 3", "$a ** -1", "np.abs($a) ** 0.5", "np.abs($a) ** $b", "1.3 ** $a",
    "$a @ $b", "$a @ c3", "c33 @ $a", "c33 * $a", "$a % 1.7", "$a // 0.7 + $a", "divmod($a, 1.3)[1]",
    "$a.real * $b.imag + $a", "$a.conj() * $b", "np.sqrt(1.5 + np.abs($a))", "np.log(1.5 + np.abs($a))",
    "np.sin($a) * np.cos($b)", "$a * 1j", "np.power(np.abs($a) + 0.1, $b)", "np.float_power(np.abs($a) + 0.1, $b)",
    "1 / (1 + $a * $a)", "$a + 1", "np.exp(-np.abs($a))", "sum([$a, $b, $a])", "max($a[0], $a[1])",
    "np.tanh($a) + $b * 0", "np.add($a, $b)", "np.multiply($a, $num)", "np.add.outer($a, $b)",
    "np.multiply.outer($a, $b)", "np.abs($a - $b)",
]  # fmt: skip
_ALONG_AXES = [
    "sum", "mean", "prod", "var", "std", "max", "min", "ptp", "median", "average", "nansum", "nanmean", "nanmax",
    "cumsum", "cumprod", "nancumsum", "amin", "amax", "nanprod", "nanmin", "nanvar", "nanstd", "nancumprod",
    "nanmedian",
]  # fmt: skip
_KEPT_AXES = [
    "sum", "mean", "prod", "var", "std", "max", "min", "median",
]  # fmt: skip
REDUCTIONS = [
    *[f"np.{f}($a, axis=$axis)" for f in _ALONG_AXES],
    *[f"np.{f}($a, axis=$ax, keepdims=$keep)" for f in _KEPT_AXES],
    *[f"$a.{f}(axis=$axis)" for f in ("sum", "mean", "prod", "var", "std", "max", "min", "cumsum", "cumprod")],
    "np.add.reduce($a)", "np.multiply.reduce($a, axis=$ax)", "np.maximum.reduce($a)", "np.logaddexp.reduce($a)",
    "np.add.accumulate($a)", "np.var($a, ddof=1)", "np.std($a, axis=0, ddof=1)", "np.average($a, weights=np.abs($a))",
    "np.average($a, axis=0, weights=c3)", "np.quantile($a, 0.3, axis=$axis)", "np.percentile($a, [20, 70])",
    "np.nanquantile($a, 0.6)", "np.nanpercentile($a, 30.0, axis=$ax)", "np.sum($a, where=np.real($a) > 0)",
    "np.cov($a)", "np.corrcoef($a)", "np.trapezoid($a)", "np.trapezoid($a, dx=0.5, axis=0)", "np.trapezoid($a, c3)",
    "np.linalg.norm($a)", "np.linalg.norm($a, axis=$ax)", "np.linalg.norm($a, 1)", "np.linalg.norm($a, 3, axis=$ax)",
    "np.trace($a)", "np.cumulative_sum($a, axis=$ax)", "np.cumulative_prod($a, axis=0, include_initial=True)",
    "np.diff($a)", "np.diff($a, n=2, axis=$ax)", "np.diff($a, prepend=$b, append=1.0)", "np.ediff1d($a, to_end=$b)",
    "np.gradient($a, axis=0)", "np.gradient($a, c3, axis=-1)", "np.unwrap($a)", "np.bincount([0, 2, 1], weights=$a)",
    "np.histogram([0.1, 0.5, 0.9], 2, weights=$a)[0] * 1.0", "np.apply_over_axes(np.sum, $a, [0])",
    "np.apply_along_axis(np.sum, $ax, $a)", "np.apply_along_axis(lambda v: v * v[0], $ax, $a)", "np.sort($a)",
    "np.sort($a, axis=$axis)", "np.partition($a, 1)", "np.unique($a)", "np.sort($a)[::-1]",
    "$a[np.argsort(np.real($a))]", "$a[np.argmax(np.real($a))]", "$a.flat[2]",
    "np.take_along_axis($a, np.argsort(np.real($a), axis=-1), -1)",
]  # fmt: skip
SHAPING = [
    "$a.T", "$a.reshape(-1)", "$a.reshape(3, -1)", "np.reshape($a, (-1, 3), order='F')", "$a.ravel()",
    "$a.flatten('F')", "np.squeeze($a)", "$a[None]", "np.expand_dims($a, $ax)", "np.atleast_1d($a)",
    "np.atleast_2d($a)", "np.atleast_3d($a)", "np.transpose($a)", "np.swapaxes($a, 0, -1)", "np.moveaxis($a, 0, -1)",
    "np.rollaxis($a, -1)", "np.matrix_transpose($a)", "np.flip($a)", "np.flip($a, $ax)", "np.fliplr($a)",
    "np.flipud($a)", "np.rot90($a)", "np.rot90($a, $int)", "np.roll($a, $int)", "np.roll($a, $int, axis=$ax)",
    "np.broadcast_to($a, (2, 3))", "np.broadcast_to($a, (3, 3)) * 0.5", "np.repeat($a, 2)",
    "np.repeat($a, 2, axis=$ax)", "np.tile($a, 2)", "np.tile($a, (2, 1))", "np.tril($a)", "np.triu($a, 1)",
    "np.diag($a)", "np.diag($a, 1)", "np.diagonal($a)", "np.diagflat($a)", "np.resize($a, (2, 3))",
    "np.pad($a, 1, mode=$mode)", "np.pad($a, (1, 2), mode=$mode)", "np.pad($a, 1, constant_values=$num)",
    "np.delete($a, 1)", "np.delete($a, 0, axis=$ax)", "np.insert($a, 1, $b)", "np.insert($a, 1, 2.0, axis=$ax)",
    "np.trim_zeros($a)", "np.vander($a)", "np.copy($a)", "$a.copy()", "np.concatenate([$a, $b])",
    "np.concatenate([$a, $b], axis=$axis)", "np.stack([$a, $b])", "np.stack([$a, $b], axis=$ax)",
    "np.vstack([$a, $b])", "np.hstack([$a, $b])", "np.dstack([$a, $b])", "np.column_stack([$a, $b])",
    "np.append($a, $b)", "np.append($a, $num)", "np.block([$a, $b])", "np.block([[$a], [$a]])",
    "np.split($a, [1])[$int]", "np.array_split($a, 2)[$int]", "np.hsplit($a, [1])[0]", "np.vsplit($a, [1])[1]",
    "np.dsplit($a, [1])[0]", "np.unstack($a)[$int]", "np.meshgrid($a, $b)[$int]",
    "np.broadcast_arrays($a, $b)[$int] * 1.0", "np.stack(list($a))",
    "np.lib.stride_tricks.sliding_window_view($a, 2, axis=$ax)", "np.astype($a, np.complex128)", "$a.astype(complex)",
    "np.linspace($a, $b, 3)", "np.logspace(0.1 * $a, 0.1 * $b, 3)", "np.geomspace(np.abs($a) + 1, np.abs($b) + 2, 3)",
]  # fmt: skip
INDEXING = [
    "$a[$key]", "$a[$key]", "$a[$key]", "np.take($a, [0, 1, 0])", "np.take($a, [1, 0], axis=$ax)",
    "np.take($a, 5, mode='clip')", "np.compress([True, False, True], $a)", "np.compress([True, True], $a, axis=$ax)",
    "np.extract(np.real($a) > 0, $a)", "$a[np.real($a) > 0]", "np.where(np.real($a) > 0, $a, $b)",
    "np.where(np.real($b) > 0.1, $a, 0.0)", "np.where($a > 0, np.sqrt(np.abs($a)), $b)",
    "np.choose([0, 1, 0], [$a, $b])", "np.select([np.real($a) > 0.5, np.real($a) > 0], [$a, $b], 2.0)",
    "np.clip($a, -0.5, 0.7)", "np.piecewise($a, [$a > 0.1], [np.sin, lambda t: t * 2])", "np.clip($a, -0.3, $b)",
    "np.nan_to_num($a)", "np.interp($a, [-1.0, 0.1, 2.0], c3)",
    "np.interp([-0.7, 0.9], np.array([-1.0, 0.1, 2.0]), $a)", "np.interp(0.3, np.sort($a), $b)",
    "np.maximum($a, $num)", "np.fmin($a, $b)",
]  # fmt: skip
PRODUCTS = [
    "np.dot($a, $b)", "np.inner($a, $b)", "np.outer($a, $b)", "np.vdot($a, $b)", "np.vecdot($a, $b)",
    "np.kron($a, $b)", "np.matmul($a, $b)", "np.tensordot($a, $b, axes=1)", "np.tensordot($a, $b, axes=([0], [0]))",
    "np.einsum('i,i->', $a, $b)", "np.einsum('ij,kj->ik', $a, $b)", "np.einsum('...i,...i->...', $a, $b)",
    "np.einsum('ii->i', $a)", "np.einsum('i,j,ij', $a, $b, $c)", "np.cross($a, $b)", "np.convolve($a, $b)",
    "np.convolve($a, $b, 'same')", "np.correlate($a, $b, 'full')", "np.polyval($a, $b)", "np.polyfit(c3, $a, 1)",
    "np.polymul($a, $b)", "np.polyadd($a, $b)", "np.polysub($a, $b)", "np.polyder($a)", "np.polyint($a)",
    "np.poly($a)", "S @ $a", "$a @ S", "S.dot($a)", "$a.dot($b)", "np.matvec($a, $b)", "np.vecmat($a, $b)",
    "np.sort(np.real(np.roots($a)))",
]  # fmt: skip
_LINALG = [
    "det($a)", "inv($a + 3 * np.eye(3))", "solve($a + 3 * np.eye(3), $b)", "slogdet($a)[1]",
    "cholesky($a @ np.conj(np.swapaxes($a, -1, -2)) + np.eye(3))", "eigvalsh($a + np.conj(np.swapaxes($a, -1, -2)))",
    "svdvals($a)", "pinv($a)", "qr($a)[1]", "norm($a, 2)", "norm($a, 'fro')", "norm($a, 'nuc')", "matrix_power($a, 2)",
    "multi_dot([$a, $b, $c])", "cond($a + 3 * np.eye(3))", "lstsq($a, $b)[0]",
    "eigh($a + np.conj(np.swapaxes($a, -1, -2)))[0]", "svd($a)[1]", "matrix_norm($a)", "vector_norm($a, axis=$axis)",
    "trace($a)", "outer($a, $b)", "matmul($a, $b)", "diagonal($a)", "matrix_transpose($a)", "vecdot($a, $b)",
    "tensordot($a, $b, axes=1)", "cross($a, $b)", "tensorinv($a, ind=1)", "tensorsolve($a + 3 * np.eye(3), $b)",
    "inv($a @ $a.T + np.eye(2))",
]  # fmt: skip
LINALG = [
    *[f"np.linalg.{f}" for f in _LINALG], "np.abs(np.linalg.eigvals($a))",
    "np.abs(np.linalg.eigh($a + np.conj(np.swapaxes($a, -1, -2)))[1])",
    "np.abs(np.linalg.svd($a, full_matrices=False)[0])", "np.sum(np.abs(np.linalg.eig($a)[0]) ** 2)",
    "np.linalg.solve(c33, $a)", "np.linalg.solve(np.broadcast_to(c33, (2, 3, 3)), $a[..., None])",
]  # fmt: skip
_FOURIER = [
    "fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn",
    "irfftn",
]  # fmt: skip
_FOURIER_2 = [
    "fft", "rfft", "irfft", "dct", "idct", "dst", "idst", "dctn", "idstn", "fftn", "ifft2", "hfftn",
]  # fmt: skip
FOURIER = [
    *[f"np.fft.{f}($a, norm=$norm)" for f in _FOURIER],
    *[f"np.abs(np.fft.{f}($a)) ** 2" for f in ("fft", "rfft", "fft2", "rfftn")],
    *[f"fft.{f}($a, norm=$norm)" for f in _FOURIER_2], "np.fft.fft($a, 5)", "np.fft.irfft($a, 4)",
    "np.fft.fftshift($a)", "np.fft.ifftshift($a, axes=0)", "fft.dct($a, type=3, axis=0)", "fft.dst($a, type=4)",
    "np.real(np.fft.ifft(np.fft.fft($a) * np.fft.fft($b)))",
]  # fmt: skip
ASSIGNMENT = [
    "$o = np.zeros_like($a)\n$o[$key] = $b", "$o = np.zeros_like($a)\n$o[$key] = $b\n$o[0] += $c",
    "$o = $a.copy()\n$o[$key] += $b", "$o = $a.copy()\n$o[$key] *= $num", "$o = $a * 1.0\n$o *= $b",
    "$o = $a + 0.0\n$o += $b\n$o -= 1", "$o = np.copy($a)\n$o[np.real($o) > 0] = 0.5",
    "$o = np.empty_like($a)\n$o[...] = $b", "$o = np.ones_like($a)\n$o[0] = $a[1]\n$o[1] = $o[0] * $a[0]",
    "$o = np.full_like($a, 2.0) * $a", "$o = $a.copy()\nnp.fill_diagonal($o, $b)",
    "$o = $a.copy()\nnp.putmask($o, np.real($a) > 0, $b)", "$o = $a.copy()\nnp.add.at($o, [0, 1, 0], $b)",
    "$o = np.zeros_like($a)\nnp.copyto($o, $b)",
    "$o = np.zeros_like($a)\nfor i in range(len($a)):\n    $o[i] = $a[i] * (i + 1) + $o[i - 1]",
    "$o = $a.copy()\n$o[1:] -= $o[:-1]", "$o = $a\n$o = $o + $b\n$o += $a", "$o = $a.copy()\nw = $o[0]\n$o[1] = w * 2",
    "$o = $a.copy()\nw = $o[:2]\nw += 1\n$o = $o * 1",
    "$o = np.zeros_like($a)\nnp.put_along_axis($o, np.array([[0], [1]]), $b, 1)", "$o = $a[:]\n$o = $o * 2",
    "$o = $a.copy()\n$o[0], $o[1] = $o[1], $o[0]", "$o = np.zeros(3)\nfor t in $a:\n    $o = $o + t",
    "$o = $a.copy()\n$o.T[0] = $b", "$o = $a.copy()\n$o[0][1] = 2.5",
]  # fmt: skip
CONTROL = [
    "$o = $a if np.sum(np.real($b)) > 0 else $c", "$o = $a\nfor _ in range(3):\n    $o = 0.5 * $o + np.sin($o)",
    "$o = $a\nwhile 0.5 < np.max(np.abs($o)) < 1e9:\n    $o = 0.4 * $o", "$o = sum(t * t for t in $a)",
    "$o = np.array([$a[0], $a[1] * $a[0]])", "$o = np.array([[$a[0], 1.0], [$a[1], $a[0]]])",
    "$o = np.array([$a[0], 2.0, $a[-1]]) @ c3", "$o = np.asarray($a)[1:] * 2",
    "$o = np.sum(np.array([t for t in $a]))", "$o = np.stack([t * 2 for t in $a])", "$o = (lambda t: t * t)($a)",
    "$o = $a[0] if $a.ndim else $a", "$o, w = $a, $b\n$o = w * $o", "$o = {'k': $a}['k'] * 1",
    "$o = np.sum([$a[0], $a[1]])", "$o = $a * (1 if np.any(np.real($a) > 0) else -1)",
    "$o = np.array([$a.sum(), $b.sum()])", "$o = np.sin(np.array([$a[0], $a[1]]))",
    "$o = [$a, $b]\n$o = np.concatenate($o[::-1])", "$o = np.mean([$a, $a * 2], axis=0)",
    "$o = np.array([$a[0], $b[0]], dtype=object) * 2",
]  # fmt: skip
ALL = ARITHMETIC * 2 + REDUCTIONS + SHAPING + INDEXING * 2 + PRODUCTS + LINALG + FOURIER + ASSIGNMENT * 2 + CONTROL * 2
ALL = ALL + UFUNCS + SPECIAL
