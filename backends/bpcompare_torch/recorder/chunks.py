"""Tensors for which there is no room in memory, in a temporary file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from bpcompare.files import chunks
from bpcompare.files.chunks import VARIABLE
from bpcompare.text.size import bytes_of

_numpy = Tensor.numpy
"""Torch's own, for others who ask for the memory of a tensor are watched."""

SHARE = 0.5
"""Of the memory that is free when watching begins, how much it may take by itself."""
LEAST = 4096
"""Bytes: smaller arrays stay where they are."""


def room() -> float:
    """Bytes that may be kept in memory; infinite where nobody says what is free. Raises ValueError for a size that is none."""
    if given := os.environ.get(VARIABLE):
        return bytes_of(given)
    found = [float("inf")]
    with suppress(OSError, ValueError, IndexError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found.append(1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))))
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        with suppress(RuntimeError):
            found.append(torch.cuda.mem_get_info()[0])
    return SHARE * min(found)


class Chunks:
    """The file: each tensor a piece of it, which is read when somebody asks for it."""

    def __init__(self) -> None:
        self._file = chunks.Chunks()

    def put(self, t: Tensor) -> Tensor:
        """A tensor of the same numbers, which stand in the file. Raises OSError where the disk is full."""
        if t.nbytes < LEAST:
            return t.clone()
        plain = t.detach().resolve_conj().resolve_neg().cpu().contiguous()
        (piece,) = self._file.put([memoryview(_numpy(plain.reshape(-1).view(torch.uint8)).data)])
        return torch.frombuffer(piece, dtype=plain.dtype).reshape(plain.shape)
