"""PyTorch, eager: the same program under `torch.autograd.grad`."""

from functools import partial

import numpy as np
import optree
import torch

version = torch.__version__


def make(workload, parameters, data, device, transform=lambda f: f):
    """(forward, gradient); `transform` is what happens to the loss before it is called."""
    loss = transform(getattr(workload, "torch_loss", None) or partial(workload.loss, np=torch))

    def put(argument):
        return argument if isinstance(argument, int) else torch.from_numpy(np.asarray(argument)).to(device)

    leaves, structure = optree.tree_flatten(parameters)
    leaves = [put(leaf).requires_grad_() for leaf in leaves]
    parameters = optree.tree_unflatten(structure, leaves)
    data = [put(argument) for argument in data]
    finish = torch.cuda.synchronize if device == "cuda" else lambda: None

    def forward():
        with torch.no_grad():
            value = loss(parameters, *data)
        finish()
        return value

    def gradient():
        result = torch.autograd.grad(loss(parameters, *data), leaves)
        finish()
        return result

    return forward, gradient
