"""Memory that both processes of the command see: what is being done, and the exit code once it is done."""

from __future__ import annotations

from mmap import mmap

_SIZE = 1_024
_shared: mmap | None = None


def share() -> None:
    """Make the memory; whoever is forked from this process shares it."""
    global _shared  # noqa: PLW0603 — of the process
    _shared = mmap(-1, _SIZE)


def note(words: str) -> None:
    """Say what is being done, for the case that it ends the process."""
    if _shared is not None:
        written = words.encode("utf-8", "replace").replace(b"\0", b" ")[: _SIZE - 3]
        _shared[2:] = written.ljust(_SIZE - 2, b"\0")


def doing() -> str:
    """What was noted last."""
    return "" if _shared is None else _shared[2:].partition(b"\0")[0].decode("utf-8", "replace")


def done(code: int) -> None:
    """The work is done, and this is its exit code."""
    if _shared is not None:
        _shared[0:2] = bytes((code & 0xFF, 1))


def code() -> int | None:
    """The exit code, if the work was done."""
    return _shared[0] if _shared is not None and _shared[1] else None
