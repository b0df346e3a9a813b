"""Pools by hand."""

from math import ceil, floor
from typing import Any

import numpy as np

from bpcompare import ops
from by_hand.layer import Numbers


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


FORMULAS = {
    ops.MaxPool2d: lambda op, xs, p, e: np.moveaxis(np.array([[w.max(-1) for w in row] for row in windows(op, xs[0])]), -1, 0),
    ops.AvgPool2d: lambda op, xs, p, e: averaged(op, xs[0]),
    ops.AdaptiveAvgPool2d: lambda op, xs, p, e: adaptive(op, xs[0]),
}

IMAGE, BACK = [[[[1, 5, 2], [3, 5, 4], [0, 1, 2]]]], [[[[4, 8], [12, 16]]]]
NEGATIVE, TWO = [[[[-4, -3, -2]]]], [[[[1, 2]]]]
NUMBERS = (
    # overlapping windows add up; a tie goes to the first
    Numbers(ops.MaxPool2d((2, 2), (1, 1)), [IMAGE], [[[[5, 5], [5, 5]]]], BACK, [[[[[0, 12, 0], [0, 28, 0], [0, 0, 0]]]]]),
    Numbers(ops.AvgPool2d((2, 2), (1, 1)), [IMAGE], [[[[3.5, 4], [2.25, 3]]]], BACK, [[[[[1, 3, 2], [4, 10, 6], [3, 7, 4]]]]]),
    # padding is no larger than negative numbers, and is no member of a mean unless it is counted
    Numbers(ops.MaxPool2d((1, 2), (1, 2), (0, 1)), [NEGATIVE], [[[[-4, -2]]]], TWO, [[[[[1, 0, 2]]]]]),
    Numbers(ops.AvgPool2d((1, 2), (1, 2), (0, 1)), [NEGATIVE], [[[[-2, -2.5]]]], TWO, [[[[[0.5, 1, 1]]]]]),
    Numbers(
        ops.AvgPool2d((1, 2), (1, 2), (0, 1), counts_padding=False),
        *([NEGATIVE], [[[[-4, -2.5]]]], TWO, [[[[[1, 1, 1]]]]]),
    ),
    # regions overlap
    Numbers(ops.AdaptiveAvgPool2d((1, 2)), [NEGATIVE], [[[[-3.5, -2.5]]]], TWO, [[[[[0.5, 1.5, 1]]]]]),
)
