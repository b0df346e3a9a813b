"""Activations in torch: its own functions, with the derivatives torch gives them (leaky_relu'(0) is the slope here)."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F  # noqa: N812 — the name its users know it by

from bpcompare import ops
from bpcompare_torch.axes import along

SOFTPLUS_THRESHOLD = 40.0
"""Beyond its threshold F.softplus returns x, and 1 for the derivative. At the default of 20 that is off by e^−20 = 2e-9.

e^−40 = 4e-18 is less than half an ulp of 40, and of 1, in float64. A threshold from 89 on would let e^x overflow in float32.
"""

TABLE: dict[type[ops.Op], Callable[..., Any]] = {
    ops.Identity: lambda op, xs, *_: xs[0],
    ops.Sigmoid: lambda op, xs, *_: torch.sigmoid(xs[0]),
    ops.Tanh: lambda op, xs, *_: torch.tanh(xs[0]),
    ops.Relu: lambda op, xs, *_: torch.relu(xs[0]),
    ops.LeakyRelu: lambda op, xs, *_: F.leaky_relu(xs[0], op.slope),
    ops.Elu: lambda op, xs, *_: F.elu(xs[0], op.alpha),
    ops.Selu: lambda op, xs, *_: F.selu(xs[0]),
    ops.Celu: lambda op, xs, *_: F.celu(xs[0], op.alpha),
    ops.Relu6: lambda op, xs, *_: F.relu6(xs[0]),
    ops.Hardtanh: lambda op, xs, *_: F.hardtanh(xs[0], op.low, op.high),
    ops.HardSigmoid: lambda op, xs, *_: F.relu6(xs[0] + 3) / 6,  # F.hardsigmoid's gradient has the 1/6 of float32
    ops.HardSwish: lambda op, xs, *_: F.hardswish(xs[0]),
    ops.Softplus: lambda op, xs, *_: F.softplus(xs[0], threshold=SOFTPLUS_THRESHOLD),
    ops.GeluErf: lambda op, xs, *_: F.gelu(xs[0], approximate="none"),
    ops.GeluTanh: lambda op, xs, *_: F.gelu(xs[0], approximate="tanh"),
    ops.Silu: lambda op, xs, *_: F.silu(xs[0]),
    ops.Mish: lambda op, xs, *_: F.mish(xs[0]),
    ops.Softsign: lambda op, xs, *_: F.softsign(xs[0]),
    ops.Softmax: lambda op, xs, *_: torch.softmax(xs[0], dim=along(op.axis)),
}
