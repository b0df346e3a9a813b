"""`bpcompare watch`: a training script as it is, and the verdict about one step of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bpcompare.cli.codes import NOT_RUN, USAGE
from bpcompare.cli.kept import kept
from bpcompare.cli.memory import keep_freed_memory
from bpcompare.cli.notes import note
from bpcompare.cli.options import Html, Intended, Json, Replayed, Sampled, switch, unlimited
from bpcompare.cli.own import Report
from bpcompare.cli.terminal import complain

if TYPE_CHECKING:
    from bpcompare.own import WatchedStep

MODULE, AT_STEP, STEPS, GO_ON = "-m", "--at-step", "--steps", "--go-on"
OURS = (AT_STEP, GO_ON)
"""Options that are ours behind the script's name, too; all others there are the script's."""
TAKES = (AT_STEP, STEPS, "--intended", "--json", "--sample", "--save", "--html")
"""Options with a value of their own."""
RANK = "{rank}"
"""What stands in a file's name for the number of the process, where several run the same script."""


def watch(
    script: Annotated[str, Parameter(name="SCRIPT.py", help="A training script. Not a line of it is changed.")],
    /,
    *args: Annotated[
        str,
        Parameter(
            name="ARGS",
            negative="",
            allow_leading_hyphen=True,
            help="What the script itself is given. Options behind SCRIPT.py are the script's, but --at-step and --go-on; "
            "behind -- these two, as well.",
        ),
    ],
    module: Annotated[bool, switch("SCRIPT.py is the name of a module, as for `python -m`.", "-m")] = False,
    at_step: Annotated[
        int, Parameter(help="Which step of an optimizer to watch, from the end of the one before; all optimizers count.")
    ] = 1,
    steps: Annotated[int, Parameter(help="So many steps, one after the other: two, where two optimizers share a forward.")] = 1,
    go_on: Annotated[bool, switch("Let the script go on after the verdict; by default it ends there.")] = False,
    intended: Intended = None,
    tree: Annotated[bool, switch("Show the model as a tree: the verdict and the power of every module.")] = False,
    sample: Sampled = None,
    replay: Replayed = False,
    save: Annotated[
        str | None,
        Parameter(
            negative="",
            help="Save the step here, for `bpcompare.load_watched`. {rank} in the name is the number of the process, under "
            "torchrun.",
        ),
    ] = None,
    json: Json = None,
    html: Html = None,
) -> int:
    """Run a training script as it is, watch one step of an optimizer, and judge it: forward, backward, and the update.

    What the script prints goes to standard error. Exit codes: 0 certified, 1 wrong, 2 usage, 3 the script failed or never made
    that step, 4 certified in part, or undecided.
    """
    save = save and save.replace(RANK, os.environ.get("RANK", "0"))
    if problem := _misused(script, module, at_step, steps, (json, save, html)) or unlimited(sample):
        complain(f"{problem}\nTry: bpcompare watch --help")
        return USAGE
    keep_freed_memory()
    import sys

    from bpcompare.own.script import ran, short_of
    from bpcompare.text.duration import seconds_of

    options = [MODULE] if module else []
    options += [AT_STEP, str(at_step)] if at_step != 1 else []
    options += [STEPS, str(steps)] if steps != 1 else []
    options += [word for name in intended or () for word in ("--intended", name)]
    options += ["--sample", sample] if sample else []
    options += ["--replay"] if replay else []
    again = " ".join(map(quote, ["bpcompare", "watch", *options, script, *_given(args)]))
    codes: list[int] = []
    printed = sys.stdout

    def told(step: WatchedStep) -> None:
        note("")
        with redirect_stdout(printed):
            report = Report("watch", script, (step,), again, replay)
            report.work_out(quiet=json == "-")
            code = report.told(tree=tree, json=json, html=html)
            codes.append(_saved(step, save) or code)
        if report.interrupted and go_on:
            raise KeyboardInterrupt
        note(f"running {script}")

    note(f"running {script}")
    try:
        seconds = seconds_of(sample) if sample else None
        judging: dict[str, Any] = {"intended": intended or (), "seconds": seconds, "told": told if go_on else None}
        run = ran(script, args, at_step, steps, module=module, **judging)
    except ImportError as error:
        complain(f"watching needs torch: {error}")
        return NOT_RUN
    note("")
    if run.step is not None and not go_on:
        told(run.step)
    if run.step is None or run.failure:
        complain(short_of(script, run, at_step + steps - 1))
        return NOT_RUN
    return codes[0]


def passed_on(words: Sequence[str]) -> list[str]:
    """The words behind `watch` as the parser is to see them: what is the script's own stands behind a `--`."""
    ours: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        ours += _option(rest)
    if rest and rest[0] == "--":
        rest.pop(0)
    if not rest:
        return ours
    script, theirs = rest.pop(0), []
    while rest:
        if rest[0] == "--":
            theirs += rest[1:]
            break
        if rest[0].partition("=")[0] in OURS:
            ours += _option(rest)
        else:
            theirs.append(rest.pop(0))
    return [*ours, "--", script, *theirs]


def _option(rest: list[str]) -> list[str]:
    """The option that the words begin with, and its value; they are taken away."""
    found = [rest.pop(0)]
    if rest and found[0] in TAKES:
        found.append(rest.pop(0))
    return found


def _given(args: Sequence[str]) -> list[str]:
    """The script's arguments, as they are to be given again."""
    return ["--", *args] if any(word == "--" or word.partition("=")[0] in OURS for word in args) else list(args)


def _saved(step: WatchedStep, path: str | None) -> int:
    """Save the step, if it is to be; an exit code where that was not possible."""
    if path is None:
        return 0
    return 0 if kept("--save", path, lambda: step.save(path)) else USAGE


def _misused(script: str, module: bool, at_step: int, steps: int, files: tuple[str | None, str | None, str | None]) -> str:
    from pathlib import Path

    from bpcompare.files.writing import unwritable

    for option, number in ((AT_STEP, at_step), (STEPS, steps)):
        if number < 1:
            return f"{option} must be at least 1, is {number}"
    if module and not _found(script):
        return f"there is no module {script.partition('.')[0]} in this folder, nor installed"
    if not module and not Path(script).is_file():
        return f"there is no file {script}" + ("; the module of that name is run by -m" if _found(script) else "")
    for option, path in zip(("--json", "--save", "--html"), files, strict=True):
        if path is not None and not (option == "--json" and path == "-") and (problem := unwritable(path)):
            return f"{option}: {problem}"
    return ""


def _found(module: str) -> bool:
    """Whether there is a module, or the package that it is in; the rest of its name is the script's own affair."""
    import sys
    from importlib.util import find_spec

    sys.path.insert(0, "")
    try:
        return find_spec(module.partition(".")[0]) is not None
    except ValueError:  # no name at all
        return False
    finally:
        sys.path.pop(0)
