"""The autograd backend: gradients by HIPS autograd, updates in NumPy."""

from bpcompare_autograd.backend import Autograd

__all__ = ["Autograd"]
