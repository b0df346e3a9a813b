"""Lines of a report: their labels, their width, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from rich.cells import cell_len

from bpcompare.text.cells import cut
from bpcompare.text.folding import wrapped
from bpcompare.text.medium import WIDTH, medium
from bpcompare.text.plain import in_ascii
from bpcompare.text.words import disarmed, printable

_LABEL = 11
NEWLINE = "\n"
"""Python before 3.12 has no backslash within an f-string's braces."""


def widest() -> int:
    """Columns beyond which a line is clipped. A narrower terminal folds it instead, for nothing is to be lost there."""
    return max(medium().width, WIDTH)


def roomy(lines: int) -> int:
    """As many lines as hold what `lines` of the usual width do: more of them in a narrow terminal."""
    return ceil(lines * max(1.0, WIDTH / medium().width))


def shown(text: str) -> str:
    """`text` as it may be printed: nothing in it disturbs a terminal, and ASCII where there is no more."""
    return in_ascii(printable(text)) if medium().ascii else printable(text)


def unlabelled(line: str) -> list[str]:
    """A line without a label, in as many as it takes."""
    rows = wrapped(shown(line), medium().width - 2, whole=not medium().fit)
    return [rows[0], *(f"  {row}" for row in rows[1:])]


def labelled(label: str, content: str, most: int = 2) -> list[str]:
    """`content` beside its label, wrapped to at most `most` lines of the usual width."""
    indent = _LABEL + 2
    room, most = medium().width - indent, ceil(most * max(1.0, (WIDTH - indent) / (medium().width - indent)))
    rows = wrapped(shown(content), room, whole=not medium().fit)
    if len(rows) > most:
        more = shown(" …")
        rows = [*rows[: most - 1], cut(rows[most - 1], room - len(more)) + more]
    return [f"  {label:<{_LABEL}}{rows[0]}", *(" " * indent + row for row in rows[1:])]


def clipped(text: str, most: int) -> str:
    """`text`, or as much as fits into `most` cells."""
    text, more = shown(text), shown("…")
    return text if cell_len(text) <= most else cut(text, most - len(more)) + more


def ending(text: str, most: int) -> str:
    """`text`, or as much of its end as fits: of a long path, the file and the class are what people look for."""
    text, more = shown(text), shown("…")
    return text if cell_len(text) <= most else more + cut(text[::-1], most - len(more))[::-1]


def named(names: Sequence[str], most: int = 3, cells: int = 40) -> str:
    """Names with commas, each in at most so many `cells`; beyond `most`, how many more there are."""
    shown = ", ".join(clipped(name, cells) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def counted(number: int, noun: str) -> str:
    """1 step, 2 steps."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def fitted(lines: Sequence[str], most: int, keep: Sequence[str] = ()) -> list[str]:
    """At most `most` lines: empty ones go first, from the bottom up, then the last ones, counted; those of `keep` stay."""
    kept = list(lines)
    while len(kept) > most and "" in kept:
        del kept[len(kept) - 1 - kept[::-1].index("")]
    if len(kept) > most:
        kept = [line for line in kept if line not in keep]
        room = most - len(keep)
        kept = [*kept[: room - 1], f"  … and {len(kept) - room + 1} more lines, -v to see them", *keep]
    return kept


def joined(lines: Iterable[str]) -> str:
    """Lines as one text, without anything that would disturb a terminal, or that a build server would obey."""
    return "\n".join(disarmed(shown(line)).rstrip() for line in lines)
