"""Arithmetic by hand."""

from math import log

import numpy as np

from bpcompare import ops
from by_hand.layer import Numbers

FORMULAS = {
    ops.Multiply: lambda op, xs, p, e: xs[0] * xs[1],
    ops.Subtract: lambda op, xs, p, e: xs[0] - xs[1],
    ops.Divide: lambda op, xs, p, e: xs[0] / xs[1],
    ops.Exp: lambda op, xs, p, e: np.exp(xs[0]),
    ops.Log: lambda op, xs, p, e: np.log(xs[0]),
    ops.Sqrt: lambda op, xs, p, e: np.sqrt(xs[0]),
    ops.Power: lambda op, xs, p, e: xs[0] ** op.exponent,
}

# Two examples with a row for both columns: what was repeated adds up, and examples do not mix.
SOURCES = [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [[10, 100], [2, -4]]]
DELTA = [[[1, 2], [3, 4]], [[1, 0], [0, 1]]]
NUMBERS = (
    Numbers(
        ops.Multiply(),
        *(SOURCES, [[[10, 200], [30, 400]], [[10, -24], [14, -32]]], DELTA),
        [[[[10, 200], [30, 400]], [[2, 0], [0, -4]]], [[10, 20], [5, 8]]],
    ),
    Numbers(
        ops.Subtract(),
        *(SOURCES, [[[-9, -98], [-7, -96]], [[3, 10], [5, 12]]], DELTA),
        [DELTA, [[-4, -6], [-1, -1]]],
    ),
    Numbers(
        ops.Divide(),
        *(SOURCES, [[[0.1, 0.02], [0.3, 0.04]], [[2.5, -1.5], [3.5, -2]]], DELTA),
        [[[[0.1, 0.02], [0.3, 0.04]], [[0.5, 0], [0, -0.25]]], [[-0.1, -0.002], [-1.25, -0.5]]],
    ),
    Numbers(ops.Exp(), [[[0, log(3)]]], [[1, 3]], [[2, 5]], [[[2, 15]]]),
    Numbers(ops.Log(), [[[1, 4]]], [[0, log(4)]], [[2, 2]], [[[2, 0.5]]]),
    Numbers(ops.Sqrt(), [[[4, 0.25]]], [[2, 0.5]], [[2, 3]], [[[0.5, 3]]]),
    Numbers(ops.Power(3.0), [[[2, -1]]], [[8, -1]], [[1, 2]], [[[12, 6]]]),
    Numbers(ops.Power(-2.0), [[[2, -1]]], [[0.25, 1]], [[1, 2]], [[[-0.25, 4]]]),
    Numbers(ops.Power(1.5), [[[4, 9]]], [[8, 27]], [[1, 2]], [[[3, 9]]]),
)
