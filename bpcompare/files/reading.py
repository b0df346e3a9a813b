"""The one way in which bpcompare reads a file that somebody else made: a regular one, as much as is allowed, without waiting."""

from __future__ import annotations

import os
import stat
import zlib
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from bpcompare.text.words import brief, quote

_CHUNK = 2**16
_SHOWN = 60
MEMBERS = 2**16
"""Pieces that a gzip file may be put together from: each costs time, however little it holds."""


class Unreadable(ValueError):  # noqa: N818 — it is what the file is
    """A file that cannot be used, in words for people; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def opened(path: Path) -> BufferedReader:
    """A regular file, open for reading. Raises Unreadable for anything else: a pipe or a device could keep a reader for ever."""
    try:
        _regular(path.stat().st_mode, path)  # before it is opened: opening a device may already do something
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise unreadable(error, path) from None
    try:
        _regular(os.fstat(handle).st_mode, path)
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def contents(path: Path, limit: int, what: str, hint: str = "") -> bytes:
    """The bytes of a file, decompressed if it ends in .gz.

    `limit`: the most bytes that are read, and that they may decompress to. `what` the file is ("a spec") and the `hint` are for
    the message. Raises Unreadable for a larger file, and for what is no regular file or cannot be read.
    """
    packed = path.suffix == ".gz"
    with opened(path) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > limit else _unpacked(file, limit, path) if packed else file.read(size + 1)
            if len(data) > size and not packed:  # it grows, or the system knows no size of it
                data += file.read(limit + 1 - len(data))
        except (OSError, MemoryError) as error:
            raise unreadable(error, path) from None
    if size > limit or len(data) > limit:
        found = f"{-(-size // 2**20):,} MiB" if size > limit else "more"
        raise Unreadable(f"it has {found}, {what} may have {limit / 2**20:,.0f} MiB", hint)
    return data


def unreadable(error: Exception, path: Path) -> Unreadable:
    """The error that says in plain words what `error` means for `path`."""
    if isinstance(error, Unreadable):
        return error
    if isinstance(error, FileNotFoundError):
        return Unreadable(f"there is no file {_quoted(path)}")
    if isinstance(error, PermissionError):
        return Unreadable(f"{_quoted(path)} may not be read by this user")
    if isinstance(error, MemoryError):
        return Unreadable(f"{brief(path.name)} does not fit into memory")
    return Unreadable(f"{_quoted(path)} cannot be read: {getattr(error, 'strerror', None) or error}")


def _quoted(path: Path) -> str:
    """A path in quotes; of a long one its end, for there stands what people look for."""
    text = str(path)
    return quote(text if len(text) <= _SHOWN else f"…{text[1 - _SHOWN :]}")


def _regular(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        raise Unreadable(f"{_quoted(path)} is {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}")


def _unpacked(file: BinaryIO, limit: int, path: Path) -> bytes:
    """What a gzip file holds, up to one byte more than `limit`."""
    found, size, members = [], 0, 0
    unpack = zlib.decompressobj(wbits=31)
    try:
        while size <= limit and (data := file.read(_CHUNK)):
            while data and size <= limit:
                if unpack.eof:
                    data = data.lstrip(b"\0")  # some programs fill the last block up
                    if not data:
                        break
                    members += 1
                    if members > MEMBERS:
                        raise Unreadable(f"{brief(path.name)} is put together from more than {MEMBERS:,} gzip files")
                    unpack = zlib.decompressobj(wbits=31)
                piece = unpack.decompress(data, limit + 1 - size)
                found.append(piece)
                size += len(piece)
                data = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    except zlib.error as error:
        raise Unreadable(f"{brief(path.name)} is not a whole gzip file: {error}") from None
    if size <= limit and not unpack.eof:
        raise Unreadable(f"{brief(path.name)} is not a whole gzip file: it is cut short")
    return b"".join(found)
