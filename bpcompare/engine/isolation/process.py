"""One process apart: in a folder of its own, watched, listened to, and ended with all it started."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, Self

from bpcompare.engine.isolation import guard

STARTING = 120.0
"""Seconds in which a process that answers must have begun, and in which a guard must make its folder."""
PATIENCE = 60
"""Seconds that a guard may be late. It keeps the time itself; this is for one that was stopped."""


@dataclass(frozen=True)
class Ended:
    """How a process ended. `code` is None where it was stopped for being late; negative codes are signals.

    `seconds` and `cpu` are what it took; `printed` is the end of what it wrote, of `characters` in all. Where it answers by its
    standard output, `begun` says whether there was any, and `answer` is the first of it, of `answered` bytes in all.
    """

    code: int | None
    seconds: float
    printed: str
    characters: int
    cpu: float = 0.0
    begun: bool = True
    answer: str = ""
    answered: int = 0

    @property
    def signal(self) -> str:
        """The name of the signal that ended it, if one did."""
        if self.code is None or self.code >= 0:
            return ""
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"


class Process:
    """A folder, and room for one process in it: `with Process() as apart: … apart.run(…)`. Both are gone afterwards.

    They also go when this process ends, in whatever way: a process of ours guards them (guard.py). On Linux all
    processes that it started end with it, also those that began a session of their own; on other systems those in its process
    group, and on Windows only the process itself. Raises OSError where no folder or no process can be made.
    """

    folder: Path

    def __enter__(self) -> Self:
        # Nothing is read from the environment, and no site-packages: what stands there is no part of this.
        command = [sys.executable, "-I", "-S", "-B", guard.__file__]
        self._guard = subprocess.Popen(  # noqa: S603 — our own Python
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._lines: queue.Queue[bytes] = queue.Queue()
        assert self._guard.stdout is not None  # noqa: S101 — asked for above
        threading.Thread(target=_read, args=(self._guard.stdout, self._lines), daemon=True).start()
        self._leaving = _leaving(self._close)
        self._leaving.__enter__()
        try:
            self.folder = Path(self._said(STARTING)["folder"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._close()
        finally:
            self._leaving.__exit__(None, None, None)

    def run(
        self,
        command: Sequence[str],
        timeout: float,
        environment: Mapping[str, str] | None = None,
        *,
        inside: bool = False,
        answer: int = 0,
    ) -> Ended:
        """Run `command` for at most `timeout` seconds, `inside` the folder, or by default in the current directory.

        `environment` replaces this process's own. `answer`: by default 0, and standard output and error are kept together as what
        it printed; else standard output is the answer, of at most so many bytes, and the time is measured from its first byte.
        Raises OSError if it cannot start.
        """
        job = {
            "command": list(command),
            "timeout": timeout,
            "start": STARTING,
            "environment": None if environment is None else dict(environment),
            "inside": inside,
            "answer": answer,
        }
        assert self._guard.stdin is not None  # noqa: S101 — asked for above
        with suppress(BrokenPipeError):
            self._guard.stdin.write(json.dumps(job).encode() + b"\n")
            self._guard.stdin.flush()
        return Ended(**self._said(timeout + STARTING))

    def _said(self, seconds: float) -> dict[str, Any]:
        waited = 0
        while waited < seconds + PATIENCE:
            with suppress(queue.Empty):
                line = self._lines.get(timeout=1.0)
                break
            waited += 1
        else:
            raise OSError("the process that guarded it was stopped from outside")
        said = json.loads(line) if line else {"error": "the process that guarded it was killed from outside"}
        if "error" in said:
            raise OSError(str(said["error"]))
        return dict(said)

    def _close(self) -> None:
        """Let the guard end what it guards, and itself; do without it if it does not."""
        with suppress(OSError):
            self._guard.stdin.close()  # type: ignore[union-attr]
        try:
            self._guard.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        if self._guard.returncode and hasattr(self, "folder"):
            guard.remove(str(self.folder))


def _read(stream: IO[bytes], lines: queue.Queue[bytes]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(b"")


@contextmanager
def _leaving(end: Callable[[], None]) -> Iterator[None]:
    """Where a signal would end this process at once, it ends after `end`, and still by that signal."""

    def leave(number: int, frame: FrameType | None) -> None:
        end()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    ours = []
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]
        ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is leave:
                signal.signal(number, signal.SIG_DFL)
