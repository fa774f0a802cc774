"""opad, eager: plain NumPy under `opad.grad`."""

import opad

version = opad.__version__


def make(workload, parameters, data, device, transform=lambda f: f):
    """(forward, gradient); `transform` is what happens to a function before it is called."""
    finish = lambda result: result  # noqa: E731
    if device == "cuda":
        import cupy
        import optree

        parameters, data = optree.tree_map(
            lambda leaf: cupy.asarray(leaf) if hasattr(leaf, "ndim") else leaf, (parameters, data)
        )
        finish = lambda result: cupy.cuda.get_current_stream().synchronize() or result  # noqa: E731
    forward, gradient = transform(workload.loss), transform(opad.grad(workload.loss))
    return lambda: finish(forward(parameters, *data)), lambda: finish(gradient(parameters, *data))
