"""Why a number left the proof, in words: only what gives just this number is told, and nothing is guessed."""

from __future__ import annotations

from bpcompare.own.causes.backward import BACK, backward
from bpcompare.own.causes.constant import constant
from bpcompare.own.judged import Judged
from bpcompare.proof.claims import Claim


def cause(one: Judged, claim: Claim) -> str:
    """What gives the recorded numbers of a refuted claim, where the law does not; "" where nothing that is known gives them."""
    return backward(one, claim) if claim.statement in BACK else constant(one, claim)
