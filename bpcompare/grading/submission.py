"""A submission, asked for the numbers of one step."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bpcompare.grading import child
from bpcompare.isolation.process import Ended, run
from bpcompare.learn.questions import Asked
from bpcompare.learn.views import STEPS

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
    vectorized = _vectorized(source)
    with TemporaryDirectory(prefix="bpcompare-grading-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        (folder / "submission.py").write_bytes(source)
        request = {
            "step": step,
            "steps": STEPS,
            "seconds": limits.seconds,
            "memory": limits.memory,
            "node": [[given for one in sheet for given in one.given] for sheet in node],
            "vectorized": [[given for one in sheet for given in one.given] for sheet in arrays],
        }
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if key in KEPT}
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-I", "-B", child.__file__, place]
        ended = run(command, limits.seconds + 5, place, environment)
        return _read(folder, ended, len(node), limits, vectorized=vectorized)


def _vectorized(source: bytes) -> bool:
    """Whether the file says STYLE = "vectorized": the reader of the answers must know which questions were asked."""
    import ast

    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "STYLE" for target in targets) and isinstance(node, ast.Assign):
            return isinstance(node.value, ast.Constant) and node.value.value == "vectorized"
    return False


def _read(folder: Path, ended: Ended, sheets: int, limits: Limits, *, vectorized: bool) -> Answered:
    if problem := _ended(ended, limits):
        return Answered(((),) * sheets, (problem,) * sheets, vectorized, ended.printed)
    try:
        numbers, problems = _answers(folder / "answers.json", sheets)
    except OSError:
        numbers, problems = ((),) * sheets, ("ended without an answer",) * sheets
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        numbers, problems = ((),) * sheets, (f"left no answer that can be read: {str(error)[:200]}",) * sheets
    return Answered(numbers, problems, vectorized, ended.printed)


def _answers(path: Path, sheets: int) -> tuple[tuple[tuple[Any, ...], ...], tuple[str, ...]]:
    """Numbers and problems, sheet by sheet. The file may hold anything: it was written by a stranger's process."""
    if path.stat().st_size > LARGEST:
        raise ValueError("its answers are too large")
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["problem"]:
        return ((),) * sheets, (str(content["problem"])[:400],) * sheets
    numbers = tuple(tuple(one["numbers"]) for one in content["found"])
    if len(numbers) != sheets:
        raise ValueError("it answered another number of questions")
    return numbers, tuple(str(one["problem"])[:400] for one in content["found"])


def _ended(ended: Ended, limits: Limits) -> str:
    if ended.code is None or ended.signal == "SIGXCPU" or (ended.signal == "SIGKILL" and ended.seconds >= limits.seconds):
        return f"took more than {limits.seconds:g} seconds and was stopped: does a loop never end?"
    if ended.signal:
        return f"was ended by {ended.signal}" + (": too much memory, or a file too large" if ended.signal == "SIGKILL" else "")
    return ""
