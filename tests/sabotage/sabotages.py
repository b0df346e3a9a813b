"""Faults planted in the judge, one at a time, each with the tests that must notice it. `sabotages.toml` has them as data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
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


def copied(folder: Path) -> Path:
    """What the tests import, in a folder of its own."""
    for part in ("bpcompare", "backends"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


def run_against(folder: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The tests, run against the package in `folder`."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    path = os.pathsep.join([str(folder), str(folder / "backends")])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none is needed, and for ours pytest would rewrite the whole package
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
