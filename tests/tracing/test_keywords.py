"""Every keyword of every NumPy function that opad covers is differentiated right, or refused by name."""

import inspect

import numpy as np
import pytest

import opad
from opad.errors import MissingRuleError, OpadError, TracingError, UnsupportedArgumentError
from opad.testing import check_derivative
from opad.tracing.primitives import COMPOSITES, RULES
from tests.tracing.test_rules import is_numpy, leaves

A = np.array([[0.9, -1.3, 0.4, 1.7], [-0.6, 1.1, 2.3, -0.2], [1.4, 0.3, -0.8, 0.7]])
B = np.array([[0.5, 1.2, -0.7, 0.1], [1.9, -0.4, 0.6, 0.8], [-1.1, 0.2, 1.3, -0.9]])
MASK = np.array([[True, False, True, True], [True, True, True, False], [False, True, True, True]])
WEIGHTS = np.array([[0.2, 0.5, 1.0, 0.4], [0.6, 0.1, 0.3, 0.9], [0.8, 0.7, 0.2, 0.5]])


def square(a):
    return a[:, :3] + 4 * np.eye(3)


def symmetric(a):
    return square(a) + square(a).T


def written(f, *rest):
    """A call of a function that writes into its first argument."""

    def call(function, a, **kwargs):
        z = np.copy(f(a))
        function(z, *rest, **kwargs)
        return z

    return call


def _filled(z, value):
    z[...] = value
    return z


# How a function is called on the matrix `a`, where that is not f(a, **keywords).
CALLS = {
    "append": lambda f, a, **k: f(a, B, **k), "array_split": lambda f, a, **k: f(a, 2, **k),
    "astype": lambda f, a, **k: f(a, np.float64, **k),
    "bincount": lambda f, a, **k: f([0, 2, 0, 1], **{"weights": a[0], **k}),
    "broadcast_arrays": lambda f, a, **k: f(a, B[0], **k), "broadcast_to": lambda f, a, **k: f(a, (2, 3, 4), **k),
    "choose": lambda f, a, **k: f(np.array([0, 5, 1, 0]) if "mode" in k else MASK[0] * 1, [a, B], **k),
    "clip": lambda f, a, **k: f(a, **(k if set(k) & {"min", "max"} else {"a_min": -1.0, "a_max": 1.0, **k})),
    "compress": lambda f, a, **k: f([True, False, True], a, **k), "concatenate": lambda f, a, **k: f([a, B], **k),
    "convolve": lambda f, a, **k: f(a[0], a[1, :3], **k), "copyto": written(lambda a: a, B),
    "correlate": lambda f, a, **k: f(a[0], a[1, :3], **k), "cross": lambda f, a, **k: f(a[:, :3], B[:, 1:], **k),
    "delete": lambda f, a, **k: f(a, [0, 2], **k), "dot": lambda f, a, **k: f(a, B.T, **k),
    "einsum": lambda f, a, **k: f("ij,kj->ik", a, B, **k), "fill_diagonal": written(square, 5.0),
    "full_like": lambda f, a, **k: f(a, a[0, 0], **k), "geomspace": lambda f, a, **k: f(a[0, 0], a[0, 2] + 2, **k),
    "histogram": lambda f, a, **k: f(B, **{"weights": a, "range": (-2.0, 2.0), **k})[0],
    "hstack": lambda f, a, **k: f([a, B], **k), "insert": lambda f, a, **k: f(a, 1, a[0, 0], **k),
    "interp": lambda f, a, **k: f(a, np.array([-1.5, 0.1, 2.5]), a[0, :3], **k),
    "linspace": lambda f, a, **k: f(a[0], a[1], **k), "logspace": lambda f, a, **k: f(a[0], a[1], **k),
    "meshgrid": lambda f, a, **k: f(a[0], a[1, :2], **k), "multi_dot": lambda f, a, **k: f([a, B.T, a], **k),
    "outer": lambda f, a, **k: f(a, B[0], **k), "pad": lambda f, a, **k: f(a, 1, **k),
    "partition": lambda f, a, **k: f(a, 1, **k), "percentile": lambda f, a, **k: f(a, 40, **k),
    "nanpercentile": lambda f, a, **k: f(a, 40, **k), "polyder": lambda f, a, **k: f(a[0], **k),
    "polyfit": lambda f, a, **k: f(np.arange(4.0), a[0], 2, **k), "polyint": lambda f, a, **k: f(a[0], **k),
    "quantile": lambda f, a, **k: f(a, 0.4, **k), "nanquantile": lambda f, a, **k: f(a, 0.4, **k),
    "repeat": lambda f, a, **k: f(a, 2, **k), "reshape": lambda f, a, **k: f(a, (4, 3), **k),
    "roll": lambda f, a, **k: f(a, 1, **k), "rollaxis": lambda f, a, **k: f(a, 1, **k),
    "select": lambda f, a, **k: f([a > 1, a > 0], [a, 2 * a], **k), "split": lambda f, a, **k: f(a, [1], **k),
    "squeeze": lambda f, a, **k: f(a[None], **k), "stack": lambda f, a, **k: f([a, B], **k),
    "take": lambda f, a, **k: f(a, [0, -5, 7] if "mode" in k else [0, 1], **k),
    "take_along_axis": lambda f, a, **k: f(a, np.array([[1], [0], [0]]), **k),
    "tensordot": lambda f, a, **k: f(a, B.T, **{"axes": 1, **k}),
    "tensorsolve": lambda f, a, **k: f(np.reshape(square(a) + np.eye(3), (3, 3, 1)), B[:, 0], **k),
    "tensorinv": lambda f, a, **k: f(np.reshape(a[:2, :2] + 4 * np.eye(2), (2, 2, 1)), **k),
    "trim_zeros": lambda f, a, **k: f(a * np.array([0.0, 1.0, 1.0, 0.0]), **k),
    "unique": lambda f, a, **k: f(a, **k)[0] if "return" in "".join(k) else f(a, **k),
    "vander": lambda f, a, **k: f(a[0], **k), "vstack": lambda f, a, **k: f([a, B], **k),
    "where": lambda f, a, **k: f(A > 0, k.get("x", 2 * a), k.get("y", a)),
    "cholesky": lambda f, a, **k: f(symmetric(a), **k), "cond": lambda f, a, **k: f(square(a), **k),
    "eigh": lambda f, a, **k: f(symmetric(a), **k)[0], "eigvalsh": lambda f, a, **k: f(symmetric(a), **k),
    "lstsq": lambda f, a, **k: f(a.T, B[0], **k)[0], "pinv": lambda f, a, **k: f(symmetric(a), **k),
    "svd": lambda f, a, **k: f(symmetric(a), **k) if "compute_uv" in k else f(symmetric(a), **k)[1],
    "qr": lambda f, a, **k: f(a.T, **k)[1] if k.get("mode") != "r" else f(a.T, **k),
    "sliding_window_view": lambda f, a, **k: f(a, 2 if "axis" in k else (2, 2), **k),
    "trace": lambda f, a, **k: f(a[None], **k), "diagonal": lambda f, a, **k: f(a[None], **k),
    "vecdot": lambda f, a, **k: f(a, B, **k), "linalg.cross": lambda f, a, **k: f(a[:, :3], B[:, 1:], **k),
    "empty_like": lambda f, a, **k: _filled(f(a, **k), a[0, 0]),
    "fftn": lambda f, a, **k: f(a, **{"axes": (0, 1), **k}), "ifftn": lambda f, a, **k: f(a, **{"axes": (0, 1), **k}),
    "rfftn": lambda f, a, **k: f(a, **{"axes": (0, 1), **k}), "irfftn": lambda f, a, **k: f(a, **{"axes": (0, 1), **k}),
    "cumulative_sum": lambda f, a, **k: f(a, **{"axis": 1, **k}),
    "cumulative_prod": lambda f, a, **k: f(a, **{"axis": 1, **k}),
}  # fmt: skip


NUMBERS = {"axis": 1, "axes": (1, 0), "keepdims": True, "ddof": 2, "correction": 1, "n": 3, "s": (2, 3), "k": 1, "m": 2}
VALUES = {
    **NUMBERS, "where": MASK, "initial": 0.3, "dtype": np.float64, "out": np.zeros((3, 4)),
    "mean": np.full((3, 1), 0.1),
    "casting": "unsafe", "order": "F", "subok": True, "shape": (2, 2), "device": "cpu", "method": "hazen",
    "weights": WEIGHTS, "overwrite_input": True, "norm": "ortho", "kind of sort": "stable",
    "kind of partition": "introselect", "stable": True, "descending": True, "copy": True,
    "weights of average": WEIGHTS, "returned of average": True, "deg of angle": True, "minlength of bincount": 7,
    "weights of bincount": WEIGHTS[0], "mode of choose": "wrap", "mode of take": "clip", "mode of pad": "edge",
    "a_min of clip": -1.1, "a_max of clip": 1.2, "min of clip": -1.1, "max of clip": 1.2, "dtype of choose": None,
    "mode of convolve": "same", "mode of correlate": "same", "y of corrcoef": B, "rowvar of corrcoef": False,
    "y of cov": B, "rowvar of cov": False, "bias of cov": True, "fweights of cov": [1, 3, 2, 1],
    "aweights of cov": WEIGHTS[0], "axisa of cross": 1, "axisb of cross": 1, "axisc of cross": 0,
    "include_initial": True, "offset": 1, "axis1": 2, "axis2": 2, "n of diff": 2, "prepend of diff": 0.5,
    "append of diff": 0.5, "to_end of ediff1d": 0.5, "to_begin of ediff1d": 0.5, "optimize of einsum": True,
    "wrap of fill_diagonal": True, "num": 5, "endpoint": False, "retstep of linspace": True, "base of logspace": 3.0,
    "axis of linspace": 1, "axis of geomspace": 0, "edge_order of gradient": 2, "bins of histogram": 3,
    "range of histogram": (-1.0, 1.5), "density of histogram": True, "weights of histogram": WEIGHTS,
    "left of interp": 0.5, "right of interp": 0.5, "period of interp": 3.0, "sparse of meshgrid": True,
    "copy of meshgrid": False, "indexing of meshgrid": "ij", "nan": 0.0, "posinf": 1.0, "neginf": 1.0,
    "rcond of polyfit": 1e-10, "full of polyfit": True, "w of polyfit": WEIGHTS[0], "cov of polyfit": True,
    "k of polyint": 0.3, "start of rollaxis": 1, "axes of rot90": (1, 0), "default of select": 0.3,
    "axis of squeeze": 0, "order of sort": "f", "order of partition": "f", "trim of trim_zeros": "f",
    "axis of fftshift": 1, "return_index": True, "return_inverse": True, "return_counts": True, "equal_nan": False,
    "sorted": True, "discont of unwrap": 4.0, "period of unwrap": 2.0, "N of vander": 3, "increasing": True,
    "x of where": B, "y of where": B, "x of trapezoid": np.array([0.0, 1.0, 1.5, 2.5]), "dx of trapezoid": 0.3,
    "writeable": False, "upper": True, "p of cond": "fro", "UPLO": "U", "rcond": 1e-10, "rtol": 1e-10,
    "hermitian": True, "ord": 1, "mode of qr": "r", "full_matrices": False, "compute_uv": False, "ind of tensorinv": 1,
    "axes of tensordot": ([0, 1], [1, 0]), "axes of tensorsolve": (0,), "axis of unstack": 1, "axis of delete": 0,
    "axis of insert": 1, "where of copyto": MASK, "mean of nanvar": np.full((3, 1), 0.1),
}  # fmt: skip
# Keywords that make sense only together with others.
NEEDED = {
    "mean": {"axis": 1}, **{f"weights of {name}": {"method": "inverted_cdf"} for name in
                           ("quantile", "percentile", "nanquantile", "nanpercentile")},
    **{f"where of {name}": {"initial": -9.0} for name in ("max", "min", "amax", "amin", "nanmax", "nanmin")},
}  # fmt: skip
REFUSED = {
    "out of *", "order of sort", "order of partition", "wrap of fill_diagonal", "full of polyfit", "cov of polyfit",
    "axis of unique", "hermitian of svd",
}  # fmt: skip


def pairs():
    functions = {f for f in (*RULES, *COMPOSITES) if is_numpy(f) and not isinstance(f, np.ufunc)}
    for f in sorted(functions, key=lambda f: (f.__module__, f.__name__)):
        try:
            parameters = inspect.signature(f).parameters.values()
        except ValueError:  # functions of one array
            continue
        for p in parameters:
            if p.default is not p.empty:
                yield pytest.param(f, p.name, id=f"{p.name} of {f.__name__}")


@pytest.mark.parametrize(("function", "keyword"), list(pairs()))
def test_keyword(function, keyword):
    name = f"{keyword} of {function.__name__}"
    value = VALUES[name if name in VALUES else keyword]
    others = NEEDED.get(name, NEEDED.get(keyword, {}))
    call = CALLS.get(function.__name__, lambda f, a, **k: f(a, **k))

    def f(a):
        return call(function, a, **{**others, keyword: value})

    if name in REFUSED or f"{keyword} of *" in REFUSED:
        with pytest.raises(OpadError, match=keyword):
            opad.linearize(f, A)
        return
    expected = f(A)
    lin = opad.linearize(f, A)
    for found, e in zip(leaves(lin.value), leaves(expected), strict=True):
        np.testing.assert_allclose(found, e, rtol=1e-13, atol=1e-13)
        assert np.asarray(found).dtype == np.asarray(e).dtype
    check_derivative(f, A, raise_on_failure=True)


# -- universal functions and their methods ----------------------------------------------------------------------------

UFUNCS = sorted({f for f in RULES if isinstance(f, np.ufunc) and is_numpy(f) and f.nout == 1 and not f.signature},
                key=lambda f: f.__name__)  # fmt: skip
BINARY = [f for f in UFUNCS if f.nin == 2 and f not in (np.ldexp, np.nextafter)]


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("keyword", ["order", "subok", "casting", "dtype", "where", "out", "signature"])
def test_keyword_of_a_ufunc(ufunc, keyword):
    value = {"order": "F", "subok": False, "casting": "unsafe", "dtype": np.float64, "where": MASK,
             "out": np.zeros((3, 4)), "signature": ("d",) * (ufunc.nin + 1)}[keyword]  # fmt: skip
    x = np.abs(A) / 5 + 0.0137 + (1.0 if ufunc is np.arccosh else 0.0)
    others = () if ufunc.nin == 1 else (np.array([2, 1, 1, 2]),) if ufunc is np.ldexp else (WEIGHTS,)

    def f(a):
        return ufunc(a, *others, **{keyword: value})

    if keyword in ("where", "out", "signature") or (keyword == "dtype" and ufunc is np.ldexp):
        with pytest.raises(OpadError, match=keyword):
            opad.linearize(f, x)
        return
    np.testing.assert_allclose(opad.linearize(f, x).value, f(x), rtol=1e-14)
    check_derivative(f, x, order=1, raise_on_failure=True)


def test_dtype_of_a_ufunc_converts_its_arguments():
    value, pullback = opad.vjp(lambda a: np.multiply(a, WEIGHTS, dtype=np.float32), A)
    assert value.dtype == np.float32
    (gradient,) = pullback(np.ones_like(value))
    assert gradient.dtype == np.float64
    np.testing.assert_array_equal(gradient, WEIGHTS.astype(np.float32))
    with pytest.raises(TypeError, match=r"complex128.*float64"):
        opad.grad(lambda a: np.sum(np.add(a, 1j, dtype=float, casting="safe")))(A[0] + 0j)
    with pytest.raises(UnsupportedArgumentError, match="dtype"):
        opad.grad(lambda a: np.sum(a, dtype=int))(A)


METHODS = {
    "reduce": [{}, {"axis": None}, {"axis": (0, 1), "keepdims": True}, {"axis": -1, "initial": 1.5},
               {"dtype": np.float64}, {"where": MASK, "initial": 1.5}],
    "accumulate": [{}, {"axis": 1}, {"dtype": np.float64}], "reduceat": [{}, {"axis": 1, "dtype": np.float64}],
    "outer": [{}],
}  # fmt: skip


@pytest.mark.parametrize(("method", "kwargs"), [(name, k) for name, all in METHODS.items() for k in all])
@pytest.mark.parametrize("ufunc", BINARY, ids=lambda f: f.__name__)
def test_methods_of_ufuncs(ufunc, method, kwargs):
    x = 1.7 * np.abs(A) + 0.0137
    arguments = {"reduceat": ([0, 2, 1],), "outer": (WEIGHTS[0],)}.get(method, ())

    def f(a):
        return getattr(ufunc, method)(a, *arguments, **kwargs)

    if method != "outer" and ufunc in (np.power, np.float_power, np.arctan2, np.copysign, np.fmod, np.remainder):
        with pytest.raises(MissingRuleError, match=rf"{ufunc.__name__}\.{method}"):
            opad.linearize(f, x)
        return
    try:
        expected = f(x)
    except (ValueError, TypeError) as error:  # functions that NumPy does not reduce in this way
        with pytest.raises((OpadError, type(error))):
            opad.linearize(f, x)
        return
    if "where" in kwargs and ufunc.identity is None and ufunc not in (np.maximum, np.minimum, np.fmax, np.fmin):
        with pytest.raises(UnsupportedArgumentError, match="where"):
            opad.linearize(f, x)
        return
    found = opad.linearize(f, x).value
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert np.asarray(found).dtype == expected.dtype
    check_derivative(f, x, order=1, raise_on_failure=True)


@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat", "at"])
def test_out_of_methods_is_refused(method):
    arguments = {"reduceat": ([0, 2],), "at": ([0, 1], 1.0)}.get(method, ())
    with pytest.raises(TracingError, match=r"numpy\.multiply\." + method):
        opad.grad(lambda a: np.sum(getattr(np.multiply, method)(a, *arguments, **{} if method == "at" else
                                                                {"out": np.zeros(4)})))(A)  # fmt: skip


def test_running_extrema_with_ties_and_nan():
    """The first element that attains the extremum has the derivative; NaN stays."""
    x = np.array([1.0, 3.0, 3.0, 2.0, np.nan, 5.0])
    lin = opad.linearize(np.maximum.accumulate, x)
    np.testing.assert_array_equal(lin.value, np.maximum.accumulate(x))
    np.testing.assert_array_equal(lin.vjp(np.ones(6))[0], [1, 3, 0, 0, 2, 0])
