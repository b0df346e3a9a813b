"""Activations as formulas of autograd.numpy, for autograd has no library of them."""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import autograd.numpy as np
from autograd.scipy.special import erf, expit, logsumexp

from bpcompare.ops import Elu, GeluErf, GeluTanh, Identity, LeakyRelu, Op, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh
from bpcompare_autograd.layers import along


def relu(x: Any) -> Any:
    """x where positive. Not `np.maximum(x, 0)`, whose derivative at 0 is ½ in autograd."""
    return np.where(x > 0, x, 0.0)


def elu(x: Any, alpha: float) -> Any:
    """x or α (e^x − 1). The exponential does not see a positive x: where it overflows, 0 · ∞ would come back."""
    return np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0.0, x)))


def gelu_tanh(x: Any) -> Any:
    """The tanh approximation."""
    return 0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))


TABLE: dict[type[Op], Callable[..., Any]] = {
    Identity: lambda op, xs, *_: xs[0],
    Sigmoid: lambda op, xs, *_: expit(xs[0]),
    Tanh: lambda op, xs, *_: np.tanh(xs[0]),
    Relu: lambda op, xs, *_: relu(xs[0]),
    LeakyRelu: lambda op, xs, *_: np.where(xs[0] > 0, xs[0], op.slope * xs[0]),
    Elu: lambda op, xs, *_: elu(xs[0], op.alpha),
    Softplus: lambda op, xs, *_: np.logaddexp(0.0, xs[0]),
    GeluErf: lambda op, xs, *_: 0.5 * xs[0] * (1 + erf(xs[0] / sqrt(2))),
    GeluTanh: lambda op, xs, *_: gelu_tanh(xs[0]),
    Silu: lambda op, xs, *_: xs[0] * expit(xs[0]),
    Softmax: lambda op, xs, *_: np.exp(xs[0] - logsumexp(xs[0], axis=along(op.axis), keepdims=True)),
}
