"""The one way in which bpcompare writes a file: whole or not at all, where it was meant to stand, with the rights it had."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LONGEST_NAME = 200
"""Bytes of a file's name that the name of its unfinished copy repeats: names end at 255."""
_MOST_LINKS = 40

_WORDS = {
    errno.ENOSPC: "No space left on device: the disk is full",
    errno.EDQUOT: "Disk quota exceeded: this user may store no more there",
    errno.EROFS: "its file system is read-only",
    errno.EFBIG: "it would be larger than files may be here",
    errno.EACCES: "this user has no permission to write it there",
    errno.EPERM: "this user has no permission to write it there",
    errno.ENOENT: "there is no such folder",
    errno.ENOTDIR: "what should be its folder is a file",
    errno.EISDIR: "it is a folder, not a file",
    errno.ELOOP: "it is a link that leads back to itself",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENXIO: "it is a pipe that nobody reads, or a device that is not there",
    errno.EPIPE: "whoever read this pipe has left",
    errno.EBUSY: "it is a mount point of its own, which cannot be replaced; write another file of that folder",
}
"""What the system means, for people."""


def write(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, so that it holds, at any moment, all of the old content or all of the new.

    A link is followed: what it leads to is replaced, and the link stays. What was there keeps its mode, and its owner where
    this user may give files away; a new file has the rights of any other. Into a pipe, a terminal, /dev/null, /dev/stdout or
    the file that standard output goes to, `data` is written as it comes. Raises OSError whose `strerror` is in plain words.
    """
    try:
        _write(Path(path), data)
    except OSError as error:
        raise OSError(error.errno, meaning(error), os.fspath(path)) from error
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error), os.fspath(path)) from error


def meaning(error: OSError) -> str:
    """What the system means, in plain words."""
    return _WORDS.get(error.errno or 0, error.strerror or str(error))


def unwritable(path: str | os.PathLike[str]) -> str:
    """Why `path` could not be written, in words, or "": asked before the work, so that nothing is lost after it."""
    name = os.fspath(path)
    if not name or name.startswith("-"):
        return f"the name of a file is required, is {name!r}"
    try:
        if _descriptor(Path(name)) is not None:
            return ""
        found = _found(Path(name))
        if found is not None and not stat.S_ISREG(found.st_mode):
            return _unfit(found.st_mode, name)
        folder = Path(os.path.realpath(name)).parent
        if not folder.is_dir():
            return f"there is no folder {folder if Path(name).is_symlink() else Path(name).parent}"
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"no permission to write in {folder}"
        if found is not None and not os.access(name, os.W_OK):
            return f"no permission to change {name}"
    except OSError as error:
        return f"{name} cannot be written: {meaning(error)}"
    except ValueError as error:
        return f"{name!r} is no name for a file: {error}"
    return ""


def is_unfinished(path: Path) -> bool:
    """Whether `path` is the copy that a writer was making when it was killed: nothing that a reader should find."""
    return bool(_UNFINISHED.fullmatch(path.name))


_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)


def _write(path: Path, data: bytes) -> None:
    number = _descriptor(path)
    if number is not None:
        _into(os.dup(number), data)
        return
    found = _found(path)
    if found is None:
        _replace(Path(os.path.realpath(path)), None, data)
    elif not stat.S_ISREG(found.st_mode):
        if problem := _unfit(found.st_mode, os.fspath(path)):
            raise OSError(errno.EINVAL, problem)
        # Without O_NONBLOCK, a pipe that nobody reads would keep us for ever.
        handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
        if hasattr(os, "set_blocking"):
            os.set_blocking(handle, True)
        _into(handle, data)
    elif (number := _open_already(found)) is not None:
        _into(os.dup(number), data)
    else:
        _replace(Path(os.path.realpath(path)), found, data)


def _found(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _unfit(mode: int, name: str) -> str:
    if stat.S_ISDIR(mode):
        return f"{name} is a folder, not a file"
    if stat.S_ISBLK(mode):
        return f"{name} is a disk, not a file"
    if stat.S_ISSOCK(mode):
        return f"{name} is a socket, not a file"
    return ""


def _descriptor(path: Path) -> int | None:
    """The number of the open file that /dev/stdout, /dev/fd/3 or a link to one of them stands for."""
    folders = {"/dev/fd", f"/proc/{os.getpid()}/fd"}
    for _ in range(_MOST_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) in folders:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def _open_already(found: os.stat_result) -> int | None:
    """Standard output or error, if it goes to this very file: what is printed there must not go to a file that is gone."""
    for number in (1, 2):
        with suppress(OSError):
            if os.path.samestat(os.fstat(number), found):
                return number
    return None


def _into(handle: int, data: bytes) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()  # what was printed before stands before
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _replace(target: Path, found: os.stat_result | None, data: bytes) -> None:
    if found is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "")
    _clean(target)
    # A new file gets the rights that the system gives it; a copy is for nobody else to read before it has those of the original.
    part, handle = _unfinished(target, 0o666 if found is None else 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if found is not None:
                _like(file.fileno(), part, found)
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows renames no file that is open
            part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _like(handle: int, part: Path, found: os.stat_result) -> None:
    if hasattr(os, "fchown"):
        for owner, group in ((found.st_uid, -1), (-1, found.st_gid)):
            with suppress(OSError):
                os.fchown(handle, owner, group)
    part.chmod(stat.S_IMODE(found.st_mode) & 0o777)


def _unfinished(target: Path, mode: int) -> tuple[Path, int]:
    """A new file beside `target`, open and locked as long as its writer lives."""
    while True:
        part = target.parent / f"{_prefix(target)}{secrets.token_hex(4)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            handle = os.open(part, flags, mode)
        except FileExistsError:
            continue
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks; nothing is cleaned there either
                fcntl.flock(handle, fcntl.LOCK_EX)
            if not os.fstat(handle).st_nlink:  # somebody cleaned it away before it was locked
                os.close(handle)
                continue
        return part, handle


def _clean(target: Path) -> None:
    """Remove what writers of `target` left that were killed: unfinished copies that nobody has locked."""
    if fcntl is None:
        return
    prefix = _prefix(target)
    with suppress(OSError):
        for entry in os.scandir(target.parent):
            if entry.name.startswith(prefix) and _UNFINISHED.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    _clean_one(entry.path)


def _clean_one(path: str) -> None:
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Path(path).unlink()
    finally:
        os.close(handle)


def _prefix(target: Path) -> str:
    return f".{os.fsdecode(os.fsencode(target.name)[:_LONGEST_NAME])}."
