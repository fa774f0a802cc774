"""Automatic differentiation as sparse linear algebra: (I - L) dx = D dp, with matrix-free operators as entries."""

import importlib

import opad.tracing  # noqa: F401  registers the rules
from opad.blocks import BlockMatrix as BlockMatrix
from opad.blocks import BlockVector as BlockVector
from opad.blocks import I as I
from opad.blocks import solve as solve
from opad.blocks.chains import plan_chain as plan_chain
from opad.blocks.elimination import eliminate as eliminate
from opad.calculus.checkpointing import checkpoint as checkpoint
from opad.calculus.checkpointing import stop_gradient as stop_gradient
from opad.calculus.gradients import grad as grad
from opad.calculus.gradients import value_and_grad as value_and_grad
from opad.calculus.jacobians import hessian as hessian
from opad.calculus.jacobians import jacobian as jacobian
from opad.calculus.linearization import Linearization as Linearization
from opad.calculus.linearize import linearize as linearize
from opad.calculus.planning import EliminationPlan as EliminationPlan
from opad.calculus.plans import plan_elimination as plan_elimination
from opad.calculus.products import gauss_newton_operator as gauss_newton_operator
from opad.calculus.products import hessian_operator as hessian_operator
from opad.calculus.products import hvp as hvp
from opad.calculus.products import jacobian_operator as jacobian_operator
from opad.calculus.products import jvp as jvp
from opad.calculus.products import vjp as vjp
from opad.calculus.sparse_jacobians import sparse_hessian as sparse_hessian
from opad.calculus.sparse_jacobians import sparse_jacobian as sparse_jacobian
from opad.errors import OpadError as OpadError
from opad.operators import Operator as Operator
from opad.operators.convert import as_operator as as_operator
from opad.programs.compiled import compile as compile
from opad.tracing.array import TracedArray
from opad.tracing.debugging import debug as debug
from opad.tracing.elementwise import elementwise as elementwise
from opad.tracing.functions import apply as apply
from opad.tracing.functions import has_rule as has_rule
from opad.tracing.functions import primitive as primitive
from opad.tracing.primitives import FunctionOperator as FunctionOperator
from opad.tracing.primitives import bilinear as bilinear
from opad.tracing.primitives import jacobian_rule as jacobian_rule
from opad.tracing.primitives import linear as linear
from opad.tracing.trace import Row as Row

__version__ = "0.1.0"

_ON_DEMAND = (
    "interop",
    "manifolds",
    "plotting",
    "scipy",
    "testing",
)  # modules that import more than a computation needs


def _sparse_array_of(S):
    return importlib.import_module("opad.scipy.sparse.array").SparseArray.of(S)


TracedArray.sparse_array_of = staticmethod(_sparse_array_of)


def __getattr__(name):
    if name in _ON_DEMAND:
        return importlib.import_module(f"opad.{name}")
    raise AttributeError(f"module 'opad' has no attribute {name!r}")
