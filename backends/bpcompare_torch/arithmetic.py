"""Arithmetic in torch, element by element."""

from collections.abc import Callable
from typing import Any

import torch

from bpcompare.ops import Divide, Exp, Log, Multiply, Op, Power, Sqrt, Subtract
from bpcompare_torch.axes import aligned

TABLE: dict[type[Op], Callable[..., Any]] = {
    Multiply: lambda op, xs, *_: torch.mul(*aligned(xs)),
    Subtract: lambda op, xs, *_: torch.sub(*aligned(xs)),
    Divide: lambda op, xs, *_: torch.div(*aligned(xs)),
    Exp: lambda op, xs, *_: torch.exp(xs[0]),
    Log: lambda op, xs, *_: torch.log(xs[0]),
    Sqrt: lambda op, xs, *_: torch.sqrt(xs[0]),
    Power: lambda op, xs, *_: torch.pow(xs[0], op.exponent),
}
