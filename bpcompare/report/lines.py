"""Lines of a report: their labels, their width, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from bpcompare.problems.wording import printable

WIDTH = 118
_LABEL = 11


def labelled(label: str, content: str, most: int = 2) -> list[str]:
    """`content` beside its label, wrapped to at most `most` lines."""
    whole = printable(content).replace(" %", "\0%")  # a number and its percent sign stay together
    rows = wrap(whole, WIDTH - _LABEL - 2, break_long_words=False, break_on_hyphens=False, expand_tabs=False) or [""]
    rows = [row.replace("\0%", " %") for row in rows]
    if len(rows) > most:
        rows = [*rows[: most - 1], f"{rows[most - 1]} …"]
    return [f"  {label:<{_LABEL}}{rows[0]}", *(" " * (_LABEL + 2) + row for row in rows[1:])]


def columns(rows: Sequence[Sequence[str]], gap: int = 3) -> list[str]:
    """Cells in columns, all but the last padded to their column's width."""
    widths = [max(len(row[at]) for row in rows if at < len(row)) for at in range(max(map(len, rows)))]
    return [(" " * gap).join(f"{cell:<{widths[at]}}" for at, cell in enumerate(row)).rstrip() for row in rows]


def clipped(text: str, most: int) -> str:
    """`text`, or as much as fits into `most` characters."""
    text = printable(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def ending(text: str, most: int) -> str:
    """`text`, or as much of its end as fits: of a long path, the file and the class are what people look for."""
    text = printable(text)
    return text if len(text) <= most else f"…{text[1 - most :]}"


def named(names: Sequence[str], most: int = 3) -> str:
    """Names with commas; beyond `most`, how many more there are."""
    shown = ", ".join(clipped(name, 40) for name in names[:most])
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
    """Lines as one text, without anything that would disturb a terminal."""
    return "\n".join(printable(line).rstrip() for line in lines)
