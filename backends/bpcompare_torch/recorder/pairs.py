"""Complex numbers as pairs: arrays of real numbers with a last axis of two, as they stand in programs."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpcompare_torch.recorder.memory import Kept
from bpcompare_torch.recorder.tape import Seen

COMPLEX = {"complex64": "float32", "complex128": "float64", "complex32": "float16"}
"""The format of the parts of complex numbers, which stand in a program as pairs along a last axis."""


def paired(x: Any) -> Any:
    """Complex numbers as pairs."""
    return np.stack([x.real, x.imag], -1) if x.dtype.kind == "c" else x


def format_of(kept: Kept) -> str:
    """The format of the numbers, of complex ones that of their parts."""
    return COMPLEX.get(kept.dtype, kept.dtype)


def shape_of(seen: Seen) -> tuple[int, ...]:
    """The shape in a program."""
    return (*seen.kept.shape, 2) if seen.complex else seen.kept.shape
