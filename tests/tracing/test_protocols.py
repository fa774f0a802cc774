"""Each construct on a traced value is differentiated right, or raises an error that names it and the way out."""

import json
import math
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
import scipy.sparse.linalg
import scipy.special

import opad
from opad.errors import MissingRuleError, TracingError, UnsupportedArgumentError

X = np.array([1.0, 2.0, 3.0])


def assign(y, key, value):
    y[key] = value
    return np.sum(y)


def change_then_use_row(x, change):
    h = np.outer(x, x)
    row = h[0]
    change(h)
    return np.sum(row)


def add_in_place(y, x):
    y += x
    return np.sum(y)


REFUSED = {
    "float(x)": lambda x: float(x[0]),
    "int(x)": lambda x: int(x[0]),
    "complex(x)": lambda x: complex(x[0]),
    "math.sin(x)": lambda x: math.sin(x[0]),
    "math.floor(x)": lambda x: math.floor(x[0]),
    "'%f' % x": lambda x: "%f" % x[0],  # noqa: UP031
    "x.item()": lambda x: x[0].item(),
    "x.tolist()": lambda x: x.tolist(),
    "plain[0] = x0": lambda x: assign(np.zeros(3), 0, x[0]),
    "plain[:] = x": lambda x: assign(np.zeros(3), slice(None), x),
    "plain += x": lambda x: add_in_place(np.zeros(3), x),
    "plain.fill(x0)": lambda x: np.zeros(3).fill(x[0]),
    "plain.flat[:] = x": lambda x: assign(np.zeros(3).flat, slice(None), x),
    "out=": lambda x: np.sum(np.exp(x, out=np.zeros(3))),
    "np.sum(out=)": lambda x: np.sum(x, out=np.zeros(())),
    "np.fromiter": lambda x: np.sum(np.fromiter(x, float)),
    "rng.normal(x)": lambda x: np.sum(np.random.default_rng(0).normal(x)),
    "np.pad(plain, constant_values=x)": lambda x: np.sum(np.pad(np.ones(2), 1, constant_values=x[0])),
    "np.pad(x, constant_values=x)": lambda x: np.sum(np.pad(x, 1, constant_values=x[0])),
    "np.sum(plain, initial=x)": lambda x: np.sum(np.ones(3), initial=x[0]),
    "np.copyto": lambda x: np.copyto(np.zeros(3), x),
    "np.full_like(plain, x)": lambda x: np.sum(np.full_like(np.ones(3), x[0])),
    "np.nan_to_num(x, nan=x)": lambda x: np.sum(np.nan_to_num(np.ones(3), nan=x[0])),
    "np.put": lambda x: np.put(np.zeros(3), [0], x[0]),
    "np.putmask": lambda x: np.putmask(np.zeros(3), [True, False, False], x),
    "np.place": lambda x: np.place(np.zeros(3), [True, False, False], x[0]),
    "np.fill_diagonal": lambda x: np.fill_diagonal(np.zeros((3, 3)), x),
    "np.add.at": lambda x: np.add.at(np.zeros(3), [0], x[0]),
    "plain[x]": lambda x: np.sum(np.arange(4.0)[x]),
    "plain[x0]": lambda x: np.arange(4.0)[x[0]],
    "plain[0, x]": lambda x: np.sum(np.ones((3, 3))[0, x]),
    "plain[:x0]": lambda x: np.sum(np.arange(4.0)[: x[0]]),
    "plain[x0] = 1": lambda x: assign(np.zeros(4), x[0], 1.0),
    "x[:x0]": lambda x: np.sum(x[: x[0]]),
    "list[x0]": lambda x: [1.0, 2.0][x[0]],
    "x[x]": lambda x: np.sum(x[x]),
    "x[x0, ...]": lambda x: np.sum(x[x[0], ...]),
    "range(x)": lambda x: sum(range(x[0])),
    "np.matrix @ x": lambda x: np.sum(np.asmatrix(np.eye(3)) @ x),
    "x * masked": lambda x: np.sum(x * np.ma.array(np.ones(3), mask=[False, True, False])),
    "np.concatenate(masked)": lambda x: np.sum(np.concatenate([x, np.ma.array(np.ones(3), mask=[0, 1, 0])])),
    "splu(A).solve": lambda x: np.sum(scipy.sparse.linalg.splu(scipy.sparse.csc_array(np.eye(3))).solve(x)),
    "np.float64(x)": lambda x: np.float64(x[0]),
    "np.int64(x)": lambda x: np.int64(x[0]),
    "json": lambda x: json.dumps({"loss": x[0]}),
    "'%d' % x": lambda x: "%d" % x[0],  # noqa: UP031
    "{x: 1}": lambda x: {x[0]: 1},
    "Decimal": lambda x: Decimal(x[0]),
    "memoryview": memoryview,
    "np.frombuffer": lambda x: np.frombuffer(x),
    "np.select": lambda x: np.sum(np.select([x > 1], [x * x], x)),
    "np.add(where=)": lambda x: np.sum(np.add(x, x, where=x > 1)),
    "np.sum(dtype=int)": lambda x: np.sum(x, dtype=int),
    "np.power.reduce": lambda x: np.power.reduce(x),
    "np.pad(mode='mean')": lambda x: np.sum(np.pad(x, 1, mode="mean")),
    "view[0] = 1": lambda x: assign((x * np.ones((2, 3)))[0], 0, 1.0),
    "transposed[0] = 1": lambda x: assign((x * np.ones((2, 3))).T, 0, 1.0),
    "z[[0, 0]] = x": lambda x: assign(x * 1, [0, 0], x[:2]),
    "z[x0] = 1": lambda x: assign(x * 1, x[0], 1.0),
    "z[0] = 1j": lambda x: assign(x * 1, 0, 1j),
    "a view is used after the change": lambda x: change_then_use_row(x, lambda h: h.__iadd__(1.0)),
    "a view is used after an assignment": lambda x: change_then_use_row(x, lambda h: h.__setitem__(0, 1.0)),
    "np.asarray(x, float)": lambda x: np.sum(np.asarray(x, float)),
    "np.array([z0, z1])": lambda x: np.sum(np.real(np.array([x[0] * 1j, x[1] * 1j]))),
    "np.asarray(z)": lambda x: np.linalg.norm(np.asarray(x * 1j)),
    "z.flat[:] = x": lambda x: assign((x * 1).flat, slice(None), x),
    "np.asarray(2-D)": lambda x: np.sum(np.asarray(np.outer(x, x))),
    "objects without traced numbers": lambda x: np.sum(x * np.array([1, None, 2], object)),
    "np.linalg.solve(np.array([x0, x1]))": lambda x: np.sum(np.linalg.solve(np.eye(2), np.array([x[0], x[1]]))),
    "special.entr(np.array([x0, x1]))": lambda x: np.sum(scipy.special.entr(np.array([x[0], x[1]]))),
    "scipy.optimize.brentq": lambda x: scipy.optimize.brentq(lambda t: t * t - x[0], 0, 2),
    "np.reshape(order='A')": lambda x: np.sum(np.reshape(np.outer(x, x).T, 9, order="A") * np.arange(9.0)),
    "x.view()": lambda x: np.sum(x.view()),
    "x.flat[0] = 1": lambda x: assign(np.outer(x, x).flat, 0, 1.0),
    "x * Fraction": lambda x: np.sum(x * Fraction(1, 3)),
    "row += 1": lambda x: add_in_place((x * np.ones((2, 3)))[0], 1.0),
    "y += wider": lambda x: add_in_place(x * 1, np.ones((2, 3))),
}  # fmt: skip
PROGRAMMING_ERRORS = {"plain.flat[:] = x"}  # NumPy raises before anything of opad is asked


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    if name == "np.select" and opad.has_rule(np.select):
        pytest.skip("covered by now")
    expected = (TracingError, ValueError, TypeError, IndexError) if name in PROGRAMMING_ERRORS else TracingError
    with pytest.raises(expected) as caught:
        opad.grad(REFUSED[name])(X)
    if expected is TracingError:
        text = str(caught.value)
        assert "xpected" in text and ("rite" in text or "se " in text)


def test_an_index_error_of_numpys_own_stays():
    with pytest.raises(IndexError, match="out of bounds"):
        opad.grad(lambda x: x[7])(X)


def test_messages_name_the_function_and_the_line():
    line = sys._getframe().f_lineno + 2
    with pytest.raises(MissingRuleError, match=r"numpy\.sort_complex.*jacobian_rule") as caught:
        opad.grad(lambda x: np.sum(np.sort_complex(x)))(X)
    assert f"test_protocols.py:{line}" in str(caught.value)
    line = sys._getframe().f_lineno + 2
    with pytest.raises(TracingError, match=r"array of objects .*np\.block") as caught:
        opad.grad(lambda x: np.linalg.det(np.array([[x[0], x[1]], [1, 2]])))(X)
    assert f"test_protocols.py:{line}" in str(caught.value)
    with pytest.raises(UnsupportedArgumentError, match=r"numpy\.clip.*order"):
        opad.grad(lambda x: np.sum(np.clip(x, 0.0, 1.0, order="F")))(X)
    with pytest.raises(UnsupportedArgumentError, match=r"numpy\.multiply.*where=.*test_protocols\.py"):
        opad.grad(lambda x: np.sum(np.multiply(x, x, where=X > 1)))(X)


WORKS = {
    "x * list": (lambda x: np.sum(x * [1.0, 2.0, 3.0]), [1, 2, 3]),
    "list @ x": (lambda x: [1.0, 2.0, 3.0] @ x, [1, 2, 3]),
    "np.multiply(list, x)": (lambda x: np.sum(np.multiply([1.0, 2.0, 3.0], x)), [1, 2, 3]),
    "np.dot(list, x)": (lambda x: np.dot([1.0, 2.0, 3.0], x), [1, 2, 3]),
    "np.einsum(list, x)": (lambda x: np.einsum("i,i", [1.0, 2.0, 3.0], x), [1, 2, 3]),
    "tuple * x": (lambda x: np.sum((1.0, 2.0, 3.0) * x), [1, 2, 3]),
    "np.float64(2) * x": (lambda x: np.sum(np.float64(2) * x), [2, 2, 2]),
    "np.where(condition)": (lambda x: np.sum(x[np.where(x > 1)]), [0, 1, 1]),
    "np.where(x)": (lambda x: np.sum(x[np.where(x)]), [1, 1, 1]),
    "np.zeros(like=x)": (lambda x: np.sum(np.zeros(3, like=x) + x), [1, 1, 1]),
    "np.zeros_like(x)": (lambda x: np.sum(np.zeros_like(x) + x), [1, 1, 1]),
    "builtin sum": (lambda x: sum(x), [1, 1, 1]),
    "builtin max": (lambda x: max(x), [0, 0, 1]),
    "for": (lambda x: sum(k * xi for k, xi in enumerate(x)), [0, 1, 2]),
    "unpacking": (lambda x: (lambda a, b, c: a * b * c)(*x), [6, 3, 2]),
    "divmod": (lambda x: sum(divmod(x, 0.7)[1]), [1, 1, 1]),
    "round": (lambda x: round(x[2]) * x[2], [0, 0, 3]),
    "if": (lambda x: x[0] if x[0] > 0 else x[1], [1, 0, 0]),
    "while": (lambda x: _double_until(x[0], 10.0), [16, 0, 0]),
    "sort": (lambda x: sorted(x)[2] * min(x), [3, 0, 1]),
    "f'{x:.3f}'": (lambda x: x[0] * len(f"{x[1]:.3f}"), [5, 0, 0]),
    "np.ma.masked_where(x)": (lambda x: np.ma.masked_where(x > 2, x).sum(), [1, 1, 0]),
    "np.ndenumerate": (lambda x: sum(i * a for (i,), a in np.ndenumerate(x)), [0, 1, 2]),
    "np.poly1d(x)": (lambda x: np.poly1d(x)(2.0), [4, 2, 1]),
    "Polynomial(x)": (lambda x: np.polynomial.Polynomial(x)(2.0), [1, 2, 4]),
    "rng.permutation(x)": (lambda x: np.sum(np.random.default_rng(0).permutation(x) ** 2), [2, 4, 6]),
    "in": (lambda x: np.sum(x) if 2.0 in x else x[0], [1, 1, 1]),
    "argmax": (lambda x: x[np.argmax(x)], [0, 0, 1]),
    "x.astype(int)": (lambda x: np.sum(x * x.astype(int)), [1, 2, 3]),
    "np.isfinite": (lambda x: np.sum(x[np.isfinite(x)]), [1, 1, 1]),
    "len, shape, size": (lambda x: np.sum(x) * len(x) * x.shape[0] * x.size / 27.0, [1, 1, 1]),
    "np.array([x0, x1])": (lambda x: np.sum(np.array([x[0], x[1]]) * x[:2]), [2, 4, 0]),
    "np.array([x0, 1])": (lambda x: x[:2] @ np.array([x[0], 1.0]), [2, 1, 0]),
    "np.array([x, x])": (lambda x: np.sum(np.array([x, x])), [2, 2, 2]),
    "np.asarray(x)": (lambda x: np.sum(np.asarray(x) ** 2), [2, 4, 6]),
    "np.exp(np.array([x0]))": (lambda x: np.sum(np.exp(np.array([x[0], x[1]]))), [np.exp(1), np.exp(2), 0]),
    "np.linalg.norm(np.array([x0, x1]))": (lambda x: np.linalg.norm(np.array([x[0], x[0]])), [np.sqrt(2), 0, 0]),
    "x.astype(object)": (lambda x: np.sum(x.astype(object) ** 2), [2, 4, 6]),
    "np.insert(objects, 1, x)": (lambda x: np.sum(np.insert(np.asarray(x), 1, x)), [2, 2, 2]),
    "z[i] = x": (lambda x: assign(np.zeros_like(x), 1, 3 * x[0]), [3, 0, 0]),
    "z[mask] += x": (lambda x: add_to_part(x, x > 1), [1, 2, 2]),
    "z[1:] += x": (lambda x: add_to_part(x, slice(1, None)), [1, 2, 2]),
    "z[[0, 2]] += x": (lambda x: add_to_part(x, [0, 2]), [2, 1, 2]),
    "traced[0] = 1": (lambda x: assign(x * 1, 0, 1.0), [0, 1, 1]),
    "np.copyto(traced)": (lambda x: (lambda z: np.copyto(z, x) or np.sum(z))(np.zeros_like(x)), [1, 1, 1]),
    "np.putmask(traced)": (lambda x: (lambda z: np.putmask(z, x > 1, 2 * x) or np.sum(z))(1 * x), [1, 2, 2]),
    "np.add.at(traced)": (lambda x: (lambda z: np.add.at(z, [0, 0], x[:2]) or np.sum(z * z))(0 * x), [6, 6, 0]),
    "np.fill_diagonal(traced)": (lambda x: fill_and_sum(np.zeros_like(x, shape=(3, 3)), x), [1, 1, 1]),
    "np.r_[x, x]": (lambda x: np.sum(np.r_[x, x]), [2, 2, 2]),
    "np.full(3, x0)": (lambda x: np.sum(np.full(3, x[0])), [3, 0, 0]),
    "np.sum([x0, x1])": (lambda x: np.sum([x[0], x[1]]), [1, 1, 0]),
    "plain.dot(x)": (lambda x: np.sum(np.eye(3).dot(x)), [1, 1, 1]),
    "x * sparse": (lambda x: np.sum(x * scipy.sparse.eye_array(3)), [1, 1, 1]),
    "LinearOperator @ x": (lambda x: np.sum(scipy.sparse.linalg.aslinearoperator(np.eye(3)) @ x), [1, 1, 1]),
    "masked array * x": (lambda x: np.sum(np.ma.array(X, mask=[0, 1, 0]) * x), [1, 0, 3]),
    "np.vectorize": (lambda x: np.sum(np.vectorize(lambda v: v * v)(x)), [2, 4, 6]),
    "x.compress": (lambda x: np.sum(x.compress([True, False, True])), [1, 0, 1]),
    "x.sort()": (lambda x: (lambda z: z.sort() or z @ X)(-1 * x), [-3, -2, -1]),
    "x.partition()": (lambda x: (lambda z: z.partition(0) or z[0])(-1 * x), [0, 0, -1]),
    "x.flat": (lambda x: sum(np.outer(x, x).flat) + np.outer(x, x).flat[5], [12, 15, 14]),
    "np.einsum with lists": (lambda x: np.einsum(np.outer(x, x), [0, 1], x, [1], [0])[0], [16, 4, 6]),
    "np.flip(axis=np.int64)": (lambda x: np.flip(x, np.int64(0)) @ X, [3, 2, 1]),
    "f-strings": (lambda x: np.sum(x) if f"{x[0]:.2f} {x}" == f"1.00 {X}" else x[0], [1, 1, 1]),
    "copy.deepcopy": (lambda x: np.sum(__import__("copy").deepcopy(x)), [1, 1, 1]),
    "methods": (lambda x: x.reshape(3, 1).T.ravel().cumsum().mean() + x.std() * 0.0, [1, 2 / 3, 1 / 3]),
}  # fmt: skip


def add_to_part(x, key):
    z = 1 * x
    z[key] += x[key]
    return np.sum(z)


def fill_and_sum(z, x):
    np.fill_diagonal(z, x)
    np.put_along_axis(z, np.array([[1], [2], [0]]), 2.0, axis=1)
    return np.sum(z)


def _double_until(x, limit):
    while x < limit:
        x = 2 * x
    return x


@pytest.mark.parametrize("name", WORKS)
def test_works(name):
    f, expected = WORKS[name]
    np.testing.assert_allclose(opad.grad(f)(X), expected)
    assert type(opad.grad(f)(X)) is np.ndarray


def test_in_place_updates_reach_aliases_as_in_numpy():
    def f(x):
        y = x * 1.0
        z = y
        z += 1.0
        z *= 3.0
        return np.sum(y * z)

    expected = 18 * (X + 1)
    np.testing.assert_allclose(opad.grad(f)(X), expected)
    np.testing.assert_allclose(opad.jvp(f, (X,), (np.ones(3),))[1], np.sum(expected))

    def add_bias(h, b):  # returns nothing: works through its argument
        h += b

    def g(x):
        h = 2.0 * x
        add_bias(h, x**2)
        return np.sum(h)

    np.testing.assert_allclose(opad.grad(g)(X), 2 + 2 * X)


def test_in_place_updates_of_the_argument_and_of_copies():
    def f(x):
        y, z = x.copy(), +x
        y *= 2.0
        z -= 1.0
        x **= 2
        x /= 2.0
        return np.sum(x + y + z)

    np.testing.assert_allclose(opad.grad(f)(X), X + 3.0)
    np.testing.assert_array_equal(X, [1.0, 2.0, 3.0])


def test_in_place_updates_keep_the_dtype_as_in_numpy():
    def f(x):
        y = x * 1
        z = y
        y += np.ones(3)  # float64
        return np.sum(z * z)

    x = X.astype(np.float32)
    value, gradient = opad.value_and_grad(f)(x)
    assert value.dtype == np.float32 and gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, 2 * (x + 1))
    with pytest.raises(TracingError, match="complex128 into a traced array of dtype float64"):
        opad.grad(lambda x: np.sum(np.abs(add_in_place(x * 1, 1j))))(X)


def test_other_in_place_operators():
    def floor(x):
        y = x * 1
        z = y
        y //= 2.0
        return np.sum(z * x)

    np.testing.assert_array_equal(opad.grad(floor)(X), X // 2)

    def product(x):
        y = np.outer(x, x)
        z = y
        y @= np.eye(3) * 2
        return np.sum(z)

    np.testing.assert_allclose(opad.grad(product)(X), np.full(3, 4 * X.sum()))


def test_numbers_are_rebound_by_in_place_operators():
    def f(x):
        s = x[0]
        t = s
        s += x[1]
        return s * t

    np.testing.assert_allclose(opad.grad(f)(X), [2 * X[0] + X[1], X[0], 0.0])
