"""Prints the help texts in the same way as all other output."""

from __future__ import annotations

from io import StringIO
from types import TracebackType
from typing import TYPE_CHECKING

from bpcompare.cli.terminal import say
from bpcompare.text.folding import folded
from bpcompare.text.medium import WIDTH, medium

if TYPE_CHECKING:
    from rich.console import Console


UNBROKEN = 10_000
"""Columns enough that no line is broken before it is known how wide they may be."""


class Help:
    """A context with a console that collects its text, and prints it at the end as `say` does.

    A plain console prints to standard output, and ends the process with code 1 if that is closed.
    """

    def __enter__(self) -> Console:
        from rich.console import Console

        self._text = StringIO()
        return Console(file=self._text, width=UNBROKEN, color_system=None)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if text := self._text.getvalue():
            lines = [line.rstrip() for line in text.rstrip("\n").split("\n")]
            say(lambda: folded("\n".join(lines), min(medium().width, WIDTH)))
