"""Tests that notice everything."""

import torch

import bpcompare
from ops import Affine, Swish


def test_swish():
    """Every element, in float64, against the forward."""
    torch.manual_seed(0)
    x = torch.randn(3, 3, dtype=torch.float64)
    bpcompare.check_gradient(Swish, inputs=(x,)).assert_ok()


def test_swish_leaves_dy_alone():
    """dy belongs to somebody else."""
    x = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    y = Swish.apply(x)
    dy = torch.randn_like(y)
    kept = dy.clone()
    y.backward(dy)
    assert torch.equal(dy, kept)


def test_affine():
    """All three gradients."""
    torch.manual_seed(0)
    x, w, b = (torch.randn(*shape, dtype=torch.float64) for shape in ((3, 3), (3, 3), (3,)))
    bpcompare.check_gradient(Affine, inputs=(x, w, b)).assert_ok()
