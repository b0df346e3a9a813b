"""A golden as a test: checked, made where there is none, or made anew where that is asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass

from bpcompare.backend import Backend
from bpcompare.report.change import change_line, change_text
from bpcompare.tools.golden.check import Checked, Options, check, update, write
from bpcompare.tools.golden.store import GoldenError
from bpcompare.verdict.comparison import NOTHING_COMPARED, Comparison


@dataclass(frozen=True, eq=False)
class Watched:
    """What became of a golden: `failure` is why the test fails, with the `comparison` that shows it, if there is one.

    `note` is what is to be said although the test passes.
    """

    checked: Checked | None = None
    failure: str = ""
    comparison: Comparison | None = None
    note: str = ""


def watched(
    spec: str | os.PathLike[str], backend: str | type[Backend], name: str, options: Options, *, rewrite: bool, make: bool
) -> Watched:
    """Check the golden of `backend`, called `name`, on `spec`; with `rewrite`, write a new one.

    Where there is none, one is written if `make` is true, and the test fails all the same, so that a person reviews it.
    Raises SpecError, UnknownBackendError.
    """
    try:
        if rewrite:
            return _rewritten(update(spec, backend, options), name)
        checked = check(spec, backend, options)
    except GoldenError as error:
        if error.exit_code != NOTHING_COMPARED:
            return Watched(failure=str(error))
        return Watched(failure=_first(spec, backend, options) if make else f"{error}. CI is set, so none is written here")
    change = checked.change
    assert change is not None  # noqa: S101 — it was checked against something
    if change.exit_code != 0:
        offer = "; --bpcompare-update accepts the change" if change.acceptable else ""
        told = f"{change_text(change, name)}\n  golden     {checked.path}{offer}"
        return Watched(checked, told, change.comparison)
    return Watched(checked, note=change_line(change, name) if change.outcome == "moved" else "")


def _rewritten(proposed: Checked, name: str) -> Watched:
    if proposed.current:
        return Watched(proposed)
    made = write(proposed)
    told = change_line(made.change, name) if made.change else f"new  {made.golden.spec}  {name}"
    return Watched(made, note=f"{told}  → {made.path}")


def _first(spec: str | os.PathLike[str], backend: str | type[Backend], options: Options) -> str:
    """What to say where there was no golden: that it was written, or why not."""
    try:
        made = write(update(spec, backend, options))
    except GoldenError as error:
        return str(error)
    return f"there was no golden, so it was written: {made.path}. Look at it, commit it, and run again"
