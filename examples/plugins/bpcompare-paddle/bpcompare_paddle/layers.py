"""Layers in Paddle: images are NCHW and kernels OIHW there too, and the weight of F.linear is in×out."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import paddle
from paddle import Tensor
from paddle.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.backend.autodiff import Lowered
from bpcompare.ops import (
    Add,
    AvgPool2d,
    BatchNorm,
    Concat,
    Conv2d,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    MaxPool2d,
    Op,
    Scale,
)

Tensors = Mapping[str, Tensor]


def along(axis: int) -> int:
    """The axis of an array that is `axis` of an example: one later, unless it counts from the end."""
    return axis if axis < 0 else axis + 1


def dense(op: Dense, xs: Sequence[Tensor], p: Tensors, extra: Tensors) -> Tensor:
    """F.linear; several sources are joined first, in the order of the weight's rows."""
    x = xs[0] if len(xs) == 1 else paddle.concat(list(xs), axis=-1)
    return F.linear(x, p["weight"], p.get("bias"))


def conv2d(op: Conv2d, xs: Sequence[Tensor], p: Tensors, extra: Tensors) -> Tensor:
    """F.conv2d."""
    return F.conv2d(xs[0], p["weight"], p.get("bias"), stride=op.stride, padding=op.padding)


def _standardized(x: Tensor, epsilon: float, axes: list[int]) -> Tensor:
    """(x − μ)/√(σ² + ε). In float64 programs F.layer_norm and F.batch_norm take ε through float32."""
    centred = x - paddle.mean(x, axis=axes, keepdim=True)
    variance = paddle.mean(centred * centred, axis=axes, keepdim=True)
    return centred / paddle.sqrt(variance + paddle.to_tensor(epsilon, dtype=x.dtype))


def layer_norm(op: LayerNorm, xs: Sequence[Tensor], p: Tensors, extra: Tensors) -> Tensor:
    """Over every axis but the batch's."""
    return _standardized(xs[0], op.epsilon, list(range(1, xs[0].ndim))) * p["scale"] + p["shift"]


def avg_pool2d(op: AvgPool2d, xs: Sequence[Tensor], p: Tensors, extra: Tensors) -> Tensor:
    """The mean over windows, as F.unfold lays them out. F.avg_pool2d takes its divisor through float32 in float64 programs."""
    x = xs[0]
    size = op.kernel[0] * op.kernel[1]
    high, wide = ((n - k) // s + 1 for n, k, s in zip(x.shape[2:], op.kernel, op.stride, strict=True))
    windows = F.unfold(x, op.kernel, op.stride).reshape([x.shape[0], x.shape[1], size, high, wide])
    return paddle.sum(windows, axis=2) / size


def batch_norm(op: BatchNorm, xs: Sequence[Tensor], p: Tensors, extra: Tensors) -> Lowered[Tensor]:
    """Over the batch and the image; the running statistics come back as state."""
    x = xs[0]
    axes = [0, *range(2, x.ndim)]
    spread = [1, -1, *[1] * (x.ndim - 2)]
    y = _standardized(x, op.epsilon, axes) * p["scale"].reshape(spread) + p["shift"].reshape(spread)
    seen = paddle.var(x.detach(), axis=axes, unbiased=op.running_variance == "unbiased")
    mean = (1 - op.momentum) * extra["running_mean"] + op.momentum * paddle.mean(x.detach(), axis=axes)
    var = (1 - op.momentum) * extra["running_var"] + op.momentum * seen
    return Lowered(y, {"running_mean": mean, "running_var": var})


def max_pool2d(op: MaxPool2d, xs: Sequence[Tensor], p: Tensors, extra: Tensors) -> Tensor:
    """F.max_pool2d."""
    return F.max_pool2d(xs[0], op.kernel, op.stride)


def added(op: Add, xs: Sequence[Tensor], *_: object) -> Tensor:
    """The sum of the sources, with axes put in behind that of the examples where some have fewer than others."""
    most = max(x.ndim for x in xs)
    return reduce(add, [paddle.reshape(x, [x.shape[0], *[1] * (most - x.ndim), *x.shape[1:]]) for x in xs])


PADDED = "padding is not written yet"
LIMITS: dict[type[Op], tuple[Callable[[Any], bool], str]] = {
    Conv2d: (
        lambda op: op.groups != 1 or op.dilation != (1, 1) or op.far != op.padding,
        "groups, dilation and unequal padding are not written yet",
    ),
    MaxPool2d: (lambda op: any(op.padding), PADDED),
    AvgPool2d: (lambda op: any(op.padding), PADDED),
    LayerNorm: (lambda op: op.last is not None, "chosen last axes are not written yet"),
}
TABLE: dict[type[Op], Callable[..., Any]] = {
    Dense: dense,
    Conv2d: conv2d,
    MaxPool2d: max_pool2d,
    AvgPool2d: avg_pool2d,
    LayerNorm: layer_norm,
    BatchNorm: batch_norm,
    Embedding: lambda op, xs, p, extra: F.embedding(xs[0], p["weight"]),
    Add: added,
    Concat: lambda op, xs, *_: paddle.concat(list(xs), axis=along(op.axis)),
    Scale: lambda op, xs, *_: op.factor * xs[0],
    Flatten: lambda op, xs, *_: paddle.flatten(xs[0], start_axis=1),
    Dropout: lambda op, xs, p, extra: xs[0] * extra["mask"] / (1 - op.rate),
}
