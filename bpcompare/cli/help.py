"""Prints the help texts in the same way as all other output."""

from __future__ import annotations

from functools import cached_property
from io import StringIO
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bpcompare.cli.terminal import say
from bpcompare.text.folding import folded
from bpcompare.text.medium import WIDTH, medium

if TYPE_CHECKING:
    from cyclopts.help.protocols import HelpFormatter
    from rich.console import Console


UNBROKEN = 10_000
"""Columns enough that no line is broken before it is known how wide they may be."""


class Help:
    """A context with a console that collects its text, and prints it at the end as `say` does.

    A plain console prints to standard output, and ends the process with code 1 if that is closed.
    """

    def __enter__(self) -> Console:
        self._text = StringIO()
        console: Any = _Console(self._text)
        return console  # type: ignore[no-any-return]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if text := self._text.getvalue():
            lines = [line.rstrip() for line in text.rstrip("\n").split("\n")]
            say(lambda: folded("\n".join(lines), min(medium().width, WIDTH)))


class _Console:
    """A plain console that is made when somebody prints on it: most commands print no help, and rich takes time to import."""

    def __init__(self, text: StringIO) -> None:
        self._text = text

    @cached_property
    def _made(self) -> Console:
        from rich.console import Console

        return Console(file=self._text, width=UNBROKEN, color_system=None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


class _Plain:
    """The plain style of help, imported likewise."""

    @cached_property
    def _made(self) -> HelpFormatter:
        from cyclopts.help.formatters import PlainFormatter

        return PlainFormatter()

    def __call__(self, *arguments: Any) -> None:
        self._made(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


PLAIN: Any = _Plain()
