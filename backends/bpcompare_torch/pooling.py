"""Pooling in torch, over (batch, channels, height, width)."""

from collections.abc import Callable
from typing import Any

from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, Op

TABLE: dict[type[Op], Callable[..., Any]] = {
    MaxPool2d: lambda op, xs, *_: F.max_pool2d(xs[0], op.kernel, op.stride, op.padding),
    AvgPool2d: lambda op, xs, *_: F.avg_pool2d(xs[0], op.kernel, op.stride, op.padding, count_include_pad=op.counts_padding),
    AdaptiveAvgPool2d: lambda op, xs, *_: F.adaptive_avg_pool2d(xs[0], op.size),
}
