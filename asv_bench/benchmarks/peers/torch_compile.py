"""PyTorch, compiled: the loss under `torch.compile`, which traces its gradient ahead of time; compilation is not timed."""

from functools import partial

import torch

from . import torch_eager

version = torch.__version__
make = partial(torch_eager.make, transform=torch.compile)
