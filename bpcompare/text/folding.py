"""Text in rows of a given width, by the cells that characters take in a terminal: a Chinese one takes two, an accent none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

_WORD = re.compile(r" *[^ ]+(?: %)?")
"""A word with the spaces before it; a number and its percent sign stay together."""
_LABEL = re.compile(r" *[^ ]+(?: [^ ]+)*  +(?=[^ ])")
_COMMAND = re.compile(r"  reproduce  +")
_ARGUMENT = re.compile(r" *(?:'[^']*'|\"[^\"]*\"|\\.|[^ '\"])+")
_SEAMS = "/\\-,;:=.)]_"
"""Where a word that is wider than a row is broken, if one of them stands in the second half of the row."""


def wrapped(text: str, width: int, *, whole: bool = False) -> list[str]:
    """`text` in rows of at most `width` cells, broken at spaces; a word wider than a row is broken, or kept `whole`."""
    rows: list[str] = []
    row = ""
    for word in _WORD.findall(text):
        if cell_len(row + word) <= width:
            row += word
            continue
        if row:
            rows.append(row)
        *full, row = [word.lstrip()] if whole else _broken(word.lstrip(), width)
        rows += full
    return [*rows, row]


def folded(text: str, width: int) -> str:
    """`text` with every line that is wider than `width` in several: the next ones stand below what follows the line's label.

    A command that reproduces something is continued by a backslash, so that it can still be copied.
    """
    return "\n".join(row for line in text.split("\n") for row in ([line] if cell_len(line) <= width else _folded(line, width)))


def _folded(line: str, width: int) -> Iterator[str]:
    if command := _COMMAND.match(line):
        yield from _continued(command[0], line[command.end() :], width)
        return
    label = _LABEL.match(line)
    if label and cell_len(label[0]) <= width // 3:
        prefix, hang = label[0], cell_len(label[0])
    else:
        prefix = " " * min(len(line) - len(line.lstrip(" ")), width // 3)
        hang = len(prefix) + 2 if prefix else 0
    first, *rest = wrapped(line[len(prefix) :].strip(" "), width - hang)
    yield prefix + first
    for row in rest:
        yield " " * hang + row


def _continued(prefix: str, command: str, width: int) -> Iterator[str]:
    if os.name == "nt":  # another shell, another sign
        yield prefix + command
        return
    row = ""
    for argument in _ARGUMENT.findall(command):
        if row and len(prefix) + cell_len(row + argument) > width - 2:
            yield f"{prefix}{row} \\"
            prefix, row = " " * len(prefix), argument.lstrip(" ")
        else:
            row += argument
    yield prefix + row


def _broken(word: str, width: int) -> list[str]:
    rows = []
    while cell_len(word) > width:
        row = chop_cells(word, max(width, 2))[0]
        seam = max((row.rfind(one) for one in _SEAMS), default=-1) + 1
        if seam * 2 > len(row):
            row = row[:seam]
        rows.append(row)
        word = word[len(row) :]
    return [*rows, word]
