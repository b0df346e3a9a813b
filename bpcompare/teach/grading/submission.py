"""Asks a submission for the numbers of one step; if none come, says whether the submission or the grader failed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import inf
from typing import Any

from bpcompare.engine.isolation.process import Ended, Process
from bpcompare.teach.grading import child
from bpcompare.teach.grading.confinement import WRITABLE, Confine, Confinement, found
from bpcompare.teach.learn.questions import Asked
from bpcompare.text.words import inert

SPARE = 10_000
"""Numbers that an answer may have beside four times as many as are asked for: arrays of a wrong shape are to be told as that."""
NUMBER, HEADER = 32, 2**16
"""Bytes of an answer for each number, and besides."""
LATER = 5
"""Seconds on the clock that a submission has beyond those that it may compute."""
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")
OUTSIDE = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGPWR")
"""Signals that come from somebody else, or from the system."""


class GraderFailure(Exception):  # noqa: N818 — a failure to be reported, of the grader and not of a submission
    """There is no mark, and the submission is not to blame: the machine failed, or what came back cannot be judged."""


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes that a step may take."""

    seconds: float = 10.0
    memory: int = 2**30


@dataclass(frozen=True)
class Answered:
    """For each sheet the numbers, or why there are none; `vectorized` as the submission is written; what it printed."""

    numbers: tuple[tuple[Any, ...], ...]
    problems: tuple[str, ...]
    vectorized: bool
    printed: str = ""


def confined(wanted: Confine, limits: Limits) -> Confinement:
    """The confinement that is wanted, tried once. Raises GraderFailure where one is required that there is not."""
    if wanted == "process":
        return Confinement(why="as --confine process asks")
    here = found()
    if here.program:
        try:
            _tried(here, limits)
        except GraderFailure as failure:
            here = Confinement(why=f"bubblewrap does not work here: {str(failure).partition(chr(10))[0]}")
    if wanted == "required" and not here.program:
        raise GraderFailure(f"--confine required: {here.why}")
    return here


@cache  # that it works; what is raised is tried again
def _tried(confinement: Confinement, limits: Limits) -> None:
    ask(b"", "", (), (), limits, confinement)


def ask(
    source: bytes,
    step: str,
    node: Sequence[Sequence[Asked]],
    arrays: Sequence[Sequence[Asked]],
    limits: Limits,
    confinement: Confinement,
) -> Answered:
    """Run `source` (bytes of a Python file) in a process of its own, and ask it for one step of every sheet.

    `node` and `arrays`: for each sheet, the questions of a function per node and of a vectorized one; the submission says which
    it is.

    Raises GraderFailure where there is no answer and the submission is not to blame; nothing on what a submission does.
    """
    asked = sum(len(one.given) for sheet in node for one in sheet)
    request = {
        "step": step,
        "seconds": limits.seconds,
        "memory": limits.memory,
        "file": WRITABLE,
        "numbers": 4 * asked + SPARE,
        "confined": bool(confinement.program),
        "node": [[given for one in sheet for given in one.given] for sheet in node],
        "vectorized": [[given for one in sheet for given in one.given] for sheet in arrays],
    }
    environment = {key: value for key, value in os.environ.items() if key in KEPT}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    most = HEADER + NUMBER * (4 * asked + SPARE) * max(len(node), 1)
    try:
        with Process() as apart:
            (apart.folder / "submission.py").write_bytes(source)
            (apart.folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
            environment["HOME"] = "/tmp" if confinement.program else str(apart.folder)  # noqa: S108 — the sandbox's
            python = [sys.executable, "-I", "-B", child.__file__, confinement.place(apart.folder)]
            command = confinement.command(python, apart.folder)
            ended = apart.run(command, limits.seconds + LATER, environment, inside=True, answer=most)
    except OSError as error:
        raise GraderFailure(f"a process of its own cannot be had: {inert(str(error))}") from error
    ended = replace(ended, code=confinement.ended(ended.code))
    return _read(step, ended, len(node), limits, most)


def _read(step: str, ended: Ended, sheets: int, limits: Limits, most: int) -> Answered:
    printed = inert(ended.printed.strip(), len(ended.printed))
    if not ended.begun:
        raise GraderFailure(f"the process of a submission did not start: {_last(ended)}")
    if ended.answered > most:
        raise GraderFailure(f"{step}: an answer of {ended.answered:,} bytes came back, more than the {most:,} that are read")
    if problem := _ended(step, ended, limits):
        return Answered(((),) * sheets, (problem,) * sheets, vectorized=False, printed=printed)
    try:
        return _answers(step, ended.answer, sheets, printed)
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise GraderFailure(
            f"{step}: what came back is not what the process of a submission writes ({inert(error, 200)}); "
            "look whether the submission tampered with it"
        ) from None


def _ended(step: str, ended: Ended, limits: Limits) -> str:
    """Why there is no answer, if the submission is to blame. Raises GraderFailure if it is not."""
    late = f"took more than {limits.seconds:g} seconds and was stopped: does a loop never end?"
    if ended.code is None or ended.signal == "SIGXCPU" or (ended.signal == "SIGKILL" and ended.cpu >= limits.seconds):
        return late
    if ended.signal in OUTSIDE:
        short = ", perhaps by the system for lack of memory" if ended.signal == "SIGKILL" else ""
        raise GraderFailure(f"{step}: the process of the submission was ended from outside, by {ended.signal}{short}")
    if ended.signal:
        return f"was ended by {ended.signal}: a crash in native code"
    return "" if ended.answer.strip() else "ended without an answer"


def _answers(step: str, text: str, sheets: int, printed: str) -> Answered:
    """What the process wrote. It may be anything: a stranger's code had the means to write it."""
    content = json.loads(text, parse_int=_float, parse_float=_float)
    if "failed" in content:
        raise GraderFailure(f"{step}: {inert(content['failed'], 400)}: the machine's failure, not the submission's")
    vectorized = content.get("vectorized") is True
    if content["problem"]:
        return Answered(((),) * sheets, (inert(content["problem"], 400),) * sheets, vectorized, printed)
    if len(content["found"]) != sheets:
        raise ValueError("answers to another number of sheets")
    for one in content["found"]:
        if one["beyond"]:
            raise GraderFailure(f"{step}: {inert(one['problem'], 400)}")
    numbers = tuple(tuple(map(_numbers, one["numbers"])) for one in content["found"])
    return Answered(numbers, tuple(inert(one["problem"], 400) for one in content["found"]), vectorized, printed)


def _float(digits: str) -> float:
    number = float(digits)
    if abs(number) == inf:
        raise ValueError(f"a number that no float64 holds: {digits[:20]}…, of {len(digits):,} digits")
    return number


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    if not isinstance(value, float):
        raise TypeError(f"{type(value).__name__} instead of a number")
    return value


def _last(ended: Ended) -> str:
    """How a process ended that never began, and the last that it said."""
    how = "it took too long" if ended.code is None else ended.signal or f"exit code {ended.code}"
    said = inert(ended.printed.strip().rpartition("\n")[2], 300)
    return f"{said} ({how})" if said else how
