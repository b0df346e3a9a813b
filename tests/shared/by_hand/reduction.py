"""Sums and means by hand."""

from bpcompare import ops
from by_hand.layer import Numbers

FORMULAS = {
    ops.Sum: lambda op, xs, p, e: xs[0].sum(op.axes, keepdims=op.keep),
    ops.Mean: lambda op, xs, p, e: xs[0].mean(op.axes, keepdims=op.keep),
}

X = [[[1, 2], [3, 5]], [[4, 4], [0, 2]]]
NUMBERS = (
    # the axis of the examples is not summed over
    Numbers(ops.Sum((0,)), [X], [[4, 7], [4, 6]], [[1, 2], [3, 4]], [[[[1, 2], [1, 2]], [[3, 4], [3, 4]]]]),
    Numbers(
        ops.Mean((-1,), keep=True),
        *([X], [[[1.5], [4]], [[4], [1]]], [[[2], [4]], [[6], [8]]], [[[[1, 1], [2, 2]], [[3, 3], [4, 4]]]]),
    ),
)
