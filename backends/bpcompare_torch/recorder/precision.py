"""In what precision torch multiplies numbers of float32: what its switches allow, on the device that a call ran on.

On CUDA convolutions and recurrent layers are in TF32 unless somebody says otherwise, products of matrices if somebody says so;
oneDNN, on the CPU, in TF32 or bfloat16 if somebody says so and the processor can.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

UNITS = {"tf32": 2.0**-10, "bf16": 2.0**-8}
"""What a factor is off, relatively. Tensor cores leave out what TF32 has no bits for; bfloat16 is rounded to the nearest."""

NOT_SAID = ("none", None)

KINDS = (("conv", "conv"), ("rnn", "rnn"), ("lstm", "rnn"), ("gru", "rnn"))
"""What stands in the names of functions, and the kind of product that torch has a switch for."""
MATRICES = ("mm", "mv", "dot", "matmul", "linear", "attention", "einsum", "dist")
"""What stands in the names of those that multiply matrices. All others multiply none."""


def factors(function: str, result: Tensor | None) -> float:
    """How far, relatively, a factor of the products of a call may be off; 0 where its result is not of float32."""
    kind = _kind(function)
    if not kind or result is None or result.dtype not in (torch.float32, torch.complex64):
        return 0.0
    return UNITS.get(precision(kind, result.device.type), 0.0)


@cache
def _kind(function: str) -> str:
    matrices = "matmul" if any(part in function for part in MATRICES) else ""
    return next((kind for part, kind in KINDS if part in function), matrices)


def precision(kind: str, device: str) -> str:
    """The precision that the switches allow: "ieee", "tf32" or "bf16"."""
    room = _cuda(kind) if device == "cuda" else (torch.backends.mkldnn, kind) if device == "cpu" else None
    if room is None:
        return "ieee"
    parent, name = room
    said = (getattr(getattr(parent, name, None), "fp32_precision", None), getattr(parent, "fp32_precision", None))
    for one in (*said, getattr(torch.backends, "fp32_precision", None)):
        if one not in NOT_SAID:
            return str(one)
    return _before(kind, device)


def _cuda(kind: str) -> tuple[Any, str]:
    return (torch.backends.cuda, kind) if kind == "matmul" else (torch.backends.cudnn, kind)


def _before(kind: str, device: str) -> str:
    """What the switches of older versions of torch allow, which know no precisions by name."""
    if hasattr(torch.backends, "fp32_precision"):
        return "ieee"
    if device == "cpu":
        said = torch.get_float32_matmul_precision() if kind == "matmul" else "highest"
        return {"high": "tf32", "medium": "bf16"}.get(said, "ieee")
    allowed = torch.backends.cuda.matmul.allow_tf32 if kind == "matmul" else torch.backends.cudnn.allow_tf32
    return "tf32" if allowed else "ieee"
