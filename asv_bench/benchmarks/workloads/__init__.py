"""The programs that every library differentiates, one module each.

A module of this package states

    SIZES, DTYPES               what it is run with, the smallest size first; the docstring says what a size means
    inputs(size, dtype)         (parameters, data): arrays or containers of them, and a tuple of further arguments
    loss(parameters, *data)     the program in plain NumPy, as a user of opad writes it; libraries that mirror NumPy
                                get their own module in the argument `np`
    numpy_by_hand(parameters, *data)
                                (forward, gradient), two callables without arguments: the derivative worked out by hand,
                                with `out=` into arrays that are allocated once. The next call overwrites them: this is
                                the floor, not a library
    numpy_eager                 where wanted: the same without `out=`, what eager NumPy calls cost
    torch_loss, jax_loss        where the library has a better idiom than the same text, such as `lax.scan` for a loop
    REMARK                      why opad is slower here than others, where it is
    UNAVAILABLE                 {library: reason} for what a library cannot do, or not in reasonable time
    TOLERANCE                   {dtype: relative error} if not `TOLERANCE` of `worker`

A function with the name of a library, like `numpy_by_hand`, takes the place of what `peers/` would build from `loss`.
Libraries other than NumPy are imported inside these functions, since a process holds one of them.
"""

from importlib import import_module

NAMES = (
    "layered_tanh",
    "logistic_regression",
    "attention",
    "lstm",
    "matrix_factorisation",
    "fourier_convolution",
    "gaussian_process",
    "n_body",
    "burgers",
    "gauss_newton",
    "rosenbrock",
    "scalar_recurrence",
)
WITH_LOSS = tuple(name for name in NAMES if name != "gauss_newton")  # what is timed there is no gradient


def load(name):
    """The module of a workload."""
    return import_module(f"{__name__}.{name}")


def cells(names=NAMES, quick=False):
    """Every (workload, size, dtype); with `quick` only the smallest size of each."""
    for name in names:
        workload = load(name)
        for size in workload.SIZES[: 1 if quick else None]:
            for dtype in workload.DTYPES:
                yield name, size, dtype


def loss_and_arguments(name):
    """The loss of a workload that has one and its arguments, where only one size is measured."""
    _, size, dtype = standard(name)
    parameters, data = load(name).inputs(size, dtype)
    return load(name).loss, (parameters, *data)


def standard(name):
    """(workload, size, dtype) where only one is measured: the second size, in double precision."""
    return name, load(name).SIZES[1], "float64"
