"""CSV files as numbers, with the line and column of every cell that is not one."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.parameter import Array
from bpcompare.problems.wording import did_you_mean, listed, quote
from bpcompare.spec.files import Unreadable, contents, missing_file

LARGEST = 128 * 2**20
"""Bytes of text that a table may have."""
_SHOWN = 5


def columns(path: Path, wanted: Mapping[str, Any], *, header: bool) -> dict[str, Array]:
    """Columns of a .csv or .csv.gz file by name: (examples,) for one column, (examples, n) for several. Raises Unreadable."""
    try:
        data = contents(path, LARGEST, "a table", "keep large data in .npz or .safetensors files")
    except Unreadable as error:
        raise Unreadable(str(error), error.hint or missing_file(path)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path.name} is not UTF-8 text (line {data.count(10, 0, error.start) + 1})") from None
    if "\0" in text:
        raise Unreadable(f"{path.name} is not text: line {text.count(chr(10), 0, text.index(chr(0))) + 1} has a NUL character")
    try:
        first = next((row for row in csv.reader(io.StringIO(text)) if row), None)
    except csv.Error as error:
        raise Unreadable(f"{path.name} is not a table: {error}") from None
    if first is None:
        raise Unreadable(f"{path.name} is empty")
    names = [cell.strip() for cell in first] if header else []
    chosen = {name: _indices(path, choice, len(first), names) for name, choice in wanted.items()}
    used = sorted({index for group in chosen.values() for index in group})
    table = _numbers(path, text, used, len(first), header=header)
    where = {index: place for place, index in enumerate(used)}
    found = {name: table[:, [where[index] for index in group]] for name, group in chosen.items()}
    return {name: array[:, 0] if isinstance(wanted[name], int | str) else array for name, array in found.items()}


def _indices(path: Path, choice: Any, width: int, names: list[str]) -> list[int]:
    if isinstance(choice, int):
        if not 0 <= choice < width:
            raise Unreadable(f"{path.name} has no column {choice}: it has {width}, counted from 0")
        return [choice]
    if isinstance(choice, tuple) and isinstance(choice[0], int):
        first, end = choice
        if not 0 <= first < end <= width:
            message = f"{path.name} has no columns [{first}, {end}]: it has {width}, counted from 0; the end is left out"
            raise Unreadable(message)
        return list(range(first, end))
    found = []
    for name in (choice,) if isinstance(choice, str) else choice:
        if name not in names:
            unnamed = "header = true says that its first line names them"
            hint = (did_you_mean(name, names) or f"it has {listed(names)}") if names else unnamed
            raise Unreadable(f"{path.name} has no column called {quote(name)}", hint)
        found.append(names.index(name))
    return found


def _numbers(path: Path, text: str, used: list[int], width: int, *, header: bool) -> Array:
    plain = '"' not in text
    rows = [line for line in text.splitlines() if line][int(header) :] if plain else []
    if plain and not rows:
        raise Unreadable(f"{path.name} has no rows besides its header")
    if plain and all(line.count(",") == width - 1 for line in rows):
        with suppress(ValueError):
            table = np.loadtxt(rows, delimiter=",", usecols=used, comments=None, ndmin=2, dtype=np.float64)
            if table.shape == (len(rows), len(used)) and np.isfinite(table).all():
                return table
    # The slow reader knows quotes, and where everything stands.
    return _slowly(path, text, used, width, header=header)


def _slowly(path: Path, text: str, used: list[int], width: int, *, header: bool) -> Array:
    table: list[list[float]] = []
    faults = _Faults(path)
    reader = csv.reader(io.StringIO(text))
    try:
        for row in islice((row for row in reader if row), int(header), None):
            if len(row) != width:
                faults.add(f"line {reader.line_num} has {len(row)} cells, the first line has {width}")
                continue
            table.append([])
            for index in used:
                table[-1].append(value := _number(row[index]))
                if not isfinite(value):
                    faults.add(f"line {reader.line_num}, column {index} (from 0): {quote(row[index])} is not a finite number")
    except csv.Error as error:
        raise Unreadable(f"{path.name} line {reader.line_num}: {error}") from None
    faults.check()
    if not table:
        raise Unreadable(f"{path.name} has no rows besides its header")
    return np.array(table, np.float64)


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
            raise Unreadable(f"{self.path.name} {'; '.join(self.shown)}{more}")


def _number(cell: str) -> float:
    """NaN for what is not a number. Python's own underscores are no part of a table."""
    try:
        return float("nan" if "_" in cell else cell)
    except ValueError:
        return float("nan")
