"""A step that is watched, and has to be certified: for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from bpcompare.own.step import WatchedStep, Watching
from bpcompare.own.verdict import Verdict


def kept(step: WatchedStep, folder: str | None, name: str) -> str:
    """What is said of a step that fails; where a folder for reports is given, it is saved there under the name, too."""
    return f"{step}{saved(step, folder, name)}"


def saved(step: WatchedStep, folder: str | None, name: str) -> str:
    """Save a step in the folder for reports, where one is given; a line that says so."""
    if not folder:
        return ""
    path = Path(folder) / f"{name}.step"
    path.parent.mkdir(parents=True, exist_ok=True)
    step.save(path)
    return f"\n  saved      {path}, for bpcompare.load_watched"


class Expected:
    """`with Expected(watching) as step:` fails at the block's end unless the verdict is one that is accepted.

    `accept`: verdicts; none: nothing is asserted. `told` is what is said of a step that fails.
    """

    def __init__(self, watching: Watching, accept: str | Sequence[str] | None, told: Callable[[WatchedStep], str] = str) -> None:
        __tracebackhide__ = True
        self.accept = (accept,) if isinstance(accept, str) else tuple(accept or ())
        unknown = [verdict for verdict in self.accept if verdict not in get_args(Verdict)]
        if unknown:
            raise ValueError(f"accept: {unknown[0]!r} is no verdict; there are {', '.join(get_args(Verdict))}")
        self.watching = watching
        self._told = told

    def __enter__(self) -> Watching:
        return self.watching.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        __tracebackhide__ = True
        self.watching.__exit__(kind, error, trace)
        if error is None and self.accept and self.watching.step.verdict not in self.accept:
            raise AssertionError(f"\n{self._told(self.watching.step)}")
