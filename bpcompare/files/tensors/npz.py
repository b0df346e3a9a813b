"""Arrays of a .npz file: a zip archive of NumPy's own format. What could be code in them is never looked at."""

from __future__ import annotations

import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import IO

import numpy as np

from bpcompare.files.reading import Unreadable
from bpcompare.files.tensors.header import Header, read
from bpcompare.network.parameter import Array
from bpcompare.text.words import brief, quote

DIRECTORY = 8 * 2**20
"""Bytes that the archive's list of contents may have: some 100,000 arrays."""
_DEFLATE = 1040
"""Deflate makes nothing smaller than by this factor, so a larger declared ratio is a lie."""


class Npz:
    """An open .npz file. Raises Unreadable where its bytes are no such file."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._name = path.name
        with self._whole():
            self._archive = zipfile.ZipFile(_Frugal(file.raw))
        self._count = Counter(info.filename for info in self._archive.infolist())
        self.names: Mapping[str, None] = dict.fromkeys(name.removesuffix(".npy") for name in self._count)

    def header(self, key: str) -> Header:
        """What the file says of an array that is among its `names`."""
        with self._open(key) as (file, room):
            return self._header(file, key, room)

    def array(self, key: str, *, real: bool) -> Array:
        """The array."""
        with self._open(key) as (file, room):
            return read(file, self._header(file, key, room), real=real)

    def _header(self, file: IO[bytes], key: str, room: int) -> Header:
        who = f"{quote(key)} in {brief(self._name)}"
        try:
            with warnings.catch_warnings(action="ignore"):
                version = np.lib.format.read_magic(file)
                known = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                shape, in_columns, dtype = known[version](file)
            header = Header(who, tuple(shape), dtype, bool(in_columns))
        # The header is Python's syntax, and NumPy lets through whatever its tokenizer and parser raise.
        except Exception as error:
            if isinstance(error, zipfile.BadZipFile | Unreadable | OSError):
                raise
            raise Unreadable(f"{who} is not a NumPy array") from None
        return header.checked(room)

    @contextmanager
    def _open(self, key: str) -> Iterator[tuple[IO[bytes], int]]:
        """A member of the archive, and the bytes it has."""
        member = f"{key}.npy" if f"{key}.npy" in self._count else key
        who = f"{quote(key)} in {brief(self._name)}"
        if self._count[member] > 1:
            raise Unreadable(f"{who} is there {self._count[member]} times")
        info = self._archive.getinfo(member)
        if info.file_size > _DEFLATE * (info.compress_size + 1):
            raise Unreadable(f"{who} claims {info.file_size:,} bytes, which cannot be")
        with self._whole(), self._archive.open(member) as file:
            yield file, info.file_size

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except (Unreadable, OSError, MemoryError):
            raise
        # On bytes that are no archive, zipfile raises a dozen kinds of exception.
        except Exception as error:  # noqa: BLE001
            raise Unreadable(f"{brief(self._name)} is not a whole .npz file: {str(error)[:200]}") from None


class _Frugal(BufferedReader):
    """A file of which no large piece is read at once: zipfile takes a list of contents whole, however long it says that is."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > DIRECTORY:
            raise Unreadable(f"its list of contents has {size:,} bytes, the limit is {DIRECTORY:,}")
        return super().read(size)
