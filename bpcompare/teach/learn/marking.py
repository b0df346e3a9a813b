"""An answer, judged by the certificate's balls, and its mistake named by the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np

from bpcompare.mistakes import Mistake
from bpcompare.mistakes.diagnosis import Ratio, causes, ratio
from bpcompare.network.parameter import Array
from bpcompare.numbers.ball.format import format_of
from bpcompare.proof.balls import Balls
from bpcompare.proof.certificate import judge
from bpcompare.proof.values import StepValues
from bpcompare.report.places import ClaimElement, described
from bpcompare.teach.learn.questions import Asked, Sheet


@dataclass(frozen=True)
class Mark:
    """One step, marked. `where`, `off` and `of` say where it is first wrong, `problem` why nothing could be marked.

    `causes` are the mistakes that give the student's numbers; `answer` and `right` that element's numbers, for `reveal` only.
    """

    step: str
    passed: bool
    problem: str = ""
    where: str = ""
    off: int = 0
    of: int = 0
    causes: tuple[Mistake, ...] = ()
    ratio: Ratio | None = None
    answer: float | None = None
    right: float | None = field(default=None, repr=False)


def mark(sheet: Sheet, step: str, asked: Sequence[Asked], numbers: Sequence[Any], problem: str = "") -> Mark:
    """Judge the answers to one `step` of an exercise by the certificate's balls.

    `numbers`: one answer for each question of `asked`, in order: a number, or a nested list in the shape of the claim's array. A
    `problem` says why there are none, and is passed on. Never raises on what an answer holds.
    """
    if problem:
        return Mark(step, passed=False, problem=problem)
    waiting = list(numbers)
    if len(waiting) != sum(len(one.given) for one in asked):
        return Mark(step, passed=False, problem="the number of answers is not that of the questions")
    given: list[tuple[Asked, Array]] = []
    for one in asked:
        mine, waiting = waiting[: len(one.given)], waiting[len(one.given) :]
        shape = sheet(one.claim.path).shape
        try:
            array = np.array(mine[0] if one.indices == (None,) else mine, np.float64)
        except (TypeError, ValueError):
            return Mark(step, passed=False, problem="did not return a rectangular array of numbers")
        if array.size != int(np.prod(shape)) or (
            one.indices == (None,) and array.shape != shape and array.squeeze().ndim != len(shape)
        ):
            words = f"returned an array of shape {list(array.shape)}, {list(shape)} is needed"
            return Mark(step, passed=False, problem=words)
        given.append((one, array.reshape(shape)))
    marks = [_marked(sheet, step, one, array) for one, array in given]
    of = sum(one.of for one in marks)
    bad = [one for one in marks if not one.passed]
    if not bad:
        return Mark(step, passed=True, of=of)
    first = bad[0]
    # One mistake explains them all, if any does: the first claim may be too small to tell mistakes apart.
    common = [cause for cause in first.causes if all(cause in one.causes for one in bad)]
    rest = [cause for cause in first.causes if cause not in common]
    off = sum(one.off for one in bad)
    return Mark(step, False, "", first.where, off, of, (*common, *rest), first.ratio, first.answer, first.right)


def _marked(sheet: Sheet, step: str, asked: Asked, array: Array) -> Mark:
    claim = asked.claim
    recorded = dict(sheet.values.recorded) | {claim.path: array}
    balls = Balls(StepValues(sheet.values.given, recorded), format_of("float64"))
    with np.errstate(all="ignore"):
        finding = judge(claim, balls, _laws())
        right = sheet(claim.path)
        if not np.isfinite(array).all():
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            where = described(sheet.plan, ClaimElement(1, claim, at))
            return Mark(step, False, "", where, int((~np.isfinite(array)).sum()), array.size, answer=float(array[at]))
        # Where the law gives zero everywhere, or stands on a kink, the certificate decides nothing: the numbers do.
        wrong = finding.outcome == "refuted" or (finding.outcome == "undecided" and not np.allclose(array, right, 1e-9, 1e-300))
        if not wrong:
            return Mark(step, passed=True, of=array.size)
        found = causes(claim, balls, sheet.plan.network)
        constant = None if found else ratio(claim, balls, sheet.plan.network)
    at = finding.worst
    where = described(sheet.plan, ClaimElement(1, claim, at))
    off = max(finding.off, 1)
    right_here = float(right[at]) if isfinite(float(right[at])) else None
    return Mark(step, False, "", where, off, array.size, found, constant, float(array[at]), right_here)


def _laws() -> Any:
    from bpcompare.laws import LAWS

    return LAWS
