"""Numbers for which there is no room in memory: a temporary file, which the system deletes with the last who reads it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from weakref import WeakSet, finalize

VARIABLE = "BPCOMPARE_MEMORY"
"""Of the environment: how much may be kept in memory, such as 4G."""

ALIGNED = 64
"""Bytes: where a part may begin in its piece of the file."""


class Chunks:
    """The file. It has no name, so that it is gone however the process ends, and nobody finds half of it."""

    def __init__(self) -> None:
        self._file: int | None = None
        self._end = 0
        self._pieces = WeakSet[mmap.mmap]()

    def put(self, parts: Sequence[memoryview]) -> list[memoryview]:
        """The same bytes, which stand in the file: each part is read when somebody looks at it. Writing changes no file.

        Raises OSError where the disk is full.
        """
        if self._file is None:
            with TemporaryFile(prefix="bpcompare-") as file:  # it has no name by now, and is gone with its last descriptor
                self._file = os.dup(file.fileno())
            finalize(self, os.close, self._file)
        begin, places = self._end, list[int]()
        end = begin
        for part in parts:
            end = -(-end // ALIGNED) * ALIGNED
            places.append(end - begin)
            _write(self._file, part.cast("B"), end)
            end += part.nbytes
        if end == begin:
            return [memoryview(b"") for _ in parts]
        os.ftruncate(self._file, end)
        piece = mmap.mmap(self._file, end - begin, access=mmap.ACCESS_COPY, offset=begin)
        self._end = -(-end // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        self._pieces.add(piece)
        whole = memoryview(piece)
        return [whole[at : at + part.nbytes] for at, part in zip(places, parts, strict=True)]

    def rest(self) -> None:
        """Take nothing of what was read as memory of this process; it is read again when somebody asks.

        Only for pieces into which nobody has written.
        """
        if hasattr(mmap, "MADV_DONTNEED"):
            for piece in self._pieces:
                with suppress(OSError, ValueError):
                    piece.madvise(mmap.MADV_DONTNEED)


def _write(file: int, rest: memoryview, at: int) -> None:
    """Written, not mapped: so a full disk is an error, and does not end the process."""
    os.lseek(file, at, os.SEEK_SET)
    while rest:
        rest = rest[os.write(file, rest) :]
