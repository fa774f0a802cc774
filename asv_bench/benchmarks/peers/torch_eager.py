"""PyTorch, eager: the same program under `torch.autograd.grad`."""

import torch

version = torch.__version__


def layered_tanh(W, b, x):
    W = [torch.from_numpy(Wk).requires_grad_() for Wk in W]
    b = [torch.from_numpy(bk).requires_grad_() for bk in b]
    x = torch.from_numpy(x)
    parameters = W + b

    def loss():
        h = x
        for Wk, bk in zip(W, b, strict=True):
            h = torch.tanh(Wk @ h + bk)
        return torch.sum(h * h)

    def forward():
        with torch.no_grad():
            return loss()

    return forward, lambda: torch.autograd.grad(loss(), parameters)


def scalar_recurrence(a, b, x, steps):
    a = torch.tensor(a).requires_grad_()
    b = torch.tensor(b).requires_grad_()
    x = torch.tensor(x)

    def final():
        z = x
        for _ in range(steps):
            z = z + 0.1 * (torch.sin(a * z) - b * z)
        return z

    def forward():
        with torch.no_grad():
            return final()

    return forward, lambda: torch.autograd.grad(final(), (a, b))
