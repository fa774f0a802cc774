"""Scalar and matrix perceptrons: the system written by hand as in the paper, traced, and as a gradient."""

from itertools import pairwise

import numpy as np

import opad
from opad.operators import Hadamard, LeftMultiply, RightMultiply
from opad.plotting import graph, spy

SIZES = [5, 4, 3, 1]
SAMPLES = 10
ALPHA = 0.3  # weight of the hidden layer's term in the loss


# -- scalar perceptron ----------------------------------------------------------------------------------------------


def scalar_system(w, b, x0):
    """L, D and the variables x of x_i = tanh(w_i x_{i-1} + b_i), the parameters ordered w_1, b_1, w_2, b_2, …"""
    x, L, D = [x0], {}, {}
    for i, (w_i, b_i) in enumerate(zip(w, b, strict=True)):
        x.append(np.tanh(w_i * x[-1] + b_i))
        delta = 1 - x[-1] ** 2
        D[i, 2 * i], D[i, 2 * i + 1] = delta * x[-2], delta
        if i > 0:
            L[i, i - 1] = delta * w_i
    n = len(w)
    return opad.BlockMatrix(L, (n, n)), opad.BlockMatrix(D, (n, 2 * n)), x[1:]


def scalar_perceptron(findings, quick):
    """Scalar perceptron: dx = (I - L)⁻¹ D dp."""
    rng = np.random.default_rng(2)
    w, b, dp = rng.standard_normal(6), rng.standard_normal(6), rng.standard_normal(12)
    L, D, x = scalar_system(w, b, 0.7)

    def last(w, b):
        y = 0.7
        for i in range(6):
            y = np.tanh(w[i] * y + b[i])
        return y

    dx = opad.solve(opad.I - L, D @ dp)
    value, tangent = opad.jvp(last, (w, b), (dp[::2], dp[1::2]))
    findings.close("x_N", "tanh(w_N x_{N-1} + b_N)", value, x[-1], tolerance=1e-15)
    findings.close("dx_N by forward substitution", "jvp", dx[-1], tangent, tolerance=1e-14)
    gradient = np.array(list(D.H @ opad.solve((opad.I - L).H, [0.0] * 5 + [1.0])))
    traced = opad.grad(last, argnums=(0, 1))(w, b)
    findings.close("gradient of x_N by back substitution", "grad", (gradient[::2], gradient[1::2]), traced, 1e-14)
    subdiagonal = sorted(L.blocks) == [(i, i - 1) for i in range(1, 6)]
    findings.claim("blocks of L", "subdiagonal", "subdiagonal" if subdiagonal else str(sorted(L.blocks)), subdiagonal)


# -- matrix perceptron ----------------------------------------------------------------------------------------------


def data():
    """Weights W_i, biases B_i (columns), inputs X_0 and targets Y."""
    rng = np.random.default_rng(3)
    W = [rng.standard_normal((n, m)) for m, n in pairwise(SIZES)]
    B = [rng.standard_normal((n, 1)) for n in SIZES[1:]]
    return W, B, rng.standard_normal((SIZES[0], SAMPLES)), rng.standard_normal((SIZES[-1], SAMPLES))


def layers(W, B, X):
    """X_1, …, X_N; plain NumPy, and the only definition of the network."""
    found = []
    for W_i, B_i in zip(W, B, strict=True):
        X = np.tanh(W_i @ X + B_i)
        found.append(X)
    return found


def loss(W, B, X, Y, alpha=0.0):
    """sum((X_N - Y)^2) / 2, and a term of the second layer, alpha ||X_2||^2."""
    found = layers(W, B, X)
    return np.sum((found[-1] - Y) ** 2) / 2 + alpha * np.sum(found[1] ** 2)


def system_by_hand(W, B, X0):
    """The paper's L and D: one row per layer, one column per W_i and B_i."""
    L, D, X = {}, {}, [X0, *layers(W, B, X0)]
    ones = np.ones((1, X0.shape[1]))
    for i, W_i in enumerate(W):
        Delta = Hadamard(1 - X[i + 1] ** 2)
        D[i, 2 * i] = Delta @ RightMultiply(X[i], rows=W_i.shape[0])
        D[i, 2 * i + 1] = Delta @ RightMultiply(ones, rows=W_i.shape[0])
        if i > 0:
            L[i, i - 1] = Delta @ LeftMultiply(W_i, cols=X0.shape[1])
    rows = [f"X{i + 1}" for i in range(len(W))]
    columns = [f"{name}{i + 1}" for i in range(len(W)) for name in "WB"]
    spaces = [x.shape for x in X[1:]]
    return (
        opad.BlockMatrix(L, (len(W),) * 2, spaces, spaces, rows, rows),
        opad.BlockMatrix(D, (len(W), 2 * len(W)), spaces, None, rows, columns),
    )


def gradient_by_hand(W, B, X0, Y, alpha=0.0):
    """The paper's line, D^H ((I - L)^H \\ g)."""
    L, D = system_by_hand(W, B, X0)
    gradient = list(D.H @ opad.solve((opad.I - L).H, derivative_of_loss(W, B, X0, Y, alpha)))
    return gradient[::2] + gradient[1::2]


def derivative_of_loss(W, B, X0, Y, alpha=0.0):
    """g, the derivative of the loss with respect to each layer; None is a zero block."""
    X = layers(W, B, X0)
    g = [None] * len(X)
    g[-1] = X[-1] - Y
    if alpha:
        g[1] = 2 * alpha * X[1]
    return g


def gradient_traced(W, B, X0, Y):
    """The same line with the system that opad recorded."""
    linearization = opad.linearize(lambda W, B: layers(W, B, X0)[-1], W, B)
    L, D = linearization.system
    g = [None] * L.shape[0]
    g[linearization.output_rows[0]] = linearization.value - Y
    return list(D.H @ opad.solve((opad.I - L).H, g))


def gradient_of_loss(W, B, X0, Y, alpha=0.0):
    """opad.grad of the NumPy program."""
    dW, dB = opad.grad(loss, argnums=(0, 1))(W, B, X0, Y, alpha)
    return dW + dB


def gradient_by_differences(W, B, X0, Y, quotient, alpha=0.0):
    """One evaluation of `quotient(f)` per parameter, f being the loss as a function of that parameter's change."""
    parameters = [p.astype(complex) for p in W + B]
    gradient = [np.zeros(p.shape) for p in parameters]
    for p, slope in zip(parameters, gradient, strict=True):
        for k in np.ndindex(p.shape):

            def along(h, p=p, k=k):
                value, p[k] = p[k], p[k] + h
                try:
                    return loss(parameters[: len(W)], parameters[len(W) :], X0, Y, alpha)
                finally:
                    p[k] = value

            slope[k] = quotient(along)
    return gradient


def complex_step(f, h=1e-30):
    return f(1j * h).imag / h


def central_difference(f, h=1e-5):
    return ((f(h) - f(-h)) / (2 * h)).real


def matrix_perceptron(findings, quick):
    """Matrix perceptron, n = [5, 4, 3, 1], k = 10, written three ways."""
    W, B, X0, Y = data()
    by_hand, traced, gradient = (f(W, B, X0, Y) for f in (gradient_by_hand, gradient_traced, gradient_of_loss))
    findings.close("system by hand against opad.grad", "the same", by_hand, gradient, 1e-14)
    findings.close("traced system against opad.grad", "the same", traced, gradient, 1e-14)
    findings.close("system by hand against traced system", "the same", by_hand, traced, 1e-14)
    findings.close("against the complex step", "the same", by_hand,
                   gradient_by_differences(W, B, X0, Y, complex_step))  # fmt: skip
    findings.close("against central differences", "the same", by_hand,
                   gradient_by_differences(W, B, X0, Y, central_difference), 1e-6)  # fmt: skip


def hidden_layer_term(findings, quick):
    """A term of a hidden layer in the loss, α‖X₂‖²."""
    W, B, X0, Y = data()
    by_hand = gradient_by_hand(W, B, X0, Y, ALPHA)
    findings.close("g = (0, 2αX₂, X_N - Y), by hand", "opad.grad", by_hand, gradient_of_loss(W, B, X0, Y, ALPHA), 1e-14)
    findings.close("against the complex step", "the same", by_hand,
                   gradient_by_differences(W, B, X0, Y, complex_step, ALPHA))  # fmt: skip
    counts = tuple(sum(block is not None for block in derivative_of_loss(W, B, X0, Y, a)) for a in (0, ALPHA))
    findings.equal("blocks of g, without and with the term", (1, 2), counts)


def pictures(findings, quick):
    """The block patterns."""
    W, B, X0, _ = data()
    L, D = system_by_hand(W, B, X0)
    findings.figure("perceptron_by_hand", spy((L, D)).figure,
                    "The perceptron's system as the paper writes it: I - L and D, sizes to scale.")  # fmt: skip
    linearization = opad.linearize(lambda W, B: layers(W, B, X0)[-1], W, B)
    findings.figure("perceptron_traced", spy(linearization).figure,
                    "The same system as traced from NumPy: one row per operation.")  # fmt: skip
    findings.figure("perceptron_graph", graph((L, D)).figure, "The computational graph of the system by hand.")
    findings.equal("blocks of L and D, by hand", (2, 6), (L.nnz, D.nnz))


EXPERIMENTS = [scalar_perceptron, matrix_perceptron, hidden_layer_term, pictures]
