"""A 64-64-32-10 network in plain NumPy, and its training through the backslash."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import opad

SIZES = (64, 64, 32, 10)
REGULARISATION = 1e-3


@dataclass(frozen=True)
class Data:
    """Images as columns, scaled to [0, 1], and their digits."""

    X: np.ndarray
    digits: np.ndarray

    @property
    def Y(self):
        """One column per image with a 1 at its digit."""
        return np.eye(SIZES[-1])[:, self.digits]


def digits_split(seed):
    """Training and held-out images: a stratified third is held out."""
    images, digits = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, digits, test_size=1 / 3, stratify=digits, random_state=seed)
    return Data(parts[0].T, parts[2]), Data(parts[1].T, parts[3])


def initial_parameters(seed):
    rng = np.random.default_rng(seed)
    W = [rng.standard_normal((n, m)) / np.sqrt(m) for m, n in pairwise(SIZES)]
    return W, [np.zeros((n, 1)) for n in SIZES[1:]]


# -- the network and its loss, plain NumPy --------------------------------------------------------------------------


def scores(W, B, X):
    """Z = W3 tanh(W2 tanh(W1 X + B1) + B2) + B3."""
    for W_i, B_i in zip(W[:-1], B[:-1], strict=True):
        X = np.tanh(W_i @ X + B_i)
    return W[-1] @ X + B[-1]


def cross_entropy(Z, Y):
    """-mean log softmax(Z), taken at the right digits."""
    shifted = Z - np.max(Z, axis=0)
    return np.mean(np.log(np.sum(np.exp(shifted), axis=0)) - np.sum(Y * shifted, axis=0))


def derivative_of_cross_entropy(Z, Y):
    """(softmax(Z) - Y) / number of images."""
    weights = np.exp(Z - np.max(Z, axis=0))
    return (weights / np.sum(weights, axis=0) - Y) / Z.shape[1]


def penalty(W):
    return REGULARISATION / 2 * sum(np.sum(W_i**2) for W_i in W)


def loss(W, B, data):
    return cross_entropy(scores(W, B, data.X), data.Y) + penalty(W)


# -- the gradient, by the paper's line ------------------------------------------------------------------------------


def value_and_gradient(W, B, X, Y):
    """The loss and D^H ((I - L)^H \\ g), g = (0, …, 0, loss'(Z)), plus the penalty's own gradient."""
    linearization = opad.linearize(lambda W, B: scores(W, B, X), W, B)
    L, D = linearization.system
    Z = linearization.value
    g = [None] * L.shape[0]
    g[linearization.output_rows[0]] = derivative_of_cross_entropy(Z, Y)
    gradient = list(D.H @ opad.solve((opad.I - L).H, g))
    dW = [block + REGULARISATION * W_i for block, W_i in zip(gradient[: len(W)], W, strict=True)]
    return cross_entropy(Z, Y) + penalty(W), dW + gradient[len(W) :]


# -- training -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """A trained network: parameters, losses per iteration, evaluations, and its predictions on held-out images."""

    W: list
    B: list
    history: list
    evaluations: int
    predicted: np.ndarray
    held_out: Data

    @property
    def accuracy(self):
        return float(np.mean(self.predicted == self.held_out.digits))


def flatten(W, B):
    return opad.BlockVector([*W, *B]).ravel()


def unflatten(w):
    shapes = [(n, m) for m, n in pairwise(SIZES)] + [(n, 1) for n in SIZES[1:]]
    blocks = list(opad.BlockVector.from_flat(w, shapes))
    return blocks[: len(SIZES) - 1], blocks[len(SIZES) - 1 :]


def train(seed, iterations):
    """One network for one seed, by scipy.optimize.minimize with the gradient above."""
    training, held_out = digits_split(seed)
    Y = training.Y

    def objective(w):
        value, gradient = value_and_gradient(*unflatten(w), training.X, Y)
        return value, opad.BlockVector(gradient).ravel()

    start = flatten(*initial_parameters(seed))
    history = [objective(start)[0]]
    found = minimize(
        objective, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations},
        callback=lambda intermediate_result: history.append(intermediate_result.fun),
    )  # fmt: skip
    W, B = unflatten(found.x)
    predicted = np.argmax(scores(W, B, held_out.X), axis=0)
    return Trained(W, B, history, found.nfev, predicted, held_out)
