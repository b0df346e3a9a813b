"""Faults planted in the judge, one at a time, each with the tests that must notice it. `sabotages.toml` has them as data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Sabotage:
    """In `file`, `old` becomes `new`; the tests `noticed_by` must fail then. `lets_pass` says what it would let happen."""

    name: str
    file: str
    old: str
    new: str
    noticed_by: tuple[str, ...]
    lets_pass: str

    def __str__(self) -> str:
        return self.name

    def applied(self, text: str) -> str:
        """The sabotaged source. Raises ValueError where the place is not there, or not once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has {self.old!r} {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def sabotages() -> list[Sabotage]:
    """All of them."""
    listed = tomllib.loads(Path(__file__).with_name("sabotages.toml").read_text(encoding="utf-8"))
    return [Sabotage(**{**one, "noticed_by": tuple(one["noticed_by"])}) for one in listed["sabotage"]]


class Copy:
    """What the tests import, in a folder of its own, where one sabotage after the other is planted and taken out again.

    Every test runs in a new process, forked from one that has imported the frameworks: most of what it takes (`forked.py`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._planted = 0
        for part in ("bpcompare", "backends"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "examples").symlink_to(ROOT / "examples")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(folder / "backends")])}
        environment |= {"OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
        environment.pop("BPCOMPARE_SLOW_TESTS_END", None)  # a test that is begun is done: one left out would notice nothing
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none is needed, and for ours pytest would rewrite the whole package
        command = [sys.executable, str(Path(__file__).with_name("forked.py"))]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")

    def close(self) -> None:
        """Ends its process."""
        self._process.communicate()

    @contextmanager
    def planted(self, sabotage: Sabotage) -> Iterator[None]:
        """Meanwhile the copy is sabotaged."""
        file = self.folder / sabotage.file
        file.write_text(sabotage.applied(file.read_text(encoding="utf-8")), encoding="utf-8")
        self._planted += 1
        os.utime(file, (self._planted, self._planted))  # bytecode goes by time and size: that of none is taken for another's
        try:
            yield
        finally:
            shutil.copy2(ROOT / sabotage.file, file)

    def run(self, *tests: str) -> tuple[int, str]:
        """pytest's exit code, and what it says, of these tests against the copy."""
        said = self.folder / "said.txt"
        print(json.dumps([str(said), "-q", "-x", "-p", "no:cacheprovider", *tests]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline()), said.read_text(encoding="utf-8")
