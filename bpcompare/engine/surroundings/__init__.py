"""State that a backend in this process shares with its caller, and how it is restored afterwards.

Code in one process can change everything in it. This undoes accidental changes, and reports those that look intended. It does
not stop malicious code, such as a thread that waits until the verdict is worked out; a process of its own does (`--isolate`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bpcompare.engine.surroundings.bindings import bindings, in_turn, someone_else
from bpcompare.engine.surroundings.state import look, put_back

__all__ = ["Kept", "in_turn", "surroundings"]

SHOWN = 3
"""How many names a problem lists."""


@dataclass
class Kept:
    """What had to be put back: `changed` in words, `replaced` by name; `stuck` is what could not be."""

    changed: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    @property
    def problem(self) -> str:
        """Why an answer cannot be taken, or nothing. What was merely changed is put back, and no reason."""
        if self.replaced:
            more = f" and {len(self.replaced) - SHOWN} more" if len(self.replaced) > SHOWN else ""
            what = f"it replaced {', '.join(self.replaced[:SHOWN])}{more} in the process that judges it"
        elif self.stuck:
            what = f"it changed {', '.join(self.stuck)} in the process that judges it, which cannot be put back"
        else:
            return ""
        return f"{what}; --isolate runs it in a process of its own"


@contextmanager
def surroundings() -> Iterator[Kept]:
    """Put back what the code inside changes in this process, whatever it raises; what it was stands in the Kept that this gives.

    The state of the process (`state.py`), the filters of warnings, and every function of bpcompare, and of what it computes with,
    that was replaced (`bindings.py`).
    """
    kept = Kept()
    before, names = look(), bindings()
    with warnings.catch_warnings(), someone_else():
        try:
            yield kept
        finally:
            kept.replaced += names.restore()
            changed, stuck = put_back(before)
            kept.changed += changed
            kept.stuck += stuck
