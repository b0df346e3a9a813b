"""A training script that runs as it is, and one optimizer step of it that is watched."""

from __future__ import annotations

import random
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bpcompare.own.failing import failing, in_words
from bpcompare.own.recorders import RECORDERS
from bpcompare.own.sample import Sample
from bpcompare.own.step import WatchedStep
from bpcompare.program import Watched


class _Enough(BaseException):
    """Ends the script once its step was seen. No Exception, so that what the script does about its own errors is not meant."""


@dataclass(frozen=True, eq=False)
class Ran:
    """What became of a script: the step that was watched, if it came to that; how many it made; what ended it, in words."""

    step: WatchedStep | None
    steps: int
    failure: str = ""


def ran(
    script: str,
    args: Sequence[str],
    at: int,
    steps: int = 1,
    *,
    module: bool = False,
    intended: Sequence[str] = (),
    seconds: float | None = None,
    told: Callable[[WatchedStep], None] | None = None,
) -> Ran:
    """Run a script and watch its `at`-th optimizer step, or so many `steps` from that one on.

    It runs as `python script args` does; a `module`, as `python -m script args`. It ends there, or goes on if there is somebody
    who is `told` at once. What it prints goes to standard error, for standard output belongs to the verdict. `seconds` is the
    time that there is for judging. Raises OSError if there is no such file, ImportError without a framework.
    """
    seen: list[WatchedStep] = []
    which = f"step {at}" if steps == 1 else f"steps {at} to {at + steps - 1}"
    title = f"in {which} of {Path(script).name}"
    if not module:
        with Path(script).open("rb"):
            pass

    def found(watched: Watched) -> None:
        sample = None if seconds is None else Sample(seconds)
        seen.append(WatchedStep(watched, intended=intended, title=title, sample=sample))
        if told is None:
            raise _Enough
        with _generators():
            told(seen[0])

    counting: Any = import_module(RECORDERS["torch"]).counting(at, steps, found)
    failure = ""
    with redirect_stdout(sys.stderr), _as_main(script, args, Path() if module else Path(script).resolve().parent):
        try:
            with counting:
                if module:
                    runpy.run_module(script, run_name="__main__", alter_sys=True)
                else:
                    runpy.run_path(script, run_name="__main__")
        except _Enough:
            pass
        except SystemExit as error:
            failure = _exited(error)
        except Exception as error:  # noqa: BLE001 — whatever it is, it is the script's own
            failure = failing(error)
    return Ran(seen[0] if seen else None, counting.count, failure)


def short_of(script: str, run: Ran, at: int) -> str:
    """Why there is no verdict, in words."""
    if run.failure and not run.step:
        module = " (bpcompare watch -m PACKAGE.MODULE runs it as `python -m` does)" if "relative import" in run.failure else ""
        return f"{script} ended before the end of its optimizer step {at}: {run.failure}{module}"
    if run.failure:
        return f"{script} went on after step {at}, and ended: {run.failure}"
    if not run.steps:
        door = "with bpcompare.watch(model) as step: …, around a step in its code, watches updates of any kind"
        return f"{script} made no step of a torch optimizer, so there is no step {at} to watch ({door})"
    return f"{script} made {run.steps} optimizer step{'' if run.steps == 1 else 's'}, so there is no step {at} to watch"


def _exited(error: SystemExit) -> str:
    if error.code in (None, 0):
        return ""
    return f"exit code {error.code}" if isinstance(error.code, int) else in_words(error)


@contextmanager
def _generators() -> Iterator[None]:
    """What is drawn in here, by judging or by what that imports, is not taken from the script that goes on."""
    drawn, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002 — the script's may be the old one
    try:
        yield
    finally:
        random.setstate(drawn)
        np.random.set_state(numbers)  # noqa: NPY002


@contextmanager
def _as_main(script: str, args: Sequence[str], folder: Path) -> Iterator[None]:
    """The process as the script expects it: its arguments, and a folder first where modules are looked for."""
    argv, path = sys.argv, list(sys.path)
    sys.argv = [script, *args]
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path
