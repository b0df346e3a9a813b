"""A student's function, called for every question; whatever it does, what comes back is numbers or a reason."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.learn.views import View

LARGEST = 1_000_000
"""Numbers that one answer may have."""


@dataclass(frozen=True)
class Answers:
    """One answer a question, as floats or nested lists of floats; or `problem`, why there are none."""

    numbers: tuple[Any, ...] = ()
    problem: str = ""


def answers(function: Callable[[Any], Any], questions: Sequence[dict[str, Any]], *, vectorized: bool, file: str = "") -> Answers:
    """Call `function` for each question. Its own exceptions become a problem that names the line in `file`."""
    found = []
    for given in questions:
        try:
            answer = function(View(given, vectorized=vectorized))
        except Exception as error:  # noqa: BLE001 — whatever a student's code raises is its answer
            return Answers(problem=raised(error, file))
        number = _number(answer, vectorized=vectorized)
        if number is None:
            wanted = "an array of numbers" if vectorized else "a number"
            return Answers(problem=f"returned {_shown(answer)}, where {wanted} is needed")
        found.append(number)
    return Answers(tuple(found))


def raised(error: BaseException, file: str) -> str:
    """An exception in one line: its type, its words, and the last line of the student's file that it passed."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if file and frame.filename == file]
    if isinstance(error, SyntaxError) and error.lineno:
        lines.append(error.lineno)
    where = f" (line {lines[-1]})" if lines else ""
    words = " ".join(str(error).split())[:200]
    return f"raised {type(error).__name__}{': ' + words if words else ''}{where}"


def _number(answer: Any, *, vectorized: bool) -> Any:
    if isinstance(answer, bool | np.bool_) or answer is None:
        return None
    try:
        x = np.asarray(answer)
        if x.dtype.kind not in "fiu" or x.size > LARGEST or (not vectorized and x.size != 1):
            return None
        return x.astype(np.float64).tolist() if vectorized else float(x.reshape(()))
    except (TypeError, ValueError):
        return None


def _shown(answer: Any) -> str:
    try:
        text = repr(answer)
    except Exception:  # noqa: BLE001 — a student's class may do anything
        text = ""
    return f"{text[:60]} ({type(answer).__name__})" if text else f"a {type(answer).__name__}"
