"""linearize: one run, any number of products, and the block system (I - L) dx = D dp of a traced program."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

import opad
from opad.errors import NonScalarOutputError
from tests.blocks.systems import network_system, tanh_network


def layers(W, B, X):
    for w, b in zip(W, B, strict=True):
        X = np.tanh(w @ X + b)
    return X


def loss_of(X, Y):
    def loss(p):
        return np.sum((layers(p[0::2], p[1::2], X) - Y) ** 2) / 2

    return loss


@pytest.fixture
def mlp(rng):
    W, B, X, deltas = tanh_network(rng)
    Y = rng.standard_normal(X[-1].shape)
    parameters = [a for pair in zip(W, B, strict=True) for a in pair]
    return W, X, deltas, Y, parameters


def test_matrix_mlp_in_three_ways(mlp):
    """By hand as in the paper, traced, and grad: D^H ((I - L)^H \\ g) to 1e-14; the complex step to 1e-12."""
    W, X, deltas, Y, parameters = mlp
    by_grad = opad.grad(loss_of(X[0], Y))(parameters)

    L, D = network_system(W, X, deltas)
    g = [None] * (len(W) - 1) + [X[-1] - Y]
    by_hand = D.H @ opad.solve((opad.I - L).H, g)

    lin = opad.linearize(loss_of(X[0], Y), parameters)
    L, D = lin.system
    seed = [None] * L.shape[0]
    seed[lin.output_rows[0]] = np.array(1.0)
    traced = D.H @ opad.solve((opad.I - L).H, seed)

    for k, expected in enumerate(by_grad):
        scale = np.linalg.norm(expected)
        assert np.linalg.norm(by_hand[k] - expected) <= 1e-14 * scale
        assert np.linalg.norm(traced[k] - expected) <= 1e-14 * scale
        for index in list(np.ndindex(expected.shape))[:5]:
            shifted = [p.astype(complex) for p in parameters]
            shifted[k][index] += 1e-30j
            residual = layers(shifted[0::2], shifted[1::2], X[0]) - Y
            step = np.sum(residual * residual).imag / 2 / 1e-30
            assert abs(step - expected[index]) <= 1e-12 * scale


def test_a_hidden_layer_in_the_loss_adds_one_block_to_the_right_hand_side(mlp):
    W, X, deltas, Y, parameters = mlp
    L, D = network_system(W, X, deltas)
    by_hand = D.H @ opad.solve((opad.I - L).H, [None, 2 * 0.3 * X[2], X[3] - Y])

    def loss(p):
        hidden = layers(p[0:4:2], p[1:4:2], X[0])
        return np.sum((layers(p[4::2], p[5::2], hidden) - Y) ** 2) / 2 + 0.3 * np.sum(hidden**2)

    for mine, expected in zip(by_hand, opad.grad(loss)(parameters), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-12, atol=1e-13)


def test_products_do_not_run_the_function_again(rng):
    runs = []

    def f(x):
        runs.append(1)
        return np.tanh(np.sin(x) * x)

    x = rng.standard_normal(5)
    lin = opad.linearize(f, x)
    dense = opad.jacobian(f)(x)
    runs.clear()
    for _ in range(3):
        v = rng.standard_normal(5)
        np.testing.assert_allclose(lin.jvp(v), dense @ v, atol=1e-14)
        np.testing.assert_allclose(lin.vjp(v)[0], dense.T @ v, atol=1e-14)
        np.testing.assert_allclose(lin.jacobian @ v, dense @ v, atol=1e-14)
    np.testing.assert_allclose(lin.jacobian.matmat(np.eye(5)), dense, atol=1e-14)
    np.testing.assert_allclose(lin.jacobian.todense(), dense, atol=1e-14)
    assert runs == []
    assert lin.value.shape == (5,) and "operations" in repr(lin)


PROGRAMS = {
    "chain": lambda x, y: np.sin(x) * y,
    "shared": lambda x, y: (lambda z: z * z + np.exp(z))(x * y),
    "matrix": lambda x, y: np.outer(x, y) @ x,
    "unused steps": lambda x, y: (np.log(x**2 + 1), x * y)[1],
    "same operand": lambda x, y: x * x + y @ y,
    "several results": lambda x, y: {"a": x * y, "b": (np.sum(x), y)},
    "reshapes": lambda x, y: np.concatenate([x, y]).reshape(2, 3).T[::-1].cumsum(axis=1),
    "argument as result": lambda x, y: (x, y + x),
    "constant result": lambda x, y: (np.ones(2), x),
    "checkpoint": lambda x, y: opad.checkpoint(lambda a, b: np.sin(a * b) + a)(x, y) * y,
    "solve": lambda x, y: np.linalg.solve(np.diag(x**2 + 1) + np.outer(y, x) * 0.1, y),
    "norm": lambda x, y: np.linalg.norm(x) * np.max(y),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_system_is_the_jacobian(name, rng):
    """Selected rows of (I - L)^-1 D, applied by the generic solver, are the dense Jacobian."""
    f, point = PROGRAMS[name], (rng.standard_normal(3) + 2, rng.standard_normal(3))
    lin = opad.linearize(f, *point)
    L, D = lin.system
    tangents = [rng.standard_normal(3) for _ in point]
    dx = opad.solve(opad.I - L, D @ tangents) if L.shape[0] else []
    expected = lin.push(tangents)
    for row, tangent in zip(lin.output_rows, expected, strict=True):
        if row is not None:
            np.testing.assert_allclose(dx[row], tangent, rtol=1e-12)
    assert L.shape[0] == len(L.row_names or []) and D.shape[1] == 2
    assert all(i >= j for i, j in L.blocks)
    print(opad.I - L)


@pytest.mark.parametrize("name", PROGRAMS)
def test_back_substitution_in_the_system_is_the_gradient(name, rng):
    """D^H ((I - L)^H \\ g), plus the cotangents of arguments that are results themselves."""
    f, point = PROGRAMS[name], (rng.standard_normal(3) + 2, rng.standard_normal(3))
    lin = opad.linearize(f, *point)
    L, D = lin.system
    g = [rng.standard_normal(np.shape(value)) for value, _ in lin.run.outputs]
    seed, direct = [None] * L.shape[0], [np.zeros(3), np.zeros(3)]
    for (_, index), row, part in zip(lin.run.outputs, lin.output_rows, g, strict=True):
        if row is not None:
            seed[row] = part if seed[row] is None else seed[row] + part
        elif index is not None:
            direct[index] = direct[index] + part
    by_system = D.H @ opad.solve((opad.I - L).H, seed) if L.shape[0] else [0, 0]
    for mine, extra, theirs in zip(by_system, direct, lin.pull(g), strict=True):
        np.testing.assert_allclose(mine + extra, 0 if theirs is None else theirs, rtol=1e-12, atol=1e-14)


def test_the_dense_matrix_of_the_system(rng):
    x = rng.standard_normal(4)
    lin = opad.linearize(lambda x: np.cumsum(np.sin(x) * x), x)
    L, D = lin.system
    n = L.todense().shape[0]
    full = np.linalg.solve(np.eye(n) - L.todense(), D.todense())
    np.testing.assert_allclose(full[-4:], opad.jacobian(lambda x: np.cumsum(np.sin(x) * x))(x), atol=1e-13)
    np.testing.assert_array_equal(np.triu(L.todense()), 0)
    assert "cumsum" in str(opad.I - L) and "sin" in str(L)
    assert "<svg" in lin._repr_html_()


def test_gradient():
    lin = opad.linearize(lambda x, y: np.sum(x * y), np.ones(2), np.array([2.0, 3.0]))
    gx, gy = lin.gradient()
    np.testing.assert_array_equal(gx, [2.0, 3.0])
    np.testing.assert_array_equal(gy, [1.0, 1.0])
    assert opad.linearize(lambda x: x**2, 3.0).gradient() == 6.0
    with pytest.raises(NonScalarOutputError, match=r"\(2,\).*vjp"):
        opad.linearize(lambda x: x, np.ones(2)).gradient()


def test_batches_through_one_linearisation(rng):
    lin = opad.linearize(lambda x: np.tanh(x) @ np.ones((3, 2)), rng.standard_normal((4, 3)))
    J = lin.jacobian
    X = rng.standard_normal((5, 4, 3))
    np.testing.assert_allclose(J.apply(X), np.stack([lin.jvp(x) for x in X]))
    Y = rng.standard_normal((2, 2, 4, 2))
    np.testing.assert_allclose(J.apply_adjoint(Y)[1, 0], lin.vjp(Y[1, 0])[0])


@pytest.mark.parametrize("name", ["chain", "matrix", "several results", "reshapes"])
def test_a_linearisation_can_be_pickled_and_copied(name, rng):
    point = (rng.standard_normal(3), rng.standard_normal(3))
    lin = opad.linearize(PROGRAMS[name], *point)
    for other in (pickle.loads(pickle.dumps(lin)), copy.deepcopy(lin)):
        x = [rng.standard_normal(3) for _ in point]
        for mine, theirs in zip(other.push(x), lin.push(x), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert str(other.system[0]) == str(lin.system[0])


def test_a_linearisation_inside_a_trace(rng):
    """d/dx of J(x) v through a kept linearisation is the second derivative."""
    x, v = rng.standard_normal((2, 3))

    def f(x):
        lin = opad.linearize(np.sin, x)
        return np.sum(lin.jvp(v) + lin.vjp(v)[0])

    np.testing.assert_allclose(opad.grad(f)(x), -2 * np.sin(x) * v)


# -- memory ---------------------------------------------------------------------------------------------------------


def chain(n):
    def f(x):
        for _ in range(n):
            x = x * 0.999
        return np.sum(x)

    return f


def test_long_programs_need_no_recursion():
    n = 100_000
    x = np.ones(1)
    expected = 0.999**n
    np.testing.assert_allclose(opad.grad(chain(n))(x), expected, rtol=1e-8)
    np.testing.assert_allclose(opad.jvp(chain(n), (x,), (x,))[1], expected, rtol=1e-8)


@pytest.mark.parametrize("run", [lambda f, x: opad.grad(f)(x), lambda f, x: opad.linearize(f, x)])
def test_memory_per_record(run):
    """At most 1 kB per record above the arrays, and no more per record in long programs than in short ones."""
    size, array = 100, 100 * 8
    x = np.ones(size)
    run(chain(10), x)
    overhead = []
    for n in (500, 2000):
        tracemalloc.start()
        kept = run(chain(n), x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        del kept
        overhead.append(peak / n - array)
    assert overhead[1] <= 1024
    assert overhead[1] <= 1.2 * overhead[0] + 50


def test_a_gradient_streams():
    """Records and their blocks are dropped as the back substitution passes: no second copy of the tape."""
    n, size = 200, 10_000

    def f(x):
        for _ in range(n):
            x = np.sin(x)
        return np.sum(x)

    tracemalloc.start()
    opad.grad(f)(np.ones(size))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 1.1 * n * size * 8
