"""The help texts, on their way to the terminal: printed as everything else is."""

from __future__ import annotations

from io import StringIO
from types import TracebackType
from typing import TYPE_CHECKING

from bpcompare.cli.terminal import say
from bpcompare.layout.folding import folded
from bpcompare.layout.medium import WIDTH, medium

if TYPE_CHECKING:
    from rich.console import Console


UNBROKEN = 10_000
"""Columns enough that no line is broken before it is known how wide they may be."""


class Help:
    """A console that keeps what it is given, and says it when it is left.

    Left to itself it would print to standard output and end the process with code 1 where nobody reads that.
    """

    def __enter__(self) -> Console:
        from rich.console import Console

        self._text = StringIO()
        return Console(file=self._text, width=UNBROKEN, color_system=None)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if text := self._text.getvalue():
            lines = [line.rstrip() for line in text.rstrip("\n").split("\n")]
            say(lambda: folded("\n".join(lines), min(medium().width, WIDTH)))
