"""Convolutions by hand."""

from typing import Any

import numpy as np

from bpcompare import ops
from by_hand.layer import Numbers


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


FORMULAS = {ops.Conv2d: lambda op, xs, p, e: convolved(op, xs[0], p)}

FOUR = [[[[1, 10], [100, 1000]]]]
"""A kernel of four different numbers, so that one that is flipped, shifted or transposed is seen."""
NUMBERS = (
    Numbers(
        ops.Conv2d(1, (2, 2)),
        [[[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]],
        [[[[5421.5, 6532.5], [8754.5, 9865.5]]]],
        [[[[1, 2], [0, 3]]]],
        [[[[[1, 12, 20], [100, 1203, 2030], [0, 300, 3000]]]]],
        {"weight": FOUR, "bias": [0.5]},
        {"weight": [[[[20, 26], [38, 44]]]], "bias": [6]},
    ),
    # the far edge, which no window reaches, gets no Δ; the padding does not shift it
    Numbers(
        ops.Conv2d(1, (2, 2), stride=(2, 2), padding=(1, 1), bias=False),
        [[[[[1, 2], [3, 4]]]]],
        [[[[1000, 200], [30, 4]]]],
        [[[[1, 2], [3, 4]]]],
        [[[[[1000, 200], [30, 4]]]]],
        {"weight": FOUR},
        {"weight": [[[[16, 9], [4, 1]]]]},
    ),
    # groups do not mix
    Numbers(
        ops.Conv2d(2, (1, 2), groups=2, bias=False),
        [[[[[1, 2, 3]], [[4, 5, 6]]]]],
        [[[[21, 32]], [[23, 28]]]],
        [[[[1, 2]], [[3, 4]]]],
        [[[[[1, 12, 20]], [[6, 17, 12]]]]],
        {"weight": [[[[1, 10]]], [[[2, 3]]]]},
        {"weight": [[[[5, 8]]], [[[32, 39]]]]},
    ),
    # a kernel that is stretched, and a border on the far side only
    Numbers(
        ops.Conv2d(1, (1, 2), dilation=(1, 2), far_padding=(0, 1), bias=False),
        [[[[[1, 2, 3]]]]],
        [[[[31, 2]]]],
        [[[[1, 5]]]],
        [[[[[1, 5, 10]]]]],
        {"weight": [[[[1, 10]]]]},
        {"weight": [[[[11, 3]]]]},
    ),
)
