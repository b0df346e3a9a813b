"""The PaddlePaddle backend: gradients by its dynamic graph, updates in its tensors."""

from bpcompare_paddle.backend import Paddle

__all__ = ["Paddle"]
