"""What joins, moves and masks, by hand."""

from typing import Any

import numpy as np

from bpcompare import ops
from by_hand.layer import Numbers


def sliced(op: ops.Slice, x: Any) -> Any:
    """The positions one by one."""
    taken = list(range(x.shape[op.axis]))[op.start : op.stop : op.step]
    return np.take(x, taken[0] if op.drop else taken, op.axis)


FORMULAS = {
    ops.Add: lambda op, xs, p, e: sum(xs[1:], xs[0]),
    ops.Concat: lambda op, xs, p, e: np.concatenate(xs, op.axis),
    ops.Scale: lambda op, xs, p, e: op.factor * xs[0],
    ops.Flatten: lambda op, xs, p, e: np.reshape(xs[0], -1),
    ops.Dropout: lambda op, xs, p, e: xs[0] * e["mask"] / (1 - op.rate),
    ops.Permute: lambda op, xs, p, e: np.transpose(xs[0], op.axes),
    ops.Reshape: lambda op, xs, p, e: np.reshape(xs[0], op.shape),
    ops.Slice: lambda op, xs, p, e: sliced(op, xs[0]),
}

X, Y, DELTA = [[1, 2]], [[3, 5]], [[7, 11]]
ROWS, BACK = [[[1, 2, 3], [4, 5, 6]]], [[[1, 2], [3, 4], [5, 6]]]
NUMBERS = (
    Numbers(ops.Add(), [X, Y, X], [[5, 9]], DELTA, [DELTA, DELTA, DELTA]),
    # what was repeated adds up, and examples do not mix
    Numbers(
        ops.Add(),
        [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[10, 100], [2, -4]], [1, 2]],
        [[[12, 103], [14, 105]], [[9, 4], [11, 6]]],
        [[[1, 2], [3, 4]], [[1, 0], [0, 1]]],
        [[[[1, 2], [3, 4]], [[1, 0], [0, 1]]], [[4, 6], [1, 1]], [10, 2]],
    ),
    Numbers(ops.Concat(), [X, [[3]]], [[1, 2, 3]], [[7, 11, 13]], [[[7, 11]], [[13]]]),
    Numbers(
        ops.Concat(axis=1),
        *([[[[1], [2]]], [[[3, 4], [5, 6]]]], [[[1, 3, 4], [2, 5, 6]]], [[[1, 2, 3], [4, 5, 6]]]),
        [[[[1], [4]]], [[[2, 3], [5, 6]]]],
    ),
    Numbers(ops.Scale(-0.5), [X], [[-0.5, -1]], DELTA, [[[-3.5, -5.5]]]),
    Numbers(ops.Flatten(), [[[[[1, 2], [3, 4]]]]], [[1, 2, 3, 4]], [[5, 6, 7, 8]], [[[[[5, 6], [7, 8]]]]]),
    Numbers(ops.Dropout(0.75), [X], [[4, 0]], DELTA, [[[28, 0]]], c={"mask": [[1, 0]]}),
    Numbers(ops.Permute((1, 0)), [ROWS], [[[1, 4], [2, 5], [3, 6]]], BACK, [[[[1, 3, 5], [2, 4, 6]]]]),
    Numbers(ops.Reshape((3, -1)), [ROWS], [[[1, 2], [3, 4], [5, 6]]], BACK, [[[[1, 2, 3], [4, 5, 6]]]]),
    Numbers(ops.Slice(0, None, 2, axis=1), [ROWS], [[[1, 3], [4, 6]]], [[[1, 2], [3, 4]]], [[[[1, 0, 2], [3, 0, 4]]]]),
    Numbers(ops.Slice(-1, drop=True), [ROWS], [[4, 5, 6]], [[1, 2, 3]], [[[[0, 0, 0], [1, 2, 3]]]]),
)
