"""What was found, in a file that is written as it goes: a line a question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.gradients.question import Key

Found = Sequence[Mapping[str, str]]


BEGUN: Found = [{"what": "honest", "verdict": "ended the process"}]
"""Stands for an answer until there is one."""


class Answers:
    """The lines of a file, by their questions. One that was begun and never answered ended the process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[Key, Found]:
        """All that is known by now."""
        found: dict[Key, Found] = {}
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                found[Key(**row["key"])] = row["found"]
        return found

    def begin(self, key: Key) -> None:
        """Written before a question is asked, so that what ends the process is known and not asked again."""
        self._write(key, BEGUN)

    def put(self, key: Key, found: Found) -> None:
        """The answer; the last line about a question counts."""
        self._write(key, found)

    def _write(self, key: Key, found: Found) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": asdict(key), "found": list(found)}, ensure_ascii=False) + "\n")
