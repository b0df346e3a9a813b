"""Layer ops in autograd.numpy: boxes in, boxes out. Images are (batch, channels, height, width).

np.mean and np.var hand float64 back in float32 programs (they divide by a NumPy integer); the backend casts it back.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from math import prod
from operator import add
from typing import Any

import autograd.numpy as np
from autograd.scipy.signal import convolve

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

Boxes = Sequence[Any]
ByName = Mapping[str, Any]


def along(axis: int) -> int:
    """The axis of an array that is `axis` of an example: one later, unless it counts from the end."""
    return axis if axis < 0 else axis + 1


def dense(op: Dense, xs: Boxes, parameters: ByName, extra: ByName) -> Any:
    """x @ w + b; several sources are joined first, in the order of the weight's rows."""
    x = xs[0] if len(xs) == 1 else np.concatenate(xs, axis=-1)
    y = np.dot(x, parameters["weight"])
    return y + parameters["bias"] if op.bias else y


def conv2d(op: Conv2d, xs: Boxes, parameters: ByName, extra: ByName) -> Any:
    """autograd's `convolve`. It flips the kernel, so it gets a flipped one; it has no stride, so positions are left out."""
    (py, px), (qy, qx), (sy, sx) = op.padding, op.far, op.stride
    x = np.pad(xs[0], ((0, 0), (0, 0), (py, qy), (px, qx)), mode="constant")
    kernel = parameters["weight"][:, :, ::-1, ::-1]
    y = convolve(x, kernel, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")[:, :, ::sy, ::sx]
    return y + parameters["bias"][:, None, None] if op.bias else y


def max_pool2d(op: MaxPool2d, xs: Boxes, parameters: ByName, extra: ByName) -> Any:
    """The entry at each window's argmax, which is the first maximum; autograd's `np.max` would share Δ among all of them."""
    view = _windows(xs[0], op)
    winner = np.argmax(view, axis=-1)
    return view[(*np.indices(winner.shape, sparse=True), winner)]


def avg_pool2d(op: AvgPool2d, xs: Boxes, parameters: ByName, extra: ByName) -> Any:
    """The sum of each window over its size."""
    return np.sum(_windows(xs[0], op), axis=-1) / prod(op.kernel)


def _windows(x: Any, op: Pool2d) -> Any:
    """(examples, channels, height', width', window), by indexing; its transpose adds up where windows overlap."""
    rows, columns = (
        s * np.arange((n - k) // s + 1)[:, None] + np.arange(k) for n, k, s in zip(x.shape[2:], op.kernel, op.stride, strict=True)
    )
    view = x[:, :, rows[:, None, :, None], columns[None, :, None, :]]
    return np.reshape(view, (*view.shape[:4], -1))


def layer_norm(op: LayerNorm, xs: Boxes, parameters: ByName, extra: ByName) -> Any:
    """Mean and biased variance over the last axes, or every one but the batch's."""
    x = xs[0]
    first = 1 if op.last is None else x.ndim - op.last
    return _standardized(x, tuple(range(first, x.ndim)), op.epsilon) * parameters["scale"] + parameters["shift"]


def batch_norm(op: BatchNorm, xs: Boxes, parameters: ByName, extra: ByName) -> Lowered[Any]:
    """Mean and biased variance per channel over all other axes; the running statistics come back as state."""
    x = xs[0]
    axes = (0, *range(2, x.ndim))
    scale, shift = (np.reshape(parameters[role], (1, -1, *(1,) * (x.ndim - 2))) for role in ("scale", "shift"))
    y = _standardized(x, axes, op.epsilon) * scale + shift
    seen = {
        "running_mean": np.mean(x, axis=axes),
        "running_var": np.var(x, axis=axes, ddof=1 if op.running_variance == "unbiased" else 0),
    }
    return Lowered(y, {key: (1 - op.momentum) * extra[key] + op.momentum * value for key, value in seen.items()})


def _standardized(x: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    return centred / np.sqrt(np.var(x, axis=axes, keepdims=True) + epsilon)


def added(op: Add, xs: Boxes, *_: object) -> Any:
    """The sum of the sources, with axes put in behind that of the examples where some have fewer than others."""
    most = max(x.ndim for x in xs)
    return reduce(add, [np.reshape(x, (x.shape[0], *(1,) * (most - x.ndim), *x.shape[1:])) for x in xs])


LIMITS: dict[type[Op], tuple[Callable[[Any], bool], str]] = {
    Conv2d: (lambda op: op.groups != 1 or op.dilation != (1, 1), "groups and dilation are not written yet"),
    MaxPool2d: (lambda op: any(op.padding), "padding is not written yet"),
    AvgPool2d: (lambda op: any(op.padding), "padding is not written yet"),
}
TABLE: dict[type[Op], Callable[..., Any]] = {
    Dense: dense,
    Conv2d: conv2d,
    MaxPool2d: max_pool2d,
    AvgPool2d: avg_pool2d,
    LayerNorm: layer_norm,
    BatchNorm: batch_norm,
    Embedding: lambda op, xs, parameters, extra: parameters["weight"][xs[0]],
    Add: added,
    Concat: lambda op, xs, *_: np.concatenate(xs, axis=along(op.axis)),
    Scale: lambda op, xs, *_: op.factor * xs[0],
    Flatten: lambda op, xs, *_: np.reshape(xs[0], (xs[0].shape[0], -1)),
    Dropout: lambda op, xs, parameters, extra: xs[0] * extra["mask"] / (1 - op.rate),
}
