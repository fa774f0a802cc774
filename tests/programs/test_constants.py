"""Arrays and numbers that a compiled function closes over: a change is seen, never missed."""

import functools
import gc
import types
import weakref
from collections import deque

import numpy as np
import pytest
import scipy.sparse

import opad
from opad.programs.constants import Constants, same_bits
from tests.programs.equality import assert_same

WEIGHTS = np.arange(3.0)
FACTOR = 2.0


def test_an_array_that_changes_in_place(rng):
    for size in (3, 5000):  # traces copy small constants and lock large ones
        data = rng.standard_normal(size)
        f = opad.grad(lambda x, data=data: np.sum(np.sin(x * data)))
        compiled, x = opad.compile(f), rng.standard_normal(size)
        for _ in range(3):
            assert_same(compiled(x), f(x))
            data[0] += 1
            assert_same(compiled(x), f(x))
        assert len(compiled.programs) == 1  # the outdated ones are dropped


def test_an_array_from_which_a_constant_was_computed(rng):
    data = rng.standard_normal((4, 4))
    compiled = opad.compile(lambda x: (data.T @ data) @ x)
    x = rng.standard_normal(4)
    compiled(x)
    data[1] = 0
    assert_same(compiled(x), data.T @ data @ x)


def test_a_view_of_an_array(rng):
    data = rng.standard_normal((4, 6))
    compiled = opad.compile(lambda x: x + data[1, ::2] + data.T[0, :3])
    x = rng.standard_normal(3)
    compiled(x)
    data[1] += 1
    assert_same(compiled(x), x + data[1, ::2] + data.T[0, :3])


def test_views_that_begin_and_step_alike(rng):
    data = rng.standard_normal((5, 5))
    wide, tall = data[:2, :3], data[:3, :2]

    def f(x):
        return x * wide + tall.sum()

    compiled, x = opad.compile(f), np.ones(3)
    compiled(x)
    data[2, 0] += 1  # in the second view alone
    assert_same(compiled(x), f(x))


def test_a_branch_on_an_array():
    data = np.ones(2)
    compiled = opad.compile(lambda x: x + 1 if data[0] > 0 else x - 1)
    assert compiled(1.0) == 2.0
    data[0] = -1
    assert compiled(1.0) == 0.0


def test_names_bound_again(rng):
    global WEIGHTS, FACTOR
    x, scale = rng.standard_normal(3), 1.0
    compiled = opad.compile(lambda x: x * WEIGHTS * FACTOR * scale)
    try:
        for _ in range(2):
            assert_same(compiled(x), x * WEIGHTS * FACTOR * scale)
            WEIGHTS = WEIGHTS + 1
            assert_same(compiled(x), x * WEIGHTS * FACTOR * scale)
            FACTOR += 1
            assert_same(compiled(x), x * WEIGHTS * FACTOR * scale)
            scale = -scale
            assert_same(compiled(x), x * WEIGHTS * FACTOR * scale)
    finally:
        WEIGHTS, FACTOR = np.arange(3.0), 2.0


def test_containers_and_objects(rng):
    class Model:
        def __init__(self):
            self.W = np.ones(3)
            self.layers = [np.ones(3), {"b": np.zeros(3)}]

        def __call__(self, x, rate):
            return rate * (x * self.W * self.layers[0] + self.layers[1]["b"])

    model, x = Model(), rng.standard_normal(3)
    bound = functools.partial(model.__call__, rate=2.0)
    for f in (lambda x: model(x, 1.0), bound, functools.partial(model, rate=1.5)):
        compiled = opad.compile(f)
        for change in (
            lambda: setattr(model, "W", model.W + 1),
            lambda: model.W.__iadd__(1),
            lambda: model.layers.__setitem__(0, np.full(3, 5.0)),
            lambda: model.layers[1].__setitem__("b", model.layers[1]["b"] + 1),
            lambda: model.layers[1]["b"].fill(3.0),
        ):
            assert_same(compiled(x), f(x))
            change()
            assert_same(compiled(x), f(x))


def test_a_replaced_helper():
    space = {}
    exec("def helper(x):\n    return x + 1\ndef f(x):\n    return helper(x)", space)
    compiled = opad.compile(space["f"])
    assert compiled(1.0) == 2.0
    exec("def helper(x):\n    return x - 1", space)
    assert compiled(1.0) == 0.0


def test_zero_and_its_negative_differ():
    data = np.zeros(2)
    compiled = opad.compile(lambda x: np.copysign(x, data))
    assert_same(compiled(np.ones(2)), np.ones(2))
    data[0] = -0.0
    assert_same(compiled(np.ones(2)), np.array([-1.0, 1.0]))


def test_a_workspace_that_the_function_refills():
    space = np.zeros(3)

    def f(x):
        for k in range(3):
            space[:] = k
            x = x * 2 + space
        return x

    compiled, expected = opad.compile(f), f(np.ones(3))
    space[:] = 0
    with pytest.warns(RuntimeWarning, match=r"changes an array of shape \(3,\)"):
        compiled(np.ones(3))
    assert_same(compiled(np.ones(3)), expected)
    space[:] = 9
    with pytest.warns(RuntimeWarning, match="changes"):
        assert_same(compiled(np.ones(3)), expected)


def test_random_numbers_are_named():
    rng = np.random.default_rng(0)
    for draw in (lambda: rng.standard_normal(3), lambda: np.random.standard_normal(3)):  # noqa: NPY002
        compiled = opad.compile(lambda x, draw=draw: x + draw())
        with pytest.warns(RuntimeWarning, match="draws random numbers"):
            first = compiled(np.zeros(3))
        assert_same(compiled(np.zeros(3)), first)
        assert "float64(3,)" in compiled.report()


def test_random_primitives_are_called_every_time():
    rng = np.random.default_rng(0)

    @opad.primitive
    def noisy(x):
        return x + rng.standard_normal(x.shape)

    with pytest.warns(RuntimeWarning, match="draws"):
        compiled = opad.compile(lambda x: (noisy(x), noisy(x)))
        compiled(np.zeros(3))
    a, b = compiled(np.zeros(3))
    c, d = compiled(np.zeros(3))
    assert len({array.tobytes() for array in (a, b, c, d)}) == 4


def test_read_only_arrays_are_not_compared():
    data = np.arange(10000.0)
    data.flags.writeable = False
    compiled = opad.compile(lambda x: x * data)
    compiled(np.ones(10000))
    assert "0 bytes of closed-over" in compiled.report()


def test_temporaries_of_the_recording_are_not_compared():
    compiled = opad.compile(lambda x: x @ np.eye(50) + np.linspace(0, 1, 50))
    compiled(np.ones(50))
    assert "0 bytes of closed-over" in compiled.report()


def test_nothing_is_kept_alive_for_ever():
    def make():
        data = np.ones(3)
        return opad.compile(lambda x: x + data), weakref.ref(data)

    compiled, reference = make()
    compiled(np.ones(3))
    assert reference() is not None
    del compiled
    gc.collect()
    assert reference() is None


def test_snapshots_are_shared_while_the_contents_are_equal():
    constants, a = Constants(), np.ones(3)
    first = constants.snapshot(a)
    assert first is not a
    assert constants.snapshot(a) is first
    assert constants.snapshot(first) is first
    a[0] = 2
    second = constants.snapshot(a)
    assert second is not first
    assert_same(first, np.ones(3))
    assert [array is a and copy is second for array, copy in constants.watched()] == [True]
    broadcast = constants.snapshot(np.broadcast_to(a[1:2], (4,)))
    assert broadcast.strides == (0,)
    assert not np.shares_memory(broadcast, a)


@pytest.mark.parametrize("shape", [(3,), (2000,), (100, 100), (0,), ()])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int8, bool])
def test_same_bits(shape, dtype, rng):
    a = np.asarray(10 * rng.standard_normal(shape)).astype(dtype)
    for view in (lambda x: x, lambda x: x.T, lambda x: x[::2] if x.ndim else x, np.asfortranarray):
        b = np.array(a)
        assert same_bits(view(a), view(b))
        if b.size:
            first = (0,) * b.ndim
            b[first] = not b[first] if dtype is bool else b[first] + 1
            assert not same_bits(view(a), view(b))
    assert not same_bits(a, a[None])


def test_a_view_is_watched_while_somebody_holds_its_memory():
    constants, data = Constants(), np.arange(10.0)
    constants.snapshot(data[2:5])
    view = np.arange(4.0)[1:]
    constants.snapshot(view)
    constants.snapshot(np.broadcast_to(np.float64(2.0), (3,)))
    constants.snapshot(np.arange(6.0).reshape(2, 3).T)
    assert sorted(array.shape for array, _ in constants.watched()) == [(3,), (3,)]
    del view
    assert [array.base is data for array, _ in constants.watched()] == [True]


def test_large_values_are_dropped_as_soon_as_nothing_needs_them():
    compiled = opad.compile(lambda x: np.sin(x[::-1][[0, 1, 2] * 200]) + 1)
    compiled(np.ones(1000))
    assert "del " in compiled.source


class Layer:
    def __init__(self, rng):
        self.W, self.scale, self.rows = rng.standard_normal((3, 3)), 2.0, [0, 1]

    def plain(self, x):
        return self.scale * np.tanh(self.W[self.rows] @ x)

    compiled = opad.compile(plain)

    @opad.compile
    def gradient(self, x):
        return opad.grad(lambda x: np.sum(self.plain(x)))(x)


def test_methods(rng):
    """The object is an argument; what it holds is compared with what it was."""
    layers, x = [Layer(rng), Layer(rng)], rng.standard_normal(3)
    changes = (
        lambda layer: None,
        lambda layer: setattr(layer, "W", 2 * layer.W),
        lambda layer: layer.W.__setitem__(0, 3.0),
        lambda layer: setattr(layer, "scale", 5.0),
        lambda layer: layer.rows.append(2),
    )
    for change in changes:
        change(layers[0])
        for layer in layers:
            np.testing.assert_array_equal(layer.compiled(x), layer.plain(x))
            np.testing.assert_allclose(layer.gradient(x), opad.grad(lambda x: np.sum(layer.plain(x)))(x), rtol=1e-14)  # noqa: B023


class Held:
    factor = 2.0  # of the class

    def __init__(self):
        self.value, self.array = 2.0, np.full(3, 2.0)

    @property
    def twice(self):
        return 2 * self.value * FACTORS["of a method"]


class Slotted:
    __slots__ = ("array", "value")

    __init__ = Held.__init__


FACTORS = {"of a method": 1.0}
MODULE = types.ModuleType("settings")


def doubled(x):
    return doubled.factor * x


def _sum_of(values):
    return lambda x: sum(v * x for v in values)


def _changes():
    """name -> (function, change of something that it relies on)."""
    table, numbers, queue, held, slotted = {"a": 2.0}, {2.0}, deque([2.0]), Held(), Slotted()
    csr, coo, lil = (scipy.sparse.csr_array(np.diag([1.0, 2.0, 3.0])).asformat(kind) for kind in ("csr", "coo", "lil"))
    MODULE.factor = doubled.factor = Held.factor = FACTORS["of a method"] = 2.0
    return {
        "another entry of a dict": (lambda x: _sum_of(table.values())(x), lambda: table.update(b=3.0)),
        "another element of a set": (_sum_of(numbers), lambda: numbers.add(3.0)),
        "another element of a deque": (_sum_of(queue), lambda: queue.append(3.0)),
        "another attribute": (lambda x: _sum_of(vars(held).values())(x), lambda: setattr(held, "more", 3.0)),
        "an attribute that was missing": (lambda x: getattr(held, "less", 1.0) * x, lambda: setattr(held, "less", 3.0)),
        "a slot": (lambda x: slotted.value * x, lambda: setattr(slotted, "value", 3.0)),
        "an array in a slot": (lambda x: slotted.array * x, lambda: setattr(slotted, "array", np.ones(3))),
        "an attribute of a class": (lambda x: held.factor * x, lambda: setattr(Held, "factor", 3.0)),
        "what a method reads": (lambda x: held.twice * x, lambda: FACTORS.update({"of a method": 3.0})),
        "a name of a module": (lambda x: MODULE.factor * x, lambda: setattr(MODULE, "factor", 3.0)),
        "an attribute of a function": (lambda x: doubled(x), lambda: setattr(doubled, "factor", 3.0)),
        "values of a sparse matrix": (lambda x: opad.apply(csr, x), lambda: csr.data.__imul__(2.0)),
        "its gradient": (opad.grad(lambda x: np.sum((csr @ x) ** 2)), lambda: csr.data.__imul__(2.0)),
        "another format": (opad.grad(lambda x: np.sum((coo @ x) ** 2)), lambda: coo.data.__imul__(2.0)),
        "lists of rows": (opad.grad(lambda x: np.sum((lil @ x) ** 2)), lambda: lil.__setitem__((0, 1), 5.0)),
        "an inverse": (
            opad.grad(lambda x: np.sum(opad.scipy.sparse.linalg.spsolve(csr.tocsc(), x) ** 2)),
            lambda: csr.data.__imul__(2.0),
        ),
    }


@pytest.mark.parametrize("name", _changes())
def test_whatever_a_function_relies_on_is_compared(name):
    f, change = _changes()[name]
    compiled, x = opad.compile(f), np.array([1.0, 2.0, 3.0])
    before = compiled(x)
    assert_same(compiled(x), before)
    change()
    assert np.any(f(x) != before)
    assert_same(compiled(x), f(x))


def test_a_sparse_matrix_is_compared_as_an_argument():
    f = lambda x, S: opad.grad(lambda x: np.sum((S @ x) ** 2))(x)  # noqa: E731
    compiled, x, S = opad.compile(f), np.ones(3), scipy.sparse.csr_array(np.eye(3))
    for _ in range(3):
        assert_same(compiled(x, S), f(x, S))
        S.data *= 2.0


def test_more_than_can_be_compared_is_said():
    many = [{"a": float(k)} for k in range(5000)]
    with pytest.warns(RuntimeWarning, match="closes over thousands of objects"):
        opad.compile(lambda x: many[0]["a"] * x)(1.0)
