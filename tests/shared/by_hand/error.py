"""Errors by hand. Numbers: (error, a and t of two examples, E, Δ_a)."""

from math import log

import numpy as np

from bpcompare import ops
from by_hand.activation import size

FORMULAS = {
    ops.HalfSquared: lambda op, a, t: ((t - a) ** 2).sum() / 2,
    ops.MeanSquared: lambda op, a, t: ((t - a) ** 2).mean(),
    ops.SoftmaxCrossEntropy: lambda op, a, t: (
        (np.eye(a.shape[-1])[t] if op.integer_target else t) * (np.log(np.exp(a).sum(-1, keepdims=True)) - a)
    ).sum(),
    ops.BinaryCrossEntropyWithLogits: lambda op, a, t: (np.log(1 + np.exp(a)) - t * a).sum(),
    ops.Huber: lambda op, a, t: np.where(
        abs((t - a).real) <= op.threshold,
        (t - a) ** 2 / 2,
        op.threshold * (size(t - a) - op.threshold / 2),
    ).sum(),
}

LN2, LN3, LN4 = log(2), log(3), log(4)
NUMBERS = (
    (ops.HalfSquared("sum"), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 3.0, [[1, 0], [-2, 1]]),
    (ops.HalfSquared("mean"), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 1.5, [[0.5, 0], [-1, 0.5]]),
    (ops.HalfSquared("sum", scale=10.0), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 30.0, [[10, 0], [-20, 10]]),
    (ops.MeanSquared("sum"), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 3.0, [[1, 0], [-2, 1]]),
    (ops.MeanSquared("mean"), [[1, 2], [3, 4]], [[2, 2], [1, 5]], 1.5, [[0.5, 0], [-1, 0.5]]),
    (
        ops.SoftmaxCrossEntropy("sum", targets="classes"),
        *([[0, LN3], [LN3, 0]], [1, 1], 2 * LN4 - LN3, [[-1 / 4, 1 / 4], [-3 / 4, 3 / 4]]),
    ),
    (
        ops.SoftmaxCrossEntropy("mean", targets="probabilities"),
        *([[0, LN3], [LN3, 0]], [[0.5, 0.5], [0, 1]], (2 * LN4 - LN3 / 2) / 2, [[1 / 8, -1 / 8], [-3 / 8, 3 / 8]]),
    ),
    (
        ops.BinaryCrossEntropyWithLogits("sum"),
        *([[LN3, -LN3], [0, LN3]], [[1, 0], [0.5, 0]], 2 * (LN4 - LN3) + LN2 + LN4, [[1 / 4, -1 / 4], [0, -3 / 4]]),
    ),
    (ops.Huber(threshold=1.0, reduce="sum"), [[0, 0], [0, 0]], [[0.5, 3], [-3, -0.5]], 5.25, [[0.5, 1], [-1, -0.5]]),
    (ops.Huber(threshold=2.0, reduce="mean"), [[0, 0], [0, 0]], [[1, 3], [-3, -1]], 4.5, [[0.5, 1], [-1, -0.5]]),
)
