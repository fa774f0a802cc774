"""PyTorch, compiled: the loss under `torch.compile`, which compiles its gradient too; compilation is not timed."""

from functools import partial

import torch

from . import torch_eager

version = torch.__version__
make = partial(torch_eager.make, transform=torch.compile)
