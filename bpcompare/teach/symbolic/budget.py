"""How long a proof may take: when the time is over, SymPy is interrupted, at a call where nothing is half done."""

from __future__ import annotations

import signal
import sys
import threading
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, currentframe
from pathlib import Path
from time import monotonic
from types import CodeType, FrameType, TracebackType
from typing import Any

import sympy

OURS = str(Path(__file__).parents[2])
"""Where our own functions stand."""
ALGEBRA = str(Path(sympy.__file__).parent)
NUMERIC = str(Path(sympy.__file__).parents[1] / "mpmath")
"""Where SymPy's functions stand, and those that it evaluates numbers with."""
ARRAYS = str(Path(__file__).with_name("symbols.py"))
"""Who lets NumPy call SymPy, element by element."""
SUSPENDED = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
CALLED_BY_C = frozenset(
    {"__hash__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__len__", "__del__"}
)
"""What C code calls in the middle of its own work: dicts, caches, sorting, the garbage collector."""
AGAIN = 0.2
"""Seconds after which it is tried once more: whoever calls us may catch whatever is raised."""
LONGEST_TIMER = 1e8
"""The most seconds a timer can be set to: about three years."""


class OutOfTime(BaseException):
    """The time is over. Not an Exception, so that handlers between here and there let it through."""


class Budget:
    """Seconds for everything that is done inside `with budget:`, all together; None is without end.

    Such a block is left when they are spent, and `spent` says so: at the next call that no C code waits for. An error that comes
    between any two instructions has corrupted memory, once in a thousand proofs. Outside the main thread, and where there are no
    timers, the block is left where it calls `check`.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.spent = False
        self._until = None if seconds is None else monotonic() + seconds
        self._running = False
        self._before: Any = None
        self._profile: Any = None
        self._block: CodeType | None = None

    @property
    def _left(self) -> float:
        return max(0.0, self._until - monotonic()) if self._until is not None else float("inf")

    def check(self) -> None:
        """Leave the block if the time is over."""
        if self._left <= 0:
            raise OutOfTime

    def __enter__(self) -> None:
        here = currentframe()
        self._running, self._block = True, here.f_back.f_code if here is not None and here.f_back is not None else None
        if self._until is not None and hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGALRM, self._over)
            signal.setitimer(signal.ITIMER_REAL, min(max(self._left, 1e-3), LONGEST_TIMER), AGAIN)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        self._running = False
        if sys.getprofile() == self._called:
            sys.setprofile(self._profile)
        if self._before is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)
            self._before = None
        self.spent = self.spent or kind is OutOfTime
        return kind is OutOfTime

    def _over(self, *_: Any) -> None:
        if self._running and sys.getprofile() != self._called:
            self._profile = sys.getprofile()
            sys.setprofile(self._called)

    def _called(self, frame: FrameType, event: str, _: Any) -> None:
        """Every call, once the time is over."""
        if self._running and event == "call" and not frame.f_code.co_flags & SUSPENDED and _is_free(frame, self._block):
            raise OutOfTime


def _is_free(frame: FrameType, block: CodeType | None) -> bool:
    """Whether a call comes from our functions and SymPy's alone, not out of NumPy, a dict or a callback. `block`: who began."""
    if frame.f_code.co_filename == __file__:
        return False
    outer: FrameType | None = frame
    while outer is not None:
        code = outer.f_code
        if outer is not frame and (code is block or (code.co_filename.startswith(OURS) and code.co_filename != ARRAYS)):
            return True
        known = code.co_filename.startswith((OURS, ALGEBRA, NUMERIC))
        if not known or code.co_filename == ARRAYS or code.co_name in CALLED_BY_C:
            return False
        outer = outer.f_back
    return False
