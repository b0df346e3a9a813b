"""Activations that learn, by hand."""

from typing import Any

import numpy as np

from bpcompare import ops
from by_hand.layer import Numbers


def rectified(op: ops.PRelu, x: Any, p: Any) -> Any:
    """Each channel with its slope."""
    slopes = p["slope"].reshape(-1, *(1,) * (x.ndim - 1)) if op.channels else p["slope"][0]
    return np.where(x.real > 0, x, slopes * x)


FORMULAS = {ops.PRelu: lambda op, xs, p, e: rectified(op, xs[0], p)}

NUMBERS = (
    # at 0 the derivative is the slope
    Numbers(
        ops.PRelu(),
        *([[[2, -4, 0]]], [[2, -1, 0]], [[1, 2, 3]], [[[1, 0.5, 0.75]]]),
        {"slope": [0.25]},
        {"slope": [-8]},
    ),
    Numbers(
        ops.PRelu(channels=True),
        *([[[[-1, 2], [-3, 4]]]], [[[-10, 2], [-60, 4]]], [[[1, 1], [1, 1]]], [[[[10, 1], [20, 1]]]]),
        {"slope": [10, 20]},
        {"slope": [-1, -3]},
    ),
)
