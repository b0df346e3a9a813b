"""Activations: Paddle's own functions, where they keep their digits."""

from collections.abc import Callable
from math import pi, sqrt
from typing import Any

import paddle
from paddle.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import Elu, GeluErf, GeluTanh, Identity, LeakyRelu, Op, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh
from bpcompare_paddle.layers import along


def elu(x: Any, alpha: float) -> Any:
    """x or α (e^x − 1) by expm1: F.elu subtracts, and near 0 keeps few digits. The exponential does not see a positive x."""
    return paddle.where(x > 0, x, alpha * paddle.expm1(_below(x)))


def softplus(x: Any) -> Any:
    """ln(1 + e^x). F.softplus computes it as it stands, and F.log_sigmoid stops early: far below 0 nothing of e^x is left."""
    above = paddle.where(x > 0, x, paddle.zeros_like(x))
    return paddle.where(x > 0, above + paddle.log1p(paddle.exp(-above)), paddle.log1p(paddle.exp(_below(x))))


def gelu_tanh(x: Any) -> Any:
    """The tanh approximation; the derivative of F.gelu(approximate=True) overflows for large x."""
    return 0.5 * x * (1 + paddle.tanh(sqrt(2 / pi) * (x + 0.044715 * (x * x * x))))


def softmax(x: Any, axis: int) -> Any:
    """e^x/Σe^x. F.softmax replaces x − max by −64 where it is less."""
    powers = paddle.exp(x - paddle.max(x, axis=axis, keepdim=True).detach())
    return powers / paddle.sum(powers, axis=axis, keepdim=True)


def _below(x: Any) -> Any:
    return paddle.where(x > 0, paddle.zeros_like(x), x)


TABLE: dict[type[Op], Callable[..., Any]] = {
    Identity: lambda op, xs, *_: xs[0],
    Sigmoid: lambda op, xs, *_: F.sigmoid(xs[0]),
    Tanh: lambda op, xs, *_: paddle.tanh(xs[0]),
    Relu: lambda op, xs, *_: F.relu(xs[0]),
    LeakyRelu: lambda op, xs, *_: paddle.where(xs[0] > 0, xs[0], op.slope * xs[0]),
    Elu: lambda op, xs, *_: elu(xs[0], op.alpha),
    Softplus: lambda op, xs, *_: softplus(xs[0]),
    GeluErf: lambda op, xs, *_: F.gelu(xs[0], approximate=False),
    GeluTanh: lambda op, xs, *_: gelu_tanh(xs[0]),
    # Not F.silu, whose derivative is NaN for large negative numbers.
    Silu: lambda op, xs, *_: xs[0] * F.sigmoid(xs[0]),
    Softmax: lambda op, xs, *_: softmax(xs[0], along(op.axis)),
}
