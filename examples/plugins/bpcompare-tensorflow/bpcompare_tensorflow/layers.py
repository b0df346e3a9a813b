"""Layer ops in TensorFlow.

Its images are (batch, height, width, channels), and on the CPU there is no other way to convolve them: axes are moved on both
sides of an op. No sum is changed by that.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import prod
from typing import Any

import tensorflow as tf

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
from bpcompare.ops.pooling import Pool2d

Tensors = Sequence[tf.Tensor]
ByName = Mapping[str, tf.Tensor]


def along(axis: int) -> int:
    """The axis of an array that is `axis` of an example: one later, unless it counts from the end."""
    return axis if axis < 0 else axis + 1


def dense(op: Dense, xs: Tensors, parameters: ByName, extra: ByName) -> tf.Tensor:
    """x @ w + b; several sources are joined first, in the order of the weight's rows."""
    y = tf.linalg.matmul(xs[0] if len(xs) == 1 else tf.concat(xs, axis=-1), parameters["weight"])
    return tf.nn.bias_add(y, parameters["bias"]) if op.bias else y


def conv2d(op: Conv2d, xs: Tensors, parameters: ByName, extra: ByName) -> tf.Tensor:
    """`tf.nn.conv2d` with an HWIO kernel; TensorFlow does not flip it either."""
    kernel = tf.transpose(parameters["weight"], (2, 3, 1, 0))
    padding = [[0, 0], *([p, p] for p in op.padding), [0, 0]]
    y = tf.nn.conv2d(_channels_last(xs[0]), kernel, op.stride, padding)
    return _channels_first(tf.nn.bias_add(y, parameters["bias"]) if op.bias else y)


def _channels_last(x: tf.Tensor) -> tf.Tensor:
    return tf.transpose(x, (0, 2, 3, 1))


def _channels_first(x: tf.Tensor) -> tf.Tensor:
    return tf.transpose(x, (0, 3, 1, 2))


def _pooled(pool: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    def lowering(op: Pool2d, xs: Tensors, *_: object) -> tf.Tensor:
        return _channels_first(pool(_channels_last(xs[0]), op.kernel, op.stride, "VALID"))

    return lowering


def layer_norm(op: LayerNorm, xs: Tensors, parameters: ByName, extra: ByName) -> tf.Tensor:
    """Moments over every axis but the batch's."""
    x = xs[0]
    mean, var = tf.nn.moments(x, range(1, len(x.shape)), keepdims=True)
    return tf.nn.batch_normalization(x, mean, var, parameters["shift"], parameters["scale"], op.epsilon)


def batch_norm(op: BatchNorm, xs: Tensors, parameters: ByName, extra: ByName) -> Lowered[tf.Tensor]:
    """Moments per channel (axis 1) over all other axes; the running statistics come back as state."""
    x = xs[0]
    mean, var = tf.nn.moments(x, (0, *range(2, len(x.shape))), keepdims=True)
    scale, shift = (tf.reshape(parameters[role], mean.shape) for role in ("scale", "shift"))
    y = tf.nn.batch_normalization(x, mean, var, shift, scale, op.epsilon)
    if op.running_variance == "unbiased":
        count = prod(x.shape) // x.shape[1]
        var = var * count / (count - 1)
    seen = {"running_mean": mean, "running_var": var}
    return Lowered(y, {k: (1 - op.momentum) * extra[k] + op.momentum * tf.reshape(x, [-1]) for k, x in seen.items()})


def added(op: Add, xs: Tensors, *_: object) -> tf.Tensor:
    """The sum of the sources, with axes put in behind that of the examples where some have fewer than others."""
    most = max(len(x.shape) for x in xs)
    return reduce(tf.add, [tf.reshape(x, (x.shape[0], *(1,) * (most - len(x.shape)), *x.shape[1:])) for x in xs])


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
    MaxPool2d: _pooled(tf.nn.max_pool2d),
    AvgPool2d: _pooled(tf.nn.avg_pool2d),
    LayerNorm: layer_norm,
    BatchNorm: batch_norm,
    Embedding: lambda op, xs, parameters, extra: tf.nn.embedding_lookup(parameters["weight"], xs[0]),
    Add: added,
    Concat: lambda op, xs, *_: tf.concat(xs, axis=along(op.axis)),
    Scale: lambda op, xs, *_: op.factor * xs[0],
    Flatten: lambda op, xs, *_: tf.reshape(xs[0], (xs[0].shape[0], prod(xs[0].shape[1:]))),
    Dropout: lambda op, xs, parameters, extra: xs[0] * extra["mask"] / (1 - op.rate),
}
