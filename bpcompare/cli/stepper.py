"""Shows the steps of a run one at a time in a terminal, controlled by keys."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

NEXT, BACK, FIRST, LAST, QUIT = "next", "back", "first", "last", "quit"
PHASES = {"f": "forward", "b": "backward", "g": "gradients", "u": "update"}
_SEQUENCES = {
    b"\x1b[C": NEXT, b"\x1bOC": NEXT, b" ": NEXT, b"\r": NEXT, b"\n": NEXT, b"n": NEXT, b"l": NEXT,
    b"\x1b[D": BACK, b"\x1bOD": BACK, b"p": BACK, b"h": BACK, b"\x7f": BACK,
    b"\x1b[H": FIRST, b"\x1b[1~": FIRST, b"\x1bOH": FIRST, b"\x1b[F": LAST, b"\x1b[4~": LAST, b"\x1bOF": LAST,
    b"q": QUIT, b"\x1b": QUIT, b"\x03": QUIT, b"\x04": QUIT, b"": QUIT,
}  # fmt: skip
HELP = "→ next   ← back   f forward   b backward   g gradients   u update   Home, End   q quit"


def interactive() -> bool:
    """Whether somebody sits at a terminal that can be stepped through."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def step_through(frames: Sequence[str], phases: Sequence[str], write: Callable[[str], None]) -> None:
    """Show one frame at a time until the user ends it. `phases` says which phase each frame belongs to."""
    at = 0
    with _keys() as keys:
        while True:
            # Home and clear: what was on the screen before stays in its history.
            write(f"\x1b[H\x1b[2J{frames[at]}\n\n{at + 1} / {len(frames)}   {HELP}\n")
            key = next(keys)
            if key == QUIT:
                return
            if key in PHASES.values():
                at = phases.index(key) if key in phases else at
            else:
                at = {NEXT: min(at + 1, len(frames) - 1), BACK: max(at - 1, 0), FIRST: 0, LAST: len(frames) - 1}.get(key, at)


@contextmanager
def _keys() -> Iterator[Iterator[str]]:
    """Keys as words, unbuffered and without echo; the terminal is put back however it ends."""
    if os.name == "nt":
        yield _windows()
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield _posix(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _posix(descriptor: int) -> Iterator[str]:
    while True:
        # A key is one read: its escape sequence arrives as a whole.
        pressed = os.read(descriptor, 16)
        yield _SEQUENCES.get(pressed) or PHASES.get(pressed.decode("ascii", "replace"), "")


def _windows() -> Iterator[str]:
    import msvcrt

    arrows = {"M": NEXT, "K": BACK, "G": FIRST, "O": LAST}
    while True:
        pressed = msvcrt.getwch()  # type: ignore[attr-defined,unused-ignore]
        if pressed in "\x00\xe0":
            yield arrows.get(msvcrt.getwch(), "")  # type: ignore[attr-defined,unused-ignore]
        else:
            yield _SEQUENCES.get(pressed.encode("utf-8", "replace")) or PHASES.get(pressed, "")
