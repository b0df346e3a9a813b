"""Python's collector of garbage, while something is watched."""

from __future__ import annotations

import gc
from types import TracebackType

SELDOM = 7000
"""So many objects more than were let go, and the collector looks; Python's own number is a tenth of it."""


class Spared:
    """While entered, the collector looks at what is made from now on, and not at all that was there before.

    What a recorder keeps would make it go through everything that the process holds, again and again, which takes longer than the
    step that is watched. It also looks less often, for a recorder makes ten times as many objects. Nothing is freed later than
    the end of the block. Where somebody froze objects already, nothing is done.
    """

    def __enter__(self) -> None:
        self._frozen = gc.isenabled() and not gc.get_freeze_count()
        self._often = often = gc.get_threshold()
        self._seldom = often[0] and max(often[0], SELDOM), *often[1:]  # 0: it never looks
        if self._frozen:
            gc.freeze()
            gc.set_threshold(*self._seldom)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._frozen:
            gc.unfreeze()
            if gc.get_threshold() == self._seldom:  # else somebody has set another one meanwhile
                gc.set_threshold(*self._often)
