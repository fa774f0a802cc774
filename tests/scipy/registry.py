"""One entry per use of a mirrored function: the call, and how its arguments are made.

The generic tests in test_mirrors.py run over all entries and fail if a mirror that is differentiated has none.
"""

from dataclasses import dataclass

import numpy as np


def adjoint(A):
    return np.conj(np.swapaxes(A, -1, -2))


def _general(X):
    """Square matrices far from singular, with eigenvalues of positive real part that are well apart."""
    return X / 3 + 1.5 * np.eye(X.shape[-1]) * np.arange(1.0, X.shape[-1] + 1)


MAKERS = {
    "any": lambda X: X,
    "general": _general,
    "positive": lambda X: X @ adjoint(X) / 2 + np.diag(np.arange(1.0, X.shape[-1] + 1)),
    "small": lambda X: X / (2 * np.max(np.abs(X))) / X.shape[-1],
    "dominant": lambda X: X / 4 + 3 * np.eye(1, X.shape[-1])[0],  # the first entry dominates
    "bands": lambda X: X / 3 + 3 * (np.arange(X.shape[0]) == X.shape[0] // 2)[:, None],
    "upper bands": lambda X: X / 3 + 4 * (np.arange(X.shape[0]) == X.shape[0] - 1)[:, None],
    "lower bands": lambda X: X / 3 + 4 * (np.arange(X.shape[0]) == 0)[:, None],
    "above zero": lambda X: np.abs(X) + 0.5,
}


@dataclass
class Case:
    """A call of mirrors on arrays of given shapes and kinds; results do not depend on signs or phases."""

    mirror: object
    call: object
    shapes: tuple
    kinds: tuple
    complex: bool = True
    single: bool = True  # whether it is accurate enough in single precision for finite differences
    name: str = ""

    def args(self, rng, dtype=float):
        arguments = []
        for shape, kind in zip(self.shapes, self.kinds, strict=True):
            X = rng.standard_normal(shape)
            if np.dtype(dtype).kind == "c":
                X = X + 1j * rng.standard_normal(shape)
            arguments.append(MAKERS[kind](X).astype(dtype))
        return arguments


CASES = []


def case(mirror, call, *shapes, kinds="any", complex=True, single=True, name=""):
    """Register one call; `kinds` is one kind, or one per argument."""
    kinds = (kinds,) * len(shapes) if isinstance(kinds, str) else kinds
    label = f"{mirror.__module__}.{mirror.__name__} {name}".strip() + f" {len(CASES)}"
    CASES.append(Case(mirror, call, shapes, kinds, complex, single, label))
