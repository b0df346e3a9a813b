"""Somebody's pytest suite, run in a process of its own, with or without a mutant in it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpcompare.tools.doubt.children import Child, Children
from bpcompare.tools.doubt.mutants import Mutant
from bpcompare.tools.doubt.seen import VARIABLE, Seen, read

PLUGIN = "bpcompare.tools.doubt.planting"
_LEFT_OUT = ("PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID", VARIABLE)
"""Variables of a pytest that we may run in ourselves."""


@dataclass(frozen=True)
class Run:
    """How a run ended, and what its processes saw; None where pytest did not come so far."""

    code: int
    seen: Seen | None
    timed_out: bool
    seconds: float
    printed: str


@dataclass
class Suite:
    """`words` go to pytest as they are: paths and options. Everything that is written is in `folder`."""

    words: Sequence[str]
    module: str
    path: str
    dy: str
    folder: Path
    children: Children
    quiet: tuple[str, ...] = ()
    tests: list[str] | None = None
    files: list[str] | None = None
    count: int = 0

    def start(self, mutant: Mutant | None, seconds: float | None, *, plain: bool = False) -> Child:
        """Run it with a mutant planted, up to the first failure; without one, count calls; `plain`: without us.

        `seconds`: the time it has, None for any.
        """
        self.count += 1
        folder = self.folder / f"{self.count}"
        folder.mkdir()
        plan = folder / "plan"
        content: dict[str, Any] = {"module": self.module, "path": self.path, "dy": self.dy, "folder": str(folder)}
        chosen = (self.tests, self.files) if mutant is not None else (None, None)
        content |= {"mutant": mutant.plan() if mutant else None, "tests": chosen[0], "files": chosen[1]}
        plan.write_text(json.dumps(content), encoding="utf-8")
        environment = {key: x for key, x in os.environ.items() if key not in _LEFT_OUT}
        # What a failing run remembers for the next one is nothing for theirs.
        environment |= {"HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"), "COVERAGE_FILE": str(folder / "coverage")}
        environment[VARIABLE] = str(plan)
        command = [sys.executable, "-m", "pytest", *(() if plain else ("-p", PLUGIN)), *self.words]
        command += ["-q", "-o", f"cache_dir={folder / 'cache'}"]
        if mutant is not None:
            command += ["-x", *self.quiet]
        return self.children.start(command, environment, folder / "printed", seconds)

    def adapt(self, seen: Seen, *, every: bool) -> None:
        """How mutants are run: the tests that call the backward, or `every` one; in one process, without coverage and reports."""
        if not every:
            self.tests, self.files = seen.tests, seen.files
        options = {"xdist": ["-n", "0"], "cov": ["--no-cov"], "junit": [f"--junit-xml={self.folder / 'junit.xml'}"]}
        self.quiet = tuple(word for name in seen.plugins for word in options[name])

    def run(self, seconds: float | None, *, plain: bool = False) -> Run:
        """Run it without a mutant."""
        child = self.start(None, seconds, plain=plain)
        self.children.wait()
        return ended(child)


def ended(child: Child) -> Run:
    """How it ended."""
    from time import monotonic

    return Run(child.code, read(child.log.parent), child.timed_out, monotonic() - child.begun, child.printed)
