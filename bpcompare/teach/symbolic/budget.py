"""How long a proof may take: when the time is over, SymPy is interrupted."""

from __future__ import annotations

import signal
import threading
from time import monotonic
from types import TracebackType
from typing import Any

AGAIN = 0.2
"""Seconds after which the algebra is interrupted once more: a library may catch whatever is raised inside it."""


LONGEST_TIMER = 1e8
"""The most seconds a timer can be set to: about three years."""


class OutOfTime(BaseException):
    """The time is over. Not an Exception, so that SymPy's own handlers let it through."""


class Budget:
    """Seconds for everything that is done inside `with budget:`, all together; None is without end.

    Such a block is left when they are spent, and `spent` says so. Outside the main thread, and where there are no timers, it is
    left where it calls `check`.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.spent = False
        self._until = None if seconds is None else monotonic() + seconds
        self._running = False
        self._before: Any = None

    @property
    def _left(self) -> float:
        return max(0.0, self._until - monotonic()) if self._until is not None else float("inf")

    def check(self) -> None:
        """Leave the block if the time is over."""
        if self._left <= 0:
            raise OutOfTime

    def __enter__(self) -> None:
        self._running = True
        if self._until is not None and hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGALRM, self._over)
            signal.setitimer(signal.ITIMER_REAL, min(max(self._left, 1e-3), LONGEST_TIMER), AGAIN)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        self._running = False
        if self._before is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)
            self._before = None
        self.spent = self.spent or kind is OutOfTime
        return kind is OutOfTime

    def _over(self, *_: Any) -> None:
        if self._running:
            raise OutOfTime
