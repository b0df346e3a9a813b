"""Python's collector of garbage, while something is watched."""

from __future__ import annotations

import gc
from types import TracebackType


class Spared:
    """While entered, the collector looks at what is made from now on, and not at all that was there before.

    What a recorder keeps would make it go through everything that the process holds, again and again, which takes longer than the
    step that is watched. Nothing is freed later than the end of the block. Where somebody froze objects already, nothing is done.
    """

    def __enter__(self) -> None:
        self._frozen = gc.isenabled() and not gc.get_freeze_count()
        if self._frozen:
            gc.freeze()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._frozen:
            gc.unfreeze()
