"""Calls whose arguments torch itself brings to one device, but not where a mode listens."""

from __future__ import annotations

from typing import Any

from torch import Tensor

LENGTHS = ("aten::_ctc_loss", "aten::_ctc_loss_backward")
"""With a mode, torch hands the lengths on as tensors, which may stand on the CPU; without one, as whole numbers."""


def together(func: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments, whole numbers among them on the device of the first tensor."""
    if func._schema.name not in LENGTHS:
        return args
    device = args[0].device
    return tuple(x.to(device) if isinstance(x, Tensor) and not x.is_floating_point() else x for x in args)
