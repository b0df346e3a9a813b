"""The time that there is for one check, what there was no time for, and what is being done."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from bpcompare.own.judged import Moment
from bpcompare.own.sample import Sample
from bpcompare.text.duration import duration, seconds_of


def _nobody(_: str) -> None:
    """Nobody is told."""


class Budget:
    """So long at most: "30s" or seconds, from now on; None for as long as it takes. `progress` is told what is being done.

    Raises ValueError for what is no time.
    """

    def __init__(self, time: str | float | None = None, progress: Callable[[str], None] | None = None) -> None:
        self._seconds = None if time is None else seconds_of(time)
        self._end = None if self._seconds is None else monotonic() + self._seconds
        self.tell = progress or _nobody
        self._left: list[str] = []

    @property
    def limited(self) -> bool:
        """Whether it ends."""
        return self._end is not None

    def over(self) -> bool:
        """Whether the time is over."""
        return self._end is not None and monotonic() >= self._end

    @property
    def until(self) -> float | None:
        """When it ends, by the monotonic clock."""
        return self._end

    def sample(self) -> Sample | None:
        """What is left of it, for judging claims; None where it does not end."""
        return None if self._end is None else Sample(max(1e-3, self._end - monotonic()))

    def observed(self, moment: Moment) -> None:
        """Tell which claim is judged."""
        place = f" of {moment.module}" if moment.module else ""
        self.tell(f"judging claim {moment.number:,} of {moment.total:,}: {moment.function}{place}")

    def leave(self, what: str) -> str:
        """Keep what there was no time for, and say it in a sentence."""
        if what not in self._left:
            self._left.append(what)
        return f"not tried within {self}: {what}"

    @property
    def left(self) -> tuple[str, ...]:
        """What there was no time for."""
        return tuple(self._left)

    def __str__(self) -> str:
        return duration(self._seconds) if self._seconds is not None else "any time"
