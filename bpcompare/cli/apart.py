"""The options that give backends processes of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from bpcompare.text.size import bytes_of

LEAST = 64 * 2**20
"""Bytes: Python and NumPy do not start with less."""


@dataclass(frozen=True)
class Apart:
    """`--isolate`, `--timeout` (seconds) and `--memory` (such as 4G), as they were given."""

    isolate: bool = False
    timeout: float | None = None
    memory: str | None = None

    @property
    def problem(self) -> str:
        """What is wrong with them, or nothing."""
        if self.timeout is not None and not (self.timeout > 0 and isfinite(self.timeout)):
            return f"--timeout must be a positive number of seconds, is {self.timeout:g}"
        if self.memory is not None and (self._bytes is None or self._bytes < LEAST):
            return f"--memory must be a size such as 500M or 4G, 64M at least, is {self.memory!r}"
        return ""

    @cached_property
    def _bytes(self) -> int | None:
        try:
            return bytes_of(self.memory or "")
        except ValueError:
            return None

    @property
    def options(self) -> dict[str, Any]:
        """For `bpcompare.run`."""
        return {"isolate": self.isolate, "timeout": self.timeout, "memory": self._bytes}

    @property
    def flags(self) -> str:
        """As on the command line."""
        isolate = " --isolate" if self.isolate else ""
        timeout = f" --timeout {self.timeout:g}" if self.timeout is not None else ""
        return isolate + timeout + (f" --memory {self.memory}" if self.memory is not None else "")
