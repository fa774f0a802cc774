"""Figure 1: path weights of a graph of five nodes by forward and by back substitution, with symbols."""

from fractions import Fraction
from numbers import Number

import numpy as np
import sympy

import opad
from opad.plotting import graph

NAMES = ["1", "2", "3", "4", "5"]


def edge_weights(a, b, c, d):
    """L of the graph 1 -a-> 3, 2 -b-> 3, 3 -c-> 4, 4 -d-> 5."""
    L = {(2, 0): a, (2, 1): b, (3, 2): c, (4, 3): d}
    return opad.BlockMatrix(L, shape=(5, 5), row_names=NAMES, column_names=NAMES)


def unit_columns(*indices):
    """[e_i e_j …] with the structural identity as its ones."""
    return opad.BlockMatrix({(i, k): opad.I for k, i in enumerate(indices)}, shape=(5, len(indices)))


class Counted(Number):
    """A SymPy expression that counts the multiplications made with it.

    Parameters
    ----------
    expression : SymPy expression
    count : list of one int, shared by all that is computed from the same symbols
    """

    def __init__(self, expression, count):
        self.expression, self.count = expression, count

    def __mul__(self, other):
        self.count[0] += 1
        return Counted(self.expression * other.expression, self.count)

    def __add__(self, other):
        return Counted(self.expression + other.expression, self.count)

    def __neg__(self):
        return Counted(-self.expression, self.count)

    def __eq__(self, other):
        return self.expression == getattr(other, "expression", other)

    __hash__ = None

    def conjugate(self):
        return self


def counted_symbols():
    count = [0]
    return [Counted(symbol, count) for symbol in sympy.symbols("a b c d", real=True)], count


def path_weights_forward():
    """The two path weights by forward substitution from the sources, and the multiplications it took."""
    symbols, count = counted_symbols()
    X = opad.solve(opad.I - edge_weights(*symbols), unit_columns(0, 1))
    return (X[4, 0].expression, X[4, 1].expression), count[0]


def path_weights_backward():
    """The same by back substitution from the sink."""
    symbols, count = counted_symbols()
    Y = opad.solve(opad.I - edge_weights(*symbols).T, unit_columns(4))
    return (Y[0, 0].expression, Y[1, 0].expression), count[0]


def figure_one(findings, quick):
    """Figure 1: path weights with symbols."""
    a, b, c, d = sympy.symbols("a b c d", real=True)
    forward, multiplications_forward = path_weights_forward()
    backward, multiplications_backward = path_weights_backward()
    findings.claim("path weights, forward", "(acd, bcd)", str(forward), forward == (a * c * d, b * c * d))
    findings.claim("path weights, backward", "(acd, bcd)", str(backward), backward == (a * c * d, b * c * d))
    findings.equal("multiplications, forward substitution", 4, multiplications_forward)
    findings.equal("multiplications, back substitution", 3, multiplications_backward)

    inverse = path_matrix(opad.solve(opad.I - edge_weights(a, b, c, d).T, unit_columns(*range(5))))
    printed = [
        [1, 0, a, a * c, a * c * d],
        [0, 1, b, b * c, b * c * d],
        [0, 0, 1, c, c * d],
        [0, 0, 0, 1, d],
        [0, 0, 0, 0, 1],
    ]
    equal = sum(x == y for row, other in zip(inverse, printed, strict=True) for x, y in zip(row, other, strict=True))
    findings.claim("entries of (I - Lᵀ)⁻¹ as printed", "25 of 25", f"{equal} of 25", equal == 25)

    axes = graph(edge_weights(a, b, c, d))
    findings.figure("figure1", axes.figure, "The graph of the paper's Figure 1, drawn from L.")


def path_matrix(X):
    """Entries of a block matrix as SymPy expressions, the structural identity as 1."""
    return [[sympy.Integer(1) if X[i, j] is opad.I else X[i, j] for j in range(5)] for i in range(5)]


def one_solver(findings, quick):
    """The same backslash on other entries."""
    p, q, r, s = 2, 3, 5, 7
    expected = p * r * s, q * r * s
    fractions = opad.solve(opad.I - edge_weights(*map(Fraction, (p, q, r, s))).T, unit_columns(4))
    findings.claim("path weights, Fractions", expected, (int(fractions[0, 0]), int(fractions[1, 0])),
                   (fractions[0, 0], fractions[1, 0]) == expected)  # fmt: skip

    rng = np.random.default_rng(0)
    shapes = [(4, 2), (4, 3), (5, 4), (3, 5)]
    A, B, C, D = (rng.standard_normal(shape) for shape in shapes)
    X = opad.solve(opad.I - edge_weights(A, B, C, D), unit_columns(0, 1))
    findings.close("path weights, matrices", "(DCA, DCB)", [X[4, 0], X[4, 1]], [D @ C @ A, D @ C @ B])

    operators = [opad.as_operator(M) for M in (A, B, C, D)]
    X = opad.solve(opad.I - edge_weights(*operators), unit_columns(0, 1))
    findings.close("path weights, operators", "(DCA, DCB)", [X[4, 0].todense(), X[4, 1].todense()],
                   [D @ C @ A, D @ C @ B])  # fmt: skip

    def first_weight(c):
        return opad.solve(opad.I - edge_weights(2.0, 3.0, c, 7.0).T, [0.0, 0.0, 0.0, 0.0, 1.0])[0]

    findings.claim("the solver differentiated by itself: d(acd)/dc", "ad = 14", opad.grad(first_weight)(5.0),
                   opad.grad(first_weight)(5.0) == 14)  # fmt: skip


EXPERIMENTS = [figure_one, one_solver]
