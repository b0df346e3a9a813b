"""What was found, in a file that is written as it goes: what it was found with, then a line a question."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.gradients.question import Key

Found = Sequence[Mapping[str, str]]


class Answers:
    """The lines of a file. A line that was cut off where the process ended counts for nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def found(self) -> dict[Key, Found]:
        """All that is known by now; the last line about a question counts."""
        return {Key(**row["key"]): row["found"] for row in self._rows() if "key" in row}

    def ran_with(self) -> list[Mapping[str, Any]]:
        """What it was found with: versions, and which functions these do not have."""
        return [row["with"] for row in self._rows() if "with" in row]

    def put(self, key: Key, found: Found) -> None:
        """An answer."""
        self._write({"key": asdict(key), "found": list(found)})

    def put_with(self, told: Mapping[str, Any]) -> None:
        """What the answers behind it are found with."""
        self._write({"with": dict(told)})

    def _rows(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def _write(self, row: Mapping[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
