"""Dense layers by hand."""

import numpy as np

from bpcompare import ops
from by_hand.layer import Numbers

FORMULAS = {ops.Dense: lambda op, xs, p, e: np.concatenate(xs, -1) @ p["weight"] + (p["bias"] if op.bias else 0)}

NUMBERS = (
    # the textbook's own three equations
    Numbers(
        ops.Dense(2),
        [[[1, 2], [3, 4]], [[5], [6]]],
        [[15, 34], [21, 35]],
        [[1, 2], [-1, 1]],
        [[[-1, 2], [-2, -2]], [[6], [3]]],
        {"weight": [[1, -1], [2, 0], [0, 3]], "bias": [10, 20]},
        {"weight": [[-2, 5], [-2, 8], [-1, 16]], "bias": [0, 3]},
    ),
    # along the last axis of several
    Numbers(
        ops.Dense(1),
        [[[[1, 2], [3, 4], [5, 6]]]],
        [[[22], [44], [66]]],
        [[[1], [2], [3]]],
        [[[[1, 10], [2, 20], [3, 30]]]],
        {"weight": [[1], [10]], "bias": [1]},
        {"weight": [[22], [28]], "bias": [6]},
    ),
)
