"""CSV files as numbers, with the line and column of every cell that is not one."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.files.reading import Unreadable, contents
from bpcompare.network.parameter import Array
from bpcompare.spec.files import Room, missing_file
from bpcompare.text.words import brief, did_you_mean, listed, quote

LARGEST = 128 * 2**20
"""Bytes of text that a table may have."""
WIDEST = 10**6
"""Columns that it may have."""
_SHOWN = 5
_BLOCK = 2**18
"""Characters that are taken apart at a time: cells as text need ten times the memory of the table."""
_LONGEST_ROW = 32 * 2**20


def columns(path: Path, wanted: Mapping[str, Any], room: Room, *, header: bool) -> dict[str, Array]:
    """Columns of a .csv or .csv.gz file by name: (examples,) for one column, (examples, n) for several. Raises Unreadable."""
    text = _text(path)
    if text.count(",", 0, text.find("\n") if "\n" in text else None) >= WIDEST:
        raise Unreadable(f"{brief(path.name)} has more than {WIDEST:,} columns")
    try:
        first = next((row for row in csv.reader(_Counted(text, path)) if row), None)
    except csv.Error as error:
        raise Unreadable(f"{brief(path.name)} is not a table: {error}") from None
    if first is None:
        raise Unreadable(f"{brief(path.name)} is empty")
    names = [cell.strip() for cell in first] if header else []
    chosen = {name: _indices(path, choice, len(first), names) for name, choice in wanted.items()}
    rows = text.count("\n") + (not text.endswith("\n")) - header
    for name, group in chosen.items():
        room.take(8 * rows * len(group), f"{quote(name)} of {brief(path.name)}")
    table = _Table(chosen, rows)
    if not _quickly(text, table, len(first), header=header):
        # The slow reader knows quotes, and where everything stands.
        table = _Table(chosen, rows)
        _slowly(path, text, table, len(first), header=header)
    if not table.rows:
        raise Unreadable(f"{brief(path.name)} has no rows besides its header")
    return {name: x[:, 0] if isinstance(wanted[name], int | str) else x for name, x in table.found().items()}


def _text(path: Path) -> str:
    try:
        data = contents(path, LARGEST, "a table", "keep large data in .npz or .safetensors files")
    except Unreadable as error:
        raise Unreadable(str(error), error.hint or missing_file(path)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{brief(path.name)} is not UTF-8 text (line {data.count(10, 0, error.start) + 1})") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unreadable(f"{brief(path.name)} is not text: line {line} has a NUL character")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _indices(path: Path, choice: Any, width: int, names: list[str]) -> list[int]:
    who = brief(path.name)
    if isinstance(choice, int):
        if not 0 <= choice < width:
            raise Unreadable(f"{who} has no column {choice}: it has {width}, counted from 0")
        return [choice]
    if isinstance(choice, tuple) and isinstance(choice[0], int):
        first, end = choice
        if not 0 <= first < end <= width:
            message = f"{who} has no columns [{first}, {end}]: it has {width}, counted from 0; the end is left out"
            raise Unreadable(message)
        return list(range(first, end))
    at = {name: index for index, name in reversed(list(enumerate(names)))}
    found = []
    for name in (choice,) if isinstance(choice, str) else choice:
        if name not in at:
            unnamed = "header = true says that its first line names them"
            hint = (did_you_mean(name, names) or f"it has {listed(names)}") if names else unnamed
            raise Unreadable(f"{who} has no column called {quote(name)}", hint)
        if len(at) < len(names) and names.count(name) > 1:
            raise Unreadable(f"{who} has {names.count(name)} columns called {quote(name)}", "choose one by its number, from 0")
        found.append(at[name])
    return found


class _Table:
    """The chosen columns of a table of at most `most` rows, filled block by block."""

    def __init__(self, chosen: Mapping[str, list[int]], most: int) -> None:
        self.used = sorted({index for group in chosen.values() for index in group})
        place = {index: at for at, index in enumerate(self.used)}
        self._places = {name: [place[index] for index in group] for name, group in chosen.items()}
        self._arrays: dict[str, Array] = {name: np.empty((most, len(group))) for name, group in chosen.items()}
        self.rows = 0

    def add(self, block: Array) -> None:
        """Rows with the used columns, in their order."""
        for name, places in self._places.items():
            self._arrays[name][self.rows : self.rows + len(block)] = block[:, places]
        self.rows += len(block)

    def found(self) -> dict[str, Array]:
        """The columns of all rows there were."""
        return {name: x if len(x) == self.rows else x[: self.rows].copy() for name, x in self._arrays.items()}


def _lines(text: str) -> Iterator[str]:
    """The lines of `text` with their ends, one after the other: a list of them needs ten times the memory."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _quickly(text: str, table: _Table, width: int, *, header: bool) -> bool:
    """Fills `table` if every line is `width` finite numbers with commas; says whether it is so."""
    if '"' in text or "_" in text:  # Python's own underscores are no part of a table
        return False
    skip = int(header)
    start = 0
    while start < len(text):
        end = text.find("\n", min(start + _BLOCK, len(text))) + 1 or len(text)
        lines = [line for line in text[start:end].split("\n") if line][skip:]
        skip = 0 if lines else skip
        start = end
        if any(line.count(",") != width - 1 for line in lines):
            return False
        cells = ",".join(lines).split(",")
        block = np.empty((len(lines), len(table.used)))
        try:
            for place, index in enumerate(table.used if lines else ()):
                block[:, place] = np.fromiter(map(float, cells[index::width]), np.float64, len(lines))
        except ValueError:
            return False
        if not np.isfinite(block).all():
            return False
        table.add(block)
    return True


def _slowly(path: Path, text: str, table: _Table, width: int, *, header: bool) -> None:
    faults = _Faults(path)
    lines = _Counted(text, path)
    reader = csv.reader(lines)
    cells = array("d")
    try:
        skip = header
        for row in reader:
            lines.since = 0
            if skip or not row:
                skip = skip and not row
                continue
            if len(row) != width:
                faults.add(f"line {reader.line_num} has {len(row)} cells, the first line has {width}")
                continue
            for index in table.used:
                cells.append(value := _number(row[index]))
                if not isfinite(value):
                    faults.add(f"line {reader.line_num}, column {index} (from 0): {quote(row[index])} is not a finite number")
            if len(cells) >= _BLOCK:
                table.add(np.frombuffer(cells).reshape(-1, len(table.used)))
                cells = array("d")
    except csv.Error as error:
        raise Unreadable(f"{brief(path.name)} line {reader.line_num}: {error}") from None
    if cells:
        table.add(np.frombuffer(cells).reshape(-1, len(table.used)))
    faults.check()


class _Counted:
    """Lines for the reader, which joins them while a quote is open: as many as a row may have."""

    def __init__(self, text: str, path: Path) -> None:
        self._lines, self._path = _lines(text), path
        self.since = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.since += len(line)
            if self.since > _LONGEST_ROW:
                raise Unreadable(f"{brief(self._path.name)} has a row of more than {_LONGEST_ROW / 2**20:,.0f} MiB")
            yield line


class _Faults:
    def __init__(self, path: Path) -> None:
        self.path, self.shown, self.count = path, list[str](), 0

    def add(self, fault: str) -> None:
        self.count += 1
        if self.count <= _SHOWN:
            self.shown.append(fault)

    def check(self) -> None:
        if self.count:
            more = f"; and {self.count - _SHOWN} more" if self.count > _SHOWN else ""
            raise Unreadable(f"{brief(self.path.name)} {'; '.join(self.shown)}{more}")


def _number(cell: str) -> float:
    """NaN for what is not a number. Python's own underscores are no part of a table."""
    try:
        return float("nan" if "_" in cell else cell)
    except ValueError:
        return float("nan")
