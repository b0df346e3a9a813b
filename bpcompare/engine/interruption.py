"""Whether a KeyboardInterrupt comes from the keyboard. A backend may raise one itself, and that is its failure like any other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class _Keyboard:
    """`watched`: a signal handler sets `pressed` at each Ctrl-C, so if `pressed` is not set, no key was pressed."""

    watched: bool = False
    pressed: bool = False


KEYBOARD = _Keyboard()
"""Of this process. Only the command watches it; in somebody else's program every KeyboardInterrupt is taken for the user's."""


def wanted(error: BaseException) -> bool:
    """Whether `error` is the user's wish to stop, which nobody may swallow."""
    return isinstance(error, KeyboardInterrupt) and (KEYBOARD.pressed or not KEYBOARD.watched)


def pass_on(error: BaseException) -> None:
    """Raise `error` again if it is the user's wish to stop; for those who catch whatever a stranger's code raises."""
    if wanted(error):
        raise error
