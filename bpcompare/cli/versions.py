"""`bpcompare check -b torch@2.13.0,torch@2.12.0`: one model of somebody's own under several versions of a framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from bpcompare.cli.codes import USAGE
from bpcompare.cli.kept import lines_kept
from bpcompare.cli.terminal import Progress, refused, say, say_exactly

if TYPE_CHECKING:
    from bpcompare.own import WatchedStep
    from bpcompare.own.change import Changes


@dataclass(frozen=True)
class Asked:
    """What is asked for besides: the seed, whether only the model as it is, what is meant to be no derivative."""

    seed: int
    as_is: bool
    intended: Sequence[str]

    @property
    def flags(self) -> str:
        """As on the command line."""
        names = "".join(f" --intended {quote(name)}" for name in self.intended)
        return f"{' --as-is' if self.as_is else ''}{names}{f' --seed {self.seed}' if self.seed else ''}"


def versions(address: str, names: Sequence[str], asked: Asked, *, tree: bool, json: str | None) -> int:
    """Judge each version on its own, and tell what became of the step from each to the next; the exit code."""
    from bpcompare.cli.present import present
    from bpcompare.engine.address import UnknownBackendError
    from bpcompare.engine.asked import located
    from bpcompare.own.factory import FactoryError

    try:
        present(names)
        located(names)
    except UnknownBackendError as error:
        return refused(error)
    progress = Progress(quiet=json == "-")
    made: list[tuple[str, tuple[WatchedStep, ...]]] = []
    codes: list[int] = []
    for name in names:
        try:
            made.append((name, _made(address, name, asked, progress)))
        except FactoryError as error:
            progress.done()
            codes.append(refused(error))
    progress.done()
    if not made:
        return codes[0]
    from bpcompare.own.change import changes, outline

    kept = [[outline(run) for run in runs] for _, runs in made]
    found = [changes(address, before, runs) for before, (_, runs) in zip(kept, made[1:], strict=False)]
    code = _code([*codes, *(run.exit_code for _, runs in made for run in runs), *map(_of_change, found)])
    if json == "-":
        say_exactly(_line(address, made, found, code))
        return code
    _told(made, found, tree=tree)
    return code if json is None or lines_kept(json, [_line(address, made, found, code)]) else USAGE


def _made(address: str, name: str, asked: Asked, progress: Progress) -> tuple[WatchedStep, ...]:
    from bpcompare.engine.address import locate
    from bpcompare.own.apart import step_of

    progress(f"{address}: running on {name}")
    runs = step_of(locate(name), address, asked.seed, as_is=asked.as_is, intended=asked.intended, progress=progress)
    progress(f"{address}: judging {name}")
    for run in runs:
        run.again = f"bpcompare check {quote(address)} -b {quote(name)}{asked.flags}"
        str(run)
    return runs


def _of_change(found: Changes) -> int:
    """Other calls that give the same are no fault of a version; what is wrong has said so itself."""
    return max((0 if run.outcome == "changed" and run.rewritten else run.exit_code for run in found.runs), default=0)


def _code(codes: Sequence[int]) -> int:
    """The worst."""
    from bpcompare.verdict.comparison import PRECEDENCE

    return next((code for code in PRECEDENCE if code in codes), 0)


def _told(made: Sequence[tuple[str, tuple[WatchedStep, ...]]], found: Sequence[Changes], *, tree: bool) -> None:
    from bpcompare.own.change.text import text as became
    from bpcompare.own.text import text

    for number, (name, runs) in enumerate(made):
        say(f"{'' if not number else chr(10)}{name}")
        for at, run in enumerate(runs):
            say(lambda run=run, before=runs[:at]: text(run, before))  # type: ignore[misc]
            if tree:
                say(lambda run=run: run.tree())  # type: ignore[misc]
    for changes in found:
        say("")
        say(lambda changes=changes: became(changes, wrong=False))  # type: ignore[misc]


def _line(of: str, made: Sequence[tuple[str, tuple[WatchedStep, ...]]], found: Sequence[Changes], code: int) -> str:
    import json

    from bpcompare import __version__
    from bpcompare.own.change.summary import summary as became
    from bpcompare.own.summary import summary

    content = {
        "bpcompare": __version__,
        "door": "check",
        "of": of,
        "exit_code": code,
        "versions": [{"backend": name, "runs": [summary(run) for run in runs]} for name, runs in made],
        "changes": [became(changes) for changes in found],
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
