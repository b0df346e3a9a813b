"""The time that there is for judging, where it is not as long as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from bpcompare.text.duration import duration


class Sample:
    """So many seconds for judging all `runs` of somebody's code: each has an equal share of what those before it left."""

    def __init__(self, seconds: float, runs: int = 1) -> None:
        self._left, self._runs = seconds, runs

    @contextmanager
    def share(self) -> Iterator[tuple[float, str]]:
        """The time of the next run: until when by the monotonic clock, and how long that is, in words."""
        began, seconds = monotonic(), self._left / self._runs
        try:
            yield began + seconds, duration(seconds)
        finally:
            self._left = max(0.0, self._left - (monotonic() - began))
            self._runs = max(1, self._runs - 1)
