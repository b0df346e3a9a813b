"""What reaches the terminal: results on standard output, complaints and progress on standard error."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from bpcompare.cli.plain import in_ascii

_STYLES = (
    (r"^(identical|certified)(?=  )", "bold green"),
    (r"^wrong(?=  )|\bWRONG\b", "bold red"),
    (r"^(convention|undecided|not_run)(?=  )|\bundecided(?= |$)|\bconvention(?= |$)|\bnot run$", "bold yellow"),
    (r"^  > .*$", "bold"),
    (r"^  (where|statement|rule|numbers|values|blame|cause|follows|also wrong|reproduce|why|to decide)(?= )", "dim"),
    (r"^  (apart|power|bound|blind to|exact|compared)(?= )", "dim"),
    (r"\bBP\d{3}\b", "cyan"),
)
"""Colour only repeats what words say."""


def say(text: str) -> None:
    """Print a result. In colour on a terminal, in ASCII where the encoding needs it; a reader who left is no error."""
    stream = sys.stdout
    text = _encodable(text, stream)
    try:
        if _colourful(stream):
            _coloured(text)
        else:
            stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        abandon()


def say_exactly(text: str) -> None:
    """Print data for programs: UTF-8 if the stream can, and never coloured."""
    try:
        sys.stdout.write(f"{_escaped(text, sys.stdout)}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        abandon()


def write(text: str) -> None:
    """Put text on the terminal as it is, escape sequences included, in ASCII where the encoding needs it."""
    sys.stdout.write(_encodable(text, sys.stdout))
    sys.stdout.flush()


def complain(text: str) -> None:
    """Print what went wrong, on standard error."""
    try:
        sys.stderr.write(f"{_encodable(text, sys.stderr)}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        pass


class Progress:
    """A line on standard error that says what is being done; only on a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, message: str) -> None:
        """Replace the line."""
        if self._on:
            sys.stderr.write(f"\r\x1b[K{_encodable(message, sys.stderr)[:100]}")
            sys.stderr.flush()

    def done(self) -> None:
        """Erase the line."""
        self("")


def _encodable(text: str, stream: TextIO) -> str:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return in_ascii(text)
    return text


def _escaped(text: str, stream: TextIO) -> str:
    # JSON stays JSON: its own escapes say the same in ASCII.
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "".join(c if c.isascii() else _units(c) for c in text)
    return text


def _units(character: str) -> str:
    data = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at]:02x}{data[at + 1]:02x}" for at in range(0, len(data), 2))


def _colourful(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _coloured(text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in text.split("\n"):
        styled = Text(line)
        for pattern, style in _STYLES:
            styled.highlight_regex(pattern, style)
        console.print(styled)


def abandon() -> None:
    """Let later output, and Python's own flush at exit, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 — until the process ends
    finally:
        os.close(nowhere)
