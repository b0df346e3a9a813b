"""Convolution in torch. `switches.pinned` sees to it that it is a direct sum."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import Conv2d, Op


def conv2d(op: Conv2d, xs: Sequence[Tensor], parameters: Mapping[str, Tensor], extra: Mapping[str, Tensor]) -> Tensor:
    """F.conv2d on (batch, channels, height, width) with an OIHW kernel; torch does not flip it either."""
    return F.conv2d(xs[0], parameters["weight"], parameters.get("bias"), stride=op.stride, padding=op.padding)


TABLE: dict[type[Op], Callable[..., Any]] = {Conv2d: conv2d}
