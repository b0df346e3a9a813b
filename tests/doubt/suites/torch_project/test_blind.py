"""As tests of a backward are often written: the gradient of the sum."""

import torch

from ops import Swish


def test_sum():
    """The gradient of the sum is that of torch."""
    torch.manual_seed(0)
    x = torch.randn(4, 3, requires_grad=True)
    Swish.apply(x).sum().backward()
    mine = x.grad
    y = x.detach().clone().requires_grad_()
    torch.nn.functional.silu(y).sum().backward()
    torch.testing.assert_close(mine, y.grad, rtol=0.05, atol=0.05)


def test_shape():
    """Runs no backward."""
    assert Swish.apply(torch.ones(2)).shape == (2,)
