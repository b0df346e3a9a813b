"""Activations by hand. Numbers: (activation, in, g(in), Δ_a, Δ_in)."""

from math import log, sqrt
from typing import Any

import numpy as np
from scipy.special import erf

from bpcompare import ops

LN2, LN3, LN4, LN5 = log(2), log(3), log(4), log(5)
LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772
"""Of selu."""


def size(x: Any) -> Any:
    """|x| of real numbers, with its derivative where they carry one as an imaginary part."""
    return np.where(x.real < 0, -x, x)


FORMULAS = {
    ops.Identity: lambda g, x: x,
    ops.Sigmoid: lambda g, x: 1 / (1 + np.exp(-x)),
    ops.Tanh: lambda g, x: np.tanh(x),
    ops.Relu: lambda g, x: np.maximum(x, 0),
    ops.LeakyRelu: lambda g, x: np.where(x > 0, x, g.slope * x),
    ops.Elu: lambda g, x: np.where(x > 0, x, g.alpha * (np.exp(x) - 1)),
    ops.Softplus: lambda g, x: np.log(1 + np.exp(x)),
    ops.GeluErf: lambda g, x: x / 2 * (1 + erf(x / sqrt(2))),
    ops.GeluTanh: lambda g, x: x / 2 * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ops.Silu: lambda g, x: x / (1 + np.exp(-x)),
    ops.Selu: lambda g, x: LAMBDA * np.where(x > 0, x, ALPHA * (np.exp(x) - 1)),
    ops.Celu: lambda g, x: np.where(x > 0, x, g.alpha * (np.exp(x / g.alpha) - 1)),
    ops.Relu6: lambda g, x: np.clip(x, 0, 6),
    ops.Hardtanh: lambda g, x: np.clip(x, g.low, g.high),
    ops.HardSigmoid: lambda g, x: np.clip(x / 6 + 0.5, 0, 1),
    ops.HardSwish: lambda g, x: x * np.clip(x / 6 + 0.5, 0, 1),
    ops.Mish: lambda g, x: x * np.tanh(np.log(1 + np.exp(x))),
    ops.Softsign: lambda g, x: x / (1 + size(x)),
    ops.Softmax: lambda g, x: np.exp(x) / np.exp(x).sum(g.axis, keepdims=True),
}

# Arguments are logarithms, so that exponentials are whole numbers.
NUMBERS = (
    (ops.Identity(), [-2, 3], [-2, 3], [5, 7], [5, 7]),
    (ops.Sigmoid(), [LN3, -LN3, 0], [3 / 4, 1 / 4, 1 / 2], [16, 16, 4], [3, 3, 1]),
    (ops.Tanh(), [LN2, -LN2, 0], [3 / 5, -3 / 5, 0], [25, 25, 2], [16, 16, 2]),
    (ops.Relu(), [-2, 0, 3], [0, 0, 3], [5, 7, 11], [0, 0, 11]),
    (ops.LeakyRelu(0.25), [-2, 0, 3], [-0.5, 0, 3], [8, 4, 11], [2, 1, 11]),
    (ops.Elu(3.0), [-LN2, 2], [-1.5, 2], [4, 5], [6, 5]),
    (ops.Softplus(), [LN3, -LN3, 0], [LN4, LN4 - LN3, LN2], [4, 4, 2], [3, 1, 1]),
    (ops.GeluErf(), [0, 1], [0, 0.84134474606854294859], [2, 1], [1, 1.0833154705876862986]),
    (ops.GeluErf(), [-2], [-0.045500263896358414401], [1], [-0.085231801078196896801]),
    (ops.GeluTanh(), [0, 1], [0, 0.84119199060827670478], [2, 1], [1, 1.0829640838457825]),
    (ops.Silu(), [LN3, 0], [0.75 * LN3, 0], [16, 2], [12 + 3 * LN3, 1]),
    (ops.Selu(), [2, -LN2], [2 * LAMBDA, -LAMBDA * ALPHA / 2], [3, 2], [3 * LAMBDA, LAMBDA * ALPHA]),
    (ops.Celu(2.0), [-2 * LN2, 2], [-1, 2], [4, 5], [2, 5]),
    (ops.Relu6(), [-1, 0, 2, 6, 7], [0, 0, 2, 6, 6], [1, 2, 3, 4, 5], [0, 0, 3, 0, 0]),
    (ops.Hardtanh(-2.0, 3.0), [-3, -2, 1, 3, 4], [-2, -2, 1, 3, 3], [1, 2, 3, 4, 5], [0, 0, 3, 0, 0]),
    (ops.HardSigmoid(), [-4, -3, 0, 1.5, 3, 4], [0, 0, 0.5, 0.75, 1, 1], [6, 6, 6, 12, 6, 6], [0, 0, 1, 2, 0, 0]),
    (ops.HardSwish(), [-4, -3, 1.5, 0, 3, 4], [0, 0, 1.125, 0, 3, 4], [5, 5, 5, 6, 7, 8], [0, 0, 5, 3, 7, 8]),
    # softplus(ln 3) = ln 4, tanh ln 4 = 15/17, σ(ln 3) = 3/4.
    (ops.Mish(), [LN3, 0], [LN3 * 15 / 17, 0], [289, 5], [255 + 48 * LN3, 3]),
    (ops.Softsign(), [-3, 0, 1], [-0.75, 0, 0.5], [16, 2, 4], [1, 2, 1]),
    (ops.Softmax(), [0, LN2, LN5], [1 / 8, 2 / 8, 5 / 8], [8, 0, 0], [7 / 8, -2 / 8, -5 / 8]),
    (ops.Softmax(axis=0), *([[0, LN3], [0, 0]], [[0.5, 0.75], [0.5, 0.25]], [[1, 4], [0, 0]], [[0.25, 0.75], [-0.25, -0.75]])),
)
