"""Activations in torch: its own functions, with the derivatives torch gives them (leaky_relu'(0) is the slope here)."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare.ops import Elu, GeluErf, GeluTanh, Identity, LeakyRelu, Op, Relu, Sigmoid, Silu, Softmax, Softplus, Tanh

SOFTPLUS_THRESHOLD = 40.0
"""Beyond its threshold F.softplus returns x, and 1 for the derivative. At the default of 20 that is off by e^−20 = 2e-9.

e^−40 = 4e-18 is less than half an ulp of 40, and of 1, in float64. A threshold from 89 on would let e^x overflow in float32.
"""

TABLE: dict[type[Op], Callable[..., Any]] = {
    Identity: lambda op, xs, *_: xs[0],
    Sigmoid: lambda op, xs, *_: torch.sigmoid(xs[0]),
    Tanh: lambda op, xs, *_: torch.tanh(xs[0]),
    Relu: lambda op, xs, *_: torch.relu(xs[0]),
    LeakyRelu: lambda op, xs, *_: F.leaky_relu(xs[0], op.slope),
    Elu: lambda op, xs, *_: F.elu(xs[0], op.alpha),
    Softplus: lambda op, xs, *_: F.softplus(xs[0], threshold=SOFTPLUS_THRESHOLD),
    GeluErf: lambda op, xs, *_: F.gelu(xs[0], approximate="none"),
    GeluTanh: lambda op, xs, *_: F.gelu(xs[0], approximate="tanh"),
    Silu: lambda op, xs, *_: F.silu(xs[0]),
    Softmax: lambda op, xs, *_: torch.softmax(xs[0], dim=-1),
}
