"""What reaches the terminal: results on standard output, complaints and progress on standard error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from io import StringIO
from typing import TextIO

from bpcompare.cli.codes import UNTOLD, code_of
from bpcompare.cli.notes import note
from bpcompare.text.cells import cut
from bpcompare.text.folding import folded
from bpcompare.text.medium import NARROWEST, WIDTH, Medium, laid_out_for
from bpcompare.text.plain import in_ascii
from bpcompare.text.words import disarmed

_STYLES = (
    (r"^(identical|certified)(?=  )", "bold green"),
    (r"^wrong(?=  )|\bWRONG\b|\bSURVIVED\b", "bold red"),
    (r"^(convention|undecided|certified in part|not_run)(?=  )|\bundecided(?= |$)|\bconvention(?= |$)|\bnot run$", "bold yellow"),
    (r"^  > .*$", "bold"),
    (r"^  (where|statement|rule|numbers|values|blame|cause|follows|also wrong|reproduce|why|to decide)(?= )", "dim"),
    (r"^  (apart|power|bound|blind to|exact|compared)(?= )", "dim"),
    (r"^  (recorded|law|formula|oracle|also|steps|claims|sampled|zeros|kinks|intended|unexamined)(?= )", "dim"),
    (r"\bBP\d{3}\b", "cyan"),
)
"""Colour only repeats what words say."""


ERASED = "\r\x1b[K"
_NOWHERE = StringIO()
_lost = ""
"""Why output could not be written, or "" if all of it was."""


def say(text: str | Callable[[], str], *, fold: bool = True) -> None:
    """Print a result: laid out for the width there is, in colour on a terminal, in ASCII where there is no more.

    A function is asked for its text while everything is laid out for standard output; lines of a text that are too wide are
    folded, unless they are for programs too. A reader who left is no error. What cannot be written is not raised here, so that
    the work goes on and files are written; `settled` tells it.
    """
    with laid_out():
        text = text if isinstance(text, str) else text()

    def written(stream: TextIO) -> str:
        fitted = (_fitted if fold else _readable)(text, stream)
        return f"{_coloured(fitted) if _colourful(stream) else fitted}\n"

    _put(written)


def laid_out() -> AbstractContextManager[None]:
    """Lay out everything inside for standard output, as `say` does."""
    return laid_out_for(_medium(sys.stdout))


def say_exactly(text: str) -> None:
    """Print data for programs: UTF-8 if the stream can, and never coloured."""
    _put(lambda stream: f"{_escaped(text, stream)}\n")


def write(text: str) -> None:
    """Put text on the terminal without a line's end, and the escape sequences that it begins with as they are."""
    begins = re.match(r"(?:\x1b\[[0-9;]*[A-Za-z])*", text)
    at = begins.end() if begins else 0
    _put(lambda stream: text[:at] + _fitted(text[at:], stream))


def complain(what: str | Exception) -> None:
    """Print what went wrong, on standard error, if anybody reads that; an error says it, laid out for the width there is."""
    with laid_out_for(_medium(sys.stderr)):
        text = str(what)
    with suppress(OSError, ValueError, AttributeError):  # full, closed, or never there
        sys.stderr.write(f"{_fitted(text, sys.stderr)}\n")
        sys.stderr.flush()


def refused(error: Exception, code: int | None = None) -> int:
    """Print what was wrong with what was given; the exit code for it."""
    complain(error)
    return code_of(error) if code is None else code


def settled(code: int) -> int:
    """The exit code of a command that ended with `code`: another one where its result reached nobody."""
    global _lost  # noqa: PLW0603 — of the process, as its streams are
    _put(lambda _: "")  # what others printed, and what waits in a buffer
    if not _lost:
        return code
    complain(f"the result could not be written to standard output: {_lost}")
    _lost = ""
    return UNTOLD


def occupy() -> None:
    """Let no file that is opened later become a standard stream that is closed: what is printed would be written into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 — until the process ends


def _put(written: Callable[[TextIO], str]) -> None:
    global _lost  # noqa: PLW0603
    if sys.stdout is None:
        _lost = _lost or ("it is closed" if written(_NOWHERE) else "")
        return
    try:
        sys.stdout.write(written(sys.stdout))
        sys.stdout.flush()
    except BrokenPipeError:
        abandon()
    except (OSError, ValueError) as error:
        _lost = (error.strerror if isinstance(error, OSError) else None) or str(error)
        abandon()


def erase() -> None:
    """Erase what a progress line left on a terminal."""
    with suppress(OSError, ValueError, AttributeError):
        if sys.stderr.isatty():
            sys.stderr.write(ERASED)
            sys.stderr.flush()


class Progress:
    """A line on standard error that says what is being done; only on a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, message: str) -> None:
        """Replace the line."""
        note(message)
        if self._on:
            with suppress(OSError, ValueError):
                most = (_columns(sys.stderr) or WIDTH) - 1  # in the last column a terminal would begin another line
                sys.stderr.write(f"{ERASED}{cut(_readable(message, sys.stderr), most)}")
                sys.stderr.flush()

    def done(self) -> None:
        """Erase the line."""
        self("")


def _medium(stream: TextIO | None) -> Medium:
    if stream is None:
        return Medium()
    width = _columns(stream)
    return Medium(WIDTH if width is None else max(width, NARROWEST), fit=width is not None, ascii=_only_ascii(stream))


def _columns(stream: TextIO) -> int | None:
    """The width of a terminal, by COLUMNS or its own word; None for all else: what is in a file depends on no window."""
    try:
        if not stream.isatty():
            return None
        said = os.environ.get("COLUMNS", "")
        return int(said) if said.isdecimal() and int(said) else os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def _only_ascii(stream: TextIO) -> bool:
    """Whether Δ cannot be written, or should not: the locale C knows ASCII only, though Python writes UTF-8 in it."""
    try:
        "Δ∂Σ✓".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    if os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8"):
        return False
    names = [os.environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if names[1] == "C.UTF-8" and not names[0]:  # Python sets it where LANG says C, see PEP 538
        del names[1]
    return next(filter(None, names), "") in ("C", "POSIX")


def _fitted(text: str, stream: TextIO) -> str:
    it = _medium(stream)
    readable = disarmed(_readable(text, stream))
    return folded(readable, it.width) if it.fit else readable


def _readable(text: str, stream: TextIO) -> str:
    """`text` in characters that the stream has."""
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return in_ascii(text)
    return in_ascii(text) if _only_ascii(stream) else text


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


def _coloured(text: str) -> str:
    from rich.console import Console
    from rich.text import Text

    written = StringIO()
    console = Console(file=written, force_terminal=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in text.split("\n"):
        styled = Text(line)
        for pattern, style in _STYLES:
            styled.highlight_regex(pattern, style)
        console.print(styled)
    return written.getvalue().removesuffix("\n")


def abandon() -> None:
    """Let later output, and Python's own flush at exit, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 — until the process ends
    finally:
        os.close(nowhere)
