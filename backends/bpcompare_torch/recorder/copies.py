"""Where copies of numbers are put: memory in large pieces, in the largest pages that the system has.

Memory that nobody has touched costs several times what is copied into it: the system finds and clears each page of 4 KiB by itself.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

PIECE = 1 << 25
"""Bytes that are asked for at once. Of these only what is written into takes memory."""
LEAST = 1 << 14
"""Bytes: smaller copies are made as torch makes them, of memory that it had before."""
ALIGNED = 64
"""Bytes to which torch aligns the beginning of a tensor's memory."""


class Copies:
    """Copies one after the other in a piece of memory, which is given back with the last of them."""

    def __init__(self) -> None:
        self._piece: Any = None
        self._at = self._end = 0

    def put(self, t: Tensor) -> Tensor:
        """A tensor of the same numbers, strides and format, in memory of its own."""
        size = t.nbytes
        if size < LEAST or t.device.type != "cpu" or t.is_conj() or t.is_neg() or not _large_pages():
            return t.clone()
        if self._at + size > self._end:
            self._begin(size)
        strides = t.stride() if t.is_contiguous() else torch.empty_like(t, device="meta").stride()  # as a clone has them
        copy = torch.empty(0, dtype=t.dtype).set_(self._piece, self._at // t.element_size(), t.shape, strides)
        self._at += -(-size // ALIGNED) * ALIGNED
        return copy.copy_(t)

    def _begin(self, size: int) -> None:
        self._end = max(PIECE, -(-size // ALIGNED) * ALIGNED)
        piece = mmap.mmap(-1, self._end, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(OSError):  # a system that was built without them
            piece.madvise(mmap.MADV_HUGEPAGE)
        self._piece, self._at = torch.frombuffer(piece, dtype=torch.uint8).untyped_storage(), 0


def _large_pages() -> bool:
    return hasattr(mmap, "MADV_HUGEPAGE")
