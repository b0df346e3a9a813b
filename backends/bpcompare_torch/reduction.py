"""Sums and means over axes of an example, in torch."""

from collections.abc import Callable
from typing import Any

import torch

from bpcompare.ops import Mean, Op, Sum
from bpcompare_torch.axes import along

TABLE: dict[type[Op], Callable[..., Any]] = {
    Sum: lambda op, xs, *_: torch.sum(xs[0], dim=tuple(map(along, op.axes)), keepdim=op.keep),
    Mean: lambda op, xs, *_: torch.mean(xs[0], dim=tuple(map(along, op.axes)), keepdim=op.keep),
}
