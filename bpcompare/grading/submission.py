"""A submission, asked for the numbers of one step."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bpcompare.grading import child
from bpcompare.isolation.process import Ended, Process
from bpcompare.learn.questions import Asked

LARGEST = 64 * 2**20
"""Bytes of answers that are read."""
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH", "HOME")


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


def ask(source: bytes, step: str, node: Sequence[Sequence[Asked]], arrays: Sequence[Sequence[Asked]], limits: Limits) -> Answered:
    """Run `source` in a process and a folder of its own, and ask for one step: of every sheet, per node or vectorized.

    Never raises on what a submission does.
    """
    with Process() as apart:
        folder = apart.folder
        (folder / "submission.py").write_bytes(source)
        request = {
            "step": step,
            "seconds": limits.seconds,
            "memory": limits.memory,
            "node": [[given for one in sheet for given in one.given] for sheet in node],
            "vectorized": [[given for one in sheet for given in one.given] for sheet in arrays],
        }
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if key in KEPT}
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-I", "-B", child.__file__, str(folder)]
        ended = apart.run(command, limits.seconds + 5, environment, inside=True)
        return _read(folder, ended, len(node), limits)


def _read(folder: Path, ended: Ended, sheets: int, limits: Limits) -> Answered:
    if problem := _ended(ended, limits):
        return Answered(((),) * sheets, (problem,) * sheets, vectorized=False, printed=ended.printed)
    try:
        return _answers(folder / "answers.json", sheets, ended.printed)
    except OSError:
        problem = "ended without an answer"
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"left no answer that can be read: {str(error)[:200]}"
    return Answered(((),) * sheets, (problem,) * sheets, vectorized=False, printed=ended.printed)


def _answers(path: Path, sheets: int, printed: str) -> Answered:
    """What the process left. The file may hold anything: it was written by a stranger's code."""
    content = json.loads(_bytes(path))
    vectorized = content["vectorized"] is True
    if content["problem"]:
        return Answered(((),) * sheets, (str(content["problem"])[:400],) * sheets, vectorized, printed)
    numbers = tuple(tuple(one["numbers"]) for one in content["found"])
    if len(numbers) != sheets:
        raise ValueError("it answered another number of questions")
    return Answered(numbers, tuple(str(one["problem"])[:400] for one in content["found"]), vectorized, printed)


def _bytes(path: Path) -> bytes:
    """The content of a regular file: no link, pipe or device that a submission put there could keep us reading for ever."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("they are no regular file")
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError("they are too large")
    return data


def _ended(ended: Ended, limits: Limits) -> str:
    if ended.code is None or ended.signal == "SIGXCPU" or (ended.signal == "SIGKILL" and ended.seconds >= limits.seconds):
        return f"took more than {limits.seconds:g} seconds and was stopped: does a loop never end?"
    if ended.signal:
        return f"was ended by {ended.signal}" + (": too much memory, or a file too large" if ended.signal == "SIGKILL" else "")
    return ""
