"""What surrounds the recorder's own work, some thousand times in a step: classes, for generators cost more than that work."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class Theirs(Exception):  # noqa: N818 — it carries another one through
    """An error of the function that was called."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Safe:
    """What fails in here is the recorder's own failure: it is named in `failures`, and somebody's step goes on."""

    __slots__ = ("_failures", "_where")

    def __init__(self, failures: dict[str, str], where: str) -> None:
        self._failures, self._where = failures, where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if isinstance(error, Theirs):
            raise error.error from None
        if isinstance(error, Exception):  # whatever it is, a training must not end by being watched
            self._failures.setdefault(self._where, f"{type(error).__name__}: {error}".splitlines()[0])
            return True
        return False


class Unwatched:
    """While it is entered, a mode looks away: `mode.idle`."""

    __slots__ = ("_before", "_mode")

    def __init__(self, mode: Any) -> None:
        self._mode = mode

    def __enter__(self) -> None:
        self._before, self._mode.idle = self._mode.idle, True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._mode.idle = self._before
