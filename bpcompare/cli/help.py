"""The help texts, on their way to the terminal: printed as everything else is."""

from __future__ import annotations

from io import StringIO
from types import TracebackType
from typing import TYPE_CHECKING

from bpcompare.cli.terminal import say

if TYPE_CHECKING:
    from rich.console import Console


class Help:
    """A console that keeps what it is given, and says it when it is left.

    Left to itself it would print to standard output and end the process with code 1 where nobody reads that.
    """

    def __enter__(self) -> Console:
        from shutil import get_terminal_size

        from rich.console import Console

        self._text = StringIO()
        return Console(file=self._text, width=get_terminal_size().columns, color_system=None)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if text := self._text.getvalue():
            say("\n".join(line.rstrip() for line in text.rstrip("\n").split("\n")))
