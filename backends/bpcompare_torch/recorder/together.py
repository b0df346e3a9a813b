"""Calls that torch makes otherwise where a mode listens: they are made as without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bpcompare_torch.recorder.signature import signature

LENGTHS: Mapping[str, tuple[Any, tuple[int, int]]] = {
    "aten::_ctc_loss": (torch.ops.aten._ctc_loss.default, (2, 3)),
    "aten::_ctc_loss_backward": (torch.ops.aten._ctc_loss_backward.default, (3, 4)),
}
"""With a mode, torch hands the lengths of a CTC loss on as tensors, for which CUDA refuses the CPU's; without one, as numbers."""


def called(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The result of a call that a mode was told of."""
    name = signature(func).full_name
    if name not in LENGTHS:
        return func(*args, **kwargs)
    plain, places = LENGTHS[name]
    listed = (x.tolist() if i in places and isinstance(x, Tensor) else x for i, x in enumerate(args))
    return plain(*listed, **kwargs)
