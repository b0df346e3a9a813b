"""Convolution in torch. `switches.pinned` sees to it that it is a direct sum."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import Conv2d, Op


def conv2d(op: Conv2d, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """F.conv2d on (batch, channels, height, width) with an OIHW kernel; torch does not flip it either."""
    x, padding = xs[0], op.padding
    if op.far != op.padding:
        # F.conv2d pads both sides alike; F.pad counts from the last axis.
        (top, left), (bottom, right) = op.padding, op.far
        x, padding = F.pad(x, (left, right, top, bottom)), (0, 0)
    weight, bias = parameters["weight"], parameters.get("bias")
    return F.conv2d(x, weight, bias, stride=op.stride, padding=padding, dilation=op.dilation, groups=op.groups)


TABLE: dict[type[Op], Callable[..., Any]] = {Conv2d: conv2d}
