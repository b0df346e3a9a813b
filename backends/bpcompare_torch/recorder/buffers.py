"""Memory for copies that the next step that is watched uses again.

What the system gives anew comes page by page, which takes five times as long as copying into it. So whoever watches a second step
has memory kept for the third. A buffer is in use as long as a tensor, or an array made of one, holds it.
"""

from __future__ import annotations

from sys import getrefcount
from threading import Lock

import numpy as np
import torch
from torch import Tensor, nn

from bpcompare.network.parameter import Array

MOST = 2**28
"""Bytes that are kept at most."""

LEAST = 2**14
"""Bytes: smaller copies are made as usual."""

MINE = 3
"""References to a buffer that nobody uses, where `Buffers` counts them: its list, its loop, and the call that counts."""


class Buffers:
    """Buffers by their size."""

    def __init__(self) -> None:
        self._all: dict[int, list[Array]] = {}
        self._bytes = 0
        self._taking = Lock()

    def copied(self, t: Tensor) -> Tensor:
        """A copy of t."""
        if t.nbytes < LEAST:
            return t.clone()
        plain = type(t) in (Tensor, nn.Parameter) and t.layout == torch.strided and t.device.type == "cpu"
        if not plain or t.is_inference() or t.is_conj() or t.is_neg() or not t.is_contiguous():
            return t.clone()
        buffer = self._taken(t.nbytes)
        if buffer is None:
            return t.clone()
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            return torch.frombuffer(buffer, dtype=t.dtype).view(t.shape).copy_(t)

    def _taken(self, size: int) -> Array | None:
        """A buffer that nobody uses; None where there is no room for another."""
        with self._taking:
            some = self._all.setdefault(size, [])
            for buffer in some:
                if getrefcount(buffer) == MINE:
                    return buffer
            if self._bytes + size > MOST:
                return None
            self._bytes += size
            some.append(np.empty(size, np.uint8))
            return some[-1]
