"""What is said of somebody's code: a verdict, the exit code that it means, and a demand that a test can make."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from bpcompare.own.step import WatchedStep

Verdict = Literal["certified", "certified in part", "undecided", "wrong"]

EXIT_CODES: Mapping[str, int] = {"certified": 0, "wrong": 1, "undecided": 4, "certified in part": 4}
"""What a command ends with."""

WORST: tuple[Verdict, ...] = ("wrong", "undecided", "certified in part", "certified")
"""Verdicts, the worst first."""


class Said(ABC):
    """Something that has a verdict. `codes` are the exit codes of all verdicts that it may have; `str` of it is its report."""

    codes: ClassVar[Mapping[str, int]]

    @property
    @abstractmethod
    def verdict(self) -> str:
        """In words."""

    @abstractmethod
    def __str__(self) -> str:
        """The report, as the command line prints it."""

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 where the verdict is all that could be wished."""
        return self.codes[self.verdict]

    def _demand(self, verdict: str) -> None:
        if self.verdict != verdict:
            raise AssertionError(str(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.verdict}>"


class Certifiable(Said):
    """What is held against laws. Exit codes: 0 certified, 1 wrong, 4 in part or undecided."""

    codes: ClassVar[Mapping[str, int]] = EXIT_CODES

    def assert_certified(self) -> None:
        """Raises AssertionError, with all that is said about it, unless the verdict is "certified"."""
        self._demand("certified")


class Pictured(Certifiable):
    """What can be written as an HTML page: one watched step, or runs of it."""

    @abstractmethod
    def _shown(self) -> Sequence[WatchedStep]:
        """What the page shows, one run behind the other."""

    def report(self, path: str | os.PathLike[str], of: str = "") -> None:
        """Write the runs to `path` as one HTML page: modules, their calls, every claim, formulas, numbers. It is one file.

        `of` is its heading: what was watched. A file that is there is replaced. Raises OSError where it cannot be written.
        """
        from bpcompare.files.writing import write

        write(path, self.to_html(of).encode("utf-8", "replace"))

    def to_html(self, of: str = "") -> str:
        """The page that `report` writes."""
        from bpcompare.own.page import page

        return page(self._shown(), of)
