"""What `bpcompare check` and `bpcompare watch` print and write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from bpcompare.cli.codes import INTERRUPTED, USAGE
from bpcompare.cli.kept import kept
from bpcompare.cli.terminal import Progress, complain, say, say_exactly
from bpcompare.text.words import printable

if TYPE_CHECKING:
    from bpcompare.own import WatchedStep
    from bpcompare.own.judged import Moment


OFTEN = 0.1
"""Seconds between two lines of progress."""
CELLS = 20
"""Of a bar."""


class Observer:
    """Says on a terminal what is being judged."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._next = 0.0

    def __call__(self, moment: Moment) -> None:
        """Before each claim."""
        if (now := monotonic()) < self._next:
            return
        self._next = now + OFTEN
        bar = f"{'#' * (CELLS * moment.number // moment.total):.<{CELLS}}"
        where = " ".join(word for word in (moment.module, moment.function) if word)
        self._progress(f"[{bar}] judging {moment.number:,} of {moment.total:,}: {printable(where)}")


@dataclass
class Report:
    """The verdicts about some runs of somebody's code; `again` is the command that shows them again."""

    door: str
    of: str
    runs: tuple[WatchedStep, ...]
    again: str
    replay: bool = False
    interrupted: bool = False

    def work_out(self, *, quiet: bool) -> None:
        """Judge, before anything is printed. Ctrl-C ends it: then what is judged by then is told."""
        progress = Progress(quiet=quiet)
        observer = Observer(progress)
        try:
            for run in self.runs:
                run.again = self.again
                run.judge(observer)
                if self.replay:
                    run.replay()
                str(run)
        except KeyboardInterrupt:
            self.interrupted = True
            for run in self.runs:
                run.stop()
        finally:
            progress.done()

    @property
    def code(self) -> int:
        """The exit code: that of the worst run, or of an interruption."""
        from bpcompare.own import Checked

        return INTERRUPTED if self.interrupted else Checked(self.runs).exit_code

    def told(self, *, tree: bool, json: str | None, html: str | None) -> int:
        """Print and write it all; the exit code."""
        if self.interrupted:
            complain("interrupted: what follows is what was judged until then")
        if json == "-":
            say_exactly(self.line)
        else:
            self._said(tree=tree)
        if json not in (None, "-") and not self._written("--json", json, lambda: f"{self.line}\n"):
            return USAGE
        if html is not None and not self._written("--html", html, self._page):
            return USAGE
        return self.code

    def _said(self, *, tree: bool) -> None:
        from bpcompare.own.text import text

        for number, run in enumerate(self.runs):
            if number:
                say("")
            say(lambda run=run, before=self.runs[:number]: text(run, before))  # type: ignore[misc]
            if tree:
                say("")
                say(lambda run=run: run.tree())  # type: ignore[misc]

    @property
    def line(self) -> str:
        """One line of JSON."""
        from bpcompare.own.summary import to_json

        return to_json(self.door, self.of, self.runs, self.code)

    def _page(self) -> str:
        from bpcompare.own.page import page

        return page(self.runs, self.of)

    def _written(self, option: str, path: str, content: Callable[[], str]) -> bool:
        from bpcompare.files.writing import write

        errors = "surrogatepass" if option == "--json" else "replace"
        data = content().encode("utf-8", errors)
        return kept(option, path, lambda: write(path, data))
