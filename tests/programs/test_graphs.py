"""CUDA graphs, on a simulated device: a launch repeats what was captured, at the same places."""

import sys
from contextlib import contextmanager

import numpy as np
import pytest

import opad
from opad.errors import TracingError
from tests import duck as duck_module
from tests.duck import DuckArray
from tests.programs.equality import close


class Device:
    """`cupy.cuda` as far as a capture needs it.

    Calls that are made between begin_capture and end_capture are kept, with the places of their operands and results.
    """

    def __init__(self):
        self.captured, self.launches, self.pools = None, 0, []

    def Stream(self, non_blocking):
        assert non_blocking  # the default stream cannot be captured
        return Stream(self)

    def get_current_stream(self):
        return Stream(self)

    def MemoryPool(self):
        self.pools.append(object())
        return type("Pool", (), {"malloc": None})

    @contextmanager
    def using_allocator(self, allocator):
        yield


class Stream:
    def __init__(self, device):
        self.device = device

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def synchronize(self):
        assert self.device.captured is None

    def begin_capture(self):
        self.device.captured = []

    def end_capture(self):
        calls, self.device.captured = self.device.captured, None
        return Graph(self.device, calls)


class Graph:
    def __init__(self, device, calls):
        self.device, self.calls = device, calls

    def launch(self):
        self.device.launches += 1
        for repeat in self.calls:
            repeat()


class DeviceArray(DuckArray):
    """A duck array whose calls a capture keeps."""

    device = None

    def copy(self):
        return self._kept(lambda: DeviceArray(self._data.copy()))

    def __bool__(self):
        assert self.device.captured is None, "a value was read during a capture"
        return super().__bool__()

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return self._kept(lambda: super(DeviceArray, self).__array_ufunc__(ufunc, method, *inputs, **kwargs))

    def __array_function__(self, function, types, args, kwargs):
        return self._kept(lambda: super(DeviceArray, self).__array_function__(function, types, args, kwargs))

    def __getitem__(self, key):
        return self._kept(lambda: super(DeviceArray, self).__getitem__(key))

    T = property(lambda self: DeviceArray(self._data.T))

    def _kept(self, call):
        result = call()
        if not isinstance(result, DuckArray):
            return result
        result = DeviceArray(result._data)
        if self.device.captured is not None and result._data.base is None:
            self.device.captured.append(lambda: np.copyto(result._data, call()._data))
        return result


@pytest.fixture
def device(monkeypatch):
    monkeypatch.setattr(duck_module, "cuda", Device(), raising=False)
    monkeypatch.setattr(DeviceArray, "__module__", "duck_on_a_device")
    monkeypatch.setitem(sys.modules, "duck_on_a_device", duck_module)
    monkeypatch.setattr(DeviceArray, "device", duck_module.cuda)
    return duck_module.cuda


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x * 2 + np.sin(y),
        opad.grad(lambda x, y: np.sum(np.tanh(x @ y) ** 2), argnums=(0, 1)),
        lambda x, y: (x, y.T, np.exp(x)[1:]),
    ],
)
def test_launches_give_what_calls_give(f, device, rng):
    compiled, kept = opad.compile(f, cuda_graph=True), []
    for _ in range(4):
        x, y = rng.standard_normal((2, 3, 3))
        found, expected = compiled(DeviceArray(x), DeviceArray(y)), f(x, y)
        kept.append((found, expected))
    for found, expected in kept:  # results are the caller's
        pairs = zip(found, expected, strict=True) if type(expected) is tuple else [(found, expected)]
        assert all(close(a._data, b) for a, b in pairs)
    assert device.launches == 4
    assert len(device.pools) == len(compiled.programs) == 1


def test_what_a_graph_cannot_do_is_refused(device):
    x = DeviceArray(np.ones(3))
    with pytest.raises(TracingError, match="a graph is launched"):
        opad.compile(lambda x: x * 2 if np.sum(x) > 0 else x, cuda_graph=True)(x)
    with pytest.raises(TracingError, match="float"):
        opad.compile(lambda x, a: x * a, cuda_graph=True)(x, 2.0)
    with pytest.raises(TracingError, match="ndarray"):
        opad.compile(np.sin, cuda_graph=True)(np.ones(3))


def test_a_bound_function_is_captured_without_what_is_bound(device, rng):
    def f(x, y, scale):
        z = np.tanh(x) * scale if np.sum(x) > 0 else x
        return z * y + np.sin(y), z

    compiled = opad.compile(f, cuda_graph=True)
    x, y = np.abs(rng.standard_normal((2, 3, 3)))
    bound = [compiled.bind(DeviceArray(sign * x), scale=2.0) for sign in (1, -1)]
    for _ in range(3):
        for call, sign in zip(bound, (1, -1), strict=True):
            found, expected = call(DeviceArray(y)), f(sign * x, y, 2.0)
            assert all(close(a._data, b) for a, b in zip(found, expected, strict=True))
        y = y + 1
    assert device.launches == 6
    assert "tanh" not in bound[0].source
    found = compiled.bind(DeviceArray(x), DeviceArray(y), 2.0)()  # nothing is left to be captured
    assert all(close(a._data, b) for a, b in zip(found, f(x, y, 2.0), strict=True))
    assert device.launches == 6
