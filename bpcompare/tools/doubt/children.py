"""Processes that we start: each has a group of its own, and none of them outlives us."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

_ENDING = ("SIGTERM", "SIGHUP")


@dataclass
class Child:
    """A process that writes what it prints to `log`; killed when `seconds` are over."""

    process: subprocess.Popen[bytes]
    log: Path
    seconds: float | None
    begun: float = field(default_factory=time.monotonic)
    timed_out: bool = False

    @property
    def ended(self) -> bool:
        """Whether it has ended by now, by itself or because its time is over."""
        if self.process.poll() is not None:
            return True
        if self.seconds is not None and time.monotonic() - self.begun > self.seconds:
            self.timed_out = True
            self.kill()
            return True
        return False

    @property
    def code(self) -> int:
        """Its exit code; below 0, the signal that ended it."""
        return self.process.wait()

    @property
    def printed(self) -> str:
        """What it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End it, and what it has started."""
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()


class Children:
    """The processes that are running; leaving the block ends them all, as do Ctrl-C and a signal that ends us."""

    def __init__(self) -> None:
        self._running: list[Child] = []

    def start(self, command: Sequence[str], environment: dict[str, str], log: Path, seconds: float | None) -> Child:
        """Start one in this folder, with nothing to read. After `seconds` it is killed."""
        with log.open("wb") as out:
            # Its own session: a Ctrl-C is for us, and its own children can be ended with it.
            process = subprocess.Popen(  # noqa: S603 — their own pytest
                command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        child = Child(process, log, seconds)
        self._running.append(child)
        return child

    def over(self) -> list[Child]:
        """Those that have ended since the last call. What such a one left running is ended."""
        done = [child for child in self._running if child.ended]
        self._running = [child for child in self._running if child not in done]
        for child in done:
            child.kill()
        return done

    def wait(self) -> list[Child]:
        """As `over`, when there is one."""
        while not (done := self.over()):
            time.sleep(0.02)
        return done

    def end(self) -> None:
        """End them all."""
        for child in self._running:
            child.kill()
        self._running = []


@contextmanager
def children(folder: str | Path | None = None) -> Iterator[Children]:
    """A block that none of the processes started in it outlives, nor the `folder` that they write into, if a signal ends us."""
    it = Children()
    with _signals(it, folder):
        try:
            yield it
        finally:
            it.end()


@contextmanager
def _signals(them: Children, folder: str | Path | None) -> Iterator[None]:
    """End them before a signal ends us, where handlers can be set."""
    before: dict[int, Any] = {}

    def ended(number: int, _: FrameType | None) -> None:
        them.end()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        signal.signal(number, before[number] if callable(before[number]) else signal.SIG_DFL)
        os.kill(os.getpid(), number)

    if threading.current_thread() is threading.main_thread():
        for name in _ENDING:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, ended)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
