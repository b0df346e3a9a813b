"""Goldens of somebody's own code: where they lie, checking a step against one, and making it anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bpcompare.files.writing import write as write_file
from bpcompare.own.change import Changes, changes, outline
from bpcompare.own.change.text import line
from bpcompare.own.step import WatchedStep
from bpcompare.plan.storage import StorageError
from bpcompare.plan.storage import read as read_file
from bpcompare.tools.golden.outlines import StepGolden, dumps, loads
from bpcompare.tools.golden.store import FOLDER, GoldenError
from bpcompare.verdict.comparison import EXIT, NOTHING_COMPARED

STEP = ".step.json"
"""What goldens of steps end in."""


def path_of(address: str, seed: int = 0) -> Path:
    """The golden of FILE.py:NAME: `goldens/FILE.NAME.step.json` beside the file; a seed that is not 0 stands in its name."""
    file, _, name = address.rpartition(":")
    return place_of(Path(file), f"{name}.seed{seed}" if seed else name)


def place_of(file: Path, name: str) -> Path:
    """The golden called `name` of a file of somebody's code."""
    return file.parent / FOLDER / f"{file.stem}.{name}{STEP}"


def is_own(address: str) -> bool:
    """Whether this is FILE.py:NAME, and no spec."""
    path, _, name = address.rpartition(":")
    return path.endswith(".py") and name.isidentifier()


def read(path: Path, remedy: str, force: str = "") -> StepGolden:
    """The golden in `path`; the file is never changed. Raises GoldenError.

    `remedy` is the command that makes it, with `force` in spite of what is there.
    """
    if not path.exists():
        raise GoldenError(f"there is no golden {path}; `{remedy}` makes it", NOTHING_COMPARED)
    try:
        return read_file(path, loads)
    except StorageError as error:
        advice = f"restore it from version control, or make it anew with `{remedy}{force}`"
        raise GoldenError(f"{error}; {advice}" if "newer bpcompare" not in str(error) else str(error)) from error
    except OSError as error:
        raise GoldenError(f"{path}: {error.strerror or error}") from error


def checked(golden: StepGolden, steps: Sequence[WatchedStep]) -> Changes:
    """What became of a golden. Raises GoldenError where a run that it has was not made."""
    try:
        return changes(golden.of, golden.runs, steps)
    except ValueError as error:
        raise GoldenError(f"the golden of {golden.of} cannot be compared: {error}") from error


def write(of: str, steps: Sequence[WatchedStep], path: Path) -> StepGolden:
    """Write the golden of these runs, whole or not at all. Raises GoldenError, also for what is wrong."""
    golden = StepGolden(of, tuple(map(outline, steps)))
    if golden.verdict == "wrong":
        wrong = next(step for step in steps if step.verdict == "wrong")
        raise GoldenError(f"{of} is wrong, and a golden must not be\n\n{wrong}", EXIT["wrong"])
    try:
        path.parent.mkdir(exist_ok=True)
        write_file(path, dumps(golden))
    except (OSError, StorageError) as error:
        raise GoldenError(f"{path} was not written: {getattr(error, 'strerror', None) or error}") from error
    return golden


@dataclass(frozen=True, eq=False)
class Tested:
    """What became of a golden in a test: `failure` is why it fails, `note` what is to be said although it passes."""

    changes: Changes | None = None
    failure: str = ""
    note: str = ""


REMEDY = "--bpcompare-update"


def tested(of: str, steps: Sequence[WatchedStep], path: Path, *, rewrite: bool, make: bool) -> Tested:
    """Check a step against its golden; with `rewrite`, write a new one.

    Where there is none, one is written if `make` is true, and the test fails all the same, so that a person reviews it.
    """
    try:
        golden = None if rewrite and not path.exists() else read(path, REMEDY)
    except GoldenError as error:
        if error.exit_code == NOTHING_COMPARED:
            return _first(of, steps, path, make=make)
        if not rewrite:
            return Tested(failure=str(error))
        golden = None
    try:
        found = None if golden is None else checked(golden, steps)
        if rewrite:
            if found is not None and current(found):
                return Tested(found)
            write(of, steps, path)
            return Tested(found, note=f"{line(found) if found is not None else f'new  {of}'}  → {path}")
    except GoldenError as error:
        return Tested(failure=str(error))
    assert found is not None  # noqa: S101 — there was a golden
    if found.exit_code:
        offer = "" if found.outcome == "wrong" else f"; {REMEDY} accepts it"
        return Tested(found, f"{found}\n  golden     {path}{offer}")
    return Tested(found, note=line(found) if found.outcome == "moved" else "")


def current(found: Changes) -> bool:
    """Whether the golden says all of this already: the same bits, by the same version, with the same verdict."""
    return found.outcome == "same" and all(
        run.then.facts == run.now.facts and run.then.verdict == run.now.verdict for run in found.runs
    )


def _first(of: str, steps: Sequence[WatchedStep], path: Path, *, make: bool) -> Tested:
    if not make:
        return Tested(failure=f"there is no golden {path}. CI is set, so none is written here")
    try:
        write(of, steps, path)
    except GoldenError as error:
        return Tested(failure=str(error))
    return Tested(failure=f"there was no golden, so it was written: {path}. Look at it, commit it, and run again")
