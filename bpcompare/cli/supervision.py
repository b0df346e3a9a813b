"""The command's two processes: one does the work, the other waits for it and sets the exit code.

So an exit code means a verdict only if there was one. A backend that ends the process (os._exit, a crash, a compiler that
aborts) is told and ends with code 3, and Ctrl-C ends the run even where the framework swallows it or does not return.
Where processes cannot be forked, there is one process, and no such guard.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from types import FrameType

from bpcompare.cli import notes
from bpcompare.cli.codes import BUG, INTERRUPTED, NOT_RUN
from bpcompare.cli.terminal import ERASED, complain, erase
from bpcompare.engine.interruption import KEYBOARD

GRACE = 3.0
"""Seconds that the work has to end after Ctrl-C, before it is killed."""
IMPATIENT = 0.5
"""Seconds it has after the second one."""
TEARDOWN = 10
"""Seconds that the interpreter has to end after the work is done; then the system ends it."""
_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGQUIT")
_LENT = frozenset({"bpcompare.engine.worker.in_process", "bpcompare.engine.registry"})
"""Modules below which the code of strangers runs in this process."""
_PR_SET_PDEATHSIG = 1


def supervised(work: Callable[[], int], *, own: bool = False) -> int:
    """The exit code of `work`, which runs in a child of this process; or what is to be said where it ended without one.

    `own`: it runs somebody's own code, and no backends.
    """
    if not hasattr(os, "fork"):
        return work()
    notes.share()
    # Whoever started us may have it ignored, and then nobody is told how a child ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    watched = {getattr(signal, name) for name in ("SIGINT", *_PASSED_ON)}
    # What arrives meanwhile waits until both processes know what to do with it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    parent = os.getpid()
    try:
        child = os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return work()
    if child == 0:
        return _worked(work, parent, before)
    return _seen(child, before, own=own)


def _worked(work: Callable[[], int], parent: int, mask: AbstractSet[int]) -> int:
    _end_with(parent)
    # Whoever started us in the background of a script wants SIGINT ignored.
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        KEYBOARD.watched = True
        signal.signal(signal.SIGINT, _pressed)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    code = work()
    if KEYBOARD.pressed and code != INTERRUPTED:  # somebody swallowed it
        complain("interrupted")
        code = INTERRUPTED
    notes.done(code)
    # Threads that never end, and frameworks that crash when they are taken down, change nothing any more.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, TEARDOWN)
    return code


def _pressed(_: int, frame: FrameType | None) -> None:
    """Ctrl-C: an exception in our own code, the end at once where a stranger's code is running.

    Frameworks call Python from C++ that no exception may pass: they crash, or swallow it and go on.
    """
    if KEYBOARD.pressed:
        return  # the work is ending already; whoever presses again is heard by the other process
    KEYBOARD.pressed = True
    while frame is not None:
        if frame.f_globals.get("__name__") in _LENT:
            notes.done(INTERRUPTED)
            with suppress(OSError):
                os.write(2, f"{ERASED if os.isatty(2) else ''}interrupted\n".encode())
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def _end_with(parent: int) -> None:
    """Have the system end this process when the other one is killed, where it can."""
    if sys.platform != "linux":
        return
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(BUG)


def _seen(child: int, mask: AbstractSet[int], *, own: bool) -> int:
    asked = _Asked(child)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    _, status = os.waitpid(child, 0)
    asked.over()
    code = notes.code()
    if code is not None:
        return code
    erase()
    if asked.presses:
        complain("interrupted")
        return INTERRUPTED
    if asked.to_end:  # whoever asked for this end sees that it was this end
        signal.signal(asked.to_end, signal.SIG_DFL)
        os.kill(os.getpid(), asked.to_end)
    return _ended(os.waitstatus_to_exitcode(status), notes.doing(), own=own)


class _Asked:
    """What this process was asked while the work goes on in `child`, and passes on to it."""

    def __init__(self, child: int) -> None:
        self.child, self.presses, self.to_end = child, 0, 0
        if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
            signal.signal(signal.SIGINT, self._press)
            signal.signal(signal.SIGALRM, lambda *_: self._send(signal.SIGKILL))
        for name in _PASSED_ON:
            number = getattr(signal, name)
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._end)

    def over(self) -> None:
        """The child has ended: whoever presses again, while this process ends, presses for nothing."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.presses:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _press(self, number: int, _: FrameType | None) -> None:
        self.presses += 1
        self._send(number)
        signal.setitimer(signal.ITIMER_REAL, GRACE if self.presses == 1 else IMPATIENT)

    def _end(self, number: int, _: FrameType | None) -> None:
        self.to_end = number
        self._send(number)

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.child, number)


def _ended(code: int, doing: str, *, own: bool) -> int:
    """Say that the work ended before there was a verdict, and how."""
    how = f"exit code {code}" if code >= 0 else _name(-code)
    what = f" at “{doing}”" if doing else ""
    why = "; the system may have been short of memory" if code == -signal.SIGKILL else ""
    told = f"the process ended{what}, with {how}{why}: there is no verdict."
    if own:
        complain(told)
        return NOT_RUN
    complain(
        f"{told}\n"
        "A backend that ends the process, or a framework that crashes, takes everything with it;\n"
        "--isolate gives every backend a process of its own, and the others' results stand."
    )
    return NOT_RUN


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
