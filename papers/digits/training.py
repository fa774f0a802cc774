"""The digits: gradient on real data, training over seeds, confusion matrix, block pattern."""

import numpy as np
from sklearn.datasets import load_digits

import opad
from opad.plotting import spy
from papers.digits import network
from papers.pictures import diagram


def gradient_on_real_data(findings, quick):
    """The gradient on the real images."""
    training, held_out = network.digits_split(0)
    images = load_digits().data.shape[0]
    findings.equal("images", 1797, images)
    findings.claim(
        "held out, stratified", "a third", f"{held_out.digits.size} of {images}", held_out.digits.size == images / 3
    )
    W, B = network.initial_parameters(0)
    value, gradient = network.value_and_gradient(W, B, training.X, training.Y)
    direct, (dW, dB) = opad.value_and_grad(network.loss, (0, 1))(W, B, training)
    findings.close("the loss", "opad.value_and_grad", value, direct)
    findings.close("D^H ((I - L)^H \\ g)", "opad.value_and_grad", gradient, dW + dB)
    rng = np.random.default_rng(0)
    V = [rng.standard_normal(p.shape) for p in W + B]
    h = 1e-30
    shifted = [p + 1j * h * v for p, v in zip(W + B, V, strict=True)]
    Z = network.scores(shifted[:3], shifted[3:], training.X)
    centre = np.max(Z.real, axis=0)
    entropy = np.mean(np.log(np.sum(np.exp(Z - centre), axis=0)) - np.sum(training.Y * (Z - centre), axis=0))
    slope = (entropy + network.penalty(shifted[:3])).imag / h
    inner = sum(np.sum(g * v) for g, v in zip(gradient, V, strict=True))
    findings.close("a directional derivative", "complex step of the NumPy loss", inner, slope)


def training_over_seeds(findings, quick):
    """Training 64-64-32-10, L-BFGS-B, L2 regularisation 1e-3."""
    seeds, iterations = (range(3), 120) if quick else (range(5), 300)
    networks = [network.train(seed, iterations) for seed in seeds]
    accuracies = [trained.accuracy for trained in networks]
    median = float(np.median(accuracies))
    findings.claim(
        f"median held-out accuracy, {len(seeds)} seeds", "at least 97 %", f"{100 * median:.2f} %", median >= 0.97
    )
    evaluations = sum(trained.evaluations for trained in networks)
    spread = f"{100 * min(accuracies):.2f} % … {100 * max(accuracies):.2f} %, {evaluations} gradients"
    findings.claim("worst and best seed", "at least 95 %", spread, min(accuracies) >= 0.95)
    middle = min(networks, key=lambda trained: abs(trained.accuracy - median))
    caption = f"Confusion matrix of the median network on {middle.held_out.digits.size} held-out images."
    findings.figure("confusion", confusion_figure(middle), caption)
    findings.figure("training", history_figure(networks), "Loss over the iterations of L-BFGS-B, one line per seed.")
    missed = np.sum(middle.predicted != middle.held_out.digits)
    findings.figure(
        "missed",
        missed_figure(middle),
        f"The {missed} held-out images that the median network misses: digit → reading.",
    )
    findings.figure("pattern", pattern_figure(), "I - L and D of the network as traced; sizes on a logarithmic scale.")


def confusion_figure(trained):
    table = np.zeros((10, 10), int)
    np.add.at(table, (trained.held_out.digits, trained.predicted), 1)
    axes = diagram("read as", "digit", width=5, height=5)
    axes.imshow(np.sqrt(table), cmap="Blues")
    for (i, j), count in np.ndenumerate(table):
        if count:
            colour = "white" if count > table.max() / 3 else "#303030"
            axes.text(j, i, count, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return axes.figure


def history_figure(networks):
    axes = diagram("iteration", "regularised loss")
    for seed, trained in enumerate(networks):
        axes.semilogy(trained.history, label=f"seed {seed}: {100 * trained.accuracy:.1f} %")
    axes.legend(frameon=False)
    return axes.figure


def missed_figure(trained):
    from matplotlib.figure import Figure

    missed = np.flatnonzero(trained.predicted != trained.held_out.digits)[:24]
    columns = 8
    rows = max(1, -(-missed.size // columns))
    axes = Figure(figsize=(columns, 1.3 * rows), layout="constrained").subplots(rows, columns, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, k in zip(axes.flat, missed, strict=False):
        ax.imshow(trained.held_out.X[:, k].reshape(8, 8), cmap="Greys")
        ax.set_title(f"{trained.held_out.digits[k]} → {trained.predicted[k]}", fontsize=9)
    return axes[0, 0].figure


def pattern_figure():
    training, _ = network.digits_split(0)
    W, B = network.initial_parameters(0)
    linearization = opad.linearize(lambda W, B: network.scores(W, B, training.X), W, B)
    L, D = linearization.system
    D.column_names = ["W1", "W2", "W3", "B1", "B2", "B3"]
    return spy((L, D), scale="log").figure


EXPERIMENTS = [gradient_on_real_data, training_over_seeds]
