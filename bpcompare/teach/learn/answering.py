"""A student's function, called for every question; whatever it does, what comes back is numbers or a reason."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from bpcompare.teach.learn.views import View

MOST_NUMBERS = 1_000_000
"""Numbers that one answer may have."""


@dataclass(frozen=True)
class Answers:
    """One answer a question, as floats or nested lists of floats; or `problem`, why there are none.

    `beyond`: the problem is a whole number too large for float64. Whether the answer is wrong is not decided then.
    """

    numbers: tuple[Any, ...] = ()
    problem: str = ""
    beyond: bool = False


def answers(
    function: Callable[[Any], Any],
    questions: Sequence[dict[str, Any]],
    *,
    vectorized: bool,
    file: str = "",
    most: int = MOST_NUMBERS,
) -> Answers:
    """Call `function` for each question. Its own exceptions become a problem that names the line in `file`.

    `most`: how many numbers all answers together may have. Never raises on what `function` does.
    """
    found, count = [], 0
    for given in questions:
        try:
            answer = function(View(given, vectorized=vectorized))
        except (Exception, SystemExit) as error:  # noqa: BLE001 — whatever a student's code raises is its answer
            return Answers(problem=raised(error, file))
        number = _number(answer)
        wanted = "an array of numbers" if vectorized else "a number"
        if number is None and _is_beyond(answer):
            return Answers(problem=f"returned {_shown(answer)}, which no float64 holds", beyond=True)
        if number is None or (not vectorized and number.size != 1):
            return Answers(problem=f"returned {_shown(answer)}, where {wanted} is needed")
        count += number.size
        if count > most:
            said = f"returned an array of shape {list(number.shape)}" if vectorized else f"returned {count:,} numbers"
            return Answers(problem=f"{said}, more than any answer here has")
        found.append(number.astype(np.float64).tolist() if vectorized else float(number.reshape(())))
    return Answers(tuple(found))


def raised(error: BaseException, file: str) -> str:
    """An exception in one line: its type, its words, and the last line of the student's file that it passed."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number for frame, number in frames if file and frame.f_code.co_filename == file]
    if isinstance(error, SyntaxError) and isinstance(error.lineno, int):
        lines.append(error.lineno)
    where = f" (line {lines[-1]})" if lines else ""
    try:
        words = " ".join(str(error).split())[:200]
    except Exception:  # noqa: BLE001 — a student's class may do anything
        words = ""
    return f"raised {type(error).__name__}{': ' + words if words else ''}{where}"


def _number(answer: Any) -> Any:
    """An array of numbers, or None."""
    if isinstance(answer, bool | np.bool_) or answer is None:
        return None
    try:
        x = np.asarray(answer)
    except Exception:  # noqa: BLE001 — a student's class may do anything
        return None
    return x if x.dtype.kind in "fiu" else None


def _is_beyond(answer: Any) -> bool:
    """Whether it consists of whole numbers, and one is too large to be a float64."""
    try:
        flat = np.asarray(answer, object).ravel()[:MOST_NUMBERS].tolist()
    except Exception:  # noqa: BLE001 — like above
        return False
    return all(type(x) is int for x in flat) and not all(_fits(x) for x in flat)


def _fits(x: int) -> bool:
    try:
        return isfinite(float(x))
    except OverflowError:
        return False


def _shown(answer: Any) -> str:
    kind = type(answer).__name__
    if isinstance(answer, int) and answer.bit_length() > 256:
        return f"a whole number of about {round(answer.bit_length() * 0.30103):,} digits"
    try:
        text = repr(answer)
    except Exception:  # noqa: BLE001 — a student's class may do anything
        text = ""
    return f"{text[:60]} ({kind})" if text else f"a {kind}"
