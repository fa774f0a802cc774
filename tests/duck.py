"""An array that behaves as one on a GPU does: it reaches NumPy only through its two protocols.

It refuses implicit conversion to NumPy, mixing with NumPy arrays, `flags.writeable`, and the NumPy names and keywords
that CuPy lacks. What runs on it never leaves the device.
"""

import operator
from types import SimpleNamespace

import numpy as np

# Functions that CuPy has too. What is missing here fails; look it up in CuPy before adding it.
_NAMES = """
abs absolute add angle any arange argsort broadcast_to clip concatenate conj conjugate copy cos cumsum cumprod diag
diagonal diff dot einsum exp expand_dims flip hypot imag inner isfinite kron linspace log max mean min moveaxis multiply
matmul negative ones_like outer pad prod real repeat reshape roll rollaxis sign sin sqrt squeeze stack subtract sum
swapaxes take tanh tensordot tile trace transpose tril triu true_divide vdot where zeros_like full_like empty_like
divide power shape ndim size iscomplexobj fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn hfft
ihfft all logical_or maximum minimum greater rad2deg arctan2 result_type
cholesky qr svd eigh eigvalsh solve inv pinv lstsq slogdet det norm matrix_power
"""
KNOWN = frozenset(_NAMES.split())

KNOWN_KEYWORDS = {"reshape": {"order"}}
UNKNOWN_KEYWORDS = {"like", "subok", "where", "initial", "casting", "order", "signature", "device"}


class LeavesDevice(TypeError):
    """Something tried to move a duck array to the host, or to use what CuPy does not have."""


def duck(value):
    """NumPy arrays in a nested structure as duck arrays."""
    if isinstance(value, tuple | list):
        return (list if isinstance(value, list) else tuple)(map(duck, value))
    return DuckArray(np.array(value)) if isinstance(value, np.ndarray | np.generic) else value


def host(value):
    """The inverse of `duck`, an explicit transfer as `cupy.asnumpy` is."""
    if isinstance(value, tuple | list):
        return (list if isinstance(value, list) else tuple)(map(host, value))
    return value._data if isinstance(value, DuckArray) else value


class DuckArray:
    """An array that only NumPy's protocols can reach; see `duck`."""

    __array_priority__ = 100

    def __init__(self, data):
        self._data = np.asarray(data)

    shape = property(lambda self: self._data.shape)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)
    dtype = property(lambda self: self._data.dtype)
    base = None
    T = property(lambda self: DuckArray(self._data.T))
    real = property(lambda self: DuckArray(self._data.real))

    @property
    def flags(self):
        """Those that CuPy has; there is no writeable."""
        of_data = self._data.flags
        return SimpleNamespace(owndata=True, c_contiguous=of_data.c_contiguous, f_contiguous=of_data.f_contiguous)

    def __repr__(self):
        return f"duck({self._data!r})"

    def __array__(self, *args, **kwargs):
        raise LeavesDevice("implicit conversion of a duck array to a NumPy array")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        if any(getattr(x, "is_symbolic", False) for x in inputs):
            return NotImplemented
        _refuse(ufunc.__name__, inputs, kwargs)
        if out is not None:
            raise LeavesDevice(f"out= in {ufunc.__name__}")
        if method == "at":
            target, key, *values = inputs
            ufunc.at(_unwrap(target), _unwrap_key(key), *map(_unwrap, values))
            return None
        if method != "__call__":
            raise LeavesDevice(f"{ufunc.__name__}.{method}: CuPy has only calls and .at")
        return _wrap(ufunc(*map(_unwrap, inputs), **kwargs))

    def __array_function__(self, function, types, args, kwargs):
        if any(getattr(t, "is_symbolic", False) for t in types):  # CuPy, too, leaves types it does not know alone
            return NotImplemented
        _refuse(function.__name__, _leaves(args), kwargs)
        return _wrap(function(*_unwrap(args), **_unwrap(kwargs)))

    def reshape(self, *shape, order="C"):
        return DuckArray(self._data.reshape(*shape, order=order))

    def transpose(self, *axes):
        return DuckArray(self._data.transpose(*axes))

    def swapaxes(self, first, second):
        return DuckArray(self._data.swapaxes(first, second))

    def copy(self):
        return DuckArray(self._data.copy())

    def astype(self, dtype):
        return DuckArray(self._data.astype(dtype))

    def __getitem__(self, key):
        return DuckArray(self._data[_unwrap_key(key)])

    def __setitem__(self, key, values):
        _refuse("__setitem__", [values], {})
        self._data[_unwrap_key(key)] = _unwrap(values)

    def __len__(self):
        return len(self._data)

    def __iter__(self):
        return map(DuckArray, self._data)

    def __bool__(self):
        return bool(self._data)

    def __and__(self, other):
        return DuckArray(self._data & _unwrap(other))

    def __neg__(self):
        return DuckArray(-self._data)


def _binary(name, ufunc):
    def forward(self, other):
        return self.__array_ufunc__(ufunc, "__call__", self, other)

    def reflected(self, other):
        return self.__array_ufunc__(ufunc, "__call__", other, self)

    setattr(DuckArray, f"__{name}__", forward)
    setattr(DuckArray, f"__r{name}__", reflected)


for _name, _ufunc in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "pow": np.power,
    "matmul": np.matmul,
}.items():
    _binary(_name, _ufunc)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _ufunc = getattr(operator, _name)
    setattr(DuckArray, f"__{_name}__", lambda self, other, f=_ufunc: DuckArray(f(self._data, _unwrap(other))))
DuckArray.__hash__ = None


def _leaves(value):
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in _leaves(part)]
    return [value]


def _refuse(name, arguments, kwargs):
    if name not in KNOWN and name != "__setitem__":
        raise LeavesDevice(f"numpy.{name} is not in CuPy's namespace, or not yet in tests/duck.py")
    unknown = (UNKNOWN_KEYWORDS & kwargs.keys()) - KNOWN_KEYWORDS.get(name, set())
    if unknown:
        raise LeavesDevice(f"{name} of CuPy has no keywords {sorted(unknown)}")
    for argument in arguments:
        if isinstance(argument, np.ndarray) and argument.ndim:
            raise LeavesDevice(f"{name} mixes duck arrays with a NumPy array of shape {argument.shape}")


def _wrap(value):
    if isinstance(value, tuple | list):
        return tuple(map(_wrap, value))
    return DuckArray(value) if isinstance(value, np.ndarray | np.generic) else value


def _unwrap(value):
    if isinstance(value, tuple | list):
        return type(value)(map(_unwrap, value))
    if isinstance(value, dict):
        return {name: _unwrap(part) for name, part in value.items()}
    return value._data if isinstance(value, DuckArray) else value


def _unwrap_key(key):
    """CuPy accepts index arrays of NumPy (it copies them to the device), slices, integers and its own arrays."""
    return tuple(map(_unwrap, key)) if isinstance(key, tuple) else _unwrap(key)
