"""The file of typed numbers."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpcompare.files.reading import Unreadable, contents
from bpcompare.report.lines import clipped
from bpcompare.spec.reader import overlong_key
from bpcompare.teach.transcript.printed import NoNumberError, Printed, printed

LARGEST_FILE = 2**20
"""Bytes of a file of numbers; a person types less."""
SIGNS = {"-dE/din": False, "+dE/din": True}
SHOWN = 50
"""Problems that are listed; the others are counted."""
_KNOWN = ("source", "delta", "numbers")


class TranscriptError(ValueError):
    """A file of numbers that cannot be used; the text lists every problem."""


@dataclass(frozen=True)
class Numbers:
    """Printed numbers, by the name that the file gives them.

    `gradient_sign`: each Δ is printed with the sign of the gradient, as +∂E/∂in. `source`: who printed the numbers.
    """

    numbers: Mapping[str, Printed]
    gradient_sign: bool = False
    source: str = ""


def read(path: str) -> Numbers:
    """Read a file of numbers. Raises TranscriptError with all of its problems."""
    try:
        return _numbers(path, _content(path))
    except TranscriptError:
        raise
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError, bytes that are no text, a whole number of 5,000 digits
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise TranscriptError(f"{path}: not TOML: {reason}") from None


def _content(path: str) -> dict[str, Any]:
    try:
        text = contents(Path(path), LARGEST_FILE, "a file of numbers").decode("utf-8-sig")
    except Unreadable as error:
        raise TranscriptError(f"{path}: {error}") from None
    # The parser takes quadratic time over the parts of a dotted key.
    if number := overlong_key(text):
        raise TranscriptError(f"{path}: line {number}: a key of too many parts, which is no name of a quantity")
    # A number without quotes keeps its digits, too: 1.0000 is more than 1.0.
    return tomllib.loads(text, parse_float=str)


def _numbers(path: str, content: dict[str, Any]) -> Numbers:
    problems = [f"  {clipped(key, 80)}: unknown; known are {', '.join(_KNOWN)}" for key in content if key not in _KNOWN]
    sign, source = content.get("delta", "-dE/din"), content.get("source", "")
    if not isinstance(sign, str) or sign not in SIGNS:
        problems.append('  delta: must be "-dE/din" (the textbook\'s Δ) or "+dE/din"')
        sign = "-dE/din"
    if not isinstance(source, str):
        problems.append("  source: must be text")
    found = {}
    table = content.get("numbers")
    if not isinstance(table, dict) or not table:
        problems.append('  numbers: a table is required, such as "h1.a" = "0.593269992"')
    else:
        for name, value in _flat(table):
            try:
                found[name] = printed(value)
            except NoNumberError as error:
                problems.append(f"  numbers.{clipped(name, 80)}: {error}")
    if problems:
        more = [f"  … and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        raise TranscriptError("\n".join([f"{path} cannot be checked:", *problems[:SHOWN], *more]))
    return Numbers(found, SIGNS[sign], str(source))


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """h1.in = "…" without quotes is a table in a table to TOML; people mean the name."""
    for key, value in table.items():
        name = f"{before}.{key}" if before else key
        if isinstance(value, dict) and value:
            yield from _flat(value, name)
        else:
            yield name, value
