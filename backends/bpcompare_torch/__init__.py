"""PyTorch autograd as a backend of bpcompare."""

from bpcompare_torch.backend import Torch

__all__ = ["Torch"]
