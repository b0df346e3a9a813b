"""Tables: cells in columns; if the terminal is too narrow, cells are folded, or put below each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len

from bpcompare.report.lines import shown
from bpcompare.text.cells import padded
from bpcompare.text.folding import wrapped
from bpcompare.text.medium import medium

Rows = Sequence[Sequence[str]]


def columns(rows: Rows, gap: int = 3, *, indent: int = 0, titled: bool = True) -> list[str]:
    """Rows as lines, every cell padded to its column's width.

    `gap` and `indent` are counted in columns of the terminal; `titled`: the first row holds the titles. Lines wider than the
    terminal are folded at the spaces in their cells; if they are still too wide, each row becomes a list.
    """
    cells = [[shown(cell) for cell in row] for row in rows]
    widths = _widths(cells)
    room = medium().width - indent
    if not medium().fit or sum(widths) + gap * (len(widths) - 1) <= room:
        return _lines(cells, widths, gap, indent)
    gap = min(gap, 2)
    room -= gap * (len(widths) - 1)
    if sum(least := _widths([[max(cell.split(), key=cell_len, default="") for cell in row] for row in cells])) > room:
        return _stacked(cells, medium().width, indent, titled=titled)
    while sum(widths) > room:
        widths[max((at for at in range(len(widths)) if widths[at] > least[at]), key=widths.__getitem__)] -= 1
    lines: list[str] = []
    for row in cells:
        parts = [wrapped(cell, width) for cell, width in zip(row, widths, strict=False)]
        lines += _lines(list(zip_longest(*parts, fillvalue="")), widths, gap, indent)
    return lines


def fits(rows: Rows, gap: int = 3, *, indent: int = 0) -> bool:
    """Whether `columns` has room for the rows as they are."""
    widths = _widths([[shown(cell) for cell in row] for row in rows])
    return not medium().fit or indent + sum(widths) + gap * (len(widths) - 1) <= medium().width


def _widths(rows: Rows) -> list[int]:
    return [max(cell_len(row[at]) for row in rows if at < len(row)) for at in range(max(map(len, rows)))]


def _lines(rows: Rows, widths: Sequence[int], gap: int, indent: int) -> list[str]:
    space = " " * gap
    return [
        " " * indent + space.join(padded(cell, width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    ]


def _stacked(rows: Rows, width: int, indent: int, *, titled: bool) -> list[str]:
    titles, rows = (rows[0], rows[1:]) if titled else ([""] * max(map(len, rows)), rows)
    label = max(map(cell_len, titles[1:]), default=0)
    hang = indent + 2 + (label + 2 if titled else 0)
    if hang > width // 2:
        label, hang = 0, indent + 4
    lines = []
    for row in rows:
        lines += [" " * indent + part for part in wrapped(row[0], width - indent)]
        for title, cell in zip(titles[1:], row[1:], strict=False):
            if not cell:
                continue
            first, *rest = wrapped(cell if label or not title else f"{title}: {cell}", width - hang)
            head = f"{padded(title, label)}  " if label else ""
            lines += [" " * (indent + 2) + head + first, *(" " * hang + part for part in rest)]
    return lines
