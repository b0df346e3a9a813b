"""Every layer op by hand, for one example: loops over its formula in plain NumPy. Numbers may be complex."""

from math import ceil, floor
from typing import Any

import numpy as np

from bpcompare import ops


def convolved(op: ops.Conv2d, x: Any, p: Any) -> Any:
    """A sum over channels of the group and entries of the kernel."""
    (top, left), (bottom, right) = op.padding, op.padding if op.far_padding is None else op.far_padding
    x = np.pad(x, ((0, 0), (top, bottom), (left, right)))
    high, wide = (
        len(range(0, n - d * (k - 1), s)) for n, k, d, s in zip(x.shape[1:], op.kernel, op.dilation, op.stride, strict=True)
    )
    y = np.zeros((op.channels, high, wide), np.result_type(x, p["weight"]))
    read, written = len(x) // op.groups, op.channels // op.groups
    (sy, sx), (dy, dx) = op.stride, op.dilation
    for o, u, v in np.ndindex(op.channels, *op.kernel):
        first = o // written * read
        seen = x[first : first + read, u * dy :: sy, v * dx :: sx][:, :high, :wide]
        y[o] += np.tensordot(p["weight"][o, :, u, v], seen, 1)
    return y + p["bias"][:, None, None] if op.bias else y


def windows(op: Any, x: Any) -> Any:
    """For every place of the result, what the window holds of the source: (channels, members)."""
    (ky, kx), (sy, sx), (py, px) = op.kernel, op.stride, op.padding
    high, wide = (x.shape[1] + 2 * py - ky) // sy + 1, (x.shape[2] + 2 * px - kx) // sx + 1
    tops, lefts = [sy * i - py for i in range(high)], [sx * j - px for j in range(wide)]
    return [[x[:, max(0, y) : y + ky, max(0, z) : z + kx].reshape(len(x), -1) for z in lefts] for y in tops]


def averaged(op: ops.AvgPool2d, x: Any) -> Any:
    """Sums of windows over their sizes."""
    size = op.kernel[0] * op.kernel[1]
    means = [[w.sum(-1) / (size if op.counts_padding else w.shape[1]) for w in row] for row in windows(op, x)]
    return np.moveaxis(np.array(means), -1, 0)


def adaptive(op: ops.AdaptiveAvgPool2d, x: Any) -> Any:
    """Means of regions."""
    (n, m), (_, height, width) = op.size, x.shape
    rows = [slice(floor(i * height / n), ceil((i + 1) * height / n)) for i in range(n)]
    columns = [slice(floor(j * width / m), ceil((j + 1) * width / m)) for j in range(m)]
    return np.moveaxis(np.array([[x[:, r, c].mean((1, 2)) for c in columns] for r in rows]), -1, 0)


def normalized(x: Any, epsilon: float, axes: Any = None) -> Any:
    """(x − μ)/√(σ² + ε)."""
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + epsilon)


def features(op: Any, x: Any) -> tuple[int, ...]:
    """The axes that are normalized over."""
    return tuple(range(x.ndim))[0 if op.last is None else x.ndim - op.last :]


def grouped(op: ops.GroupNorm, x: Any, p: Any) -> Any:
    """Channel by channel, each with the statistics of its group."""
    size = len(x) // op.groups
    y = np.concatenate([normalized(x[at : at + size], op.epsilon) for at in range(0, len(x), size)])
    return np.stack([p["scale"][c] * y[c] + p["shift"][c] for c in range(len(x))])


def sliced(op: ops.Slice, x: Any) -> Any:
    """The positions one by one."""
    taken = list(range(x.shape[op.axis]))[op.start : op.stop : op.step]
    return np.take(x, taken[0] if op.drop else taken, op.axis)


def rectified(op: ops.PRelu, x: Any, p: Any) -> Any:
    """Each channel with its slope."""
    slopes = p["slope"].reshape(-1, *(1,) * (x.ndim - 1)) if op.channels else p["slope"][0]
    return np.where(x.real > 0, x, slopes * x)


LAYERS: dict[type[ops.Op], Any] = {
    ops.Dense: lambda op, xs, p, e: np.concatenate(xs, -1) @ p["weight"] + (p["bias"] if op.bias else 0),
    ops.Conv2d: lambda op, xs, p, e: convolved(op, xs[0], p),
    ops.MaxPool2d: lambda op, xs, p, e: np.moveaxis(np.array([[w.max(-1) for w in row] for row in windows(op, xs[0])]), -1, 0),
    ops.AvgPool2d: lambda op, xs, p, e: averaged(op, xs[0]),
    ops.AdaptiveAvgPool2d: lambda op, xs, p, e: adaptive(op, xs[0]),
    ops.LayerNorm: lambda op, xs, p, e: normalized(xs[0], op.epsilon, features(op, xs[0])) * p["scale"] + p["shift"],
    ops.RmsNorm: lambda op, xs, p, e: (
        p["scale"] * xs[0] / np.sqrt((xs[0] ** 2).mean(features(op, xs[0]), keepdims=True) + op.epsilon)
    ),
    ops.GroupNorm: lambda op, xs, p, e: grouped(op, xs[0], p),
    ops.Embedding: lambda op, xs, p, e: p["weight"][xs[0]],
    ops.Add: lambda op, xs, p, e: sum(xs[1:], xs[0]),
    ops.Concat: lambda op, xs, p, e: np.concatenate(xs, op.axis),
    ops.Scale: lambda op, xs, p, e: op.factor * xs[0],
    ops.Flatten: lambda op, xs, p, e: np.reshape(xs[0], -1),
    ops.Dropout: lambda op, xs, p, e: xs[0] * e["mask"] / (1 - op.rate),
    ops.Permute: lambda op, xs, p, e: np.transpose(xs[0], op.axes),
    ops.Reshape: lambda op, xs, p, e: np.reshape(xs[0], op.shape),
    ops.Slice: lambda op, xs, p, e: sliced(op, xs[0]),
    ops.Multiply: lambda op, xs, p, e: xs[0] * xs[1],
    ops.Subtract: lambda op, xs, p, e: xs[0] - xs[1],
    ops.Divide: lambda op, xs, p, e: xs[0] / xs[1],
    ops.Exp: lambda op, xs, p, e: np.exp(xs[0]),
    ops.Log: lambda op, xs, p, e: np.log(xs[0]),
    ops.Sqrt: lambda op, xs, p, e: np.sqrt(xs[0]),
    ops.Power: lambda op, xs, p, e: xs[0] ** op.exponent,
    ops.Matmul: lambda op, xs, p, e: (xs[0][..., :, :, None] * xs[1][..., None, :, :]).sum(-2),
    ops.Sum: lambda op, xs, p, e: xs[0].sum(op.axes, keepdims=op.keep),
    ops.Mean: lambda op, xs, p, e: xs[0].mean(op.axes, keepdims=op.keep),
    ops.Constant: lambda op, xs, p, e: p["value"],
    ops.PRelu: lambda op, xs, p, e: rectified(op, xs[0], p),
}
"""`f(op, sources, parameters, draws)` of one example."""


def batch_norm(op: ops.BatchNorm, xs: Any, p: Any, e: Any) -> Any:
    """All examples at once: μ and σ² of a channel are those of the batch."""
    y = [normalized(xs[0][:, c], op.epsilon) * p["scale"][c] + p["shift"][c] for c in range(xs[0].shape[1])]
    return np.stack(y, 1)


def layer(op: ops.LayerOp, xs: Any, p: Any, e: Any, examples: int) -> Any:
    """The op on a batch: example by example, unless it couples them."""
    if isinstance(op, ops.BatchNorm):
        return batch_norm(op, xs, p, e)
    one = LAYERS[type(op)]
    return np.stack([one(op, [x[n] for x in xs], p, {key: x[n] for key, x in e.items()}) for n in range(examples)])


def running(op: ops.BatchNorm, x: Any, before: Any) -> Any:
    """The running statistics after a batch `x` of sources."""
    by_channel = [x[:, c].ravel() for c in range(x.shape[1])]
    seen = {
        "running_mean": np.array([c.sum() / len(c) for c in by_channel]),
        "running_var": np.array(
            [((c - c.mean()) ** 2).sum() / (len(c) - (op.running_variance == "unbiased")) for c in by_channel]
        ),
    }
    return {key: (1 - op.momentum) * before[key] + op.momentum * value for key, value in seen.items()}
