"""Functions whose operations become loops."""

import numpy as np

import opad

X, Y = np.linspace(0.1, 1.0, 200), np.linspace(-1.0, 2.0, 200)
A = np.linspace(-1.0, 1.0, 12).reshape(3, 4)
INDEX = np.roll(np.arange(200), 1)

# name: (function, arguments)
LOOPS = {
    "broadcast": (lambda A, b: (A * b + A[:, :1]) / (2 + b) - A[:1], (A, A[1])),
    "broadcast_to": (lambda A, b: np.broadcast_to(b, (3, 4)) * A + np.broadcast_to(A[:, :1], (3, 4)), (A, A[1])),
    "only_broadcast": (lambda A, b: np.multiply(np.broadcast_to(b, (3, 4)), 2.0) + 1, (A, A[1])),
    "three_axes": (lambda A: ((A[:, None] - A[None]) ** 2 + A[None, :, :1]) * 2, (A,)),
    "numbers": (lambda x, c: (x[0] * x + c) * x.sum() - 3, (X, 0.25)),
    "zero_dimensional": (lambda x, c: (c * x + 1) - np.array(2.0), (X, np.array(0.25))),
    "fortran": (lambda A, B: (A + B) * A - 2, (A, np.asfortranarray(A))),
    "transposed": (lambda A: (A.T * A.reshape(4, 3) + 1) * 2, (A,)),
    "strided": (lambda x: (x[::2] * x[1::2] + 1) * 2, (X[::-1],)),
    "strided_argument": (lambda A: (A * 2 + 1) * A, (np.arange(48.0).reshape(6, 8)[::2, 1::2],)),
    "masks": (lambda x, y: np.where((x > y) & (y > 0) | ~(x <= 0.5), x * 2 + 1, y) * (x > y), (X, Y)),
    "mask_as_number": (lambda x: (x > 0.5).astype(float) * x + (x == 0.1), (X,)),
    "extrema": (lambda x, y: np.maximum(x, y) - np.minimum(x, 0.5) + abs(-y), (X, Y)),
    "nan": (lambda x, y: np.maximum(x, y) + np.minimum(y, x), (np.array([np.nan, 1, 9]), np.array([1, np.nan, 2.0]))),
    "poles": (lambda x: 1 / (x - x) * 2 + np.sqrt(x - 1), (X,)),
    "single_precision": (lambda x: (x * 0.1 + 1) / 3 - np.float32(0.3) * x, (X.astype(np.float32),)),
    "two_precisions": (lambda x, c: (x * c + 1).astype(float) * c + 0.1, (X.astype(np.float32), 0.1)),
    "gather": (lambda x, k: x[k] * x + x[k[::-1]] * 2, (X, INDEX)),
    "negative_positions": (lambda x, k: (x[k] * 2 + 1) * x, (X, -1 - INDEX)),
    "gather_of_a_product": (lambda x, k: (x * x + 1)[k] * 2 + x, (X, INDEX)),
    "slices": (lambda x: (x[2:] - 2 * x[1:-1] + x[:-2]) * x[1:-1], (X,)),
    "frames": (opad.grad(lambda x: np.sum((x[2:] - x[:-2]) ** 2 + x[1:-1] * x[2:])), (X,)),
    "frames_of_matrices": (opad.grad(lambda A: np.sum((A[1:, 1:] - A[:-1, :-1] * A[..., 1:][1:]) ** 2)), (A,)),
    "scatter": (opad.grad(lambda x, k: np.sum((x[k] * x) ** 2 + x[k // 2])), (X, INDEX)),
    "scatter_matrix": (opad.grad(lambda A, j: np.sum(A[j[::-1], j] ** 2 + A[j, -j - 1])), (A, np.array([2, 0, 0]))),
    "joined": (lambda x, y: np.concatenate([x[1:], y, x * 2]) * 2 + 1, (X, Y)),
    "joined_matrices": (lambda A: np.concatenate([A[1:], A * 2], axis=-2) ** 2 + np.concatenate(A[:2])[4:], (A,)),
    "gathered_from_broadcast": (lambda x, k: np.broadcast_to(x[:1] * 2, (5,))[k % 5] * 2 + 1, (X, INDEX)),
    "joined_broadcast": (lambda x: np.concatenate([np.broadcast_to(x[:1] * 2, (5,)), x * 2]) * 2 + 1, (X,)),
    "framed_broadcast": (opad.grad(lambda A: np.sum(np.sum(A[:, 1:], axis=1) ** 2) + np.sum(A[1:] ** 2)), (A,)),
    "rolled": (opad.grad(lambda x: np.sum((x * np.roll(x, 1) - np.roll(x * x, -1)) ** 2)), (X,)),
    "many_results": (lambda x: [x * k + 1 for k in range(80)], (X,)),
    "long": (lambda x: sum(x * k for k in range(100)), (X,)),
}  # fmt: skip
