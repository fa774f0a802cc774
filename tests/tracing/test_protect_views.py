"""Arrays that change while a trace is open, through views made before it: never unseen. Locks are released after it."""

import numpy as np
import pytest

import opad
from opad.errors import DtypeError, TracingError
from opad.tracing import protect
from opad.tracing.bits import checksums, same_bits


@pytest.fixture
def views():
    base = np.arange(8000.0).reshape(2, 4000).copy()  # it owns its data
    yield base, base[0], base[1]
    assert not protect._holders and not protect._waiting


def test_two_views_of_one_base_in_one_trace(views):
    base, a, b = views
    opad.grad(lambda x: np.sum(a * x) + np.sum(b * x))(np.ones(4000))
    assert base.flags.writeable and a.flags.writeable and b.flags.writeable


def test_a_view_whose_base_an_outer_trace_still_holds(views):
    base, a, b = views
    seen = []

    def inner(x):
        g = opad.grad(lambda y: np.sum(b * y * y))(x)
        seen.append(base.flags.writeable)
        return g

    opad.grad(lambda x: np.sum(a * x * inner(x)))(np.ones(4000))
    assert seen == [False]
    assert base.flags.writeable and a.flags.writeable and b.flags.writeable


def test_index_arrays_of_nonzero_in_a_second_derivative(rng):
    rows, columns = np.nonzero(rng.random((300, 200)) < 0.5)
    U, V = rng.standard_normal((300, 1)), rng.standard_normal((200, 1))

    def f(U):
        return np.sum((U[rows] * V[columns]) ** 2)

    H = opad.linearize(opad.grad(f), U)
    expected = 2 * np.bincount(rows, V[columns, 0] ** 2, 300)[:, None]
    np.testing.assert_allclose(H.jvp(np.ones((300, 1))), expected, rtol=1e-12)


SIZES = [(9000,), (95, 97), (300, 300), (1021, 1030)]  # elements; the last are too many bytes to copy


@pytest.fixture(params=[False, True], ids=["copied", "summed"])
def summed(request, monkeypatch):
    """Whether traces take checksums even of small arrays."""
    if request.param:
        monkeypatch.setattr(protect, "COPIES_LIMIT", 0)
    return request.param


def sibling_of(w, part):
    return w[part] if part is not None else w.reshape(-1)[::-1].reshape(w.shape)


@pytest.mark.parametrize("dtype", [float, np.float32, complex, np.float16])
@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("part", [(), slice(1), slice(-1, None), None])
def test_a_write_through_a_view_made_before_is_harmless_or_refused(shape, part, dtype, summed):
    w = np.zeros(shape, dtype)
    sibling = sibling_of(w, part)

    def f(x):
        y = np.sum(np.real(w * x))
        sibling[...] = 1.0
        return y

    try:
        gradient = opad.grad(f)(np.ones(shape))
    except TracingError as error:
        assert "through a view" in str(error) and "copy" in str(error)
    else:
        assert not summed or w.nbytes <= protect.COPY_LIMIT
        np.testing.assert_array_equal(gradient, np.zeros(shape))
    assert w.flags.writeable


def one_element(v):
    v[v.shape[0] // 3, v.shape[1] // 3] += 1e-9


def two_swapped(v):
    v[7, 11], v[8, 40] = v[8, 40], v[7, 11]


def two_neighbours_swapped(v):
    v[5, 3], v[5, 4] = v[5, 4], v[5, 3]


def two_signs(v):
    v[5, 3:5] *= -1


def all_signs(v):
    v *= -1


def one_column_of_signs(v):
    v[:, 2] *= -1


def sorted_in_place(v):
    v.sort(axis=1)


def rows_exchanged(v):
    v[[3, 20]] = v[[20, 3]]


def doubled(v):
    v *= 2


def absolute_values(v):
    np.abs(v, out=v)


CHANGES = [one_element, two_swapped, two_neighbours_swapped, two_signs, all_signs, one_column_of_signs,
    sorted_in_place, rows_exchanged, doubled, absolute_values]  # fmt: skip


@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize("shape", [(64, 1021), (300, 512), (1100, 1000)])
@pytest.mark.parametrize("change", CHANGES)
def test_checksums_see_every_change(change, shape, dtype, rng):
    for w in (rng.standard_normal(shape), rng.choice([-1.0, 1.0], shape)):
        w = w.astype(dtype)
        for view in (w, w.T, w[::-1, ::2]):
            before = checksums(view)
            assert checksums(view) == before
        for v in (w, np.asfortranarray(w)):
            before, old = checksums(v), v.copy()
            change(v)
            assert (checksums(v) == before) == same_bits(v, old)


def test_checksums_of_arrays_with_gaps_and_repetitions_look_at_all_elements(rng):
    base = rng.standard_normal((40, 30, 700))
    views = [base[:, ::2], base[::-1, :, ::3].T, np.broadcast_to(base[:, :1], base.shape), base[..., 1:], base[:2, 1:]]
    for index in [(0, 0, 0), (1, 1, 1), (-1, -1, -1), (3, 0, 5), (39, 28, 3)]:
        before = [(checksums(view), view.copy()) for view in views]
        base[index] += 1.0
        for view, (sums, old) in zip(views, before, strict=True):
            assert (checksums(view) == sums) == np.array_equal(view, old)


@pytest.mark.parametrize("change", CHANGES)
def test_a_large_constant_that_changes_is_refused(change, rng):
    start, x = rng.standard_normal((1021, 1030)), np.ones(1030)
    w = start.copy()
    view = w[:]

    def f(x):
        y = np.sum(w @ x)
        change(view)
        return y

    for derivative in (lambda: opad.grad(f)(x), lambda: opad.jvp(f, (x,), (x,))):
        view[...] = start
        with pytest.raises(TracingError, match="through a view"):
            derivative()
    view[...] = start
    np.testing.assert_allclose(opad.linearize(f, x).gradient(), start.sum(0))  # copies
    view[...] = start
    with pytest.warns(RuntimeWarning, match="changes an array"):
        np.testing.assert_allclose(opad.compile(opad.grad(f))(x), start.sum(0))


def test_a_constant_used_again_after_a_change_is_refused():
    w = np.ones(5000)
    sibling = w[:]

    def f(x):
        y = np.sum(w * x)
        sibling[-1] = 2.0
        return y + np.sum(w * x)

    with pytest.raises(TracingError, match="through a view"):
        opad.grad(f)(np.ones(5000))


@pytest.mark.parametrize("n", [3, 5000, 1_100_000])
def test_inputs_that_the_function_overwrites(n, summed):
    for derivative in (lambda f, x: opad.grad(f)(x), lambda f, x: opad.jvp(f, (x,), (np.ones(n),))[1] / n):
        x = np.ones(n)
        sibling = x[:]
        for target in (x, sibling):
            target[...] = 1.0

            def f(t, target=target):
                y = np.sum(t**3)
                target[...] = 5.0
                return y

            try:
                np.testing.assert_array_equal(derivative(f, x), 3.0)
            except TracingError as error:
                assert n > 3 and "changed in place" in str(error)
            assert x.flags.writeable


def test_locks_are_released_when_an_argument_is_refused():
    big = np.ones(1_100_000)
    with pytest.raises(DtypeError):
        opad.grad(lambda x, k: np.sum(x) + np.sum(k), argnums=(0, 1))(big, np.arange(3))
    assert big.flags.writeable


def test_a_lock_of_another_trace_is_no_promise():
    """An inner linearisation that outlives the outer trace keeps a copy of what that has locked."""
    w, kept = np.ones(5000), []

    def f(x):
        y = np.sum(w * x)
        kept.append(opad.linearize(lambda z: w * z, np.ones(5000)))
        return y

    opad.grad(f)(np.ones(5000))
    w[:] = 7.0
    np.testing.assert_array_equal(kept[0].jvp(np.ones(5000)), np.ones(5000))


def test_read_only_views_of_read_only_arrays_are_not_copied():
    base = np.ones(10000)
    base.flags.writeable = False
    assert protect.is_promised(base) and protect.is_promised(base[5:])
    writeable = np.ones(10000)
    view = writeable[5:]
    view.flags.writeable = False
    assert not protect.is_promised(view) and not protect.is_promised(writeable)


def test_a_constant_that_is_not_contiguous(rng, summed):
    base = rng.standard_normal((400, 300))
    sibling = base.T[::2]

    def f(x, write):
        y = np.sum(base[:, ::2].T * x)
        if write:
            sibling[...] += 1.0
        return y + np.sum(base[:, ::2].T * x)

    before = base[:, ::2].T.copy()
    np.testing.assert_array_equal(opad.grad(f)(np.ones((150, 400)), False), 2 * before)
    if summed:
        with pytest.raises(TracingError, match="through a view"):
            opad.grad(f)(np.ones((150, 400)), True)
    else:
        np.testing.assert_array_equal(opad.grad(f)(np.ones((150, 400)), True), before + base[:, ::2].T)


def test_another_part_of_the_same_memory_may_change(views):
    _, a, b = views

    def f(x):
        y = np.sum(a * x)
        b[:] = 0.0
        return y

    expected = a.copy()
    np.testing.assert_array_equal(opad.grad(f)(np.ones(4000)), expected)
    assert not b.any()


def test_an_exception_of_the_function_is_not_replaced():
    w = np.ones(5000)
    sibling = w[:]

    def f(x):
        sibling[:] = np.sum((w * x).value)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        opad.grad(f)(np.ones(5000))
