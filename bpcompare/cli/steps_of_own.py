"""`bpcompare golden` for FILE.py:NAME: what a step of somebody's own code did once, and what it does now."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING

from bpcompare.cli.terminal import Progress, refused, say

if TYPE_CHECKING:
    from bpcompare.own import WatchedStep


def checked(address: str, seed: int, intended: Sequence[str], name: str = "") -> int:
    """Make the step again, under the framework of that `name`, and say what became of its golden; the exit code."""
    from bpcompare.engine.address import UnknownBackendError
    from bpcompare.own.factory import FactoryError, present
    from bpcompare.tools.golden import GoldenError
    from bpcompare.tools.golden.own import checked, path_of, read

    try:
        present(address)
        golden = read(path_of(address, seed), _remedy(address, seed, intended), " --force")
        found = checked(golden, _made(address, seed, intended, name))
    except (GoldenError, FactoryError, UnknownBackendError) as error:
        return refused(error)
    for run in found.runs:
        on = f" -b {quote(name)}" if name else ""
        run.step.again = f"bpcompare check {quote(address)}{on}{_options(seed, intended)}"
    say(lambda: str(found))
    return found.exit_code


def updated(address: str, seed: int, intended: Sequence[str], name: str = "", *, force: bool) -> int:
    """Say what moved since the golden was made, and write it anew; the exit code."""
    from bpcompare.engine.address import UnknownBackendError
    from bpcompare.own.factory import FactoryError
    from bpcompare.tools.golden import GoldenError
    from bpcompare.tools.golden.own import checked, current, path_of, read, write

    path, golden = path_of(address, seed), None
    try:
        if path.exists():
            try:
                golden = read(path, _remedy(address, seed, intended), " --force")
            except GoldenError:
                if not force:
                    raise
        steps = _made(address, seed, intended, name)
        found = None if golden is None else checked(golden, steps)
        if found is not None:
            say(lambda: str(found))
            if current(found):
                say("  nothing is to be written")
                return 0
        made = write(address, steps, path)
    except (GoldenError, FactoryError, UnknownBackendError) as error:
        return refused(error)
    if found is None:
        say(f"new  {address}  {made.made_by}  {made.verdict}")
    say(f"  written    {path}")
    return 0


def _made(address: str, seed: int, intended: Sequence[str], name: str) -> Sequence[WatchedStep]:
    """The runs of the step. Raises FactoryError."""
    from bpcompare.engine.address import locate
    from bpcompare.own.apart import step_of
    from bpcompare.own.ordered import ordered

    progress = Progress(quiet=False)
    progress(f"{address}: running")
    try:
        if name:
            runs = step_of(locate(name), address, seed, intended=intended, progress=progress)
        else:
            runs = ordered(address, seed, intended=intended).runs
        progress(f"{address}: judging")
        for run in runs:
            str(run.verdict)
    finally:
        progress.done()
    return runs


def _remedy(address: str, seed: int, intended: Sequence[str]) -> str:
    return f"bpcompare golden update {quote(address)}{_options(seed, intended)}"


def _options(seed: int, intended: Sequence[str]) -> str:
    return "".join([*(f" --intended {quote(name)}" for name in intended), f" --seed {seed}" if seed else ""])
