"""Normalizations by hand."""

from typing import Any

import numpy as np

from bpcompare import ops
from by_hand.layer import Numbers


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


def batch_norm(op: ops.BatchNorm, xs: Any, p: Any, e: Any) -> Any:
    """All examples at once: μ and σ² of a channel are those of the batch."""
    y = [normalized(xs[0][:, c], op.epsilon) * p["scale"][c] + p["shift"][c] for c in range(xs[0].shape[1])]
    return np.stack(y, 1)


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


FORMULAS = {
    ops.LayerNorm: lambda op, xs, p, e: normalized(xs[0], op.epsilon, features(op, xs[0])) * p["scale"] + p["shift"],
    ops.RmsNorm: lambda op, xs, p, e: (
        p["scale"] * xs[0] / np.sqrt((xs[0] ** 2).mean(features(op, xs[0]), keepdims=True) + op.epsilon)
    ),
    ops.GroupNorm: lambda op, xs, p, e: grouped(op, xs[0], p),
    ops.BatchNorm: batch_norm,
}
"""That of batch norm takes all examples at once, as its op says (`couples_examples`)."""

P = {"scale": [2, 4], "shift": [1, -1]}
NUMBERS = (
    # μ = 2, σ² = 1 and ε = 3 make the root 2
    Numbers(
        ops.LayerNorm(3.0),
        *([[[1, 3]]], [[0, 1]], [[1, 1]], [[[-0.375, 0.375]]], P),
        {"scale": [-0.5, 0.5], "shift": [1, 1]},
    ),
    # along one axis of several
    Numbers(
        ops.LayerNorm(3.0, last=1),
        *([[[[1, 3], [3, 1]]]], [[[0, 1], [2, -3]]], [[[1, 1], [0, 0]]], [[[[-0.375, 0.375], [0, 0]]]], P),
        {"scale": [-0.5, 0.5], "shift": [1, 1]},
    ),
    # mean(x²) = 5 with ε = 11
    Numbers(
        ops.RmsNorm(11.0),
        *([[[1, 3]]], [[0.5, 3]], [[4, 1]], [[[1.84375, 0.53125]]]),
        {"scale": [2, 4]},
        {"scale": [1, 0.75]},
    ),
    # two groups of μ = 2, σ² = 1 with ε = 3
    Numbers(
        ops.GroupNorm(2, 3.0),
        *([[[1, 3, 3, 1]]], [[0, 1, 1.5, -1.5]], [[1, 1, 0, 0]], [[[-0.375, 0.375, 0, 0]]]),
        {"scale": [2, 4, 1, 1], "shift": [1, -1, 1, -1]},
        {"scale": [-0.5, 0.5, 0, 0], "shift": [1, 1, 0, 0]},
    ),
    # the same numbers down the batch; s = (2, 4), mean 3; x̂ s = (−1, 2), mean ½; (s − 3 − x̂/2)/2.
    # The running variance divides by n − 1 or by n.
    *(
        Numbers(
            ops.BatchNorm(3.0, 0.1, kind),
            *([[[1], [3]]], [[0], [2]], [[1], [2]], [[[-0.375], [0.375]]]),
            {"scale": [2], "shift": [1]},
            {"scale": [0.5], "shift": [3]},
            {"running_mean": [0], "running_var": [1]},
            {"running_mean": [0.2], "running_var": [variance]},
        )
        for kind, variance in (("unbiased", 1.1), ("biased", 1.0))
    ),
)
