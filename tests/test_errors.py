"""Bad input: each raises its own class with a message of three parts, naming the block, argument, function or shape."""

import re

import numpy as np
import pytest
import scipy.sparse

import opad
from opad import errors
from opad.blocks.scalar import ScalarSystem
from opad.manifolds import Chart, LevelSet, Product, Sphere, Stiefel
from opad.operators import Conjugate, LeftMultiply, Roll
from opad.testing import check_operator

ONES = np.ones((2, 2))
EAST = np.array([1.0, 0.0])
CIRCLE = LevelSet(lambda x: np.sum(x**2, keepdims=True) - 1, (2,), dim=1)
CROSS = LevelSet(lambda x: x[:1] * x[1:], (2,), dim=1)
PAIR = Product(Sphere(2), Sphere(2))
kept = []


def loss(x, y=1.0):
    return np.sum(x) * y


def outlive(x):
    kept.append(2 * x)
    return np.sum(x)


def use_after_the_trace():
    opad.grad(outlive)(ONES)
    return kept[-1] + 1


def change_a_constant(x):
    w = np.zeros(5000)
    y = w * x
    w[:] = 1
    return np.sum(y)


def fill(x):
    y = np.zeros(2)
    y[0] = x[0, 0]
    return np.sum(y)


def system(block, n=3):
    return opad.BlockMatrix({(0, 0): opad.I, (1, 0): opad.I, (1, 1): block}, (2, 2), [(n,)] * 2, [(n,)] * 2)


# name: (what is done, class, what the message names, what it expected, what to do)
TABLE = {
    "a block of a wrong shape": (
        lambda: opad.BlockMatrix([[np.ones((3, 2))], [np.ones((3, 4))]]),
        errors.ShapeError, r"block \(1, 0\)", "expected 2 -> any, got 4 -> 3", "share"),
    "a block outside": (
        lambda: opad.BlockMatrix({(3, 0): 1.0}, (2, 2)),
        errors.ShapeError, r"block \(3, 0\).*2 x 2", "expected", "larger"),
    "a right-hand side of a wrong shape": (
        lambda: opad.solve(system(LeftMultiply(np.eye(3), 1)), [np.ones((3, 1)), np.ones((4, 1))]),
        errors.ShapeError, r"block \(1, 1\)", "expected", ""),
    "a right-hand side of a wrong length": (
        lambda: opad.solve(system(np.eye(3)), [np.ones(3)]),
        errors.ShapeError, "2 block rows in A and 1 in b", "expected", "None"),
    "a vector of a wrong shape": (
        lambda: system(np.eye(3)) @ [np.ones(3), np.ones(2)],
        errors.ShapeError, r"block 1 of the vector has shape \(2,\)", r"expected \(3,\)", "[Rr]eshape"),
    "a cyclic system": (
        lambda: opad.solve(opad.BlockMatrix([[1.0, 2.0], [3.0, 4.0]]), [1.0, 1.0]),
        errors.CyclicSystemError, "x0 -> x1 -> x0", "[Ee]xpected", "cycles='solve'"),
    "a singular dense block": (
        lambda: opad.solve(system(np.ones((3, 3))), [np.ones(3)] * 2),
        errors.SingularBlockError, r"\(1, 1\)", "Expected an invertible", "lsqr"),
    "a missing diagonal block": (
        lambda: opad.solve(opad.BlockMatrix({(1, 0): 1.0}, (2, 2)), [1.0, 1.0]),
        errors.SingularBlockError, r"\(0, 0\)", "expected an invertible", "I - L"),
    "a Krylov solve that does not converge": (
        lambda: opad.solve(system(Roll((600,), 1), 600), [None, np.eye(1, 600)[0]]),
        errors.ConvergenceError, r"\(1, 1\).*relative residual", "expected 1e-12", "solve"),
    "a real-linear diagonal block": (
        lambda: opad.solve(system(Conjugate((3,))), [None, np.ones(3)]),
        errors.RealLinearError, r"\(1, 1\)", "expected", "as_real"),
    "an operator times an array of a wrong shape": (
        lambda: LeftMultiply(np.eye(3), 2) @ np.ones((4, 2)),
        errors.ShapeError, r"\(4, 2\)", r"expected shape \(3, 2\)", "eshape"),
    "a sum of operators of different shapes": (
        lambda: opad.as_operator(np.eye(3)) + opad.as_operator(np.ones((2, 3))),
        errors.ShapeError, r"\(3, 3\) and \(2, 3\)", "expected equal", "Compose"),
    "a negative power": (
        lambda: LeftMultiply(np.eye(3), 1) ** -1, errors.OptionError, r"\*\* -1", "expected an integer", "Solve"),
    "an unknown order of a matrix": (
        lambda: LeftMultiply(np.eye(3), 1).todense("A"),
        errors.OptionError, "order='A'", "expected 'C' or 'F'", "stack"),
    "an unknown metric": (
        lambda: Chart(np.exp, (2,), metric="sharp"), errors.OptionError, "'sharp'", "expected one of", "subclass"),
    "an unknown retraction": (
        lambda: Stiefel(3, 2, "exact"), errors.OptionError, "Stiefel.*'exact'", "expected one of", "second order"),
    "an array in place of an operator": (
        lambda: check_operator(ONES), errors.ConversionError, "ndarray", r"expected an opad\.Operator", "as_operator"),
    "a system that is not lower triangular": (
        lambda: ScalarSystem(scipy.sparse.eye_array(2), scipy.sparse.eye_array(2), [1]),
        errors.ShapeError, "on or above its diagonal", "expected a strictly lower", "Number"),
    "nothing that is an operator": (
        lambda: opad.as_operator("text"), errors.ConversionError, "str|text", "xpected", ""),
    "NaN while it is looked for": (
        opad.debug()(lambda: opad.grad(lambda x: np.sum(np.sqrt(x) * np.nan))(ONES)),
        errors.NonFiniteError, r"numpy\.multiply.*test_errors\.py.*received NaN", "expected finite", r"np\.where"),
    "an integer argument": (
        lambda: opad.grad(loss, (0, 1))(ONES, 3),
        errors.DtypeError, "argument 1 of loss.*int", "expected floating", "astype"),
    "an integer array": (
        lambda: opad.grad(loss)(np.arange(3)),
        errors.DtypeError, "argument 0 of loss.*int64", "expected floating", "astype"),
    "a boolean leaf": (
        lambda: opad.linearize(lambda p: p["a"], {"a": np.ones(2, bool)}),
        errors.DtypeError, "leaf 0.*bool", "expected", "astype"),
    "argnums twice": (
        lambda: opad.grad(loss, (0, -2))(ONES, 1.0),
        errors.StructureError, r"argnums=\(0, -2\)", "expected different", "last"),
    "argnums outside": (
        lambda: opad.grad(loss, 2)(ONES),
        errors.StructureError, "argnums=2.*loss.*1 positional", "expected", "constants"),
    "a result that is not a number": (
        lambda: opad.grad(np.exp)(ONES),
        errors.NonScalarOutputError, r"exp.*shape \(2, 2\)", "expected one real", r"np\.sum"),
    "a complex result": (
        lambda: opad.grad(lambda x: np.sum(1j * x))(ONES),
        errors.NonScalarOutputError, "complex", "expected one real", r"np\.real"),
    "a function without a rule": (
        lambda: opad.grad(lambda x: np.sum(np.sort_complex(x)))(ONES),
        errors.MissingRuleError, r"numpy\.sort_complex.*test_errors\.py:\d+", "Expected a function with a rule",
        "jacobian_rule"),
    "a keyword that no rule covers": (
        lambda: opad.grad(lambda x: np.sum(np.multiply(x, x, where=x > 0)))(ONES),
        errors.UnsupportedArgumentError, "multiply.*where=", "expected", "Write"),
    "a closed trace": (
        use_after_the_trace, errors.ClosedTraceError, "had returned", "Expected", "has_aux"),
    "float()": (
        lambda: opad.grad(lambda x: float(x[0, 0]))(ONES),
        errors.TracingError, r"float\(\).*test_errors\.py", "Expected", "stop_gradient"),
    "np.asarray": (
        lambda: opad.grad(lambda x: np.sum(np.asarray(x)))(ONES),
        errors.TracingError, r"shape \(2, 2\).*test_errors\.py", "Expected", r"np\.stack"),
    "assignment into a view of a traced array": (
        lambda: opad.grad(lambda x: x[:].__setitem__(0, 1.0))(ONES),
        errors.TracingError, "view.*assigned.*test_errors", "expected", r"\.copy"),
    "assignment into a plain array": (
        lambda: opad.grad(fill)(ONES), errors.TracingError, "assignment.*test_errors", "Expected", r"np\.stack"),
    "out=": (
        lambda: opad.grad(lambda x: np.sum(np.add(x, x, out=ONES.copy())))(ONES),
        errors.TracingError, r"numpy\.add", "Expected", "y = y"),
    "a changed constant": (
        lambda: opad.grad(change_a_constant)(np.ones(5000)),
        errors.TracingError, "changed in place", "Expected", "copy"),
    "an attribute of memory": (
        lambda: opad.grad(lambda x: np.sum(x.view()))(ONES),
        errors.TracedAttributeError, r"\.view.*test_errors", "expected NumPy", r"x\.copy"),
    "an index that is traced": (
        lambda: opad.grad(lambda x: x[x])(ONES),
        errors.TracingError, "index.*test_errors", "Expected", "stop_gradient"),
    "np.asarray of a matrix": (
        lambda: opad.grad(lambda x: np.sum(np.asarray(np.outer(x, x))))(ONES),
        errors.TracingError, "plain NumPy array", "Expected", r"opad\.apply"),
    "a capturing checkpoint": (
        lambda: opad.grad(lambda x: np.sum(opad.checkpoint(lambda y: x * y)(x)))(ONES),
        errors.TracingError, "checkpoint.*not one of its arguments", "expected", r"checkpoint\(f\)\(x, W\)"),
    "too few tangents": (
        lambda: opad.jvp(loss, (ONES, 1.0), (ONES,)),
        errors.ShapeError, "1 tangents.*2", "expected one for each", "zeros"),
    "a tangent of a wrong shape": (
        lambda: opad.jvp(loss, (ONES,), (np.ones(3),)), errors.ShapeError, r"\(3,\)", r"expected \(2, 2\)", "jacobian"),
    "a complex tangent of a real argument": (
        lambda: opad.jvp(loss, (ONES,), (1j * ONES,)),
        errors.DtypeError, "tangent is complex", "expected a real", "Pass"),
    "a tangent of a wrong structure": (
        lambda: opad.jvp(loss, (ONES,), ([ONES],)),
        errors.StructureError, "tangent 0", "expected a single array", "Give"),
    "a cotangent of a wrong shape": (
        lambda: opad.vjp(np.exp, ONES)[1](1.0),
        errors.ShapeError, r"cotangent has shape \(\)", r"expected \(2, 2\)", ""),
    "a Jacobian that is no matrix": (
        lambda: opad.jacobian(np.conj)(ONES * 1j),
        errors.RealLinearError, "conj", "[Ee]xpected a holomorphic", "as_real"),
    "aux without a pair": (
        lambda: opad.grad(loss, has_aux=True)(ONES), errors.StructureError, "has_aux", "expected a pair", "Leave"),
    "apply to a wrong shape": (
        lambda: opad.grad(lambda x: np.sum(opad.apply(np.eye(3), x)))(np.ones(4)),
        errors.ShapeError, r"\(4,\)", r"expected \(3,\)", "eshape"),
    "an order that misses a variable": (
        lambda: opad.jacobian(lambda x: np.exp(np.sin(x)), order=[])(ONES),
        errors.EliminationOrderError, "misses 0", "expected each of the 1 inner", "'markowitz'"),
    "an unknown order": (
        lambda: opad.jacobian(loss, order="sideways"),
        errors.EliminationOrderError, "'sideways'", "expected", "reverse"),
    "a plan for another program": (
        lambda: opad.jacobian(np.cos, order=opad.plan_elimination(np.sin, ONES, order="reverse"))(ONES),
        errors.PlanMismatchError, "made for program", "expected the same operations", r"opad\.plan_elimination"),
    "a Jacobian beyond max_bytes": (
        lambda: opad.jacobian(np.cos, order="markowitz", max_bytes=100)(ONES),
        errors.AccumulationError, "4 x 4 and takes 128 bytes", "expected at most max_bytes=100", "jacobian_operator"),
    "a complex Jacobian beyond max_bytes": (
        lambda: opad.jacobian(np.cos, order="markowitz", max_bytes=200)(1j * ONES),
        errors.AccumulationError, "takes 256 bytes", "expected at most max_bytes=200", "[Aa]llow more"),
    "a point of a wrong shape": (
        lambda: opad.grad(loss, manifolds=CIRCLE)(ONES),
        errors.ManifoldError, r"\(2, 2\)", r"expected \(2,\)", "Reshape"),
    "a point off the manifold": (
        lambda: opad.grad(loss, manifolds=CIRCLE)(np.ones(2)),
        errors.NotOnManifoldError, "violates its constraint by 1;", "expected at most", "random_point"),
    "a point of a product with NaN in the second factor": (
        lambda: PAIR.check_point((EAST, EAST * np.nan)),
        errors.NotOnManifoldError, "by nan;", "expected at most", "random_point"),
    "a normal vector": (
        lambda: opad.linearize(loss, EAST, manifolds=CIRCLE).jvp(EAST),
        errors.NotTangentError, "normal part is 1 of", "expected at most", "projection"),
    "a constraint that is not regular": (
        lambda: opad.grad(loss, manifolds=CROSS)(np.zeros(2)),
        errors.IrregularConstraintError, "rank 0 at this point", "expected 1", "another"),
    "a retraction that does not converge": (
        lambda: CIRCLE.retraction(EAST, np.array([0.0, 3.0])),
        errors.RetractionError, r"max \|h\| = ", "expected", "shorter step"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_bad_input(name):
    action, kind, *parts = TABLE[name]
    with pytest.raises(kind) as caught:
        action()
    assert caught.type is kind
    text = str(caught.value)
    for part in parts:
        assert re.search(part, text), f"{part!r} is not in: {text}"
    assert len(text) > 60


def test_every_error_can_be_caught_as_one_and_as_pythons_own():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == "opad.errors"]
    assert len(kinds) >= 13
    for kind in kinds:
        assert issubclass(kind, opad.OpadError)
    assert issubclass(errors.ShapeError, ValueError) and issubclass(errors.DtypeError, TypeError)
    raised = {entry[1] for entry in TABLE.values()}
    elsewhere = {"OpadError", "DegenerateSpectrumError", "MissingPackageError"}
    assert {kind.__name__ for kind in set(kinds) - raised} <= elsewhere
