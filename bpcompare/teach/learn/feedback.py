"""What a student is told: what is wrong, where, and by which mistake; the right number only if that is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from bpcompare.report.lines import counted, joined, roomy, shown
from bpcompare.report.numbers import long
from bpcompare.teach.learn.marking import Mark
from bpcompare.text.folding import wrapped
from bpcompare.text.medium import medium


def feedback(marks: Sequence[Mark], *, reveal: bool = False, kind: str = "public") -> str:
    """All steps, and what passed. Says which checks passed, never that everything is right."""
    lines: list[str] = []
    for mark in marks:
        lines += told(mark, reveal=reveal)
    passed = [mark.step for mark in marks if mark.passed]
    done = f"{kind} checks passed: {', '.join(passed)}" if passed else f"no {kind} check passed yet"
    return joined([*lines, "", done])


def told(mark: Mark, *, reveal: bool = False) -> list[str]:
    """One step in a few lines."""
    if mark.passed:
        return _beside(mark.step, f"passed, {counted(mark.of, 'number')}")
    if mark.problem:
        return _beside(mark.step, f"not yet: {mark.problem}")
    several = f" ({mark.off:,} of {mark.of:,} numbers)" if mark.of > 1 else ""
    lines = _beside(mark.step, f"not yet: {mark.where}{several}")
    lines += _beside("", _why(mark))
    if reveal and mark.right is not None and mark.answer is not None:
        lines += _beside("", f"you: {long(mark.answer).strip()}   right: {long(mark.right).strip()}")
    return lines


def _beside(step: str, words: str) -> list[str]:
    """Words beside a step's name, wrapped."""
    rows = wrapped(shown(words), medium().width - 16, whole=not medium().fit)
    return [f"  {step:<13} {rows[0]}", *(" " * 16 + row for row in rows[1 : roomy(4)])]


def _why(mark: Mark) -> str:
    if mark.answer is not None and not isfinite(mark.answer):
        return "the answer is not a finite number"
    if mark.causes:
        first = mark.causes[0]
        also = f" (or {', '.join(cause.code for cause in mark.causes[1:3])})" if len(mark.causes) > 1 else ""
        return f"{first.code}{also}  {first.title}: {first.wrong}; bpcompare explain {first.code}"
    if mark.ratio is not None:
        return f"every number is {mark.ratio.name} times what it should be: {mark.ratio.hint}"
    return "cause unknown: no formula of the catalogue of mistakes gives these numbers"
