"""Why a number left the proof, in words: only what gives just this number is told, and nothing is guessed."""

from __future__ import annotations

from itertools import islice

import numpy as np

from bpcompare.laws import Laws
from bpcompare.numbers.ball.format import format_of
from bpcompare.own.causes.backward import BACK, backward
from bpcompare.own.causes.constant import constant
from bpcompare.own.causes.rules import misread
from bpcompare.own.judged import Judged
from bpcompare.proof.balls import Balls
from bpcompare.proof.claims import Claim
from bpcompare.proof.evaluation import evaluate

NAMED = 3
"""Of misreadings that give the same number, so many are told."""


def cause(one: Judged, claim: Claim) -> str:
    """What gives the recorded numbers of a refuted claim, where the law does not; "" where nothing that is known gives them."""
    if claim.statement in BACK:
        return backward(one, claim)
    return _misread(one, claim) or constant(one, claim)


def _misread(one: Judged, claim: Claim) -> str:
    """Misreadings of an optimizer's rule, in whose balls the recorded numbers lie."""
    if claim.statement not in ("update", "state") or not claim.owners:
        return ""
    balls = Balls(one.values, format_of("float64"), exact=True)
    x = one.values.recorded[claim.path].astype(np.float64)

    def gives(other: tuple[str, Laws]) -> bool:
        try:
            made = evaluate(claim, balls.of(claim) if claim.dtype else balls, other[1])
        except Exception:  # noqa: BLE001 — a misreading that this rule cannot have
            return False
        return made.mid.shape == x.shape and bool((np.abs(x - made.mid) <= made.final_radius()).all())

    with np.errstate(all="ignore"):
        tried = misread(claim.owners[0][1], claim.subject)
        found = [words for words, _ in islice(filter(gives, tried), NAMED)]
    return f"{'one of these: ' if len(found) > 1 else ''}{'; or '.join(found)}"
