"""The torch backend: gradients by eager autograd, updates by torch.optim."""

from bpcompare_torch.backend import Torch

__all__ = ["Torch"]
