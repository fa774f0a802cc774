"""What is removed from a recording, what is kept, and where values live."""

import numpy as np
import pytest

import opad
from opad.programs.plan import writes_out
from tests.programs.equality import assert_same


def program_of(f, *args, **options):
    compiled = opad.compile(f, **options)
    assert_same(compiled(*args), f(*args))
    return compiled.programs[0]


def names(program):
    plan = program.whole.code.plan
    return [getattr(step.function, "__name__", "") for step in plan.steps]


X = np.linspace(0.1, 1.0, 6)


def test_repeated_calls_are_one():
    assert names(program_of(lambda x: np.sin(x) * np.sin(x), X)) == ["sin", "multiply"]
    assert names(program_of(lambda x: (x[1:] * x[1:], x[:-1]), X)).count("getitem") == 2
    assert len(names(program_of(lambda x: (x + 0.0) * (x + -0.0) * (x + 0), X))) == 5


def test_unused_calls_are_dropped():
    def f(x):
        np.exp(x)
        np.linalg.svd(np.outer(x, x))
        return np.sin(x)

    assert names(program_of(f, X)) == ["sin"]


def test_neutral_operations_vanish():
    assert names(program_of(lambda x: np.sin(1 * (x * 1.0) / 1 - 0) * np.ones(6), X)) == ["sin"]
    assert names(program_of(lambda x: np.conj(np.reshape(x, 6)).astype(float) + 1, X)) == ["add"]


def test_negations_are_subtractions():
    f = lambda x, y: (y + -x, -1.0 * x + y, y - np.negative(x), -x - y, x * -1 + 2.5)  # noqa: E731
    y = np.array([0.0, -0.0, np.inf, -np.inf, 1.0, 2.0])
    for x in (y, -y, y[::-1].copy()):
        with np.errstate(invalid="ignore"):
            compiled = opad.compile(f)
            for found, expected in zip(compiled(x, y), f(x, y), strict=True):
                np.testing.assert_array_equal(found, expected)
                np.testing.assert_array_equal(
                    np.signbit(found)[~np.isnan(expected)], np.signbit(expected)[~np.isnan(expected)]
                )
    assert names(compiled.programs[0]) == ["negative", "subtract", "add", "subtract", "subtract"]
    assert names(program_of(lambda x: (-np.arange(3.0) + x[:3], -x[:3] + np.ones((2, 1))), X)).count("negative") == 0


def test_factors_are_gathered_where_nothing_is_rounded():
    for dtype in (np.float32, float):
        x = X.astype(dtype)
        assert names(program_of(lambda x: 0.5 * (3.0 * (-2 * -x)), x)) == ["multiply"]
        assert names(program_of(lambda x: 3.0 * (0.7 * x), x)) == ["multiply"] * 2
        assert names(program_of(lambda x: 2.0 * (1e30 * x), x)) == ["multiply"] * 2  # near the limits of float32
    f = lambda x, y: (y - 4 * (x * 0.1), np.float64(2) * (0.1 * x), 0 * (2 * x), np.inf * (2 * x))  # noqa: E731
    with np.errstate(all="ignore"):
        for x in (X, X.astype(np.float32), np.array([0.0, -0.0, np.inf, 1.0, 2.0, np.nan])):
            assert_same(opad.compile(f)(x, X), f(x, X), exact=True)


def test_what_is_broadcast_is_not_made():
    x, y = X.reshape(2, 3), X[:3]
    program = program_of(lambda x, y: np.sin(x) * np.broadcast_to(np.cos(y), (2, 3)), x, y)
    assert names(program) == ["sin", "cos", "multiply"]
    alone = lambda x, y: (np.sin(np.broadcast_to(y, (2, 3))), np.broadcast_to(y, (2, 3)) * np.broadcast_to(y, (2, 3)))  # noqa: E731
    assert names(program_of(alone, x, y)) == ["broadcast_to", "sin", "multiply"]


@pytest.mark.parametrize(("shape", "arguments"), [
    ((6,), (1,)), ((6,), (-2,)), ((6,), (8, 0)), ((6,), (0,)), ((6,), (-12, -1)), ((3, 4), (1, -1)), ((3, 4), (-1, 0)),
    ((3, 4), (5,)), ((3, 4), ((1, 2), (0, 1))), ((0,), (1,)), ((3, 4, 2), (1, 1)), ((1, 3), (1, 0)),
])  # fmt: skip
def test_rolls_are_slices(shape, arguments):
    x = np.random.default_rng(0).standard_normal(shape)
    for f in (lambda x: np.roll(x, *arguments), lambda x: np.roll(np.sin(x), *arguments) ** 2):
        compiled = opad.compile(f)
        for _ in range(2):
            assert_same(compiled(x), f(x), exact=True)
            x = x + 1
    gradient = opad.grad(lambda x: np.sum(np.roll(x, *arguments) * np.cos(x)))
    assert_same(opad.compile(gradient)(x), gradient(x), exact=True)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (2, 3, 4)])
def test_triangles_have_constant_masks(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    x[..., 0, -1] = x[..., -1, 0] = np.inf
    for f in (np.tril, lambda x: np.triu(x, 1), lambda x: np.tril(x, k=-1), lambda x: np.triu(np.sin(x), -2)):
        for dtype in (np.float64, np.float32):
            compiled, a = opad.compile(f), x.astype(dtype)
            with np.errstate(invalid="ignore"):
                assert_same(compiled(a), f(a), exact=True)
            assert names(compiled.programs[0])[-1] == "where"


def test_a_gradient_is_what_one_would_write():
    gradient = opad.grad(lambda W, x: np.sum(np.tanh(W @ x)))
    program = program_of(gradient, np.eye(6), X[:, None])
    assert names(program) == ["matmul", "tanh", "multiply", "subtract", "transpose", "dot"]
    assert ".dot(" in program.source


def test_a_checkpoint_is_computed_again():
    inner = lambda x: np.exp(np.sin(np.cos(x)))  # noqa: E731
    plain = names(program_of(opad.grad(lambda x: np.sum(inner(x) ** 2)), X))
    again = names(program_of(opad.grad(lambda x: np.sum(opad.checkpoint(inner)(x) ** 2)), X))
    assert plain.count("exp") == 1
    assert again.count("exp") == 2


def test_a_checkpoint_saves_memory():
    def chain(x):
        for _ in range(10):
            x = np.sin(x) * x
        return x

    def f(x, wrap):
        for _ in range(10):
            x = wrap(chain)(x)
        return np.sum(x)

    x = np.ones(1000)
    stored = program_of(opad.grad(lambda x: f(x, lambda g: g)), x)
    recomputed = program_of(opad.grad(lambda x: f(x, opad.checkpoint)), x)
    sizes = [sum(program.whole.code.plan.sizes) for program in (recomputed, stored)]
    assert sizes[0] < sizes[1] / 3


def test_buffers_are_reused_and_steps_work_in_place():
    def f(x):
        for _ in range(50):
            x = np.sin(x * 2 + 1)
        return x

    plan = program_of(f, X).whole.code.plan
    assert len(plan.buffers) == 149
    assert len(plan.sizes) == 1


def test_a_value_that_is_needed_later_is_not_overwritten():
    def f(x):
        y = np.sin(x)
        z = y + 1
        w = z * y
        return w - y.T, z

    program_of(f, X)
    program_of(lambda A: np.sin(A) + np.sin(A).T, np.arange(9.0).reshape(3, 3))
    program_of(lambda A: (np.sin(A) @ np.sin(A)) @ np.cos(A), np.arange(9.0).reshape(3, 3))
    program_of(lambda x: np.add.accumulate(np.sin(x)) + np.sin(x)[::-1], X)


def test_views_of_buffers_are_made_once():
    program = program_of(lambda A, B: np.sum(np.sin(A).T @ np.sin(B)[::2]), np.ones((3, 4)), np.ones((6, 4)))
    setup, body = program.source.split("def program")
    assert setup.count(" = ") == 2
    assert "[" not in body.split("return")[0]


def test_what_a_primitive_is_given_stays_as_it_is():
    kept = []

    @opad.primitive
    def keep(x):
        kept.append(x)
        return x

    def f(x):
        y = keep(np.sin(x) * 2)
        return np.cos(np.exp(y + 1) * 3)

    with pytest.warns(RuntimeWarning, match="changes"):
        compiled = opad.compile(f)
        compiled(X)
    result = compiled(X)
    compiled(-X)
    assert_same(kept[-2], np.sin(X) * 2, exact=True)
    assert_same(result, np.cos(np.exp(np.sin(X) * 2 + 1) * 3), exact=True)


def test_fortran_order():
    A = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    program = program_of(lambda A: np.sum(np.sin(A) * 2 + A, axis=0), A)
    assert all(program.whole.code.plan.specs[ref].order == "F" for ref in list(program.whole.code.plan.buffers)[:3])


def test_steps_that_write_into_buffers():
    program = program_of(lambda x: np.sum(np.frexp(x)[0] + np.sin(x, dtype=np.float64)), X)
    plan = program.whole.code.plan
    written = {getattr(s.function, "__name__", ""): writes_out(s, plan.specs) for s in plan.steps}
    assert written == {"frexp": False, "sin": False, "add": True, "sum": False}


def test_the_source_names_lines():
    def f(x):
        y = np.sin(x)
        return y * 2

    source = program_of(f, X).source
    line = f.__code__.co_firstlineno
    assert f"# test_optimise.py:{line + 1}" in source
    assert f"# test_optimise.py:{line + 2}" in source


def test_the_report():
    compiled = opad.compile(opad.grad(lambda W: np.sum((W @ W) ** 2) if W[0, 0] > 0 else np.sum(W)))
    compiled(np.ones((10, 10)))
    report = compiled.report()
    for part in ("1 program(s)", "recorded", "floating-point operations", "buffers", "bool True", "constant arrays"):
        assert part in report
    operations = float(report.split("floating-point operations")[1].split()[0])
    assert 6000 <= operations <= 7000  # three products of 2 * 10**3


def test_a_thousand_chained_operations():
    def f(x):
        for k in range(500):
            x = np.sin(x) + k
        return np.sum(x)

    program = program_of(opad.grad(f), X)
    assert len(program.whole.code.plan.steps) > 1000


def test_a_very_long_program():
    def f(x):
        for _ in range(20000):
            x = x * 0.999
        return x

    compiled = opad.compile(f)
    assert_same(compiled(1.5), f(1.5), exact=True)
    assert_same(compiled(-2.5), f(-2.5), exact=True)


def test_small_independent_steps_are_stacked():
    gradient = opad.grad(lambda W, x: np.sum(_layers(W, x)))
    W, x = [np.full((4, 4), 0.1 * k) for k in range(1, 9)], np.ones((4, 1))
    program = program_of(gradient, W, x)
    assert names(program).count("subtract") == 1
    assert names(program).count("tanh") == 8
    large = [np.full((100, 100), 0.01 * k) for k in range(1, 9)]
    assert names(program_of(gradient, large, np.ones((100, 100)))).count("subtract") == 8


@pytest.mark.parametrize(("batch", "dtype"), [(1, float), (5, float), (5, np.float32), (3, complex)])
def test_gradients_of_small_layers_are_computed_together(batch, dtype):
    """50 outer products and 50 sums are one call each, and still 50 results of their own."""
    gradient = opad.grad(lambda W, b, x: np.sum(np.abs(_biased_layers(W, b, x))), argnums=(0, 1))
    rng = np.random.default_rng(0)
    W, b = ([rng.standard_normal(shape).astype(dtype) for _ in range(9)] for shape in ((4, 4), (4, 1)))
    x = rng.standard_normal((4, batch)).astype(dtype)
    x[0], b[3][:] = 0.0, -0.0
    compiled = opad.compile(gradient)
    expected, found = gradient(W, b, x), compiled(W, b, x)
    assert_same(found, expected, exact=True)
    program = compiled.programs[0]
    assert names(program).count("sum") <= 2
    assert program.source.count("matmul(") == (dtype is not complex)  # conjugated first, each by itself
    assert program.source.count(".dot(") == (18 if dtype is not complex else 26)
    arrays = [*found[0], *found[1]]
    assert not any(np.shares_memory(a, c) for k, a in enumerate(arrays) for c in arrays[:k])
    compiled([-w for w in W], b, x)
    assert_same(found, expected, exact=True)
    found[0][0][:] = 7.0
    assert_same(compiled(W, b, x), expected, exact=True)


def _biased_layers(W, b, x):
    for Wk, bk in zip(W, b, strict=True):
        x = np.tanh(Wk @ x + bk)
    return x


def test_a_stack_of_results_is_bounded():
    """Who keeps one result keeps its stack."""
    xs = [np.full(1000, float(k)) for k in range(100)]
    results = opad.compile(lambda *xs: [np.sin(x) * np.cos(x) for x in xs])(*xs)
    assert 1 < len({id(r.base) for r in results}) <= 100
    assert max(r.base.nbytes for r in results) <= 1 << 18


def test_what_stacks_cannot_repeat_bit_by_bit_is_left_alone():
    """Sums in another order: over the first axis of a transposed matrix, over all axes."""
    f = lambda *xs: [np.sum(np.sin(x), axis=axis) for x in xs for axis in (0, 1, (0, 1))]  # noqa: E731
    for rows, columns in [(3, 40), (40, 3), (1, 17), (17, 1)]:
        xs = [np.random.default_rng(k).standard_normal((rows, columns)) for k in range(5)]
        for arrays in (xs, [x.T for x in xs]):
            assert_same(opad.compile(f)(*arrays), f(*arrays), exact=True)


def _layers(W, x):
    for Wk in W:
        x = np.tanh(Wk @ x)
    return x


def test_a_step_that_uses_another_one_is_not_stacked_with_it():
    def f(*x):
        p, q = [np.sin(a) for a in x], [np.cos(a) for a in x]
        y = [a * b for a, b in zip(p[:3], q, strict=False)]
        return np.tanh(y[0]) + np.tanh(y[1]) + np.tanh(p[3] * y[2])

    x = [np.arange(3.0) + k for k in range(4)]
    np.testing.assert_array_equal(opad.compile(f)(*x), f(*x))


@pytest.mark.parametrize("pairs", [
    [(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 1), (2, 3), (4, 2), (5, 0)], [(0, 1), (1, 0), (2, 3), (3, 2)],
    [(3, 2), (2, 1), (1, 0), (0, 5)], [(0, 0), (1, 1), (2, 2), (3, 3), (0, 1), (1, 2), (2, 3), (3, 0)],
])  # fmt: skip
def test_a_value_that_is_a_left_and_a_right_operand_has_one_place(pairs):
    def f(x, A):
        s, B = [np.sin(k * x) for k in range(1, 7)], [k * A for k in range(1, 7)]
        return [s[i] * s[j] for i, j in pairs] + [B[i] @ B[j] for i, j in pairs] + [B[i].T @ B[j] for i, j in pairs]

    args = np.linspace(0.1, 1, 8), np.linspace(-1, 2, 9).reshape(3, 3)
    compiled = opad.compile(f)
    for _ in range(2):
        assert_same(compiled(*args), f(*args))


def test_stacked_steps_keep_their_order():
    def f(*xs):
        a = [np.sin(x) for x in xs]
        b = [y * y for y in a]
        c = [1 - y for y in b]
        d = [y * z for y, z in zip(a, c[::-1], strict=True)]
        e = [d[0]]
        for y in d[1:]:
            e.append(e[-1] * y + 1)
        return [y / z for y, z in zip(e, d, strict=True)], c[3], sum(b)

    xs = [np.linspace(0.1, 1, 5) * (k + 1) for k in range(6)]
    compiled = opad.compile(f)
    for _ in range(3):
        assert_same(compiled(*xs), f(*xs), exact=True)
        xs = [x + 0.3 for x in xs]
    assert names(compiled.programs[0]).count("multiply") < 6 + 6 + 5


def test_a_matrix_is_factorised_once():
    """One factorisation for all solves of the adjoint or of the tangent; triangles need none."""
    A, b = np.eye(6) + np.outer(X, X), np.cos(X)
    f = lambda A, b: np.sum(np.sin(np.linalg.solve(A, b)))  # noqa: E731
    twice = lambda A, b: opad.jvp(f, (A, b), (np.ones_like(A), b)) + opad.jvp(f, (A, b), (A, X))  # noqa: E731
    for g in (opad.grad(f, argnums=(0, 1)), twice):
        assert names(program_of(g, A, b)).count("factorise") == 1
    gradient = opad.grad(lambda A: np.sum(np.log(np.diag(np.linalg.cholesky(A)))))
    used = names(program_of(gradient, A))
    assert used.count("solve_triangle") == 2 and "solve" not in used and "factorise" not in used
