"""One child process: watched, listened to, and ended with all it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import IO

KEPT = 8_192
"""So many bytes of what a process prints are kept: its last words."""
PAUSE = 1.0
"""Seconds to wait for the rest of the output of a process that has ended; what it started may hold the pipe open."""


@dataclass(frozen=True)
class Ended:
    """How a process ended. `code` is None where it was stopped for being late; negative codes are signals."""

    code: int | None
    seconds: float
    printed: str
    characters: int

    @property
    def signal(self) -> str:
        """The name of the signal that ended it, if one did."""
        if self.code is None or self.code >= 0:
            return ""
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"


def run(
    command: Sequence[str], timeout: float | None, folder: str | None = None, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run `command`, all that it prints in one stream, for at most `timeout` seconds. Raises OSError if it cannot start.

    In `folder` and with `environment`, if given; else in the caller's.
    """
    started = monotonic()
    process = subprocess.Popen(  # noqa: S603 — the command is a Python of the user's
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        cwd=folder,
        env=environment,
    )
    assert process.stdout is not None  # noqa: S101 — asked for above
    heard = _Heard(process.stdout)
    late = False
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        late = True
    finally:
        _end(process)
        heard.join(PAUSE)
    return Ended(None if late else process.returncode, monotonic() - started, heard.text(), heard.count)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and what it started."""
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


class _Heard(threading.Thread):
    """Reads a stream to its end, so that nobody blocks on it, and keeps the last of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self._stream, self._kept = stream, b""
        self.start()

    def run(self) -> None:
        with self._stream:
            while chunk := os.read(self._stream.fileno(), 65_536):
                self.count += len(chunk)
                self._kept = (self._kept + chunk)[-KEPT:]

    def text(self) -> str:
        """What was kept, printable."""
        text = self._kept.decode("utf-8", "replace")
        return "".join(c if c.isprintable() or c == "\n" else "�" for c in text).strip()
